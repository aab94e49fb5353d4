/**
 * Pace: how many messages an account may submit now, as its terms say.
 *
 * A true bucket with a burst: after a pause so many may come at once. A call takes the tokens of all
 * its messages or none; one of more messages than the burst is taken when the bucket is full, and
 * leaves it in debt. Each gateway lets through its share of the rate and of the burst, by how many
 * gateways there are (peers.ts): customers' connections are spread over them. What gets past all
 * together the owner sees (services/dispatch/terms.ts).
 */
import { status } from "@grpc/grpc-js";
import { type Refusal, refuse } from "../../core/grpc/refuse.js";

/** What an account has of it; times are monotonic. */
export interface Pace {
  /** 0: no limit. */
  messagesPerSecond: number;
  burst: number;
  tokens: number;
  filledAtMs: number;
}

export function newPace(): Pace {
  return { messagesPerSecond: 0, burst: 0, tokens: 0, filledAtMs: 0 };
}

/** Sets the terms. What was saved, or is owed, is kept. */
export function setPace(pace: Pace, messagesPerSecond: number, burst: number): void {
  const isNew = pace.messagesPerSecond === 0;
  pace.messagesPerSecond = messagesPerSecond;
  pace.burst = burst;
  pace.tokens = isNew ? burst : Math.min(pace.tokens, burst);
}

/**
 * Takes `count` messages, all or none.
 * @param gateways among which the rate is divided.
 * @returns milliseconds until they would be taken; 0: they are.
 */
export function takePace(pace: Pace, count: number, gateways: number, nowMs: number): number {
  const perSecond = pace.messagesPerSecond / gateways;
  if (perSecond === 0) return 0;
  const burst = Math.max(1, pace.burst / gateways);
  const elapsedMs = Math.max(0, nowMs - pace.filledAtMs);
  pace.tokens = Math.min(burst, pace.tokens + (elapsedMs * perSecond) / 1_000);
  pace.filledAtMs = nowMs;
  const wanted = Math.min(count, burst);
  // A rounding error must not make a caller wait who came back when it was told to.
  if (pace.tokens >= wanted - 1e-6) {
    pace.tokens -= count;
    return 0;
  }
  return Math.max(1, Math.ceil(((wanted - pace.tokens) * 1_000) / perSecond - 1e-3));
}

const STEP_MS = 50;
const RETRY_MS_MAX = 60_000;
const refusals = new Map<number, Refusal>();

/** Nothing was accepted: the account submits faster than it may. Made once for each time. */
export function tooFast(waitMs: number): Refusal {
  const retryMs = Math.min(RETRY_MS_MAX, Math.ceil(waitMs / STEP_MS) * STEP_MS);
  let known = refusals.get(retryMs);
  if (known === undefined) {
    known = refuse(
      status.RESOURCE_EXHAUSTED,
      "SUBMIT_RATE",
      "The account submits more messages a second than it may; nothing was accepted.",
      { retryMs },
    );
    refusals.set(retryMs, known);
  }
  return known;
}
