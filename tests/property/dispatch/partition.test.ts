/**
 * Property: whatever is lost, repeated, late or killed, every accepted message gets exactly one
 * verdict, every charge is made once, and ledgers have no gap.
 */
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { STATE } from "../../../core/message.js";
import {
  SETTLEMENT_ADJUST,
  SETTLEMENT_COMMIT,
  SETTLEMENT_CREDIT,
  SETTLEMENT_DEBIT,
  SETTLEMENT_RELEASE,
  SETTLEMENT_TOP_UP,
} from "../../../core/stream/fields.js";
import { applyFrame, openState } from "../../../services/dispatch/state.js";
import {
  dump,
  LIMITS,
  PLAN_DELIVERED,
  PLAN_SUBMIT,
  type TestMessage,
} from "../../unit/dispatch/kit.js";
import { CREDIT_LIMITS, DAY_CAP, openWorld, run, type World } from "./world.js";

const partition = suite("dispatch partition, any order of things");

/** Sends, lets time pass, changes owners, restarts the server: as chance has it. */
async function live(world: World, steps: number): Promise<void> {
  const { chance, clock } = world;
  let ids = 0;
  for (let step = 0; step < steps; step += 1) {
    const luck = chance();
    if (luck < 0.7) {
      const count = 1 + Math.floor(chance() * 6);
      const messages: TestMessage[] = [];
      for (let one = 0; one < count; one += 1) {
        const id = ids;
        ids += 1;
        messages.push(message(world, id));
      }
      world.send(messages, 1 + Math.floor(chance() * 3));
    } else if (luck < 0.72) {
      credit(world);
    } else if (luck < 0.79) {
      await world.own(chance() < 0.5 ? "killed" : chance() < 0.5 ? "stopped" : "zombie");
    } else if (luck < 0.81) {
      await run(clock, world.server.restart(Math.floor(chance() * 3_000)));
    }
    await clock.advance(chance() * (chance() < 0.1 ? 40_000 : 30));
  }
}

/** Of few references, so that some are repeated, and some are used for another amount. */
function credit({ chance, credit: give }: World): void {
  const kinds = [SETTLEMENT_TOP_UP, SETTLEMENT_TOP_UP, SETTLEMENT_CREDIT, SETTLEMENT_DEBIT];
  const account = 1 + Math.floor(chance() * 3);
  const reference = Math.floor(chance() * 6);
  const other = chance() < 0.1 ? 1 : 0;
  const amountMicros = 50_000 * (1 + reference) + other;
  give(account, kinds[reference % kinds.length]!, amountMicros, `r-${reference}`);
}

function message({ chance }: World, id: number): TestMessage {
  const account = 1 + Math.floor(chance() * 3);
  const plan = account === 1 ? PLAN_DELIVERED : PLAN_SUBMIT;
  const to = chance() < 0.1 ? "+12025550123" : chance() < 0.5 ? "+447700900123" : "+4915112345678";
  const base = { id, account, plan, to };
  if (chance() < 0.5) return base;
  // A repeat of an earlier request has its id; another request under the same key has its own.
  const key = account * 1_000 + Math.floor(chance() * 8);
  return chance() < 0.5 ? { ...base, key } : { ...base, key, id: 1_000_000 + key };
}

function check(world: World): void {
  const decisions = world.decisions();
  const records = decisions.flatMap((one) => one.records);
  const decided = new Map<string, number[]>();
  for (const { messageId, state } of records) {
    const name = messageId.toString("hex");
    decided.set(name, [...(decided.get(name) ?? []), state]);
  }
  for (const name of world.accepted) {
    const verdicts = (decided.get(name) ?? []).filter((state) => state !== 0);
    assert.is(verdicts.length, 1, `one verdict about ${name}: ${decided.get(name)}`);
  }
  const dispatched = new Map<string, string>();
  for (const { identity, records: dispatches } of world.dispatches()) {
    for (const { messageId } of dispatches) {
      const name = messageId.toString("hex");
      assert.is(dispatched.get(name) ?? identity, identity, "made again under the same identity");
      dispatched.set(name, identity);
    }
  }
  for (const [name, states] of decided) {
    assert.is(dispatched.has(name), states.includes(STATE.ROUTED), "what is routed is dispatched");
  }
  checkMoney(decisions);
  checkBalances(world, decisions);
  checkCredits(world, decisions);
  const again = openState(LIMITS);
  const { state: owned } = world.owner();
  for (const { data, sequence } of world.server.history("DECISIONS")) {
    // Where the last word is a zombie's, the owner will learn of it by its next append.
    if (sequence <= owned.sequence) assert.is(applyFrame(again, data, sequence), undefined);
  }
  // Of the live state, floors and attempts that changed nothing are not in the log.
  const told = (state: object) => ({ ...state, covered: 0, attemptsThrough: 0 });
  assert.equal(told(dump(again)), told(dump(owned)));
}

