// Chains: proofs of a no where decisions hang on each other, as in cidmesa/criteria/chains.
//
// A chain is a list of steps that lower the best value of no model, from the diagram to one with fewer information links.
// What each step says and why it holds is in the Python library, whose `Chain.check` accepts what is found here. This is
// its search (cidmesa/criteria/chains/find.py) line by line, on sets of positions as the bits of one number. A diagram
// of more than 16 nodes, where looking would keep the page waiting, is left to Python, as is every search for a model.

export const MOST_NODES = 16;

const TRIALS = 200; // so many links are tried as added ones for one that should go
const NOISE = 3; // so many nodes an ordering may take for noise
const ORDERED = 12; // so many nodes an ordering may have

function bits(mask) {
  const found = [];
  for (; mask; mask &= mask - 1) found.push(31 - Math.clz32(mask & -mask));
  return found;
}

function count(mask) {
  return bits(mask).length;
}

// A diagram of one agent while steps are tried on it; what others decide and are paid is chance.
class Net {
  constructor(pa, ch, chance, decisions, utilities) {
    Object.assign(this, { pa, ch, chance, decisions, utilities });
  }

  static of(graph, decisions, utilities) {
    const mask = (nodes) => nodes.reduce((sum, v) => sum | (1 << v), 0);
    const all = mask(graph.parents.map((_, v) => v));
    const [own, paid] = [mask(decisions), mask(utilities)];
    return new Net(graph.parents.map(mask), graph.children.map(mask), all & ~own & ~paid, own, paid);
  }

  copy() {
    return new Net(this.pa.slice(), this.ch.slice(), this.chance, this.decisions, this.utilities);
  }

  link(tail, head) {
    this.pa[head] |= 1 << tail;
    this.ch[tail] |= 1 << head;
  }

  cut(tails, head) {
    this.pa[head] &= ~tails;
    for (const tail of bits(tails)) this.ch[tail] &= ~(1 << head);
  }

  drop(v) {
    for (const c of bits(this.ch[v])) this.pa[c] &= ~(1 << v);
    this.ch[v] = 0;
    this.chance &= ~(1 << v);
  }

  below(v) {
    let seen = 1 << v;
    for (let fresh = seen; fresh; ) {
      let next = 0;
      for (const w of bits(fresh)) next |= this.ch[w];
      fresh = next & ~seen;
      seen |= fresh;
    }
    return seen & ~(1 << v);
  }

  // Where a Bayes ball arrives, and above which nodes: whose mechanism it would touch.
  connected(sources, given) {
    let [up, down, touched] = [sources, 0, 0];
    let [freshUp, freshDown] = [sources, 0];
    while (freshUp | freshDown) {
      const rising = (freshUp & ~given) | (freshDown & given);
      touched |= rising;
      let [newUp, newDown] = [0, freshUp & ~given];
      for (const v of bits(rising)) newUp |= this.pa[v];
      for (const v of bits(freshDown & ~given)) newDown |= this.ch[v];
      [freshUp, freshDown] = [newUp & ~up, newDown & ~down];
      up |= freshUp;
      down |= freshDown;
    }
    return [up | down, touched];
  }
}

// A graph, and the steps that led to it.
class Search {
  constructor(net, names, steps) {
    Object.assign(this, { net, names, steps });
  }

  copy() {
    return new Search(this.net.copy(), this.names, this.steps.slice());
  }

  named(mask) {
    return bits(mask).map((v) => this.names[v]);
  }

  has(tail, head) {
    return Boolean((this.net.pa[head] >> tail) & 1);
  }

  links() {
    return bits(this.net.decisions).flatMap((d) => bits(this.net.pa[d]).map((p) => [p, d]));
  }

  // A search in which a link is gone, this one or one that goes on, or null.
  ridOf(tail, head) {
    if (!this.has(tail, head)) return this;
    return this.ordered(tail, head) ?? this.withALinkMore(tail, head);
  }

