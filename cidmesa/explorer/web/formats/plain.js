// Between diagrams and the plain data of a *.cid.yaml file: {nodes, edges, decisions, utilities, latent}.

import { node, usedAgents } from "../app/diagram.js";

const MORE = [
  "mechanisms",
  "rules",
  "symbols",
  "deployments",
  "feedback",
  "shared_rules",
  "phases",
  "learned",
  "world",
  "intended",
  "selects",
  "level_nodes",
  "levels",
];

export class FormatError extends Error {}

// Decisions and utilities are lists for one agent called 0, mappings from agents otherwise.
export function toPlain(diagram) {
  const agents = usedAgents(diagram);
  const single = agents.every((agent) => diagram.agents[agent] === 0);
  const owned = (kind) => {
    const of = (agent) =>
      diagram.nodes.filter((one) => one.kind === kind && one.agent === agent).map((one) => one.name);
    return single ? agents.flatMap(of) : new Map(agents.map((agent) => [diagram.agents[agent], of(agent)]));
  };
  const plain = {
    nodes: diagram.nodes.map((one) => one.name),
    edges: diagram.links,
    decisions: owned("decision"),
    utilities: owned("utility"),
  };
  const latent = diagram.nodes.filter((one) => one.latent).map((one) => one.name);
  return latent.length ? { ...plain, latent } : plain;
}

// Reads plain data; mappings are Maps. Returns {diagram, left}: `left` are entries that a diagram does not hold.
export function fromPlain(plain) {
  const order = new Map();
  const meet = (name, where) => {
    if (typeof name !== "string" || !name)
      throw new FormatError(`${where}: a node's name is a non-empty text; got ${show(name)}.`);
    if (!order.has(name)) order.set(name, node(name, "chance"));
    return name;
  };
  for (const name of list(plain.get("nodes"), "nodes")) meet(name, "nodes");
  const links = [];
  const seen = new Set();
  const link = (tail, head) => {
    const key = `${tail}\0${head}`;
    if (!seen.has(key)) links.push([tail, head]);
    seen.add(key);
  };
  for (const pair of list(plain.get("edges"), "edges")) {
    if (!Array.isArray(pair) || pair.length !== 2)
      throw new FormatError(`edges: an edge is a pair [tail, head]; got ${show(pair)}.`);
    link(meet(pair[0], "edges"), meet(pair[1], "edges"));
  }
  for (const pair of list(plain.get("bidirected"), "bidirected")) {
    if (!Array.isArray(pair) || pair.length !== 2)
      throw new FormatError(`bidirected: a pair [one, other]; got ${show(pair)}.`);
    const cause = `latent_${pair[0]}_${pair[1]}`;
    if (order.has(cause))
      throw new FormatError(`\`${cause}\` is a node already, and the name of a hidden common cause.`);
    order.set(meet(cause, "bidirected"), { ...node(cause, "chance"), latent: true });
    for (const end of pair) link(cause, meet(end, "bidirected"));
  }
  const agents = [];
  for (const kind of ["decision", "utility"]) {
    const key = kind === "decision" ? "decisions" : "utilities";
    const given = plain.get(key);
    const owned = given instanceof Map ? [...given] : [[0, given]];
    for (const [agent, names] of owned) {
      if (!agents.includes(agent)) agents.push(agent);
      for (const name of list(names, key)) {
        if (!order.has(name)) throw new FormatError(`${key}: ${show(name)} is neither among nodes nor on an edge.`);
        if (order.get(name).kind !== "chance")
          throw new FormatError(`\`${name}\` is listed twice in decisions and utilities.`);
        order.set(name, { ...order.get(name), kind, agent: agents.indexOf(agent) });
      }
    }
  }
  for (const name of list(plain.get("latent"), "latent")) {
    if (!order.has(name)) throw new FormatError(`latent: ${show(name)} is not a node of this diagram.`);
    order.set(name, { ...order.get(name), latent: true });
  }
  const left = MORE.filter((key) => plain.has(key));
  return { diagram: { agents: agents.length ? agents : [0], nodes: [...order.values()], links, targets: [] }, left };
}

function list(value, where) {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw new FormatError(`${where}: a list is wanted; got ${show(value)}.`);
  return value;
}

function show(value) {
  return value instanceof Map ? "a mapping" : (JSON.stringify(value) ?? String(value));
}
