/**
 * Restart, in a process of its own: loads the partition as a new owner does, from the snapshot and
 * the log behind it, and prints what that took as one line of JSON. Run with --expose-gc.
 */
import { SYSTEM_CLOCK } from "../../core/clock.js";
import { SILENT } from "../../core/log.js";
import { print } from "../../core/output.js";
import { openNats } from "../../core/stream/nats.js";
import { SNAPSHOTS_STORE } from "../../core/subjects.js";
import { load } from "../../services/dispatch/load.js";
import { LIMITS, memoryNow, type Restarted } from "./run.js";

const [, , servers = ""] = process.argv;
const names = { name: "restart", processId: `restart-${process.pid}` };
const client = await openNats({ servers, ...names, clock: SYSTEM_CLOCK, log: SILENT });
const before = memoryNow();
const cpu = process.cpuUsage();
const startedMs = SYSTEM_CLOCK.monotonicMs();
const objects = await client.objects(SNAPSHOTS_STORE);
const { state, behind } = await load({
  client,
  objects,
  log: SILENT,
  partition: 0,
  limits: LIMITS,
});
const restartMs = SYSTEM_CLOCK.monotonicMs() - startedMs;
const { user, system } = process.cpuUsage(cpu);
const peakBytes = process.resourceUsage().maxRSS * 1_024;
const after = memoryNow();
const told: Restarted = {
  restartMs,
  restartCpuMs: (user + system) / 1_000,
  replayedFrames: behind.frames,
  held: state.reservations.held(),
  accounts: state.accounts.count(),
  usedBytes: after.usedBytes - before.usedBytes,
  residentBytes: after.residentBytes - before.residentBytes,
  peakBytes,
  reservationsBytes: state.reservations.bytes(),
  accountsBytes: state.accounts.bytes() + state.months.bytes(),
};
print(JSON.stringify(told));
await client.close();