  // Takes steps until none is left; a link that makes another idle may itself be to a known decision.
  settle(knownLast = false) {
    if (knownLast) while (this.nonrequisite() || this.collapse() || this.noise() || this.known());
    else while (this.known() || this.collapse() || this.noise() || this.nonrequisite());
    return this;
  }

  known() {
    const { net } = this;
    let found = false;
    for (const d of bits(net.decisions)) {
      for (const e of bits(net.pa[d] & net.decisions)) {
        if (net.pa[e] & ~net.pa[d]) continue;
        net.cut(1 << e, d);
        this.steps.push({ step: "KnownDecision", decision: this.names[d], known: this.names[e] });
        found = true;
      }
    }
    return found;
  }

  nonrequisite() {
    return bits(this.net.decisions).some((d) => this.dropIdle(d, -1));
  }

  // Drops what a decision sees and need not, of the nodes given.
  dropIdle(d, which) {
    const { net } = this;
    if (!(net.pa[d] & which)) return false;
    const idle = net.pa[d] & which & ~net.connected(net.below(d) & net.utilities, net.pa[d] | (1 << d))[0];
    if (idle) {
      net.cut(idle, d);
      this.steps.push({ step: "Nonrequisite", decision: this.names[d], nodes: this.named(idle) });
    }
    return Boolean(idle);
  }

  noise() {
    const { net } = this;
    let inside = net.chance | net.decisions;
    for (let changed = true; changed; ) {
      changed = false;
      for (const v of bits(inside)) {
        const heard = (net.chance >> v) & 1 ? net.ch[v] & ~net.decisions : 0;
        if (net.pa[v] & ~inside || heard & ~inside) {
          inside &= ~(1 << v);
          changed = true;
        }
      }
    }
    const seeing = bits(net.decisions).filter((d) => net.pa[d] & inside);
    if (!seeing.length) return false;
    const useful = this.onlyWhatMatters(inside);
    this.steps.push({
      step: "Noise",
      chance: this.named(useful & net.chance),
      decisions: this.named(useful & net.decisions),
    });
    for (const d of seeing) net.cut(net.pa[d] & useful, d);
    return true;
  }

  // Leaves out members that nobody in question hears of, and of chance only those without parents.
  onlyWhatMatters(inside) {
    const { net } = this;
    for (;;) {
      let idle = 0;
      for (const v of bits(inside)) {
        if (!(net.ch[v] & (net.decisions | inside)) && !(net.pa[v] && (net.chance >> v) & 1)) idle |= 1 << v;
      }
      if (!idle) return inside;
      inside &= ~idle;
    }
  }

  collapse() {
    const { net } = this;
    let found = false;
    for (const v of bits(net.chance)) {
      const children = net.ch[v];
      const lone = !(children & (children - 1));
      if (children & net.decisions || !(net.pa[v] || lone)) continue;
      for (const c of bits(children)) for (const p of bits(net.pa[v])) net.link(p, c);
      net.cut(net.pa[v], v);
      if (lone) net.drop(v);
      this.steps.push({ step: "Collapse", node: this.names[v] });
      found = true;
    }
    const roots = bits(net.chance).filter((v) => !net.pa[v] && !(net.ch[v] & net.decisions));
    for (const v of roots) {
      const into = roots.find((w) => w !== v && (net.chance >> w) & 1 && !(net.ch[v] & ~net.ch[w]));
      if (into === undefined) continue;
      net.drop(v);
      this.steps.push({ step: "Absorb", node: this.names[v], into: this.names[into] });
      found = true;
    }
    return found;
  }

  withALinkMore(tail, head) {
    const { net } = this;
    let trials = 0;
    for (const d of bits(net.decisions)) {
      for (const v of bits((net.chance | net.decisions) & ~(net.pa[d] | net.below(d) | (1 << d)))) {
        if (++trials > TRIALS) return null;
        const more = this.copy();
        more.net.link(v, d);
        more.steps.push({ step: "AddedLinks", links: [[this.names[v], this.names[d]]] });
        const ways = [() => more.copy().settle(true), () => more.copy().settle(), () => alone(more, tail, head)];
        for (const way of ways) {
          const other = way();
          if (other && !other.has(v, d) && !other.has(tail, head)) return other;
        }
      }
    }
    return null;
  }

