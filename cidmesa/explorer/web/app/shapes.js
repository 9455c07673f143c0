// The shapes of one node and of one link, as SVG around the origin.

import { bodySize, grown, shortened } from "../picture/geometry.js";
import { arrow, escaped, number, outline, pathData } from "../picture/svg.js";
import { theme } from "../picture/theme.js";

// Gives a link's element its curve, if it has another.
export function setCurve(element, curve) {
  const [left, tip] = shortened(curve, theme.ARROW);
  const data = pathData(left);
  if (element.data === data) return;
  element.data = data;
  for (const path of element.querySelectorAll("path")) path.setAttribute("d", data);
  element.querySelector("polygon").setAttribute("points", arrow(left, tip));
}

// A node's shapes around the origin: focus mark, rings, body, name, badges, and the handle from which links are drawn.
export function shapesOf(one, owner, rings, target, numbered) {
  const [width, height] = bodySize(one.name, one.kind);
  const body = { x: 0, y: 0, width, height };
  const parts = [outline(one.kind, grown(body, rings.length * theme.RING_GAP + 5), 'class="halo"')];
  for (const [i, [criterion, certain]] of [...rings.entries()].reverse()) {
    const dashes = theme.RINGS[criterion][1];
    const style = `class="ring ${criterion}${certain ? "" : " open"}"${dashes ? ` stroke-dasharray="${dashes}"` : ""}`;
    parts.push(outline(one.kind, grown(body, (i + 1) * theme.RING_GAP), style));
  }
  parts.push(
    outline(
      one.kind,
      body,
      `class="body ${one.kind === "chance" ? "chance" : `agent${((owner - 1) % theme.AGENTS.length) + 1}`}"`,
    ),
  );
  parts.push(`<text class="label" y="${number(theme.LABEL_SIZE * 0.34)}">${escaped(one.name)}</text>`);
  if (numbered && owner) {
    const [x, y] = [width / 2 - 1, -height / 2 + 1];
    parts.push(
      `<circle class="badge" cx="${number(x)}" cy="${number(y)}" r="7"/><text class="badge-text" x="${number(x)}" y="${number(y + 3.4)}">${owner}</text>`,
    );
  }
  if (target) {
    const [x, y] = [-width / 2 + 2, -height / 2 + 2];
    parts.push(
      `<g class="target" transform="translate(${number(x)} ${number(y)})"><circle r="8"/><circle r="4.6"/><circle class="dot" r="1.8"/></g>`,
    );
  }
  const below = height / 2 + rings.length * theme.RING_GAP + 3;
  if (one.kind !== "utility") {
    parts.push(
      `<g class="handle" transform="translate(0 ${number(below)})"><circle class="grip" r="11"/><circle class="knob" r="6"/><path d="M0 -3v6M-2.4 0.8L0 3.2L2.4 0.8"/></g>`,
    );
  }
  return parts.join("");
}
