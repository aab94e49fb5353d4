/**
 * Owners: asks the process that owns an account about its money (core/subjects.ts, ownerSubject).
 *
 * An owner may be between two processes for some seconds: it is asked again until time is up. That is
 * safe for credits too, because the owner knows them by their references.
 */
import { type Clock, sleep } from "./clock.js";
import { type AccountConfig, parsePartitions } from "./configuration.js";
import { FloeError, isFloeError } from "./errors.js";
import { partitionOf } from "./message.js";
import { formatMicros } from "./money.js";
import type { Balance } from "./proto/floe/v1/accounts.js";
import {
  type OwnedBalance,
  OwnerAnswer,
  OwnerQuestion,
  type OwnerQuestion as Question,
} from "./proto/floe/v1/owner.js";
import type { StreamClient } from "./stream/stream.js";
import { BUCKETS, ownerSubject } from "./subjects.js";

export interface Owners {
  /** @throws FloeError "stream.unavailable": no owner answered in time; done or not is unknown. */
  ask(question: Question): Promise<OwnerAnswer>;
}

const TRY_MS = 2_000;
const PAUSE_MS = 200;

/** @param giveUpMs after which it is told that no owner answered. */
export function openOwners(client: StreamClient, clock: Clock, giveUpMs: number): Owners {
  let partitions: Promise<number> | undefined;

  async function count(): Promise<number> {
    const entry = await (await client.bucket(BUCKETS.config)).get("partitions");
    if (entry === undefined)
      throw new FloeError("stream.unavailable", { problem: "no partitions" });
    return parsePartitions(entry.value).count;
  }

  return {
    async ask(question) {
      // Fixed at the first start.
      partitions ??= count();
      const all = await partitions.catch((error: unknown) => {
        partitions = undefined;
        throw error;
      });
      const subject = ownerSubject(partitionOf(question.account, all));
      const bytes = OwnerQuestion.encode(question).finish();
      const endMs = clock.monotonicMs() + giveUpMs;
      for (;;) {
        const leftMs = endMs - clock.monotonicMs();
        try {
          return OwnerAnswer.decode(await client.ask(subject, bytes, Math.min(TRY_MS, leftMs)));
        } catch (error) {
          if (!isFloeError(error, "stream.unavailable")) throw error;
          if (endMs - clock.monotonicMs() <= PAUSE_MS) throw error;
        }
        await sleep(clock, PAUSE_MS);
      }
    },
  };
}

/** What an owner told of an account's money, as the API tells it. */
export function balanceMessage(terms: AccountConfig, owned: OwnedBalance): Balance {
  const { creditedMicros, committedMicros, reservedMicros } = owned;
  const bookMicros = creditedMicros - committedMicros;
  const limitMicros = terms.payment === "prepaid" ? 0 : terms.creditLimitMicros;
  return {
    account: terms.account,
    currency: terms.currency ?? "",
    balance: formatMicros(bookMicros),
    reserved: formatMicros(reservedMicros),
    outstanding: owned.outstanding,
    available:
      limitMicros === undefined
        ? ""
        : formatMicros(bookMicros - reservedMicros + BigInt(limitMicros)),
    credited: formatMicros(creditedMicros),
    charged: formatMicros(committedMicros),
    spentDay: formatMicros(owned.spentDayMicros),
    spentMonth: formatMicros(owned.spentMonthMicros),
    ledgerSequence: owned.ledgerSequence,
  };
}
