// A diagram as SVG text that stands alone: the shapes, colours and words of cidmesa's pictures, and the diagram itself
// as metadata, so that the file can be read back.

import { tidied } from "../app/diagram.js";
import { FormatError } from "../formats/plain.js";
import { bodySize, grown, octagon, shortened, textWidth } from "./geometry.js";
import { agentColour, theme } from "./theme.js";

const SPACE = "https://cidmesa.github.io/diagram";

// `curves`: Map("tail\0head" -> curve); `rings`: Map(name -> criteria); `places`: Map(name -> {kind, box}).
export function toSvg(diagram, { places, curves, rings, title = "causal influence diagram", used = [] }) {
  const shapes = [];
  const bounds = { left: Infinity, top: Infinity, right: -Infinity, bottom: -Infinity };
  const meet = (x, y) => {
    bounds.left = Math.min(bounds.left, x);
    bounds.right = Math.max(bounds.right, x);
    bounds.top = Math.min(bounds.top, y);
    bounds.bottom = Math.max(bounds.bottom, y);
  };
  const kinds = new Map(diagram.nodes.map((one) => [one.name, one.kind]));
  for (const [tail, head] of diagram.links) {
    const curve = curves.get(`${tail}\0${head}`);
    curve.forEach(([x, y]) => meet(x, y));
    const [left, tip] = shortened(curve, theme.ARROW);
    const dotted = kinds.get(head) === "decision" ? ` stroke-dasharray="${theme.DOTS}" stroke-linecap="round"` : "";
    shapes.push(
      `<path d="${pathData(left)}" fill="none" stroke="${theme.INK}" stroke-width="${theme.LINE_WIDTH}"${dotted}/>`,
    );
    shapes.push(`<polygon points="${arrow(left, tip)}" fill="${theme.INK}"/>`);
  }
  const numbered = used.length > 1;
  for (const one of diagram.nodes) {
    const { box } = places.get(one.name);
    meet(box.x - box.width / 2, box.y - box.height / 2);
    meet(box.x + box.width / 2, box.y + box.height / 2);
    const [width, height] = bodySize(one.name, one.kind);
    const body = { x: one.x, y: one.y, width, height };
    const marks = rings.get(one.name) ?? [];
    marks
      .map((criterion, i) => [criterion, i + 1])
      .reverse()
      .forEach(([criterion, i]) => {
        const [colour, dashes] = theme.RINGS[criterion];
        shapes.push(
          outline(
            one.kind,
            grown(body, i * theme.RING_GAP),
            `fill="${theme.PAPER}" stroke="${colour}" stroke-width="${theme.RING_WIDTH}"${dashes ? ` stroke-dasharray="${dashes}"` : ""}`,
          ),
        );
      });
    const owner = used.indexOf(one.agent);
    const fill = one.kind === "chance" ? theme.CHANCE : agentColour(owner);
    shapes.push(outline(one.kind, body, `fill="${fill}" stroke="${theme.INK}" stroke-width="${theme.LINE_WIDTH}"`));
    shapes.push(words(one.x, one.y + theme.LABEL_SIZE * 0.34, one.name, theme.LABEL_SIZE, theme.INK));
    if (numbered && one.kind !== "chance") {
      const [x, y] = [one.x + width / 2 - 1, one.y - height / 2 + 1];
      shapes.push(`<circle cx="${number(x)}" cy="${number(y)}" r="7" fill="${theme.PAPER}" stroke="${theme.INK}"/>`);
      shapes.push(words(x, y + 3.4, String(owner + 1), theme.NOTE_SIZE - 1.5, theme.INK));
    }
  }
  if (!diagram.nodes.length) meet(0, 0);
  const marks = Object.entries(theme.RINGS).filter(([criterion]) =>
    [...rings.values()].some((has) => has.includes(criterion)),
  );
  let y = bounds.bottom + 14;
  for (const [, [colour, dashes, text]] of marks) {
    y += theme.NOTE_SIZE * 1.65;
    shapes.push(
      `<ellipse cx="${number(bounds.left + 12)}" cy="${number(y - 4)}" rx="12" ry="5.5" fill="none" stroke="${colour}" stroke-width="${theme.RING_WIDTH}"${dashes ? ` stroke-dasharray="${dashes}"` : ""}/>`,
    );
    shapes.push(
      `<text x="${number(bounds.left + 30)}" y="${number(y)}" font-size="${theme.NOTE_SIZE}" fill="${theme.MUTED}">${escaped(text)}</text>`,
    );
    bounds.right = Math.max(bounds.right, bounds.left + 30 + textWidth(text, theme.NOTE_SIZE));
  }
  if (marks.length) bounds.bottom = y + 4;
  const [x0, y0] = [bounds.left - theme.MARGIN, bounds.top - theme.MARGIN];
  const [width, height] = [
    bounds.right - bounds.left + 2 * theme.MARGIN,
    bounds.bottom - bounds.top + 2 * theme.MARGIN,
  ];
  const view = [x0, y0, width, height].map(number).join(" ");
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${number(width)}" height="${number(height)}" viewBox="${view}" role="img" aria-label="${escaped(title)}" font-family="${escaped(theme.FONT)}">
<title>${escaped(title)}</title>
<metadata><diagram xmlns="${SPACE}">${escaped(JSON.stringify(diagram))}</diagram></metadata>
<rect x="${number(x0)}" y="${number(y0)}" width="${number(width)}" height="${number(height)}" fill="${theme.PAPER}"/>
${shapes.join("\n")}
</svg>
`;
}

export function fromSvg(text) {
  const found = /<diagram[^>]*>([^<]*)<\/diagram>/.exec(text);
  if (!found)
    throw new FormatError("this picture carries no diagram: only SVG files that the explorer wrote can be read back.");
  const diagram = tidied(parsed(unescaped(found[1])));
  if (!diagram) throw new FormatError("the diagram in this picture is damaged.");
  return { diagram, left: [], placed: true };
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

export function outline(kind, box, style) {
  if (kind === "chance") {
    return `<ellipse cx="${number(box.x)}" cy="${number(box.y)}" rx="${number(box.width / 2)}" ry="${number(box.height / 2)}" ${style}/>`;
  }
  if (kind === "utility")
    return `<polygon points="${octagon(box)
      .map(([x, y]) => `${number(x)},${number(y)}`)
      .join(" ")}" ${style}/>`;
  return `<rect x="${number(box.x - box.width / 2)}" y="${number(box.y - box.height / 2)}" width="${number(box.width)}" height="${number(box.height)}" rx="3" ${style}/>`;
}

