/**
 * Deliver: the stage between a carrier's dispatch frames and its link.
 *
 * In: frames of `dispatch.<carrier>.>`, lanes and slots in turn. Out: PDUs through the link, attempts
 * through the outbox, failover frames. A frame is acknowledged when every record has a durable
 * attempt (submitted, refused or in doubt); receipts are not waited for.
 *
 * Frames become jobs (jobs.ts), the pump sends their records (pump.ts), what the carrier says of each
 * becomes its attempt (outcomes.ts). Here they are put together, and the link's ups and downs told.
 */
import type { BindStatus } from "../../core/carrier-status.js";
import type { Clock } from "../../core/clock.js";
import type { CarrierConfig } from "../../core/configuration.js";
import type { Logger } from "../../core/log.js";
import type { Seal } from "../../core/number-seal.js";
import type { Outbox } from "../../core/stream/outbox.js";
import type { StreamClient } from "../../core/stream/stream.js";
import { openAttemptKeys } from "./attempts.js";
import { atNextCarrier, nextCarrier } from "./failover.js";
import { openGraves } from "./graves.js";
import { openIntake } from "./intake.js";
import { openIntents } from "./intents.js";
import { type Job, jobOfTicket, RECORD, recordOfTicket } from "./job.js";
import { type JobsOptions, openJobs } from "./jobs.js";
import { newKeeper } from "./kept.js";
import type { Link, LinkEvents } from "./link.js";
import { openLookup } from "./lookup.js";
import { openMemory } from "./memory.js";
import { openNextFrames } from "./next-frames.js";
import { observe } from "./observe.js";
import { openOutcomes } from "./outcomes.js";
import { openPump } from "./pump.js";
import { newQueue } from "./queue.js";
import { openReceipts } from "./receipts.js";
import { atSameLater } from "./retries.js";

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

/** A link that is down longer than this gives its frames back: another connector may be up. */
const GIVE_BACK_AFTER_MS = 5_000;
/** Those with a long message that the carrier has in part wait longer: another would send it whole. */
const GIVE_BACK_BEGUN_AFTER_MS = 60_000;
/** Longer than a pull lives, so that what is given back does not return by the pull under way. */
const GIVE_BACK_DELAY_MS = 6_000;
/** How long a stop waits for answers of the carrier. */
const STOP_WAIT_MS = 10_000;
/** And until what it has begun, or promised, is sent. */
const STOP_BEGUN_MS = 20_000;
/** Intents that are remembered, twice: those of lookups in the window of redelivery. */
const INTENTS_MAX = 50_000;
const TICK_MS = 1_000;
const HOLD_LOOK_MS = 25;

