// Diagrams as Python: the call cm.CID(...) with literals, written and read.

import { FormatError, fromPlain, toPlain } from "./plain.js";

export function toPython(diagram) {
  const plain = toPlain(diagram);
  const met = [...new Set(plain.edges.flat())];
  const parts = [
    block(
      plain.edges.map(([tail, head]) => `(${quoted(tail)}, ${quoted(head)})`),
      "[",
      "]",
    ),
  ];
  const ordered = met.length === plain.nodes.length && met.every((name, i) => name === plain.nodes[i]);
  if (!ordered) parts.push(`nodes=${block(plain.nodes.map(quoted), "[", "]")}`);
  for (const key of ["decisions", "utilities"]) {
    const owned = plain[key];
    if (Array.isArray(owned)) parts.push(`${key}=${block(owned.map(quoted), "[", "]")}`);
    else {
      const entries = [...owned].map(([agent, names]) => `${literal(agent)}: [${names.map(quoted).join(", ")}]`);
      parts.push(`${key}=${block(entries, "{", "}")}`);
    }
  }
  if (plain.latent) parts.push(`latent=${block(plain.latent.map(quoted), "[", "]")}`);
  return `import cidmesa as cm\n\ncid = cm.CID(\n${parts.map((part) => `    ${part},\n`).join("")})\nprint(cm.incentives(cid))\n`;
}

function block(items, open, close) {
  const line = `${open}${items.join(", ")}${close}`;
  if (line.length < 100) return line;
  return `${open}\n${items.map((item) => `        ${item},\n`).join("")}    ${close}`;
}

function literal(value) {
  return typeof value === "number" ? String(value) : quoted(value);
}

function quoted(text) {
  return JSON.stringify(text).replace(
    /[\u007f-\u009f\u2028\u2029]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

// Reads the first CID(...) of some Python text. Names stand for literals that are assigned to them somewhere above.
export function fromPython(text) {
  const call = /\bCID\s*\(/g.exec(text);
  if (!call) throw new FormatError("there is no CID(...) in this text.");
  const reader = new Literals(text, call.index + call[0].length);
  const plain = new Map();
  const positional = ["edges"];
  for (let i = 0; ; i++) {
    reader.skip();
    if (reader.take(")")) break;
    const keyword = reader.match(/([A-Za-z_]\w*)\s*=(?!=)/y);
    const key = keyword ? keyword[1] : positional[i];
    if (!key || !["edges", "nodes", "decisions", "utilities", "latent", "bidirected"].includes(key)) {
      reader.fail(keyword ? `CID takes no ${key}=.` : "CID takes its edges, and all else by keyword.");
    }
    plain.set(key, single(key, reader.value()));
    reader.skip();
    if (!reader.take(",")) {
      reader.skip();
      if (!reader.take(")")) reader.fail("a comma or a closing bracket was expected.");
      break;
    }
  }
  return fromPlain(plain);
}

// A single name stands for a list of it, also within a mapping of agents.
function single(key, value) {
  if (key === "edges" || key === "bidirected") return value;
  if (value instanceof Map)
    return new Map([...value].map(([agent, names]) => [agent, typeof names === "string" ? [names] : names]));
  return typeof value === "string" ? [value] : value;
}

class Literals {
  constructor(text, at) {
    this.text = text;
    this.at = at;
  }

  fail(words) {
    throw new FormatError(`line ${this.text.slice(0, this.at).split("\n").length}: ${words}`);
  }

  match(pattern) {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text);
    if (found) this.at += found[0].length;
    return found;
  }

  skip() {
    while (this.match(/\s+|#[^\n]*|\\\n/y));
  }

  take(text) {
    if (!this.text.startsWith(text, this.at)) return false;
    this.at += text.length;
    return true;
  }

  value() {
    this.skip();
    if (this.take("[")) return this.several("]");
    if (this.take("(")) return this.bracketed();
    if (this.take("{")) return this.mapping();
    const number = this.match(/[-+]?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?/y);
    if (number) return Number(number[0]);
    const found = this.match(/[rRuU]?("""[^]*?"""|'''[^]*?'''|"(?:[^"\\\n]|\\[^])*"|'(?:[^'\\\n]|\\[^])*')/y);
    if (found)
      return (
        unquoted(found[1]) + (this.skip(), this.text[this.at] === '"' || this.text[this.at] === "'" ? this.value() : "")
      );
    const name = this.match(/[A-Za-z_]\w*/y);
    if (!name) this.fail("a list, a text or a number was expected.");
    if (name[0] === "list" || name[0] === "tuple" || name[0] === "dict" || name[0] === "set") {
      if (this.take("()")) return [];
    }
    return this.named(name[0]);
  }

  // The value last assigned to a name before this place.
  named(name) {
    let last = null;
    const assignment = new RegExp(`^[ \\t]*${name}(?:\\s*:[^=\\n]*)?\\s*=(?!=)`, "gm");
    for (let found; (found = assignment.exec(this.text)) && found.index < this.at;)
      last = found.index + found[0].length;
    if (last === null) this.fail(`only literals are read, and \`${name}\` is not assigned any above.`);
    return new Literals(this.text.slice(0, this.at), last).value();
  }

  several(close) {
    const found = [];
    for (;;) {
      this.skip();
      if (this.take(close)) return found;
      if (this.take("*")) found.push(...this.value());
      else found.push(this.value());
      this.skip();
      if (!this.take(",") && this.text[this.at] !== close) this.fail(`a comma or ${close} was expected.`);
    }
  }

  bracketed() {
    const start = this.at;
    const found = this.several(")");
    const inside = this.text.slice(start, this.at - 1).trimEnd();
    return found.length === 1 && !inside.endsWith(",") ? found[0] : found;
  }

  mapping() {
    const found = new Map();
    for (;;) {
      this.skip();
      if (this.take("}")) return found;
      const key = this.value();
      this.skip();
      if (!this.take(":")) this.fail("a colon was expected.");
      found.set(key, this.value());
      this.skip();
      if (!this.take(",") && this.text[this.at] !== "}") this.fail("a comma or } was expected.");
    }
  }
}

function unquoted(text) {
  const wide = text.startsWith('"""') || text.startsWith("'''") ? 3 : 1;
  const escapes = { n: "\n", t: "\t", r: "\r", "\n": "" };
  return text
    .slice(wide, -wide)
    .replace(/\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([^]))/g, (_, x, u, long, one) =>
      one === undefined ? String.fromCodePoint(parseInt(x ?? u ?? long, 16)) : (escapes[one] ?? one),
    );
}
