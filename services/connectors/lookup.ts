/**
 * Lookup: has what a frame asks for been done already?
 *
 * A frame that may have been at a carrier before (marked `again`, delivered more than once, stored
 * long after its cause, or stored before the pull session was open) is not sent before this is known: a
 * marker is published, the carrier's attempts are read up to it, and every record is compared by
 * message id, accepted day and hop. All frames that wait share one marker. Where nobody else has
 * written an attempt of the partition since the frame was caused, and this process has the frame for
 * the first time, there is nothing to compare with: a backlog costs no more than what is fresh.
 *
 * The memory answers if it reaches back to the frame's cause. For older frames the attempts since
 * then are read once more, and only those of the waiting records are kept.
 */
import { type Clock, sleep } from "../../core/clock.js";
import { isFloeError } from "../../core/errors.js";
import type { Logger } from "../../core/log.js";
import { counter } from "../../core/metrics.js";
import {
  ATTEMPT,
  ATTEMPT_FRAME,
  ATTEMPT_IN_DOUBT,
  ATTEMPT_INTENT,
  ATTEMPT_MARKER,
  ATTEMPT_REFUSED,
} from "../../core/stream/fields.js";
import {
  beginNested,
  endNested,
  fixed32Of,
  fixed64Of,
  found,
  newFields,
  newWriter,
  nextField,
  putFixed32,
  putFixed64,
  putText,
  RECORDS,
  readFields,
  textOf,
  written,
} from "../../core/stream/frame.js";
import type { Delivery, StreamClient } from "../../core/stream/stream.js";
import { attemptSubject, attemptsOfCarrier } from "../../core/subjects.js";
import { ATTEMPT_BYTES, newAttemptStart, putStart, putToken } from "./attempts.js";
import { type Intents, openIntents } from "./intents.js";
import type { Job } from "./job.js";
import { entry, type Memory, newRemembered, openMemory, REFUSED_LATE } from "./memory.js";
import { type Observer, rememberFrame, sequenceAt } from "./observe.js";
import { newRecordHead, readHead, START } from "./record.js";
import { type Later, laterOf } from "./retries.js";

/** Clocks of owners, streams and connectors may differ by so much. */
const CLOCK_SLACK_MS = 60_000;
const PAUSE_MS = 500;

const lookedUpTotal = counter("floe_connector_lookups_total", "Frames looked up before sending.", [
  "carrier",
  "by",
]);

/** Whether a frame must be looked up before it is sent. */
export function isSuspect(job: Job, delivery: Delivery): boolean {
  return isRepeat(job, delivery) || delivery.sequence <= delivery.sessionSequence;
}

/** Whether the frame itself says that it, or what it holds, may have been here before. */
export function isRepeat(job: Job, delivery: Delivery): boolean {
  return (
    job.again || delivery.deliveryCount > 1 || delivery.storedAtMs > job.causedAtMs + CLOCK_SLACK_MS
  );
}

/** What is known of a record's hop. */
export type Fate =
  /** Nothing: it is to be sent. */
  | "none"
  /** In doubt, and not sent again since: it is to be sent once more. */
  | "doubted"
  /** Refused, and another carrier is to try: make that frame again. */
  | "moved"
  /** It has its attempt. */
  | "done";

export interface Looked {
  /** No record of it has an attempt: each one's fate is "none". */
  isClean(job: Job): boolean;
  /** Of an at-most-once frame: somebody else was first to publish an intent. */
  isForeign(job: Job): boolean;
  fate(job: Job, index: number): Fate;
  /** Of a record that moved: to which carrier, by which attempt frame, after how many doubts. */
  moved(job: Job, index: number): Promise<Moved | undefined>;
}

export interface Moved {
  readonly carrier: string;
  readonly sequence: number;
  readonly doubts: number;
  /** The same carrier tries it again later. */
  readonly later: Later | undefined;
}

export interface Lookup {
  /** Looks the job up together with others that wait; `known` is called when it is done. */
  add(job: Job): void;
  stop(): void;
}

export interface LookupOptions {
  readonly client: StreamClient;
  readonly clock: Clock;
  readonly log: Logger;
  readonly carrier: string;
  readonly memory: Memory;
  readonly intents: Intents;
  readonly observer: Observer;
  readonly writer: string;
  known(job: Job, looked: Looked): void;
}

