// A whole diagram in the fragment of an address: compact JSON, deflated where the browser can, in base64 for addresses.

import { tidied } from "../app/diagram.js";
import { FormatError } from "./plain.js";

const KINDS = ["chance", "decision", "utility"];

function compact(diagram) {
  const place = new Map(diagram.nodes.map((one, i) => [one.name, i]));
  const nodes = diagram.nodes.map((one) => [
    one.name,
    KINDS.indexOf(one.kind) + (one.latent ? 3 : 0),
    one.agent,
    Math.round(one.x * 10),
    Math.round(one.y * 10),
  ]);
  const links = diagram.links.map((link) => link.map((name) => place.get(name)));
  return [1, diagram.agents, nodes, links.flat(), diagram.targets.map((name) => place.get(name))];
}

function expanded([version, agents, nodes, links, targets]) {
  if (version !== 1) throw new FormatError(`this link was made by a newer explorer (version ${version}).`);
  const name = (i) => nodes[i][0];
  const pairs = [];
  for (let i = 0; i + 1 < links.length; i += 2) pairs.push([name(links[i]), name(links[i + 1])]);
  return {
    agents,
    nodes: nodes.map(([called, kind, agent, x, y]) => ({
      name: called,
      kind: KINDS[kind % 3],
      agent,
      latent: kind >= 3,
      x: x / 10,
      y: y / 10,
    })),
    links: pairs,
    targets: targets.map(name),
  };
}

export async function toLink(diagram) {
  const bytes = new TextEncoder().encode(JSON.stringify(compact(diagram)));
  if (typeof CompressionStream === "undefined") return `j=${base64(bytes)}`;
  return `d=${base64(await through(bytes, new CompressionStream("deflate-raw")))}`;
}

export async function fromLink(fragment) {
  const found = /^#?([dj])=([A-Za-z0-9_-]+)$/.exec(fragment);
  if (!found) throw new FormatError("this link carries no diagram.");
  try {
    const text = atob(found[2].replaceAll("-", "+").replaceAll("_", "/"));
    let bytes = Uint8Array.from(text, (c) => c.charCodeAt(0));
    if (found[1] === "d") bytes = await through(bytes, new DecompressionStream("deflate-raw"));
    const diagram = tidied(expanded(JSON.parse(new TextDecoder().decode(bytes))));
    if (!diagram) throw new FormatError("this link carries no sound diagram.");
    return { diagram, left: [], placed: true };
  } catch (error) {
    throw error instanceof FormatError ? error : new FormatError("this link is damaged: copy all of it.");
  }
}

async function through(bytes, transform) {
  return new Uint8Array(await new Response(new Blob([bytes]).stream().pipeThrough(transform)).arrayBuffer());
}

function base64(bytes) {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}
