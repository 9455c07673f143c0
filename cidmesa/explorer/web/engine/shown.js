// What if a decision saw a node that it does not see? The question of VoI that one pass leaves open.
//
// Each pair (x, d) is a question about its own graph, the diagram with the link x -> d: does the minimal reduction
// leave that link, and is the graph soluble? The graphs differ in one link, so 32 of them are answered at once: a set
// of questions is the bits of one integer, every link carries the set of questions in whose graph it is, and the Bayes
// ball carries through each state the set of those in which it has come there.

const LANES = 32;
const ALL = -1;

// For each pair [x, d]: {left, cyclic}, under the key x * n + d. `owned` maps the agent's decisions to its utilities.
export function shownLinks({ graph, owned }, pairs) {
  const found = new Map();
  for (let at = 0; at < pairs.length; at += LANES) {
    const some = pairs.slice(at, at + LANES);
    const bundle = new Bundle(graph, owned, some);
    const cyclic = bundle.cyclic();
    const left = bundle.left();
    some.forEach(([x, d], lane) => {
      found.set(x * graph.n + d, {
        left: Boolean((left[lane] >>> lane) & 1),
        cyclic: Boolean((cyclic >>> lane) & 1),
      });
    });
  }
  return found;
}

class Bundle {
  constructor(graph, owned, pairs) {
    const { n } = graph;
    this.n = n;
    this.decisions = [...owned.keys()];
    this.utilities = [...owned.values()][0];
    const rank = new Int32Array(n).fill(-1);
    this.decisions.forEach((d, i) => (rank[d] = i));
    this.rank = rank;
    const extra = new Map();
    pairs.forEach(([x, d], lane) => {
      if (!extra.has(d)) extra.set(d, []);
      extra.get(d).push([x, 1 << lane]);
    });
    // Links are numbered by head; `in_` maps a node to its links from parents, `out` to those to children.
    const tails = [];
    const masks = [];
    this.inStart = new Int32Array(n + 1);
    const count = new Int32Array(n + 1);
    for (let v = 0; v < n; v++) {
      this.inStart[v] = tails.length;
      for (const p of graph.parents[v]) {
        tails.push(p);
        masks.push(ALL);
        count[p]++;
      }
      for (const [x, mask] of extra.get(v) ?? []) {
        tails.push(x);
        masks.push(mask);
        count[x]++;
      }
    }
    this.inStart[n] = tails.length;
    this.tail = Int32Array.from(tails);
    this.mask = Int32Array.from(masks);
    this.outStart = new Int32Array(n + 1);
    for (let v = 0; v < n; v++) this.outStart[v + 1] = this.outStart[v] + count[v];
    const next = this.outStart.slice();
    this.outHead = new Int32Array(tails.length);
    this.outLink = new Int32Array(tails.length);
    for (let v = 0; v < n; v++) {
      for (let i = this.inStart[v]; i < this.inStart[v + 1]; i++) {
        const at = next[tails[i]]++;
        this.outHead[at] = v;
        this.outLink[at] = i;
      }
    }
    this.own = pairs.map(([x, d]) => {
      for (let i = this.inStart[d + 1] - 1; ; i--) if (this.tail[i] === x) return i;
    });
    this.reached = new Int32Array(2 * n); // up(v) at v, down(v) at n + v: in which questions the ball has come there
    this.fresh = new Int32Array(2 * n);
    this.observed = new Int32Array(n);
    this.below = new Int32Array(n);
    this.queue = new Int32Array(2 * n);
  }

  // Sets `below`: in which questions a node descends from `d` (which does so itself).
  spread(d) {
    const { below, queue, n } = this;
    const waiting = this.fresh;
    below.fill(0);
    waiting.fill(0);
    below[d] = ALL;
    waiting[d] = ALL;
    let size = 1;
    queue[0] = d;
    while (size) {
      const v = queue[--size];
      const bits = waiting[v];
      waiting[v] = 0;
      for (let i = this.outStart[v]; i < this.outStart[v + 1]; i++) {
        const c = this.outHead[i];
        const add = bits & this.mask[this.outLink[i]] & ~below[c];
        if (!add) continue;
        below[c] |= add;
        if (!waiting[c]) queue[size++] = c;
        waiting[c] |= add;
      }
    }
    return n;
  }

