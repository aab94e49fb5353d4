/**
 * Skewed clock: preloaded into a role (`node --import`), it lets the wall clock of that process jump.
 *
 * Everything asks core/clock.ts for the time, so its clock is changed in place and the role's own code
 * stays what it is in production. Each SIGUSR2 goes one step on: two hours ahead, two hours behind,
 * right again. What is monotonic stays so, as on a machine whose clock is set.
 */
import { SYSTEM_CLOCK } from "../../core/clock.js";

const HOURS = [0, 2, -2] as const;
const HOUR_MS = 3_600_000;
const real = SYSTEM_CLOCK.nowMs;
let step = 0;

process.on("SIGUSR2", () => {
  step += 1;
});
SYSTEM_CLOCK.nowMs = () => real() + HOURS[step % HOURS.length]! * HOUR_MS;
