/**
 * Poison: what no stage can take. Messages that crash whoever routes them, or whoever sends them; and
 * frames on REQUESTS and DISPATCH whose bytes make no sense. Each must end as a dead letter, and hold
 * up nobody.
 */
import type { Chance, Clock } from "../../core/clock.js";
import { isFloeError } from "../../core/errors.js";
import { LANES } from "../../core/message.js";
import { DispatchFrame, type Lane, RequestFrame } from "../../core/proto/floe/v1/frames.js";
import type { StreamClient } from "../../core/stream/stream.js";
import { dispatchSubject, requestSubject } from "../../core/subjects.js";

/** Text of a message that the pool fails at. */
export const CRASHES_POOL = "poison of the pool";
/** Of one that ends the connector that would send it. */
export const CRASHES_LINK = "poison of the link";
/** How the ids of frames without sense begin. */
export const SENSELESS = "senseless-";

/** As in a process that ends because of it: nothing of that process runs on. */
export class Crash extends Error {}

/** Puts a frame without sense on one of the work queues. */
export function openPoisoner(
  client: StreamClient,
  clock: Clock,
  chance: Chance,
  partitions: number,
): () => void {
  let count = 0;
  const pick = (below: number): number => Math.floor(chance() * below);
  const noise = (): Uint8Array => Uint8Array.from({ length: 1 + pick(60) }, () => pick(256));

  function request(lane: number, partition: number): Uint8Array {
    const records = [{ messageId: Buffer.from([1, 2, 3]), account: 1 }];
    const publishedAtMs = BigInt(clock.nowMs());
    const header = { partition, lane: lane as Lane, publishedAtMs };
    const bytes = RequestFrame.encode(RequestFrame.fromPartial({ ...header, records })).finish();
    // Whole, with a record without an id; or cut within that record.
    return chance() < 0.5 ? bytes : bytes.subarray(0, bytes.length - 1 - pick(4));
  }

  function dispatch(lane: number): Uint8Array {
    if (chance() < 0.5) return noise();
    const records = [{ messageId: Buffer.from([1, 2, 3]) }];
    const causedAtMs = BigInt(clock.nowMs());
    const header = { carrier: "alpha", lane: lane as Lane, causedAtMs, identity: `${SENSELESS}x` };
    return DispatchFrame.encode(DispatchFrame.fromPartial({ ...header, records })).finish();
  }

  return () => {
    count += 1;
    const lane = 1 + pick(LANES.length);
    const partition = pick(partitions);
    const isRequest = chance() < 0.5;
    const subject = isRequest
      ? requestSubject(lane, partition)
      : dispatchSubject("alpha", lane, "0");
    const bytes = isRequest ? request(lane, partition) : dispatch(lane);
    client.publish(subject, bytes, { id: `${SENSELESS}${count}` }).catch((error: unknown) => {
      // Full or away: whether it was stored, the stream's history knows.
      if (!isFloeError(error)) throw error;
    });
  };
}
