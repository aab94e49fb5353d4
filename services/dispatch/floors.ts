/**
 * Floors: how far REQUESTS is done with, by lane, asked of the stream now and then, so that what the
 * partition remembers of covered frames and of idempotency keys does not grow for ever.
 */
import type { Consumption, StoredMessage, StreamClient } from "../../core/stream/stream.js";
import { requestSubject } from "../../core/subjects.js";
import type { Covered } from "./covered.js";

/**
 * Raises the floor of each lane to the first frame that is still on its subject.
 * @returns when the oldest of these was stored; Infinity if there is none.
 */
export async function raiseFloors(
  client: StreamClient,
  partition: number,
  covered: readonly Covered[],
): Promise<number> {
  let oldestMs = Number.POSITIVE_INFINITY;
  for (let lane = 1; lane < covered.length; lane += 1) {
    const one = covered[lane]!;
    // Taken before the question: what is covered meanwhile may lie on the subject all the same.
    const highest = one.highest();
    const first = await firstOn(client, requestSubject(lane, partition), one.floor() + 1);
    if (first === undefined) {
      one.raiseFloor(highest.sequence + 1, highest.storedAtMs);
    } else {
      one.raiseFloor(first.sequence, first.storedAtMs);
      oldestMs = Math.min(oldestMs, first.storedAtMs);
    }
  }
  return oldestMs;
}

/** The first request frame on a subject from a sequence on. */
function firstOn(
  client: StreamClient,
  subject: string,
  from: number,
): Promise<StoredMessage | undefined> {
  return new Promise((resolve, reject) => {
    let reading: Promise<Consumption> | undefined;
    const end = (found: StoredMessage | undefined): void => {
      queueMicrotask(
        () => void reading?.then((one) => one.stop()).then(() => resolve(found), reject),
      );
    };
    reading = client.read("REQUESTS", subject, from, end, () => end(undefined));
    reading.catch(reject);
  });
}
