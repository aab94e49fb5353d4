/**
 * Observe: fills the memory from `attempt.*.<carrier>`: what other connectors of this carrier did,
 * and what was done before this process began.
 *
 * Its own attempts are in the memory from the moment of the answer, so its own frames only move the
 * position on, but for those that it wrote before it was opened anew. Reading begins two hours back: that is what purging leaves, and what receipts need.
 */
import type { Clock } from "../../core/clock.js";
import { STATE } from "../../core/message.js";
import {
  ATTEMPT,
  ATTEMPT_FRAME,
  ATTEMPT_IN_DOUBT,
  ATTEMPT_RECEIPT,
  ATTEMPT_REFUSED,
  ATTEMPT_SUBMITTED,
} from "../../core/stream/fields.js";
import {
  fixed32Of,
  found,
  newFields,
  nextField,
  readFields,
  textOf,
  varintOf,
} from "../../core/stream/frame.js";
import type { Consumption, StoredMessage, StreamClient } from "../../core/stream/stream.js";
import { attemptsOfCarrier } from "../../core/subjects.js";
import type { Intents } from "./intents.js";
import {
  entry,
  MEMORY_MS,
  type Memory,
  moveToPart,
  newRemembered,
  REFUSED_LATE,
  setPartState,
} from "./memory.js";
import { composeStart, START_BYTES } from "./record.js";

export interface Observer {
  /** Sequence of the last attempt before this was opened: another one at each opening that wrote. */
  readonly openedAfter: number;
  /** Resolves when everything up to this sequence is in the memory. */
  reached(sequence: number): Promise<void>;
  /** When the last attempt of the partition that others wrote was stored; -Infinity: there is none. */
  othersAtMs(partition: number): number;
  stop(): Promise<void>;
}

export interface ObserveOptions {
  readonly client: StreamClient;
  readonly clock: Clock;
  readonly carrier: string;
  readonly memory: Memory;
  readonly intents: Intents;
  /** Who writes frames here: these are skipped. */
  readonly writer: string;
  /** Others' attempts came: receipts that wait may find theirs now. */
  changed(): void;
  /** Another's receipt of a part left its message open; `memory.hit` is at the part. */
  leftOpen(): void;
}

export async function observe(options: ObserveOptions): Promise<Observer> {
  const { client, clock, carrier, memory, intents, writer, changed, leftOpen } = options;
  let position = 0;
  let openedAfter = Number.POSITIVE_INFINITY;
  let waiting: { sequence: number; resolve: () => void }[] = [];
  const othersAtMs: number[] = [];
  let storedAtMs = 0;
  const remembering: Remembering = {
    ...{ leftOpen, intents },
    submission(partition) {
      othersAtMs[partition] = storedAtMs;
    },
  };

  function receive(message: StoredMessage): void {
    const { data, sequence } = message;
    storedAtMs = message.storedAtMs;
    // A carrier that is configured anew has a new memory: what this process did before is news to it.
    const own = sequence <= openedAfter ? "" : writer;
    if (rememberFrame(memory, data, sequence, clock.nowMs(), own, remembering)) {
      changed();
    }
    position = message.sequence;
    if (waiting.length === 0) return;
    for (const one of waiting) if (one.sequence <= position) one.resolve();
    waiting = waiting.filter(({ sequence }) => sequence > position);
  }

  const fromMs = clock.nowMs() - MEMORY_MS;
  const from = await sequenceAt(client, fromMs);
  const reading: Consumption = await client.read(
    "ATTEMPTS",
    attemptsOfCarrier(carrier),
    from,
    receive,
  );
  // From the first message of the stream on there is nothing that could be missing.
  const { firstSequence, lastSequence } = await client.state("ATTEMPTS");
  openedAfter = lastSequence;
  memory.coverFrom(from <= Math.max(1, firstSequence) ? 0 : fromMs);

  return {
    openedAfter,
    reached(sequence) {
      if (position >= sequence) return Promise.resolve();
      return new Promise((resolve) => waiting.push({ sequence, resolve }));
    },
    othersAtMs: (partition) => othersAtMs[partition] ?? Number.NEGATIVE_INFINITY,
    async stop() {
      await reading.stop();
      for (const { resolve } of waiting) resolve();
      waiting = [];
    },
  };
}

const SEARCH_STEPS_MAX = 64;

/**
 * A sequence from which on everything stored since `fromMs` is read: found by halving, since a
 * reader can begin at a sequence only. What is gone counts as older: only what is old is purged.
 */
export async function sequenceAt(client: StreamClient, fromMs: number): Promise<number> {
  const { firstSequence, lastSequence, messages } = await client.state("ATTEMPTS");
  if (messages === 0) return lastSequence + 1;
  let low = Math.max(1, firstSequence);
  let high = lastSequence;
  for (let step = 0; low < high && step < SEARCH_STEPS_MAX; step += 1) {
    const middle = Math.floor((low + high) / 2);
    const message = await client.at("ATTEMPTS", middle);
    if (message === undefined || message.storedAtMs < fromMs) low = middle + 1;
    else high = middle;
  }
  return low;
}

const header = newFields();
const record = newFields();
const remembered = newRemembered();

