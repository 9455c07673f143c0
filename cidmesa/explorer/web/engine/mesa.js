// Base against mesa: all that a bare diagram certifies of an optimizer of chosen targets.
//
// The mesa diagram is the base diagram with the score demoted to chance, a new utility that is a child of all targets,
// and only the information links that are requisite for it. Without numbers C1 (control) can exclude a target, and
// targets that hold the score, or all it reads, are consistent; C2 (information cover) only says where an objective
// would be inconsistent wherever an observation is material; the rest needs numbers and is UNKNOWN here.

import { ADMITS, NONE, Report, UNKNOWN } from "./criteria.js";
import { Graph, familyOf } from "./graph.js";
import { heard, reduceLinks } from "./reduction.js";

export const MESA_UTILITY = "mesa_utility";
export const COMPARED = ["voi", "requisite", "ri", "ici"];

// Says why a diagram has no base optimizer whose mesa-optimizers could be asked for; "" if it has one.
export function noTraining(report) {
  if (report.agents.length > 1) return "a training setup has one base optimizer, and this diagram has several agents";
  if (!report.decisions.length) return "training needs something to learn, and this diagram has no decision";
  if (!report.kinds.includes("utility")) return "training needs something to score by, and this diagram has no utility";
  if (report.names.includes(MESA_UTILITY)) return `\`${MESA_UTILITY}\` is a node: rename it`;
  return "";
}

// Targets as positions: chance nodes, and the score as a whole, in node order.
export function readTargets(report, targets) {
  const wanted = new Set(targets);
  const scored = [...wanted].some((v) => report.kinds[v] === "utility");
  return report.names
    .map((_, v) => v)
    .filter((v) => (report.kinds[v] === "utility" ? scored : wanted.has(v) && report.kinds[v] === "chance"));
}

// The mesa-optimizer of `targets` (positions, as readTargets gives them; at least one).
export class Mesa {
  constructor(report, targets) {
    this.base = report;
    this.targets = targets;
    this.score = report.kinds.flatMap((kind, v) => (kind === "utility" ? [v] : []));
    this._below = new Map(report.decisions.map((d) => [d, strictly(report.graph.descendants([d]), [d])]));
    this.below = union([...this._below.values()], report.names.length);
    this.control = targets.some((t) => this.below[t]);
    this.cover = this._cover();
    this.holdsTheScore = this._holdsTheScore();
    this.consistency = this.control ? (this.holdsTheScore ? "CONSISTENT" : "UNKNOWN") : "EXCLUDED";
    this.positions = this._positions();
    this.shifts = this._shifts();
    this.report = this._mesaReport();
    this._compare();
  }

  // What the targets make requisite at a decision.
  requisite(d) {
    const { graph } = this.base;
    if (!this.targets.some((t) => this._below.get(d)[t])) return [];
    const arrived = graph.ball(this.targets, familyOf(graph, d));
    return graph.parents[d].filter((p) => arrived[p]);
  }

  // C2: decision -> pairs [observation requisite for the base, covered | surrogate | severed].
  _cover() {
    const { graph, decisions } = this.base;
    const cover = new Map();
    for (const d of decisions) {
      const arrived = graph.ball(
        this.score.filter((u) => this._below.get(d)[u]),
        familyOf(graph, d),
      );
      const kept = this.requisite(d);
      const found = [];
      for (const p of graph.parents[d]) {
        if (!arrived[p]) continue;
        if (kept.includes(p)) found.push([p, "covered"]);
        else {
          const joined = graph.ball([p], []);
          found.push([p, kept.some((q) => joined[q]) ? "surrogate" : "severed"]);
        }
      }
      cover.set(d, found);
    }
    return cover;
  }

  _reads() {
    return new Set(this.score.flatMap((u) => this.base.graph.parents[u]));
  }

  _holdsTheScore() {
    const goals = new Set(this.targets);
    const reads = [...this._reads()];
    const decided = reads.some((v) => this.base.kinds[v] === "decision");
    return this.score.every((u) => goals.has(u)) || (!decided && reads.every((v) => goals.has(v)));
  }

  // Where the targets stand to the base objective; the table is in cidmesa's positions.
  _positions() {
    const { graph, kinds } = this.base;
    const { below, score } = this;
    const goals = new Set(this.targets);
    const mine = this.targets.filter((t) => below[t]);
    if (!mine.length) return [];
    const reads = this._reads();
    const decided = [...reads].some((v) => kinds[v] === "decision");
    const steered = [...reads].filter((v) => kinds[v] !== "decision" && below[v]);
    const holds = (nodes) => [...nodes].every((v) => goals.has(v));
    const equals = (nodes) => holds(nodes) && [...nodes].length === goals.size;
    const found = [];
    if (equals(score) || (equals(reads) && !decided)) found.push("identical");
    else if (holds(score) || (holds(reads) && !decided)) found.push("contains");
    else if (mine.some((t) => steered.includes(t))) found.push("part");
    const means = mine.filter((t) => !steered.includes(t) && !score.includes(t));
    const ends = steered.filter((y) => !goals.has(y));
    const leads = (from, to) => {
      return from.some((v) => {
        const reach = strictly(graph.descendants([v]), [v]);
        return to.some((w) => reach[w]);
      });
    };
    const aside = leads(means, ends);
    const instrumental = leads(ends, means);
    if (aside) found.push("side-effect");
    if (instrumental) found.push("instrumental");
    if (!aside && !instrumental && this._commonCause(means, ends)) found.push("common cause");
    if ([...this.cover.values()].some((here) => here.some(([, kind]) => kind === "surrogate"))) found.push("spurious");
    return found.length ? found : [this._byWhatIsRead(mine, [...steered, ...score])];
  }