export function openLookup(options: LookupOptions): Lookup {
  const { client, clock, log, carrier, memory, intents, observer, writer } = options;
  const byMemory = lookedUpTotal.labels(carrier, "memory");
  const byStream = lookedUpTotal.labels(carrier, "stream");
  let waiting: Job[] = [];
  let running = false;
  let stopped = false;
  let markers = 0;
  // Ids are per stream, a process serves many carriers, and opens each of them more than once.
  const named = `${writer}/${carrier}/${observer.openedAfter}`;

  async function mark(): Promise<number> {
    markers += 1;
    const name = `${named}/m${markers}`;
    const data = markerFrame(carrier, name, clock.nowMs());
    const { sequence } = await client.publish(attemptSubject(0, carrier), data, { id: name });
    return sequence;
  }

  /** Says that this process will submit the records of an at-most-once frame. */
  async function intend(job: Job): Promise<void> {
    if (!job.once || job.intended) return;
    if (job.intent === "") {
      markers += 1;
      job.intent = `${named}/i${markers}`;
    }
    const data = intentFrame(carrier, job, clock.nowMs());
    await client.publish(attemptSubject(job.partition, carrier), data, {
      id: `intent/${job.identity}`,
    });
    job.intended = true;
  }

  async function run(): Promise<void> {
    running = true;
    while (waiting.length > 0 && !stopped) {
      const jobs = waiting;
      waiting = [];
      try {
        await Promise.all(jobs.map(intend));
        // Behind all intents: whoever was first is known when this is read.
        const sequence = await mark();
        await observer.reached(sequence);
        const looked = await look(jobs, sequence);
        for (const job of jobs) if (!stopped) options.known(job, looked(job));
      } catch (err) {
        if (!isFloeError(err)) throw err;
        log.warn({ err }, "frames cannot be looked up yet");
        waiting = [...jobs, ...waiting];
        await sleep(clock, PAUSE_MS);
      }
    }
    running = false;
  }

  /** Where each job is to be looked up. */
  async function look(jobs: readonly Job[], sequence: number): Promise<(job: Job) => Looked> {
    const inMemory = compareWith(client, memory, intents, observer);
    const isCovered = (job: Job): boolean =>
      job.causedAtMs - CLOCK_SLACK_MS >=
      Math.max(memory.coversFromMs(), job.once ? intents.coversFromMs() : 0);
    const older = jobs.filter((job) => !isCovered(job));
    byMemory.inc(jobs.length - older.length);
    if (older.length === 0) return () => inMemory;
    byStream.inc(older.length);
    const besides = openIntents(Number.POSITIVE_INFINITY, 0);
    const beside = compareWith(client, await readBeside(older, sequence, besides), besides);
    const isOlder = new Set(older);
    return (job) => (isOlder.has(job) ? beside : inMemory);
  }

  /** The attempts of these jobs' records, read from the stream. */
  async function readBeside(
    jobs: readonly Job[],
    sequence: number,
    besides: Intents,
  ): Promise<Memory> {
    const kept = openMemory(Number.POSITIVE_INFINITY, clock.nowMs());
    const wanted = wantedOf(jobs, clock.nowMs());
    const causedAtMs = Math.min(...jobs.map((job) => job.causedAtMs));
    const from = await sequenceAt(client, causedAtMs - CLOCK_SLACK_MS);
    let reached = (): void => {};
    const all = new Promise<void>((resolve) => {
      reached = resolve;
    });
    const subject = attemptsOfCarrier(carrier);
    const reading = await client.read("ATTEMPTS", subject, from, (message) => {
      rememberFrame(kept, message.data, message.sequence, clock.nowMs(), "", {
        only: wanted,
        intents: besides,
      });
      if (message.sequence >= sequence) reached();
    });
    await all;
    await reading.stop();
    return kept;
  }

  return {
    add(job) {
      waiting.push(job);
      if (!running) void run();
    },
    stop() {
      stopped = true;
    },
  };
}

/** The messages of these jobs, each as an entry of hop 0. */
function wantedOf(jobs: readonly Job[], nowMs: number): Memory {
  const wanted = openMemory(Number.POSITIVE_INFINITY, nowMs);
  const remembered = newRemembered();
  for (const job of jobs) {
    for (let index = 0; index < job.count; index += 1) {
      if (!headOf(job, index)) continue;
      remembered.bytes = head.bytes;
      remembered.startAt = head.startAt;
      wanted.together(1, nowMs);
      wanted.add(remembered);
    }
  }
  return wanted;
}

const head = newRecordHead();
const record = newFields();

function headOf(job: Job, index: number): boolean {
  return readHead(job.bytes, job.places[2 * index]!, job.places[2 * index + 1]!, head);
}

