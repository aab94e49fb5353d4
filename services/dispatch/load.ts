/**
 * Load: a partition's state at a start, from the last snapshot that can be read and the log behind
 * it. A log that has a gap, or says what cannot be, leads to no state: nobody owns the partition then.
 */
import { FloeError } from "../../core/errors.js";
import type { Logger } from "../../core/log.js";
import type { Consumption, Objects, StreamClient } from "../../core/stream/stream.js";
import { decisionSubject } from "../../core/subjects.js";
import { raiseFloors } from "./floors.js";
import { loadSnapshot, NO_PARTS, type Loaded as Restored } from "./snapshot.js";
import type { Behind } from "./snapshots.js";
import { applyFrame, openState, type PartitionState, type StateLimits } from "./state.js";

export interface LoadOptions {
  readonly client: StreamClient;
  readonly objects: Objects;
  readonly log: Logger;
  readonly partition: number;
  readonly limits: StateLimits;
}

export interface Loaded extends Restored {
  readonly behind: Behind;
  /** Of the log's last frame: what the next one is fenced on. */
  readonly lastSequence: number;
}

/**
 * The state that the last snapshot and the log behind it lead to.
 * @throws FloeError "frame.malformed" if the log cannot be read or has a gap, "stream.unavailable".
 */
export async function load(options: LoadOptions): Promise<Loaded> {
  const { client, objects, log, partition, limits } = options;
  const unreadable = (name: string, err: unknown): void =>
    log.error({ err, partition, snapshot: name }, "a snapshot cannot be read");
  const loaded = await loadSnapshot(objects, partition, limits, unreadable);
  const state = loaded?.state ?? openState(limits);
  await raiseFloors(client, partition, state.covered);
  const behind = await replay(client, partition, state);
  const { sequence } = state;
  // A log that was not written for a week is empty, and a subject that is empty is fenced on 0.
  const isGone =
    sequence > 0 &&
    behind.frames === 0 &&
    (await client.last("DECISIONS", decisionSubject(partition))) === undefined;
  if (isGone) log.error({ partition, sequence }, "the log is empty, it goes on from the snapshot");
  return { state, parts: loaded?.parts ?? NO_PARTS, behind, lastSequence: isGone ? 0 : sequence };
}

/** Applies what the log holds behind the state, and says how much that was. */
async function replay(
  client: StreamClient,
  partition: number,
  state: PartitionState,
): Promise<Behind> {
  const subject = decisionSubject(partition);
  let [frames, sinceMs] = [0, 0];
  await new Promise<void>((resolve, reject) => {
    let reading: Promise<Consumption> | undefined;
    const end = (error?: Error): void => {
      const stopped = async (): Promise<void> => (await reading)?.stop();
      queueMicrotask(() => void stopped().then(() => (error ? reject(error) : resolve()), reject));
    };
    let faulty = false;
    reading = client.read(
      "DECISIONS",
      subject,
      state.sequence + 1,
      ({ data, sequence }) => {
        if (faulty) return;
        const problem = tryFrame(state, data, sequence);
        frames += 1;
        if (frames === 1) sinceMs = state.decidedAtMs;
        if (problem === undefined) return;
        faulty = true;
        end(new FloeError("frame.malformed", { subject, sequence }, problem));
      },
      () => {
        if (!faulty) end();
      },
    );
    reading.catch(reject);
  });
  return { frames, sinceMs };
}

/** What is wrong with a frame of the log; also what its application trips over. */
function tryFrame(state: PartitionState, data: Uint8Array, sequence: number): unknown {
  try {
    return applyFrame(state, data, sequence);
  } catch (error) {
    return error;
  }
}
