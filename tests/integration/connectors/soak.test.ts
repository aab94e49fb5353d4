/**
 * Soak: connectors against simulated carriers on which everything goes wrong at 5 % (answers lost,
 * late, twice, of nobody; refusals; connections that end, flap, go deaf; receipts first, late, never,
 * twice, reordered, in every form, of nobody), and then the books are closed:
 *
 * every message has its end; the carriers took none of its parts more often than at_least_once
 * promises; every receipt that they were told is stored is with its message, or with those that
 * found none; and each message's state is the one that its receipts prove.
 */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type CarrierOptions, setOption } from "../../../bench/carrier/options.js";
import type { Smsc } from "../../../bench/carrier/smsc.js";
import type { Submitted } from "../../../bench/carrier/submits.js";
import { STATE } from "../../../core/message.js";
import { environment } from "../../../core/settings.js";
import { until } from "../../until.js";
import { KIND, type Kit, numbers, pause, withKit } from "./kit.js";

const soak = suite("connectors: soak");
const SEED = Number(environment()["FLOE_TEST_SEED"] ?? 20_261);
const SHARE = 0.05;
const MESSAGES = 600;
const CARRIERS = ["alpha", "beta"] as const;
const CLOSING_PER_MESSAGE = 0.005;

function faults(seed: number): Partial<CarrierOptions> {
  const options: Partial<CarrierOptions> = {};
  setOption(options, "faults", String(SHARE));
  return {
    ...options,
    ...{ seed, submits: 100_000, latencyMs: 5, latencyShape: "exponential" },
    ...{ refuseWith: [0x08, 0x0b, 0x14, 0x45, 0x58, 0x64], lateMs: 1_500 },
    ...{ closedBefore: CLOSING_PER_MESSAGE, closedAfter: CLOSING_PER_MESSAGE },
    ...{ delivered: 0.8, notDelivered: ["undeliverable", "expired", "rejected", "deleted"] },
    ...{ receiptForm: ["text", "seconds", "long", "case", "short", "tlv", "both"] },
    ...{ receiptDelayMs: 50, receiptShape: "log-normal", receiptLateMs: 1_500, reorderMs: 300 },
    ...{ partsPerSecond: 500, throttleWith: [0x58, 0x14] },
    ...{ flapMs: 8_000, flap: "any", halfOpenMs: 2_000, bindRefused: SHARE, bindRefuseWith: [5] },
  };
}

soak("all goes wrong at 5 %, and every message and every receipt is accounted for", () =>
  withKit(async (kit) => {
    const smscs = [
      await kit.simulate({ ...faults(SEED), id: "hex", receiptId: "other-base" }),
      await kit.simulate({ ...faults(SEED + 1), id: "decimal", receiptId: "padded" }),
    ];
    for (const [index, name] of CARRIERS.entries()) {
      const config = { window: 10, binds: 2, responseMs: 1_000, enquireLinkMs: 1_000 };
      await kit.configure(name, smscs[index]!.port, config);
    }
    await kit.connect("one");
    const sent = await publish(kit);
    for (const name of CARRIERS) {
      await until(async () => (await kit.backlog(name)) === 0, `${name} is done`, 120_000);
    }
    // Then nothing goes wrong any more, so that what was kept back arrives.
    for (const { options } of smscs) Object.assign(options, { flapMs: 0, bindRefused: 0 });
    const acked = () =>
      smscs.every((smsc) => {
        const { receiptsWaiting, bound } = smsc.stats();
        return receiptsWaiting === 0 && bound > 0;
      });
    await until(acked, "receipts are taken", 60_000);
    await settled(kit, smscs);
    await closeBooks(kit, smscs, sent);
  }),
);

/** Ids by recipient. Every tenth is in two parts; every second may go on to the other carrier. */
async function publish(kit: Kit): Promise<Map<string, string>> {
  const sent = new Map<string, string>();
  const each = MESSAGES / 20;
  for (let frame = 0; frame < 20; frame += 1) {
    const carrier = CARRIERS[frame % 2]!;
    const other = CARRIERS[(frame + 1) % 2]!;
    const wanted = numbers(each, String(2_000 + frame)).map((to, index) => ({
      to,
      text: index % 10 === 0 ? `${to} ${"long ".repeat(40)}` : `Hello ${to}`,
      candidates: index % 2 === 0 ? [other] : [],
    }));
    const ids = await kit.publish(carrier, wanted, { partition: frame % 2 });
    for (const [index, { to }] of wanted.entries()) sent.set(to.slice(1), ids[index]!);
  }
  return sent;
}

/** Late receipts and what was refused come again: until a while after nothing new is stored. */
async function settled(kit: Kit, smscs: readonly Smsc[]): Promise<void> {
  let last = "";
  let same = 0;
  await until(
    async () => {
      const acks = smscs.map((smsc) => smsc.stats().receiptsAcked);
      const cold = await Promise.all(CARRIERS.map((name) => kit.cold(name)));
      const now = JSON.stringify([acks, cold.map(({ length }) => length)]);
      same = now === last ? same + 1 : 0;
      last = now;
      await pause(200);
      return same >= 15;
    },
    "nothing comes any more",
    60_000,
  );
}

