// The diagram that is edited: plain data that never changes, its rules, and the edits, each of which returns a new one.
//
// A diagram is {agents, nodes, links, targets}: `agents` are names (a number or a text), a node is {name, kind, agent,
// latent, x, y} with `agent` a position in `agents`, a link is a pair of names, `targets` are those of the
// mesa-optimizer. Edits that would break a rule return {problem} in the library's words instead of {diagram}.

export const KINDS = ["chance", "decision", "utility"];

export const EMPTY = { agents: [0], nodes: [], links: [], targets: [] };

export function node(name, kind, x = 0, y = 0, more = {}) {
  return { name, kind, agent: 0, latent: false, x, y, ...more };
}

export function nodeOf(diagram, name) {
  return diagram.nodes.find((one) => one.name === name);
}

// The diagram by positions, as the engine takes it.
export function byPosition(diagram) {
  const place = new Map(diagram.nodes.map((one, i) => [one.name, i]));
  const used = usedAgents(diagram);
  return {
    names: diagram.nodes.map((one) => one.name),
    kinds: diagram.nodes.map((one) => one.kind),
    owners: diagram.nodes.map((one) => (one.kind === "chance" ? -1 : used.indexOf(one.agent))),
    agents: used.map((agent) => String(diagram.agents[agent])),
    links: diagram.links.map(([tail, head]) => [place.get(tail), place.get(head)]),
  };
}

// The positions of the agents that own a decision or a utility.
export function usedAgents(diagram) {
  const owned = new Set(diagram.nodes.filter((one) => one.kind !== "chance").map((one) => one.agent));
  return diagram.agents.map((_, agent) => agent).filter((agent) => owned.has(agent));
}

// What is wrong with a diagram that came from outside, in words; "" if nothing is.
export function problemOf(diagram) {
  const names = new Set();
  for (const one of diagram.nodes) {
    if (typeof one.name !== "string" || !one.name) return "a node's name is a non-empty text.";
    if (names.has(one.name)) return `two nodes are called \`${one.name}\`: rename one.`;
    if (!KINDS.includes(one.kind)) return `a node is ${KINDS.join(", ")}; \`${one.name}\` is ${one.kind}.`;
    names.add(one.name);
  }
  for (const [tail, head] of diagram.links) {
    for (const end of [tail, head]) if (!names.has(end)) return `\`${end}\` is not a node of this diagram.`;
    if (tail === head) return cycleInWords([tail]);
    const wrong = linkProblem(diagram, tail, head);
    if (wrong) return wrong;
  }
  const cycle = cycleOf(diagram);
  return cycle ? cycleInWords(cycle) : "";
}

// Data from outside (a link, a file, the browser's storage) as a diagram; null where it is none.
export function tidied(data) {
  const number = (value) => (Number.isFinite(value) ? value : 0);
  try {
    const agents = data.agents.filter((agent) => typeof agent === "string" || Number.isInteger(agent));
    const known = agents.length ? agents : [0];
    const diagram = {
      agents: known,
      nodes: data.nodes.map((one) => ({
        name: one.name,
        kind: one.kind,
        agent: Number.isInteger(one.agent) && one.agent >= 0 && one.agent < known.length ? one.agent : 0,
        latent: one.kind === "chance" && one.latent === true,
        x: number(one.x),
        y: number(one.y),
      })),
      links: data.links.map(([tail, head]) => [tail, head]),
      targets: [],
    };
    const names = new Map(diagram.nodes.map((one) => [one.name, one.kind]));
    diagram.targets = (data.targets ?? []).filter((name) => names.has(name) && names.get(name) !== "decision");
    return problemOf(diagram) ? null : diagram;
  } catch {
    return null;
  }
}