  ordered(tail, head) {
    const { net } = this;
    const others = net.decisions & ~((1 << tail) | (1 << head));
    const groups = subsets(others).map((ours) => ours | (1 << head));
    for (const ours of groups.sort((a, b) => count(a) - count(b))) {
      const seen = bits(ours).reduce((sum, d) => sum | net.pa[d], 0);
      for (const noise of holding(1 << tail, seen & ~ours, NOISE)) {
        for (const context of this.contexts(ours, noise, seen)) {
          const order = this.order(ours, noise, context);
          if (!order) continue;
          const other = this.copy();
          for (const d of bits(ours)) other.net.cut(net.pa[d] & noise, d);
          other.steps.push({
            step: "Ordering",
            decisions: this.named(ours),
            noise: this.named(noise),
            order: order.map((v) => this.names[v]),
          });
          return other.settle();
        }
      }
    }
    return null;
  }

  contexts(ours, noise, seen) {
    const taken = noise | ours;
    const least = seen & ~taken;
    const most = (this.net.chance | this.net.decisions) & ~taken;
    return [...new Set([least, most])].filter((context) => count(context | taken) <= ORDERED);
  }

  // An order of the three sets that shows the noise to be noise, or null.
  order(ours, noise, context) {
    const { net } = this;
    const [reached, touched] = net.connected(net.utilities, ours | context);
    if (reached & noise || touched & ours) return null;
    const shown = new Map();
    for (const r of bits(noise)) {
      const seers = bits(ours & net.ch[r]);
      shown.set(r, seers.length ? seers.reduce((common, d) => common & net.pa[d], -1) : 0);
    }
    const below = new Map(bits(ours).map((d) => [d, net.below(d)]));
    const everything = ours | noise | context;
    const failed = new Set();
    const mayCome = (v, before) => {
      if ((ours >> v) & 1) return !(net.pa[v] & ~before) && !(before & below.get(v));
      if ((noise >> v) & 1) {
        const known = before & shown.get(v);
        return !(net.connected(1 << v, known)[0] & before & ~known);
      }
      const [arrived, above] = net.connected(1 << v, before & ~noise);
      return !((arrived & noise & before) | (above & ours));
    };
    const rest = (before) => {
      if (before === everything) return [];
      if (failed.has(before)) return null;
      for (const v of bits(everything & ~before)) {
        if (!mayCome(v, before)) continue;
        const found = rest(before | (1 << v));
        if (found) return [v, ...found];
      }
      failed.add(before);
      return null;
    };
    return rest(0);
  }
}

// A search in which the link in question alone is dropped first, if it is idle; or null.
function alone(search, tail, head) {
  const other = search.copy();
  return other.dropIdle(head, 1 << tail) ? other.settle() : null;
}

function combinations(members, size, start = 0) {
  if (!size) return [0];
  const found = [];
  for (let i = start; i <= members.length - size; i++) {
    for (const rest of combinations(members, size - 1, i + 1)) found.push((1 << members[i]) | rest);
  }
  return found;
}

function subsets(mask) {
  const members = bits(mask).slice(0, 8);
  return [...members, null].flatMap((_, size) => combinations(members, size));
}

// The sets of at most `most` members that hold `first`, the small ones first.
function holding(first, pool, most) {
  const members = bits(pool & ~first);
  return Array.from({ length: most }, (_, size) => combinations(members, size))
    .flat()
    .map((rest) => first | rest);
}

// What chains say of one agent of one diagram, found on demand.
export class Chains {
  constructor(graph, names, decisions, utilities) {
    Object.assign(this, { graph, names, decisions, utilities });
    this._found = new Map();
  }

