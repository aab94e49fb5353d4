/**
 * Pump: from the queue to the link. As many records as window, rate and unrecorded answers allow are
 * written, then each session sends once. A pump follows every read of the carrier, every delivery,
 * every attempt that became durable, and the clock where the rate says when.
 */
import type { Clock } from "../../core/clock.js";
import type { Logger } from "../../core/log.js";
import { droppedTotal, gauge } from "../../core/metrics.js";
import { DISPATCH } from "../../core/stream/fields.js";
import { fixed64Of, has, newFields, readFields } from "../../core/stream/frame.js";
import type { Graves } from "./graves.js";
import { hasReady, isYoung, type Job, RECORD, ticketOf } from "./job.js";
import type { Jobs } from "./jobs.js";
import { CANNOT, type Link, NO_ROOM, newSubmission } from "./link.js";
import type { Outcomes } from "./outcomes.js";
import type { JobQueue } from "./queue.js";

export interface PumpOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly carrier: string;
  readonly queue: JobQueue;
  readonly jobs: Pick<Jobs, "recordDone" | "records">;
  readonly outcomes: Pick<
    Outcomes,
    "unrecorded" | "prepare" | "timedOut" | "sent" | "expired" | "impossible"
  >;
  readonly graves: Graves;
  readonly link: () => Link;
}

export interface Pump {
  /** Pumps, now. */
  run(): void;
  /** Pumps once what is at hand is done. */
  schedule(): void;
  /** From now on only what is begun is ended. */
  stop(): void;
}

/** Records that one job sends before the queue is asked again. */
const QUANTUM = 100;
/** Deliveries after which a frame's records are suspected. */
const POISON_DELIVERIES = 3;
const queuedRecords = gauge("floe_connector_records", "Records in work.", ["carrier"]);

export function openPump(options: PumpOptions): Pump {
  const { clock, log, queue, jobs, outcomes } = options;
  const inWorkGauge = queuedRecords.labels(options.carrier);
  const record = newFields();
  const message = newFields();
  const submission = newSubmission(record, message);
  let scheduled = false;
  let pumping = false;
  let stopping = false;
  let cancelWait = (): void => {};

  function schedule(): void {
    if (scheduled) return;
    scheduled = true;
    setImmediate(() => {
      scheduled = false;
      run();
    });
  }

  function run(): void {
    if (pumping) return;
    const link = options.link();
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
    inWorkGauge.set(jobs.records());
    cancelWait();
    if (hasRoom) return;
    // What was missing may be there since: a wait of nothing is one, too.
    const waitMs = link.waitMs();
    if (waitMs !== Number.POSITIVE_INFINITY) cancelWait = clock.after(Math.ceil(waitMs), run);
  }

  /** Sends a quantum of the job's records. False: the link has no room. */
  function feed(job: Job): boolean {
    if (!isYoung(job, submission.nowMs)) {
      // Perhaps somebody else has it now. It comes back to us, or it does not.
      queue.remove(job);
      return true;
    }
    submission.bytes = job.bytes;
    let isTaken = false;
    for (let turn = 0; turn < QUANTUM; turn += 1) {
      const isAgain = job.ready.length > 0;
      if (!isAgain && job.cursor === job.count) break;
      const index = isAgain ? job.ready.pop()! : job.cursor;
      if (!isAgain) job.cursor += 1;
      if (job.status[index] !== RECORD.waiting) continue;
      // A stop ends what is begun: somebody else would send all parts of it.
      if (stopping && !job.longs?.has(index) && !job.intended) continue;
      if (submitSafely(job, index) !== NO_ROOM) {
        if (!isTaken) queue.taken(job);
        isTaken = true;
        continue;
      }
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
      options.graves.record(job, index, "crashed", () => outcomes.impossible(job, index));
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
    if (has(record, DISPATCH.policy) && outcomes.timedOut(job, index, submission.wallMs)) {
      return CANNOT;
    }
    if (!outcomes.prepare(job, index, submission)) return CANNOT;
    const from = record[2 * DISPATCH.message]!;
    const end = from + record[2 * DISPATCH.message + 1]!;
    submission.ticket = ticketOf(job, index);
    const written =
      has(record, DISPATCH.message) && readFields(bytes, from, end, message)
        ? options.link().submit(submission)
        : CANNOT;
    if (written === NO_ROOM) return NO_ROOM;
    if (written === CANNOT) outcomes.impossible(job, index);
    else outcomes.sent(job, index, submission, written);
    return written;
  }

  /** Without an id there is no message to say anything about. */
  function unreadable(job: Job, index: number): void {
    droppedTotal.inc({ stage: "connector", code: "frame.malformed" });
    options.graves.record(job, index, "unreadable", () => {
      job.status[index] = RECORD.done;
      job.left -= 1;
      jobs.recordDone(job);
    });
  }

  return {
    run,
    schedule,
    stop() {
      stopping = true;
      cancelWait();
    },
  };
}
