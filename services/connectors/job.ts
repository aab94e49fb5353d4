/**
 * Job: a dispatch frame in work at this process, and how far each of its records is.
 *
 * A job keeps the frame's bytes where the stream client left them, the place of each record, and one
 * octet of state for each. It ends when every record has a durable attempt, and then its delivery is
 * acknowledged. A frame that is delivered again while its job is at work joins the job.
 *
 * Youth: whoever lets a delivery grow old may be a zombie, whose frame another connector is sending.
 * A job may send only while it is young: counted from sending the pull (or the `working()`) that the
 * server answered, by a monotonic clock.
 */
import { ACK_WAIT_MS, FRAME_RECORDS_MAX } from "../../core/limits.js";
import { LANES } from "../../core/message.js";
import { DISPATCH_FRAME } from "../../core/stream/fields.js";
import {
  fixed32Of,
  fixed64Of,
  found,
  newFields,
  nextField,
  readFields,
  textOf,
  varintOf,
} from "../../core/stream/frame.js";
import type { Settled } from "../../core/stream/outbox.js";
import type { Delivery } from "../../core/stream/stream.js";
import { SLOTS } from "../../core/subjects.js";

/** After this a job may not send; below half of the ack wait nobody else has the frame. */
export const YOUTH_MS = ACK_WAIT_MS / 2 - 1_000;
/** How often the ack wait is started anew. */
export const WORKING_EVERY_MS = 5_000;

/** States of a record. */
export const RECORD = {
  /** To be sent; the cursor comes to it, or a list of those that are sent again holds it. */
  waiting: 0,
  /** At the carrier: a part of it has no answer. */
  flying: 1,
  /** Its attempt is on its way to the stream. */
  answered: 2,
  /** Its attempt is durable. */
  done: 3,
} as const;

/** A long message whose parts have different fates. */
export interface Long {
  parts: number;
  reference: number;
  /** A bit for each part: to be sent, to be sent later, at the carrier, taken, refused, in doubt. */
  waiting: number;
  delayed: number;
  flying: number;
  accepted: number;
  refused: number;
  doubted: number;
  /** The tokens of the waiting parts are paid. */
  paid: boolean;
  /** Refused, and by the schedule of the route to be tried again much later: which, and when. */
  paused: number;
  pauseSeconds: number;
  pausedOn: "temporary" | "refused";
  /** The last refusal. */
  status: number;
  /** What was waiting when its validity ended counts as refused. */
  expired: boolean;
  /** Carrier ids in their places, `LONG_ID_BYTES` apart, and their lengths. */
  readonly ids: Uint8Array;
  readonly idLengths: Uint8Array;
}

export interface Job {
  /** Its number while it lives: the high bits of its records' tickets. */
  readonly number: number;
  /** Index of lane and slot among the carrier's subjects. */
  readonly place: number;
  /** The last is the one whose youth counts; all are acknowledged. */
  readonly deliveries: Delivery[];
  readonly sequence: number;
  readonly bytes: Uint8Array;
  readonly partition: number;
  readonly lane: number;
  readonly slot: number;
  readonly identity: string;
  /** When what it follows from was decided; of a retry, from when on it may be submitted. */
  readonly causedAtMs: number;
  /** Not to be submitted before; 0: at once. */
  readonly notBeforeMs: number;
  readonly again: boolean;
  /** Its records are submitted at most once: by who was first to publish an intent. */
  readonly once: boolean;
  /** Names this process's intent; "": none was made. `intended`: it is stored. */
  intent: string;
  intended: boolean;
  readonly count: number;
  /** Start and end of each record. */
  readonly places: Int32Array;
  readonly status: Uint8Array;
  /** Records without a durable attempt. */
  left: number;
  /** Parts at the carrier. */
  flying: number;
  /** The next record that was never sent. */
  cursor: number;
  /** Records to be sent again, now. */
  readonly ready: number[];
  /** Records to be sent again later: they count as work, too. */
  delayed: number;
  /** Whether the queue holds it. */
  queued: boolean;
  /** It is being looked up (lookup.ts): nothing of it is sent before that is done. */
  suspect: boolean;
  /** Neither it nor what it holds can have been in this process before. */
  first: boolean;
  youngUntilMs: number;
  workingAtMs: number;
  /** Records whose SUBMITTED is on its way to the stream, in the order in which it left: a ring. */
  readonly leaving: Uint16Array;
  leavingFirst: number;
  leavingNext: number;
  /** Told of each of these, in this order. */
  settled: Settled;
  /** How often each record was sent again after a temporary refusal; how often it was in doubt. */
  tries: Uint8Array | undefined;
  doubts: Uint8Array | undefined;
  /** TLVs that are kept of answers, by the record's index (kept.ts). */
  kept: Map<number, Uint8Array> | undefined;
  longs: Map<number, Long> | undefined;
}

const TICKET_BITS = 10;
const TICKET_MASK = (1 << TICKET_BITS) - 1;
if (FRAME_RECORDS_MAX > TICKET_MASK) throw new Error("a record's index fits a ticket");

export function ticketOf(job: Job, index: number): number {
  return (job.number << TICKET_BITS) | index;
}

export function jobOfTicket(ticket: number): number {
  return ticket >>> TICKET_BITS;
}

export function recordOfTicket(ticket: number): number {
  return ticket & TICKET_MASK;
}

const header = newFields();
const places = new Int32Array(2 * FRAME_RECORDS_MAX);

