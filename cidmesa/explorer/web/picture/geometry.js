// Sizes, outlines and curves: cidmesa/render/geometry.py in the browser.
//
// A curve is a chain of cubic pieces written as 1 + 3n points [x, y]; a box is {x, y, width, height} by its centre.

import { theme, widths } from "./theme.js";

// An upper estimate of the width of a text, whatever the font.
export function textWidth(text, size) {
  let sum = 0;
  for (const letter of text) {
    const code = letter.codePointAt(0);
    if (code >= 0x0300 && code < 0x0370) continue;
    sum += widths[letter] ?? (code >= 0x3000 && code < 0x10000 ? 1000 : 700);
  }
  return (sum * size) / 1000;
}

const SLACK = { chance: 1.22, decision: 1.0, utility: 1.06 };

// Width and height of a node's shape alone.
export function bodySize(name, kind) {
  const text = textWidth(name, theme.LABEL_SIZE);
  return [Math.max(theme.NODE_WIDTH, text * SLACK[kind] + 2 * theme.PAD_ACROSS), theme.NODE_HEIGHT];
}

// The same with `rings` rings around it.
export function outerBox(one, rings) {
  const [width, height] = bodySize(one.name, one.kind);
  const around = 2 * theme.RING_GAP * rings;
  return { x: one.x, y: one.y, width: width + around, height: height + around };
}

export function octagon({ x, y, width, height }) {
  const cut = Math.min(width, height) * theme.CUT;
  const [left, right, top, bottom] = [x - width / 2, x + width / 2, y - height / 2, y + height / 2];
  return [
    [left + cut, top],
    [right - cut, top],
    [right, top + cut],
    [right, bottom - cut],
    [right - cut, bottom],
    [left + cut, bottom],
    [left, bottom - cut],
    [left, top + cut],
  ];
}

export function inside(kind, box, [px, py]) {
  const dx = Math.abs(px - box.x);
  const dy = Math.abs(py - box.y);
  if (kind === "chance") return ((2 * dx) / box.width) ** 2 + ((2 * dy) / box.height) ** 2 <= 1;
  if (dx > box.width / 2 || dy > box.height / 2) return false;
  return kind === "decision" || dx + dy <= (box.width + box.height) / 2 - Math.min(box.width, box.height) * theme.CUT;
}

export function grown(box, by) {
  return { x: box.x, y: box.y, width: box.width + 2 * by, height: box.height + 2 * by };
}

export function straight(start, end) {
  return [start, between(start, end, 1 / 3), between(start, end, 2 / 3), end];
}

// A curve through points that crosses inner ones along the layout's axis (1: layers go down) and never turns back.
export function smooth(points, axis) {
  const tangents = points.map((point, i) => {
    const before = points[Math.max(i - 1, 0)];
    const after = points[Math.min(i + 1, points.length - 1)];
    let [dx, dy] = [after[0] - before[0], after[1] - before[1]];
    if (i > 0 && i < points.length - 1) {
      if (axis === 1) dx = within(dx * 0.6, 0.45 * dy);
      else dy = within(dy * 0.6, 0.45 * dx);
    }
    const length = Math.hypot(dx, dy) || 1;
    return [dx / length, dy / length];
  });
  const curve = [points[0]];
  for (let i = 0; i + 1 < points.length; i++) {
    const [a, b, ta, tb] = [points[i], points[i + 1], tangents[i], tangents[i + 1]];
    const reach = Math.hypot(b[0] - a[0], b[1] - a[1]) * 0.36;
    curve.push([a[0] + ta[0] * reach, a[1] + ta[1] * reach], [b[0] - tb[0] * reach, b[1] - tb[1] * reach], b);
  }
  return curve;
}

function within(value, bound) {
  return Math.max(-Math.abs(bound), Math.min(Math.abs(bound), value));
}

// One S-shaped piece that leaves and arrives along the axis.
export function swing(start, end, axis) {
  const half = (end[axis] - start[axis]) * 0.55;
  if (axis === 1) return [start, [start[0], start[1] + half], [end[0], end[1] - half], end];
  return [start, [start[0] + half, start[1]], [end[0] - half, end[1]], end];
}

