// Answers questions about diagrams, one JSON line each: what tests/explorer/test_engine.py compares with Python.

import { createInterface } from "node:readline";

const room = new URL("../../cidmesa/explorer/web/engine/", import.meta.url);
const { CRITERIA, Report } = await import(new URL("criteria.js", room));
const { proofOf, proofInWords } = await import(new URL("proofs.js", room));
const { stepInWords } = await import(new URL("chains.js", room));
const { Mesa, readTargets } = await import(new URL("mesa.js", room));

for await (const line of createInterface({ input: process.stdin })) {
  const { diagram, proofs, targets } = JSON.parse(line);
  const report = new Report(diagram);
  const names = (mask) => report.names.filter((_, v) => mask[v]);
  const answers = CRITERIA.map((criterion) => report.decisions.map((d) => [...report.answers(criterion, d)].join("")));
  const found = {
    answers,
    decisions: report.decisions,
    dropped: report.dropped(),
    soluble: report.soluble,
    reasons: proofs.map(([criterion, x, d]) => report.reason(criterion, x, d)),
    proofs: proofs.map(([criterion, x, d]) => {
      const proof = proofOf(report, criterion, x, d);
      return { ...proof, words: proofInWords(proof), stepWords: (proof.steps ?? []).map(stepInWords) };
    }),
  };
  if (targets.length) {
    const mesa = new Mesa(report, readTargets(report, targets));
    found.mesa = {
      targets: mesa.targets,
      control: mesa.control,
      consistency: mesa.consistency,
      cover: [...mesa.cover],
      positions: mesa.positions,
      shifts: mesa.shifts,
      links: mesa.report.graph.parents.flatMap((above, head) => above.map((tail) => [tail, head])),
      answers: CRITERIA.map((criterion) =>
        mesa.report.decisions.map((d) => [...mesa.report.answers(criterion, d)].join("")),
      ),
      emergent: mesa.emergent,
      vanished: mesa.vanished,
      maybeEmergent: mesa.maybeEmergent,
      maybeVanished: mesa.maybeVanished,
      territory: mesa.territory,
      undecided: mesa.undecided,
      responds: names(mesa.respondsTo),
    };
  }
  process.stdout.write(JSON.stringify(found) + "\n");
}
