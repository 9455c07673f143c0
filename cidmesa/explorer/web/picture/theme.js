// How diagrams look: the library's own theme, which the writer of the page puts in as plain data.

export const { theme, widths } = globalThis.CIDMESA;

export function agentColour(agent) {
  return theme.AGENTS[agent % theme.AGENTS.length];
}
