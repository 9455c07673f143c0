// Base against mesa: targets to choose, and all that a bare graph certifies of an optimizer of them.

import { byId, h } from "./dom.js";
import { POSITION_MEANING, SHIFT_MEANING, SHORT, several } from "./words.js";

export class MesaPane {
  constructor(studio, actions) {
    Object.assign(this, { studio, actions });
  }

  render() {
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
    const picks = h(
      "fieldset",
      {},
      h("legend", {}, "Targets: what a mesa-optimizer's objective is a function of"),
      h(
        "div",
        { class: "picks" },
        choices.map(([words, names]) =>
          h(
            "label",
            { class: "check" },
            h("input", {
              type: "checkbox",
              "data-key": `target-${names[0]}`,
              checked: names.some((one) => diagram.targets.includes(one)),
              onchange: () => this.actions.toggleTargets(names),
            }),
            words,
          ),
        ),
      ),
    );
    const parts = [picks];
    if (!mesa)
      parts.push(
        h(
          "p",
          { class: "muted" },
          "Choose one target or several to see which optimizers of them training could have produced, as far as the graph alone says.",
        ),
      );
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
      EXCLUDED:
        "no decision influences a target, so every policy is optimal for any objective on it: training selects none.",
      CONSISTENT: "the targets hold the score, or all that it reads: the base utility is itself an objective on them.",
      UNKNOWN:
        "whether some objective on these targets passes training needs numbers: cm.derive_mesa_optimizers in Python.",
    }[mesa.consistency];
    const picture = h(
      "div",
      { class: "segments", role: "group", "aria-label": "Picture" },
      [
        ["Base", false],
        ["Mesa", true],
      ].map(([words, which]) =>
        h(
          "button",
          {
            type: "button",
            "data-key": `picture-${words}`,
            "aria-pressed": String(options.mesa === which),
            onclick: () => studio.choose({ mesa: which }),
          },
          words,
        ),
      ),
    );
    const cover = [...mesa.cover].flatMap(([d, here]) => here.map(([v, kind]) => [name(v), name(d), kind]));
    const coverWords = {
      covered: "requisite for the targets too",
      surrogate: "not requisite for the targets, but dependent in training on what is",
      severed: "neither requisite for the targets nor dependent on what is",
    };
    const verdicts = (pairs, label) =>
      pairs.length
        ? h(
            "p",
            {},
            h("b", {}, label),
            pairs.map(([criterion, v]) =>
              h(
                "span",
                {
                  class: "chip point",
                  tabindex: "0",
                  "data-criterion": criterion,
                  "data-name": name(v),
                  "data-of": label.startsWith("Vanished") ? "base" : "mesa",
                },
                `${SHORT[criterion]} of ${name(v)}`,
              ),
            ),
          )
        : null;
    const open = [
      ...mesa.maybeEmergent.map((pair) => ["may emerge", pair]),
      ...mesa.maybeVanished.map((pair) => ["may vanish", pair]),
    ];
    const map = mesa.territory.length
      ? `It would steer ${mesa.territory.map(name).join(", ")}: territory, goal optimisation.`
      : mesa.undecided.length
        ? `Whether it would steer ${mesa.undecided.map(name).join(", ")} is open: ask Python.`
        : "It steers no world node: a search in the map.";
    const kinds = ["mechanism", "context", "inert for the policy", "inert"];
    return [
      h(
        "p",
        { class: "verdict" },
        h("span", { class: `badge-${tone}` }, mesa.consistency === "UNKNOWN" ? "open, ask Python" : mesa.consistency),
        ` ${why}`,
      ),
      h("div", { class: "row" }, h("span", { class: "muted" }, "Picture"), picture),
      h(
        "dl",
        { class: "findings" },
        h("dt", {}, "C1 control"),
        h("dd", {}, mesa.control ? "holds: a target descends from a decision." : "fails."),
        h("dt", {}, "C2 cover"),
        h(
          "dd",
          {},
          cover.length
            ? cover.map(([z, d, kind]) =>
                h(
                  "p",
                  {},
                  h("b", {}, z),
                  ` at ${d} is `,
                  h("span", { class: `tag ${kind}` }, kind),
                  `: ${coverWords[kind]}.`,
                ),
              )
            : "the base needs no observation.",
          cover.some(([, , kind]) => kind !== "covered")
            ? h(
                "p",
                { class: "muted" },
                "A surrogate or severed observation makes every objective on these targets inconsistent wherever it is material given the others.",
              )
            : null,
        ),
        h("dt", {}, "Position"),
        h(
          "dd",
          {},
          mesa.positions.length
            ? mesa.positions.map((one) => h("p", {}, h("b", {}, one), `: ${POSITION_MEANING[one]}.`))
            : "none, for want of control.",
        ),
        h("dt", {}, "Shifts"),
        h(
          "dd",
          {},
          kinds.map((kind) => {
            const nodes = mesa.shifts.flatMap((one, v) => (one === kind ? [name(v)] : []));
            return nodes.length
              ? h(
                  "p",
                  {},
                  h("span", { class: `tag ${kind.replaceAll(" ", "-")}`, title: SHIFT_MEANING[kind] }, kind),
                  ` ${several(nodes)}`,
                  h("span", { class: "muted" }, `: ${SHIFT_MEANING[kind]}.`),
                )
              : null;
          }),
        ),
        h("dt", {}, "Against base"),
        h(
          "dd",
          {},
          verdicts(mesa.emergent, "Emergent: "),
          verdicts(mesa.vanished, "Vanished: "),
          open.length
            ? h(
                "p",
                {},
                h("b", {}, "Open: "),
                open.map(([words, [criterion, v]]) => `${SHORT[criterion]} of ${name(v)} ${words}`).join(", "),
                "; ask Python.",
              )
            : null,
          !mesa.emergent.length && !mesa.vanished.length && !open.length ? "the same incentives." : null,
        ),
        h("dt", {}, "Map or territory"),
        h("dd", {}, map),
        h("dt", {}, "Responds to"),
        h(
          "dd",
          {},
          [...mesa.respondsTo].flatMap((m, v) => (m ? [mesa.report.names[v]] : [])).join(", ") || "nothing",
          ".",
        ),
      ),
      h(
        "p",
        { class: "muted" },
        "All that a bare graph certifies. Regrets, possible actions and consistency in general need numbers.",
      ),
    ];
  }
}