function checkMoney(decisions: ReturnType<World["decisions"]>): void {
  const settled = new Map<string, number[]>();
  const ledgers = new Map<number, bigint>();
  for (const { messageId, account, kind, ledgerSequence } of decisions.flatMap(
    (one) => one.settlements,
  )) {
    const name = messageId.toString("hex");
    if (kind > SETTLEMENT_ADJUST) {
      assert.is(ledgerSequence, (ledgers.get(account) ?? 0n) + 1n, "no gap in a ledger");
      ledgers.set(account, ledgerSequence);
      continue;
    }
    settled.set(name, [...(settled.get(name) ?? []), kind]);
    assert.is(ledgerSequence, (ledgers.get(account) ?? 0n) + 1n, "no gap in a ledger");
    ledgers.set(account, ledgerSequence);
  }
  const routed = decisions
    .flatMap((one) => one.records)
    .filter((one) => one.state === STATE.ROUTED);
  for (const { messageId } of routed) {
    const kinds = (settled.get(messageId.toString("hex")) ?? []).join();
    const allowed = [
      `${SETTLEMENT_COMMIT}`,
      `${SETTLEMENT_RELEASE}`,
      `${SETTLEMENT_RELEASE},${SETTLEMENT_ADJUST}`,
    ];
    assert.ok(allowed.includes(kinds), `settled once: ${kinds}`);
  }
  assert.is(settled.size, routed.length, "nothing else is settled");
}

/** The books, made again from the log by plain arithmetic. */
function checkBalances(world: World, decisions: ReturnType<World["decisions"]>): void {
  const books = new Map<number, { credited: bigint; charged: bigint; reserved: bigint }>();
  const spent = new Map<string, bigint>();
  const bookOf = (account: number) => {
    const book = books.get(account) ?? { credited: 0n, charged: 0n, reserved: 0n };
    books.set(account, book);
    return book;
  };
  const dayOf = (account: number, acceptedAtMs: bigint) =>
    `${account}/${acceptedAtMs / 86_400_000n}`;
  const spend = (name: string, micros: bigint): bigint => {
    spent.set(name, (spent.get(name) ?? 0n) + micros);
    return spent.get(name)!;
  };
  for (const { records, settlements } of decisions) {
    for (const { account, state, priceMicros, acceptedAtMs } of records) {
      if (state !== STATE.ROUTED) continue;
      const book = bookOf(account);
      book.reserved += priceMicros;
      const limit = CREDIT_LIMITS[account];
      const available = book.credited - book.charged - book.reserved;
      assert.ok(limit === undefined || available >= -BigInt(limit), `${account} has credit`);
      const today = spend(dayOf(account, acceptedAtMs), priceMicros);
      assert.ok(account !== 3 || today <= BigInt(DAY_CAP), "a cap holds");
    }
    for (const one of settlements) {
      const book = bookOf(one.account);
      const { kind, amountMicros } = one;
      if (kind === SETTLEMENT_COMMIT || kind === SETTLEMENT_RELEASE) book.reserved -= amountMicros;
      if ([SETTLEMENT_COMMIT, SETTLEMENT_ADJUST, SETTLEMENT_DEBIT].includes(kind))
        book.charged += amountMicros;
      if (kind === SETTLEMENT_TOP_UP || kind === SETTLEMENT_CREDIT) book.credited += amountMicros;
      const day = dayOf(one.account, one.acceptedAtMs);
      if (kind === SETTLEMENT_RELEASE) spend(day, -amountMicros);
      if (kind === SETTLEMENT_ADJUST) spend(day, amountMicros);
      assert.is(one.balanceAfterMicros, book.credited - book.charged, "a record tells the balance");
    }
  }
  const { accounts, sequence } = world.owner().state;
  // Where the last word is a zombie's, the owner will learn of it by its next append.
  if (sequence !== decisions.at(-1)?.sequence) return;
  for (const [account, { credited, charged, reserved }] of books) {
    const sums = accounts.sums(accounts.find(account));
    assert.is(sums.creditedMicros, credited);
    assert.is(sums.committedMicros, charged);
    assert.is(sums.reservedMicros, reserved);
  }
}

/** What staff were told is in the log, once. */
function checkCredits(world: World, decisions: ReturnType<World["decisions"]>): void {
  const recorded = new Map<string, bigint>();
  for (const { account, kind, reference, ledgerSequence } of decisions.flatMap(
    (one) => one.settlements,
  )) {
    if (kind <= SETTLEMENT_ADJUST) continue;
    const name = `${account}/${reference}`;
    assert.not.ok(recorded.has(name), "a reference is used once");
    recorded.set(name, ledgerSequence);
  }
  for (const [name, answers] of world.credited) {
    for (const { outcome, ledgerSequence } of answers) {
      assert.ok(outcome >= 1 && outcome <= 3, `done, repeated or in conflict: ${outcome}`);
      assert.is(ledgerSequence, recorded.get(name), "the answer names the record");
    }
  }
}

partition("decides and charges everything once", async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: 2 ** 31 }), async (seed) => {
      const world = await openWorld(seed);
      await world.own("killed");
      await live(world, 60);
      await world.settle();
      check(world);
    }),
    { numRuns: 25 },
  );
});

partition.run();