/** @param observer of this memory, if it is the process's own. */
function compareWith(
  client: StreamClient,
  memory: Memory,
  intents: Intents,
  observer?: Observer,
): Looked {
  const { hit } = memory;

  /** Finds the attempt that counts: of the record's hop, or of the one after a doubt. */
  const isOpen = (): boolean =>
    entry.kind(hit) === ATTEMPT_IN_DOUBT ||
    (entry.kind(hit) === ATTEMPT_REFUSED && entry.partState(hit) === REFUSED_LATE);

  function find(job: Job, index: number): Fate {
    if (!headOf(job, index)) return "none";
    const { bytes, startAt, hop } = head;
    if (!memory.findAttempt(bytes, startAt, hop)) return "none";
    if (isOpen()) {
      if (!memory.findAttempt(bytes, startAt, hop + 1)) return "doubted";
    }
    return entry.kind(hit) === ATTEMPT_REFUSED && entry.partState(hit) === 0 ? "moved" : "done";
  }

  return {
    isClean: (job) =>
      observer !== undefined &&
      job.first &&
      !job.once &&
      observer.othersAtMs(job.partition) < job.causedAtMs - CLOCK_SLACK_MS,
    isForeign: (job) => job.once && intents.first(job.identity) !== job.intent,
    fate: find,
    async moved(job, index) {
      if (find(job, index) !== "moved") return undefined;
      const sequence = entry.sequence(hit);
      const hop = entry.hop(hit);
      const doubts = hop - head.hop;
      const idAt = head.startAt + START.messageId;
      const id = Buffer.from(head.bytes.subarray(idAt, idAt + 16));
      const message = await client.at("ATTEMPTS", sequence);
      const next = message === undefined ? undefined : nextIn(message.data, id, hop);
      return next === undefined ? undefined : { ...next, sequence, doubts };
    },
  };
}

/** Who tries it next, as a refusal in this attempt frame says; undefined: nobody. */
function nextIn(
  bytes: Uint8Array,
  id: Buffer,
  hop: number,
): Pick<Moved, "carrier" | "later"> | undefined {
  for (
    let at = 0;
    nextField(bytes, at, bytes.length, ATTEMPT_FRAME.records) === 1;
    at = found.end
  ) {
    const end = found.end;
    if (!readFields(bytes, found.at, end, record)) continue;
    const idAt = record[2 * ATTEMPT.messageId]!;
    if (record[2 * ATTEMPT.messageId + 1] !== 16 || id.compare(bytes, idAt, idAt + 16) !== 0)
      continue;
    if (fixed32Of(bytes, record, ATTEMPT.kind) !== ATTEMPT_REFUSED) continue;
    if (fixed32Of(bytes, record, ATTEMPT.hop) !== hop) continue;
    const carrier = textOf(bytes, record, ATTEMPT.nextCarrier);
    const fromMs = fixed64Of(bytes, record, ATTEMPT.atMs);
    const later = laterOf(fixed32Of(bytes, record, ATTEMPT.nextPlace), fromMs);
    return carrier === "" ? undefined : { carrier, later };
  }
  return undefined;
}

const start = newAttemptStart();

/** The intent to submit all of a frame's records. */
function intentFrame(carrier: string, job: Job, nowMs: number): Uint8Array {
  const writer = newWriter(128 + job.count * ATTEMPT_BYTES);
  putFixed32(writer, ATTEMPT_FRAME.partition, job.partition);
  putText(writer, ATTEMPT_FRAME.carrier, carrier);
  putFixed64(writer, ATTEMPT_FRAME.publishedAtMs, nowMs);
  putText(writer, ATTEMPT_FRAME.identity, job.identity);
  putText(writer, ATTEMPT_FRAME.writer, job.intent);
  for (let index = 0; index < job.count; index += 1) {
    if (!headOf(job, index)) continue;
    const mark = beginNested(writer, RECORDS);
    start.bytes = head.bytes;
    start.startAt = head.startAt;
    start.token = job.bytes;
    start.tokenAt = head.tokenAt;
    start.kind = ATTEMPT_INTENT;
    start.hop = head.hop;
    start.atMs = nowMs;
    start.state = 0;
    putStart(writer, start);
    putToken(writer, start);
    endNested(writer, mark);
  }
  return written(writer);
}

/** An attempt frame that says nothing but "so far". */
function markerFrame(carrier: string, name: string, nowMs: number): Uint8Array {
  const writer = newWriter(128);
  putFixed32(writer, ATTEMPT_FRAME.partition, 0);
  putText(writer, ATTEMPT_FRAME.carrier, carrier);
  putFixed64(writer, ATTEMPT_FRAME.publishedAtMs, nowMs);
  putText(writer, ATTEMPT_FRAME.writer, name);
  const mark = beginNested(writer, RECORDS);
  putFixed32(writer, ATTEMPT.kind, ATTEMPT_MARKER);
  putFixed64(writer, ATTEMPT.atMs, nowMs);
  endNested(writer, mark);
  return written(writer);
}