  // Throws the ball from the agent's utilities below `d`, given the family of `d`, in every question's own graph.
  ball(d) {
    this.spread(d);
    const { n, reached, fresh, observed, queue, tail, mask, inStart, outStart, outHead, outLink } = this;
    const cap = 2 * n;
    reached.fill(0);
    fresh.fill(0);
    observed[d] = ALL;
    for (let i = inStart[d]; i < inStart[d + 1]; i++) observed[tail[i]] |= mask[i];
    let first = 0;
    let size = 0;
    for (const u of this.utilities) {
      if (!this.below[u]) continue;
      reached[u] = fresh[u] = this.below[u];
      queue[(first + size++) % cap] = u;
    }
    while (size) {
      const state = queue[first];
      first = first + 1 === cap ? 0 : first + 1;
      size--;
      const bits = fresh[state];
      fresh[state] = 0;
      const up = state < n;
      const v = up ? state : state - n;
      const seen = observed[v];
      const downwards = bits & ~seen;
      if (up) {
        const add = downwards & ~reached[n + v];
        if (add) {
          reached[n + v] |= add;
          if (!fresh[n + v]) queue[(first + size++) % cap] = n + v;
          fresh[n + v] |= add;
        }
      } else if (downwards) {
        for (let i = outStart[v]; i < outStart[v + 1]; i++) {
          const to = n + outHead[i];
          const add = downwards & mask[outLink[i]] & ~reached[to];
          if (!add) continue;
          reached[to] |= add;
          if (!fresh[to]) queue[(first + size++) % cap] = to;
          fresh[to] |= add;
        }
      }
      const upwards = up ? downwards : bits & seen;
      if (!upwards) continue;
      for (let i = inStart[v]; i < inStart[v + 1]; i++) {
        const to = tail[i];
        const add = upwards & mask[i] & ~reached[to];
        if (!add) continue;
        reached[to] |= add;
        if (!fresh[to]) queue[(first + size++) % cap] = to;
        fresh[to] |= add;
      }
    }
    observed[d] = 0;
    for (let i = inStart[d]; i < inStart[d + 1]; i++) observed[tail[i]] = 0;
  }

  // The questions in whose graph some decisions are relevant to each other in a circle. Asked before `left`.
  cyclic() {
    const { decisions, n, reached } = this;
    const k = decisions.length;
    const leads = new Int32Array(k * k); // first -> then, as sets of questions
    decisions.forEach((d, then) => {
      this.ball(d);
      decisions.forEach((e, first) => {
        if (e === d) return;
        let seen = 0;
        for (let i = this.inStart[d]; i < this.inStart[d + 1]; i++) if (this.tail[i] === e) seen |= this.mask[i];
        leads[first * k + then] = (reached[e] & ~seen) | (reached[n + e] & seen);
      });
    });
    for (let via = 0; via < k; via++) {
      for (let a = 0; a < k; a++) {
        const first = leads[a * k + via];
        if (!first) continue;
        for (let b = 0; b < k; b++) leads[a * k + b] |= first & leads[via * k + b];
      }
    }
    let circle = 0;
    for (let a = 0; a < k; a++) circle |= leads[a * k + a];
    return circle;
  }

  // Drops nonrequisite links to the fixpoint; then says, for each question, in which graphs its link is left.
  left() {
    const { decisions, n, reached, mask } = this;
    const k = decisions.length;
    const stale = new Uint8Array(k).fill(1);
    const saw = new Int32Array(k * k);
    const later = decisions.map((d) => {
      this.spread(d);
      return decisions.filter((e) => this.below[e]).length;
    });
    const order = decisions.map((_, i) => i).sort((a, b) => later[a] - later[b]);
    while (stale.includes(1)) {
      for (const i of order) {
        if (!stale[i]) continue;
        stale[i] = 0;
        const d = decisions[i];
        this.ball(d);
        decisions.forEach((e, j) => (saw[i * k + j] = reached[e] | reached[n + e] | this.below[e]));
        let changed = 0;
        for (let link = this.inStart[d]; link < this.inStart[d + 1]; link++) {
          const p = this.tail[link];
          const gone = mask[link] & ~(reached[p] | reached[n + p]);
          mask[link] &= ~gone;
          changed |= gone;
        }
        if (!changed) continue;
        for (let j = 0; j < k; j++) if (j !== i && saw[j * k + i] & changed) stale[j] = 1;
      }
    }
    return this.own.map((link) => mask[link]);
  }
}
