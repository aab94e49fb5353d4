/**
 * A carrier link without sockets: what services/connectors/link.ts asks for, over sessions with the
 * simulated carrier. Windows, pace, response times and what an answer means are as in smpp/.
 */
import type { CarrierConfig } from "../../core/configuration.js";
import { DISPATCH, MESSAGE } from "../../core/stream/fields.js";
import { textOf, varintOf } from "../../core/stream/frame.js";
import {
  type Link,
  type LinkEvents,
  NO_ROOM,
  type Submission,
} from "../../services/connectors/link.js";
import { newPace, type Pace } from "../../services/connectors/smpp/pace.js";
import { statusClass } from "../../services/connectors/smpp/status.js";
import type { Answer, CarrierSession, Part, SimulatedCarrier } from "./carrier.js";
import { CRASHES_LINK, Crash } from "./poison.js";
import type { SimulatedProcess } from "./process.js";

export interface SimulatedLinkOptions {
  readonly process: SimulatedProcess;
  readonly carrier: SimulatedCarrier;
  readonly config: CarrierConfig;
  /** The process ends by what it was to send. */
  crashed(): void;
}

interface Flying extends Part {
  readonly ticket: number;
  readonly atMs: number;
}

interface Slot {
  readonly slot: number;
  readonly bind: Uint8Array;
  readonly pace: Pace;
  readonly inFlight: Map<number, Flying>;
  /** Doubts by sequence number, for answers that come late. */
  readonly expired: Map<number, number>;
  out: Flying[];
  confirms: { readonly sequence: number; readonly status: number }[];
  session: CarrierSession | undefined;
  epoch: number;
  leaving: boolean;
}

const CONNECT_MS = 20;
const RECONNECT_MS = 500;
const TICK_MS = 500;
const POLL_MS = 20;

