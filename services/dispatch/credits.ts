/**
 * Credits: money that is given or taken by hand, and questions about balances, asked of the owner.
 *
 * In: floe.v1.OwnerQuestion. Out: floe.v1.OwnerAnswer, and for a credit first a ledger record in the
 * next decision frame: nobody is answered before that is appended, and if it is not, nobody is, asks
 * again, and is told by the reference whether it was done.
 */
import type { Clock } from "../../core/clock.js";
import { FloeError } from "../../core/errors.js";
import { acceptedDay } from "../../core/message.js";
import {
  type Credit,
  CreditOutcome,
  OwnedBalance,
  OwnerAnswer,
  OwnerQuestion,
} from "../../core/proto/floe/v1/owner.js";
import {
  DECISION_FRAME,
  SETTLEMENT,
  SETTLEMENT_CREDIT,
  SETTLEMENT_DEBIT,
  SETTLEMENT_TOP_UP,
} from "../../core/stream/fields.js";
import {
  beginNested,
  endNested,
  type FrameWriter,
  putBytes,
  putFixed32,
  putFixed64,
  putFixed64Halves,
  putText,
} from "../../core/stream/frame.js";
import { monthOf } from "./months.js";
import { applyCredit, type PartitionState } from "./state.js";

export interface Credits {
  /** Answers one question; rejects if it was not done for sure, or that is unknown. */
  answer(question: Uint8Array): Promise<Uint8Array>;
  /** Credits that wait for a turn, and since when (monotonic) the oldest does. */
  waiting(): number;
  sinceMs(): number;
  /** Applies what waits and appends records to `writer`. Returns how many. */
  settle(writer: FrameWriter, decidedAtMs: number): number;
  /** What was settled is in the log. */
  appended(): void;
  /** Nothing more is: who waits is told nothing. */
  stop(): void;
}

export interface CreditsOptions {
  readonly partition: number;
  readonly epoch: number;
  readonly state: PartitionState;
  readonly clock: Clock;
  /** Whether the account lives in this partition. */
  arrived(): void;
  /** Runs it when no turn is under way. */
  between<T>(run: () => T): Promise<T>;
}

/** Of one turn: 40 KB of records. */
const TURN_MAX = 100;
const WAITING_MAX = 10_000;
const REFERENCE_BYTES_MAX = 64;
const NOTE_BYTES_MAX = 200;
const NO_MESSAGE = new Uint8Array(16);

interface Waiting {
  readonly account: number;
  readonly credit: Credit;
  readonly sinceMs: number;
  resolve(answer: Uint8Array): void;
  reject(error: unknown): void;
  answer: OwnerAnswer | undefined;
}

