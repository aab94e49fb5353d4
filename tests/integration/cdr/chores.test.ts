/** The sweep closes what is overdue, the rollups follow what changed. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { SYSTEM_CLOCK } from "../../../core/clock.js";
import { AttemptFrame } from "../../../core/proto/floe/v1/frames.js";
import type { Delivery, StreamClient } from "../../../core/stream/stream.js";
import { type Key, keyOf, OURS, verdictOf } from "../../unit/cdr/kit.js";
import { until } from "../../until.js";
import { type CdrBracket, withCdr } from "./with-cdr.js";

const test = suite("cdr chores");
const HOUR_MS = 3_600_000;
const QUICK_SWEEP = { FLOE_CDR_SWEEP_MS: "100", FLOE_CDR_RECEIPT_WAIT_MS: "1000" };

const event = (key: Key, kind: number, state: number, more = {}) => ({
  ...key,
  kind,
  state,
  atMs: key.acceptedAtMs + 20n,
  ...more,
});

async function states(cdr: CdrBracket): Promise<Record<string, string>> {
  const rows = await cdr.clickhouse.query<{ n: number; state: string }>(
    "SELECT reinterpretAsUInt8(substring(reverse(UUIDStringToNum(toString(message_id))), 1, 1)) AS n, state FROM cdr ORDER BY n",
  );
  return Object.fromEntries(rows.map(({ n, state }) => [n, state]));
}

async function timedOut(cdr: CdrBracket): Promise<AttemptFrame[]> {
  const { lastSequence } = await cdr.client.state("ATTEMPTS");
  const frames: AttemptFrame[] = [];
  for (let sequence = 1; sequence <= lastSequence; sequence += 1) {
    const message = await cdr.client.at("ATTEMPTS", sequence);
    const frame = AttemptFrame.decode(message!.data);
    if (frame.records.some(({ kind }) => kind === 6)) frames.push(frame);
  }
  return frames;
}

test("closes what has no terminal state at its deadline, and nothing else", async () => {
  await withCdr(async (cdr) => {
    const nowMs = SYSTEM_CLOCK.nowMs();
    const old = nowMs - HOUR_MS;
    const keys = Array.from({ length: 6 }, (_, number) => keyOf(number, old));
    const late = { expiresAtMs: BigInt(old + 60_000) };
    const verdicts = keys.map((key) => verdictOf(key, late));
    verdicts[4] = verdictOf(keys[4]!, { expiresAtMs: BigInt(nowMs + HOUR_MS) });
    verdicts[5] = verdictOf(keys[5]!, { ...late, state: 8, reason: 1, carrier: "" });
    await cdr.decisions(OURS.decisions(verdicts, []));
    await cdr.attempts(
      OURS.attempts("carrier-a", old, [
        event(keys[1]!, 2, 4, { carrierIds: ["x"], hop: 1 }),
        event(keys[2]!, 4, 0),
        event(keys[3]!, 2, 4, { carrierIds: ["y"] }),
        event(keys[3]!, 5, 11, { carrierIds: ["y"] }),
      ]),
    );
    await cdr.start(QUICK_SWEEP);
    const closed = {
      0: "EXPIRED",
      1: "UNKNOWN",
      2: "UNKNOWN",
      3: "DELIVERED",
      4: "ROUTED",
      5: "REJECTED",
    };
    await until(async () => JSON.stringify(await states(cdr)) === JSON.stringify(closed));
    // It looks on, and finds nothing more.
    await new Promise((resolve) => SYSTEM_CLOCK.after(500, () => resolve(undefined)));
    const frames = await timedOut(cdr);
    const records = frames.flatMap((frame) => frame.records);
    assert.is(records.length, 3);
    assert.ok(frames.every(({ carrier, partition }) => carrier === "carrier-a" && partition === 0));
    assert.ok(records.every(({ atMs }) => atMs === BigInt(old + 61_000)));
    assert.equal(records.map(({ state, error, hop }) => [state, error, hop]).sort(), [
      [5, 11, 0],
      [5, 11, 1],
      [6, 9, 0],
    ]);
  });
});

test("does not judge what cdr has not written yet", async () => {
  await withCdr(async (cdr) => {
    const nowMs = SYSTEM_CLOCK.nowMs();
    const verdict = verdictOf(keyOf(0, nowMs), { expiresAtMs: BigInt(nowMs + 500) });
    await cdr.decisions(OURS.decisions([verdict], []));
    // This frame stays unacked, and was stored before the deadline: it may say how it ended.
    await cdr.attempts(
      OURS.attempts("carrier-b", nowMs, [event(keyOf(9, nowMs), 1, 0)]),
      "carrier-b",
    );
    let release: (() => void) | undefined;
    await cdr.start(QUICK_SWEEP, (client) =>
      holding(client, (ack) => {
        release = ack;
      }),
    );
    await until(async () => (await states(cdr))[0] === "ROUTED" && release !== undefined);
    await until(async () => SYSTEM_CLOCK.nowMs() > nowMs + 3_000);
    assert.equal(await states(cdr), { 0: "ROUTED" });
    release!();
    await until(async () => (await states(cdr))[0] === "EXPIRED");
  });
});

/** Holds back the first ack on ATTEMPTS. */
function holding(client: StreamClient, held: (ack: () => void) => void): StreamClient {
  let first = true;
  return {
    ...client,
    consume: (spec, options, receive) =>
      client.consume(spec, options, (delivery: Delivery) => {
        if (spec.stream !== "ATTEMPTS" || !first) return receive(delivery);
        first = false;
        const ack = (): void => held(() => delivery.ack());
        receive(Object.create(delivery, { ack: { value: ack } }) as Delivery);
      }),
  };
}

