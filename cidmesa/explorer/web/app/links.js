// The curve of each link on the screen: the layout's own while nodes stand where it put them, else routed anew.

import { crosses, grown, inside, samples } from "../picture/geometry.js";
import { route } from "../picture/route.js";

// `fixed`: {curves, places} of the layout, or null. What `before` drew, {curves, places}, is kept where no moved node has
// to do with it. Boxes are under `places`: Map(name -> {kind, box}); curves under "tail\0head".
export function curvesOfLinks(links, places, fixed, before = null) {
  const strayed = fixed ? [...places.keys()].filter((name) => !stands(fixed, name, places)) : [];
  const away = new Set(strayed);
  const moved = before
    ? [...places.keys()].filter((name) => !isSame(places.get(name).box, before.places.get(name).box))
    : [];
  const gone = new Set(moved);
  const found = new Map();
  for (const [tail, head] of links) {
    const key = `${tail}\0${head}`;
    const old = before?.curves.get(key);
    if (
      old &&
      !gone.has(tail) &&
      !gone.has(head) &&
      !moved.some((name) => concerns(old, before.places.get(name).box, places.get(name).box))
    ) {
      found.set(key, old);
      continue;
    }
    const given = fixed && !away.has(tail) && !away.has(head) ? fixed.curves.get(key) : null;
    const free = given && !strayed.some((name) => touches(given, places.get(name).box));
    found.set(key, free ? clipped(given, places.get(tail), places.get(head)) : route(tail, head, places));
  }
  return found;
}

// Is a node where the layout put it?
function stands(fixed, name, places) {
  const place = fixed.places.get(name);
  const { box } = places.get(name);
  return place !== undefined && place[0] === box.x && place[1] === box.y;
}

// A layout's curve is for nodes with room around them; cut it at what is really drawn.
function clipped(curve, tail, head) {
  return [
    extendedTo(curve[0], curve[1], tail),
    ...curve.slice(1, -1),
    extendedTo(curve[curve.length - 1], curve[curve.length - 2], head),
  ];
}

// Moves the end of a curve along its tangent to the outline of a node.
function extendedTo(end, before, { kind, box }) {
  const around = grown(box, 1);
  const [dx, dy] = [end[0] - before[0], end[1] - before[1]];
  const length = Math.hypot(dx, dy) || 1;
  let [low, high] = [-14, 26];
  const at = (by) => [end[0] + (dx / length) * by, end[1] + (dy / length) * by];
  if (inside(kind, around, at(low)) || !inside(kind, around, at(high))) return end;
  for (let i = 0; i < 12; i++) {
    const middle = (low + high) / 2;
    if (inside(kind, around, at(middle))) high = middle;
    else low = middle;
  }
  return at(low);
}

export function isSame(a, b) {
  return a.x === b.x && a.y === b.y && a.width === b.width && a.height === b.height;
}

// Does a node that went from one box to another have to do with a curve: was it in the way, or is it now?
function concerns(curve, from, to) {
  const [a, b] = [curve[0], curve[curve.length - 1]];
  return (
    crosses(grown(from, 6), a, b) ||
    crosses(grown(to, 6), a, b) ||
    (curve.length > 4 || isBent(curve) ? touches(curve, to) : false)
  );
}

function isBent([a, b, c, d]) {
  const off = (p) => Math.abs((p[0] - a[0]) * (d[1] - a[1]) - (p[1] - a[1]) * (d[0] - a[0]));
  return off(b) + off(c) > 4 * Math.hypot(d[0] - a[0], d[1] - a[1]);
}

function touches(curve, box) {
  if (!isNear(curve, box)) return false;
  return samples(curve, 16).some((point) => inside("decision", grown(box, 4), point));
}

const BOUNDS = new WeakMap();

// Can the curve touch the box at all? It stays within the bounds of its control points.
function isNear(curve, box) {
  let bounds = BOUNDS.get(curve);
  if (!bounds) {
    const xs = curve.map(([x]) => x);
    const ys = curve.map(([, y]) => y);
    bounds = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
    BOUNDS.set(curve, bounds);
  }
  const [left, right, top, bottom] = bounds;
  const [dx, dy] = [box.width / 2 + 4, box.height / 2 + 4];
  return box.x + dx > left && box.x - dx < right && box.y + dy > top && box.y - dy < bottom;
}
