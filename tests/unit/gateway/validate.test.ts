/** Unit tests of validation: what is taken, what is refused, and what the refused one is told. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { refuse } from "../../../core/grpc/refuse.js";
import type { Message } from "../../../core/proto/floe/v1/messaging.js";
import { check, PROBLEM, seen, violations } from "../../../services/gateway/validate.js";
import { encodeMessage } from "./messages.js";

const validate = suite("validate");

/** The problems of bytes, by name; of bytes that stand between others. */
function problemsOf(message: Uint8Array): string[] {
  const bytes = Buffer.concat([Buffer.from([0xff]), message, Buffer.from([0x30, 0x31])]);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const problems = check(bytes, view, 1, bytes.length - 2);
  return Object.entries(PROBLEM).flatMap(([name, bit]) => ((problems & bit) !== 0 ? [name] : []));
}

const of = (more: Partial<Message>): string[] => problemsOf(encodeMessage(more));
const text = (value: string): Partial<Message> => ({ body: { $case: "text", text: value } });
const join = (...parts: (Uint8Array | number[])[]): Buffer =>
  Buffer.concat(parts.map((part) => Uint8Array.from(part)));

validate("takes a message with everything at its bound", () => {
  const tags = Object.fromEntries(
    Array.from({ length: 8 }, (_, index) => [`${index}`.padEnd(32, "k"), "v".repeat(64)]),
  );
  assert.equal(
    of({
      ...text("x".repeat(4_096)),
      trafficClass: 3,
      idempotencyKey: "k".repeat(255),
      clientReference: "r".repeat(128),
      validitySeconds: 604_800,
      receipt: 2,
      tags,
    }),
    [],
  );
  assert.is(seen.trafficClass, 3);
  assert.is(seen.keyEnd - seen.keyAt, 255);
  assert.is(seen.tags, 8);
});

validate("takes numbers of 7 to 15 digits with a plus sign, and nothing else", () => {
  for (const good of ["+1234567", "+123456789012345"]) assert.equal(of({ to: good }), [], good);
  const bad = ["", "+", "+123456", "+1234567890123456", "1234567", "+0123456", "00441234567"];
  const worse = ["+12345x7", "+12 345 67", "+1234567 ", "+１２３４５６７", "tel:+1234567"];
  for (const value of [...bad, ...worse]) assert.equal(of({ to: value }), ["to"], value);
});

validate("takes senders: numbers, short codes, names", () => {
  const good = ["+1234567", "123", "12345678", "A", "Floe", "A&B's_co-1.", "12345 67a", "007 Bond"];
  for (const value of good) assert.equal(of({ from: value }), [], value);
  const bad = [
    "",
    "+",
    "+12",
    "12",
    "123456789",
    "Twelve chars",
    "Fl@e",
    "Flöe",
    "...",
    "12-34",
    " ",
  ];
  for (const value of bad) assert.equal(of({ from: value }), ["from"], value);
});

validate("wants a text of 1 to 4,096 bytes", () => {
  assert.equal(problemsOf(encodeMessage({ body: undefined } as Partial<Message>)), ["text"]);
  assert.equal(of(text("")), ["text"]);
  assert.equal(of(text("x".repeat(4_097))), ["text"]);
  assert.equal(of(text("€".repeat(1_365))), []);
  assert.equal(of(text("€".repeat(1_366))), ["text"]);
});

validate("refuses enums that it does not know, and validities beyond a week", () => {
  assert.equal(of({ trafficClass: 4 as 0 }), ["trafficClass"]);
  assert.equal(of({ trafficClass: -1 as 0 }), ["trafficClass"]);
  assert.equal(of({ receipt: 3 as 0 }), ["receipt"]);
  assert.equal(of({ validitySeconds: 604_801 }), ["validitySeconds"]);
  assert.equal(of({ validitySeconds: 0xffff_ffff }), ["validitySeconds"]);
});

validate("refuses keys, references and tags beyond their bounds", () => {
  assert.equal(of({ idempotencyKey: "k".repeat(256) }), ["idempotencyKey"]);
  assert.equal(of({ clientReference: "r".repeat(129) }), ["clientReference"]);
  assert.equal(of({ tags: { "": "v" } }), ["tags"]);
  assert.equal(of({ tags: { ["k".repeat(33)]: "v" } }), ["tags"]);
  assert.equal(of({ tags: { k: "v".repeat(65) } }), ["tags"]);
  const nine = Object.fromEntries(Array.from({ length: 9 }, (_, index) => [`k${index}`, ""]));
  assert.equal(of({ tags: nine }), ["tags"]);
});

validate("refuses what is too large as a whole, and says nothing else of it", () => {
  const unknown = join(encodeMessage(), [0xa2, 0x06], [0x80, 0x40], new Uint8Array(8_192));
  assert.equal(problemsOf(unknown), ["size"]);
});

validate("lets pass fields that are newer than it, but no other kind of body", () => {
  assert.equal(problemsOf(join(encodeMessage(), [15 << 3, 1, 0xf2, 0x01, 1, 65])), []);
  for (const field of [5, 6, 7]) {
    assert.equal(problemsOf(join(encodeMessage(), [(field << 3) | 2, 1, 65])), ["body"]);
  }
  const onlyBody = join(encodeMessage({ body: undefined } as Partial<Message>), [0x2a, 1, 65]);
  assert.equal(problemsOf(onlyBody), ["body", "text"]);
});