function linkProblem(diagram, tail, head) {
  const from = nodeOf(diagram, tail);
  if (from.kind === "utility") {
    return `a utility has no children, and \`${tail}\` has the edge ('${tail}', '${head}'): make \`${tail}\` a chance node with a utility below it.`;
  }
  if (from.latent && nodeOf(diagram, head).kind === "decision") {
    return `a latent node is observed by nobody, and \`${tail}\` has an information link to \`${head}\`: remove the link, or make the node observable.`;
  }
  return "";
}

function cycleInWords(cycle) {
  const walk = [...cycle, cycle[0]].join(" → ");
  return `a causal influence diagram has no cycle, and these edges have ${walk}: remove one of them.`;
}

// A directed path between two nodes, or null.
export function pathBetween(diagram, from, to) {
  const before = new Map([[from, null]]);
  const queue = [from];
  for (let i = 0; i < queue.length; i++) {
    if (queue[i] === to) {
      const path = [];
      for (let at = to; at !== null; at = before.get(at)) path.unshift(at);
      return path;
    }
    for (const [tail, head] of diagram.links) {
      if (tail === queue[i] && !before.has(head)) {
        before.set(head, tail);
        queue.push(head);
      }
    }
  }
  return null;
}

function cycleOf(diagram) {
  const waiting = new Map(diagram.nodes.map((one) => [one.name, 0]));
  const children = new Map(diagram.nodes.map((one) => [one.name, []]));
  for (const [tail, head] of diagram.links) {
    waiting.set(head, waiting.get(head) + 1);
    children.get(tail).push(head);
  }
  const order = [...waiting].filter(([, count]) => !count).map(([name]) => name);
  for (let i = 0; i < order.length; i++) {
    for (const head of children.get(order[i])) {
      waiting.set(head, waiting.get(head) - 1);
      if (!waiting.get(head)) order.push(head);
    }
  }
  if (order.length === diagram.nodes.length) return null;
  for (const [tail, head] of diagram.links) {
    const back = waiting.get(tail) && waiting.get(head) ? pathBetween(diagram, head, tail) : null;
    if (back) return back;
  }
  return null;
}

// Edits ---------------------------------------------------------------------------------------------------------------

// A name that no node bears yet: `base`, else base_2, base_3, …
export function freshName(diagram, base) {
  const taken = new Set(diagram.nodes.map((one) => one.name));
  if (!taken.has(base)) return base;
  let i = 2;
  while (taken.has(`${base}_${i}`)) i++;
  return `${base}_${i}`;
}

const LETTERS = { chance: "X", decision: "D", utility: "U" };

export function addNode(diagram, kind, x, y, agent = 0) {
  const taken = new Set(diagram.nodes.map((one) => one.name));
  let i = 1;
  while (taken.has(`${LETTERS[kind]}${i}`)) i++;
  const name = `${LETTERS[kind]}${i}`;
  return { diagram: { ...diagram, nodes: [...diagram.nodes, node(name, kind, x, y, { agent })] }, name };
}

export function addLink(diagram, tail, head) {
  if (diagram.links.some(([a, b]) => a === tail && b === head)) return { diagram };
  if (tail === head) return { problem: cycleInWords([tail]) };
  const wrong = linkProblem(diagram, tail, head);
  if (wrong) return { problem: wrong };
  const back = pathBetween(diagram, head, tail);
  if (back) return { problem: cycleInWords(back) };
  return { diagram: { ...diagram, links: [...diagram.links, [tail, head]] } };
}

export function remove(diagram, names, links = []) {
  const gone = new Set(names);
  const cut = new Set(links.map(([tail, head]) => `${tail}\0${head}`));
  return {
    diagram: {
      ...diagram,
      nodes: diagram.nodes.filter((one) => !gone.has(one.name)),
      links: diagram.links.filter(([a, b]) => !gone.has(a) && !gone.has(b) && !cut.has(`${a}\0${b}`)),
      targets: diagram.targets.filter((name) => !gone.has(name)),
    },
  };
}

