// Links between nodes that a person has placed: straight where nothing is in the way, else bowed around it.

import { bowed, crosses, grown, inside, joined, samples, straight } from "./geometry.js";

const ROOM = 5;
const BOWS = [34, -34, 62, -62, 100, -100, 150, -150];

// `places`: Map(name -> {kind, box}). Returns the curve between the outlines of the two ends.
export function route(tail, head, places) {
  const [from, to] = [places.get(tail), places.get(head)];
  const [a, b] = [
    [from.box.x, from.box.y],
    [to.box.x, to.box.y],
  ];
  const curve = straight(a, b);
  const near = [];
  const reach = 170;
  const [left, right] = [Math.min(a[0], b[0]) - reach, Math.max(a[0], b[0]) + reach];
  const [top, bottom] = [Math.min(a[1], b[1]) - reach, Math.max(a[1], b[1]) + reach];
  let blocked = false;
  for (const [name, { box }] of places) {
    if (name === tail || name === head || box.x < left || box.x > right || box.y < top || box.y > bottom) continue;
    const around = grown(box, ROOM);
    near.push(around);
    blocked ||= crosses(around, a, b);
  }
  if (blocked) {
    const free = BOWS.map((by) => bowed(a, b, by)).find(
      (bow) => !samples(bow, 24).some((point) => near.some((box) => inside("decision", box, point))),
    );
    if (free) return joined(free, from, to);
  }
  return joined(curve, from, to);
}
