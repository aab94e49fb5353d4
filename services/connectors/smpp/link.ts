/**
 * SMPP link: a carrier's bind slots that this process holds, as one place to submit to.
 *
 * The carrier's rate is over all its binds, wherever they are held. Each slot brings its share, and
 * this process has one bucket for the slots that it holds: what an idle bind does not send, another
 * may. How much each bind takes is learned for each by itself (pace.ts).
 *
 * A message goes, with all its parts, to one bind: the one that took the last, until it is full, so
 * that a batch is few writes. In a window smaller than a message its parts go as places become free.
 */
import assert from "node:assert";
import { type Chance, type Clock, SYSTEM_CHANCE } from "../../../core/clock.js";
import type { CarrierConfig } from "../../../core/configuration.js";
import type { Logger } from "../../../core/log.js";
import { DISPATCH, MESSAGE } from "../../../core/stream/fields.js";
import { varintOf } from "../../../core/stream/frame.js";
import { CANNOT, type Link, type LinkEvents, NO_ROOM, type Submission } from "../link.js";
import { type Bind, openBind } from "./bind.js";
import type { Session } from "./session.js";
import { newSubmitWriter } from "./submit.js";
import { senderAt, senderLength } from "./submit-sender.js";
import { newTokenBucket } from "./token-bucket.js";

export interface SmppLinkOptions {
  readonly config: CarrierConfig;
  readonly clock: Clock;
  readonly log: Logger;
  readonly chance?: Chance;
}

/** A bind that is longer on its way than this does not keep the others. */
const MOVE_MS_MAX = 60_000;

