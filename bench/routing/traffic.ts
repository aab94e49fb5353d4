/**
 * Traffic: request frames to numbers all over a bench table set, the same for the same tables.
 *
 * Spread *evenly*, each message goes to a prefix of its own choice, and none is warmer in the caches
 * than another. *Skewed* as real traffic is, the prefix of rank n gets 1/n of what the first gets
 * (Zipf's law). Texts are one segment of plain ASCII, as most are.
 */
import { seededChance } from "../../core/clock.js";
import { RequestFrame } from "../../core/proto/floe/v1/frames.js";
import { BENCH_ACCOUNT, BENCH_AT_MS, BENCH_PLAN, numberIn, type Prefixes } from "./source.js";

export type Spread = "even" | "skewed";

export interface Traffic {
  readonly messages: number;
  /** Whole frames (floe.v1.RequestFrame) of `FRAME_MESSAGES` records at most. */
  readonly frames: readonly Uint8Array[];
  /** ASCII digits of all recipients, one after another; where each begins, and the end of all. */
  readonly digits: Uint8Array;
  readonly digitsAt: Int32Array;
}

export const FRAME_MESSAGES = 500;
export const TEXT = "Your parcel is on its way and will be with you today between 14:00 and 16:00.";
/** A prime: no two of fewer ranks fall together. */
const RANK_STEP = 7_368_787;
const SENDERS = ["Floe", "Floe", "ACME", "+447700900123"];

export function senderOf(message: number): string {
  return SENDERS[message % SENDERS.length]!;
}

/** @param isValid whether a recipient ("+" and digits) is to be sent to. */
export function benchTraffic(
  prefixes: Prefixes,
  messages: number,
  spread: Spread,
  isValid: (to: string) => boolean,
): Traffic {
  const chance = seededChance(7);
  const { count } = prefixes;
  const draw =
    spread === "even"
      ? () => Math.floor(chance() * count)
      : // Ranks lie all over the tables, as busy networks do.
        () => (Math.floor(count ** chance()) * RANK_STEP) % count;
  const numbers = Array.from({ length: messages }, () =>
    validNumber(prefixes, draw, chance, isValid),
  );
  const frames: Uint8Array[] = [];
  for (let at = 0; at < messages; at += FRAME_MESSAGES) {
    frames.push(frameOf(numbers.slice(at, at + FRAME_MESSAGES), at));
  }
  const digitsAt = new Int32Array(messages + 1);
  for (const [index, number] of numbers.entries()) {
    digitsAt[index + 1] = digitsAt[index]! + number.length;
  }
  const digits = new Uint8Array(Buffer.from(numbers.join(""), "latin1"));
  return { messages, frames, digits, digitsAt };
}

/** Draws until a number is valid: most are, and a range of which none is would be a wrong plan. */
function validNumber(
  prefixes: Prefixes,
  draw: () => number,
  chance: () => number,
  isValid: (to: string) => boolean,
): string {
  for (let tries = 0; tries < 1_000; tries += 1) {
    const number = String(numberIn(prefixes, draw(), chance));
    if (isValid(`+${number}`)) return number;
  }
  throw new Error("hardly any number of the bench's ranges is valid: see bench/routing/plan.ts");
}

function frameOf(numbers: readonly string[], from: number): Uint8Array {
  const records = numbers.map((number, index) => {
    const messageId = Buffer.alloc(16);
    // Ids must differ in all bits, as UUIDs do: weights go by them.
    messageId.writeUInt32BE(Math.imul(from + index + 1, 0x9e3779b1) >>> 0, 0);
    messageId.writeUInt32BE(Math.imul(from + index + 1, 0x85ebca6b) >>> 0, 12);
    return {
      messageId,
      acceptedAtMs: BigInt(BENCH_AT_MS + from + index),
      account: BENCH_ACCOUNT,
      plan: BENCH_PLAN,
      keyTag: 0n,
      message: {
        to: `+${number}`,
        from: senderOf(from + index),
        body: { $case: "text" as const, text: TEXT },
        trafficClass: (1 + (index % 3)) as 1 | 2 | 3,
      },
    };
  });
  return RequestFrame.encode(
    RequestFrame.fromPartial({ partition: 1, lane: 2, publishedAtMs: 1n, records }),
  ).finish();
}
