// The editor of what is selected: a node, several, or a link.

import { ADMITS } from "../engine/criteria.js";
import { KINDS, addAgent, change, nodeOf, remove, rename, setKind } from "./diagram.js";
import { byId, h } from "./dom.js";

export class Editor {
  constructor(studio, canvas, actions) {
    Object.assign(this, { studio, canvas, actions });
  }

  render() {
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
    return h(
      "div",
      { class: "segments", role: "group", "aria-label": "Kind" },
      KINDS.map((each) =>
        h(
          "button",
          {
            type: "button",
            "data-key": `kind-${each}`,
            "aria-pressed": String(each === kind),
            class: `kind ${each}`,
            onclick: () => studio.take(setKind(studio.diagram, names, each)),
          },
          each,
        ),
      ),
    );
  }

  nodeEditor(one) {
    const { studio, canvas, actions } = this;
    const { diagram, report } = studio;
    const v = report.names.indexOf(one.name);
    const list = (title, others, ends) =>
      others.length
        ? h(
            "p",
            { class: "links" },
            h("span", { class: "muted" }, title),
            others.map((other) => {
              const [tail, head] = ends(report.names[other]);
              return h(
                "span",
                { class: "chip" },
                report.names[other],
                h(
                  "button",
                  {
                    type: "button",
                    class: "bare",
                    "data-key": `cut-${tail}-${head}`,
                    "aria-label": `Remove the link ${tail} to ${head}`,
                    onclick: () => studio.take(remove(studio.diagram, [], [[tail, head]])),
                  },
                  "×",
                ),
              );
            }),
          )
        : null;
    const name = h("input", {
      type: "text",
      value: one.name,
      "aria-label": "Name",
      "data-key": "name",
      spellcheck: "false",
      autocomplete: "off",
      onchange: (event) => {
        const wanted = event.target.value.trim();
        const taken = studio.take(rename(studio.diagram, one.name, wanted));
        if (taken) studio.select([wanted]);
        else event.target.value = one.name;
      },
      onkeydown: (event) => event.key === "Enter" && (event.target.blur(), canvas.focus(event.target.value.trim())),
    });
    const owners = diagram.agents.map((agent, i) =>
      h("option", { value: i, selected: i === one.agent }, `agent ${agent}`),
    );
    const agent =
      one.kind === "chance"
        ? null
        : h(
            "select",
            {
              "aria-label": "Agent",
              "data-key": "agent",
              onchange: (event) => {
                if (event.target.value !== "new")
                  return studio.take(change(studio.diagram, [one.name], () => ({ agent: Number(event.target.value) })));
                const made = addAgent(studio.diagram);
                return studio.take(change(made.diagram, [one.name], () => ({ agent: made.agent })));
              },
            },
            owners,
            h("option", { value: "new" }, "another agent"),
          );
    const latent =
      one.kind === "chance"
        ? h(
            "label",
            { class: "check" },
            h("input", {
              type: "checkbox",
              checked: one.latent,
              "data-key": "latent",
              onchange: (event) => {
                if (!studio.take(change(studio.diagram, [one.name], () => ({ latent: event.target.checked }))))
                  event.target.checked = one.latent;
              },
            }),
            "latent",
          )
        : null;
    const target =
      one.kind === "decision"
        ? null
        : h(
            "label",
            { class: "check" },
            h("input", {
              type: "checkbox",
              "data-key": "target",
              checked: diagram.targets.includes(one.name),
              onchange: () => actions.toggleTargets([one.name]),
            }),
            "target",
          );
    return h(
      "div",
      { class: "editor" },
      h("div", { class: "row" }, name, this.kinds([one.name], one.kind)),
      h(
        "div",
        { class: "row" },
        agent,
        latent,
        target,
        one.kind === "utility"
          ? null
          : h("button", { type: "button", "data-key": "link", onclick: () => actions.beginLink(one.name) }, "Link to…"),
        h("button", { type: "button", "data-key": "delete", onclick: () => actions.remove() }, "Delete"),
      ),
      list("from", report.graph.parents[v], (other) => [other, one.name]),
      list("to", report.graph.children[v], (other) => [one.name, other]),
    );
  }

  severalEditor(names) {
    const kinds = new Set(names.map((name) => nodeOf(this.studio.diagram, name)?.kind));
    return h(
      "div",
      { class: "editor" },
      h("p", {}, h("b", {}, `${names.length} nodes: `), names.join(", ")),
      h(
        "div",
        { class: "row" },
        this.kinds(names, kinds.size === 1 ? [...kinds][0] : ""),
        h("button", { type: "button", "data-key": "delete", onclick: () => this.actions.remove() }, "Delete"),
      ),
    );
  }

  linkEditor([tail, head]) {
    const { studio } = this;
    const information = nodeOf(studio.diagram, head)?.kind === "decision";
    const report = studio.report;
    const why =
      information && !studio.mesaShown
        ? studio.verdict("requisite", report.names.indexOf(tail), report.names.indexOf(head))
        : null;
    return h(
      "div",
      { class: "editor" },
      h("p", {}, h("b", {}, `${tail} → ${head}`), information ? ", an information link" : ", a causal link"),
      why ? h("p", { class: "muted" }, `${why.answer === ADMITS ? "requisite" : "not requisite"}: ${why.words}`) : null,
      h(
        "div",
        { class: "row" },
        h("button", { type: "button", "data-key": "delete", onclick: () => this.actions.remove() }, "Delete"),
      ),
    );
  }
}