test("computes hours again when they change, and lets go of groups that are no more", async () => {
  await withCdr(async (cdr) => {
    await cdr.start({ FLOE_CDR_ROLLUP_MS: "100" });
    const t0 = Date.UTC(2026, 10, 24, 12);
    const keys = Array.from({ length: 4 }, (_, number) => keyOf(number, t0 + number, 7));
    keys.push(keyOf(4, t0 + HOUR_MS, 7));
    const hourly = () =>
      cdr.clickhouse.query(
        "SELECT hour, state, messages, price_micros, charged_micros FROM cdr_hourly ORDER BY hour, state",
      );
    const group = (hour: string, state: string, messages: number, charged = 0) => ({
      hour: `2026-11-24 ${hour}:00:00`,
      state,
      messages: `${messages}`,
      price_micros: `${messages * 7_500}`,
      charged_micros: `${charged}`,
    });
    const becomes = async (wanted: unknown): Promise<void> => {
      await until(async () => JSON.stringify(await hourly()) === JSON.stringify(wanted)).catch(
        async () => assert.equal(await hourly(), wanted),
      );
    };
    const verdicts = keys.map((key) => verdictOf(key));
    await cdr.decisions(OURS.decisions(verdicts, []));
    await becomes([group("12", "ROUTED", 4), group("13", "ROUTED", 1)]);

    const submissions = keys.slice(0, 4).map((key) => event(key, 2, 4, { carrierIds: ["x"] }));
    await cdr.attempts(OURS.attempts("carrier-a", t0, submissions));
    const settlement = { kind: 1, amountMicros: 7_500n, ledgerSequence: 1n, currency: "EUR" };
    await cdr.decisions(OURS.decisions([], [{ ...keys[0]!, ...settlement }]));
    await becomes([group("12", "SUBMITTED", 4, 7_500), group("13", "ROUTED", 1)]);

    // The whole again: nothing counts twice.
    await cdr.decisions(OURS.decisions(verdicts, [{ ...keys[0]!, ...settlement }]));
    await cdr.attempts(OURS.attempts("carrier-a", t0, [event(keys[1]!, 5, 11)]));
    await becomes([
      group("12", "SUBMITTED", 3, 7_500),
      group("12", "DELIVERED", 1),
      group("13", "ROUTED", 1),
    ]);
  });
});

test("shares the work between processes, one of which sweeps", async () => {
  await withCdr(async (cdr) => {
    const old = SYSTEM_CLOCK.nowMs() - HOUR_MS;
    await cdr.start(QUICK_SWEEP);
    const stop = await cdr.start(QUICK_SWEEP);
    const publish = async (from: number): Promise<void> => {
      for (let number = from; number < from + 20; number += 1) {
        const verdict = verdictOf(keyOf(number, old), { expiresAtMs: BigInt(old + 1) });
        await cdr.decisions(OURS.decisions([verdict], []));
      }
    };
    const allExpired = (count: number) => async (): Promise<boolean> => {
      const found = Object.values(await states(cdr));
      return found.length === count && found.every((state) => state === "EXPIRED");
    };
    await publish(0);
    await until(allExpired(20));
    await stop();
    await publish(20);
    await until(allExpired(40));
  });
});

test.run();
