// Times the engine: one JSON diagram a line in, the milliseconds of analysing it again and again out.

import { createInterface } from "node:readline";

const room = new URL("../../cidmesa/explorer/web/engine/", import.meta.url);
const { Report } = await import(new URL("criteria.js", room));
const { Mesa } = await import(new URL("mesa.js", room));

for await (const line of createInterface({ input: process.stdin })) {
  const { diagram, targets } = JSON.parse(line);
  const times = { report: [], mesa: [] };
  for (let i = 0; i < 40; i++) {
    const start = performance.now();
    const report = new Report(diagram);
    report.table();
    const middle = performance.now();
    new Mesa(report, targets);
    times.report.push(middle - start);
    times.mesa.push(performance.now() - middle);
  }
  process.stdout.write(JSON.stringify(times) + "\n");
}
