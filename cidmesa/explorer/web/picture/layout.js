// The library's layered layout (cidmesa/render/layered.py) without frames, layers going down: layers, dummies for long
// links, order by medians, places by least squares. Its text says more.

import { inside, grown, joined, outerBox, samples, smooth, straight, swing } from "./geometry.js";
import { theme } from "./theme.js";

const SWEEPS = 24;
const PASSES = 60;
const DUMMY = 14;
const AXIS = 1;

// Places nodes [{name, kind}] and routes links [[tail, head]]; `rings` maps a name to the number of its rings.
// Returns {boxes: Map(name -> box), curves: Map("tail\0head" -> curve)}.
export function layered(nodes, links, rings = new Map()) {
  const layer = layersOf(nodes, links);
  const graph = withDummies(nodes, links, layer, rings);
  const rows = ordered(graph);
  const across = placed(graph, rows);
  let low = Infinity;
  for (const [item, place] of across) low = Math.min(low, place - graph.width.get(item) / 2);
  for (const [item, place] of across) across.set(item, place - low);
  return finished(nodes, links, graph, across, rings);
}

function layersOf(nodes, links) {
  const parents = new Map(nodes.map((one) => [one.name, []]));
  const children = new Map(nodes.map((one) => [one.name, []]));
  for (const [tail, head] of links) {
    parents.get(head).push(tail);
    children.get(tail).push(head);
  }
  const waiting = new Map([...parents].map(([name, above]) => [name, above.length]));
  const order = [...waiting].filter(([, count]) => !count).map(([name]) => name);
  for (let i = 0; i < order.length; i++) {
    for (const child of children.get(order[i])) {
      waiting.set(child, waiting.get(child) - 1);
      if (!waiting.get(child)) order.push(child);
    }
  }
  const layer = new Map();
  for (const name of order) layer.set(name, Math.max(0, ...parents.get(name).map((p) => layer.get(p) + 1)));
  const last = Math.max(-1, ...layer.values());
  for (let round = 0; round < order.length; round++) {
    let moved = false;
    for (const name of [...order].reverse()) {
      const [above, below] = [parents.get(name), children.get(name)];
      let wanted;
      if (below.length > above.length) wanted = Math.min(...below.map((c) => layer.get(c))) - 1;
      else if (above.length > below.length) wanted = Math.max(...above.map((p) => layer.get(p))) + 1;
      else continue;
      wanted = Math.min(Math.max(wanted, 0), last);
      moved ||= wanted !== layer.get(name);
      layer.set(name, wanted);
    }
    if (!moved) break;
  }
  return layer;
}

function withDummies(nodes, links, layer, rings) {
  const graph = { layer: new Map(), width: new Map(), above: new Map(), below: new Map(), chains: new Map() };
  const add = (item, row, width) => {
    graph.layer.set(item, row);
    graph.width.set(item, width);
    graph.above.set(item, []);
    graph.below.set(item, []);
  };
  for (const one of nodes) add(one.name, layer.get(one.name), outerBox(one, rings.get(one.name) ?? 0).width);
  for (const [tail, head] of links) {
    const chain = [tail];
    for (let row = layer.get(tail) + 1; row < layer.get(head); row++) {
      const dummy = `${tail}\0${head}\0${row}`;
      add(dummy, row, DUMMY);
      chain.push(dummy);
    }
    chain.push(head);
    graph.chains.set(`${tail}\0${head}`, chain);
    for (let i = 0; i + 1 < chain.length; i++) {
      const [a, b] = [chain[i], chain[i + 1]];
      const [long, longer] = [a !== tail, b !== head];
      const weight = 1 + 2 * long + 2 * longer + 3 * (long && longer);
      graph.below.get(a).push([b, weight]);
      graph.above.get(b).push([a, weight]);
    }
  }
  return graph;
}

