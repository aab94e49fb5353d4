/**
 * Deliver: the stage between a carrier's dispatch frames and its link.
 *
 * In: frames of `dispatch.<carrier>.>`, lanes and slots in turn. Out: PDUs through the link, attempts
 * through the outbox, failover frames. A frame is acknowledged when every record has a durable
 * attempt (submitted, refused or in doubt); receipts are not waited for.
 *
 * Work happens in pumps: as many records as window, rate and unrecorded answers allow are written,
 * then each session sends once. A pump follows every read of the carrier, every delivery, every
 * attempt that became durable, and the clock where the rate says when.
 */
import type { BindStatus } from "../../core/carrier-status.js";
import type { Clock } from "../../core/clock.js";
import type { CarrierConfig } from "../../core/configuration.js";
import type { Logger } from "../../core/log.js";
import { droppedTotal, framesTotal, gauge, recordsTotal } from "../../core/metrics.js";
import type { Seal } from "../../core/number-seal.js";
import { DISPATCH } from "../../core/stream/fields.js";
import { fixed64Of, has, newFields, readFields } from "../../core/stream/frame.js";
import type { Outbox } from "../../core/stream/outbox.js";
import type { Delivery, StreamClient } from "../../core/stream/stream.js";
import { openAttemptKeys } from "./attempts.js";
import { openFailover } from "./failover.js";
import { openIntake } from "./intake.js";
import {
  hasReady,
  isYoung,
  type Job,
  jobOfTicket,
  joinJob,
  keepWorking,
  openJob,
  RECORD,
  recordOfTicket,
  ticketOf,
  WORKING_EVERY_MS,
} from "./job.js";
import { CANNOT, type Link, type LinkEvents, NO_ROOM, newSubmission } from "./link.js";
import { isSuspect, type Looked, openLookup } from "./lookup.js";
import { openMemory } from "./memory.js";
import { observe } from "./observe.js";
import { openOutcomes } from "./outcomes.js";
import { newQueue } from "./queue.js";
import { openReceipts } from "./receipts.js";

export interface DeliverOptions {
  readonly client: StreamClient;
  readonly clock: Clock;
  readonly log: Logger;
  readonly config: CarrierConfig;
  readonly outbox: Outbox;
  /** Records that may wait in the outbox before the carriers' receipts are held back. */
  readonly outboxRecordsHigh: number;
  readonly seal: Seal;
  /** Unique to this process: marks its attempts. */
  readonly writer: string;
  /** Attempts that the memory keeps in one generation. */
  readonly memoryEntriesMax: number;
  /** Carriers that take messages, for failover. */
  known(carrier: string): boolean;
  openLink(events: LinkEvents): Link;
}

export interface Deliver {
  readonly link: Link;
  /** At least once the link was up. */
  wasUp(): boolean;
  /** What receipts have told of each bind. */
  learned(): readonly BindStatus[];
  /** Takes no more, lets what is at the carrier be answered, gives the rest back, unbinds. */
  stop(): Promise<void>;
}

/** Records that one job sends before the queue is asked again. */
const QUANTUM = 100;
/** A link that is down longer than this gives its frames back: another connector may be up. */
const GIVE_BACK_AFTER_MS = 5_000;
/** Those with a long message that the carrier has in part wait longer: another would send it whole. */
const GIVE_BACK_BEGUN_AFTER_MS = 60_000;
/** Longer than a pull lives, so that what is given back does not return by the pull under way. */
const GIVE_BACK_DELAY_MS = 6_000;
const queuedRecords = gauge("floe_connector_records", "Records in work.", ["carrier"]);

