// What the page says of a node, in the library's words.

import { ADMITS, CRITERIA, EXCLUDES, TITLES, UNKNOWN } from "../engine/criteria.js";

export const SHORT = { voi: "VoI", voc: "VoC", ri: "RI", ici: "ICI", requisite: "req", relevance: "rel" };

export const RINGED = ["voi", "voc", "ri", "ici"];

export const MEANING = {
  voi: "It can pay the decision to observe the node.",
  voc: "It can pay the agent to choose how the node behaves.",
  ri: "Every optimal rule may have to respond to the node.",
  ici: "Influencing the node may be a way to utility.",
  requisite: "The decision observes it, and an optimal rule may need it.",
  relevance: "A change of the node's mechanism can change what is best.",
};

export const ANSWERS = { [EXCLUDES]: "excludes", [UNKNOWN]: "possible, ask Python", [ADMITS]: "admits" };

export const POSITION_MEANING = {
  identical: "the targets are the score, or all that it reads",
  contains: "the targets hold the score, or all that it reads, and more",
  part: "some target is read by the score",
  "side-effect": "a target leads to something that the score reads",
  instrumental: "something that the score reads leads to a target",
  "common cause": "the decision moves both through a node above them",
  spurious: "an observation that the base needs stands in for another",
  referent: "the score reads a label of what the target reads",
  message: "what the target reads is a message about what the score reads",
  other: "none of the other positions",
};

export const SHIFT_MEANING = {
  mechanism: "relevant: the world works differently, and the objectives may part",
  context: "separates only by showing situations that training never showed",
  "inert for the policy": "moves a score but no choice",
  inert: "no directed path to a decision, a target or the score",
};

// The accessible name of a node: name, kind, whose, what it is, and its verdicts.
export function spoken(one, report, { owner, target, decisions }) {
  const v = report.names.indexOf(one.name);
  const parts = [`${one.name}, ${one.latent ? "latent " : ""}${one.kind}${owner ? ` of agent ${owner}` : ""}`];
  if (target) parts.push("target");
  const { parents, children } = report.graph;
  if (parents[v].length) parts.push(`from ${parents[v].map((p) => report.names[p]).join(", ")}`);
  if (children[v].length) parts.push(`to ${children[v].map((c) => report.names[c]).join(", ")}`);
  for (const d of decisions) {
    const yes = [];
    const open = [];
    for (const criterion of CRITERIA) {
      const answer = report.answer(criterion, v, d);
      if (answer === ADMITS) yes.push(TITLES[criterion]);
      if (answer === UNKNOWN) open.push(TITLES[criterion]);
    }
    if (yes.length) parts.push(`for ${report.names[d]} admits ${yes.join(", ")}`);
    if (open.length) parts.push(`possible for ${report.names[d]}: ${open.join(", ")}`);
    if (!yes.length && !open.length && v !== d) parts.push(`nothing for ${report.names[d]}`);
  }
  return parts.join(". ");
}

// Names in a line, the first of them where there are many.
export function several(names, most = 8) {
  return names.length <= most + 1
    ? names.join(", ")
    : `${names.slice(0, most).join(", ")} and ${names.length - most} more`;
}