function ordered(graph) {
  const rows = [];
  for (const [item, row] of graph.layer) (rows[row] ??= []).push(item);
  let best = rows.map((row) => [...row]);
  let fewest = crossings(graph, rows);
  for (const start of [rows, rows.map((row) => [...row].reverse())]) {
    const current = start.map((row) => [...row]);
    for (let sweep = 0; sweep < SWEEPS; sweep++) {
      const down = sweep % 2 === 0;
      for (let k = 1; k < current.length; k++) {
        const i = down ? k : current.length - 1 - k;
        current[i] = byMedian(current[i], current[down ? i - 1 : i + 1], down ? graph.above : graph.below);
      }
      exchange(graph, current);
      const count = crossings(graph, current);
      if (count < fewest) [best, fewest] = [current.map((row) => [...row]), count];
      if (fewest === 0) return best;
    }
  }
  return best;
}

function byMedian(row, fixed, neighbours) {
  const place = placesIn(fixed);
  const key = new Map();
  for (const item of row) {
    const near = neighbours
      .get(item)
      .map(([n]) => place.get(n))
      .filter((p) => p !== undefined)
      .sort((a, b) => a - b);
    const half = Math.floor(near.length / 2);
    if (near.length) key.set(item, near.length % 2 ? near[half] : (near[half - 1] + near[half]) / 2);
  }
  const movable = row.filter((item) => key.has(item)).sort((a, b) => key.get(a) - key.get(b));
  let next = 0;
  return row.map((item) => (key.has(item) ? movable[next++] : item));
}

function placesIn(row) {
  return new Map(row.map((item, i) => [item, i]));
}

function exchange(graph, rows) {
  for (let round = 0; round < 8; round++) {
    let improved = false;
    rows.forEach((row, i) => {
      const fixed = [];
      if (i) fixed.push([placesIn(rows[i - 1]), graph.above]);
      if (i + 1 < rows.length) fixed.push([placesIn(rows[i + 1]), graph.below]);
      const near = new Map(
        row.map((item) => [
          item,
          fixed.map(([place, side]) =>
            side
              .get(item)
              .map(([n]) => place.get(n))
              .filter((p) => p !== undefined),
          ),
        ]),
      );
      for (let j = 0; j + 1 < row.length; j++) {
        const [a, b] = [row[j], row[j + 1]];
        let gain = 0;
        near.get(a).forEach((pa, side) => {
          for (const p of pa) for (const q of near.get(b)[side]) gain += (p > q) - (p < q);
        });
        if (gain > 0) {
          [row[j], row[j + 1]] = [b, a];
          improved = true;
        }
      }
    });
    if (!improved) return;
  }
}

function crossings(graph, rows) {
  let total = 0;
  for (let i = 0; i + 1 < rows.length; i++) {
    const place = placesIn(rows[i + 1]);
    const seen = [];
    for (const item of rows[i]) {
      const heads = graph.below
        .get(item)
        .map(([n]) => place.get(n))
        .filter((p) => p !== undefined);
      for (const q of heads) for (const p of seen) total += p > q;
      seen.push(...heads);
    }
  }
  return total;
}

function placed(graph, rows) {
  const at = new Map();
  for (const row of rows) {
    let edge = -row.reduce((sum, item) => sum + graph.width.get(item) + theme.NODE_GAP, 0) / 2;
    for (const item of row) {
      at.set(item, edge + graph.width.get(item) / 2);
      edge += graph.width.get(item) + theme.NODE_GAP;
    }
  }
  for (let sweep = 0; sweep < PASSES; sweep++) {
    for (const row of sweep % 2 === 0 ? rows : [...rows].reverse()) {
      const wanted = [];
      const weights = [];
      for (const item of row) {
        let [sum, weight] = [0, 0];
        for (const [n, w] of [...graph.above.get(item), ...graph.below.get(item)]) {
          sum += at.get(n) * w;
          weight += w;
        }
        wanted.push(weight ? sum / weight : at.get(item));
        weights.push(weight || 0.05);
      }
      const places = spaced(
        wanted,
        weights,
        row.map((item) => graph.width.get(item)),
      );
      row.forEach((item, i) => at.set(item, places[i]));
    }
  }
  return at;
}