/** What else to do with a frame. */
export interface Remembering {
  /** Only records whose message it holds (with hop 0). */
  readonly only?: Memory;
  /** Where intents are noted. */
  readonly intents?: Intents;
  /** As in `ObserveOptions`. */
  leftOpen?(): void;
  /** A record says that its message was submitted, refused or is in doubt. */
  submission?(partition: number): void;
}

/**
 * Takes in a frame that `own` did not write ("": whoever wrote it).
 * @returns false: its own, or the frame is malformed.
 */
export function rememberFrame(
  memory: Memory,
  bytes: Uint8Array,
  sequence: number,
  nowMs: number,
  own: string,
  { only, leftOpen, intents, submission }: Remembering,
): boolean {
  if (!readFields(bytes, 0, bytes.length, header)) return false;
  if (own !== "" && textOf(bytes, header, ATTEMPT_FRAME.writer) === own) return false;
  if (header[2 * ATTEMPT_FRAME.identity + 1]! > 0) {
    const identity = textOf(bytes, header, ATTEMPT_FRAME.identity);
    intents?.note(identity, textOf(bytes, header, ATTEMPT_FRAME.writer), nowMs);
    return true;
  }
  const partition = fixed32Of(bytes, header, ATTEMPT_FRAME.partition);
  for (let at = 0; ; ) {
    if (nextField(bytes, at, bytes.length, ATTEMPT_FRAME.records) !== 1) return true;
    const from = found.at;
    at = found.end;
    if (!readFields(bytes, from, at, record)) continue;
    if (record[2 * ATTEMPT.messageId + 1] !== 16) continue;
    if (only !== undefined && !only.findAttempt(startOf(bytes), 0, 0)) continue;
    if (fixed32Of(bytes, record, ATTEMPT.kind) !== ATTEMPT_RECEIPT) {
      if (rememberRecord(memory, bytes, from, at, partition, sequence, nowMs))
        submission?.(partition);
    } else if (noteReceipt(memory, bytes)) {
      leftOpen?.();
    }
  }
}

/** Fields 1 to 3 of the record, one after the other, whoever wrote it. */
function startOf(bytes: Uint8Array): Uint8Array {
  composeStart(bytes, record, start, 0);
  return start;
}
const start = new Uint8Array(START_BYTES);

/** @returns false: it is of another kind. */
function rememberRecord(
  memory: Memory,
  bytes: Uint8Array,
  from: number,
  end: number,
  partition: number,
  sequence: number,
  nowMs: number,
): boolean {
  const kind = fixed32Of(bytes, record, ATTEMPT.kind);
  if (kind !== ATTEMPT_SUBMITTED && kind !== ATTEMPT_REFUSED && kind !== ATTEMPT_IN_DOUBT) {
    return false;
  }
  remembered.bytes = startOf(bytes);
  remembered.startAt = 0;
  remembered.token = bytes;
  remembered.tokenAt = record[2 * ATTEMPT.toTok + 1] === 16 ? record[2 * ATTEMPT.toTok]! : -1;
  remembered.partition = partition;
  remembered.hop = fixed32Of(bytes, record, ATTEMPT.hop);
  remembered.kind = kind;
  remembered.sequence = sequence;
  remembered.partState = kind === ATTEMPT_REFUSED ? stateOfRefusal() : 0;
  let parts = 0;
  for (let at = from; nextField(bytes, at, end, ATTEMPT.carrierIds) === 1; at = found.end)
    parts += 1;
  remembered.parts = Math.max(1, parts);
  remembered.part = 1;
  remembered.carrierId = bytes;
  remembered.carrierIdAt = 0;
  remembered.carrierIdEnd = 0;
  memory.together(remembered.parts, nowMs);
  for (let at = from; remembered.part <= remembered.parts; remembered.part += 1) {
    if (nextField(bytes, at, end, ATTEMPT.carrierIds) === 1) {
      remembered.carrierIdAt = found.at;
      remembered.carrierIdEnd = found.end;
      at = found.end;
    }
    memory.add(remembered);
  }
  return true;
}

function stateOfRefusal(): number {
  if (varintOf(record, ATTEMPT.final) !== 0) return 1;
  return record[2 * ATTEMPT.nextCarrier + 1]! > 0 ? 0 : REFUSED_LATE;
}

/**
 * Keeps what a receipt said about a part of a long message, for the merge of those to come.
 * @returns whether it left the whole open; `memory.hit` is at the part then.
 */
function noteReceipt(memory: Memory, bytes: Uint8Array): boolean {
  const part = fixed32Of(bytes, record, ATTEMPT.part);
  if (part === 0) return false;
  const { hit } = memory;
  const hop = fixed32Of(bytes, record, ATTEMPT.hop);
  if (!memory.findAttempt(startOf(bytes), 0, hop)) return false;
  if (entry.kind(hit) !== ATTEMPT_SUBMITTED || part > entry.parts(hit)) return false;
  moveToPart(hit, part);
  const state = varintOf(record, ATTEMPT.partState);
  if (state > entry.partState(hit)) setPartState(hit, state);
  return fixed32Of(bytes, record, ATTEMPT.state) <= STATE.SUBMITTED;
}
