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
  SETTLEMENT_RELEASE,
} from "../../../core/stream/fields.js";
import { applyFrame, openState } from "../../../services/dispatch/state.js";
import {
  dump,
  LIMITS,
  PLAN_DELIVERED,
  PLAN_SUBMIT,
  type TestMessage,
} from "../../unit/dispatch/kit.js";
import { openWorld, run, type World } from "./world.js";

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
    } else if (luck < 0.78) {
      await world.own(chance() < 0.5 ? "killed" : chance() < 0.5 ? "stopped" : "zombie");
    } else if (luck < 0.8) {
      await run(clock, world.server.restart(Math.floor(chance() * 3_000)));
    }
    await clock.advance(chance() * (chance() < 0.1 ? 40_000 : 30));
  }
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
