// Reading a diagram whatever it is written in.

import { problemOf } from "../app/diagram.js";
import { fromSvg } from "../picture/svg.js";
import { fromDagitty } from "./dagitty.js";
import { fromLink } from "./link.js";
import { FormatError } from "./plain.js";
import { fromPython } from "./python.js";
import { fromTikz } from "./tikz.js";
import { fromYaml } from "./yaml.js";

export const FORMATS = {
  python: { title: "cidmesa code", ending: ".py", read: fromPython },
  yaml: { title: "YAML", ending: ".cid.yaml", read: fromYaml },
  dagitty: { title: "dagitty", ending: ".dagitty.txt", read: fromDagitty },
  tikz: { title: "TikZ", ending: ".tex", read: fromTikz },
  svg: { title: "SVG", ending: ".svg", read: fromSvg },
};

export function formatOf(text) {
  if (/<svg[\s>]/.test(text)) return "svg";
  if (/\\node\b|\\begin\{tikzpicture\}/.test(text)) return "tikz";
  if (/\bCID\s*\(/.test(text)) return "python";
  if (/^\s*(?:dag|pdag|mag|pag|digraph|graph)\b[^:\n]*\{/.test(text)) return "dagitty";
  return "yaml";
}

// Returns {diagram, left, placed, format}; a FormatError says what is wrong.
export async function readAny(text) {
  const link = /#([dj]=[A-Za-z0-9_-]+)\s*$/.exec(text.trim());
  const format = link ? "link" : formatOf(text);
  const found = link ? await fromLink(link[1]) : FORMATS[format].read(text);
  const wrong = problemOf(found.diagram);
  if (wrong) throw new FormatError(wrong);
  return { placed: false, ...found, format };
}
