// Writes and reads diagrams in every format, one JSON line each, and lays them out: for tests/explorer/test_formats.py.
// The first line of the input is the page's theme.

import { createInterface } from "node:readline";

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
globalThis.CIDMESA = JSON.parse((await lines.next()).value);
const web = new URL("../../cidmesa/explorer/web/", import.meta.url);
const { arranged } = await import(new URL("app/arrange.js", web));
const { sameGraph, usedAgents } = await import(new URL("app/diagram.js", web));
const { readAny } = await import(new URL("formats/any.js", web));
const { toDagitty } = await import(new URL("formats/dagitty.js", web));
const { toLink } = await import(new URL("formats/link.js", web));
const { toPlain } = await import(new URL("formats/plain.js", web));
const { toPython } = await import(new URL("formats/python.js", web));
const { toTikz } = await import(new URL("formats/tikz.js", web));
const { toYaml } = await import(new URL("formats/yaml.js", web));
const { layered } = await import(new URL("picture/layout.js", web));
const { toSvg } = await import(new URL("picture/svg.js", web));
const { bodySize } = await import(new URL("picture/geometry.js", web));

for await (const line of lines) {
  const { read, draw, diagram } = JSON.parse(line);
  process.stdout.write(
    JSON.stringify(await (read !== undefined ? reading(read) : draw ? drawing(draw) : writing(diagram))) + "\n",
  );
}

async function reading(text) {
  try {
    const { diagram, left, placed } = await readAny(text);
    return { plain: unmapped(toPlain(diagram)), left, placed };
  } catch (error) {
    return { problem: error.message, kind: error.constructor.name };
  }
}

function drawing({ nodes, links, rings }) {
  const { boxes, curves } = layered(nodes, links, new Map(Object.entries(rings)));
  return { boxes: [...boxes], curves: [...curves].map(([key, curve]) => [...key.split("\0"), curve]) };
}

async function writing(given) {
  const { diagram, curves } = arranged(given);
  const places = new Map(
    diagram.nodes.map((one) => {
      const [width, height] = bodySize(one.name, one.kind);
      return [one.name, { kind: one.kind, box: { x: one.x, y: one.y, width, height } }];
    }),
  );
  const rings = new Map(diagram.nodes.map((one, i) => [one.name, i % 3 ? [] : ["voi", "ici"]]));
  const look = { places, curves, rings, used: usedAgents(diagram) };
  const texts = {
    python: toPython(diagram),
    yaml: toYaml(diagram),
    dagitty: dagitty(diagram),
    tikz: toTikz(diagram, look),
    svg: toSvg(diagram, look),
    link: `file:///page.html#${await toLink(diagram)}`,
  };
  const same = {};
  const near = {};
  for (const [format, text] of Object.entries(texts)) {
    if (text === null) continue;
    const back = await readAny(text);
    const nameless = { ...diagram, agents: diagram.agents.map(() => 0) }; // dagitty has no name for its one agent
    same[format] = sameGraph(back.diagram, format === "dagitty" ? nameless : diagram);
    const where = new Map(back.diagram.nodes.map((one) => [one.name, one]));
    near[format] = back.placed
      ? Math.max(
          0,
          ...diagram.nodes.map((one) => Math.hypot(one.x - where.get(one.name)?.x, one.y - where.get(one.name)?.y)),
        )
      : null;
  }
  return { texts, same, near };
}

function unmapped(plain) {
  return Object.fromEntries(
    Object.entries(plain).map(([key, value]) => [key, value instanceof Map ? Object.fromEntries(value) : value]),
  );
}

// dagitty cannot hold every diagram.
function dagitty(diagram) {
  try {
    return toDagitty(diagram);
  } catch (error) {
    if (error.constructor.name === "FormatError") return null;
    throw error;
  }
}
