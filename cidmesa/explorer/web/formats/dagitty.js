// dagitty's model code, in the grammar of its own parser: exposures are decisions, outcomes utilities, latents latent.
//
// Places travel as `pos`, in units of 100 points. It is cidmesa/interop/dagitty.py once more, without attributes.

import { node, usedAgents } from "../app/diagram.js";
import { FormatError, fromPlain } from "./plain.js";

const UNIT = 100;
const WHOLE = "graph"; // stands for the whole graph where a name is expected
const MOST = 100_000; // links: {a b} -> {c d} makes many of a short text

const FLAGS = {
  ...Object.fromEntries(["latent", "l", "unobserved", "u"].map((key) => [key, "latent"])),
  ...Object.fromEntries(["source", "exposure", "e"].map((key) => [key, "exposure"])),
  ...Object.fromEntries(["target", "outcome", "o"].map((key) => [key, "outcome"])),
};

export function toDagitty(diagram) {
  if (usedAgents(diagram).length > 1) {
    throw new FormatError(
      "dagitty knows one agent, and this diagram has several: cidmesa code and YAML hold them all.",
    );
  }
  const lines = diagram.nodes.map((one) => {
    const marks = [];
    if (one.kind === "decision") marks.push("exposure");
    if (one.kind === "utility") marks.push("outcome");
    if (one.latent) marks.push("latent");
    marks.push(`pos="${(one.x / UNIT).toFixed(3)},${(one.y / UNIT).toFixed(3)}"`);
    return `${quoted(one.name)} [${marks.join(",")}]`;
  });
  const links = diagram.links.map(([tail, head]) => `${quoted(tail)} -> ${quoted(head)}`);
  return `${["dag {", ...lines, ...links, "}"].join("\n")}\n`;
}

function quoted(name) {
  if (name === WHOLE) throw new FormatError("dagitty calls the whole graph `graph`: rename the node of that name.");
  if (/[\\\x00-\x1f\x7f]/.test(name)) {
    throw new FormatError(`dagitty's names have no backslash and no control characters: rename \`${name}\`.`);
  }
  return /^[A-Za-z_][0-9A-Za-z_.]*$/.test(name) ? name : `"${name.replaceAll('"', '\\"')}"`;
}

export function fromDagitty(text) {
  const { nodes, links, bidirected } = new Parser(text).graph();
  const plain = new Map([
    ["nodes", [...nodes.keys()]],
    ["edges", links],
    ["bidirected", bidirected],
  ]);
  const { diagram } = fromPlain(plain);
  const placed = [...nodes.values()].every((marks) => marks.place);
  const read = diagram.nodes.map((one) => {
    const marks = nodes.get(one.name) ?? {};
    const kind = marks.exposure ? "decision" : marks.outcome ? "utility" : "chance";
    const [x, y] = marks.place ?? [0, 0];
    return node(one.name, kind, x * UNIT, y * UNIT, { latent: one.latent || Boolean(marks.latent) });
  });
  return { diagram: { ...diagram, nodes: read }, left: [], placed: placed && !bidirected.length };
}

