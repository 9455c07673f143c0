// The minimal reduction, the relevance graph and its cyclic groups of decisions.

import { DOWN, UP, familyOf } from "./graph.js";

// Drops nonrequisite links to the fixpoint, which does not depend on the order (Nilsson and Lauritzen 2000).
// `owned` maps each decision to the utilities of its agent. Steps: [decision, parents dropped at that step].
export function reduceLinks(graph, owned) {
  let below = new Map([...owned.keys()].map((d) => [d, graph.descendants([d])]));
  const decisions = [...owned.keys()];
  const later = new Map(decisions.map((d) => [d, decisions.filter((e) => below.get(d)[e]).length]));
  const order = [...decisions].sort((a, b) => later.get(a) - later.get(b)); // the last decisions first
  const pending = [...order];
  const waiting = new Set(order);
  const saw = new Map(decisions.map((d) => [d, new Set()])); // decisions that the last look could have used
  const steps = [];
  for (let i = 0; i < pending.length; i++) {
    const d = pending[i];
    waiting.delete(d);
    const parents = graph.parents[d];
    if (!parents.length) continue;
    const reach = below.get(d) ?? graph.descendants([d]);
    below.delete(d);
    const arrived = graph.ball(
      owned.get(d).filter((u) => reach[u]),
      familyOf(graph, d),
    );
    saw.set(d, new Set(decisions.filter((e) => e !== d && (arrived[e] || reach[e]))));
    const dropped = parents.filter((p) => !arrived[p]);
    if (!dropped.length) continue;
    graph = graph.withoutLinks(d, dropped);
    steps.push([d, dropped]);
    below = new Map();
    for (const e of order) {
      if (saw.get(e).has(d) && !waiting.has(e)) {
        pending.push(e);
        waiting.add(e);
      }
    }
  }
  return { graph, steps };
}

// Marks the nodes whose mechanism the ball from `goals` given the family of `d` hears of (r-reachability): it comes to
// an unobserved node from below or to an observed one from above.
export function heard(graph, d, goals) {
  return heardOf(graph.ball(goals, familyOf(graph, d)), graph, d);
}

export function heardOf(reached, graph, d) {
  const found = new Uint8Array(graph.n);
  for (let v = 0; v < graph.n; v++) found[v] = reached[v] & UP ? 1 : 0;
  for (const v of graph.parents[d]) found[v] = reached[v] & DOWN ? 1 : 0;
  found[d] = 0;
  return found;
}

// The pairs [first, then] of decisions such that the rule of `first` is relevant to `then`, in order.
export function relevantPairs(graph, owned) {
  const decisions = [...owned.keys()];
  const pairs = [];
  const masks = decisions.map((d) => {
    const below = graph.descendants([d]);
    return heard(
      graph,
      d,
      owned.get(d).filter((u) => below[u]),
    );
  });
  for (const first of decisions) {
    decisions.forEach((then, i) => {
      if (masks[i][first]) pairs.push([first, then]);
    });
  }
  return pairs;
}

// Strongly connected components in an order that the pairs respect (Kosaraju, without recursion).
export function components(nodes, pairs) {
  const after = new Map(nodes.map((v) => [v, []]));
  const before = new Map(nodes.map((v) => [v, []]));
  for (const [first, then] of pairs) {
    after.get(first).push(then);
    before.get(then).push(first);
  }
  const finished = [];
  const seen = new Set();
  for (const root of [...nodes].reverse()) {
    if (seen.has(root)) continue;
    seen.add(root);
    const stack = [[root, 0]];
    while (stack.length) {
      const top = stack[stack.length - 1];
      const next = after.get(top[0]);
      while (top[1] < next.length && seen.has(next[top[1]])) top[1]++;
      if (top[1] === next.length) {
        finished.push(top[0]);
        stack.pop();
      } else {
        seen.add(next[top[1]]);
        stack.push([next[top[1]], 0]);
      }
    }
  }
  const place = new Map(nodes.map((v, i) => [v, i]));
  const placed = new Set();
  const found = [];
  for (const root of finished.reverse()) {
    if (placed.has(root)) continue;
    const group = [root];
    placed.add(root);
    for (let i = 0; i < group.length; i++) {
      for (const w of before.get(group[i])) {
        if (!placed.has(w)) {
          placed.add(w);
          group.push(w);
        }
      }
    }
    found.push(group.sort((a, b) => place.get(a) - place.get(b)));
  }
  return found;
}

// The first cyclic group among decisions, or null where they can be settled one by one.
export function cyclicGroupAmong(graph, owned) {
  if (owned.size < 2) return null;
  return components([...owned.keys()], relevantPairs(graph, owned)).find((part) => part.length > 1) ?? null;
}
