// What is going on: the diagram, what is selected, what is shown, what has been found out. Views listen to it.

import { ADMITS, CRITERIA, Report, TITLES, UNKNOWN } from "../engine/criteria.js";
import { Mesa, noTraining, readTargets } from "../engine/mesa.js";
import { proofOf, proofInWords } from "../engine/proofs.js";
import { byPosition, nodeOf, usedAgents } from "./diagram.js";
import { History } from "./history.js";
import { RINGED } from "./words.js";

export class Studio {
  constructor(diagram) {
    this.history = new History(diagram);
    this.selection = new Set();
    this.link = null; // a selected link [tail, head]
    this.linking = null; // the node from which a link is being drawn by keyboard or tool
    this.tool = "select";
    this.options = {
      shown: { voi: true, voc: false, ri: false, ici: true },
      reduction: true,
      decision: "",
      mesa: false,
      snap: true,
    };
    this.highlight = null;
    this.listeners = [];
    this.clipboard = null;
    this.analyse();
  }

  get diagram() {
    return this.history.now;
  }

  listen(listener) {
    this.listeners.push(listener);
  }

  // `what`: "diagram" (structure or places), "places", "selection", "options", "highlight", "settled"
  // (a drag or a pan is over), or "say" with words.
  tell(what, more) {
    for (const listener of this.listeners) listener(what, more);
  }

  say(words, tone = "note") {
    this.tell("say", { words, tone });
  }

  // Edits -------------------------------------------------------------------------------------------------------------

  // Takes what an edit returned: the new diagram, or the problem, which is said. Returns whether it was taken.
  take({ diagram, problem }, label = "") {
    if (problem) {
      this.say(problem, "problem");
      return false;
    }
    if (diagram === this.diagram) return true;
    const before = this.diagram;
    this.history.push(diagram, label);
    this.changed(before);
    return true;
  }

  changed(before) {
    const structural = !sameStructure(before, this.diagram);
    if (structural) this.analyse();
    const names = new Set(this.diagram.nodes.map((one) => one.name));
    for (const name of this.selection) if (!names.has(name)) this.selection.delete(name);
    if (this.link && !this.diagram.links.some(([a, b]) => a === this.link[0] && b === this.link[1])) this.link = null;
    if (this.linking && !names.has(this.linking)) this.linking = null;
    if (this.options.decision && nodeOf(this.diagram, this.options.decision)?.kind !== "decision")
      this.options.decision = "";
    if (structural) this.highlight = null;
    this.tell(structural ? "diagram" : "places");
  }

  undo() {
    const before = this.diagram;
    if (this.history.undo()) this.changed(before);
    else this.say("there is nothing to undo.");
  }

  redo() {
    const before = this.diagram;
    if (this.history.redo()) this.changed(before);
    else this.say("there is nothing to redo.");
  }

  select(names, link = null) {
    this.selection = new Set(names);
    this.link = link;
    this.tell("selection");
  }

  choose(options) {
    Object.assign(this.options, options);
    this.highlight = null;
    this.tell("options");
  }

  // Answers -----------------------------------------------------------------------------------------------------------

  analyse() {
    const start = performance.now();
    this.report = new Report(byPosition(this.diagram));
    this.aim();
    this.took = performance.now() - start;
  }

  // Derives the mesa-optimizer of the diagram's targets, if there are any and there can be one.
  aim() {
    this.noTraining = noTraining(this.report);
    const targets = this.diagram.targets.map((name) => this.report.names.indexOf(name)).filter((v) => v >= 0);
    this.mesa = this.noTraining || !targets.length ? null : new Mesa(this.report, readTargets(this.report, targets));
  }

  get mesaShown() {
    return this.options.mesa && this.mesa !== null;
  }

  // The report whose rings are shown: of the base diagram, or of the mesa diagram.
  get shownReport() {
    return this.mesaShown ? this.mesa.report : this.report;
  }

  // The decisions whose verdicts are shown, as positions.
  get decisions() {
    const { decisions, names } = this.report;
    return this.options.decision ? decisions.filter((d) => names[d] === this.options.decision) : decisions;
  }

  // The rings around a node: [[criterion, certain]], inside first.
  rings(v) {
    const report = this.shownReport;
    const found = [];
    for (const criterion of RINGED) {
      if (!this.options.shown[criterion]) continue;
      let strongest = 0;
      for (const d of this.decisions) strongest = Math.max(strongest, report.answer(criterion, v, d));
      if (strongest >= UNKNOWN) found.push([criterion, strongest === ADMITS]);
    }
    return found;
  }

  // One verdict with its proof, in words and as data.
  verdict(criterion, v, d, report = this.report) {
    const answer = report.answer(criterion, v, d);
    const proof = proofOf(report, criterion, v, d);
    return {
      criterion,
      title: TITLES[criterion],
      node: report.names[v],
      decision: criterion === "voc" && report.agents.length < 2 ? "" : report.names[d], // control is of the diagram
      answer,
      reason: report.reason(criterion, v, d),
      proof,
      words: proofInWords(proof),
    };
  }

  // Every verdict on a node for the decisions shown.
  verdictsOn(v) {
    return this.decisions.flatMap((d) =>
      CRITERIA.filter((criterion) => this.report.answer(criterion, v, d)).map((criterion) =>
        this.verdict(criterion, v, d),
      ),
    );
  }

  show(highlight) {
    if (highlight === this.highlight) return;
    this.highlight = highlight;
    this.tell("highlight");
  }

  // What an agent is called in the picture, "" where there is only one.
  ownerOf(one) {
    const used = usedAgents(this.diagram);
    return one.kind === "chance" || used.length < 2 ? "" : String(this.diagram.agents[one.agent]);
  }
}

function sameStructure(a, b) {
  if (a.links !== b.links || a.targets !== b.targets || a.agents !== b.agents || a.nodes.length !== b.nodes.length)
    return false;
  return a.nodes.every((one, i) => {
    const other = b.nodes[i];
    return (
      one === other ||
      (one.name === other.name && one.kind === other.kind && one.agent === other.agent && one.latent === other.latent)
    );
  });
}
