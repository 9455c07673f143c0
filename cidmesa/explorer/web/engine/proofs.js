// The proof behind a verdict: a path for a yes, a separating set or a chain for a no.
//
// A proof is plain data with the attributes of the Python library's Path, SeparatingSet and Chain, whose own `check`
// accepts it: names for nodes, `given` null where the claim is about directed paths. Shortest walks, found on demand.

import { stepInWords } from "./chains.js";
import { activeWalk, directedPath } from "./graph.js";
import { ADMITS, EXCLUDES } from "./criteria.js";
import { reduceLinks } from "./reduction.js";

// Returns {kind: "path", nodes, given, added, removed, reduced, without, mechanised, steps} or {kind: "separation",
// xs, ys, given, added, removed, mechanised, paid}, and of a chain a separation of that kind with its `steps`, the links
// that go in `removed`. For UNKNOWN it is the path of the criterion's yes.
export function proofOf(report, criterion, x, d) {
  const analysis = report.analyses.get(d);
  const chain = analysis.chain(criterion, x, d);
  if (chain) return chained(analysis, chain);
  const answer = analysis.answer(criterion, x, d);
  const make = { voi: information, requisite, relevance }[criterion] ?? directed;
  return make(analysis, answer, criterion, x, d);
}

function path(analysis, walk, { given = null, added = [], removed = [], reduced = [], without = [], ...rest }) {
  const name = (v) => analysis.names[v];
  return {
    kind: "path",
    nodes: walk.map(name),
    given: given && given.map(name),
    added: added.map((link) => link.map(name)),
    removed: removed.map((link) => link.map(name)),
    reduced: reduced.map(name),
    without: without.map(name),
    mechanised: false,
    ...rest,
  };
}

function separation(analysis, xs, ys, given, { added = [], removed = [] } = {}) {
  const name = (v) => analysis.names[v];
  return {
    kind: "separation",
    xs: xs.map(name),
    ys: ys.map(name),
    given: given && given.map(name),
    added: added.map((link) => link.map(name)),
    removed: removed.map((link) => link.map(name)),
    mechanised: false,
    paid: [], // utilities that decisions alone set, which lead to no other utility
  };
}

function chained(analysis, { steps, gone, added, xs, ys, paid }) {
  const claim = separation(analysis, xs, ys, null, { added, removed: gone });
  return { ...claim, kind: "chain", paid: paid.map((v) => analysis.names[v]), steps };
}

function removedLinks(steps) {
  return steps.flatMap(([d, tails]) => tails.map((tail) => [tail, d]));
}

// The graph in which every other decision of the agent has one action, and those decisions.
function isolated(analysis, d) {
  const without = analysis.decisions.filter((e) => e !== d);
  return { graph: without.length ? analysis.graph.edited({ isolate: without }) : analysis.graph, without };
}

function goalsOf(analysis, graph, d) {
  const below = graph.descendants([d]);
  return analysis.utilities.filter((u) => below[u]);
}

function information(analysis, answer, criterion, x, d) {
  const added = analysis.graph.parents[d].includes(x) ? [] : [[x, d]];
  if (answer !== EXCLUDES) {
    const { graph, without } = isolated(analysis, d);
    const shown = added.length ? graph.edited({ add: added }) : graph;
    const given = [d, ...shown.parents[d]].filter((v) => v !== x);
    const walk = activeWalk(shown, x, goalsOf(analysis, shown, d), given);
    if (walk.length) return path(analysis, walk, { given, added, without });
  }
  const shown = added.length ? analysis.graph.edited({ add: added }) : analysis.graph;
  const reduction = added.length ? reduceLinks(shown, analysis.owned) : analysis.reduction;
  const removed = removedLinks(reduction.steps);
  const goals = goalsOf(analysis, reduction.graph, d);
  if (answer === EXCLUDES) {
    return separation(analysis, [x], goals, [d, ...reduction.graph.parents[d]], { added, removed });
  }
  const given = [d, ...reduction.graph.parents[d]].filter((v) => v !== x);
  const walk = activeWalk(reduction.graph, x, goals, given);
  return path(analysis, walk, { given, added, removed, reduced: analysis.decisions });
}