export function openSmppLink(options: SmppLinkOptions, events: LinkEvents): Link {
  const { config, clock, log, chance = SYSTEM_CHANCE } = options;
  const { window, partsPerSecond } = config;
  const submits = newSubmitWriter(config, log);
  const references = newReferences(chance);
  const binds = new Map<number, Bind>();
  /** Those whose session is up, in no order; the first takes what comes next. */
  let up: Bind[] = [];
  /** Parts of the message that was last turned away for want of tokens. */
  let wantedParts = 1;
  const bucket = newTokenBucket(0, clock.monotonicMs());
  let doubts = 0;
  /** The bind that is on its way to a better host, and how long the others wait for it. */
  let moving: Bind | undefined;
  let movingUntilMs = 0;

  /** The slots are other ones now: so is what they may send together. */
  function share(): void {
    const nowMs = clock.monotonicMs();
    const rate = (partsPerSecond * Math.max(1, binds.size)) / config.binds;
    bucket.setRate(rate, nowMs);
    for (const bind of binds.values()) bind.pace.configure(rate, nowMs);
  }

  /**
   * One after another: while one bind drains and moves, the others send, and where the better host
   * is not as good as it looked, one has learned it for all.
   */
  function mayMove(bind: Bind): boolean {
    const nowMs = clock.monotonicMs();
    if (moving !== undefined && nowMs < movingUntilMs) return false;
    moving = bind;
    movingUntilMs = nowMs + MOVE_MS_MAX;
    return true;
  }

  function changed(bind: Bind, isUp: boolean): void {
    up = up.filter((one) => one !== bind);
    if (isUp) up.push(bind);
    if (isUp && moving === bind) moving = undefined;
    if (isUp) events.room();
    else if (up.length === 0) events.down();
  }

  /** A bind with room for `count` parts and tokens for them; it becomes the first. */
  function choose(count: number, paid: boolean, nowMs: number): Bind | undefined {
    for (let index = 0; index < up.length; index += 1) {
      const bind = up[index]!;
      if (!fits(bind, count, paid) || !(paid || takes(bind, count, nowMs))) continue;
      if (index > 0) {
        up[index] = up[0]!;
        up[0] = bind;
      }
      return bind;
    }
    wantedParts = count;
    return undefined;
  }

  /** Takes the tokens of the bind and of the carrier, or none. */
  function takes(bind: Bind, count: number, nowMs: number): boolean {
    if (!bucket.has(count, nowMs) || !bind.pace.take(count, nowMs)) return false;
    return bucket.take(count, nowMs);
  }

  /** A message larger than the window starts when the window is empty. */
  function fits(bind: Bind, count: number, paid: boolean): boolean {
    const room = bind.session.room();
    return room >= count || (count > window && room > 0 && (paid || room === window));
  }

  function hasRoom(): boolean {
    for (const bind of up) if (bind.session.room() > 0) return true;
    return false;
  }

  function submit(submission: Submission): number {
    if (!hasRoom()) return NO_ROOM;
    const parts = submits.prepare(submission);
    if (parts === CANNOT) return CANNOT;
    submission.parts = parts;
    let mask = submission.mask === 0 ? (1 << parts) - 1 : submission.mask;
    const count = parts === 1 ? 1 : countBits(mask);
    const { nowMs, ticket } = submission;
    const bind = choose(count, submission.paid, nowMs);
    if (bind === undefined) return NO_ROOM;
    if (parts === 1) {
      submits.put(bind.session.begin(ticket, 0, nowMs), submission, 0);
      bind.session.end();
      bind.submitted(1);
      return 1;
    }
    if (submission.reference < 0) submission.reference = references.next(submission);
    let written = 0;
    const room = bind.session.room();
    for (let part = 0, left = room; mask !== 0 && left > 0; part += 1) {
      const bit = 1 << part;
      if ((mask & bit) === 0) continue;
      mask &= ~bit;
      written |= bit;
      left -= 1;
      submits.put(bind.session.begin(ticket, part, nowMs), submission, part);
      bind.session.end();
    }
    bind.submitted(countBits(written));
    return written;
  }

  return {
    up: () => up.length > 0,
    window: () => up.length * window,
    unanswered() {
      let sum = 0;
      for (const bind of binds.values()) sum += bind.session.unanswered();
      return sum;
    },
    submit,
    flush() {
      for (const bind of binds.values()) bind.flush();
    },
    waitMs() {
      const nowMs = clock.monotonicMs();
      let waitMs = Number.POSITIVE_INFINITY;
      for (const bind of up) {
        if (!fits(bind, wantedParts, false)) continue;
        waitMs = Math.min(waitMs, bind.pace.waitMs(wantedParts, nowMs));
      }
      return Math.max(waitMs, bucket.waitMs(wantedParts, nowMs));
    },
    answer({ session, epoch }, sequence, status) {
      (session as Session).answer(epoch, sequence, status);
    },
    pause(isPaused) {
      for (const bind of binds.values()) bind.pause(isPaused);
    },
    openSlot(slot) {
      assert(!binds.has(slot), "a slot is opened once");
      const bind = openBind(
        {
          ...{ config, slot, clock, chance, log, partsPerSecond: bucket.rate() },
          nextDoubt() {
            doubts += 1;
            return doubts;
          },
          mayMove: () => mayMove(bind),
        },
        events,
        (isUp) => changed(bind, isUp),
      );
      binds.set(slot, bind);
      share();
    },
    async closeSlot(slot) {
      const bind = binds.get(slot);
      if (bind === undefined) return;
      await bind.stop();
      binds.delete(slot);
      share();
    },
    binds: () => [...binds.values()].map((bind) => bind.told()),
    async stop() {
      await Promise.all([...binds.values()].map((bind) => bind.stop()));
      binds.clear();
    },
  };
}

function countBits(mask: number): number {
  let count = 0;
  for (let rest = mask; rest !== 0; rest &= rest - 1) count += 1;
  return count;
}

/**
 * References of long messages: 16 bits, of which most carriers get 8, to be different for messages
 * from the same sender to the same recipient that a phone may have half of (3GPP TS 23.040,
 * 9.2.3.24.1). So each pair counts for itself; pairs that share a counter only see it move faster.
 */
function newReferences(chance: Chance) {
  const counters = new Uint16Array(0x10000);
  // Not from zero: after a restart the last ones must not come again at once.
  const start = Math.floor(chance() * 0x10000);
  return {
    next({ bytes, message, record }: Submission): number {
      let hash = varintOf(record, DISPATCH.encoding);
      const toAt = message[2 * MESSAGE.to]!;
      hash = hashOf(hash, bytes, toAt, message[2 * MESSAGE.to + 1]!);
      hash = hashOf(hash, bytes, senderAt(record, message), senderLength(record, message));
      const place = (hash ^ (hash >>> 16)) & 0xffff;
      counters[place] = counters[place]! + 1;
      return (counters[place]! + start) & 0xffff;
    },
  };
}

function hashOf(start: number, bytes: Uint8Array, at: number, length: number): number {
  let hash = start;
  for (let index = at; index < at + length; index += 1) {
    hash = Math.imul(hash ^ bytes[index]!, 0x01000193);
  }
  return hash;
}
