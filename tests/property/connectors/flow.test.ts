/**
 * Goal: what counts and limits a session is right for any course of events. Method: few numbers and
 * many steps against slow, obvious references. A failure prints { seed, path }.
 */
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { convertId } from "../../../services/connectors/carrier-id.js";
import { entry, newRemembered, openMemory } from "../../../services/connectors/memory.js";
import { newInFlight, taken } from "../../../services/connectors/smpp/in-flight.js";
import { newTokenBucket } from "../../../services/connectors/smpp/token-bucket.js";
import { startOf, tokenFor } from "../../unit/connectors/kit.js";

const flow = suite("connectors: flow");

flow("in flight: as a map by sequence number, whatever is answered, repeated or forgotten", () => {
  const step = fc.oneof(
    { weight: 5, arbitrary: fc.constant("add" as const) },
    { weight: 4, arbitrary: fc.record({ take: fc.nat(40) }) },
    { weight: 1, arbitrary: fc.record({ expire: fc.nat(60) }) },
    { weight: 1, arbitrary: fc.constant("next" as const) },
  );
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 20 }),
      fc.array(step, { maxLength: 300 }),
      (window, steps) => {
        const table = newInFlight(window);
        const reference = new Map<number, { ticket: number; sentAtMs: number }>();
        const given = new Set<number>();
        let nowMs = 0;
        for (const one of steps) {
          nowMs += 1;
          if (one === "add" && reference.size < window) {
            const sequence = table.add(nowMs * 3, nowMs & 7, nowMs);
            assert.not.ok(given.has(sequence), "a number is given once");
            given.add(sequence);
            reference.set(sequence, { ticket: nowMs * 3, sentAtMs: nowMs });
          } else if (one === "next") {
            given.add(table.next());
          } else if (typeof one === "object" && "take" in one) {
            // Mostly numbers that were given: the answers, second answers and strangers.
            const sequence = [...given][one.take % Math.max(1, given.size)] ?? one.take;
            const expected = reference.get(sequence);
            assert.is(table.take(sequence), expected !== undefined);
            if (expected !== undefined) {
              assert.equal([taken.ticket, taken.sentAtMs], [expected.ticket, expected.sentAtMs]);
            }
            reference.delete(sequence);
          } else if (typeof one === "object" && "expire" in one) {
            const beforeMs = nowMs - one.expire;
            const due = [...reference].filter(([, { sentAtMs }]) => sentAtMs < beforeMs);
            const expired: number[] = [];
            table.expire(beforeMs, (ticket) => expired.push(ticket));
            assert.equal(
              expired,
              due.map(([, { ticket }]) => ticket),
            );
            for (const [sequence] of due) reference.delete(sequence);
          }
          assert.is(table.count(), reference.size);
          assert.ok(table.count() <= window);
          const oldestMs = Math.min(...[...reference.values()].map(({ sentAtMs }) => sentAtMs));
          assert.is(table.oldestMs(), oldestMs);
        }
      },
    ),
    { numRuns: 300 },
  );
});

flow(
  "token bucket: never more than burst and rate allow, and never less than the rate in demand",
  () => {
    const asks = fc.array(
      fc.record({
        waitMs: fc.integer({ min: 0, max: 400 }),
        parts: fc.integer({ min: 1, max: 12 }),
      }),
      {
        minLength: 1,
        maxLength: 200,
      },
    );
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2_000 }), asks, (rate, all) => {
        const bucket = newTokenBucket(rate, 0);
        const burst = Math.max(1, rate / 10);
        let nowMs = 0;
        let taken = 0;
        for (const { waitMs, parts } of all) {
          nowMs += waitMs;
          if (bucket.take(parts, nowMs)) taken += parts;
          // A message larger than the burst may overdraw by what it exceeds.
          assert.ok(taken <= burst + (nowMs * rate) / 1_000 + Math.max(0, parts - burst) + 12);
          const wait = bucket.waitMs(parts, nowMs);
          assert.ok(wait >= 0 && wait <= ((Math.min(parts, burst) + 12) * 1_000) / rate + 1e-6);
        }
      }),
      { numRuns: 300 },
    );
  },
);

flow(
  "carrier ids: the other base is what BigInt says, and there and back is the same number",
  () => {
    const into = new Uint8Array(32);
    const convert = (text: string, form: "decimalToHex" | "hexToDecimal"): string => {
      const length = convertId(Buffer.from(text, "latin1"), 0, text.length, form, into);
      return Buffer.from(into.subarray(0, length)).toString("latin1");
    };
    fc.assert(
      fc.property(fc.bigInt(0n, 2n ** 64n - 1n), fc.nat(3), (value, zeros) => {
        const decimal = "0".repeat(zeros) + value.toString();
        assert.is(convert(decimal, "decimalToHex"), value.toString(16));
        const hex = "0".repeat(zeros) + value.toString(16).toUpperCase();
        assert.is(convert(hex, "hexToDecimal"), value.toString());
      }),
      { numRuns: 500 },
    );
  },
);

flow("memory: as a list that is searched from its end, over many generations", () => {
  const id = fc.stringMatching(/^0{0,2}[0-9a-fA-F]{1,4}$/);
  const added = fc.record({ id, number: fc.nat(3), message: fc.nat(30), hop: fc.nat(2) });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 12 }), fc.array(added, { maxLength: 60 }), (max, all) => {
      const memory = openMemory(max, 0);
      const remembered = newRemembered();
      const canonical = (text: string) => text.toLowerCase().replace(/^0+(?=.)/, "");
      let young: typeof all = [];
      let old: typeof all = [];
      for (const one of all) {
        if (young.length === max) {
          old = young;
          young = [];
        }
        young.push(one);
        const bytes = Buffer.from(one.id, "latin1");
        Object.assign(remembered, {
          ...{ bytes: startOf(one.message), token: tokenFor(one.number), tokenAt: 0, hop: one.hop },
          ...{ carrierId: bytes, carrierIdAt: 0, carrierIdEnd: bytes.length, kind: 2 },
        });
        memory.together(1, 0);
        memory.add(remembered);
        const kept = [...young, ...old];
        for (const asked of all.slice(0, 8)) {
          const key = Buffer.from(asked.id.toUpperCase(), "latin1");
          const isThere = kept.some(
            (other) => canonical(other.id) === canonical(asked.id) && other.number === asked.number,
          );
          const token = tokenFor(asked.number);
          assert.is(memory.findCarrierId(key, 0, key.length, token, 0), isThere);
          const isKnown = kept.some(
            ({ message, hop }) => message === asked.message && hop === asked.hop,
          );
          assert.is(memory.findAttempt(startOf(asked.message), 0, asked.hop), isKnown);
          if (isKnown) assert.is(entry.hop(memory.hit), asked.hop);
        }
        assert.is(memory.entries(), kept.length);
      }
    }),
    { numRuns: 200 },
  );
});

flow.run();
