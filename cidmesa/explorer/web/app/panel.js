// The panel beside the picture: the node that is selected, the table of verdicts with their proofs, base against mesa.

import { ADMITS, CRITERIA, EXCLUDES, TITLES, UNKNOWN } from "../engine/criteria.js";
import { KINDS, addAgent, change, nodeOf, remove, rename, setKind } from "./diagram.js";
import { byId, h, put } from "./dom.js";
import { ANSWERS, MEANING, POSITION_MEANING, SHIFT_MEANING, SHORT } from "./words.js";

const SIGNS = { [EXCLUDES]: "·", [UNKNOWN]: "?", [ADMITS]: "yes" };
const SPOKEN = { [EXCLUDES]: "excludes", [UNKNOWN]: "possible, ask Python", [ADMITS]: "admits" };
const LARGE = 60; // nodes from which the panel waits until the picture is painted

export class Panel {
  constructor(studio, canvas, actions) {
    Object.assign(this, { studio, canvas, actions });
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
    this.node();
    if (this.tab === "incentives") this.table();
    else this.mesa();
    this.proof();
  }

  // The whole diagram in a line or two ---------------------------------------------------------------------------------

  facts() {
    const { report } = this.studio;
    const name = (v) => report.names[v];
    const lines = [];
    if (!report.decisions.length) lines.push(h("p", {}, "No decision, no incentives: add one with ", h("kbd", {}, "D"), "."));
    else {
      const dropped = report.dropped().map(([tail, head]) => `${name(tail)} → ${name(head)}`);
      if (report.decisions.length === 1) lines.push(h("p", {}, "One decision: every answer is a theorem."));
      else lines.push(h("p", {}, h("b", {}, report.soluble ? "Soluble: " : "Not soluble: "), report.soluble
        ? "the decisions of each agent can be settled one by one."
        : `${report.knots.map((knot) => knot.map(name).join(", ")).join("; ")} are relevant to each other in a circle.`));
      lines.push(h("p", {}, h("b", {}, "Reduction: "), dropped.length ? `no optimal rule needs ${several(dropped)}.` : "every observation may be needed."));
    }
    if (report.agents.length > 1) lines.push(h("p", { class: "muted" }, "Of each agent; the rules of the other agents' decisions are fixed mechanisms."));
    byId("facts").replaceChildren(...lines);
  }

  // The node that is selected --------------------------------------------------------------------------------------------

  node() {
    const { studio } = this;
    const { diagram } = studio;
    const box = byId("node");
    const names = [...studio.selection];
    const one = names.length === 1 ? nodeOf(diagram, names[0]) : null;
    const active = document.activeElement;
    if (one && box.contains(active) && active.matches("input[type=text]") && box.dataset.edits === one.name) return;
    const held = box.contains(active) ? active.dataset.key : null;
    box.dataset.edits = one?.name ?? "";
    if (studio.link) box.replaceChildren(this.linkEditor(studio.link));
    else if (one) box.replaceChildren(this.nodeEditor(one));
    else if (names.length) box.replaceChildren(this.severalEditor(names));
    else box.replaceChildren();
    box.hidden = !box.childNodes.length;
    if (held) box.querySelector(`[data-key="${CSS.escape(held)}"]`)?.focus();
  }

  kinds(names, kind) {
    const { studio } = this;
    return h("div", { class: "segments", role: "group", "aria-label": "Kind" }, KINDS.map((each) =>
      h("button", { type: "button", "data-key": `kind-${each}`, "aria-pressed": String(each === kind), class: `kind ${each}`,
        onclick: () => studio.take(setKind(studio.diagram, names, each)) }, each)));
  }

