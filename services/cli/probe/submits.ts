/**
 * Submits of the probe: single messages, bursts to find the window, steps to find the rate, a long
 * one and two to look at. Each costs money: there is a bound, and no phase goes beyond it.
 *
 * A burst that is throttled says that the window or the rate is too small. Which, tells the same
 * number of messages sent with half of the taken ones unanswered: if these go through, it was the
 * window.
 */
import { type Clock, sleep } from "../../../core/clock.js";
import type { CarrierConfig } from "../../../core/configuration.js";
import { statusClass } from "../../connectors/smpp/status.js";
import type { Taken } from "./habit.js";
import type { MessageWriter } from "./messages.js";
import type { Asked, Wire } from "./wire.js";

export interface SubmitOptions {
  readonly config: CarrierConfig;
  readonly clock: Clock;
  readonly wires: readonly Wire[];
  readonly writer: MessageWriter;
  readonly numbers: readonly string[];
  readonly messagesMax: number;
  readonly rateMax: number;
  readonly windowMax: number;
  /** Between two phases. */
  readonly restMs: number;
  progress(line: string): void;
}

export interface Burst {
  readonly size: number;
  readonly accepted: number;
  readonly throttled: number;
  readonly slowestMs: number;
}

export interface RateStep {
  readonly rate: number;
  readonly sent: number;
  readonly accepted: number;
  readonly throttled: number;
  readonly tookMs: number;
}

export interface Submits {
  /** PDUs that were sent: what was paid for is at most this. */
  readonly sent: number;
  readonly taken: readonly Taken[];
  readonly answersMs: readonly number[];
  /** How often each command_status other than 0 came. */
  readonly statuses: ReadonlyMap<number, number>;
  readonly unanswered: number;
  readonly bursts: readonly Burst[];
  /** Most unanswered messages that were taken; 0: not learned. */
  readonly window: number;
  /** A larger one was refused; 0: none was met. */
  readonly windowOver: number;
  readonly steps: readonly RateStep[];
  /** Highest rate without a complaint, and the lowest with one; 0: none. */
  readonly rate: number;
  readonly rateOver: number;
  /** Why a phase was left out or cut. */
  readonly notes: readonly string[];
}

const LADDER = [2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000];
/** Between two bursts, so that one does not pay for the other's rate. */
export const REST_MS = 1_200;
const STEP_SECONDS = 2;
const ALPHABET_TEXT = "Floe probe, alphabet: @ £ $ ¥ è é Ø å Ä ö ñ ü à § € [ ] { } ~";
const UNICODE_TEXT = "Floe probe, UCS-2: Ω Ж 你 ✓";
const LONG_TEXT = `Floe probe, long: ${"this is one message in two parts. ".repeat(6)}`;
/** What the fixed phases take: one for each number, two to look at, a long one. */
const LOOKED_AT = 4;

export const LOOK_AT = [ALPHABET_TEXT, UNICODE_TEXT] as const;

