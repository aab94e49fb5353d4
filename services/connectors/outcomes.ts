/**
 * Outcomes: what the carrier's word (or its silence) makes of a record, and the attempt that says so.
 *
 * In: a link's events, by ticket. Out: attempts in the outbox, and records that go again. A record
 * is done when its attempt is durable; an attempt that the stream did not take is written again, for
 * as long as the process lives, since what it says has happened and cannot be asked for again.
 *
 * A long message has one outcome: SUBMITTED with the ids of its parts when all were taken; REFUSED
 * when none was; when some were, it is SUBMITTED (it was, and it costs), each part that was not has
 * an empty id and a RECEIPT of its own that says so, and the merge of receipts counts it.
 *
 * In doubt (at_least_once): IN_DOUBT is made durable, then the record is sent once more with the
 * next hop, so that its two attempts are told apart; doubt a second time ends it. An answer that
 * comes after all is told (late.ts), and what was not sent again by then is not.
 */
import { REASON, type ReasonName, STATE } from "../../core/message.js";
import {
  type DispatchedPolicy,
  FAILOVER_BIT,
  type FailoverOn,
  newDispatchedPolicy,
  readPolicy,
} from "../../core/outcome-policy.js";
import { DISPATCH } from "../../core/stream/fields.js";
import { fixed64Of, newFields, readFields, varintOf } from "../../core/stream/frame.js";
import type { Refusal } from "./attempts.js";
import { type Job, keepId, type Long, newLongs, RECORD } from "./job.js";
import type { Keeper } from "./kept.js";
import { openLate } from "./late.js";
import type { Submission } from "./link.js";
import { type Later, retryPlace } from "./retries.js";
import { openSettle, type SettleOptions } from "./settle.js";

/** A temporary refusal is tried again so much later, if its route does not say otherwise. */
const TRY_SECONDS: readonly number[] = [1, 2, 4];
const LONG_SECONDS_MAX = 2;
/** A longer pause leaves its frame: it must not keep a place that others wait for. */
const HERE_SECONDS_MAX = 5;

export interface OutcomesOptions extends Omit<SettleOptions, "submitted"> {
  readonly carrier: string;
  /** Where TLVs of answers are kept. */
  readonly keeper: Keeper | undefined;
  /** Chooses the carrier after this one for a refused record; undefined: none. */
  nextCarrier(job: Job, index: number): { carrier: string; place: number } | undefined;
  /** The refusal that names the next carrier is durable, in this frame. */
  failOver(
    job: Job,
    index: number,
    carrier: string,
    sequence: number,
    later: Later | undefined,
  ): void;
  /** The record is to be sent again, at once. */
  again(job: Job, index: number): void;
  /** A record of the job is done; perhaps all are. */
  recordDone(job: Job): void;
  /** Not acknowledged, and not given back or let go. */
  isOpen(job: Job): boolean;
}

export interface Outcomes {
  /** A new job's own part. */
  adopt(job: Job): void;
  /** Fills in what an earlier try of this record left. False: nothing of it is to be sent. */
  prepare(job: Job, index: number, submission: Submission): boolean;
  /** The link wrote these parts of it. */
  sent(job: Job, index: number, submission: Submission, written: number): void;
  accepted(
    job: Job,
    index: number,
    part: number,
    bytes: Uint8Array,
    at: number,
    end: number,
    bind: Uint8Array,
  ): void;
  returned(job: Job, index: number, part: number): void;
  refused(
    job: Job,
    index: number,
    part: number,
    status: number,
    temporary: boolean,
    bind: Uint8Array,
  ): void;
  /** `doubt` names it to `late`; 0: no answer can come. */
  doubted(job: Job, index: number, part: number, bind: Uint8Array, doubt: number): void;
  /** The answer to a part that was in doubt. */
  late(
    doubt: number,
    status: number,
    bytes: Uint8Array,
    at: number,
    end: number,
    bind: Uint8Array,
  ): void;
  /** Its validity has ended and it was not sent. */
  expired(job: Job, index: number): void;
  /** At most once, and somebody else said to submit it: it may have been, and is in doubt. */
  abandoned(job: Job, index: number): void;
  /** Its route's time to be submitted in is over, and another carrier tries. False: it is not. */
  timedOut(job: Job, index: number, nowMs: number): boolean;
  /** No carrier can take it: final. */
  impossible(job: Job, index: number): void;
  /** Answers whose attempt is not durable. */
  unrecorded(): number;
}

const NO_BIND = new Uint8Array(0);
const fields = newFields();
const policy = newDispatchedPolicy();

