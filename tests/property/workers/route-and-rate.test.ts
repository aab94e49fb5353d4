/**
 * Goal: whatever messages come, records say what was put in; whatever bytes come, nothing throws.
 * Method: arbitrary messages through ts-proto both ways; damaged and arbitrary frames.
 */
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { isFloeError } from "../../../core/errors.js";
import { REASON, STATE } from "../../../core/message.js";
import { openNumber, tokenOf } from "../../../core/number-seal.js";
import type { RequestRecord } from "../../../core/proto/floe/v1/frames.js";
import type { Message } from "../../../core/proto/floe/v1/messaging.js";
import { number, readNumber } from "../../../workers/number.js";
import { COUNTRY_CODES } from "../../../workers/number-plans.js";
import { countSegments, measured } from "../../../workers/segments.js";
import { INDEX_STRIDE } from "../../../workers/task.js";
import {
  ACCEPTED_AT_MS,
  KEYS,
  requestFrame,
  runFrames,
  SOURCE,
  TOKEN_KEY,
} from "../../unit/workers/kit.js";

const task = suite("route and rate");
const short = fc.string({ unit: "binary", maxLength: 12 });
/** ts-proto keeps tags in a plain object, which has no room for this one. */
const tagKey = short.filter((key) => key !== "__proto__");
const to = fc.oneof(
  fc.constantFrom(
    "+447700900123",
    "+447911123456",
    "+353870000000",
    "+32470000000",
    "+12025550142",
  ),
  short,
);
function textOf({ body }: Message): string {
  return body?.$case === "text" ? body.text : "";
}

/** With a prototype, as ts-proto makes them. */
const plainRecord = <T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }) =>
  fc.record(model, { noNullPrototype: true });
const record: fc.Arbitrary<RequestRecord> = fc.record({
  messageId: fc.uint8Array({ minLength: 16, maxLength: 16 }).map((id) => Buffer.from(id)),
  acceptedAtMs: fc.integer({ min: 0, max: 500_000 }).map((ms) => BigInt(ACCEPTED_AT_MS + ms)),
  account: fc.nat(),
  plan: fc.constantFrom(1, 2, 4_000_000_000),
  keyTag: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  message: plainRecord({
    to,
    from: short,
    body: plainRecord({
      $case: fc.constant("text" as const),
      text: fc.oneof(
        fc.string({ unit: "grapheme", minLength: 1, maxLength: 200 }),
        fc.string({ unit: fc.constantFrom(..."ab €ж"), minLength: 1, maxLength: 2_500 }),
      ),
    }),
    trafficClass: fc.constantFrom(0, 1, 2, 3),
    idempotencyKey: short,
    clientReference: short,
    validitySeconds: fc.nat({ max: 604_800 }),
    receipt: fc.constantFrom(0, 1, 2),
    tags: fc.dictionary(tagKey, short, { maxKeys: 4, noNullPrototype: true }),
    flash: fc.boolean(),
  }),
});
const frames = fc.array(fc.array(record, { maxLength: 6 }), { minLength: 1, maxLength: 3 });

function segmentsOf(text: string): number {
  const bytes = new Uint8Array(Buffer.from(text));
  return countSegments(bytes, new DataView(bytes.buffer), 0, bytes.length);
}