// The places nearest to the wanted ones (weighted least squares) that keep order and gaps: isotonic regression.
function spaced(wanted, weights, sizes) {
  const offsets = [0];
  for (let i = 0; i + 1 < sizes.length; i++) {
    const gap = theme.NODE_GAP * (sizes[i] === DUMMY || sizes[i + 1] === DUMMY ? 0.55 : 1);
    offsets.push(offsets[i] + (sizes[i] + sizes[i + 1]) / 2 + gap);
  }
  const blocks = []; // mean, weight, how many
  wanted.forEach((target, i) => {
    let [mean, mass, count] = [target - offsets[i], weights[i], 1];
    while (blocks.length && blocks[blocks.length - 1][0] > mean) {
      const [other, otherMass, otherCount] = blocks.pop();
      mean = (mean * mass + other * otherMass) / (mass + otherMass);
      mass += otherMass;
      count += otherCount;
    }
    blocks.push([mean, mass, count]);
  });
  const means = blocks.flatMap(([mean, , count]) => Array(count).fill(mean));
  return means.map((mean, i) => mean + offsets[i]);
}

function finished(nodes, links, graph, across, rings) {
  const sizes = new Map(nodes.map((one) => [one.name, outerBox(one, rings.get(one.name) ?? 0)]));
  const rows = Math.max(-1, ...graph.layer.values()) + 1;
  const thick = Array(rows).fill(0);
  for (const one of nodes) {
    const row = graph.layer.get(one.name);
    thick[row] = Math.max(thick[row], sizes.get(one.name).height);
  }
  const along = [];
  let edge = 0;
  for (const size of thick) {
    along.push(edge + size / 2);
    edge += size + theme.LAYER_GAP;
  }
  const at = (item) => [across.get(item), along[graph.layer.get(item)]];
  const boxes = new Map();
  for (const one of nodes) {
    const [x, y] = at(one.name);
    boxes.set(one.name, { ...sizes.get(one.name), x, y });
  }
  const kinds = new Map(nodes.map((one) => [one.name, one.kind]));
  const curves = new Map();
  for (const [tail, head] of links) {
    const key = `${tail}\0${head}`;
    const chain = graph.chains.get(key);
    const curve = routed(
      chain.map(at),
      chain.map((item) => thick[graph.layer.get(item)]),
      boxes,
      tail,
      head,
    );
    const end = (name) => ({ kind: kinds.get(name), box: boxes.get(name) });
    curves.set(key, joined(curve, end(tail), end(head)));
  }
  return { boxes, curves };
}

// A straight line where none is in the way, else along the dummies, at worst in lanes.
function routed(points, bands, boxes, tail, head) {
  const last = points[points.length - 1];
  const gentle = points.length > 2 ? smooth(points, AXIS) : swing(points[0], last, AXIS);
  for (const [curve, room] of [
    [straight(points[0], last), 6],
    [gentle, 2],
  ]) {
    if (!hits(curve, boxes, tail, head, room)) return curve;
  }
  const curve = [points[0]];
  for (let i = 0; i + 1 < points.length; i++) {
    const [a, b] = [points[i], points[i + 1]];
    const leave = [a[0], a[1] + bands[i] / 2];
    const enter = [b[0], b[1] - bands[i + 1] / 2];
    curve.push(...straight(a, leave).slice(1), ...swing(leave, enter, AXIS).slice(1), ...straight(enter, b).slice(1));
  }
  return curve;
}

function hits(curve, boxes, tail, head, room) {
  const points = samples(curve, 40);
  for (const [name, box] of boxes) {
    if (name === tail || name === head) continue;
    const around = grown(box, room);
    if (points.some((point) => inside("decision", around, point))) return true;
  }
  return false;
}