  _commonCause(means, ends) {
    const above = (nodes) =>
      union(
        nodes.map((v) => strictly(this.base.graph.ancestors([v]), [v])),
        this.base.names.length,
      );
    const one = above(means);
    const other = above(ends);
    return this.below.some((reached, v) => reached && one[v] && other[v]);
  }

  _byWhatIsRead(mine, scored) {
    const { graph, kinds } = this.base;
    const outside = (nodes) => [
      ...new Set(nodes.flatMap((v) => graph.parents[v]).filter((p) => !this.below[p] && kinds[p] === "chance")),
    ];
    const read = outside(mine);
    const labels = outside(scored);
    if (read.some((x) => labels.some((l) => graph.descendants([x])[l]))) return "referent";
    const below = labels.map((l) => strictly(graph.descendants([l]), [l]));
    return below.some((reach) => read.some((x) => reach[x])) ? "message" : "other";
  }

  // What a shift of each mechanism can do; null for a decision.
  _shifts() {
    const { graph, kinds, decisions } = this.base;
    const n = kinds.length;
    const matters = new Uint8Array(n);
    for (const d of decisions) {
      const goals = this.targets.some((t) => this._below.get(d)[t]) ? this.targets : [];
      const scored = this.score.filter((u) => this._below.get(d)[u]);
      for (const mask of [heard(graph, d, goals), heard(graph, d, scored)]) mask.forEach((m, v) => (matters[v] |= m));
    }
    const seen = union(
      decisions.map((d) => strictly(graph.ancestors([d]), [d])),
      n,
    );
    const leads = graph.ancestors([...decisions, ...this.targets, ...this.score]);
    return kinds.map((kind, v) => {
      if (kind === "decision") return null;
      if (matters[v]) return "mechanism";
      if (seen[v]) return "context";
      return leads[v] ? "inert for the policy" : "inert";
    });
  }

  _mesaReport() {
    const { names, kinds, graph, decisions } = this.base;
    const utility = names.length;
    const links = [...linksOf(graph), ...this.targets.map((t) => [t, utility])];
    const full = Graph.of(utility + 1, links);
    const { graph: reduced } = reduceLinks(full, new Map(decisions.map((d) => [d, [utility]])));
    return new Report({
      names: [...names, MESA_UTILITY],
      kinds: [...kinds.map((kind) => (kind === "utility" ? "chance" : kind)), "utility"],
      owners: [...kinds.map((kind) => (kind === "decision" ? 0 : -1)), 0],
      agents: this.base.agents,
      links: linksOf(reduced),
    });
  }

  // Pairs [criterion, chance node] that the mesa-optimizer has and the base has not, and the reverse; `maybe…` where an
  // answer of one of the two is UNKNOWN. Territory: what it would steer.
  _compare() {
    this.emergent = [];
    this.vanished = [];
    this.maybeEmergent = [];
    this.maybeVanished = [];
    this.territory = [];
    this.undecided = [];
    const { kinds, names, owners, agents, reduction } = this.base;
    // Both sides are counted alike: with the requisite links alone. An optimizer of the score itself is the base.
    const itself = this.targets.length === this.score.length && this.targets.every((t) => this.score.includes(t));
    const kept = { names, kinds, owners, agents, links: linksOf(reduction.graph) };
    const base = itself ? this.report : new Report(kept);
    for (const criterion of COMPARED) {
      const before = strongest(base, criterion);
      const after = strongest(this.report, criterion);
      kinds.forEach((kind, v) => {
        if (kind !== "chance") return;
        const [was, is] = [before[v], after[v]];
        if (is === ADMITS && was < UNKNOWN) this.emergent.push([criterion, v]);
        else if (was === ADMITS && is < UNKNOWN) this.vanished.push([criterion, v]);
        else if (is >= UNKNOWN && was === UNKNOWN) this.maybeEmergent.push([criterion, v]);
        else if (is === UNKNOWN && was < UNKNOWN) this.maybeEmergent.push([criterion, v]);
        if (was >= UNKNOWN && is === UNKNOWN) this.maybeVanished.push([criterion, v]);
        else if (was === UNKNOWN && is < UNKNOWN) this.maybeVanished.push([criterion, v]);
        if (criterion === "ici" && is === ADMITS) this.territory.push(v);
        if (criterion === "ici" && is === UNKNOWN) this.undecided.push(v);
      });
    }
    const { graph } = this.report;
    const links = this.report.decisions.flatMap((d) => graph.parents[d]);
    this.respondsTo = graph.ancestors(links);
  }
}

// The strongest answer over the decisions, by node.
function strongest(report, criterion) {
  const found = new Uint8Array(report.names.length).fill(NONE);
  for (const d of report.decisions) {
    report.answers(criterion, d).forEach((answer, v) => {
      if (answer > found[v]) found[v] = answer;
    });
  }
  return found;
}

export function linksOf(graph) {
  return graph.parents.flatMap((above, head) => above.map((tail) => [tail, head]));
}

function strictly(mask, without) {
  for (const v of without) mask[v] = 0;
  return mask;
}

function union(masks, n) {
  const found = new Uint8Array(n);
  for (const mask of masks) mask.forEach((m, v) => (found[v] |= m));
  return found;
}