// One piece that bows to the left of the way by `by`.
export function bowed(start, end, by) {
  const length = Math.hypot(end[0] - start[0], end[1] - start[1]) || 1;
  const [nx, ny] = [((end[1] - start[1]) / length) * by, (-(end[0] - start[0]) / length) * by];
  const aside = (t) => {
    const [x, y] = between(start, end, t);
    return [x + (nx * 4) / 3, y + (ny * 4) / 3];
  };
  return [start, aside(0.25), aside(0.75), end];
}

// Cuts off what lies within the two ends of a link.
export function joined(curve, tail, head) {
  const from = (point) => inside(tail.kind, grown(tail.box, 1), point);
  const into = (point) => inside(head.kind, grown(head.box, 1), point);
  const pieces = [];
  for (let i = 0; i + 3 < curve.length; i += 3) pieces.push(curve.slice(i, i + 4));
  while (pieces.length > 1 && from(pieces[0][3])) pieces.shift();
  while (pieces.length > 1 && into(pieces[pieces.length - 1][0])) pieces.pop();
  pieces[0] = split(pieces[0], crossing(pieces[0], from))[1];
  const last = pieces.length - 1;
  pieces[last] = split(
    pieces[last],
    crossing(pieces[last], (point) => !into(point)),
  )[0];
  return chain(pieces);
}

// Cuts the length of an arrow head off the end; returns what is left and the tip.
export function shortened(curve, by) {
  const end = curve[curve.length - 1];
  const near = (point) => Math.hypot(point[0] - end[0], point[1] - end[1]) <= by;
  const pieces = [];
  for (let i = 0; i + 3 < curve.length; i += 3) pieces.push(curve.slice(i, i + 4));
  while (pieces.length > 1 && near(pieces[pieces.length - 1][0])) pieces.pop();
  const last = pieces.length - 1;
  pieces[last] = split(
    pieces[last],
    crossing(pieces[last], (point) => !near(point)),
  )[0];
  return [chain(pieces), end];
}

export function samples(curve, perPiece = 12) {
  const points = [];
  for (let i = 0; i + 3 < curve.length; i += 3) {
    for (let t = 0; t < perPiece; t++) points.push(split(curve.slice(i, i + 4), t / perPiece)[0][3]);
  }
  points.push(curve[curve.length - 1]);
  return points;
}

function chain(pieces) {
  return [pieces[0][0], ...pieces.flatMap((piece) => piece.slice(1))];
}

function between(a, b, t) {
  return [a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t];
}

// De Casteljau: the piece up to the parameter t, and from there on.
function split([a, b, c, d], t) {
  const [ab, bc, cd] = [between(a, b, t), between(b, c, t), between(c, d, t)];
  const [abc, bcd] = [between(ab, bc, t), between(bc, cd, t)];
  const middle = between(abc, bcd, t);
  return [
    [a, ab, abc, middle],
    [middle, bcd, cd, d],
  ];
}

function crossing(piece, first) {
  if (!first(piece[0])) return 0;
  if (first(piece[3])) return 1;
  let [low, high] = [0, 1];
  for (let i = 0; i < 24; i++) {
    const middle = (low + high) / 2;
    if (first(split(piece, middle)[0][3])) low = middle;
    else high = middle;
  }
  return low;
}

// Does the straight line from a to b come into a box?
export function crosses(box, [ax, ay], [bx, by]) {
  let [enter, leave] = [0, 1];
  for (const [start, step, middle, half] of [
    [ax, bx - ax, box.x, box.width / 2],
    [ay, by - ay, box.y, box.height / 2],
  ]) {
    if (step === 0) {
      if (Math.abs(start - middle) > half) return false;
      continue;
    }
    const [one, other] = [(middle - half - start) / step, (middle + half - start) / step];
    enter = Math.max(enter, Math.min(one, other));
    leave = Math.min(leave, Math.max(one, other));
    if (enter > leave) return false;
  }
  return true;
}