export async function openDeliver(options: DeliverOptions): Promise<Deliver> {
  const { client, clock, log, config, outbox, writer } = options;
  const carrier = config.name;
  const queue = newQueue();
  const memory = openMemory(options.memoryEntriesMax, clock.nowMs());
  const keys = openAttemptKeys(outbox, carrier, writer);
  const jobs: (Job | undefined)[] = [];
  const freeNumbers: number[] = [];
  const bySequence = new Map<number, Job>();
  const framesIn = framesTotal.labels("DISPATCH", "in");
  const recordsIn = recordsTotal.labels("DISPATCH", "in");
  const inWorkGauge = queuedRecords.labels(carrier);
  const record = newFields();
  const message = newFields();
  const submission = newSubmission(record, message);
  let scheduled = false;
  let pumping = false;
  let cancelWait = (): void => {};
  let cancelDown: (() => void) | undefined;
  let wasUp = false;
  let stopping = false;
  let receiptsHeld = false;
  let inWork = 0;

  // ---- what the link tells

  /** One look at the clock serves everything that one read brings. */
  function nowMs(): number {
    if (!reading) return clock.nowMs();
    if (readAtMs === 0) readAtMs = clock.nowMs();
    return readAtMs;
  }
  let reading = false;
  let readAtMs = 0;

  const events: LinkEvents = {
    readBegin() {
      reading = true;
      readAtMs = 0;
    },
    accepted(ticket, part, bytes, at, end, bind) {
      const job = jobs[jobOfTicket(ticket)]!;
      outcomes.accepted(job, recordOfTicket(ticket), part, bytes, at, end, bind);
      answered = true;
    },
    returned(ticket, part) {
      outcomes.returned(jobs[jobOfTicket(ticket)]!, recordOfTicket(ticket), part);
    },
    refused(ticket, part, status, temporary, bind) {
      const job = jobs[jobOfTicket(ticket)]!;
      outcomes.refused(job, recordOfTicket(ticket), part, status, temporary, bind);
    },
    doubted(ticket, part, _reason, bind) {
      outcomes.doubted(jobs[jobOfTicket(ticket)]!, recordOfTicket(ticket), part, bind);
    },
    delivered: (source, sequence, bytes, at, end) =>
      receipts.take(source, sequence, bytes, at, end),
    readEnd() {
      receipts.join();
      if (answered) receipts.lookAgain();
      answered = false;
      reading = false;
      holdReceipts();
      pump();
    },
    room() {
      if (link.up()) up();
      schedule();
    },
    down,
  };
  let answered = false;

  const failover = openFailover({
    client,
    clock,
    log,
    known: (name) => name !== carrier && options.known(name),
    moved(job, index) {
      job.status[index] = RECORD.done;
      job.left -= 1;
      recordDone(job);
    },
  });
  const outcomes = openOutcomes({
    clock,
    memory,
    keys,
    nowMs,
    urgent: () => outcomes.unrecorded() >= link.window() / 2,
    nextCarrier: failover.next,
    failOver: (job, index, next, sequence) => failover.add(job, index, next, sequence, false),
    again,
    recordDone,
  });
  const receipts = openReceipts({
    ...{ config, clock, log, outbox, keys, memory, seal: options.seal },
    answer: (source, sequence, status) => link.answer(source, sequence, status),
    answered: schedule,
  });
  const link = options.openLink(events);
  const observer = await observe({
    ...{ client, clock, carrier, memory, writer },
    changed: () => receipts.lookAgain(),
    leftOpen: () => receipts.decide(),
  });
  const lookup = openLookup({
    ...{ client, clock, log, carrier, memory, observer, writer },
    known: (job, looked) => void resume(job, looked).catch(failed),
  });

  const intake = await openIntake({
    ...{ client, clock, config, receive, failed },
    slots: () => link.window() / config.window,
  });

  // ---- frames

  function receive(delivery: Delivery, from: number): void {
    framesIn.inc();
    const known = bySequence.get(delivery.sequence);
    if (known !== undefined) {
      joinJob(known, delivery);
      // Somebody else may have had it meanwhile: what is left is looked up, like any repeat.
      if (!known.suspect && hasReady(known)) lookUp(known);
      return;
    }
    const number = freeNumbers.pop() ?? jobs.length;
    const job = openJob(delivery, number);
    if (job === undefined || job.place !== from) {
      freeNumbers.push(number);
      droppedTotal.inc({ stage: "connector", code: "frame.malformed" });
      const { sequence } = delivery;
      log.error({ stream: "DISPATCH", sequence }, "dispatch frame cannot be read");
      delivery.term();
      return;
    }
    jobs[number] = job;
    bySequence.set(job.sequence, job);
    recordsIn.inc(job.count);
    outcomes.adopt(job);
    inWork += job.count;
    intake.taken(job.place, job.count);
    if (isSuspect(job, delivery)) lookUp(job);
    else {
      queue.add(job);
      schedule();
    }
  }

  function lookUp(job: Job): void {
    job.suspect = true;
    queue.remove(job);
    lookup.add(job);
  }

  /** A job that was looked up: what is done is done, the rest is sent. */
  async function resume(job: Job, looked: Looked): Promise<void> {
    for (let index = 0; index < job.count && isOpen(job); index += 1) {
      // What is on its way from here is nobody else's business.
      if (job.status[index] !== RECORD.waiting || job.longs?.has(index)) continue;
      const fate = looked.fate(job, index);
      if (fate === "none") continue;
      if (fate === "doubted") {
        job.doubts ??= new Uint8Array(job.count);
        job.doubts[index] = 1;
        continue;
      }
      job.status[index] = RECORD.answered;
      const moved = fate === "moved" ? await looked.moved(job, index) : undefined;
      if (moved !== undefined) {
        failover.add(job, index, moved.carrier, moved.sequence, true);
        continue;
      }
      job.status[index] = RECORD.done;
      job.left -= 1;
    }
    if (!isOpen(job)) return;
    job.suspect = false;
    if (job.left === 0) recordDone(job);
    else if (hasReady(job)) queue.add(job);
    schedule();
  }

  /** Not acknowledged, and not given back or let go. */
  function isOpen(job: Job): boolean {
    return bySequence.get(job.sequence) === job;
  }

  function recordDone(job: Job): void {
    if (job.left === 0 && isOpen(job)) {
      for (const delivery of job.deliveries) delivery.ack();
      close(job);
    }
    schedule();
  }

  function close(job: Job): void {
    queue.remove(job);
    bySequence.delete(job.sequence);
    jobs[job.number] = undefined;
    freeNumbers.push(job.number);
    inWork -= job.count;
    intake.done(job.place, job.count);
  }

  // ---- sending

  function again(job: Job, index: number): void {
    if (!isOpen(job) || job.status[index] === RECORD.waiting) return;
    job.status[index] = RECORD.waiting;
    job.ready.push(index);
    if (!job.suspect) queue.addFirst(job);
    schedule();
  }

  function schedule(): void {
    if (scheduled) return;
    scheduled = true;
    setImmediate(() => {
      scheduled = false;
      pump();
    });
  }

  function pump(): void {
    if (pumping) return;
    pumping = true;
    submission.nowMs = clock.monotonicMs();
    submission.wallMs = clock.nowMs();
    const capMax = 2 * link.window();
    let hasRoom = true;
    while (link.up() && outcomes.unrecorded() + link.unanswered() < capMax) {
      const job = queue.next();
      if (job === undefined) break;
      hasRoom = feed(job);
      if (!hasRoom) break;
    }
    pumping = false;
    link.flush();
    inWorkGauge.set(inWork);
    cancelWait();
    if (hasRoom) return;
    // What was missing may be there since: a wait of nothing is one, too.
    const waitMs = link.waitMs();
    if (waitMs !== Number.POSITIVE_INFINITY) cancelWait = clock.after(Math.ceil(waitMs), pump);
  }

  /** Sends a quantum of the job's records. False: the link has no room. */
  function feed(job: Job): boolean {
    if (!isYoung(job, submission.nowMs)) {
      // Perhaps somebody else has it now. It comes back to us, or it does not.
      queue.remove(job);
      return true;
    }
    submission.bytes = job.bytes;
    for (let turn = 0; turn < QUANTUM; turn += 1) {
      const isAgain = job.ready.length > 0;
      if (!isAgain && job.cursor === job.count) break;
      const index = isAgain ? job.ready.pop()! : job.cursor;
      if (!isAgain) job.cursor += 1;
      if (job.status[index] !== RECORD.waiting) continue;
      // A stop ends what is begun: somebody else would send all parts of it.
      if (stopping && !job.longs?.has(index)) continue;
      if (submitSafely(job, index) !== NO_ROOM) continue;
      if (isAgain) job.ready.push(index);
      else job.cursor -= 1;
      return false;
    }
    if (!hasReady(job)) queue.remove(job);
    return true;
  }

  /** A frame that came often may hold the record that ends processes: it is met one by one. */
  function submitSafely(job: Job, index: number): number {
    if (job.deliveries[0]!.deliveryCount <= POISON_DELIVERIES) return submit(job, index);
    try {
      return submit(job, index);
    } catch (err) {
      log.error({ err, sequence: job.sequence, record: index }, "a record cannot be sent");
      droppedTotal.inc({ stage: "connector", code: "poison" });
      outcomes.impossible(job, index);
      return CANNOT;
    }
  }

  function submit(job: Job, index: number): number {
    const { bytes, places } = job;
    const isRead =
      readFields(bytes, places[2 * index]!, places[2 * index + 1]!, record) &&
      record[2 * DISPATCH.messageId + 1] === 16;
    if (!isRead) {
      unreadable(job, index);
      return CANNOT;
    }
    if (!(fixed64Of(bytes, record, DISPATCH.expiresAtMs) > submission.wallMs)) {
      outcomes.expired(job, index);
      return CANNOT;
    }
    if (!outcomes.prepare(job, index, submission)) return CANNOT;
    const from = record[2 * DISPATCH.message]!;
    const end = from + record[2 * DISPATCH.message + 1]!;
    submission.ticket = ticketOf(job, index);
    const written =
      has(record, DISPATCH.message) && readFields(bytes, from, end, message)
        ? link.submit(submission)
        : CANNOT;
    if (written === NO_ROOM) return NO_ROOM;
    if (written === CANNOT) outcomes.impossible(job, index);
    else outcomes.sent(job, index, submission, written);
    return written;
  }

  /** Without an id there is no message to say anything about. */
  function unreadable(job: Job, index: number): void {
    droppedTotal.inc({ stage: "connector", code: "frame.malformed" });
    log.error({ sequence: job.sequence, record: index }, "dispatch record cannot be read");
    job.status[index] = RECORD.done;
    job.left -= 1;
    recordDone(job);
  }

  // ---- time and state

  function tick(): void {
    const nowMs = clock.monotonicMs();
    for (const job of bySequence.values()) {
      if (!isYoung(job, nowMs)) {
        if (job.flying === 0 && job.delayed === 0 && !isSettling(job)) forget(job);
      } else if (nowMs - job.workingAtMs >= WORKING_EVERY_MS) {
        keepWorking(job, () => clock.monotonicMs()).catch((err: unknown) => {
          log.debug({ err, sequence: job.sequence }, "ack wait was not started anew");
        });
      }
    }
    intake.tick();
    cancelTick = clock.after(TICK_MS, tick);
  }

  function forget(job: Job): void {
    log.warn({ sequence: job.sequence, records: job.left }, "a frame grew old here and was let go");
    for (const delivery of job.deliveries) delivery.forget?.();
    close(job);
  }

  function up(): void {
    wasUp = true;
    cancelDown?.();
    cancelDown = undefined;
    if (!stopping) intake.run(true);
  }

  function down(): void {
    cancelDown ??= clock.after(GIVE_BACK_AFTER_MS, () => {
      if (link.up() || stopping) return;
      intake.run(false);
      giveBack(GIVE_BACK_DELAY_MS, isBegun);
      cancelDown = clock.after(GIVE_BACK_BEGUN_AFTER_MS, () => giveBack(GIVE_BACK_DELAY_MS));
    });
  }

  /** Frames of which nothing is under way go back to the stream, but those to be kept. */
  function giveBack(delayMs?: number, isKept: (job: Job) => boolean = () => false): void {
    for (const job of [...bySequence.values()]) {
      if (job.flying > 0 || isSettling(job) || isKept(job)) continue;
      for (const delivery of job.deliveries) delivery.nak(delayMs);
      close(job);
    }
  }

  function holdReceipts(): void {
    const waiting = outbox.waiting();
    if (!receiptsHeld && waiting > options.outboxRecordsHigh) {
      receiptsHeld = true;
      link.pause(true);
      lookWhetherLow();
    }
  }

  function lookWhetherLow(): void {
    clock.after(HOLD_LOOK_MS, () => {
      if (outbox.waiting() > options.outboxRecordsHigh / 2 && !stopping) lookWhetherLow();
      else {
        receiptsHeld = false;
        link.pause(false);
      }
    });
  }

  function failed(err: unknown): void {
    log.error({ err }, "a carrier's frames cannot be taken");
  }

  let cancelTick = clock.after(TICK_MS, tick);

  return {
    link,
    wasUp: () => wasUp,
    learned: receipts.status,
    async stop() {
      stopping = true;
      cancelWait();
      cancelDown?.();
      lookup.stop();
      await intake.stop();
      // Nothing new is sent from here on: what is at the carrier is answered, or in doubt.
      const sinceMs = clock.monotonicMs();
      const waits = (forMs: number): boolean => clock.monotonicMs() - sinceMs < forMs;
      while (
        (link.unanswered() > 0 && waits(Math.min(config.responseMs, STOP_WAIT_MS))) ||
        ([...bySequence.values()].some(isBegun) && waits(STOP_WAIT_MS))
      ) {
        await pause();
      }
      await outbox.drain();
      receipts.stop();
      await outbox.drain();
      link.flush();
      await link.stop();
      await outbox.drain();
      failover.stop();
      giveBack();
      cancelTick();
      await observer.stop();
    },
  };

  function pause(): Promise<void> {
    return new Promise((resolve) => clock.after(10, resolve));
  }
}

/** How long a stop waits for answers of the carrier. */
const STOP_WAIT_MS = 10_000;
/** Deliveries after which a frame's records are suspected. */
const POISON_DELIVERIES = 3;
const TICK_MS = 1_000;
const HOLD_LOOK_MS = 25;

/** Whether the carrier took some parts of a long message, and others are still to be sent. */
function isBegun({ longs }: Job): boolean {
  if (longs === undefined) return false;
  for (const { accepted, waiting, delayed, flying } of longs.values()) {
    if (accepted !== 0 && (waiting | delayed | flying) !== 0) return true;
  }
  return false;
}

/** Whether an attempt of one of its records is on its way to the stream. */
function isSettling(job: Job): boolean {
  return job.status.includes(RECORD.answered);
}
