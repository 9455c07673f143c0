// The panel beside the picture: the node that is selected, the table of verdicts with their proofs, base against mesa.

import { ADMITS, CRITERIA, EXCLUDES, TITLES, UNKNOWN } from "../engine/criteria.js";
import { renameAgent, usedAgents } from "./diagram.js";
import { byId, h, put } from "./dom.js";
import { Editor } from "./editor.js";
import { MesaPane } from "./mesa_pane.js";
import { ANSWERS, MEANING, SHORT, several } from "./words.js";

const SIGNS = { [EXCLUDES]: "·", [UNKNOWN]: "?", [ADMITS]: "yes" };
const SPOKEN = { [EXCLUDES]: "excludes", [UNKNOWN]: "possible, ask Python", [ADMITS]: "admits" };
const LARGE = 60; // nodes from which the panel waits until the picture is painted

export class Panel {
  constructor(studio, canvas, actions) {
    Object.assign(this, { studio, canvas, actions });
    this.editor = new Editor(studio, canvas, actions);
    this.pane = new MesaPane(studio, actions);
    this.tab = "incentives";
    this.timer = 0;
    for (const tab of document.querySelectorAll("[role=tab]")) {
      tab.addEventListener("click", () => this.open(tab.dataset.tab));
      tab.addEventListener("keydown", (event) => {
        if (event.key !== "ArrowRight" && event.key !== "ArrowLeft") return;
        const other = this.tab === "incentives" ? "mesa" : "incentives";
        this.open(other);
        byId(`tab-${other}`).focus();
      });
    }
    byId("panel").addEventListener("focusin", (event) => this.shine(event.target));
    byId("panel").addEventListener("focusout", () => studio.show(null));
    byId("panel").addEventListener("mouseover", (event) => this.shine(event.target));
    byId("panel").addEventListener("mouseleave", () => this.shine(document.activeElement));
    byId("verdicts").addEventListener("keydown", (event) => this.walk(event));
    byId("verdicts").addEventListener("click", (event) => {
      const cell = event.target.closest("[data-criterion]");
      if (cell) this.cell(cell);
    });
    studio.listen((what) => {
      if (what === "diagram" || what === "selection" || what === "options") this.soon();
      if (what === "highlight") this.proof();
    });
  }

  open(tab) {
    this.tab = tab;
    for (const one of document.querySelectorAll("[role=tab]")) {
      const chosen = one.dataset.tab === tab;
      put(one, "aria-selected", String(chosen));
      put(one, "tabindex", chosen ? "0" : "-1");
      byId(one.getAttribute("aria-controls")).hidden = !chosen;
    }
    if (tab === "incentives" && this.studio.options.mesa) this.studio.choose({ mesa: false });
    this.render();
  }

  // The picture comes first: the panel follows in the same frame where the diagram is small, after it otherwise.
  soon() {
    cancelAnimationFrame(this.timer);
    clearTimeout(this.later);
    const render = () => this.render();
    this.timer = requestAnimationFrame(() => {
      if (this.studio.diagram.nodes.length < LARGE) render();
      else this.later = setTimeout(render, 30);
    });
  }

  render() {
    this.facts();
    this.editor.render();
    if (this.tab === "incentives") this.table();
    else this.pane.render();
    this.proof();
  }

  // The whole diagram in a line or two ---------------------------------------------------------------------------------

  facts() {
    const { report, diagram } = this.studio;
    const name = (v) => report.names[v];
    const lines = [];
    if (!report.decisions.length)
      lines.push(h("p", {}, "No decision, no incentives: add one with ", h("kbd", {}, "D"), "."));
    else {
      const dropped = report.dropped().map(([tail, head]) => `${name(tail)} → ${name(head)}`);
      if (report.decisions.length === 1) lines.push(h("p", {}, "One decision: every answer is a theorem."));
      else
        lines.push(
          h(
            "p",
            {},
            h("b", {}, report.soluble ? "Soluble: " : "Not soluble: "),
            report.soluble
              ? "the decisions of each agent can be settled one by one."
              : `${report.cyclicGroups.map((group) => group.map(name).join(", ")).join("; ")} are relevant to each other in a circle.`,
          ),
        );
      lines.push(
        h(
          "p",
          {},
          h("b", {}, "Reduction: "),
          dropped.length ? `no optimal rule needs ${several(dropped)}.` : "every observation may be needed.",
        ),
      );
    }
    if (report.agents.length > 1) {
      lines.push(
        h(
          "p",
          { class: "row" },
          "Agents",
          usedAgents(diagram).map((agent, i) => this.agent(agent, i + 1)),
        ),
      );
      lines.push(
        h(
          "p",
          { class: "muted" },
          "Verdicts are of each agent; the rules of the others' decisions are fixed mechanisms.",
        ),
      );
    }
    byId("facts").replaceChildren(...lines);
  }

