// Diagrams as TikZ for papers, in the form that the library writes, and read back from that form.

import { node } from "../app/diagram.js";
import { bodySize } from "../picture/geometry.js";
import { agentColour, theme } from "../picture/theme.js";
import { FormatError } from "./plain.js";

const SPECIAL = {
  "\\": "\\textbackslash{}",
  "{": "\\{",
  "}": "\\}",
  $: "\\$",
  "&": "\\&",
  "#": "\\#",
  "%": "\\%",
  _: "\\_",
  "~": "\\textasciitilde{}",
  "^": "\\textasciicircum{}",
  θ: "$\\theta$",
  δ: "$\\delta$",
  "→": "$\\to$",
  "·": "$\\cdot$",
  "≤": "$\\le$",
  "×": "$\\times$",
  κ: "$\\kappa$",
  α: "$\\alpha$",
  "−": "$-$",
  "≥": "$\\ge$",
  σ: "$\\sigma$",
  ε: "$\\epsilon$",
  "…": "\\ldots{}",
  "–": "--",
  "✓": "$\\checkmark$",
  "<": "$<$",
  ">": "$>$",
  "|": "$|$",
};

function scale() {
  return 10 / theme.LABEL_SIZE; // screen labels have 14 points, a paper's 10
}

// `curves` and `rings` as for SVG; `used` are the agents that own something.
export function toTikz(diagram, { curves, rings, used }) {
  const n = (value) => (value * scale()).toFixed(1);
  const index = new Map(diagram.nodes.map((one, i) => [one.name, `n${i}`]));
  const kinds = new Map(diagram.nodes.map((one) => [one.name, one.kind]));
  const marks = Object.entries(theme.RINGS).filter(([criterion]) =>
    [...rings.values()].some((has) => has.includes(criterion)),
  );
  const colours = [
    ...used.map((_, owner) => [`cidagent${owner + 1}`, agentColour(owner)]),
    ["cidink", theme.INK],
    ...marks.map(([criterion, [colour]]) => [`cid${criterion}`, colour]),
  ];
  const lines = [
    "% \\usetikzlibrary{shapes.geometric, shapes.misc, arrows.meta}",
    ...colours.map(([name, colour]) => `\\definecolor{${name}}{HTML}{${colour.slice(1).toUpperCase()}}`),
    "\\begin{tikzpicture}[x=1pt, y=-1pt, font=\\small,",
    "  chance/.style={draw=cidink, ellipse, inner sep=2pt},",
    "  decision/.style={draw=cidink, rectangle, inner sep=3pt},",
    "  utility/.style={draw=cidink, chamfered rectangle, chamfered rectangle sep=4pt, inner sep=2pt},",
    "  causal/.style={draw=cidink, -{Stealth}}, information/.style={causal, densely dotted}]",
  ];
  for (const one of diagram.nodes) {
    const [width, height] = bodySize(one.name, one.kind);
    const at = `(${n(one.x)},${n(one.y)})`;
    const owner = used.indexOf(one.agent) + 1;
    const fill = one.kind === "chance" ? "" : `, fill=cidagent${owner}`;
    const size = (more) => `minimum width=${n(width + more)}pt, minimum height=${n(height + more)}pt`;
    lines.push(
      `\\node[${one.kind}${fill}, ${size(0)}] (${index.get(one.name)}) at ${at} {${tex(one.name)}};${remark(diagram, one)}`,
    );
    (rings.get(one.name) ?? []).forEach((criterion, i) => {
      lines.push(
        `\\node[${one.kind}, draw=cid${criterion}, thick, ${size(2 * theme.RING_GAP * (i + 1))}] at ${at} {};`,
      );
    });
  }
  for (const [tail, head] of diagram.links) {
    const style = kinds.get(head) === "decision" ? "information" : "causal";
    const curve = curves.get(`${tail}\0${head}`);
    const [from, to] = [index.get(tail), index.get(head)];
    if (!curve || isStraight(curve)) lines.push(`\\draw[${style}] (${from}) -- (${to});`);
    else {
      const parts = [`(${from})`];
      for (let i = 1; i < curve.length; i += 3) {
        const [a, b, end] = curve.slice(i, i + 3).map(([x, y]) => `(${n(x)},${n(y)})`);
        parts.push(`.. controls ${a} and ${b} .. ${i + 3 >= curve.length ? `(${to})` : end}`);
      }
      lines.push(`\\draw[${style}] ${parts.join(" ")};`);
    }
  }
  return `${lines.join("\n")}\n\\end{tikzpicture}\n`;
}

// What the picture itself cannot say of a node, as a comment behind it.
function remark(diagram, one) {
  const agent = diagram.agents[one.agent];
  const more = {
    ...(plainText(tex(one.name)) === one.name ? {} : { name: one.name }),
    ...(one.kind === "chance" || agent === 0 ? {} : { agent }),
    ...(one.latent ? { latent: true } : {}),
  };
  return Object.keys(more).length ? ` % ${JSON.stringify(more)}` : "";
}