  nodeEditor(one) {
    const { studio, canvas, actions } = this;
    const { diagram, report } = studio;
    const v = report.names.indexOf(one.name);
    const list = (title, others, ends) => others.length ? h("p", { class: "links" }, h("span", { class: "muted" }, title), others.map((other) => {
      const [tail, head] = ends(report.names[other]);
      return h("span", { class: "chip" }, report.names[other], h("button", { type: "button", class: "bare", "data-key": `cut-${tail}-${head}`, "aria-label": `Remove the link ${tail} to ${head}`,
        onclick: () => studio.take(remove(studio.diagram, [], [[tail, head]])) }, "×"));
    })) : null;
    const name = h("input", { type: "text", value: one.name, "aria-label": "Name", "data-key": "name", spellcheck: "false", autocomplete: "off",
      onchange: (event) => {
        const wanted = event.target.value.trim();
        const taken = studio.take(rename(studio.diagram, one.name, wanted));
        if (taken) studio.select([wanted]);
        else event.target.value = one.name;
      },
      onkeydown: (event) => event.key === "Enter" && (event.target.blur(), canvas.focus(event.target.value.trim())) });
    const owners = diagram.agents.map((agent, i) => h("option", { value: i, selected: i === one.agent }, `agent ${agent}`));
    const agent = one.kind === "chance" ? null : h("select", { "aria-label": "Agent", "data-key": "agent", onchange: (event) => {
      if (event.target.value !== "new") return studio.take(change(studio.diagram, [one.name], () => ({ agent: Number(event.target.value) })));
      const made = addAgent(studio.diagram);
      return studio.take(change(made.diagram, [one.name], () => ({ agent: made.agent })));
    } }, owners, h("option", { value: "new" }, "another agent"));
    const latent = one.kind === "chance" ? h("label", { class: "check" }, h("input", { type: "checkbox", checked: one.latent, "data-key": "latent",
      onchange: (event) => {
        if (!studio.take(change(studio.diagram, [one.name], () => ({ latent: event.target.checked })))) event.target.checked = one.latent;
      } }), "latent") : null;
    const target = one.kind === "decision" ? null : h("label", { class: "check" }, h("input", { type: "checkbox", "data-key": "target", checked: diagram.targets.includes(one.name),
      onchange: () => actions.toggleTargets([one.name]) }), "target");
    return h("div", { class: "editor" },
      h("div", { class: "row" }, name, this.kinds([one.name], one.kind)),
      h("div", { class: "row" }, agent, latent, target,
        one.kind === "utility" ? null : h("button", { type: "button", "data-key": "link", onclick: () => actions.beginLink(one.name) }, "Link to…"),
        h("button", { type: "button", "data-key": "delete", onclick: () => actions.remove() }, "Delete")),
      list("from", report.graph.parents[v], (other) => [other, one.name]),
      list("to", report.graph.children[v], (other) => [one.name, other]));
  }

  severalEditor(names) {
    const kinds = new Set(names.map((name) => nodeOf(this.studio.diagram, name)?.kind));
    return h("div", { class: "editor" }, h("p", {}, h("b", {}, `${names.length} nodes: `), names.join(", ")),
      h("div", { class: "row" }, this.kinds(names, kinds.size === 1 ? [...kinds][0] : ""),
        h("button", { type: "button", "data-key": "delete", onclick: () => this.actions.remove() }, "Delete")));
  }

  linkEditor([tail, head]) {
    const { studio } = this;
    const information = nodeOf(studio.diagram, head)?.kind === "decision";
    const report = studio.report;
    const why = information && !studio.mesaShown
      ? studio.verdict("requisite", report.names.indexOf(tail), report.names.indexOf(head)) : null;
    return h("div", { class: "editor" },
      h("p", {}, h("b", {}, `${tail} → ${head}`), information ? ", an information link" : ", a causal link"),
      why ? h("p", { class: "muted" }, `${why.answer === ADMITS ? "requisite" : "not requisite"}: ${why.words}`) : null,
      h("div", { class: "row" }, h("button", { type: "button", "data-key": "delete", onclick: () => this.actions.remove() }, "Delete")));
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
      choice.replaceChildren(h("option", { value: "" }, names.length > 1 ? "every decision" : names[0] ?? "no decision"),
        ...(names.length > 1 ? names.map((name) => h("option", { value: name }, name)) : []));
    }
    choice.value = options.decision;
    byId("decision-row").hidden = names.length < 2;
    const d = options.decision ? report.names.indexOf(options.decision) : -1;
    const at = d >= 0 ? [d] : report.decisions;
    const rows = at.length ? report.names : [];
    const key = rows.join("\0");
    if (box.dataset.rows !== key) {
      box.dataset.rows = key;
      const head = h("tr", {}, h("th", { scope: "col" }, "node"), CRITERIA.map((criterion) =>
        h("th", { scope: "col", title: `${TITLES[criterion]}. ${MEANING[criterion]}` }, h("abbr", { title: TITLES[criterion] }, SHORT[criterion]))));
      const body = rows.map((name) => h("tr", { "data-row": name },
        h("th", { scope: "row" }, h("button", { type: "button", class: "bare", onclick: () => studio.select([name]) }, name)),
        CRITERIA.map((criterion) => h("td", { "data-criterion": criterion, "data-name": name, tabindex: "-1" }))));
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
        put(cell, "aria-label", answer ? `${TITLES[criterion]} of ${name}: ${SPOKEN[answer]}` : `${TITLES[criterion]} cannot be asked of ${name}`);
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
    const decisions = cell.dataset.decision ? [report.names.indexOf(cell.dataset.decision)]
      : mesa ? report.decisions : studio.decisions;
    const { criterion } = cell.dataset;
    const askable = decisions.filter((d) => report.answer(criterion, v, d));
    if (!askable.length) return studio.show(null);
    const d = askable.reduce((best, each) => (report.answer(criterion, v, each) > report.answer(criterion, v, best) ? each : best));
    const key = [cell.dataset.of, criterion, v, d].join();
    if (studio.highlight?.key === key) return undefined;
    return studio.show({ key, ...highlightOf(studio.verdict(criterion, v, d, report), report) });
  }

