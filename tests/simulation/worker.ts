/** One of the processes that run seeds for main.ts: a seed comes in as a message, findings go out. */
import { simulate } from "./simulate.js";

process.on("message", (seed: number) => {
  void simulate(seed).then((findings) => process.send?.({ seed, ...findings }));
});
// Whoever started it is gone.
process.on("disconnect", () => process.exit());
