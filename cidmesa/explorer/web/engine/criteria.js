// The criteria: which incentives a diagram admits, for every node and every decision.
//
// For one decision every answer is a theorem. With several, EXCLUDES is a proof in any diagram; ADMITS stands where a
// theorem carries it: with every other decision of the agent given a single action the diagram is one with one
// decision, and whatever that admits, the whole admits; VoI of a chance node moreover wherever the diagram with the
// link added is soluble. What is left a chain of steps may still exclude (chains.js). Where none does, it is UNKNOWN:
// possible, and a model found by the Python library would settle it.
// The rules of other agents are fixed mechanisms. All this is cidmesa/criteria, without its search for models.

import { Chains } from "./chains.js";
import { Graph, familyOf } from "./graph.js";
import { cyclicGroupAmong, heardOf, reduceLinks } from "./reduction.js";
import { shownLinks } from "./shown.js";

export const NONE = 0; // the criterion cannot be asked about the node
export const EXCLUDES = 1;
export const UNKNOWN = 2;
export const ADMITS = 3;

export const CRITERIA = ["voi", "voc", "ri", "ici", "requisite", "relevance"];

export const TITLES = {
  voi: "value of information",
  voc: "value of control",
  ri: "response incentive",
  ici: "instrumental control incentive",
  requisite: "requisite observation",
  relevance: "relevance",
};

export const THEOREMS = {
  voi: "Everitt et al. 2021, Thm 9",
  voc: "Everitt et al. 2021, Thm 16",
  ri: "Everitt et al. 2021, Thm 12",
  ici: "Everitt et al. 2021, Thm 18",
  requisite: "Fagiuoli & Zaffalon 1998",
  relevance: "Koller & Milch 2003; Hammond et al. 2023",
};

const PAYS_ANYWAY = "it pays the most it can anyway: its parents are decisions that serve nothing else";
const BY_CHAIN = "a chain of steps that cost nothing";
const SOLUBLE_VOI = "van Merwijk et al. 2022, Thm 7";

// All criteria for one decision of a graph, in one pass: one forward reach, one Bayes ball, three backward reaches.
export function onePass(graph, d, utilities) {
  const below = graph.descendants([d]);
  const parents = graph.parents[d];
  const arrived = graph.ball(
    utilities.filter((u) => below[u]),
    familyOf(graph, d),
  );
  const requisite = parents.filter((p) => arrived[p]);
  const dropped = parents.filter((p) => !arrived[p]);
  const reduced = dropped.length ? graph.withoutLinks(d, dropped) : graph;
  return {
    below,
    arrived,
    requisite,
    dropped,
    ri: graph.ancestors(requisite),
    voc: reduced.ancestors(utilities),
    heard: heardOf(arrived, graph, d),
  };
}

// One agent of one diagram. Nodes are positions; `decisions` and `utilities` are the agent's.
export class Analysis {
  constructor(graph, names, kinds, decisions, utilities) {
    Object.assign(this, { graph, names, kinds, decisions, utilities });
    this.chains = new Chains(graph, names, decisions, utilities);
    this.owned = new Map(decisions.map((d) => [d, utilities]));
    this.single = decisions.length === 1;
    const isolated = (d) => graph.edited({ isolate: decisions.filter((e) => e !== d) });
    this.alone = new Map(decisions.map((d) => [d, onePass(this.single ? graph : isolated(d), d, utilities)]));
    this.whole = this.single ? this.alone : new Map(decisions.map((d) => [d, onePass(graph, d, utilities)]));
    this.reduction = reduceLinks(graph, this.owned);
    this.above = new Map(decisions.map((d) => [d, this.reduction.graph.ancestors([d])]));
    this.beneath = new Map(decisions.map((d) => [d, this.reduction.graph.descendants([d])]));
    this.controls = this.reduction.graph.ancestors(utilities);
    this.cyclicGroup = cyclicGroupAmong(graph, this.owned);
    this._shown = this.single ? new Map() : shownLinks(this, this._open());
  }

  // Control of a utility sets it to the largest number that it can pay. That is worth nothing where all its parents are
  // decisions of the agent from which, in the reduction, none leads to another of its utilities; and something for sure
  // where somebody else sets a parent, or a decision that is one leads to another utility past the other decisions.
  _controlOfUtility(u) {
    this._ofUtility ??= new Map();
    if (!this._ofUtility.has(u)) this._ofUtility.set(u, this._controlOf(u));
    return this._ofUtility.get(u);
  }

  _controlOf(u) {
    const others = this.utilities.filter((w) => w !== u);
    const leads = this.reduction.graph.ancestors(others);
    if (this.reduction.graph.parents[u].every((p) => this.owned.has(p) && !leads[p])) return EXCLUDES;
    const torn = this.graph.parents[u].some((p) => {
      if (!this.owned.has(p)) return true;
      const rest = this.decisions.filter((e) => e !== p);
      return this.graph.edited({ isolate: rest }).ancestors(others)[p];
    });
    return torn ? ADMITS : UNKNOWN;
  }

  // Pairs [x, d] whose VoI neither an agent with this decision alone nor one pass settles.
  _open() {
    const pairs = [];
    for (const d of this.decisions) {
      const alone = this.alone.get(d).arrived;
      const { arrived, below } = this.whole.get(d);
      const seen = new Set(this.graph.parents[d]);
      for (let x = 0; x < this.graph.n; x++) {
        if (arrived[x] && !alone[x] && !below[x] && this.kinds[x] !== "utility" && !seen.has(x)) pairs.push([x, d]);
      }
    }
    return pairs;
  }

  // What becomes of the link x -> d once it is there: is it left by the reduction, and is a cyclic group of decisions there then?
  withLink(x, d) {
    const found = this._shown.get(x * this.graph.n + d);
    return found ?? { left: this.reduction.graph.parents[d].includes(x), cyclic: Boolean(this.cyclicGroup) };
  }