const binary = (data: number, udh = ""): Partial<Message> => ({
  body: {
    $case: "binary",
    binary: { data: Buffer.alloc(data, 7), udh: Buffer.from(udh, "hex") },
  },
});
const WAP = "0605040b8423f0";

validate("takes octets, with a header or without, and nothing but a header", () => {
  for (const one of [binary(1), binary(1_608), binary(133, WAP), binary(1_500, WAP)]) {
    assert.equal(of(one), []);
    assert.equal(of({ ...one, flash: true }), []);
  }
  assert.equal(of(binary(0, WAP)), []);
  // Who cuts for himself joins for himself.
  assert.equal(of(binary(134, "050003070201")), []);
  assert.equal(of(binary(133, "06080401070201")), []);
});

validate("refuses octets that are none, too many, or behind a header that is none", () => {
  assert.equal(of(binary(0)), ["data"]);
  assert.equal(of(binary(1_609)), ["data"]);
  for (const udh of ["06", "0505040b8423f0", "0705040b8423f0", "0605050b8423f0", "0205", "00"]) {
    assert.equal(of(binary(10, udh)), ["udh"], udh);
  }
  assert.equal(of(binary(0, `8c70${"8a"}${"00".repeat(138)}`)), ["udh"], "141 octets");
  assert.equal(of(binary(0, `8b70${"89"}${"00".repeat(137)}`)), [], "140 octets");
  assert.equal(of(binary(1, `8b70${"89"}${"00".repeat(137)}`)), ["udh"], "no room for data");
  assert.equal(of(binary(135, "050003070201")), ["udh"], "joined twice");
  assert.equal(of(binary(134, "06080401070201")), ["udh"], "joined twice");
});

validate("refuses a message of two bodies", () => {
  const both = join(encodeMessage(), [0x22, 3, 0x0a, 1, 65]);
  assert.equal(problemsOf(both), ["bodies"]);
  assert.equal(
    violations(PROBLEM.bodies | PROBLEM.udh, "messages[3]").map(({ field }) => field),
    ["messages[3].body", "messages[3].binary.udh"],
  );
});

validate("refuses a known field of another wire type", () => {
  for (const field of [1, 2, 3, 4, 9, 10, 13]) {
    assert.equal(problemsOf(join(encodeMessage(), [field << 3, 8])), ["malformed"], `${field}`);
  }
  for (const field of [8, 11, 12, 14]) {
    const bytes = join(encodeMessage(), [(field << 3) | 2, 1, 1]);
    assert.equal(problemsOf(bytes), ["malformed"], `${field}`);
  }
  assert.equal(problemsOf(join(encodeMessage(), [(1 << 3) | 5, 1, 2, 3, 4])), ["malformed"]);
});

validate("refuses lengths that lead out of the message, groups and field 0", () => {
  assert.equal(problemsOf(join([0x0a, 2, 0x2b])), ["malformed"]);
  assert.equal(problemsOf(join(encodeMessage(), [0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f])), [
    "malformed",
  ]);
  assert.equal(problemsOf(join(encodeMessage(), [0x73])), ["malformed"]);
  assert.equal(problemsOf(join(encodeMessage(), [0x02, 0])), ["malformed"]);
  assert.equal(problemsOf(join(encodeMessage(), [0x40])), ["malformed"]);
  assert.equal(problemsOf(join(encodeMessage(), [0x6a, 3, 0x0a, 2, 65])), ["malformed"]);
});

validate("refuses text that is not UTF-8, in every field", () => {
  const bad = [0xc3, 0x28];
  const field = (number: number): Buffer => join(encodeMessage(), [(number << 3) | 2, 2], bad);
  assert.equal(problemsOf(field(3)), ["text"]);
  assert.equal(problemsOf(field(9)), ["idempotencyKey"]);
  assert.equal(problemsOf(field(10)), ["clientReference"]);
  assert.equal(problemsOf(join(encodeMessage(), [0x6a, 4, 0x0a, 2], bad)), ["tags"]);
});

validate("counts the last of a field that occurs twice, as protobuf asks", () => {
  assert.equal(problemsOf(join(encodeMessage({ to: "nonsense" }), encodeMessage())), []);
  assert.equal(problemsOf(join(encodeMessage(), encodeMessage({ to: "nonsense" }))), ["to"]);
});

validate("tells all that is wrong at once, by field, and never a value", () => {
  const bytes = encodeMessage({ to: "12345", ...text(""), from: "", validitySeconds: 9_999_999 });
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const told = violations(check(bytes, view, 0, bytes.length), "messages[3]");
  assert.equal(
    told.map(({ field }) => field),
    ["messages[3].to", "messages[3].from", "messages[3].text", "messages[3].validity_seconds"],
  );
  assert.ok(told.every(({ description, reason }) => description !== "" && reason !== ""));
  assert.not.match(JSON.stringify(told), /12345|9999999/);
});

validate("has a sentence for every problem", () => {
  for (const bit of Object.values(PROBLEM)) assert.is(violations(bit, "message").length, 1);
});

validate("tells everything at once within what a trailer may hold", () => {
  const all = Object.values(PROBLEM).reduce<number>((bits, bit) => bits | bit, 0);
  const found = violations(all, "messages[999]");
  assert.is(found.length, Object.keys(PROBLEM).length);
  const refusal = refuse(3, "MESSAGE_INVALID", "x".repeat(1_000), { violations: found });
  assert.ok(refusal.metadata.get("grpc-status-details-bin").length === 1);
});

validate.run();