export async function openDeliver(options: DeliverOptions): Promise<Deliver> {
  const { client, clock, log, config, outbox, writer } = options;
  const carrier = config.name;
  const queue = newQueue();
  const memory = openMemory(options.memoryEntriesMax, clock.nowMs());
  const intents = openIntents(INTENTS_MAX, clock.nowMs());
  const keys = openAttemptKeys(outbox, carrier, writer);
  let stopping = false;

  function moved(job: Job, index: number): void {
    job.status[index] = RECORD.done;
    job.left -= 1;
    jobs.recordDone(job);
  }

  const jobs = openJobs({
    ...{ clock, log, queue },
    graves: () => graves,
    intake: () => intake,
    lookup: () => lookup,
    move: (...all) => move(...all),
    adopt: (job) => outcomes.adopt(job),
    abandoned: (job, index) => outcomes.abandoned(job, index),
    promisedMax: () => (link.up() && !stopping ? 2 * link.window() : 0),
    schedule: () => pump.schedule(),
  });
  const nextFrames = openNextFrames({ ...{ client, clock, log }, moved });
  const isOther = (name: string): boolean => name !== carrier && options.known(name);
  const move: JobsOptions["move"] = (job, index, next, sequence, again, later) => {
    const to = later === undefined ? atNextCarrier(next) : atSameLater(carrier, later);
    nextFrames.add(job, index, sequence, again, to);
  };
  const read = newRead(clock);
  const outcomes = openOutcomes({
    ...{ clock, carrier, memory, keys, keeper: newKeeper(config.keepTlvs) },
    nowMs: read.nowMs,
    urgent: () => outcomes.unrecorded() >= link.window() / 2,
    nextCarrier: (job, index) => nextCarrier(job, index, isOther),
    failOver: (job, index, next, sequence, later) => move(job, index, next, sequence, false, later),
    again: jobs.again,
    recordDone: jobs.recordDone,
    isOpen: jobs.isOpen,
  });
  const graves = openGraves({ client, clock, log, carrier, again: jobs.again });
  const pump = openPump({
    ...{ clock, log, carrier, queue, jobs, outcomes, graves },
    link: () => link,
  });
  const receipts = openReceipts({
    ...{ config, clock, log, outbox, keys, memory, seal: options.seal },
    bury: graves.receipt,
    answer: (source, sequence, status) => link.answer(source, sequence, status),
    answered: pump.schedule,
  });

  // ---- what the link tells

  let answered = false;
  const jobOf = (ticket: number): Job => jobs.at(jobOfTicket(ticket));
  const events: LinkEvents = {
    readBegin: read.begin,
    accepted(ticket, part, bytes, at, end, bind) {
      outcomes.accepted(jobOf(ticket), recordOfTicket(ticket), part, bytes, at, end, bind);
      answered = true;
    },
    returned(ticket, part) {
      outcomes.returned(jobOf(ticket), recordOfTicket(ticket), part);
    },
    refused(ticket, part, status, temporary, bind) {
      outcomes.refused(jobOf(ticket), recordOfTicket(ticket), part, status, temporary, bind);
    },
    doubted(ticket, part, _reason, bind, doubt) {
      outcomes.doubted(jobOf(ticket), recordOfTicket(ticket), part, bind, doubt);
    },
    late(doubt, status, bytes, at, end, bind) {
      outcomes.late(doubt, status, bytes, at, end, bind);
      answered = true;
    },
    delivered: (source, sequence, bytes, at, end) =>
      receipts.take(source, sequence, bytes, at, end),
    readEnd() {
      // What the answers made room for goes first: in a small window the carrier waits for it.
      pump.run();
      receipts.join();
      if (answered) receipts.lookAgain();
      answered = false;
      read.end();
      hold.look();
    },
    room() {
      if (link.up()) up();
      pump.schedule();
    },
    down,
  };
  const link = options.openLink(events);
  const hold = holdReceipts(options, link, () => stopping);

  const observer = await observe({
    ...{ client, clock, carrier, memory, intents, writer },
    changed: () => receipts.lookAgain(),
    leftOpen: () => receipts.decide(),
  });
  const lookup = openLookup({
    ...{ client, clock, log, carrier, memory, intents, observer, writer },
    known: (job, looked) => void jobs.resume(job, looked).catch(failed),
  });
  const intake = await openIntake({
    ...{ client, clock, config, receive: jobs.receive, failed },
    slots: () => link.window() / config.window,
  });

  // ---- up, down, stop

  let wasUp = false;
  let cancelDown: (() => void) | undefined;
  let cancelTick = clock.after(TICK_MS, tick);

  function tick(): void {
    jobs.tick();
    intake.tick();
    cancelTick = clock.after(TICK_MS, tick);
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
      jobs.giveBack(GIVE_BACK_DELAY_MS, (job) => isBegun(job) || isPromised(job));
      cancelDown = clock.after(GIVE_BACK_BEGUN_AFTER_MS, () =>
        jobs.giveBack(GIVE_BACK_DELAY_MS, isPromised),
      );
    });
  }

  function failed(err: unknown): void {
    log.error({ err }, "a carrier's frames cannot be taken");
  }

  async function answeredOrLate(): Promise<void> {
    const sinceMs = clock.monotonicMs();
    const waits = (forMs: number): boolean => clock.monotonicMs() - sinceMs < forMs;
    while (
      (link.unanswered() > 0 && waits(Math.min(config.responseMs, STOP_WAIT_MS))) ||
      ([...jobs.all()].some((job) => isBegun(job) || isPromised(job)) && waits(STOP_BEGUN_MS))
    ) {
      await new Promise<void>((resolve) => clock.after(10, resolve));
    }
  }

  return {
    link,
    wasUp: () => wasUp,
    learned: receipts.status,
    async stop() {
      stopping = true;
      pump.stop();
      cancelDown?.();
      lookup.stop();
      await intake.stop();
      // Nothing new is sent from here on: what is at the carrier is answered, or in doubt.
      await answeredOrLate();
      await outbox.drain();
      receipts.stop();
      await outbox.drain();
      link.flush();
      await link.stop();
      await outbox.drain();
      nextFrames.stop();
      jobs.giveBack();
      cancelTick();
      await observer.stop();
    },
  };
}

/** One look at the clock serves everything that one read brings. */
function newRead(clock: Clock) {
  let reading = false;
  let readAtMs = 0;
  return {
    begin(): void {
      reading = true;
      readAtMs = 0;
    },
    end(): void {
      reading = false;
    },
    nowMs(): number {
      if (!reading) return clock.nowMs();
      if (readAtMs === 0) readAtMs = clock.nowMs();
      return readAtMs;
    },
  };
}

/** Takes no more from the carrier while too much waits in the outbox. */
function holdReceipts(
  { clock, outbox, outboxRecordsHigh }: DeliverOptions,
  link: Link,
  isStopping: () => boolean,
) {
  let held = false;

  function lookWhetherLow(): void {
    clock.after(HOLD_LOOK_MS, () => {
      if (outbox.waiting() > outboxRecordsHigh / 2 && !isStopping()) lookWhetherLow();
      else {
        held = false;
        link.pause(false);
      }
    });
  }

  return {
    look(): void {
      if (held || outbox.waiting() <= outboxRecordsHigh) return;
      held = true;
      link.pause(true);
      lookWhetherLow();
    },
  };
}

/** Whether nobody else may submit what of it is left. */
function isPromised({ intent, left }: Job): boolean {
  return intent !== "" && left > 0;
}

/** Whether the carrier took some parts of a long message, and others are still to be sent. */
function isBegun({ longs }: Job): boolean {
  if (longs === undefined) return false;
  for (const { accepted, waiting, delayed, flying } of longs.values()) {
    if (accepted !== 0 && (waiting | delayed | flying) !== 0) return true;
  }
  return false;
}