  // The decisions that are relevant to each other in a circle once the link x -> d is there.
  _cyclicGroupWith(x, d) {
    return this._shown.has(x * this.graph.n + d)
      ? cyclicGroupAmong(this.graph.edited({ add: [[x, d]] }), this.owned)
      : this.cyclicGroup;
  }

  applies(criterion, x, d) {
    if (criterion === "voc") return !this.owned.has(x);
    if (criterion === "requisite") return this.graph.parents[d].includes(x);
    if (criterion === "voi") return this.kinds[x] !== "utility" && !this.whole.get(d).below[x];
    return x !== d;
  }

  // The answer: of a theorem, or of a chain.
  answer(criterion, x, d) {
    return this.chain(criterion, x, d) ? EXCLUDES : this.settled(criterion, x, d);
  }

  // The chain that excludes what no theorem settles, or null.
  chain(criterion, x, d) {
    return this.settled(criterion, x, d) === UNKNOWN ? this.chains.proves(criterion, x, d) : null;
  }

  // The answer of a theorem; UNKNOWN where there is none.
  settled(criterion, x, d) {
    if (!this.applies(criterion, x, d)) return NONE;
    switch (criterion) {
      case "voi": {
        if (this.alone.get(d).arrived[x]) return ADMITS;
        if (this.single || !this.whole.get(d).arrived[x]) return EXCLUDES;
        const { left, cyclic } = this.withLink(x, d);
        if (!left) return EXCLUDES;
        return cyclic || this.kinds[x] === "decision" ? UNKNOWN : ADMITS;
      }
      case "ri":
        if (this.alone.get(d).ri[x]) return ADMITS;
        return !this.single && this.above.get(d)[x] ? UNKNOWN : EXCLUDES;
      case "voc":
        if (this.utilities.includes(x)) return this._controlOfUtility(x);
        if (this.decisions.some((e) => this.alone.get(e).voc[x])) return ADMITS;
        return !this.single && this.controls[x] ? UNKNOWN : EXCLUDES;
      case "ici": {
        const { below, voc } = this.alone.get(d);
        if (below[x] && voc[x]) return ADMITS;
        return !this.single && this.controls[x] && this.beneath.get(d)[x] ? UNKNOWN : EXCLUDES;
      }
      case "requisite":
        return this.whole.get(d).requisite.includes(x) ? ADMITS : EXCLUDES;
      default:
        return this.whole.get(d).heard[x] ? ADMITS : EXCLUDES;
    }
  }

  // The theorem behind an answer, or what keeps the theorems from applying.
  reason(criterion, x, d) {
    if (this.chain(criterion, x, d)) return BY_CHAIN;
    const answer = this.settled(criterion, x, d);
    if (answer === UNKNOWN) {
      const group = criterion === "voi" ? this._cyclicGroupWith(x, d) : this.cyclicGroup;
      if (group) {
        return `not soluble: ${group.map((e) => this.names[e]).join(", ")} are relevant to each other in a circle`;
      }
      if (criterion === "voi") return `the link from the decision ${this.names[x]} is one between decisions`;
      return "it hangs on a link between decisions: an optimal rule of one may leave the other nothing to respond to";
    }
    if (criterion === "voi" && answer === ADMITS && !this.alone.get(d).arrived[x]) return SOLUBLE_VOI;
    if (criterion === "voc" && answer === EXCLUDES && this.utilities.includes(x)) return PAYS_ANYWAY;
    return THEOREMS[criterion];
  }
}

// Every answer of a diagram. `diagram`: {names, kinds, owners, agents, links} with positions; owners are agent numbers.
export class Report {
  constructor({ names, kinds, owners, agents, links }) {
    this.names = names;
    this.kinds = kinds;
    this.owners = owners;
    this.agents = agents;
    this.graph = Graph.of(names.length, links);
    const of = (agent, kind) => names.map((_, v) => v).filter((v) => kinds[v] === kind && owners[v] === agent);
    this.decisions = [];
    this.owned = new Map();
    this.analyses = new Map();
    agents.forEach((_, agent) => {
      const decisions = of(agent, "decision");
      const utilities = of(agent, "utility");
      if (!decisions.length) return;
      const analysis = new Analysis(this.graph, names, kinds, decisions, utilities);
      for (const d of decisions) {
        this.decisions.push(d);
        this.owned.set(d, utilities);
        this.analyses.set(d, analysis);
      }
    });
    const one = [...new Set(this.analyses.values())];
    this.reduction = one.length === 1 ? one[0].reduction : reduceLinks(this.graph, this.owned);
    this.soluble = one.every((analysis) => !analysis.cyclicGroup);
    this.cyclicGroups = one.map((analysis) => analysis.cyclicGroup).filter(Boolean);
  }

  answer(criterion, x, d) {
    return this.analyses.get(d).answer(criterion, x, d);
  }

  reason(criterion, x, d) {
    return this.analyses.get(d).reason(criterion, x, d);
  }

  // The answers of one criterion for one decision, by node.
  answers(criterion, d) {
    const analysis = this.analyses.get(d);
    const found = new Uint8Array(this.names.length);
    for (let x = 0; x < found.length; x++) found[x] = analysis.answer(criterion, x, d);
    return found;
  }

  // All of them: criterion -> decision -> answers by node.
  table() {
    return Object.fromEntries(
      CRITERIA.map((criterion) => [criterion, new Map(this.decisions.map((d) => [d, this.answers(criterion, d)]))]),
    );
  }

  // The links that the reduction drops, as positions.
  dropped() {
    return this.reduction.steps.flatMap(([d, tails]) => tails.map((tail) => [tail, d]));
  }
}