  proof() {
    const { highlight, report } = this.studio;
    const box = byId("proof");
    const verdict = highlight?.verdict;
    if (!verdict) {
      const hint = report.decisions.length ? "Point at a verdict, or walk the table with the arrow keys: its proof lights up in the picture." : "";
      if (box.textContent !== hint) box.replaceChildren(h("p", { class: "muted" }, hint));
      return;
    }
    const { answer, title, node, decision, words, reason } = verdict;
    box.replaceChildren(
      h("p", {}, h("span", { class: `badge-${["", "no", "open", "yes"][answer]}` }, ANSWERS[answer]), ` ${title} of `, h("b", {}, node), decision ? ` for ${decision}` : ""),
      h("p", { class: "because" }, words),
      h("p", { class: "muted" }, answer === UNKNOWN ? `${reason}. A model found by cm.incentives(cid) would settle it.` : reason));
  }

  // Base against mesa --------------------------------------------------------------------------------------------------------

  mesa() {
    const { studio } = this;
    const { report, mesa, diagram } = studio;
    const box = byId("mesa");
    const held = box.contains(document.activeElement) ? document.activeElement.dataset.key : null;
    const name = (v) => report.names[v];
    if (studio.noTraining) {
      box.replaceChildren(h("p", {}, `${studio.noTraining}.`));
      return;
    }
    const score = report.kinds.flatMap((kind, v) => (kind === "utility" ? [name(v)] : []));
    const choices = report.names.filter((_, v) => report.kinds[v] === "chance").map((one) => [one, [one]]);
    choices.push([score.length > 1 ? `the score (${score.join(", ")})` : `${score[0]}, the score`, score]);
    const picks = h("fieldset", {}, h("legend", {}, "Targets: what a mesa-optimizer's objective is a function of"),
      h("div", { class: "picks" }, choices.map(([words, names]) => h("label", { class: "check" }, h("input", { type: "checkbox", "data-key": `target-${names[0]}`,
        checked: names.some((one) => diagram.targets.includes(one)), onchange: () => this.actions.toggleTargets(names) }), words))));
    const parts = [picks];
    if (!mesa) parts.push(h("p", { class: "muted" }, "Choose one target or several to see which optimizers of them training could have produced, as far as the graph alone says."));
    else parts.push(...this.findings());
    box.replaceChildren(...parts);
    if (held) box.querySelector(`[data-key="${CSS.escape(held)}"]`)?.focus();
  }

