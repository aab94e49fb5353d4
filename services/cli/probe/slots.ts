/**
 * Slots: the binds that the probe may open at a carrier whose system runs, by the same leases as the
 * connectors', so that all together never have more sessions than agreed.
 *
 * Where connectors serve the carrier they hand over an even share, at least one and never the last,
 * and have it back when the probe ends. Where none does, all are the probe's.
 */
import { type Clock, fillRandom, sleep } from "../../../core/clock.js";
import type { CarrierConfig } from "../../../core/configuration.js";
import { FloeError } from "../../../core/errors.js";
import { holdLeases } from "../../../core/stream/lease.js";
import { assign } from "../../../core/stream/rendezvous.js";
import type { StreamClient } from "../../../core/stream/stream.js";
import { BUCKETS } from "../../../core/subjects.js";

export interface Slots {
  /** Binds that are the probe's, and those that are others'. */
  readonly own: number;
  readonly held: number;
  /** Hands all back. */
  stop(): Promise<void>;
}

const TTL_SECONDS = 10;
/** A connector waits for what is unanswered before it lets go. */
const HAND_OVER_MS_MAX = 30_000;
const LOOK_MS = 50;
const NAMES = 64;

/** @throws FloeError "local.failed" where the only bind carries traffic, or none is handed over. */
export async function takeSlots(
  client: StreamClient,
  clock: Clock,
  config: CarrierConfig,
): Promise<Slots> {
  const { name, binds } = config;
  const group = `bind.${name}`;
  const bucket = await client.bucket(BUCKETS.leases, { keyTtl: true });
  const prefix = `${group}.member.`;
  const members = (await bucket.entries())
    .filter(({ key }) => key.startsWith(prefix))
    .map(({ key }) => key.slice(prefix.length));
  if (members.length > 0 && binds < 2) {
    const problem =
      `the only bind of ${name} carries traffic: stop the carrier first ` +
      `(floe carriers update ${name} --status stopped), or have another one agreed.`;
    throw new FloeError("local.failed", { problem });
  }
  const keys = Array.from({ length: binds }, (_, slot) => String(slot));
  const member = nameFor(keys, members);
  const wanted = assign(keys, [...members, member].sort()).get(member)!.size;
  const leases = await holdLeases({
    ...{ bucket, clock, group, keys, member },
    ttlSeconds: TTL_SECONDS,
    gained: () => {},
    lost: () => Promise.resolve(),
  });
  const untilMs = clock.monotonicMs() + HAND_OVER_MS_MAX;
  while (leases.owned().length < wanted && clock.monotonicMs() < untilMs) {
    await sleep(clock, LOOK_MS);
  }
  const own = leases.owned().length;
  if (own === 0) {
    await leases.stop();
    const problem = `no bind of ${name} was handed over in ${HAND_OVER_MS_MAX / 1_000} s.`;
    throw new FloeError("local.failed", { problem });
  }
  return { own, held: binds - own, stop: () => leases.stop() };
}

/** A name to which the hashing gives something, and as little as may be. */
function nameFor(keys: readonly string[], members: readonly string[]): string {
  let best = "";
  let least = Number.POSITIVE_INFINITY;
  for (let index = 0; index < NAMES; index += 1) {
    const random = new Uint8Array(8);
    fillRandom(random);
    const one = `probe-${Buffer.from(random).toString("hex")}`;
    const share = assign(keys, [...members, one].sort()).get(one)!.size;
    if (share === 0 || share >= least) continue;
    best = one;
    least = share;
  }
  return best;
}
