/**
 * Late: what an answer that came after its response timer makes of a message that is in doubt.
 *
 * In: the doubts that the link told, by their names, and the late answers to them. Out: SUBMITTED for
 * the hop that was in doubt, so that its receipts are joined and its money is committed; or REFUSED,
 * which is final only if nothing of the message is left that might be at the carrier. Where a second
 * try was not sent yet, it is not needed any more (outcomes.ts). No frame is kept: what an attempt
 * says of its message is copied when the doubt begins, and the oldest of too many are forgotten.
 */
import type { Clock } from "../../core/clock.js";
import { STATE } from "../../core/message.js";
import { counter } from "../../core/metrics.js";
import { ATTEMPT_REFUSED, ATTEMPT_SUBMITTED } from "../../core/stream/fields.js";
import type { FrameWriter } from "../../core/stream/frame.js";
import type { PublishAck } from "../../core/stream/stream.js";
import {
  ATTEMPT_BYTES,
  type AttemptKeys,
  type AttemptStart,
  newAttemptStart,
  putBind,
  putCarrierId,
  putRefusal,
  putStart,
  putToken,
} from "./attempts.js";
import { type Job, LONG_ID_BYTES } from "./job.js";
import { beginRemembered, type Memory, newRemembered, REFUSED_LATE } from "./memory.js";
import { newRecordHead, readHead, START_BYTES } from "./record.js";

/** Doubts whose answer is still waited for. About 300 bytes each. */
const DOUBTS_MAX = 20_000;
/** The parts of a long message are told together, or so long after the first. */
const PARTS_MS = 30_000;
const WRITE_AFTER_MS = 1_000;

const lateTotal = counter(
  "floe_connector_late_answers_total",
  "Answers that came after their response timer, by what they changed.",
  ["carrier", "result"],
);

export interface LateOptions {
  readonly clock: Clock;
  readonly carrier: string;
  readonly memory: Memory;
  readonly keys: AttemptKeys;
  /**
   * A part was taken whose record waits to be sent again.
   * @returns false: it does not wait any more.
   */
  taken(job: Job, index: number, part: number, id: Uint8Array, bind: Uint8Array): boolean;
}

export interface Late {
  /** A part of the record is in doubt, by this name; 0: its answer cannot come. */
  add(doubt: number, job: Job, index: number, part: number): void;
  /** The record's IN_DOUBT is stored, and it is to be sent again. */
  stored(job: Job, index: number): void;
  /** It is being sent again. */
  sentAgain(job: Job, index: number): void;
  /** The doubt is its last word. */
  ended(job: Job, index: number): void;
  /** It got an attempt that says more. */
  over(job: Job, index: number): void;
  answer(
    doubt: number,
    status: number,
    bytes: Uint8Array,
    at: number,
    end: number,
    bind: Uint8Array,
  ): void;
}

/** One hop of a record that is in doubt. */
interface Doubted {
  readonly job: WeakRef<Job>;
  readonly index: number;
  readonly partition: number;
  readonly hop: number;
  /** Fields 1 to 3, and the token behind them. */
  readonly start: Uint8Array;
  readonly hasToken: boolean;
  readonly parts: number;
  /** The doubt before this one; `isKnown`: there is none, or it is here. */
  readonly before: Doubted | undefined;
  after: Doubted | undefined;
  readonly isKnown: boolean;
  phase: "open" | "waiting" | "again" | "ended" | "over";
  /** Nothing of the record is sent any more, here or elsewhere. */
  isLast: boolean;
  /** A bit for each part. */
  asked: number;
  taken: number;
  refused: number;
  status: number;
  bind: Uint8Array;
  readonly ids: Uint8Array[];
  cancel: (() => void) | undefined;
}

