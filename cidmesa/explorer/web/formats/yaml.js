// Diagram files, *.cid.yaml: the part of YAML that is plain data, as the library reads and writes it.

import { FormatError, fromPlain, toPlain } from "./plain.js";

export function toYaml(diagram) {
  const plain = toPlain(diagram);
  const lines = ["cidmesa: 1", `nodes: ${flow(plain.nodes)}`];
  lines.push(...(plain.edges.length ? ["edges:", ...plain.edges.map((edge) => `- ${flow(edge)}`)] : ["edges: []"]));
  for (const key of ["decisions", "utilities"]) {
    const owned = plain[key];
    if (Array.isArray(owned)) lines.push(`${key}: ${flow(owned)}`);
    else lines.push(`${key}:`, ...[...owned].map(([agent, names]) => `  ${scalar(agent)}: ${flow(names)}`));
  }
  if (plain.latent) lines.push(`latent: ${flow(plain.latent)}`);
  return `${lines.join("\n")}\n`;
}

function flow(items) {
  return `[${items.map(scalar).join(", ")}]`;
}

// A text is quoted wherever it could be taken for something else.
function scalar(value) {
  if (typeof value === "number") return String(value);
  const plain = /^[\p{L}_][\p{L}\p{N}_.+@'-]*(?: [\p{L}\p{N}_.+@'-]+)*$/u.test(value);
  return plain && typeof read(value) === "string" ? value : JSON.stringify(value);
}