  findings() {
    const { studio } = this;
    const { report, mesa, options } = studio;
    const name = (v) => report.names[v];
    const tone = { EXCLUDED: "no", CONSISTENT: "yes", UNKNOWN: "open" }[mesa.consistency];
    const why = {
      EXCLUDED: "no decision influences a target, so every policy is optimal for any objective on it: training selects none.",
      CONSISTENT: "the targets hold the score, or all that it reads: the base utility is itself an objective on them.",
      UNKNOWN: "whether some objective on these targets passes training needs numbers: cm.derive_mesa_optimizers in Python.",
    }[mesa.consistency];
    const picture = h("div", { class: "segments", role: "group", "aria-label": "Picture" }, [["Base", false], ["Mesa", true]].map(([words, which]) =>
      h("button", { type: "button", "data-key": `picture-${words}`, "aria-pressed": String(options.mesa === which), onclick: () => studio.choose({ mesa: which }) }, words)));
    const cover = [...mesa.cover].flatMap(([d, here]) => here.map(([v, kind]) => [name(v), name(d), kind]));
    const coverWords = {
      covered: "requisite for the targets too",
      surrogate: "not requisite for the targets, but dependent in training on what is",
      severed: "neither requisite for the targets nor dependent on what is",
    };
    const verdicts = (pairs, label) => pairs.length ? h("p", {}, h("b", {}, label), pairs.map(([criterion, v]) =>
      h("span", { class: "chip point", tabindex: "0", "data-criterion": criterion, "data-name": name(v), "data-of": label.startsWith("Vanished") ? "base" : "mesa" }, `${SHORT[criterion]} of ${name(v)}`))) : null;
    const open = [...mesa.maybeEmergent.map((pair) => ["may emerge", pair]), ...mesa.maybeVanished.map((pair) => ["may vanish", pair])];
    const map = mesa.territory.length ? `It would steer ${mesa.territory.map(name).join(", ")}: territory, goal optimisation.`
      : mesa.undecided.length ? `Whether it would steer ${mesa.undecided.map(name).join(", ")} is open: ask Python.`
        : "It steers no world node: a search in the map.";
    const kinds = ["mechanism", "context", "inert for the policy", "inert"];
    return [
      h("p", { class: "verdict" }, h("span", { class: `badge-${tone}` }, mesa.consistency === "UNKNOWN" ? "open, ask Python" : mesa.consistency), ` ${why}`),
      h("div", { class: "row" }, h("span", { class: "muted" }, "Picture"), picture),
      h("dl", { class: "findings" },
        h("dt", {}, "C1 control"), h("dd", {}, mesa.control ? "holds: a target descends from a decision." : "fails."),
        h("dt", {}, "C2 cover"), h("dd", {}, cover.length ? cover.map(([z, d, kind]) => h("p", {}, h("b", {}, z), ` at ${d} is `, h("span", { class: `tag ${kind}` }, kind), `: ${coverWords[kind]}.`))
          : "the base needs no observation.",
        cover.some(([, , kind]) => kind !== "covered") ? h("p", { class: "muted" }, "A surrogate or severed observation makes every objective on these targets inconsistent wherever it is material given the others.") : null),
        h("dt", {}, "Position"), h("dd", {}, mesa.positions.length ? mesa.positions.map((one) => h("p", {}, h("b", {}, one), `: ${POSITION_MEANING[one]}.`)) : "none, for want of control."),
        h("dt", {}, "Shifts"), h("dd", {}, kinds.map((kind) => {
          const nodes = mesa.shifts.flatMap((one, v) => (one === kind ? [name(v)] : []));
          return nodes.length ? h("p", {}, h("span", { class: `tag ${kind.replaceAll(" ", "-")}`, title: SHIFT_MEANING[kind] }, kind), ` ${several(nodes)}`, h("span", { class: "muted" }, `: ${SHIFT_MEANING[kind]}.`)) : null;
        })),
        h("dt", {}, "Against base"), h("dd", {}, verdicts(mesa.emergent, "Emergent: "), verdicts(mesa.vanished, "Vanished: "),
          open.length ? h("p", {}, h("b", {}, "Open: "), open.map(([words, [criterion, v]]) => `${SHORT[criterion]} of ${name(v)} ${words}`).join(", "), "; ask Python.") : null,
          !mesa.emergent.length && !mesa.vanished.length && !open.length ? "the same incentives." : null),
        h("dt", {}, "Map or territory"), h("dd", {}, map),
        h("dt", {}, "Responds to"), h("dd", {}, [...mesa.respondsTo].flatMap((m, v) => (m ? [mesa.report.names[v]] : [])).join(", ") || "nothing", ".")),
      h("p", { class: "muted" }, "All that a bare graph certifies. Regrets, possible actions and consistency in general need numbers."),
    ];
  }
}

// Names in a line, the first of them where there are many.
function several(names, most = 8) {
  return names.length <= most + 1 ? names.join(", ") : `${names.slice(0, most).join(", ")} and ${names.length - most} more`;
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
  } else for (const name of [...proof.xs, ...proof.ys]) nodes.add(name.replace(/^(?:M|Π)_/, (mark) => (own.has(name) ? mark : "")));
  return {
    verdict, criterion, nodes, links,
    given: new Set(proof.given ?? []),
    added: proof.added.map(([tail, head]) => key(tail, head)),
    removed: new Set(proof.removed.map(([tail, head]) => key(tail, head))),
  };
}
