/** Unit tests of money by hand: answered after the append, once for each reference, kept for months. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { SettlementKind } from "../../../core/proto/floe/v1/frames.js";
import { CreditOutcome, OwnerAnswer, OwnerQuestion } from "../../../core/proto/floe/v1/owner.js";
import { SETTLEMENT_TOP_UP } from "../../../core/stream/fields.js";
import { ownerSubject } from "../../../core/subjects.js";
import { openReferences, type Referred } from "../../../services/dispatch/references.js";
import { openStage, type Stage } from "./stage.js";

const credits = suite("credits");

function ask(stage: Stage, account: number, amountMicros?: number, reference = "r", kind = 4) {
  const credit =
    amountMicros === undefined
      ? undefined
      : {
          kind: kind as SettlementKind,
          amountMicros: BigInt(amountMicros),
          currency: "EUR",
          reference,
          note: "n",
        };
  const question = OwnerQuestion.encode({ account, credit }).finish();
  return stage
    .run(stage.client.ask(ownerSubject(0), question, 5_000))
    .then((bytes) => OwnerAnswer.decode(bytes));
}

credits("are answered once they are in the log, and a repeat as they were", async () => {
  const stage = await openStage();
  const first = await stage.own();
  const done = await ask(stage, 7, 1_000);
  assert.is(done.outcome, CreditOutcome.CREDIT_OUTCOME_DONE);
  const [settlement] = stage.decisions().at(-1)!.settlements;
  assert.is(settlement!.kind, SETTLEMENT_TOP_UP);
  assert.is(settlement!.balanceAfterMicros, 1_000n);
  assert.equal([settlement!.reference, settlement!.note], ["r", "n"]);
  assert.is(
    (await ask(stage, 7, 300, "s", SettlementKind.SETTLEMENT_KIND_DEBIT)).ledgerSequence,
    2n,
  );
  const frames = stage.decisions().length;
  // Another owner, from the log.
  first.kill();
  await stage.own();
  const repeated = await ask(stage, 7, 1_000);
  assert.is(repeated.outcome, CreditOutcome.CREDIT_OUTCOME_REPEATED);
  assert.is(repeated.ledgerSequence, 1n);
  assert.is(repeated.balanceAfterMicros, 1_000n);
  assert.is(repeated.atMs, done.atMs);
  assert.is(repeated.balance!.creditedMicros - repeated.balance!.committedMicros, 700n);
  assert.is((await ask(stage, 7, 999)).outcome, CreditOutcome.CREDIT_OUTCOME_CONFLICT);
  assert.is((await ask(stage, 8, 999)).outcome, CreditOutcome.CREDIT_OUTCOME_DONE);
  assert.is(stage.decisions().length, frames + 1);
});

credits("tell of an account that was never seen, and keep none of it", async () => {
  const stage = await openStage();
  const { owner } = await stage.own();
  const { balance } = await ask(stage, 99);
  assert.equal([balance!.creditedMicros, balance!.ledgerSequence], [0n, 0n]);
  assert.is(owner.partitions()[0]!.state.accounts.find(99), -1);
});

credits("refuse what makes no sense", async () => {
  const stage = await openStage();
  await stage.own();
  const outcome = async (...given: [number, string?, number?]) =>
    (await ask(stage, 7, ...given)).outcome;
  const { CREDIT_OUTCOME_INVALID: invalid } = CreditOutcome;
  assert.is(await outcome(0), invalid);
  assert.is(await outcome(5, ""), invalid);
  assert.is(await outcome(5, "x".repeat(65)), invalid);
  assert.is(await outcome(5, "r", 1), invalid);
  assert.is(stage.decisions().length, 0);
});

credits("are not answered where nobody owns the account", async () => {
  const stage = await openStage();
  const question = OwnerQuestion.encode({ account: 7, credit: undefined }).finish();
  const asked = stage.run(stage.client.ask(ownerSubject(0), question, 500));
  const told = await asked.then(
    () => "answered",
    (error: unknown) => String(error),
  );
  assert.match(told, "stream.unavailable");
});

const ENTRY: Referred = {
  kind: 4,
  amountMicros: 2 ** 53 - 1,
  ledgerSequence: 2 ** 40 + 3,
  atMs: 1_795_521_600_123,
  bookLow: 0xffff_fff0,
  bookHigh: -3,
};

credits("keep references for three months and more, and drop them by the log alone", () => {
  const references = openReferences();
  references.add(7, "a", 100, ENTRY);
  assert.equal(references.find(7, "a"), ENTRY);
  assert.is(references.find(8, "a"), undefined);
  references.add(7, "b", 103, ENTRY);
  assert.equal(references.find(7, "a"), ENTRY);
  references.add(7, "c", 104, ENTRY);
  assert.is(references.find(7, "a"), undefined);
  assert.equal(references.generations(), [
    { month: 103, count: 1 },
    { month: 104, count: 1 },
  ]);
});

credits("give references back from their parts, and refuse more than there is room for", () => {
  const references = openReferences(500);
  for (let one = 0; one < 500; one += 1) references.add(one % 9, `r-${one}`, 100, ENTRY);
  assert.not.ok(references.room());
  const again = openReferences();
  again.restore(100, references.dump(100));
  assert.is(again.count(), 500);
  for (let one = 0; one < 500; one += 1) assert.equal(again.find(one % 9, `r-${one}`), ENTRY);
});

credits.run();