  // A field for the name of an agent, in the agent's colour.
  agent(agent, number) {
    const { studio } = this;
    return h("input", {
      type: "text",
      class: `agent agent${((number - 1) % 8) + 1}`,
      value: String(studio.diagram.agents[agent]),
      "aria-label": `Name of agent ${number}`,
      size: 6,
      spellcheck: "false",
      onchange: (event) => {
        const taken = studio.take(renameAgent(studio.diagram, agent, event.target.value));
        if (!taken) event.target.value = String(studio.diagram.agents[agent]);
      },
    });
  }

  // The table of verdicts -------------------------------------------------------------------------------------------------

  table() {
    const { studio } = this;
    const { report, options } = studio;
    const box = byId("verdicts");
    const choice = byId("decision");
    const names = report.decisions.map((d) => report.names[d]);
    const wanted = ["", ...names].join("\0");
    if (choice.dataset.names !== wanted) {
      choice.dataset.names = wanted;
      choice.replaceChildren(
        h("option", { value: "" }, names.length > 1 ? "every decision" : (names[0] ?? "no decision")),
        ...(names.length > 1 ? names.map((name) => h("option", { value: name }, name)) : []),
      );
    }
    choice.value = options.decision;
    byId("decision-row").hidden = names.length < 2;
    const d = options.decision ? report.names.indexOf(options.decision) : -1;
    const at = d >= 0 ? [d] : report.decisions;
    const rows = at.length ? report.names : [];
    const key = rows.join("\0");
    if (box.dataset.rows !== key) {
      box.dataset.rows = key;
      const head = h(
        "tr",
        {},
        h("th", { scope: "col" }, "node"),
        CRITERIA.map((criterion) =>
          h(
            "th",
            { scope: "col", title: `${TITLES[criterion]}. ${MEANING[criterion]}` },
            h("abbr", { title: TITLES[criterion] }, SHORT[criterion]),
          ),
        ),
      );
      const body = rows.map((name) =>
        h(
          "tr",
          { "data-row": name },
          h(
            "th",
            { scope: "row" },
            h("button", { type: "button", class: "bare", onclick: () => studio.select([name]) }, name),
          ),
          CRITERIA.map((criterion) => h("td", { "data-criterion": criterion, "data-name": name, tabindex: "-1" })),
        ),
      );
      box.replaceChildren(h("thead", {}, head), h("tbody", {}, body));
      box.querySelector("td")?.setAttribute("tabindex", "0");
    }
    const answers = Object.fromEntries(CRITERIA.map((criterion) => [criterion, this.strongest(criterion, at)]));
    for (const [v, row] of [...box.querySelectorAll("tbody tr")].entries()) {
      const name = report.names[v];
      put(row, "class", studio.selection.has(name) ? "selected" : "");
      CRITERIA.forEach((criterion, i) => {
        const cell = row.children[i + 1];
        const answer = answers[criterion][v];
        const text = SIGNS[answer] ?? "";
        if (cell.textContent !== text) cell.textContent = text;
        put(cell, "class", { [EXCLUDES]: "no", [UNKNOWN]: "open", [ADMITS]: `yes ${criterion}` }[answer] ?? "none");
        put(
          cell,
          "aria-label",
          answer
            ? `${TITLES[criterion]} of ${name}: ${SPOKEN[answer]}`
            : `${TITLES[criterion]} cannot be asked of ${name}`,
        );
      });
    }
    byId("table-empty").hidden = rows.length > 0;
    box.hidden = rows.length === 0;
  }

  strongest(criterion, at) {
    const found = new Uint8Array(this.studio.report.names.length);
    for (const d of at) {
      this.studio.report.answers(criterion, d).forEach((answer, v) => {
        if (answer > found[v]) found[v] = answer;
      });
    }
    return found;
  }