export function openSimulatedLink(options: SimulatedLinkOptions, events: LinkEvents): Link {
  const { process, carrier, config } = options;
  const { clock } = process;
  const { window, responseMs } = config;
  const slots = new Map<number, Slot>();
  let sequence = 0;
  let doubts = 0;
  let wantedParts = 1;

  const isUp = (slot: Slot): boolean => slot.session !== undefined && !slot.leaving;
  const up = (): Slot[] => [...slots.values()].filter(isUp);
  const room = (slot: Slot): number => window - slot.inFlight.size;

  process.onKill(() => {
    // The kernel sends what was written, then says goodbye.
    for (const slot of slots.values()) slot.session?.leave();
  });

  function connect(slot: Slot): void {
    if (slots.get(slot.slot) !== slot || slot.leaving) return;
    slot.epoch += 1;
    const epoch = slot.epoch;
    const isCurrent = (): boolean => slot.epoch === epoch && slot.session !== undefined;
    slot.session = carrier.connect({
      process: process.name,
      answered: (answers) => process.soon(() => (isCurrent() ? read(slot, answers) : undefined)),
      delivered: (number, pdu) =>
        process.soon(() => {
          if (!isCurrent()) return;
          events.readBegin();
          events.delivered({ session: slot, epoch, bind: slot.bind }, number, pdu, 0, pdu.length);
          events.readEnd();
          flush();
        }),
      closed: () => process.soon(() => (isCurrent() ? closed(slot) : undefined)),
    });
    if (slot.session === undefined) clock.after(RECONNECT_MS, () => connect(slot));
    else events.room();
  }

  function read(slot: Slot, answers: readonly Answer[]): void {
    events.readBegin();
    for (const { sequence: number, status, carrierId } of answers) {
      const flying = slot.inFlight.get(number);
      if (flying === undefined) {
        late(slot, number, status, carrierId);
        continue;
      }
      slot.inFlight.delete(number);
      answered(slot, flying, status, carrierId);
    }
    events.readEnd();
    flush();
  }

  function answered(slot: Slot, flying: Flying, status: number, carrierId: string): void {
    const { ticket, part } = flying;
    const kind = statusClass(status);
    if (kind === "ok") {
      const id = Buffer.from(carrierId, "latin1");
      slot.pace.accepted();
      events.accepted(ticket, part, id, 0, id.length, slot.bind);
    } else if (kind === "throttled") {
      slot.pace.throttled(clock.monotonicMs());
      events.returned(ticket, part);
    } else if (kind === "ambiguous") {
      carrier.noteDoubt(flying.messageId, part);
      events.doubted(ticket, part, "ambiguous", slot.bind, 0);
    } else {
      events.refused(ticket, part, status, kind === "temporary", slot.bind);
    }
  }

  function doubt(slot: Slot, flying: Flying, reason: "expired" | "closed"): void {
    slot.inFlight.delete(flying.sequence);
    carrier.noteDoubt(flying.messageId, flying.part);
    let number = 0;
    if (reason === "expired") {
      doubts += 1;
      number = doubts;
      slot.expired.set(flying.sequence, number);
    }
    events.doubted(flying.ticket, flying.part, reason, slot.bind, number);
  }

  /** An answer to what was given up as in doubt; or to nothing that is known. */
  function late(slot: Slot, number: number, status: number, carrierId: string): void {
    const told = slot.expired.get(number);
    if (told === undefined) return;
    slot.expired.delete(number);
    const id = Buffer.from(carrierId, "latin1");
    events.late?.(told, status, id, 0, id.length, slot.bind);
  }

  function closed(slot: Slot): void {
    slot.session = undefined;
    slot.expired.clear();
    slot.out = [];
    slot.confirms = [];
    for (const flying of [...slot.inFlight.values()]) doubt(slot, flying, "closed");
    if (up().length === 0) events.down();
    if (!slot.leaving) clock.after(RECONNECT_MS, () => connect(slot));
  }

  function tick(): void {
    const nowMs = clock.monotonicMs();
    let expired = false;
    for (const slot of slots.values()) {
      for (const flying of [...slot.inFlight.values()]) {
        if (nowMs - flying.atMs <= responseMs) continue;
        doubt(slot, flying, "expired");
        expired = true;
      }
    }
    if (expired) events.readEnd();
    clock.after(TICK_MS, tick);
  }

  function submit(submission: Submission): number {
    const { bytes, record, message, nowMs } = submission;
    if (!up().some((slot) => room(slot) > 0)) return NO_ROOM;
    const at = record[2 * DISPATCH.message]!;
    const length = record[2 * DISPATCH.message + 1]!;
    if (Buffer.from(bytes.buffer, bytes.byteOffset + at, length).includes(CRASHES_LINK)) {
      options.crashed();
      throw new Crash("a message that no link can take");
    }
    const parts = Math.max(1, varintOf(record, DISPATCH.segments));
    submission.parts = parts;
    let mask = submission.mask === 0 ? (1 << parts) - 1 : submission.mask;
    const count = bits(mask);
    const slot = choose(count, submission.paid, nowMs);
    if (slot === undefined) return NO_ROOM;
    if (parts > 1 && submission.reference < 0) submission.reference = sequence & 0xff;
    const idAt = record[2 * DISPATCH.messageId]!;
    const messageId = Buffer.from(bytes.subarray(idAt, idAt + 16)).toString("hex");
    const to = textOf(bytes, message, MESSAGE.to);
    let written = 0;
    for (let part = 0, left = room(slot); mask !== 0 && left > 0; part += 1) {
      const bit = 1 << part;
      if ((mask & bit) === 0) continue;
      mask &= ~bit;
      written |= bit;
      left -= 1;
      sequence += 1;
      const flying = { sequence, messageId, part, to, ticket: submission.ticket, atMs: nowMs };
      slot.inFlight.set(sequence, flying);
      slot.out.push(flying);
    }
    return written;
  }

  function choose(count: number, paid: boolean, nowMs: number): Slot | undefined {
    for (const slot of up()) {
      if (fits(slot, count, paid) && (paid || slot.pace.take(count, nowMs))) return slot;
    }
    wantedParts = count;
    return undefined;
  }

  /** A message larger than the window starts when the window is empty. */
  function fits(slot: Slot, count: number, paid: boolean): boolean {
    const free = room(slot);
    return free >= count || (count > window && free > 0 && (paid || free === window));
  }

  function flush(): void {
    if (!process.alive()) return;
    for (const slot of slots.values()) {
      const { out, confirms, session } = slot;
      slot.out = [];
      slot.confirms = [];
      if (out.length > 0) session?.submit(out);
      for (const one of confirms) session?.confirm(one.sequence, one.status);
    }
  }

  async function close(slot: Slot): Promise<void> {
    slot.leaving = true;
    const untilMs = clock.monotonicMs() + responseMs;
    while (slot.inFlight.size > 0 && clock.monotonicMs() < untilMs) {
      await new Promise<void>((resolve) => clock.after(POLL_MS, resolve));
    }
    flush();
    slot.session?.leave();
    if (slot.session !== undefined) closed(slot);
    slots.delete(slot.slot);
  }

  clock.after(TICK_MS, tick);
  return {
    up: () => up().length > 0,
    window: () => up().length * window,
    unanswered() {
      let sum = 0;
      for (const { inFlight } of slots.values()) sum += inFlight.size;
      return sum;
    },
    submit,
    flush,
    waitMs() {
      let waitMs = Number.POSITIVE_INFINITY;
      for (const slot of up()) {
        if (!fits(slot, wantedParts, false)) continue;
        waitMs = Math.min(waitMs, slot.pace.waitMs(wantedParts, clock.monotonicMs()));
      }
      return waitMs;
    },
    answer({ session, epoch }, number, status) {
      const slot = session as Slot;
      if (slot.epoch === epoch && slot.session !== undefined) {
        slot.confirms.push({ sequence: number, status });
      }
    },
    pause() {},
    openSlot(slot) {
      const bind = Buffer.from(`${config.name}.${slot}`, "latin1");
      const pace = newPace(config.partsPerSecond / config.binds, clock.monotonicMs());
      const shape = {
        inFlight: new Map(),
        expired: new Map(),
        out: [],
        confirms: [],
        session: undefined,
      };
      const opened: Slot = { slot, bind, pace, ...shape, epoch: 0, leaving: false };
      slots.set(slot, opened);
      clock.after(CONNECT_MS, () => connect(opened));
    },
    async closeSlot(slot) {
      const opened = slots.get(slot);
      if (opened !== undefined) await close(opened);
    },
    async stop() {
      await Promise.all([...slots.values()].map(close));
    },
  };
}

function bits(mask: number): number {
  let count = 0;
  for (let rest = mask; rest !== 0; rest &= rest - 1) count += 1;
  return count;
}