// A recursive-descent parser; each method reads one rule of the grammar.
class Parser {
  constructor(text) {
    this.text = text;
    this.at = 0;
    this.words = [];
    this.found = { nodes: new Map(), links: [], bidirected: [] };
    const piece =
      /([\s;]+)|(@->|<-@|<->|->|<-|--@|--|@-@|@--)|(-?[0-9A-Za-z_.]+)|"((?:[^"\\]|\\"|\\[\r\n]+|\\(?!["\r\n]))*)"|([\][{}=,+])/y;
    let from = 0;
    while (from < text.length) {
      piece.lastIndex = from;
      const match = piece.exec(text);
      if (!match) this.fail(`${JSON.stringify(text[from])} is not expected here`, from);
      const [, space, edge, word, quote, mark] = match;
      if (!space) {
        const name = word ?? quote?.replace(/\\[\r\n]+/g, "").replaceAll('\\"', '"');
        this.words.push({ edge, name, mark, from });
      }
      from = piece.lastIndex;
    }
    this.words.push({ from: text.length });
  }

  fail(words, from = this.words[this.at].from) {
    const before = this.text.slice(0, from).split("\n");
    throw new FormatError(`line ${before.length}, column ${before[before.length - 1].length + 1}: ${words}.`);
  }

  take(mark) {
    if (this.words[this.at].mark !== mark) return false;
    this.at++;
    return true;
  }

  get isName() {
    return this.words[this.at].name !== undefined;
  }

  name() {
    if (!this.isName) this.fail("a name is expected");
    let { name } = this.words[this.at++];
    while (this.take("+")) {
      if (!this.isName) this.fail("a text in quotes is expected after `+`");
      name += this.words[this.at++].name;
    }
    return name;
  }

  graph() {
    if (this.words[0].name?.toLowerCase() === "strict") this.at++;
    const kind = this.words[this.at].name?.toLowerCase();
    if (kind !== "dag" && kind !== "digraph") this.fail("dagitty's model code begins with `dag {`");
    this.at++;
    if (this.isName) this.name();
    if (!this.take("{")) this.fail("`{` is expected");
    this.statements(0);
    if (this.at < this.words.length - 1) this.fail("nothing is expected after the last `}`");
    return this.found;
  }

  // Statements up to the closing brace; returns the nodes that they mention.
  statements(depth) {
    if (depth > 100) this.fail("braces are nested too deep");
    const mentioned = [];
    while (!this.take("}")) mentioned.push(...this.statement(depth));
    return [...new Set(mentioned)];
  }

  statement(depth) {
    if (this.isName && this.words[this.at + 1].mark === "=") {
      this.name(); // a property of the whole graph, such as bb="0,0,1,1"
      this.take("=");
      this.name();
      return [];
    }
    const [ends, single] = this.end(depth);
    if (this.words[this.at].edge) return this.chain(ends, depth);
    if (!single) return ends;
    const marks = this.properties();
    if (ends[0] !== WHOLE) Object.assign(this.mention(ends[0]), marks);
    return ends[0] === WHOLE ? [] : ends;
  }

  end(depth) {
    return this.take("{") ? [this.statements(depth + 1), false] : [[this.name()], true];
  }

  mention(name) {
    if (!this.found.nodes.has(name)) this.found.nodes.set(name, {});
    return this.found.nodes.get(name);
  }

  chain(tails, depth) {
    const mentioned = [...tails];
    tails.forEach((name) => this.mention(name));
    while (this.words[this.at].edge) {
      const { edge } = this.words[this.at];
      if (!["->", "<-", "<->"].includes(edge)) this.fail(`a diagram's edges are directed links; got \`${edge}\``);
      this.at++;
      const [heads] = this.end(depth);
      heads.forEach((name) => this.mention(name));
      for (const tail of tails) {
        for (const head of heads) {
          if (edge === "<->") this.found.bidirected.push([tail, head]);
          else this.found.links.push(edge === "->" ? [tail, head] : [head, tail]);
        }
      }
      if (this.found.links.length > MOST) this.fail(`there are more than ${MOST} links`);
      mentioned.push(...heads);
      tails = heads;
    }
    this.properties();
    return mentioned;
  }

  // [key, key = value ..]; what a diagram knows of it: exposure, outcome, latent, place.
  properties() {
    const marks = {};
    if (!this.take("[")) return marks;
    while (!this.take("]")) {
      const key = this.name();
      const value = this.take("=") ? this.name() : true;
      if (FLAGS[key] && value === true) marks[FLAGS[key]] = true;
      if (key === "pos" && value !== true) {
        const place = value.split(",").map(Number);
        if (place.length === 2 && place.every(Number.isFinite)) marks.place = place;
      }
      this.take(",");
    }
    return marks;
  }
}