function requisite(analysis, answer, criterion, x, d) {
  const given = [d, ...analysis.graph.parents[d]].filter((v) => v !== x);
  const goals = goalsOf(analysis, analysis.graph, d);
  if (answer === EXCLUDES) return separation(analysis, [x], goals, given);
  return path(analysis, activeWalk(analysis.graph, x, goals, given), { given });
}

function relevance(analysis, answer, criterion, x, d) {
  const given = [d, ...analysis.graph.parents[d]];
  const goals = goalsOf(analysis, analysis.graph, d);
  const mechanism = (analysis.kinds[x] === "decision" ? "Π_" : "M_") + analysis.names[x];
  if (answer === EXCLUDES) return { ...separation(analysis, [x], goals, given), xs: [mechanism], mechanised: true };
  const found = path(analysis, activeWalk(analysis.graph, x, goals, given, true), { given });
  return { ...found, nodes: [mechanism, ...found.nodes], mechanised: true };
}

function directed(analysis, answer, criterion, x, d) {
  const removed = removedLinks(analysis.reduction.steps);
  const whole = analysis.reduction.graph;
  if (answer === EXCLUDES) return noPath(analysis, criterion, whole, x, d, removed);
  if (answer === ADMITS && !analysis.single) {
    for (const e of criterion === "voc" ? analysis.decisions : [d]) {
      const { graph, without } = isolated(analysis, e);
      const { dropped } = analysis.alone.get(e);
      const walk = route(analysis, criterion, graph.withoutLinks(e, dropped), x, e);
      if (walk.length) {
        return path(analysis, walk, { removed: dropped.map((p) => [p, e]), reduced: [e], without });
      }
    }
  }
  return path(analysis, route(analysis, criterion, whole, x, d), { removed, reduced: analysis.decisions });
}

function route(analysis, criterion, graph, x, d) {
  if (criterion === "ri") return directedPath(graph, x, [d]);
  if (criterion === "voc") return directedPath(graph, x, analysis.utilities);
  const first = directedPath(graph, d, [x]);
  const second = directedPath(graph, x, analysis.utilities);
  return first.length && second.length ? [...first, ...second.slice(1)] : [];
}

function noPath(analysis, criterion, graph, x, d, removed) {
  if (criterion === "ri") return separation(analysis, [x], [d], null, { removed });
  if (criterion === "voc" && analysis.utilities.includes(x)) {
    return { ...separation(analysis, [], [], null, { removed }), paid: [analysis.names[x]] };
  }
  if (criterion === "ici" && !graph.descendants([d])[x]) return separation(analysis, [d], [x], null, { removed });
  return separation(analysis, [x], analysis.utilities, null, { removed });
}

// A proof in the library's words.
export function proofInWords(proof) {
  if (proof.kind === "path") {
    if (!proof.given) return proof.nodes.join(" → ");
    return proof.nodes.join(" – ") + (proof.given.length ? `  given ${sorted(proof.given).join(", ")}` : "");
  }
  if (proof.kind === "chain") {
    const steps = proof.steps.map((step, i) => `${i + 1}. ${stepInWords(step)}.`).join(" ");
    const claim = proofInWords({ ...proof, kind: "separation" });
    return proof.xs.length || proof.paid.length ? `${steps} So ${claim}` : `${steps} So ${linksOf(proof)} may go`;
  }
  const [left, right] = [proof.xs, proof.ys].map((side) => side.join(", ") || "nothing");
  const dropped = linksOf(proof);
  const after = dropped ? ` once ${dropped} is dropped` : "";
  if (proof.paid.length)
    return `only decisions set ${proof.paid[0]}, and none of them leads to another utility${after}`;
  if (!proof.given) return `no directed path from ${left} to ${right}${after}`;
  return `${left} and ${right} are separated given ${sorted(proof.given).join(", ") || "nothing"}${after}`;
}

function linksOf(proof) {
  return proof.removed.map(([tail, head]) => `${tail} → ${head}`).join(", ");
}

function sorted(names) {
  return [...names].sort();
}
