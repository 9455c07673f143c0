// Reachability on node positions: directed paths, and the Bayes ball on the doubled graph.
//
// The ball is Shachter's picture of d-separation: thrown from some nodes, it arrives exactly at those that are
// d-connected with them. It is plain reachability between two states a node,
//   up(v)    the ball comes to v from a child, or starts there; it goes on to up(parents) and down(v);
//   down(v)  it comes from a parent and goes on to down(children);
// where for an observed z the state up(z) is dead and down(z) leads to up(parents), the bounce.
// It is the same engine as cidmesa/graph/index.py, which says more.

export const UP = 1;
export const DOWN = 2;

export class Graph {
  // Lists of parents and of children by position. They may be shared between graphs and are never changed.
  constructor(parents, children) {
    this.n = parents.length;
    this.parents = parents;
    this.children = children;
  }

  static of(n, links) {
    const parents = Array.from({ length: n }, () => []);
    const children = Array.from({ length: n }, () => []);
    for (const [tail, head] of links) {
      parents[head].push(tail);
      children[tail].push(head);
    }
    return new Graph(parents, children);
  }

  // Marks what a directed path from `sources` reaches, `sources` included.
  descendants(sources) {
    return spread(this.children, sources);
  }

  // Marks what has a directed path into `sources`, `sources` included.
  ancestors(sources) {
    return spread(this.parents, sources);
  }

  // Throws the ball from `sources` under the observations `given`; each node gets the bits UP and DOWN.
  ball(sources, given) {
    const { n, parents, children } = this;
    const reached = new Uint8Array(n);
    const observed = new Uint8Array(n);
    for (const z of given) observed[z] = 1;
    const stack = [];
    for (const v of sources) {
      reached[v] = UP;
      stack.push(v); // up(v) is written v, down(v) is written ~v
    }
    while (stack.length) {
      let v = stack.pop();
      if (v >= 0) {
        if (observed[v]) continue;
        if (!(reached[v] & DOWN)) {
          reached[v] |= DOWN;
          stack.push(~v);
        }
      } else {
        v = ~v;
        if (!observed[v]) {
          const below = children[v];
          for (let i = 0; i < below.length; i++) {
            const c = below[i];
            if (!(reached[c] & DOWN)) {
              reached[c] |= DOWN;
              stack.push(~c);
            }
          }
          continue;
        }
      }
      const above = parents[v];
      for (let i = 0; i < above.length; i++) {
        const p = above[i];
        if (!(reached[p] & UP)) {
          reached[p] |= UP;
          stack.push(p);
        }
      }
    }
    return reached;
  }

  // The graph after adding and dropping links, and dropping every link of the nodes in `isolate`.
  edited({ add = [], drop = [], isolate = [] }) {
    const parents = this.parents.slice();
    const children = this.children.slice();
    for (const [tail, head] of drop) {
      parents[head] = parents[head].filter((p) => p !== tail);
      children[tail] = children[tail].filter((c) => c !== head);
    }
    for (const v of isolate) {
      for (const p of parents[v]) children[p] = children[p].filter((c) => c !== v);
      for (const c of children[v]) parents[c] = parents[c].filter((p) => p !== v);
      parents[v] = [];
      children[v] = [];
    }
    for (const [tail, head] of add) {
      if (parents[head].includes(tail)) continue;
      parents[head] = [...parents[head], tail];
      children[tail] = [...children[tail], head];
    }
    return new Graph(parents, children);
  }

  withoutLinks(head, tails) {
    return this.edited({ drop: tails.map((tail) => [tail, head]) });
  }

  // Positions such that parents come before children, ties in the order of positions; null where there is a cycle.
  topological() {
    const waiting = this.parents.map((above) => above.length);
    const order = [];
    for (let v = 0; v < this.n; v++) if (!waiting[v]) order.push(v);
    for (let i = 0; i < order.length; i++) {
      for (const c of this.children[order[i]]) if (--waiting[c] === 0) order.push(c);
    }
    return order.length === this.n ? order : null;
  }
}

// The family of a decision: itself and what it sees.
export function familyOf(graph, d) {
  return [d, ...graph.parents[d]];
}

// A shortest active walk from `source` to one of `goals`, or []. With `downwards` it comes from above `source`, as
// from its mechanism.
export function activeWalk(graph, source, goals, given, downwards = false) {
  const wanted = new Set(goals);
  const observed = new Set(given);
  const start = downwards ? ~source : source;
  const before = new Map([[start, null]]);
  const queue = [start];
  for (let i = 0; i < queue.length; i++) {
    const state = queue[i];
    const v = state >= 0 ? state : ~state;
    if (wanted.has(v)) {
      const walk = [];
      for (let at = state; at !== null; at = before.get(at)) {
        const node = at >= 0 ? at : ~at;
        if (walk[walk.length - 1] !== node) walk.push(node);
      }
      return walk.reverse();
    }
    let steps;
    if (state >= 0) steps = observed.has(v) ? [] : [~v, ...graph.parents[v]];
    else if (observed.has(v)) steps = graph.parents[v];
    else steps = graph.children[v].map((c) => ~c);
    for (const step of steps) {
      if (before.has(step)) continue;
      before.set(step, state);
      queue.push(step);
    }
  }
  return [];
}

// A shortest directed path from `source` to one of `goals`, which may be `source` itself, or [].
export function directedPath(graph, source, goals) {
  const wanted = new Set(goals);
  const before = new Map([[source, null]]);
  const queue = [source];
  for (let i = 0; i < queue.length; i++) {
    const v = queue[i];
    if (wanted.has(v)) {
      const path = [];
      for (let at = v; at !== null; at = before.get(at)) path.push(at);
      return path.reverse();
    }
    for (const c of graph.children[v]) {
      if (before.has(c)) continue;
      before.set(c, v);
      queue.push(c);
    }
  }
  return [];
}

function spread(neighbours, sources) {
  const seen = new Uint8Array(neighbours.length);
  const stack = [];
  for (const v of sources) {
    seen[v] = 1;
    stack.push(v);
  }
  while (stack.length) {
    const next = neighbours[stack.pop()];
    for (let i = 0; i < next.length; i++) {
      const v = next[i];
      if (!seen[v]) {
        seen[v] = 1;
        stack.push(v);
      }
    }
  }
  return seen;
}