function remarked(rest) {
  try {
    return JSON.parse(/%\s*(\{.*\})\s*$/.exec(rest)?.[1] ?? "{}");
  } catch {
    return {};
  }
}

function isStraight(curve) {
  const [[x0, y0], [x1, y1]] = [curve[0], curve[curve.length - 1]];
  const off = Math.max(...curve.map(([x, y]) => Math.abs((x - x0) * (y1 - y0) - (y - y0) * (x1 - x0))));
  return off < 2 * Math.max(Math.abs(x1 - x0), Math.abs(y1 - y0), 1);
}

function tex(text) {
  return [...text.replace(/\s/g, " ")].map((c) => SPECIAL[c] ?? c).join("");
}

function plainText(source) {
  let text = source.trim();
  const signs = Object.entries(SPECIAL).sort((a, b) => b[1].length - a[1].length);
  let found = "";
  while (text) {
    const sign = signs.find(([, code]) => text.startsWith(code));
    if (sign) {
      found += sign[0];
      text = text.slice(sign[1].length);
    } else {
      found += text[0];
      text = text.slice(1);
    }
  }
  return found;
}

// Reads \node[...] (id) at (x,y) {label}; and \draw[...] (id) -- (id);, whether the library, the explorer or a person
// wrote them in that form. Where a curve starts or ends at a point, the nearest node is meant.
export function fromTikz(text) {
  const source = text.split(/^% legend$/m)[0].replace(/\\begin\{tikzpicture\}\s*\[(?:[^[\]]|\[[^\]]*\])*\]/, "");
  const flips = /y=-1pt/.test(text) ? 1 : -1;
  const unit = /x=1pt/.test(text) ? 1 / scale() : 40;
  const length = "(-?[\\d.]+)(?:pt|cm)?";
  const form = new RegExp(
    `\\\\node\\s*\\[([^\\]]*)\\]\\s*\\(([^)]+)\\)\\s*(?:at\\s*\\(\\s*${length}\\s*,\\s*${length}\\s*\\))?\\s*\\{((?:[^{}\\\\]|\\\\.|\\{[^{}]*\\})*)\\}\\s*;?[ \\t]*(%[^\\n]*)?`,
    "g",
  );
  const nodes = [];
  const byId = new Map();
  const agents = [];
  let placed = true;
  for (const [, style, id, x, y, label, rest] of source.matchAll(form)) {
    const kind = /\butility\b/.test(style) ? "utility" : /\bdecision\b/.test(style) ? "decision" : "chance";
    const more = remarked(rest);
    const number = Number(/cidagent(\d+)|player(\d+)/.exec(style)?.slice(1).find(Boolean) ?? 1);
    const agent = more.agent ?? number - 1;
    if (kind !== "chance" && !agents.includes(agent)) agents.push(agent);
    placed &&= x !== undefined;
    const name = more.name ?? (plainText(label).replace(/^\$([^$]*)\$$/, "$1") || id);
    const at = [(x ?? 0) * unit, (y ?? 0) * unit * flips];
    const one = node(name, kind, ...at, {
      agent: kind === "chance" ? 0 : agents.indexOf(agent),
      latent: more.latent === true,
    });
    nodes.push(one);
    byId.set(id.trim(), one);
  }
  if (!nodes.length) throw new FormatError("there is no \\node[...] (id) {label}; in this text.");
  const nearest = (place) => {
    const named = byId.get(place.trim());
    if (named) return named;
    const point = new RegExp(`^\\s*${length}\\s*,\\s*${length}\\s*$`).exec(place);
    if (!point) throw new FormatError(`\\draw: (${place}) is not a node.`);
    const [px, py] = [point[1] * unit, point[2] * unit * flips];
    const far = (one) => {
      const [width, height] = bodySize(one.name, one.kind);
      return Math.hypot(Math.max(Math.abs(px - one.x) - width / 2, 0), Math.max(Math.abs(py - one.y) - height / 2, 0));
    };
    return nodes.reduce((best, one) => (far(one) < far(best) ? one : best));
  };
  const links = [];
  for (const [, style, way] of source.matchAll(/\\(?:draw|path|edge)\s*(\[[^\]]*\])?\s*([^;]*);/g)) {
    if (/\b(?:latent|proof|ring)\b/.test(style ?? "")) continue; // a common cause that is not drawn; a mark on another link
    const ends = way.match(/\(([^()]*)\)/g)?.map((end) => end.slice(1, -1)) ?? [];
    if (ends.length >= 2 && !/rectangle/.test(way))
      links.push([nearest(ends[0]).name, nearest(ends[ends.length - 1]).name]);
  }
  return { diagram: { agents: agents.length ? agents : [0], nodes, links, targets: [] }, left: [], placed };
}
