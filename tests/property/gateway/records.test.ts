/**
 * Property tests of what the gateway writes in place, against ts-proto: request records, answers,
 * the sequence of a stream's request.
 */
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { isRefusal, type Refusal } from "../../../core/grpc/refuse.js";
import { formatId } from "../../../core/message.js";
import { RequestRecord } from "../../../core/proto/floe/v1/frames.js";
import {
  Message,
  SendBatchRequest,
  SendBatchResponse,
  SendMessageResponse,
  type SendResult,
  SendStreamRequest,
  SendStreamResponse,
} from "../../../core/proto/floe/v1/messaging.js";
import { newWriter, written } from "../../../core/stream/frame.js";
import {
  batchAnswer,
  creditAnswer,
  messageAnswer,
  streamAnswer,
  streamRefusal,
} from "../../../services/gateway/answer.js";
import { newPace } from "../../../services/gateway/pace.js";
import { writeRecord } from "../../../services/gateway/record.js";
import { STREAM_FULL, STREAM_UNCONFIRMED } from "../../../services/gateway/refuse.js";
import { sequenceOf } from "../../../services/gateway/sequence.js";
import { FATE, openTakenPool, type Slot } from "../../../services/gateway/taken.js";
import { PROBLEM } from "../../../services/gateway/validate.js";
import { message } from "../../unit/gateway/messages.js";

const records = suite("gateway records and answers, properties");

const uint32 = fc.integer({ min: 0, max: 0xffff_ffff });
const id = fc.uint8Array({ minLength: 16, maxLength: 16 });

function slotOf(count: number): Slot {
  return openTakenPool(() => {}).get(count);
}

records("a request record reads back as it was written, message bytes untouched", () => {
  const given = fc.record({
    id,
    acceptedAtMs: fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
    account: uint32,
    plan: uint32,
    tagLow: uint32,
    tagHigh: uint32,
    text: fc.string({ unit: "grapheme", maxLength: 400 }),
    shift: fc.nat(5),
  });
  fc.assert(
    fc.property(given, ({ id, acceptedAtMs, account, plan, tagLow, tagHigh, text, shift }) => {
      const sent = message({ body: { $case: "text", text } });
      const encoded = Message.encode(sent).finish();
      const bytes = Buffer.concat([Buffer.alloc(shift), encoded, Buffer.alloc(3, 1)]);
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
      const slot = slotOf(2);
      slot.acceptedAtMs = acceptedAtMs;
      slot.account = {
        account,
        plan,
        status: "active",
        waiting: 0,
        waitingBytes: 0,
        pace: newPace(),
      };
      slot.ids.set(id, 16);
      slot.tags[2] = tagLow;
      slot.tags[3] = tagHigh;
      // Small, so that it must grow.
      const writer = newWriter(8);
      writeRecord(writer, slot, 1, bytes, view, shift, shift + encoded.length);
      const record = RequestRecord.decode(written(writer));
      assert.equal(Uint8Array.from(record.messageId), id);
      assert.is(Number(record.acceptedAtMs), acceptedAtMs);
      assert.is(record.account, account);
      assert.is(record.plan, plan);
      assert.is(record.keyTag, (BigInt(tagHigh) << 32n) | BigInt(tagLow));
      assert.equal(record.message, sent);
      assert.equal(
        Buffer.from(written(writer)).subarray(-encoded.length).equals(Buffer.from(encoded)),
        true,
      );
    }),
    { numRuns: 300 },
  );
});

/** A call whose messages have these fates. */
function takenOf(fates: readonly number[], ids: readonly Uint8Array[]): Slot {
  const slot = slotOf(fates.length);
  for (const [index, fate] of fates.entries()) {
    slot.fates[index] = fate;
    slot.problems[index] = fate === FATE.invalid ? PROBLEM.to | PROBLEM.text : 0;
    slot.ids.set(ids[index % ids.length]!, 16 * index);
  }
  slot.stored = fates.filter((fate) => fate === FATE.stored).length;
  return slot;
}

