// Diagrams in dagitty's language: decisions are its exposures, utilities its outcomes, latent nodes its latents.
//
// Places travel as `pos`, in units of 100 points. An agent other than the only one is written as an attribute `agent`.

import { node, usedAgents } from "../app/diagram.js";
import { FormatError, fromPlain } from "./plain.js";

const UNIT = 100;

export function toDagitty(diagram) {
  const single = usedAgents(diagram).every((agent) => diagram.agents[agent] === 0);
  const lines = diagram.nodes.map((one) => {
    const marks = [];
    if (one.kind === "decision") marks.push("exposure");
    if (one.kind === "utility") marks.push("outcome");
    if (one.latent) marks.push("latent");
    if (one.kind !== "chance" && !single) marks.push(`agent=${quoted(String(diagram.agents[one.agent]))}`);
    marks.push(`pos="${(one.x / UNIT).toFixed(3)},${(one.y / UNIT).toFixed(3)}"`);
    return `${id(one.name)} [${marks.join(",")}]`;
  });
  const links = diagram.links.map(([tail, head]) => `${id(tail)} -> ${id(head)}`);
  return `dag {\n${[...lines, ...links].join("\n")}\n}\n`;
}

function id(name) {
  return /^[A-Za-z_][A-Za-z0-9_.]*$/.test(name) ? name : quoted(name);
}

function quoted(text) {
  return `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
}

export function fromDagitty(text) {
  const open = /^\s*(?:dag|pdag|mag|pag|graph|digraph)?\s*(?:"[^"]*"|\w+)?\s*\{/.exec(text);
  if (!open) throw new FormatError("dagitty's language starts with `dag {`.");
  const word =
    /\s+|\/\*[^]*?\*\/|\/\/[^\n]*|#[^\n]*|(<->|->|<-|--|@-@|@->|<-@|[[\]{};,=])|"((?:[^"\\]|\\.)*)"|([^\s[\]{};,="<>@-]+(?:-(?![->])[^\s[\]{};,="<>@-]+)*)/gy;
  const words = [];
  word.lastIndex = open[0].length;
  while (word.lastIndex < text.length) {
    const at = word.lastIndex;
    const found = word.exec(text);
    if (!found)
      throw new FormatError(
        `line ${text.slice(0, at).split("\n").length}: \`${text.slice(at, at + 12).trim()}\` is not dagitty's language.`,
      );
    if (found[1]) words.push({ sign: found[1] });
    else if (found[2] !== undefined) words.push({ name: found[2].replace(/\\(.)/g, "$1") });
    else if (found[3]) words.push({ name: found[3] });
  }
  const plain = new Map([
    ["nodes", []],
    ["edges", []],
    ["bidirected", []],
    ["latent", []],
  ]);
  const marks = new Map();
  let i = 0;
  let depth = 1;
  const is = (sign) => words[i]?.sign === sign;
  const attributes = () => {
    const found = new Map();
    if (!is("[")) return found;
    for (i++; i < words.length && !is("]"); i++) {
      const key = words[i].name;
      if (key === undefined) continue;
      if (words[i + 1]?.sign === "=") {
        found.set(key, words[i + 2]?.name ?? "");
        i += 2;
      } else found.set(key, "");
    }
    i++;
    return found;
  };
  while (i < words.length && depth) {
    if (is("}")) depth--;
    else if (is("{")) depth++;
    else if (words[i].name !== undefined) {
      let tail = words[i].name;
      if (words[i + 1]?.sign === "=") {
        i += 3; // a setting of the whole graph, such as bb="0,0,1,1"
        continue;
      }
      i++;
      plain.get("nodes").push(tail);
      const arrows = ["->", "<-", "<->", "--", "@-@", "@->", "<-@"];
      if (!arrows.some(is)) {
        const found = attributes();
        if (found.size) marks.set(tail, new Map([...(marks.get(tail) ?? []), ...found]));
        continue;
      }
      while (arrows.some(is)) {
        const arrow = words[i].sign;
        const head = words[i + 1]?.name;
        if (head === undefined) throw new FormatError(`after \`${tail} ${arrow}\` a node was expected.`);
        if (!["->", "<-", "<->"].includes(arrow))
          throw new FormatError(`\`${tail} ${arrow} ${head}\`: a causal influence diagram has directed links only.`);
        plain.get("nodes").push(head);
        if (arrow === "<->") plain.get("bidirected").push([tail, head]);
        else plain.get("edges").push(arrow === "->" ? [tail, head] : [head, tail]);
        tail = head;
        i += 2;
      }
      attributes();
      continue;
    }
    i++;
  }
  const { diagram } = fromPlain(plain);
  const agents = [];
  const parents = new Set(diagram.links.map(([tail]) => tail));
  let placed = 0;
  const nodes = diagram.nodes.map((one) => {
    const mark = marks.get(one.name) ?? new Map();
    const has = (...keys) => keys.some((key) => mark.has(key));
    const kind = has("exposure", "e")
      ? "decision"
      : has("outcome", "o") && !parents.has(one.name)
        ? "utility"
        : "chance";
    const name = mark.get("agent") ?? 0;
    const agent = /^\d+$/.test(String(name)) ? Number(name) : name;
    if (kind !== "chance" && !agents.includes(agent)) agents.push(agent);
    const [x, y] = (mark.get("pos") ?? "").split(",").map(Number);
    const known = Number.isFinite(x) && Number.isFinite(y);
    placed += known;
    return node(one.name, kind, known ? x * UNIT : 0, known ? y * UNIT : 0, {
      agent: kind === "chance" ? 0 : agents.indexOf(agent),
      latent: kind === "chance" && (one.latent || has("latent", "l", "unobserved", "u")),
    });
  });
  return {
    diagram: { ...diagram, agents: agents.length ? agents : [0], nodes },
    left: [],
    placed: placed === nodes.length,
  };
}
