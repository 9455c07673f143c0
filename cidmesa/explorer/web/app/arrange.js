// Auto-layout: the library's layered layout, put where the diagram was.

import { layered } from "../picture/layout.js";

const RINGS = 2; // room around each node, whatever is shown just now

// Returns {diagram, curves, places}: the diagram with its nodes placed, and the curves that belong to these places.
export function arranged(diagram, keepMiddle = true) {
  const rings = new Map(diagram.nodes.map((one) => [one.name, RINGS]));
  const { boxes, curves } = layered(diagram.nodes, diagram.links, rings);
  const [dx, dy] = keepMiddle ? difference(middle(diagram.nodes), middle([...boxes.values()])) : [0, 0];
  const nodes = diagram.nodes.map((one) => {
    const { x, y } = boxes.get(one.name);
    return { ...one, x: round(x + dx), y: round(y + dy) };
  });
  return { diagram: { ...diagram, nodes }, ...moved(nodes, boxes, curves) };
}

// The layout's own curves, if the diagram stands just where the layout would put it; else null.
export function curvesOf(diagram) {
  if (!diagram.nodes.length || diagram.nodes.length > 400) return null;
  const rings = new Map(diagram.nodes.map((one) => [one.name, RINGS]));
  const { boxes, curves } = layered(diagram.nodes, diagram.links, rings);
  const first = diagram.nodes[0];
  const [dx, dy] = difference([first.x, first.y], [boxes.get(first.name).x, boxes.get(first.name).y]);
  const there = diagram.nodes.every((one) => {
    const { x, y } = boxes.get(one.name);
    return Math.abs(x + dx - one.x) < 0.3 && Math.abs(y + dy - one.y) < 0.3;
  });
  return there ? moved(diagram.nodes, boxes, curves) : null;
}

function moved(nodes, boxes, curves) {
  const [dx, dy] = nodes.length
    ? difference([nodes[0].x, nodes[0].y], [boxes.get(nodes[0].name).x, boxes.get(nodes[0].name).y])
    : [0, 0];
  return {
    curves: new Map([...curves].map(([key, curve]) => [key, curve.map(([x, y]) => [x + dx, y + dy])])),
    places: new Map(nodes.map((one) => [one.name, [one.x, one.y]])),
  };
}

function difference([a, b], [c, d]) {
  return [a - c, b - d];
}

export function middle(items) {
  if (!items.length) return [0, 0];
  const xs = items.map((one) => one.x);
  const ys = items.map((one) => one.y);
  return [(Math.min(...xs) + Math.max(...xs)) / 2, (Math.min(...ys) + Math.max(...ys)) / 2];
}

function round(value) {
  return Math.round(value * 10) / 10;
}
