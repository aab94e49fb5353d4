/**
 * Runs the simulation for many seeds: `node dist/tests/simulation/main.js --seeds N --seed S`.
 * `--tell` says what befalls each world, `--logs` prints the services' own logs as well. Exits 1
 * if anything was wrong; what, and how to see it again, is printed.
 */
import { parseArgs } from "node:util";
import { paint, print } from "../../core/output.js";
import { replayOf, simulate } from "./simulate.js";

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "1" },
    seed: { type: "string", default: "1" },
    tell: { type: "boolean", default: false },
    logs: { type: "boolean", default: false },
  },
});
const first = Number(values.seed);
const count = Number(values.seeds);
let failed = 0;
for (let seed = first; seed < first + count; seed += 1) {
  const { wrongs, hash, counts } = await simulate(seed, {
    tell: (text) => (values.tell ? print(text) : undefined),
    logs: values.logs,
  });
  const numbers = Object.entries(counts).map(([name, value]) => `${name} ${value}`);
  print(`${seed} ${hash} ${numbers.join(", ")}`);
  if (wrongs.length === 0) continue;
  failed += 1;
  for (const text of wrongs.slice(0, 20)) print(paint("red", `  ${text}`));
  if (wrongs.length > 20) print(paint("red", `  and ${wrongs.length - 20} more`));
  print(`  ${replayOf(seed)}`);
}
print(`${count - failed} seeds passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