export function pathData(curve) {
  const [[x, y], ...rest] = curve;
  return `M${number(x)} ${number(y)}C${rest.map((point) => point.map(number).join(" ")).join(" ")}`;
}

// The corners of an arrow head between the end of a shortened curve and its tip.
export function arrow(curve, tip) {
  const base = curve[curve.length - 1];
  const angle = Math.atan2(tip[1] - base[1], tip[0] - base[0]);
  const half = theme.ARROW * 0.42;
  const wing = (side) => [base[0] - side * half * Math.sin(angle), base[1] + side * half * Math.cos(angle)];
  return [tip, wing(1), wing(-1)].map((point) => point.map(number).join(",")).join(" ");
}

export function number(value) {
  const text = value.toFixed(1).replace(/\.0$/, "");
  return text === "-0" ? "0" : text;
}

function words(x, y, text, size, colour) {
  return `<text x="${number(x)}" y="${number(y)}" font-size="${size}" text-anchor="middle" fill="${colour}">${escaped(text)}</text>`;
}

export function escaped(text) {
  return text.replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c]);
}

function unescaped(text) {
  return text.replace(
    /&(amp|lt|gt|quot|#39|apos);/g,
    (_, name) => ({ amp: "&", lt: "<", gt: ">", quot: '"', "#39": "'", apos: "'" })[name],
  );
}
