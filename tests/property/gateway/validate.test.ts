/**
 * Property tests of validation, against a slow obvious reference: ts-proto decodes the bytes, and
 * regular expressions and TextEncoder say what is wrong with the object.
 */
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type Binary, Message } from "../../../core/proto/floe/v1/messaging.js";
import { newFields, readFields } from "../../../core/stream/frame.js";
import { isUtf8 } from "../../../services/gateway/utf8.js";
import { check, PROBLEM, seen } from "../../../services/gateway/validate.js";

const validate = suite("validate, properties");

const bytesOf = (text: string): number => Buffer.byteLength(text, "utf8");
const isNumber = (text: string): boolean => /^\+[1-9][0-9]{6,14}$/.test(text);
const isSender = (text: string): boolean =>
  isNumber(text) ||
  /^[0-9]{3,8}$/.test(text) ||
  (/^[A-Za-z0-9 \-._&']{1,11}$/.test(text) && /[A-Za-z]/.test(text));

/** What is wrong with a body of octets, said in another way. */
function problemsOfBinary({ data, udh }: Binary): number {
  let problems = 0;
  if (data.length > 1_608 || data.length + udh.length === 0) problems |= PROBLEM.data;
  if (udh.length === 0) return problems;
  const parts = [...udh];
  const elements: number[] = [];
  let isWhole = udh.length >= 3 && udh.length <= 140 && parts.shift() === udh.length - 1;
  while (isWhole && parts.length > 0) {
    const [identifier, length = Number.NaN] = parts.splice(0, 2);
    elements.push(identifier!);
    isWhole = parts.splice(0, length).length === length;
  }
  const isLong = data.length + udh.length > 140;
  if (isLong && (udh.length > 134 || elements.includes(0) || elements.includes(8))) isWhole = false;
  return isWhole ? problems : problems | PROBLEM.udh;
}

function problemsByReference(message: Message, bytes: number): number {
  if (bytes > 8_192) return PROBLEM.size;
  const text = message.body?.$case === "text" ? message.body.text : "";
  const tags = Object.entries(message.tags);
  const tagsGood =
    tags.length <= 8 &&
    tags.every(([key, value]) => key !== "" && bytesOf(key) <= 32 && bytesOf(value) <= 64);
  const wrong: [boolean, number][] = [
    [!isNumber(message.to), PROBLEM.to],
    [!isSender(message.from), PROBLEM.from],
    [message.body?.$case !== "binary" && (text === "" || bytesOf(text) > 4_096), PROBLEM.text],
    [![0, 1, 2, 3].includes(message.trafficClass), PROBLEM.trafficClass],
    [bytesOf(message.idempotencyKey) > 255, PROBLEM.idempotencyKey],
    [bytesOf(message.clientReference) > 128, PROBLEM.clientReference],
    [message.validitySeconds > 604_800, PROBLEM.validitySeconds],
    [![0, 1, 2].includes(message.receipt), PROBLEM.receipt],
    [!tagsGood, PROBLEM.tags],
  ];
  const first = message.body?.$case === "binary" ? problemsOfBinary(message.body.binary) : 0;
  return wrong.reduce((problems, [is, problem]) => (is ? problems | problem : problems), first);
}

function problemsOf(message: Uint8Array): number {
  // Other bytes around: nothing may be read beyond the message.
  const bytes = Buffer.concat([Buffer.from("+1"), message, Buffer.from("2345678")]);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return check(bytes, view, 2, bytes.length - 7);
}

const digits = (min: number, max: number) =>
  fc.string({ unit: fc.constantFrom(..."0123456789"), minLength: min, maxLength: max });
const number = fc.oneof(
  digits(0, 17).map((text) => `+${text}`),
  fc.string({ unit: fc.constantFrom(..."+0123456789 x"), maxLength: 17 }),
);
const sender = fc.oneof(
  number,
  digits(0, 10),
  fc.string({ unit: fc.constantFrom(..."aZ09 -._&'@ö"), maxLength: 13 }),
);
const words = (edge: number) =>
  fc.oneof(
    fc.string({ unit: "grapheme", maxLength: 20 }),
    fc.integer({ min: edge - 2, max: edge + 2 }).map((length) => "x".repeat(Math.max(0, length))),
    fc.integer({ min: 0, max: edge }).map((length) => "€".repeat(Math.ceil(length / 2.9))),
  );
/** ts-proto's plain objects lose this one. */
const safe = (key: fc.Arbitrary<string>) => key.filter((text) => text !== "__proto__");
const octets = (edges: readonly number[]) =>
  fc
    .oneof(fc.nat(20), fc.constantFrom(...edges), fc.nat(1_700))
    .chain((length) => fc.uint8Array({ minLength: length, maxLength: length }))
    .map((some) => Buffer.from(some));
const element = fc
  .tuple(fc.constantFrom(0, 5, 8, 0x24, 0x70), octets([0, 4, 60]))
  .filter(([, octets]) => octets.length < 100)
  .map(([identifier, octets]) => Buffer.from([identifier, octets.length, ...octets]));
const header = fc.oneof(
  fc.constant(Buffer.alloc(0)),
  fc.array(element, { minLength: 1, maxLength: 3 }).map((elements) => {
    const all = Buffer.concat(elements);
    return Buffer.from([all.length & 0xff, ...all]);
  }),
  octets([1, 2, 3]),
);
const binaryBody = fc.record({
  $case: fc.constant("binary" as const),
  binary: fc.record({ data: octets([0, 134, 140, 1_607, 1_608, 1_609]), udh: header }),
});
const goodBinary = fc.record({
  $case: fc.constant("binary" as const),
  binary: fc.record({
    data: fc.uint8Array({ minLength: 1, maxLength: 1_608 }).map((some) => Buffer.from(some)),
    udh: fc.constantFrom(Buffer.alloc(0), Buffer.from("0605040b8423f0", "hex")),
  }),
});
const anyMessage: fc.Arbitrary<Message> = fc.record({
  to: number,
  from: sender,
  body: fc.option(
    fc.oneof(fc.record({ $case: fc.constant("text" as const), text: words(4_096) }), binaryBody),
    { nil: undefined },
  ),
  trafficClass: fc.integer({ min: -1, max: 5 }) as fc.Arbitrary<0>,
  idempotencyKey: words(255),
  clientReference: words(128),
  validitySeconds: fc.oneof(fc.nat(700_000), fc.integer({ min: 604_799, max: 604_801 })),
  receipt: fc.integer({ min: -1, max: 4 }) as fc.Arbitrary<0>,
  tags: fc.dictionary(safe(words(32)), words(64), { maxKeys: 10, noNullPrototype: true }),
  flash: fc.boolean(),
});
/** Mostly good, so that the good path is walked too. */
const goodMessage: fc.Arbitrary<Message> = fc.record({
  to: digits(6, 14).map((text) => `+4${text}`),
  from: fc.constantFrom("Floe", "12345", "+447700900123"),
  body: fc.oneof(
    fc.record({
      $case: fc.constant("text" as const),
      text: fc.string({ unit: "grapheme", minLength: 1, maxLength: 200 }),
    }),
    goodBinary,
  ),
  trafficClass: fc.constantFrom(0, 1, 2, 3) as fc.Arbitrary<0>,
  idempotencyKey: fc.string({ maxLength: 60 }),
  clientReference: fc.string({ maxLength: 30 }),
  validitySeconds: fc.nat(604_800),
  receipt: fc.constantFrom(0, 1, 2) as fc.Arbitrary<0>,
  tags: fc.dictionary(
    safe(fc.string({ minLength: 1, maxLength: 8 })),
    fc.string({ maxLength: 16 }),
    {
      maxKeys: 8,
      noNullPrototype: true,
    },
  ),
  flash: fc.boolean(),
});
const message = fc.oneof(anyMessage, goodMessage);

validate("finds the same problems as the reference", () => {
  let good = 0;
  fc.assert(
    fc.property(message, (one) => {
      const bytes = Message.encode(one).finish();
      const problems = problemsOf(bytes);
      if (problems === 0) good += 1;
      assert.is(problems, problemsByReference(Message.decode(bytes), bytes.length));
    }),
    { numRuns: 1_000 },
  );
  assert.ok(good > 100, `only ${good} good ones`);
});

validate("notes class, key and tags of a good message", () => {
  fc.assert(
    fc.property(goodMessage, (one) => {
      const bytes = Buffer.from(Message.encode(one).finish());
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
      assert.is(check(bytes, view, 0, bytes.length), 0);
      assert.is(seen.trafficClass, one.trafficClass);
      assert.is(bytes.toString("utf8", seen.keyAt, seen.keyEnd), one.idempotencyKey);
      assert.is(seen.tags, Object.keys(one.tags).length);
    }),
  );
});

validate(
  "never fails on damaged bytes, and what it takes ts-proto and the walker read alike",
  () => {
    const damage = fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(goodMessage, damage, fc.nat(400), (one, changes, cut) => {
        let bytes = Buffer.from(Message.encode(one).finish());
        for (const [at, octet] of changes) bytes[at % bytes.length] = octet;
        if (cut < bytes.length && cut % 5 === 0) bytes = bytes.subarray(0, cut);
        const problems = problemsOf(bytes);
        if (problems !== 0) return;
        const decoded = Message.decode(bytes);
        // Of tags, a repeated key is taken here and lost there: both are within the bound.
        assert.is(problemsByReference(decoded, bytes.length), 0);
        assert.ok(readFields(bytes, 0, bytes.length, newFields()));
      }),
      { numRuns: 3_000 },
    );
  },
);

validate("never fails on any bytes", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => void problemsOf(bytes)),
    {
      numRuns: 3_000,
    },
  );
});

validate("finds UTF-8 well-formed exactly when TextDecoder does", () => {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  const byReference = (bytes: Uint8Array): boolean => {
    try {
      decoder.decode(bytes);
      return true;
    } catch {
      return false;
    }
  };
  // Octets near the edges of the table, among ASCII: plain chance would hardly meet them.
  const edge = fc.constantFrom(
    ...[0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1],
    ...[0xec, 0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff],
  );
  const some = fc.oneof(
    fc.array(edge, { maxLength: 9 }).map((octets) => Uint8Array.from(octets)),
    fc.string({ unit: "binary", maxLength: 12 }).map((text) => Buffer.from(text, "utf8")),
    fc.uint8Array({ maxLength: 9 }),
  );
  fc.assert(
    fc.property(some, fc.nat(3), (text, shift) => {
      const bytes = Buffer.concat([Buffer.alloc(shift, 0x80), text, Buffer.alloc(3, 0x80)]);
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
      assert.is(isUtf8(bytes, view, shift, shift + text.length), byReference(text));
    }),
    { numRuns: 10_000 },
  );
});

validate.run();