export function rename(diagram, old, name) {
  const wanted = name.trim();
  if (wanted === old) return { diagram };
  if (!wanted) return { problem: "a node's name is a non-empty text." };
  if (nodeOf(diagram, wanted)) return { problem: `\`${wanted}\` is a node already: choose another name.` };
  const to = (one) => (one === old ? wanted : one);
  return {
    diagram: {
      ...diagram,
      nodes: diagram.nodes.map((one) => ({ ...one, name: to(one.name) })),
      links: diagram.links.map((link) => link.map(to)),
      targets: diagram.targets.map(to),
    },
  };
}

// Changes some nodes by a function of each; what would break a rule is refused.
export function change(diagram, names, edit) {
  const wanted = new Set(names);
  const nodes = diagram.nodes.map((one) => (wanted.has(one.name) ? { ...one, ...edit(one) } : one));
  const changed = { ...diagram, nodes };
  for (const [tail, head] of diagram.links) {
    const wrong = wanted.has(tail) || wanted.has(head) ? linkProblem(changed, tail, head) : "";
    if (wrong) return { problem: wrong };
  }
  const aimed = new Map(nodes.map((one) => [one.name, one.kind]));
  return { diagram: { ...changed, targets: diagram.targets.filter((name) => aimed.get(name) !== "decision") } };
}

export function setKind(diagram, names, kind) {
  return change(diagram, names, (one) => ({ kind, latent: kind === "chance" && one.latent }));
}

export function addAgent(diagram) {
  let i = diagram.agents.length;
  while (diagram.agents.includes(i)) i++;
  return { diagram: { ...diagram, agents: [...diagram.agents, i] }, agent: diagram.agents.length };
}

// Gives an agent another name; a whole number is one.
export function renameAgent(diagram, agent, words) {
  const wanted = words.trim();
  const name = /^\d{1,9}$/.test(wanted) ? Number(wanted) : wanted;
  if (!wanted) return { problem: "an agent's name is a non-empty text or a number." };
  if (diagram.agents.some((known, i) => i !== agent && String(known) === wanted)) {
    return { problem: `two agents would be called ${wanted}: choose another name.` };
  }
  return { diagram: { ...diagram, agents: diagram.agents.map((known, i) => (i === agent ? name : known)) } };
}

// Puts another diagram in, moved by (dx, dy), under fresh names; its agents are matched by name.
export function insert(diagram, part, dx, dy) {
  const agents = [...diagram.agents];
  const owner = part.agents.map((agent) => {
    if (!agents.some((known) => String(known) === String(agent))) agents.push(agent);
    return agents.findIndex((known) => String(known) === String(agent));
  });
  let grown = { ...diagram, agents };
  const names = new Map();
  for (const one of part.nodes) {
    const name = freshName(grown, one.name);
    names.set(one.name, name);
    const put = { ...one, name, x: one.x + dx, y: one.y + dy, agent: owner[one.agent] ?? 0 };
    grown = { ...grown, nodes: [...grown.nodes, put] };
  }
  const links = part.links.map(([tail, head]) => [names.get(tail), names.get(head)]);
  return { diagram: { ...grown, links: [...grown.links, ...links] }, names: [...names.values()] };
}

// The part of a diagram that some nodes and the links among them make.
export function partOf(diagram, names) {
  const kept = new Set(names);
  return {
    ...diagram,
    nodes: diagram.nodes.filter((one) => kept.has(one.name)),
    links: diagram.links.filter(([tail, head]) => kept.has(tail) && kept.has(head)),
    targets: [],
  };
}

// Are two diagrams the same but for places and targets?
export function sameGraph(a, b) {
  const key = (diagram) =>
    JSON.stringify([
      diagram.nodes
        .map((one) => [one.name, one.kind, one.kind === "chance" ? one.latent : String(diagram.agents[one.agent])])
        .sort(),
      [...diagram.links].sort((p, q) => (p.join("\0") < q.join("\0") ? -1 : 1)),
    ]);
  return key(a) === key(b);
}