  // One cell at a time is a stop of the tab key; arrows walk from cell to cell.
  walk(event) {
    const cell = event.target.closest("td");
    const steps = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
    const step = steps[event.key];
    if (!cell || !step) {
      if (cell && (event.key === "Enter" || event.key === " ")) {
        event.preventDefault();
        this.cell(cell, true);
      }
      return;
    }
    event.preventDefault();
    const rows = [...cell.closest("tbody").rows];
    const row = rows[rows.indexOf(cell.parentNode) + step[0]];
    const next = row?.cells[cell.cellIndex + step[1]];
    if (next?.matches("td")) this.cell(next);
  }

  cell(cell, choose = false) {
    for (const other of byId("verdicts").querySelectorAll('td[tabindex="0"]')) other.setAttribute("tabindex", "-1");
    cell.setAttribute("tabindex", "0");
    cell.focus();
    if (choose) this.studio.select([cell.dataset.name]);
  }

  // The proof of what the pointer or the focus is on ---------------------------------------------------------------------

  shine(element) {
    const { studio } = this;
    const cell = element?.closest?.("[data-criterion]");
    if (!cell) return studio.show(null);
    const mesa = cell.dataset.of === "mesa";
    const report = mesa ? studio.mesa?.report : studio.report;
    const v = report ? report.names.indexOf(cell.dataset.name) : -1;
    if (v < 0) return studio.show(null);
    const decisions = cell.dataset.decision
      ? [report.names.indexOf(cell.dataset.decision)]
      : mesa
        ? report.decisions
        : studio.decisions;
    const { criterion } = cell.dataset;
    const askable = decisions.filter((d) => report.answer(criterion, v, d));
    if (!askable.length) return studio.show(null);
    const d = askable.reduce((best, each) =>
      report.answer(criterion, v, each) > report.answer(criterion, v, best) ? each : best,
    );
    const key = [cell.dataset.of, criterion, v, d].join();
    if (studio.highlight?.key === key) return undefined;
    return studio.show({ key, ...highlightOf(studio.verdict(criterion, v, d, report), report) });
  }

  proof() {
    const { highlight, report } = this.studio;
    const box = byId("proof");
    const verdict = highlight?.verdict;
    if (!verdict) {
      const hint = report.decisions.length
        ? "Point at a verdict, or walk the table with the arrow keys: its proof lights up in the picture."
        : "";
      if (box.textContent !== hint) box.replaceChildren(h("p", { class: "muted" }, hint));
      return;
    }
    const { answer, title, node, decision, words, reason } = verdict;
    box.replaceChildren(
      h(
        "p",
        {},
        h("span", { class: `badge-${["", "no", "open", "yes"][answer]}` }, ANSWERS[answer]),
        ` ${title} of `,
        h("b", {}, node),
        decision ? ` for ${decision}` : "",
      ),
      h("p", { class: "because" }, words),
      h(
        "p",
        { class: "muted" },
        answer === UNKNOWN ? `${reason}. A model found by cm.incentives(cid) would settle it.` : reason,
      ),
    );
  }
}

// What a verdict's proof lights up in the picture.
export function highlightOf(verdict, report) {
  const { proof, criterion } = verdict;
  const nodes = new Set();
  const links = new Set();
  const key = (tail, head) => `${tail}\0${head}`;
  const own = new Map(report.names.map((name, v) => [name, v]));
  if (proof.kind === "path") {
    const walk = proof.mechanised ? proof.nodes.slice(1) : proof.nodes;
    walk.forEach((name) => nodes.add(name));
    const added = new Set(proof.added.map(([tail, head]) => key(tail, head)));
    for (let i = 0; i + 1 < walk.length; i++) {
      const [a, b] = [walk[i], walk[i + 1]];
      const forwards = report.graph.children[own.get(a)].includes(own.get(b)) || added.has(key(a, b));
      links.add(forwards ? key(a, b) : key(b, a));
    }
  } else
    for (const name of [...proof.xs, ...proof.ys, ...proof.paid])
      nodes.add(name.replace(/^(?:M|Π)_/, (mark) => (own.has(name) ? mark : "")));
  return {
    verdict,
    criterion,
    nodes,
    links,
    given: new Set(proof.given ?? []),
    added: proof.added.map(([tail, head]) => key(tail, head)),
    removed: new Set(proof.removed.map(([tail, head]) => key(tail, head))),
  };
}
