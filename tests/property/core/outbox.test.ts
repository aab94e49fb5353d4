/** Natural batching never reorders within a key, never drops, never exceeds its bounds. */
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { seededChance, simulatedClock } from "../../../core/clock.js";
import { FRAME_BYTES_MAX, FRAME_RECORDS_MAX } from "../../../core/limits.js";
import { UsageFrame } from "../../../core/proto/floe/v1/frames.js";
import { USAGE, USAGE_FRAME } from "../../../core/stream/fields.js";
import { putBytes, putFixed32, putFixed64 } from "../../../core/stream/frame.js";
import { openMemory } from "../../../core/stream/memory.js";
import { openOutbox } from "../../../core/stream/outbox.js";
import { STREAMS } from "../../../core/subjects.js";

const outbox = suite("natural batching");
const KEYS = 3;

/** A step of a run: so many records of a size for a key, then time passes. */
const step = fc.record({
  key: fc.nat(KEYS - 1),
  records: fc.oneof(fc.nat(5), fc.nat(1_500)),
  bytes: fc.oneof(fc.nat(50), fc.nat(3_000)),
  hint: fc.boolean(),
  urgent: fc.boolean(),
  thenMs: fc.oneof(fc.constant(0), fc.nat(30)),
});
const run = fc.record({
  seed: fc.nat(),
  window: fc.integer({ min: 1, max: 4 }),
  framesPerSecond: fc.constantFrom(0, 20, 200),
  lingerMs: fc.constantFrom(0, 5, 25),
  lost: fc.constantFrom(0, 0.1),
  recordsMax: fc.constantFrom(700, 1_000_000),
  steps: fc.array(step, { maxLength: 25 }),
});

outbox("keeps every record it took, in the order of its key, within all bounds", () =>
  fc.assert(
    fc.asyncProperty(run, async ({ seed, window, framesPerSecond, lingerMs, lost, ...rest }) => {
      const clock = simulatedClock(0);
      const chance = seededChance(seed);
      const ways = { publishAckLost: lost, publishLost: lost, publishLate: lost, lateMsMax: 2_000 };
      const faults = { ...ways, deliveryRepeated: 0, deliveryLate: 0, ackLost: 0, wayMsMax: 10 };
      const server = openMemory({ clock, chance, faults });
      const client = server.connect("writer");
      let inFlight = 0;
      let inFlightMost = 0;
      const box = openOutbox({
        client: {
          ...client,
          async publish(...publication) {
            inFlight += 1;
            inFlightMost = Math.max(inFlightMost, inFlight);
            try {
              return await client.publish(...publication);
            } finally {
              inFlight -= 1;
            }
          },
        },
        clock,
        stage: "test",
        window,
        framesPerSecond,
        recordsMax: rest.recordsMax,
        bytesMax: 1_000_000_000,
        publishMsMax: 1_000_000,
        writerId: "w",
      });
      const keys = Array.from({ length: KEYS }, (_, index) =>
        box.key({
          subject: `request.high.${index}`,
          lingerMs,
          header: (writer, nowMs) => void putFixed64(writer, USAGE_FRAME.publishedAtMs, nowMs),
        }),
      );
      const declared = client.declare(STREAMS);
      await clock.advance(1_000);
      await declared;

      const taken: number[][] = keys.map(() => []);
      const told: number[] = [];
      let number = 0;
      for (const { key, records, bytes, hint, urgent, thenMs } of rest.steps) {
        for (let count = 0; count < records; count += 1) {
          assert.ok(box.waiting() <= rest.recordsMax);
          const writer = keys[key]!.begin(hint ? bytes + 20 : 0);
          if (writer === undefined) break;
          const mine = number++;
          putFixed32(writer, USAGE.account, mine);
          if (bytes > 0) putBytes(writer, USAGE.peer, new Uint8Array(bytes));
          keys[key]!.end((error) => (error === undefined ? told.push(mine) : -1), urgent);
          taken[key]!.push(mine);
        }
        await clock.advance(thenMs);
      }
      await clock.until(() => box.waiting() === 0, 10_000_000);

      const stored: number[][] = keys.map(() => []);
      for (const { subject, data } of server.history("REQUESTS")) {
        const { records } = UsageFrame.decode(data);
        assert.ok(records.length > 0 && records.length <= FRAME_RECORDS_MAX);
        assert.ok(data.length <= FRAME_BYTES_MAX);
        const key = Number(subject.split(".")[2]);
        stored[key]!.push(...records.map(({ account }) => account));
      }
      assert.equal(stored, taken);
      assert.equal(
        told.sort((a, b) => a - b),
        Array.from({ length: number }, (_, index) => index),
      );
      assert.ok(inFlightMost <= window);
    }),
    { numRuns: 60 },
  ),
);

outbox.run();