export function openLate(options: LateOptions): Late {
  const { clock, memory, keys } = options;
  const takenTotal = lateTotal.labels(options.carrier, "taken");
  const refusedTotal = lateTotal.labels(options.carrier, "refused");
  const unusedTotal = lateTotal.labels(options.carrier, "unused");
  const doubts = new Map<number, { readonly one: Doubted; readonly part: number }>();
  const ofJobs = new WeakMap<Job, Map<number, Doubted>>();
  const head = newRecordHead();
  const start = newAttemptStart();
  const remembered = newRemembered();

  const find = (job: Job, index: number): Doubted | undefined => ofJobs.get(job)?.get(index);

  function open(job: Job, index: number): Doubted | undefined {
    const before = find(job, index);
    if (before?.phase === "open") return before;
    if (!readHead(job.bytes, job.places[2 * index]!, job.places[2 * index + 1]!, head)) {
      return undefined;
    }
    const copied = new Uint8Array(START_BYTES + 16);
    copied.set(head.bytes.subarray(head.startAt, head.startAt + START_BYTES));
    const hasToken = head.tokenAt >= 0;
    if (hasToken) {
      copied.set(job.bytes.subarray(head.tokenAt, head.tokenAt + 16), START_BYTES);
    }
    const times = job.doubts?.[index] ?? 0;
    const one: Doubted = {
      ...{ job: new WeakRef(job), index, partition: job.partition, hop: head.hop + times },
      ...{ start: copied, hasToken, parts: job.longs?.get(index)?.parts ?? 1 },
      ...{ before, after: undefined, isKnown: times === 0 || before !== undefined },
      ...{ phase: "open", isLast: false, asked: 0, taken: 0, refused: 0, status: 0 },
      ...{ bind: new Uint8Array(0), ids: [], cancel: undefined },
    };
    if (before !== undefined) before.after = one;
    const ofJob = ofJobs.get(job) ?? new Map<number, Doubted>();
    ofJob.set(index, one);
    ofJobs.set(job, ofJob);
    return one;
  }

  /** Does what its answers allow, now or when it has come so far. */
  function decide(one: Doubted): void {
    if (one.phase === "open" || one.phase === "over") return;
    if (one.phase === "waiting") {
      const job = one.job.deref();
      if (one.parts > 1 || one.taken === 0) return;
      if (job !== undefined && options.taken(job, one.index, 0, one.ids[0]!, one.bind)) {
        one.phase = "over";
        return;
      }
    }
    if (one.parts > 1) decideLong(one);
    else if (one.taken !== 0) submitted(one);
    else if (one.refused !== 0) refused(one);
  }

  /** Of parts that were sent again one by one, nobody could say which answer is which. */
  function decideLong(one: Doubted): void {
    if (one.phase !== "ended") return;
    const isWhole = (one.taken | one.refused) === one.asked;
    if (isWhole) {
      one.cancel?.();
      if (one.taken !== 0) submitted(one);
      else refused(one);
    } else if (one.taken !== 0) {
      one.cancel ??= clock.after(PARTS_MS, () => {
        if (one.phase === "ended") submitted(one);
      });
    }
  }

  function startOf(one: Doubted, kind: number, state: number): AttemptStart {
    start.bytes = one.start;
    start.startAt = 0;
    start.token = one.start;
    start.tokenAt = one.hasToken ? START_BYTES : -1;
    start.kind = kind;
    start.hop = one.hop;
    start.atMs = clock.nowMs();
    start.state = state;
    return start;
  }

  function remember(one: Doubted, kind: number, parts: number): void {
    remembered.bytes = one.start;
    remembered.startAt = 0;
    remembered.token = one.start;
    remembered.tokenAt = one.hasToken ? START_BYTES : -1;
    beginRemembered(remembered, kind, one.partition, one.hop, parts);
    memory.together(parts, clock.nowMs());
  }

  function submitted(one: Doubted): void {
    one.phase = "over";
    remember(one, ATTEMPT_SUBMITTED, one.parts);
    const noId = new Uint8Array(0);
    for (let part = 0; part < one.parts; part += 1) {
      remembered.part = part + 1;
      remembered.carrierId = one.ids[part] ?? noId;
      remembered.carrierIdEnd = remembered.carrierId.length;
      memory.add(remembered);
    }
    write(one, (writer) => {
      putStart(writer, startOf(one, ATTEMPT_SUBMITTED, STATE.SUBMITTED));
      for (let part = 0; part < one.parts; part += 1) {
        const id = one.ids[part] ?? noId;
        putCarrierId(writer, id, 0, id.length);
      }
      putToken(writer, start);
      putBind(writer, one.bind);
    });
  }

  function refused(one: Doubted): void {
    const final = isRefused(one) && (one.after ?? one).isLast;
    one.phase = "over";
    write(
      one,
      (writer) => {
        putStart(writer, startOf(one, ATTEMPT_REFUSED, final ? STATE.REJECTED : 0));
        putToken(writer, start);
        const none = { reason: "", nextCarrier: "", nextPlace: 0 };
        putRefusal(writer, { error: one.status, final, ...none, bind: one.bind });
      },
      ({ sequence }) => {
        remember(one, ATTEMPT_REFUSED, 1);
        remembered.partState = final ? 1 : REFUSED_LATE;
        remembered.sequence = sequence;
        memory.add(remembered);
      },
    );
  }

  function write(
    one: Doubted,
    put: (into: FrameWriter) => void,
    then: (ack: PublishAck) => void = () => {},
  ): void {
    const key = keys.of(one.partition);
    const writer = key.begin(2 * ATTEMPT_BYTES + one.parts * (LONG_ID_BYTES + 2));
    const later = (): void => void clock.after(WRITE_AFTER_MS, () => write(one, put, then));
    if (writer === undefined) {
      later();
      return;
    }
    put(writer);
    key.end((error, ack) => {
      if (error === undefined && ack !== undefined) then(ack);
      else later();
    }, true);
  }

  function enter(job: Job, index: number, phase: Doubted["phase"]): void {
    const one = find(job, index);
    if (one === undefined || one.phase === "over") return;
    one.phase = phase;
    one.isLast ||= phase === "ended";
    decide(one);
  }

  return {
    add(doubt, job, index, part) {
      const one = open(job, index);
      if (one === undefined) return;
      // Without a name it stays in doubt for ever, and so does the whole.
      one.asked |= 1 << part;
      if (doubt === 0) return;
      doubts.set(doubt, { one, part });
      if (doubts.size > DOUBTS_MAX) doubts.delete(doubts.keys().next().value!);
    },
    stored: (job, index) => enter(job, index, "waiting"),
    sentAgain: (job, index) => enter(job, index, "again"),
    ended: (job, index) => enter(job, index, "ended"),
    over: (job, index) => enter(job, index, "over"),
    answer(doubt, status, bytes, at, end, bind) {
      const found = doubts.get(doubt);
      doubts.delete(doubt);
      if (found === undefined || found.one.phase === "over") {
        unusedTotal.inc();
        return;
      }
      const { one, part } = found;
      one.bind = bind;
      if (status === 0) {
        takenTotal.inc();
        one.taken |= 1 << part;
        one.ids[part] = bytes.slice(at, Math.min(end, at + LONG_ID_BYTES));
      } else {
        refusedTotal.inc();
        one.refused |= 1 << part;
        one.status = status;
      }
      const job = one.job.deref();
      const isHere = one.phase === "open" || one.phase === "waiting";
      if (status === 0 && one.parts > 1 && isHere && job !== undefined) {
        if (options.taken(job, one.index, part, one.ids[part]!, bind)) return;
      }
      decide(one);
    },
  };
}

/** Whether the carrier refused it each time that it was sent. */
function isRefused({ before, after, isKnown, ...one }: Doubted): boolean {
  const wholly = ({ refused, asked, taken }: Pick<Doubted, "refused" | "asked" | "taken">) =>
    taken === 0 && refused === asked && asked !== 0;
  if (!isKnown || !wholly(one)) return false;
  return (before === undefined || wholly(before)) && (after === undefined || wholly(after));
}