task("verdicts and dispatch records say what the requests and the tables say", () => {
  fc.assert(
    fc.property(frames, (some) => {
      const { result, verdicts, dispatches } = runFrames(
        some.map((records) => requestFrame(records)),
      );
      assert.equal(
        result.counts,
        some.map((records) => records.length),
      );
      const requests = some.flat();
      assert.is(result.index.length, requests.length * INDEX_STRIDE);
      let sent = 0;
      for (const [index, request] of requests.entries()) {
        const verdict = verdicts[index]!;
        const message = request.message!;
        const text = textOf(message);
        assert.is(Buffer.compare(verdict.messageId, request.messageId), 0);
        assert.is(verdict.acceptedAtMs, request.acceptedAtMs);
        assert.is(verdict.account, request.account);
        assert.is(verdict.plan, request.plan);
        assert.is(verdict.keyTag, request.keyTag);
        const validity = message.validitySeconds || 86_400;
        assert.is(verdict.expiresAtMs, request.acceptedAtMs + BigInt(validity) * 1_000n);
        assert.is.not(verdict.reason, REASON.INTERNAL);
        assert.is(verdict.sender, message.from);
        assert.is(verdict.clientReference, message.clientReference);
        assert.is(verdict.trafficClass, message.trafficClass);
        assert.is(verdict.receipt, message.receipt);
        assert.equal(
          Object.fromEntries(verdict.tags.map(({ key, value }) => [key, value])),
          message.tags,
        );
        assert.is(verdict.segments, segmentsOf(text));
        assert.is(verdict.encoding, measured.encoding);
        const read = Buffer.from(message.to);
        const isNumber = readNumber(read, 0, read.length, 0);
        const digits = Buffer.from(number.digits.subarray(0, number.length)).toString("latin1");
        const isTaken = isNumber && number.possible && /^\d{7,15}$/.test(digits);
        assert.is(verdict.reason === REASON.NUMBER_INVALID, !isTaken);
        if (isTaken) {
          const opened = openNumber(verdict.toEnc, verdict.messageId, KEYS.data["2026-11"]!);
          assert.is(opened, digits);
          assert.is(Buffer.compare(verdict.toTok, tokenOf(digits, TOKEN_KEY)!), 0);
          const { prefixes, of, ids } = SOURCE.networks;
          const known = prefixes.filter((prefix) => digits.startsWith(prefix));
          const prefix = known.sort((a, b) => b.length - a.length)[0] ?? "";
          const network = ids[of[prefixes.indexOf(prefix)] ?? -1];
          assert.is(verdict.country, network?.country ?? COUNTRY_CODES[number.country]);
          assert.is(verdict.toPrefix, prefix.slice(0, 8));
        }
        if (verdict.state !== STATE.ROUTED) {
          assert.is(verdict.state, STATE.REJECTED);
          assert.is(verdict.priceMicros, 0n);
          continue;
        }
        const dispatch = dispatches[sent]!;
        sent += 1;
        assert.equal(dispatch.message, message);
        assert.is(Buffer.compare(dispatch.messageId, request.messageId), 0);
        assert.equal([dispatch.account, dispatch.hop], [request.account, 0]);
        assert.equal([dispatch.encoding, dispatch.segments], [verdict.encoding, verdict.segments]);
        assert.equal(dispatch.candidates, verdict.candidates);
        assert.is(dispatch.expiresAtMs, verdict.expiresAtMs);
        assert.is(Buffer.compare(dispatch.toTok, verdict.toTok), 0);
        if (dispatch.plain) assert.ok(/^[\n\r\x20-\x7e]*$/.test(text));
      }
      assert.is(dispatches.length, sent);
    }),
    { numRuns: 300 },
  );
});

/** Only a month that the keys do not have may stop a task: a damaged time can name one. */
function answers(bytes: readonly Uint8Array[]): void {
  try {
    const { result, verdicts, dispatches } = runFrames(bytes);
    const counted = result.counts.reduce((sum, count) => sum + Math.max(count, 0), 0);
    assert.is(verdicts.length, counted);
    assert.is(result.index.length, counted * INDEX_STRIDE);
    assert.is(dispatches.length, verdicts.filter(({ state }) => state === STATE.ROUTED).length);
    assert.ok(verdicts.every(({ messageId }) => messageId.length === 16));
  } catch (error) {
    if (!isFloeError(error, "keys.invalid")) throw error;
  }
}

task("a damaged frame is answered like any other", () => {
  const damage = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(fc.array(record, { minLength: 1, maxLength: 3 }), damage, (records, changes) => {
      const bytes = requestFrame(records);
      for (const [at, octet] of changes) bytes[at % bytes.length] = octet;
      answers([bytes, requestFrame(records)]);
    }),
    { numRuns: 2_000 },
  );
});

task("any bytes are answered, also where a frame is cut off", () => {
  const head = fc.constantFrom(0x42, 0x0a, 0x10, 0x11, 0x1d, 0x32, 0x80, 0xff, 0x06, 0x00, 0x7f);
  const bytes = fc.oneof(fc.uint8Array({ maxLength: 80 }), fc.array(head, { maxLength: 60 }));
  fc.assert(
    fc.property(fc.array(bytes, { maxLength: 3 }), (some) => {
      answers(some.map((one) => Uint8Array.from(one)));
    }),
    { numRuns: 3_000 },
  );
});

task.run();