function read(text) {
  if (text === "true" || text === "false") return text === "true";
  if (text === "null" || text === "~" || text === "") return null;
  if (/^[-+]?[0-9]+$/.test(text)) return Number(text);
  if (/^[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?$|^[-+]?\.inf$|^\.nan$/.test(text))
    return Number(text.replace(".inf", "Infinity").replace(".nan", "NaN"));
  return text;
}

// Reads a file's text; JSON is a part of YAML.
export function fromYaml(text) {
  const plain = new Reader(text).document();
  if (!(plain instanceof Map)) throw new FormatError("a diagram file is a mapping: cidmesa: 1, edges: [...], ….");
  if (plain.get("cidmesa") !== 1) throw new FormatError("the file says `cidmesa: 1` first.");
  return fromPlain(plain);
}

// Blocks are read by their indentation, flow collections and quoted texts by their brackets and quotes.
class Reader {
  constructor(text) {
    this.text = text.replace(/\r\n?/g, "\n");
    this.at = 0;
  }

  fail(words) {
    const line = this.text.slice(0, this.at).split("\n").length;
    throw new FormatError(`line ${line}: ${words}`);
  }

  document() {
    const start = /^\s*---[ \t]*\n/.exec(this.text);
    if (start) this.at = start[0].length;
    this.skip();
    const value = this.block(this.column());
    this.skip();
    if (this.at < this.text.length) this.fail("nothing more was expected here.");
    return value;
  }

  column() {
    return this.at - (this.text.lastIndexOf("\n", this.at - 1) + 1);
  }

  // Goes on to the next character that is neither blank nor in a comment.
  skip() {
    for (;;) {
      const blank = /[ \t\n]*/y;
      blank.lastIndex = this.at;
      this.at += blank.exec(this.text)[0].length;
      if (this.text[this.at] !== "#" || !/[\s]|^$/.test(this.text[this.at - 1] ?? "")) return;
      while (this.at < this.text.length && this.text[this.at] !== "\n") this.at++;
    }
  }

  block(indent) {
    if (this.at >= this.text.length) return null;
    if (/^-(?:\s|$)/.test(this.text.slice(this.at, this.at + 2))) return this.items(indent);
    if (/^[&*!|>%@`]/.test(this.text[this.at])) this.fail(`plain data has no ${this.text[this.at]}: write it out.`);
    const key = this.keyAhead();
    return key ? this.entries(indent) : this.value();
  }

  items(indent) {
    const found = [];
    while (
      this.at < this.text.length &&
      this.column() === indent &&
      /^-(?:\s|$)/.test(this.text.slice(this.at, this.at + 2))
    ) {
      this.at++;
      this.skip();
      found.push(this.at < this.text.length && this.column() > indent ? this.block(this.column()) : null);
      this.skip();
    }
    return found;
  }

  entries(indent) {
    const found = new Map();
    while (this.at < this.text.length && this.column() === indent) {
      if (!this.keyAhead()) this.fail("`key: value` was expected.");
      const key = this.scalar(":");
      if (found.has(key)) this.fail(`\`${key}\` is written twice.`);
      this.blanks();
      this.at++; // the colon
      this.skip();
      const dash = /^-(?:\s|$)/.test(this.text.slice(this.at, this.at + 2));
      const inside = this.at < this.text.length && (this.column() > indent || (dash && this.column() === indent));
      found.set(key, inside ? this.block(this.column()) : null);
      this.skip();
    }
    if (this.at < this.text.length && this.column() > indent) this.fail("this is indented too far.");
    return found;
  }

  keyAhead() {
    const line = this.text.slice(this.at).split("\n", 1)[0];
    return /^(?:"(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^\s[\]{},"'#][^#]*?)\s*:(?:\s|$)/.test(line) && !/^[[{]/.test(line);
  }

  value() {
    const first = this.text[this.at];
    if (first === "[" || first === "{") return this.flow();
    return this.scalar("");
  }

  flow() {
    const closing = this.text[this.at++] === "[" ? "]" : "}";
    const found = closing === "]" ? [] : new Map();
    for (;;) {
      this.skip();
      if (this.at >= this.text.length) this.fail(`a closing ${closing} is missing.`);
      if (this.text[this.at] === closing) {
        this.at++;
        return found;
      }
      if (closing === "]") found.push(this.flowValue());
      else {
        const key = this.scalar("flow");
        this.skip();
        let value = null;
        if (this.text[this.at] === ":") {
          this.at++;
          this.skip();
          value = this.flowValue();
        }
        if (found.has(key)) this.fail(`\`${key}\` is written twice.`);
        found.set(key, value);
      }
      this.skip();
      if (this.text[this.at] === ",") this.at++;
      else if (this.text[this.at] !== closing) this.fail(`a comma or ${closing} was expected.`);
    }
  }

  flowValue() {
    return this.text[this.at] === "[" || this.text[this.at] === "{" ? this.flow() : this.scalar("flow");
  }

  blanks() {
    while (this.text[this.at] === " " || this.text[this.at] === "\t") this.at++;
  }

  // A quoted text, or a plain scalar: in a block to the end of the line (or to a colon), in flow to , ] } or a colon.
  scalar(ends) {
    const quote = this.text[this.at];
    if (quote === '"' || quote === "'") return this.quoted(quote);
    if (/[&*!|>%@`]/.test(quote ?? "")) this.fail(`plain data has no ${quote}: write it out.`);
    const stop = ends === "flow" ? /[,[\]{}\n]|:(?=[\s,[\]{}])|\s#/ : ends === ":" ? /:(?=\s|$)|\n|\s#/ : /\n|\s#/;
    const rest = this.text.slice(this.at);
    const end = rest.search(stop);
    const word = (end < 0 ? rest : rest.slice(0, end)).trimEnd();
    this.at += word.length;
    return read(word);
  }

  quoted(quote) {
    const form = quote === '"' ? /"(?:[^"\\]|\\[^])*"/y : /'(?:[^']|'')*'/y;
    form.lastIndex = this.at;
    const found = form.exec(this.text);
    if (!found) this.fail("a closing quote is missing.");
    this.at += found[0].length;
    if (quote === "'") return found[0].slice(1, -1).replaceAll("''", "'");
    const escapes = {
      n: "\n",
      t: "\t",
      r: "\r",
      0: "\0",
      e: "\x1b",
      _: "\xa0",
      N: "\x85",
      L: "\u2028",
      P: "\u2029",
      a: "\x07",
      b: "\b",
      f: "\f",
      v: "\v",
    };
    return found[0]
      .slice(1, -1)
      .replace(/\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([^]))/g, (_, x, u, wide, one) =>
        one === undefined ? String.fromCodePoint(parseInt(x ?? u ?? wide, 16)) : (escapes[one] ?? one),
      );
  }
}