/** @returns undefined: the frame is malformed, or holds nothing or more than a frame may. */
export function openJob(delivery: Delivery, number: number): Job | undefined {
  const bytes = delivery.data;
  if (!readFields(bytes, 0, bytes.length, header)) return undefined;
  const lane = varintOf(header, DISPATCH_FRAME.lane);
  const slot = fixed32Of(bytes, header, DISPATCH_FRAME.slot);
  const causedAtMs = fixed64Of(bytes, header, DISPATCH_FRAME.causedAtMs);
  const notBeforeMs = fixed64Of(bytes, header, DISPATCH_FRAME.notBeforeMs);
  const partition = fixed32Of(bytes, header, DISPATCH_FRAME.partition);
  if (lane < 1 || lane > LANES.length || slot >= SLOTS.length) return undefined;
  if (Number.isNaN(causedAtMs) || Number.isNaN(notBeforeMs)) return undefined;
  let count = 0;
  for (let at = 0; ; at = found.end) {
    const next = nextField(bytes, at, bytes.length, DISPATCH_FRAME.records);
    if (next === 0) break;
    if (next < 0 || count === FRAME_RECORDS_MAX) return undefined;
    places[2 * count] = found.at;
    places[2 * count + 1] = found.end;
    count += 1;
  }
  if (count === 0) return undefined;
  return {
    number,
    place: (lane - 1) * SLOTS.length + slot,
    deliveries: [delivery],
    sequence: delivery.sequence,
    bytes,
    partition,
    lane,
    slot,
    identity: textOf(bytes, header, DISPATCH_FRAME.identity),
    causedAtMs: Math.max(causedAtMs, notBeforeMs),
    notBeforeMs,
    again: varintOf(header, DISPATCH_FRAME.again) !== 0,
    once: varintOf(header, DISPATCH_FRAME.atMostOnce) !== 0,
    intent: "",
    intended: false,
    count,
    places: places.slice(0, 2 * count),
    status: new Uint8Array(count),
    left: count,
    flying: 0,
    cursor: 0,
    ready: [],
    delayed: 0,
    queued: false,
    suspect: false,
    first: false,
    youngUntilMs: delivery.pulledAtMs + YOUTH_MS,
    workingAtMs: delivery.pulledAtMs,
    leaving: new Uint16Array(count),
    leavingFirst: 0,
    leavingNext: 0,
    settled: () => {},
    tries: undefined,
    doubts: undefined,
    kept: undefined,
    longs: undefined,
  };
}

/** The same frame was delivered again, to us. */
export function joinJob(job: Job, delivery: Delivery): void {
  job.deliveries.push(delivery);
  job.first = false;
  job.youngUntilMs = Math.max(job.youngUntilMs, delivery.pulledAtMs + YOUTH_MS);
}

/** Whether it may still send. */
export function isYoung(job: Job, monotonicMs: number): boolean {
  return monotonicMs < job.youngUntilMs;
}

/** Whether it has a record that can be sent now. */
export function hasReady(job: Job): boolean {
  return job.ready.length > 0 || job.cursor < job.count;
}

/**
 * Starts its ack wait anew. Its youth goes on only if the answer comes before the last one ended:
 * the server answers zombies too.
 */
export async function keepWorking(job: Job, monotonicMs: () => number): Promise<void> {
  const askedAtMs = monotonicMs();
  job.workingAtMs = askedAtMs;
  const delivery = job.deliveries.at(-1)!;
  await delivery.working();
  if (monotonicMs() < job.youngUntilMs) {
    job.youngUntilMs = Math.max(job.youngUntilMs, askedAtMs + YOUTH_MS);
  }
}

/** Longest carrier id, without its NUL (SMPP v3.4, 5.2.23). */
export const LONG_ID_BYTES = 64;
const LONG_PARTS_MAX = 31;

/** Long messages in flight, their objects used again. */
export function newLongs() {
  const free: Long[] = [];
  return {
    open(job: Job, index: number, parts: number, reference: number): Long {
      const long = free.pop() ?? newLong();
      long.parts = parts;
      long.reference = reference;
      long.waiting = (1 << parts) - 1;
      long.flying = 0;
      long.delayed = 0;
      long.accepted = 0;
      long.refused = 0;
      long.doubted = 0;
      long.paused = 0;
      long.paid = false;
      long.status = 0;
      long.expired = false;
      long.idLengths.fill(0);
      job.longs ??= new Map();
      job.longs.set(index, long);
      return long;
    },
    close(job: Job, index: number): void {
      const long = job.longs?.get(index);
      if (long === undefined) return;
      job.longs!.delete(index);
      free.push(long);
    },
  };
}

function newLong(): Long {
  const masks = { waiting: 0, delayed: 0, flying: 0, accepted: 0, refused: 0, doubted: 0 };
  const ids = new Uint8Array(LONG_PARTS_MAX * LONG_ID_BYTES);
  const idLengths = new Uint8Array(LONG_PARTS_MAX);
  const pause = { paused: 0, pauseSeconds: 0, pausedOn: "refused" as const };
  const rest = { ...pause, paid: false, status: 0, expired: false };
  return { parts: 0, reference: 0, ...masks, ...rest, ids, idLengths };
}

/** Keeps the carrier's id for a part. */
export function keepId(long: Long, part: number, bytes: Uint8Array, at: number, end: number): void {
  const length = Math.min(end - at, LONG_ID_BYTES);
  long.ids.set(bytes.subarray(at, at + length), part * LONG_ID_BYTES);
  long.idLengths[part] = length;
}