export async function runSubmits(options: SubmitOptions): Promise<Submits> {
  const { clock, config, wires, writer, numbers, progress } = options;
  const taken: Taken[] = [];
  const answersMs: number[] = [];
  const statuses = new Map<number, number>();
  const bursts: Burst[] = [];
  const steps: RateStep[] = [];
  const notes: string[] = [];
  let [sent, unanswered, turn, window, windowOver, rate, rateOver] = [0, 0, 0, 0, 0, 0, 0];
  const left = (): number => options.messagesMax - sent;

  /** "ok", "throttled" or "other". */
  function note(asked: Asked, to: string, part: number, parts: number): string {
    if (asked.kind === "none") {
      unanswered += 1;
      return "other";
    }
    answersMs.push(asked.tookMs);
    const { status, pdu, atMs, order } = asked;
    if (status === 0) {
      taken.push({ id: String(pdu["message_id"] ?? ""), to, part, parts, atMs, order });
      return "ok";
    }
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
    const own = config.statusClasses?.[`0x${status.toString(16).padStart(8, "0")}`];
    return (own ?? statusClass(status)) === "throttled" ? "throttled" : "other";
  }

  async function send(wire: Wire, text: string, to = numbers[turn++ % numbers.length]!) {
    const pdus = writer.pdusOf({ to, text });
    sent += pdus.length;
    const ends = await Promise.all(
      pdus.map(async (pdu, at) => note(await wire.askBytes(pdu), to, at + 1, pdus.length)),
    );
    return ends.find((end) => end !== "ok") ?? "ok";
  }

  const plain = (): string => `Floe probe, message ${sent + 1}`;

  /** `count` messages, `width` of them unanswered at a time on one session. */
  async function sendMany(wire: Wire, count: number, width: number): Promise<Burst> {
    const ends: string[] = [];
    const before = answersMs.length;
    let next = 0;
    async function lane(): Promise<void> {
      while (next < count) {
        next += 1;
        ends.push(await send(wire, plain()));
      }
    }
    wire.cork();
    const lanes = Array.from({ length: Math.min(width, count) }, lane);
    wire.uncork();
    await Promise.all(lanes);
    const counted = (end: string): number => ends.filter((one) => one === end).length;
    const slowestMs = Math.max(0, ...answersMs.slice(before));
    return { size: width, accepted: counted("ok"), throttled: counted("throttled"), slowestMs };
  }

  async function findWindow(share: number): Promise<void> {
    const wire = wires[0]!;
    const bound = sent + share;
    const sizes = LADDER.filter((size) => size < options.windowMax).concat(options.windowMax);
    for (const size of sizes) {
      if (sent + size > bound) {
        notes.push(`window: not tried above ${window || 1}, as --max-messages does not allow more`);
        return;
      }
      const burst = await sendMany(wire, size, size);
      bursts.push(burst);
      progress(`window ${size}: ${burst.accepted} taken, ${burst.throttled} throttled`);
      await sleep(clock, options.restMs);
      if (burst.throttled === 0) {
        if (burst.accepted === 0) return;
        window = size;
        continue;
      }
      // Either the window or the rate.
      const half = Math.max(1, Math.floor(burst.accepted / 2));
      if (sent + size > bound) {
        notes.push(`a burst of ${size} was throttled: by the window or by the rate`);
        return;
      }
      const again = await sendMany(wire, size, half);
      await sleep(clock, options.restMs);
      if (again.throttled === 0) {
        windowOver = size;
        window = Math.max(window, burst.accepted);
      } else notes.push(`a burst of ${size} was throttled by the rate, not by the window`);
      return;
    }
  }

  async function findRate(): Promise<void> {
    const rates = LADDER.filter((one) => one < options.rateMax).concat(options.rateMax);
    const width = Math.max(1, window);
    for (const one of rates) {
      const count = Math.min(one * STEP_SECONDS, left());
      if (count < one || count < 1) {
        notes.push(`rate: not tried above ${rate} a second, as --max-messages does not allow more`);
        return;
      }
      const step = await sendPaced(one, count, width);
      steps.push(step);
      const reached = (step.sent / step.tookMs) * 1_000;
      progress(`${one} a second: ${step.accepted} taken, ${step.throttled} throttled`);
      await sleep(clock, options.restMs);
      if (step.throttled > 0) {
        rateOver = one;
        return;
      }
      if (step.accepted === 0) return;
      rate = Math.max(rate, Math.min(one, Math.round(reached)));
      if (reached < 0.8 * one) {
        notes.push(`rate: ${Math.round(reached)} a second is all that window and answers allow`);
        return;
      }
    }
  }

  /** At an even pace over all sessions, each with at most `width` unanswered. */
  async function sendPaced(one: number, count: number, width: number): Promise<RateStep> {
    const startMs = clock.monotonicMs();
    const open = wires.map(() => 0);
    const ends: Promise<string>[] = [];
    for (let index = 0; index < count; index += 1) {
      const dueMs = startMs + (index * 1_000) / one;
      while (clock.monotonicMs() < dueMs || Math.min(...open) >= width) {
        await sleep(clock, Math.max(1, dueMs - clock.monotonicMs()));
        if (wires.every((wire) => wire.closed() !== "")) break;
      }
      const at = open.indexOf(Math.min(...open));
      open[at]! += 1;
      ends.push(
        send(wires[at]!, plain()).finally(() => {
          open[at]! -= 1;
        }),
      );
    }
    const tookMs = Math.max(clock.monotonicMs() - startMs, ((count - 1) * 1_000) / one, 1);
    const all = await Promise.all(ends);
    const counted = (end: string): number => all.filter((each) => each === end).length;
    return {
      ...{ rate: one, sent: count, tookMs },
      accepted: counted("ok"),
      throttled: counted("throttled"),
    };
  }

  for (const to of numbers) {
    if (left() < 1) break;
    const end = await send(wires[0]!, plain(), to);
    progress(`message to ${shown(to)}: ${end === "ok" ? "taken" : "not taken"}`);
  }
  if (taken.length > 0) {
    if (left() >= LOOKED_AT) {
      for (const text of LOOK_AT) await send(wires[0]!, text, numbers[0]!);
      await send(wires[0]!, LONG_TEXT, numbers[0]!);
      await sleep(clock, options.restMs);
    } else notes.push("alphabet and long messages: not tried, as --max-messages is too small");
    await findWindow(Math.floor(left() / 2));
    await findRate();
  }
  return {
    ...{ sent, taken, answersMs, statuses, unanswered, bursts, window, windowOver },
    ...{ steps, rate, rateOver, notes },
  };
}

/** A number as it may be shown: it is a test number, but still somebody's. */
export function shown(number: string): string {
  return `${number.slice(0, 5)}...${number.slice(-2)}`;
}
