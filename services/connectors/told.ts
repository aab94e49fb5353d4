/** Told: writes what was learned of a carrier into its status, when it changes and before it fades. */
import {
  type BindStatus,
  STATUS_REFRESH_MS,
  STATUS_TTL_SECONDS,
  statusKey,
} from "../../core/carrier-status.js";
import type { Clock } from "../../core/clock.js";
import { encodeConfig } from "../../core/configuration.js";
import { isFloeError } from "../../core/errors.js";
import type { Logger } from "../../core/log.js";
import type { Bucket } from "../../core/stream/stream.js";
import type { BindState } from "./link.js";

export interface ToldOptions {
  readonly bucket: Bucket;
  readonly clock: Clock;
  readonly log: Logger;
  readonly carrier: string;
  readonly processId: string;
  status(): readonly BindStatus[];
}

const LOOK_MS = 2_000;

export function tellStatus(options: ToldOptions): { stop(): Promise<void> } {
  const { bucket, clock, log, carrier, processId } = options;
  const key = statusKey(carrier, processId);
  let told = "";
  let toldAtMs = Number.NEGATIVE_INFINITY;
  let telling: Promise<void> | undefined;
  let cancel = (): void => {};

  function look(): void {
    cancel = clock.after(LOOK_MS, look);
    if (telling !== undefined) return;
    const binds = options.status();
    if (binds.length === 0) return;
    const forms = binds.map(newsOf).join();
    const nowMs = clock.monotonicMs();
    if (forms === told && nowMs - toldAtMs < STATUS_REFRESH_MS) return;
    telling = tell(binds).then((isTold) => {
      telling = undefined;
      if (!isTold) return;
      told = forms;
      toldAtMs = nowMs;
    });
  }

  async function tell(binds: readonly BindStatus[]): Promise<boolean> {
    try {
      const status = { atMs: clock.nowMs(), binds };
      await bucket.put(key, encodeConfig(status), STATUS_TTL_SECONDS);
      return true;
    } catch (err) {
      if (!isFloeError(err)) throw err;
      log.warn({ err }, "carrier status cannot be told yet");
      return false;
    }
  }

  cancel = clock.after(LOOK_MS, look);
  return {
    async stop() {
      cancel();
      await telling;
    },
  };
}

/** What is worth telling at once; how fast a bind may send just now is told with the next. */
function newsOf({ bind, state, host, problem, idForm, recipient }: BindStatus): string {
  return [bind, state, host, problem, idForm, recipient].join(" ");
}

/** The slots that are held, and what receipts have told of these and of earlier ones, as one. */
export function statusOf(
  held: readonly BindState[],
  learned: readonly BindStatus[],
): readonly BindStatus[] {
  const names = new Set([...held, ...learned].map(({ bind }) => bind));
  return [...names].map((name) => ({
    ...held.find(({ bind }) => bind === name),
    ...learned.find(({ bind }) => bind === name),
    bind: name,
  }));
}