export function openOutcomes(options: OutcomesOptions): Outcomes {
  const { clock, keeper } = options;
  const longs = newLongs();
  const settle = openSettle({ ...options, submitted: done });
  const { carrier, memory, keys } = options;
  const late = openLate({ ...{ clock, carrier, memory, keys }, taken: takenLate });

  function done(job: Job, index: number): void {
    longs.close(job, index);
    job.status[index] = RECORD.done;
    job.left -= 1;
    options.recordDone(job);
  }

  // ---- refused, in doubt

  function refuse(job: Job, index: number, state: number, refusal: Refusal, later?: Later): void {
    settle.refused(job, index, state, refusal, (sequence) => {
      if (refusal.final) done(job, index);
      else options.failOver(job, index, refusal.nextCarrier, sequence, later);
    });
  }

  /** By the schedule of its route the same carrier tries again, in a frame that waits. */
  function retryLater(
    job: Job,
    index: number,
    status: number,
    bind: Uint8Array,
    on: FailoverOn,
    pauseSeconds: number,
  ): void {
    const fromMs = options.nowMs();
    const mayMove = (policyAt(job, index).failover & FAILOVER_BIT[on]) !== 0;
    const expiresAtMs = fixed64Of(job.bytes, fields, DISPATCH.expiresAtMs);
    if (fromMs + 1_000 * pauseSeconds >= expiresAtMs) {
      // Nobody need wait for the end of its validity to say that it would be over.
      if (mayMove && options.nextCarrier(job, index) !== undefined) {
        refusedByCarrier(job, index, status, bind, on);
      } else if (isDoubted(job, index)) endInDoubt(job, index);
      else refuseFinally(job, index, STATE.EXPIRED, "EXPIRED");
      return;
    }
    const nextPlace = retryPlace(job.lane, pauseSeconds);
    const refusal = { error: status, reason: "", final: false, nextCarrier: carrier, nextPlace };
    refuse(job, index, 0, { ...refusal, bind }, { pauseSeconds, fromMs });
  }

  function policyAt(job: Job, index: number): DispatchedPolicy {
    readFields(job.bytes, job.places[2 * index]!, job.places[2 * index + 1]!, fields);
    const at = fields[2 * DISPATCH.policy]!;
    readPolicy(job.bytes, at, at + fields[2 * DISPATCH.policy + 1]!, policy);
    return policy;
  }

  function refusedByCarrier(
    job: Job,
    index: number,
    status: number,
    bind: Uint8Array,
    on: FailoverOn = "refused",
  ): void {
    const mayMove = (policyAt(job, index).failover & FAILOVER_BIT[on]) !== 0;
    const next = mayMove ? options.nextCarrier(job, index) : undefined;
    refuse(job, index, next === undefined ? STATE.REJECTED : 0, {
      error: status,
      reason: "",
      final: next === undefined,
      nextCarrier: next?.carrier ?? "",
      nextPlace: next?.place ?? 0,
      bind,
    });
  }

  /** For a reason of ours: no other carrier would help. */
  function refuseFinally(job: Job, index: number, state: number, reason: ReasonName): void {
    const none = { nextCarrier: "", nextPlace: 0, bind: NO_BIND };
    refuse(job, index, state, { error: REASON[reason], reason, final: true, ...none });
  }

  /** It was in doubt once: whatever follows, it may have been delivered. */
  function isDoubted(job: Job, index: number): boolean {
    return (job.doubts?.[index] ?? 0) > 0;
  }

  function doubt(job: Job, index: number, bind: Uint8Array): void {
    settle.doubted(job, index, bind, () => {
      job.doubts ??= new Uint8Array(job.count);
      if (job.once) {
        endInDoubt(job, index);
      } else if (job.doubts[index] === 0) {
        job.doubts[index] = 1;
        sendAgain(job, index, bind);
      } else {
        endDoubt(job, index, bind);
      }
    });
  }

  function endInDoubt(job: Job, index: number): void {
    done(job, index);
    late.ended(job, index);
  }

  function sendAgain(job: Job, index: number, bind: Uint8Array): void {
    const long = job.longs?.get(index);
    // The answers to all parts in doubt came while the doubt was being stored.
    if (long !== undefined && long.waiting === 0) {
      job.status[index] = RECORD.flying;
      endLong(job, index, long, bind);
      return;
    }
    options.again(job, index);
    late.stored(job, index);
  }

  /** A part that is in doubt was taken, and perhaps it was not sent again yet. */
  function takenLate(
    job: Job,
    index: number,
    part: number,
    id: Uint8Array,
    bind: Uint8Array,
  ): boolean {
    const bit = 1 << part;
    const long = job.longs?.get(index);
    const isWaiting = job.status[index] === RECORD.waiting;
    if (!options.isOpen(job)) return false;
    if (long !== undefined) {
      if (((long.waiting | long.doubted) & bit) === 0) return false;
      long.waiting &= ~bit;
      long.doubted &= ~bit;
      long.accepted |= bit;
      keepId(long, part, id, 0, id.length);
      if (!isWaiting || long.waiting !== 0) return true;
      job.status[index] = RECORD.flying;
      endLong(job, index, long, bind);
      return true;
    }
    if (!isWaiting || job.doubts?.[index] !== 1) return false;
    // Its hop is that of the doubt.
    job.doubts[index] = 0;
    settle.submitted(job, index, id, 0, id.length, bind);
    return true;
  }

  // ---- long messages

  function submitLong(job: Job, index: number, long: Long, bind: Uint8Array): void {
    late.over(job, index);
    settle.longSubmitted(job, index, long, bind);
  }

  function endLong(job: Job, index: number, long: Long, bind: Uint8Array): void {
    if (long.flying !== 0 || long.delayed !== 0) return;
    if (long.paused !== 0) endPaused(job, index, long, bind);
    else if (job.once && long.doubted !== 0) {
      // What is in doubt is not sent again; what was never sent still is, and may make it whole.
      if (long.waiting !== 0) options.again(job, index);
      else if (long.accepted !== 0) submitLong(job, index, long, bind);
      else doubt(job, index, bind);
    } else if (long.doubted !== 0) {
      long.waiting |= long.doubted;
      long.doubted = 0;
      long.paid = false;
      doubt(job, index, bind);
    } else if (long.waiting !== 0) {
      options.again(job, index);
    } else if (long.accepted === 0) {
      const { status, expired } = long;
      longs.close(job, index);
      if (!expired) refusedByCarrier(job, index, status, bind);
      else if (isDoubted(job, index)) endInDoubt(job, index);
      else refuseFinally(job, index, STATE.EXPIRED, "EXPIRED");
    } else {
      submitLong(job, index, long, bind);
    }
  }

  /** Parts are to be tried again much later: all of it is, or soon what is left. */
  function endPaused(job: Job, index: number, long: Long, bind: Uint8Array): void {
    const { paused, pauseSeconds, status } = long;
    long.paused = 0;
    if ((long.accepted | long.doubted) === 0) {
      longs.close(job, index);
      retryLater(job, index, status, bind, long.pausedOn, pauseSeconds);
      return;
    }
    for (let part = 0; part < long.parts; part += 1) {
      if ((paused & (1 << part)) !== 0) {
        tryLater(job, index, part, long, job.tries![index]!, 1_000 * LONG_SECONDS_MAX);
      }
    }
  }

  /** A message of which parts are in doubt for the second time. */
  function endDoubt(job: Job, index: number, bind: Uint8Array): void {
    const long = job.longs?.get(index);
    if (long === undefined || long.accepted === 0) {
      endInDoubt(job, index);
      return;
    }
    long.refused |= long.waiting;
    long.waiting = 0;
    // The hop of its second doubt is taken: receipts would be joined to that.
    job.doubts![index] = 2;
    submitLong(job, index, long, bind);
  }

  return {
    adopt: settle.adopt,
    prepare(job, index, submission) {
      const long = job.longs?.get(index);
      submission.mask = long?.waiting ?? 0;
      submission.paid = long?.paid ?? false;
      submission.reference = long?.reference ?? -1;
      if (long === undefined || long.waiting !== 0) return true;
      job.status[index] = RECORD.flying;
      return false;
    },
    sent(job, index, submission, written) {
      job.status[index] = RECORD.flying;
      if (job.doubts?.[index] === 1) late.sentAgain(job, index);
      const { parts, reference } = submission;
      if (parts === 1) {
        job.flying += 1;
        return;
      }
      const long = job.longs?.get(index) ?? longs.open(job, index, parts, reference);
      for (let rest = written; rest !== 0; rest &= rest - 1) job.flying += 1;
      long.flying |= written;
      long.waiting &= ~written;
      long.paid = long.waiting !== 0;
      if (long.waiting !== 0) options.again(job, index);
    },
    accepted(job, index, part, bytes, at, end, bind) {
      job.flying -= 1;
      if (keeper !== undefined) keepTlvs(keeper, job, index, bytes, at, end);
      const long = job.longs?.get(index);
      if (long !== undefined) {
        long.flying &= ~(1 << part);
        long.accepted |= 1 << part;
        keepId(long, part, bytes, at, end);
        endLong(job, index, long, bind);
        return;
      }
      settle.submitted(job, index, bytes, at, end, bind);
    },
    returned(job, index, part) {
      job.flying -= 1;
      const long = job.longs?.get(index);
      if (long === undefined) {
        options.again(job, index);
        return;
      }
      long.flying &= ~(1 << part);
      long.waiting |= 1 << part;
      long.paid = false;
      endLong(job, index, long, NO_BIND);
    },
    refused(job, index, part, status, temporary, bind) {
      job.flying -= 1;
      const long = job.longs?.get(index);
      job.tries ??= new Uint8Array(job.count);
      const tries = job.tries[index]!;
      const { retryTemporarySeconds, retryRefusedSeconds } = policyAt(job, index);
      const pauses = temporary ? (retryTemporarySeconds ?? TRY_SECONDS) : retryRefusedSeconds;
      const pause = pauses?.[tries + varintOf(fields, DISPATCH.retries)];
      const on = temporary ? "temporary" : "refused";
      if (pause !== undefined && pause > HERE_SECONDS_MAX) {
        if (long === undefined) {
          retryLater(job, index, status, bind, on, pause);
          return;
        }
        long.flying &= ~(1 << part);
        long.paused |= 1 << part;
        long.pauseSeconds = pause;
        long.pausedOn = on;
        long.status = status;
        endLong(job, index, long, bind);
        return;
      }
      if (pause !== undefined) {
        // Of a message that the carrier has in part, soon: a stop waits for it, not for ever.
        const most = long === undefined ? pause : Math.min(pause, LONG_SECONDS_MAX);
        tryLater(job, index, part, long, tries, 1_000 * most);
        return;
      }
      if (long === undefined) {
        refusedByCarrier(job, index, status, bind, on);
        return;
      }
      // What was not sent yet need not be: the message cannot arrive whole.
      long.flying &= ~(1 << part);
      long.refused |= (1 << part) | long.waiting;
      long.waiting = 0;
      long.status = status;
      endLong(job, index, long, bind);
    },
    doubted(job, index, part, bind, doubtName) {
      job.flying -= 1;
      late.add(doubtName, job, index, part);
      const long = job.longs?.get(index);
      if (long === undefined) {
        doubt(job, index, bind);
        return;
      }
      long.flying &= ~(1 << part);
      long.doubted |= 1 << part;
      endLong(job, index, long, bind);
    },
    expired(job, index) {
      const long = job.longs?.get(index);
      // A part that is at the carrier is waited for, whatever is known of the others.
      if (
        long !== undefined &&
        ((long.accepted | long.flying | long.delayed) !== 0 || !isDoubted(job, index))
      ) {
        long.refused |= long.waiting;
        long.waiting = 0;
        long.expired = true;
        job.status[index] = RECORD.flying;
        endLong(job, index, long, NO_BIND);
      } else if (isDoubted(job, index)) {
        // It may have been delivered: what is known of it is the doubt.
        endInDoubt(job, index);
      } else {
        refuseFinally(job, index, STATE.EXPIRED, "EXPIRED");
      }
    },
    late: late.answer,
    abandoned(job, index) {
      doubt(job, index, NO_BIND);
    },
    timedOut(job, index, nowMs) {
      const { submitTimeoutMs } = policyAt(job, index);
      if (submitTimeoutMs === 0 || nowMs - job.causedAtMs <= submitTimeoutMs) return false;
      const tried = (job.tries?.[index] ?? 0) + (job.doubts?.[index] ?? 0);
      if (tried > 0 || job.longs?.has(index)) return false;
      const next = options.nextCarrier(job, index);
      if (next === undefined) return false;
      refuse(job, index, 0, {
        error: REASON.NOT_SUBMITTED,
        reason: "NOT_SUBMITTED",
        final: false,
        nextCarrier: next.carrier,
        nextPlace: next.place,
        bind: NO_BIND,
      });
      return true;
    },
    impossible(job, index) {
      // Whatever a carrier would answer: no PDU can be made of this record.
      refuseFinally(job, index, STATE.REJECTED, "INTERNAL");
    },
    unrecorded: settle.unrecorded,
  };

  function tryLater(
    job: Job,
    index: number,
    part: number,
    long: Long | undefined,
    tries: number,
    pauseMs: number,
  ): void {
    job.tries![index] = tries + 1;
    job.delayed += 1;
    if (long !== undefined) {
      long.flying &= ~(1 << part);
      long.delayed |= 1 << part;
    }
    clock.after(pauseMs, () => {
      job.delayed -= 1;
      if (long !== undefined) {
        long.delayed &= ~(1 << part);
        long.waiting |= 1 << part;
        long.paid = false;
      }
      options.again(job, index);
    });
  }
}

/** Adds what is kept of an answer to that of the message's other parts. */
function keepTlvs(
  keeper: Keeper,
  job: Job,
  index: number,
  bytes: Uint8Array,
  at: number,
  end: number,
): void {
  const kept = keeper.readAnswer(bytes, at, end);
  if (kept.length === 0) return;
  job.kept ??= new Map();
  const before = job.kept.get(index);
  // The parts of one message mostly say the same.
  if (before !== undefined && Buffer.compare(before, kept) === 0) return;
  const all = before === undefined ? kept : Buffer.concat([before, Buffer.from("\n"), kept]);
  job.kept.set(index, all);
}
