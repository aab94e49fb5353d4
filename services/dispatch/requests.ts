/**
 * Requests of a partition on their way into turns: from the inbox through the pool.
 *
 * Whatever waits goes to the pool as one task when a place is given, so a flood makes large tasks
 * and a lone message goes at once. Frames whose task failed are tried again one by one, and after
 * three failures record by record (poison.ts).
 */
import type { DeadLetters } from "../../core/dead-letters.js";
import { isFloeError } from "../../core/errors.js";
import { FRAME_RECORDS_MAX } from "../../core/limits.js";
import type { Logger } from "../../core/log.js";
import { droppedTotal } from "../../core/metrics.js";
import type { Inbox } from "./inbox.js";
import { salvage } from "./poison.js";
import { type Held, type RoutedResult, routed } from "./routed.js";
import type { Router } from "./router.js";
import type { Turns } from "./turns.js";

const TRIES_MAX = 3;
/** A frame whose dead letters find no room comes again after so long. */
const GIVE_BACK_MS = 30_000;
/** Routed records that may wait for a turn: one to be taken next, and one more behind it. */
const ROUTED_RECORDS_MAX = 2 * FRAME_RECORDS_MAX;

export interface Requests {
  /** Sends to the pool what waits, if there is room for it behind. */
  pump(): void;
  /** Resolves when the pool has nothing of this partition; nothing goes there any more. */
  stop(): Promise<void>;
}

export interface RequestsOptions {
  readonly router: Router;
  readonly inbox: Inbox;
  readonly turns: Turns;
  readonly dead: DeadLetters;
  readonly log: Logger;
  /** False: no more messages can be held. */
  room(): boolean;
  failed(error: unknown): void;
}

export function openRequests(options: RequestsOptions): Requests {
  const { router, inbox, turns, dead, log } = options;
  let asking = false;
  let routing = 0;
  let records = 0;
  let stopped = false;
  let idle: () => void = () => {};

  function pump(): void {
    if (asking || stopped || inbox.waiting() === 0 || !hasRoom()) return;
    asking = true;
    routing += 1;
    void ask().finally(() => {
      routing -= 1;
      if (routing === 0) idle();
    });
  }

  function hasRoom(): boolean {
    return turns.takes() && turns.waiting() + records < ROUTED_RECORDS_MAX && options.room();
  }

  async function ask(): Promise<void> {
    await router.window.enter(inbox.sinceMs());
    asking = false;
    let count = 0;
    try {
      if (stopped) return;
      const frames = inbox.take();
      for (const held of frames) count += held.records;
      records += count;
      // The next task may be put together while this one runs.
      pump();
      if (frames.length > 0) await route(frames);
    } catch (error) {
      options.failed(error);
    } finally {
      records -= count;
      router.window.leave();
      pump();
    }
  }

  async function route(frames: readonly Held[]): Promise<void> {
    let result: RoutedResult;
    try {
      result = await router.route(frames);
    } catch (error) {
      if (stopped) return;
      log.warn({ err: error, frames: frames.length }, "a pool task failed");
      for (const held of frames) await routeAgain(held);
      return;
    }
    if (stopped) return;
    const verdicts = new Uint8Array(result.verdicts);
    const dispatches = new Uint8Array(result.dispatches);
    let from = 0;
    for (const [index, held] of frames.entries()) {
      const count = result.counts[index]!;
      if (count < 0) {
        await takeApart(held);
        continue;
      }
      turns.put(routed(held, [{ result, verdicts, dispatches, from, to: from + count }]));
      from += count;
    }
  }

  /** The frame alone, until it has failed three times. */
  async function routeAgain(held: Held): Promise<void> {
    held.failures += 1;
    if (held.failures < TRIES_MAX) await route([held]);
    else await takeApart(held);
  }

  async function takeApart(held: Held): Promise<void> {
    const { routed: whole, rejected, unreadable, letters } = await salvage(router, held);
    if (stopped) return;
    const { lane, sequence } = held;
    try {
      for (const letter of letters) await dead.bury(letter);
    } catch (err) {
      if (!isFloeError(err)) throw err;
      log.error({ err, lane, sequence }, "dead letters cannot be stored, their frame waits");
      inbox.giveBack(held, GIVE_BACK_MS);
      return;
    }
    if (stopped) return;
    if (rejected > 0) {
      router.blame(rejected);
      droppedTotal.inc({ stage: "dispatch", code: "record.poison" }, rejected);
    }
    if (unreadable > 0) {
      droppedTotal.inc({ stage: "dispatch", code: "record.unreadable" }, unreadable);
    }
    if (whole.records === 0) inbox.refuse(held);
    else turns.put(whole);
  }

  return {
    pump,
    stop() {
      stopped = true;
      if (routing === 0) return Promise.resolve();
      return new Promise((resolve) => {
        idle = resolve;
      });
    },
  };
}
