// Times the engine: one diagram a line in, the CPU milliseconds of analysing it out, each the mean over a block of runs.

import { createInterface } from "node:readline";

const room = new URL("../../cidmesa/explorer/web/engine/", import.meta.url);
const { Report } = await import(new URL("criteria.js", room));
const { Mesa } = await import(new URL("mesa.js", room));

const BLOCKS = 10;
const RUNS = 8;

for await (const line of createInterface({ input: process.stdin })) {
  const { diagram, targets } = JSON.parse(line);
  const report = new Report(diagram);
  const analyse = () => new Report(diagram).table();
  const compare = () => new Mesa(report, targets);
  process.stdout.write(JSON.stringify({ report: times(analyse), mesa: times(compare) }) + "\n");
}

function times(run) {
  return Array.from({ length: BLOCKS }, () => {
    const start = process.cpuUsage();
    for (let i = 0; i < RUNS; i++) run();
    const { user, system } = process.cpuUsage(start);
    return (user + system) / 1000 / RUNS;
  });
}
