/**
 * Peers: how many gateways there are, each by a key that it renews and that expires without it.
 *
 * While the stream is away the last count holds: a wrong one makes shares of rates a little too large
 * or too small for some seconds, and nothing else.
 */
import type { Clock } from "../../core/clock.js";
import type { Logger } from "../../core/log.js";
import type { Bucket } from "../../core/stream/stream.js";

export interface Peers {
  /** This one included. */
  count(): number;
  stop(): Promise<void>;
}

const PREFIX = "gateway.member.";
const TTL_SECONDS = 9;
const RENEW_MS = 3_000;

/** @param bucket of leases, opened with `keyTtl`. */
export async function joinPeers(
  bucket: Bucket,
  clock: Clock,
  processId: string,
  log: Logger,
): Promise<Peers> {
  const key = PREFIX + processId;
  const value = Buffer.from(processId, "utf8");
  const there = new Set<string>();
  let stopped = false;
  let cancel = (): void => {};

  async function renew(): Promise<void> {
    try {
      await bucket.put(key, value, TTL_SECONDS);
    } catch (err) {
      log.warn({ err }, "cannot tell the other gateways of this one");
    }
    if (!stopped) cancel = clock.after(RENEW_MS, () => void renew());
  }

  const watching = await bucket.watch((name, present) => {
    if (!name.startsWith(PREFIX)) return;
    if (present === undefined) there.delete(name);
    else there.add(name);
  });
  await renew();
  return {
    count: () => Math.max(1, there.size),
    async stop() {
      stopped = true;
      cancel();
      await watching.stop();
      // If it cannot be told it expires by itself.
      await bucket.delete(key).catch(() => {});
    },
  };
}
