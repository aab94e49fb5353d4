/**
 * Operators: they give and take money by hand, ask again under the same reference when they were not
 * answered, and now and then repeat what is done, or use a reference for something else. What they
 * were told is what the ledger is held to.
 */
import type { Chance, Clock } from "../../core/clock.js";
import { isFloeError } from "../../core/errors.js";
import type { Owners } from "../../core/owners.js";
import { CreditOutcome, type OwnerAnswer } from "../../core/proto/floe/v1/owner.js";
import {
  SETTLEMENT_CREDIT,
  SETTLEMENT_DEBIT,
  SETTLEMENT_TOP_UP,
} from "../../core/stream/fields.js";
import { ACCOUNTS } from "./accounts.js";

/** What was asked for under a reference, and what was told of it. */
export interface Asked {
  readonly account: number;
  readonly kind: number;
  readonly amountMicros: bigint;
  readonly reference: string;
  /** 0: nobody was told that it is done. */
  ledgerSequence: bigint;
  balanceAfterMicros: bigint;
}

export interface Operators {
  /** Somebody has something to do. */
  act(): void;
  /** Gives every account its first money. */
  begin(amountMicrosMax: number): void;
  busy(): number;
  readonly asked: ReadonlyMap<string, Asked>;
  /** Answers that may never be given. */
  readonly wrongs: readonly string[];
}

const TRIES_MAX = 8;
const KINDS = [SETTLEMENT_TOP_UP, SETTLEMENT_CREDIT, SETTLEMENT_DEBIT] as const;
const { CREDIT_OUTCOME_DONE, CREDIT_OUTCOME_REPEATED, CREDIT_OUTCOME_CONFLICT } = CreditOutcome;

export function openOperators(clock: Clock, chance: Chance, owners: Owners): Operators {
  const asked = new Map<string, Asked>();
  const wrongs: string[] = [];
  let busy = 0;

  const pick = <T>(all: readonly T[]): T => all[Math.floor(chance() * all.length)]!;

  function ask(one: Asked, answered: (answer: OwnerAnswer) => void, tries = 1): void {
    const { account, kind, amountMicros, reference } = one;
    const credit = { kind, amountMicros, reference, currency: "EUR", note: "by hand" } as const;
    busy += 1;
    owners.ask({ account, credit: { ...credit, kind: kind as never } }).then(
      (answer) => {
        busy -= 1;
        answered(answer);
      },
      (error: unknown) => {
        busy -= 1;
        if (!isFloeError(error, "stream.unavailable")) throw error;
        if (tries < TRIES_MAX) clock.after(1_000, () => ask(one, answered, tries + 1));
      },
    );
  }

  /** @param outcomes that may be. */
  function told(one: Asked, answer: OwnerAnswer, outcomes: readonly number[]): void {
    const { ledgerSequence, balanceAfterMicros, outcome } = answer;
    const where = `${one.account}/${one.reference}`;
    if (!outcomes.includes(outcome)) wrongs.push(`credit ${where} was answered by ${outcome}`);
    if (one.ledgerSequence === 0n) {
      one.ledgerSequence = ledgerSequence;
      one.balanceAfterMicros = balanceAfterMicros;
    }
    const same =
      one.ledgerSequence === ledgerSequence && one.balanceAfterMicros === balanceAfterMicros;
    if (!same) wrongs.push(`credit ${where} was told as two`);
  }

  function give(account: number, kind: number, amountMicros: bigint): void {
    const reference = `ref-${asked.size + 1}`;
    const one = { account, kind, amountMicros, reference, ledgerSequence: 0n };
    const entry: Asked = { ...one, balanceAfterMicros: 0n };
    asked.set(`${account}/${reference}`, entry);
    // A try that was not answered may have been the one that did it.
    ask(entry, (answer) => told(entry, answer, [CREDIT_OUTCOME_DONE, CREDIT_OUTCOME_REPEATED]));
  }

  return {
    act() {
      const known = [...asked.values()].filter(({ ledgerSequence }) => ledgerSequence > 0n);
      const luck = chance();
      if (known.length === 0 || luck < 0.7) {
        give(pick(ACCOUNTS), pick(KINDS), BigInt(1 + Math.floor(chance() * 300_000)));
      } else if (luck < 0.9) {
        const one = pick(known);
        ask(one, (answer) => told(one, answer, [CREDIT_OUTCOME_REPEATED]));
      } else {
        const one = pick(known);
        const other = { ...one, amountMicros: one.amountMicros + 1n };
        ask(other, (answer) => told(one, answer, [CREDIT_OUTCOME_CONFLICT]));
      }
    },
    begin(amountMicrosMax) {
      for (const account of ACCOUNTS) {
        give(account, SETTLEMENT_TOP_UP, BigInt(1 + Math.floor(chance() * amountMicrosMax)));
      }
    },
    busy: () => busy,
    asked,
    wrongs,
  };
}