export function openCredits(options: CreditsOptions): Credits {
  const { partition, epoch, state, clock } = options;
  let queue: Waiting[] = [];
  let settling: Waiting[] = [];
  let stopped = false;

  function balanceOf(account: number): OwnedBalance | undefined {
    const place = state.accounts.find(account);
    if (place < 0) return OwnedBalance.fromPartial({});
    const { accounts } = state;
    const { creditedMicros, committedMicros, reservedMicros } = accounts.sums(place);
    const nowMs = clock.nowMs();
    const { dayMicros, monthMicros } = accounts.spent(place, acceptedDay(nowMs), monthOf(nowMs));
    return {
      creditedMicros,
      committedMicros,
      reservedMicros,
      outstanding: accounts.outstanding(place),
      spentDayMicros: dayMicros,
      spentMonthMicros: monthMicros,
      ledgerSequence: BigInt(accounts.ledgerSequence(place)),
    };
  }

  function answerOf(account: number, more: Partial<OwnerAnswer>): OwnerAnswer {
    return OwnerAnswer.fromPartial({
      epoch: BigInt(epoch),
      sequence: BigInt(state.sequence),
      balance: balanceOf(account),
      ...more,
    });
  }

  /** Does what is asked, unless it was done before or cannot be. */
  function settleOne(writer: FrameWriter, account: number, credit: Credit, nowMs: number) {
    const { accounts, references } = state;
    const { kind, reference, note, currency } = credit;
    const amountMicros = Number(credit.amountMicros);
    const known = references.find(account, reference);
    if (known !== undefined) {
      const isSame = known.kind === kind && known.amountMicros === amountMicros;
      return {
        outcome: isSame
          ? CreditOutcome.CREDIT_OUTCOME_REPEATED
          : CreditOutcome.CREDIT_OUTCOME_CONFLICT,
        ledgerSequence: BigInt(known.ledgerSequence),
        atMs: BigInt(known.atMs),
        balanceAfterMicros: BigInt(known.bookHigh) * 2n ** 32n + BigInt(known.bookLow),
      };
    }
    if (!references.room()) return { outcome: CreditOutcome.CREDIT_OUTCOME_FULL };
    const place = accounts.place(account);
    if (!accounts.fits(place, amountMicros))
      return { outcome: CreditOutcome.CREDIT_OUTCOME_OVERFLOW };
    const ledgerSequence = applyCredit(state, {
      account,
      kind,
      amountMicros,
      reference,
      atMs: nowMs,
      decidedAtMs: nowMs,
    });
    const [bookLow, bookHigh] = [accounts.bookLow(place), accounts.bookHigh(place)];
    const mark = beginNested(writer, DECISION_FRAME.settlements);
    putBytes(writer, SETTLEMENT.messageId, NO_MESSAGE);
    putFixed64(writer, SETTLEMENT.acceptedAtMs, nowMs);
    putFixed32(writer, SETTLEMENT.account, account);
    putFixed32(writer, SETTLEMENT.kind, kind);
    putFixed64(writer, SETTLEMENT.amountMicros, amountMicros);
    putFixed64(writer, SETTLEMENT.ledgerSequence, ledgerSequence);
    putFixed64(writer, SETTLEMENT.atMs, nowMs);
    putText(writer, SETTLEMENT.currency, currency);
    putFixed64Halves(writer, SETTLEMENT.balanceAfterMicros, bookLow, bookHigh);
    putText(writer, SETTLEMENT.reference, reference);
    putText(writer, SETTLEMENT.note, note);
    endNested(writer, mark);
    return {
      outcome: CreditOutcome.CREDIT_OUTCOME_DONE,
      ledgerSequence: BigInt(ledgerSequence),
      atMs: BigInt(nowMs),
      balanceAfterMicros: BigInt(bookHigh) * 2n ** 32n + BigInt(bookLow),
    };
  }

  return {
    async answer(bytes) {
      const { account, credit } = OwnerQuestion.decode(bytes);
      if (credit === undefined) {
        const told = await options.between(() => answerOf(account, {}));
        return OwnerAnswer.encode(told).finish();
      }
      if (!isSound(account, credit)) {
        const outcome = CreditOutcome.CREDIT_OUTCOME_INVALID;
        return OwnerAnswer.encode(OwnerAnswer.fromPartial({ outcome })).finish();
      }
      if (stopped || queue.length >= WAITING_MAX) {
        throw new FloeError("stream.unavailable", { partition });
      }
      return await new Promise((resolve, reject) => {
        const sinceMs = clock.monotonicMs();
        queue.push({ account, credit, sinceMs, resolve, reject, answer: undefined });
        options.arrived();
      });
    },
    waiting: () => queue.length,
    sinceMs: () => queue[0]?.sinceMs ?? Number.POSITIVE_INFINITY,
    settle(writer, decidedAtMs) {
      settling = queue.slice(0, TURN_MAX);
      queue = queue.slice(settling.length);
      let count = 0;
      for (const one of settling) {
        const done = settleOne(writer, one.account, one.credit, decidedAtMs);
        if (done.outcome === CreditOutcome.CREDIT_OUTCOME_DONE) count += 1;
        one.answer = answerOf(one.account, done);
      }
      return count;
    },
    appended() {
      for (const { resolve, answer } of settling) resolve(OwnerAnswer.encode(answer!).finish());
      settling = [];
    },
    stop() {
      stopped = true;
      const error = new FloeError("stream.unavailable", { partition });
      for (const { reject } of [...settling, ...queue]) reject(error);
      settling = [];
      queue = [];
    },
  };
}

function isSound(account: number, { kind, amountMicros, reference, note }: Credit): boolean {
  const kinds: readonly number[] = [SETTLEMENT_TOP_UP, SETTLEMENT_CREDIT, SETTLEMENT_DEBIT];
  const referenceBytes = Buffer.byteLength(reference);
  return (
    account > 0 &&
    kinds.includes(kind) &&
    amountMicros > 0n &&
    amountMicros <= BigInt(Number.MAX_SAFE_INTEGER) &&
    referenceBytes > 0 &&
    referenceBytes <= REFERENCE_BYTES_MAX &&
    Buffer.byteLength(note) <= NOTE_BYTES_MAX
  );
}