const CODES: Record<number, number> = {
  [FATE.waiting]: 14,
  [FATE.invalid]: 3,
  [FATE.conflict]: 9,
  [FATE.outboxFull]: 8,
  [FATE.streamFull]: 8,
  [FATE.unconfirmed]: 14,
};

function holds(results: readonly SendResult[], slot: Slot): void {
  assert.is(results.length, slot.count);
  for (const [index, { result }] of results.entries()) {
    const fate = slot.fates[index]!;
    if (result?.$case === "messageId") {
      assert.is(fate, FATE.stored);
      assert.is(result.messageId, formatId(slot.ids, 16 * index));
    } else {
      assert.is(result?.error.code, CODES[fate]);
      assert.ok(result!.error.message.length > 0 && result!.error.details.length > 0);
    }
  }
}

const fates = fc.oneof(
  fc.array(fc.constantFrom(...Object.values(FATE)), { minLength: 1, maxLength: 20 }),
  fc.integer({ min: 1, max: 200 }).map((count) => Array<number>(count).fill(FATE.stored)),
  fc
    .tuple(fc.integer({ min: 1, max: 5 }), fc.constantFrom(...Object.values(FATE)))
    .map(([count, fate]) => Array<number>(count).fill(fate)),
);
const ids = fc.array(id, { minLength: 1, maxLength: 3 });

records("a batch answer tells every message its fate, in order", () => {
  fc.assert(
    fc.property(fates, ids, (some, given) => {
      const slot = takenOf(some, given);
      const answer = batchAnswer(slot);
      if (!isRefusal(answer)) return holds(SendBatchResponse.decode(answer).results, slot);
      // One reason for all of them, and one that has nothing to do with the messages.
      assert.is(new Set(some).size, 1);
      assert.is(answer.code, CODES[some[0]!]);
      assert.ok([8, 14].includes(answer.code));
    }),
    { numRuns: 500 },
  );
});

records("an answer to one message holds its id, or is its refusal", () => {
  fc.assert(
    fc.property(fc.constantFrom(...Object.values(FATE)), id, (fate, given) => {
      const answer = messageAnswer(takenOf([fate], [given]));
      if (isRefusal(answer)) assert.is(answer.code, CODES[fate]);
      else assert.is(SendMessageResponse.decode(answer).messageId, formatId(given));
    }),
  );
});

records("a stream's answers hold sequence, results and credit", () => {
  const sequence = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
  fc.assert(
    fc.property(fates, ids, sequence, (some, given, number) => {
      const slot = takenOf(some, given);
      const answer = SendStreamResponse.decode(streamAnswer(slot, number));
      assert.is(answer.sequence, number);
      assert.is(answer.credit, some.length);
      holds(answer.results, slot);
    }),
  );
  fc.assert(
    fc.property(
      fc.constantFrom<Refusal>(STREAM_FULL, STREAM_UNCONFIRMED),
      sequence,
      fc.integer({ min: 1, max: 30 }),
      (refusal, number, count) => {
        const answer = SendStreamResponse.decode(streamRefusal(refusal, number, count));
        assert.is(answer.sequence, number);
        assert.is(answer.credit, count);
        assert.is(answer.results.length, count);
        for (const { result } of answer.results) {
          assert.is(result?.$case === "error" ? result.error.code : -1, refusal.code);
        }
      },
    ),
  );
  const first = SendStreamResponse.decode(creditAnswer(4_000));
  assert.equal(first, { sequence: 0n, results: [], credit: 4_000 });
});

records("the sequence of a stream's request is read as ts-proto reads it", () => {
  const sequence = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
  fc.assert(
    fc.property(sequence, fc.nat(5), (number, count) => {
      const messages = Array.from({ length: count }, () => message());
      const bytes = SendStreamRequest.encode({ sequence: number, messages }).finish();
      assert.is(sequenceOf(bytes), number);
    }),
  );
  assert.is(sequenceOf(Uint8Array.of(0x0a, 1, 65)), undefined);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 30 }), (bytes) => void sequenceOf(bytes)),
    { numRuns: 2_000 },
  );
  assert.is(sequenceOf(SendBatchRequest.encode({ messages: [] }).finish()), 0n);
});

records.run();
