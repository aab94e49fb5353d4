/**
 * Snapshots of one partition as time passes: captured between two turns, stored, and then the log
 * behind them purged, as far as nobody else needs it: never past what was found again as stored.
 *
 * The last two are kept, and the log from the older one on, so that a start finds a whole state even
 * if the newest object cannot be read. Needed besides: what cdr has not acked, and every decision
 * with a request frame that may come again.
 */
import type { Clock } from "../../core/clock.js";
import type { Logger } from "../../core/log.js";
import { gauge } from "../../core/metrics.js";
import type { Objects, StreamClient } from "../../core/stream/stream.js";
import { CDR_CONSUMERS, decisionSubject } from "../../core/subjects.js";
import {
  capture,
  isStored,
  NO_PARTS,
  type Parts,
  prune,
  type Snapshot,
  store,
} from "./snapshot.js";
import type { PartitionState } from "./state.js";

const snapshotBytes = gauge("floe_dispatch_snapshot_bytes", "Bytes that the last snapshot wrote.", [
  "partition",
]);

export interface SnapshotsOptions {
  readonly client: StreamClient;
  readonly objects: Objects;
  readonly clock: Clock;
  readonly log: Logger;
  readonly partition: number;
  readonly state: PartitionState;
  /** Parts of the snapshot that the state was loaded from. */
  readonly parts: Parts;
  /** Frames of the log behind that snapshot, and when the first of them was decided. */
  readonly behind: Behind;
  /** Runs it when no turn is under way. */
  between<T>(run: () => T): Promise<T>;
  /** How often one is taken, if so many frames were appended since, or one a day ago. */
  readonly everyMs: number;
  readonly framesMin: number;
}

export interface Behind {
  readonly frames: number;
  readonly sinceMs: number;
}

/** The log loses frames by age: long before that they are in a snapshot, however few they are. */
const AGE_MS_MAX = 24 * 3_600_000;

export interface Snapshots {
  /** Counts an appended frame. */
  appended(): void;
  /** Takes one if it is time to. */
  tick(): void;
  /** Resolves when none is being stored. */
  stop(): Promise<void>;
}

export function openSnapshots(options: SnapshotsOptions): Snapshots {
  const { client, objects, clock, log, partition, state } = options;
  const kept: Pick<Snapshot, "sequence" | "name" | "parts">[] = [];
  let parts = options.parts;
  let { frames, sinceMs } = options.behind;
  let takenAtMs = clock.monotonicMs();
  let taking: Promise<void> | undefined;
  let stopped = false;

  async function take(): Promise<void> {
    const counted = frames;
    const takenMs = clock.nowMs();
    const stored = parts;
    // Until it is stored nothing is: whatever fails, the next one is whole.
    parts = NO_PARTS;
    const taken = await options.between(() => capture(partition, state, stored));
    const bytes = await store(objects, taken, () => !stopped);
    const { name, sequence } = taken;
    if (!(await isStored(objects, taken))) {
      log.error({ partition, snapshot: name }, "a snapshot that was stored cannot be found");
      return;
    }
    frames -= counted;
    sinceMs = takenMs;
    parts = taken.parts;
    kept.push({ name, sequence, parts });
    if (kept.length > 2) kept.shift();
    snapshotBytes.set({ partition }, bytes);
    log.debug({ partition, sequence, bytes }, "snapshot stored");
    const throughSequence = await prune(objects, partition, kept);
    if (throughSequence > 0) await purge(throughSequence);
  }

  /** Purges the log up to `throughSequence`, or as far as others are. */
  async function purge(throughSequence: number): Promise<void> {
    const { pending, ackPending, ackFloor } = await client.backlog(CDR_CONSUMERS[0]);
    const read = pending + ackPending === 0 ? Number.POSITIVE_INFINITY : ackFloor;
    if (read === undefined) return;
    let below = Math.min(throughSequence, read) + 1;
    for (const lane of state.covered) below = Math.min(below, lane.oldestDecision() ?? below);
    // The last frame stays, whatever happens: the fence needs it.
    await client.purge("DECISIONS", decisionSubject(partition), Math.min(below, state.sequence));
  }

  return {
    appended() {
      if (frames === 0) sinceMs = clock.nowMs();
      frames += 1;
    },
    tick() {
      const nowMs = clock.monotonicMs();
      if (taking !== undefined || stopped) return;
      const isOld = frames > 0 && clock.nowMs() - sinceMs >= AGE_MS_MAX;
      if (frames < options.framesMin && !isOld) return;
      if (nowMs - takenAtMs < options.everyMs) return;
      takenAtMs = nowMs;
      taking = take()
        .catch((err: unknown) => {
          if (!stopped) log.warn({ err, partition }, "no snapshot could be made");
        })
        .finally(() => {
          taking = undefined;
        });
    },
    async stop() {
      stopped = true;
      await taking;
    },
  };
}