async function closeBooks(
  kit: Kit,
  smscs: readonly Smsc[],
  sent: ReadonlyMap<string, string>,
): Promise<void> {
  const attempts = (await Promise.all(CARRIERS.map((name) => kit.attempts(name)))).flat();
  const byMessage = groupBy(attempts, ({ id }) => id);
  const taken = smscs.map((smsc) => takenOf(smsc));
  assert.ok(taken.flat().length > MESSAGES / 2, "the carriers took most of them");

  // 0. All of it did go wrong.
  const totals = (name: keyof ReturnType<Smsc["stats"]>): number =>
    smscs.reduce((sum, smsc) => sum + Number(smsc.stats()[name]), 0);
  for (const fault of ["rejected", "unanswered", "nacked", "lostAnswers", "flaps", "strangers"]) {
    assert.ok(totals(fault as "rejected") > 0, `${fault}: none`);
  }

  // 1. Every message has an end that is durable.
  const ends = new Set<number>([KIND.submitted, KIND.refused, KIND.doubted, KIND.receipt]);
  const endless = [...sent.values()].filter(
    (id) => !(byMessage.get(id) ?? []).some(({ kind }) => ends.has(kind)),
  );
  assert.equal(endless, [], "messages without an end");
  const doubts = attempts.filter(({ kind }) => kind === KIND.doubted);
  assert.ok(doubts.length > 0, "nothing was in doubt: the test tests nothing");

  // 2. A part is taken once, and once more where it was in doubt.
  const tries = groupBy(taken.flat(), ({ destination, part }) => `${destination}/${part}`);
  for (const [key, all] of tries) {
    const id = sent.get(all[0]!.destination)!;
    const own = doubts.filter((one) => one.id === id).length;
    assert.ok(all.length <= 1 + Math.min(1, own), `${key} was taken ${all.length} times`);
  }

  // 3. Every receipt is with its own message, or with those that found none.
  for (const [index, name] of CARRIERS.entries()) {
    await closeReceipts(kit, name, taken[index]!, sent);
  }

  // 4. The state of a message is what its receipts prove, or SUBMITTED, REJECTED or in doubt.
  for (const [to, id] of sent) {
    const own = byMessage.get(id)!;
    const receipts = own.filter(({ kind }) => kind === KIND.receipt);
    const fates = taken.flat().filter((one) => one.destination === to && one.parts === 1);
    if (receipts.length === 0 || fates.length === 0) continue;
    const state = Math.max(...receipts.map((one) => one.state));
    const possible = [STATE.SUBMITTED, ...fates.map(({ fate }) => STATE_OF[fate]!)];
    assert.ok(possible.includes(state as never), `state ${state}, the carrier said ${possible}`);
  }
}

const STATE_OF: Readonly<Record<string, number>> = {
  delivered: STATE.DELIVERED,
  undeliverable: STATE.UNDELIVERABLE,
  expired: STATE.EXPIRED,
  rejected: STATE.REJECTED,
  deleted: STATE.CANCELED,
};

async function closeReceipts(
  kit: Kit,
  carrier: string,
  taken: readonly Submitted[],
  sent: ReadonlyMap<string, string>,
): Promise<void> {
  // What two connectors find out about the parts of one message names no receipt of its own.
  const joined = (await kit.attempts(carrier)).filter(
    ({ kind, carrierIds }) => kind === KIND.receipt && carrierIds.length > 0,
  );
  const cold = await kit.cold(carrier);
  const countersOfJoined = groupBy(joined, (one) => counterOf(carrier, one.carrierIds[0]!));
  const coldCounters = new Set(cold.map((one) => counterOf(carrier, one.carrierId)));
  const answered = new Map(taken.map((one) => [one.id, one]));
  for (const [counter, receipts] of countersOfJoined) {
    const submit = answered.get(counter);
    const ids = receipts.map(({ carrierIds }) => carrierIds.join()).join();
    assert.ok(submit !== undefined, `a receipt of ${ids}, which ${carrier} never gave out`);
    for (const receipt of receipts) {
      assert.is(receipt.id, sent.get(submit.destination), "joined to another message");
    }
  }
  const missing = taken.filter(
    ({ id, befell }) =>
      !befell.includes("receipt never") && !countersOfJoined.has(id) && !coldCounters.has(id),
  );
  assert.equal(missing, [], `receipts of ${carrier} that are nowhere`);
}

/** Ids of alpha's receipts are decimal, its answers hex; those of beta decimal, padded. */
function counterOf(carrier: string, id: string): number {
  const isHex = carrier === "alpha" && /^[0-9a-f]{12}$/.test(id) && !/^\d{13,}$/.test(id);
  return isHex ? Number.parseInt(id, 16) : Number(id);
}

function groupBy<T, K>(all: readonly T[], keyOf: (one: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const one of all) {
    const key = keyOf(one);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [one]);
    else group.push(one);
  }
  return groups;
}

function takenOf(smsc: Smsc): Submitted[] {
  const lines = smsc.submits(0, 1_000_000).split("\n");
  return lines
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Submitted)
    .filter(({ status }) => status === 0);
}

soak.run();