  // A chain that proves the no: {steps, gone, added, xs, ys, paid}, by positions but for the steps; or null. No directed
  // path from `xs` to `ys` is left once the links in `gone` are dropped, and decisions alone set what is in `paid`.
  proves(criterion, x, d) {
    if (this.names.length > MOST_NODES || !["voi", "voc", "ri", "ici"].includes(criterion)) return null;
    const key = `${criterion} ${x} ${criterion === "voc" ? "" : d}`;
    if (!this._found.has(key)) {
      this._found.set(key, criterion === "voi" ? this._information(x, d) : this._directed(criterion, x, d));
    }
    return this._found.get(key);
  }

  _information(x, d) {
    const added = this.graph.parents[d].includes(x) ? [] : [[x, d]];
    const search = this._start(this.graph.edited({ add: added })).ridOf(x, d);
    return search && { steps: search.steps, gone: [[x, d]], added, xs: [], ys: [], paid: [] };
  }

  _directed(criterion, x, d) {
    const { steps, gone } = this._reduced();
    if (!gone.length) return null;
    const left = this.graph.edited({ drop: gone });
    const chain = { steps, gone, added: [], xs: [], ys: [], paid: [] };
    if (criterion === "voc" && this.utilities.includes(x)) {
      const leads = left.ancestors(this.utilities.filter((u) => u !== x));
      const idle = left.parents[x].every((p) => this.decisions.includes(p) && !leads[p]);
      return idle ? { ...chain, paid: [x] } : null;
    }
    const claims = { ri: [[[x], [d]]], voc: [[[x], this.utilities]], ici: [[[d], [x]], [[x], this.utilities]] };
    for (const [xs, ys] of claims[criterion]) {
      const reached = left.descendants(xs);
      if (!ys.some((v) => reached[v])) return { ...chain, xs, ys };
    }
    return null;
  }

  // The fixpoint, as far as the steps go, and the information links that are not left.
  _reduced() {
    if (this._fixpoint) return this._fixpoint;
    let search = this._start(this.graph);
    let stuck = new Set();
    const key = ([p, d]) => p * this.graph.n + d;
    for (;;) {
      const pending = search.links().find((link) => !stuck.has(key(link)));
      if (!pending) break;
      const found = search.ridOf(...pending);
      if (found) [search, stuck] = [found, new Set()];
      else stuck.add(key(pending));
    }
    const gone = this.decisions.flatMap((d) =>
      this.graph.parents[d].filter((p) => !search.has(p, d)).map((p) => [p, d]),
    );
    this._fixpoint = { steps: search.steps, gone };
    return this._fixpoint;
  }

  _start(graph) {
    return new Search(Net.of(graph, this.decisions, this.utilities), this.names, []).settle();
  }
}

const WORDS = {
  KnownDecision: ({ decision, known }) =>
    `${decision} need not see ${known}: it sees all that ${known} sees, and can work it out`,
  Nonrequisite: ({ decision, nodes }) =>
    `${decision} need not see ${nodes.join(", ")}: nothing it is paid for hangs on that`,
  Noise: ({ chance, decisions }) => {
    const fixed = decisions.join(", ");
    if (!chance.length) return `${fixed} may be fixed: nothing random comes before them`;
    const acting = fixed ? `, and may act as if ${fixed} were fixed` : "";
    return `only decisions hear of ${chance.join(", ")}: they may act as if its best value had come up${acting}`;
  },
  Collapse: ({ node }) => `no decision sees ${node}: its children may hear what it hears`,
  Absorb: ({ node, into }) => `${into} may carry ${node} as well: all that hear of the one hear of the other`,
  AddedLinks: ({ links }) => `suppose that ${links.map(([tail, head]) => `${head} saw ${tail} too`).join(", ")}`,
  Ordering: ({ decisions, noise, order }) =>
    `${decisions.join(", ")} may draw ${noise.join(", ")} as noise of their own (in the order ${order.join(", ")})`,
};

// A step in the library's words.
export function stepInWords(step) {
  return WORDS[step.step](step);
}
