/** Unit tests of the load generator's messages: valid, all different, and answers counted. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import * as bare from "../../../bench/bare/proto/bare.js";
import { SendBatchRequest as BareBatch, type SendRequest } from "../../../bench/bare/proto/bare.js";
import {
  batchTemplate,
  checksumOf,
  newTally,
  readBatchAnswer,
  readUnaryAnswer,
  writeBatch,
} from "../../../bench/load-messages.js";
import {
  SendBatchRequest,
  SendBatchResponse,
  SendMessageRequest,
  SendMessageResponse,
} from "../../../core/proto/floe/v1/messaging.js";

const messages = suite("load messages");

messages("are what ts-proto reads as the messages that were meant", () => {
  const template = batchTemplate("floe", 3, "run", true);
  const bytes = Buffer.from(template.bytes);
  writeBatch(template, bytes, 7_654_321, 1_732_441_234_567.891);
  const [first, , third] = SendBatchRequest.decode(bytes).messages;
  assert.is(first?.to, "+447700905321");
  assert.is(first?.from, "Floe");
  assert.equal(first?.body, {
    $case: "text",
    text: "Your code is 654321. It expires in ten minutes. Do not share it.",
  });
  assert.is(first?.idempotencyKey, "run007654321");
  assert.is(first?.clientReference, "1732441234567.891");
  assert.is(first?.validitySeconds, 3_600);
  assert.is(third?.idempotencyKey, "run007654323");
});

messages("of one are the unary call's bytes", () => {
  const template = batchTemplate("floe", 1, "run", false);
  const bytes = Buffer.from(template.bytes);
  writeBatch(template, bytes, 5, 0);
  assert.is(SendMessageRequest.decode(bytes).message?.idempotencyKey, "run000000005");
  assert.is(SendMessageRequest.decode(bytes).message?.clientReference, "");
});

messages("fit the bare pipeline's schema, too", () => {
  const template = batchTemplate("bare", 2, "run", false);
  const bytes = Buffer.from(template.bytes);
  writeBatch(template, bytes, 41, 0);
  const expected: SendRequest = {
    to: "+447700901042",
    from: "Floe",
    body: "Your code is 000042. It expires in ten minutes. Do not share it.",
    idempotencyKey: "run000000042",
    clientRef: "",
    validitySeconds: 3_600,
    receipt: true,
  };
  assert.equal(BareBatch.decode(bytes).messages[1], expected);
});

messages("differ in recipient or text, however many there are", () => {
  const template = batchTemplate("floe", 1, "run", false);
  const seen = new Set<string>();
  for (const number of [0, 1, 90_000, 100_000, 1_000_000, 2_000_000, 9_000_000, 18_000_000]) {
    const bytes = Buffer.from(template.bytes);
    writeBatch(template, bytes, number, 0);
    const { message } = SendMessageRequest.decode(bytes);
    seen.add(`${message?.to} ${JSON.stringify(message?.body)}`);
  }
  assert.is(seen.size, 8);
});

messages("are counted by what answers say, with a checksum that order does not change", () => {
  const ids = ["0192f0c5-0000-7000-8123-456789abcdef", "0192f0c5-0000-7000-9000-000000000001"];
  const results = ids.map((messageId) => ({
    result: { $case: "messageId" as const, messageId },
  }));
  const error = { code: 3, message: "", details: [] };
  const refused = { result: { $case: "error" as const, error } };
  const tally = newTally();
  const batch = SendBatchResponse.encode({ results: [results[0]!, refused, results[1]!] });
  readBatchAnswer("floe", batch.finish(), tally);
  assert.is(tally.accepted, 2);
  assert.equal([...tally.errors], [[3, 1]]);
  const sum = 0x8123_4567_89ab_cdefn ^ 0x9000_0000_0000_0001n;
  assert.is(checksumOf(tally), sum.toString(16).padStart(16, "0"));

  const unary = newTally();
  for (const messageId of [...ids].reverse()) {
    readUnaryAnswer(SendMessageResponse.encode({ messageId }).finish(), unary);
  }
  assert.is(checksumOf(unary), checksumOf(tally));
});

messages("that got no id are errors, never silence", () => {
  const tally = newTally();
  readUnaryAnswer(Buffer.alloc(0), tally);
  readUnaryAnswer(Buffer.from([0xff]), tally);
  readBatchAnswer(
    "floe",
    SendBatchResponse.encode({ results: [{ result: undefined }] }).finish(),
    tally,
  );
  const results = [
    { messageId: "", code: 3 },
    { messageId: "x", code: 0 },
  ];
  readBatchAnswer("bare", bare.SendBatchResponse.encode({ results }).finish(), tally);
  assert.equal(
    [...tally.errors],
    [
      [13, 3],
      [3, 1],
    ],
  );
  assert.is(tally.accepted, 1);
});

messages.run();
