/** Quote requests: what a line may say, and how a wrong one is told. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { hexOf, isProblem, NO_REQUEST, parseQuoteLine } from "../../../workers/quote-request.js";
import { timeOf } from "../../../workers/quote-time.js";

const requests = suite("quote requests");
const LEAST = { to: "+447911123456", from: "Floe", text: "hello" };

function problemOf(fields: object): string {
  const parsed = parseQuoteLine(JSON.stringify({ ...LEAST, ...fields }));
  return isProblem(parsed) ? `${parsed.field}: ${parsed.problem}` : "";
}

requests("fills in what is not said, and takes null for that", () => {
  assert.equal(parseQuoteLine(JSON.stringify(LEAST)), { ...NO_REQUEST, ...LEAST });
  const nulls = { account: null, plan: null, at: null, validate: null, defaultRegion: null };
  assert.equal(parseQuoteLine(JSON.stringify({ ...LEAST, ...nulls })), {
    ...NO_REQUEST,
    ...LEAST,
  });
});

requests("reads every field", () => {
  const line = JSON.stringify({
    ...LEAST,
    account: 7,
    plan: "standard",
    trafficClass: "promotional",
    defaultRegion: "gb",
    at: "2026-11-24T10:30:00.5+01:00",
    validate: false,
    monthSegments: 1_000,
    messageId: "019aab0e-0000-7000-8000-000000000001",
  });
  assert.equal(parseQuoteLine(line), {
    ...LEAST,
    account: 7,
    plan: "standard",
    trafficClass: 3,
    defaultRegion: "GB",
    atMs: Date.UTC(2026, 10, 24, 9, 30, 0, 500),
    validate: false,
    monthSegments: 1_000,
    messageId: Buffer.from("019aab0e000070008000000000000001", "hex"),
  });
});

requests("takes numbers of accounts and plans as numbers or as their digits", () => {
  const parsed = parseQuoteLine(JSON.stringify({ ...LEAST, account: "7", plan: 2 }));
  assert.ok(!isProblem(parsed));
  assert.is(parsed.account, 7);
  assert.is(parsed.plan, "2");
});

requests("takes octets and their header in place of a text", () => {
  const addresses = { to: LEAST.to, from: LEAST.from };
  const octetsOf = (fields: object, absent = NO_REQUEST) => {
    const parsed = parseQuoteLine(JSON.stringify({ ...addresses, ...fields }), absent);
    if (isProblem(parsed)) return `${parsed.field}: ${parsed.problem}`;
    const { text, binary } = parsed;
    return [text, binary && hexOf(binary.data), binary && hexOf(binary.udh)];
  };
  const udh = "0605040B8423F0";
  assert.equal(octetsOf({ binary: "00ff" }), ["", "00ff", ""]);
  assert.equal(octetsOf({ binary: "00ff", udh }), ["", "00ff", udh.toLowerCase()]);
  assert.equal(octetsOf({ udh }), ["", "", udh.toLowerCase()]);
  assert.is(octetsOf({ binary: "" }), "binary: must not be empty");
  assert.match(octetsOf({ binary: "0" }) as string, /^binary: must be octets/);
  assert.match(octetsOf({ binary: "zz" }) as string, /^binary: must be octets/);
  assert.match(octetsOf({ binary: "00", text: "x" }) as string, /^binary: must not stand/);
  // What a line of a file says goes before the flags.
  const absent = { ...NO_REQUEST, binary: { data: Buffer.from("01"), udh: new Uint8Array(0) } };
  assert.equal(octetsOf({ text: "x" }, absent), ["x", undefined, undefined]);
  assert.equal(octetsOf({ binary: "02" }, { ...NO_REQUEST, text: "x" }), ["", "02", ""]);
});

requests("says which field is wrong, and never what it was", () => {
  assert.match(problemOf({ to: 447911123456 }), /^to: must be a string$/);
  assert.match(problemOf({ text: ["secret"] }), /^text: must be a string$/);
  assert.match(problemOf({ account: -1 }), /^account: must be a whole number/);
  assert.match(problemOf({ account: 1.5 }), /^account: /);
  assert.match(problemOf({ plan: {} }), /^plan: /);
  assert.match(problemOf({ trafficClass: "urgent" }), /^trafficClass: must be one of auth/);
  assert.match(problemOf({ trafficClass: 1 }), /^trafficClass: /);
  assert.match(problemOf({ defaultRegion: "GBR" }), /^defaultRegion: /);
  assert.match(problemOf({ at: "yesterday" }), /^at: must be a time/);
  assert.match(problemOf({ at: 0 }), /^at: /);
  assert.match(problemOf({ validate: "no" }), /^validate: must be true or false$/);
  assert.match(problemOf({ messageId: "1" }), /^messageId: must be a UUID$/);
  assert.match(problemOf({ text: "x".repeat(65_537) }), /^text: must be at most 65536 characters$/);
  assert.match(problemOf({ colour: "red" }), /^colour: is not known; known are to, from, /);
  assert.match(problemOf({ toString: 1 }), /^toString: is not known/);
});

requests("wants recipient, sender and text, in an object, in JSON", () => {
  const told = (line: string): string => JSON.stringify(parseQuoteLine(line));
  assert.is(
    told('{"to":"+44","text":"x"}'),
    '{"field":"from","problem":"must be there, as a string"}',
  );
  assert.is(told("{}"), '{"field":"to","problem":"must be there, as a string"}');
  assert.is(told("[1]"), '{"field":"","problem":"must be an object"}');
  assert.is(told("null"), '{"field":"","problem":"must be an object"}');
  assert.is(told("to=+44"), '{"field":"","problem":"must be JSON"}');
});

requests("reads times as RFC 3339 has them, and no others", () => {
  assert.is(timeOf("2026-11-24T09:30:00Z"), Date.UTC(2026, 10, 24, 9, 30));
  assert.is(timeOf("2026-11-24t09:30:00.123456z"), Date.UTC(2026, 10, 24, 9, 30, 0, 123));
  assert.is(timeOf("2026-11-24T09:30:00-05:30"), Date.UTC(2026, 10, 24, 15, 0));
  assert.is(timeOf("2028-02-29T00:00:00Z"), Date.UTC(2028, 1, 29));
  assert.is(timeOf("2016-12-31T23:59:60Z"), Date.UTC(2017, 0, 1));
  for (const wrong of [
    "2026-02-29T00:00:00Z",
    "2026-13-01T00:00:00Z",
    "2026-00-10T00:00:00Z",
    "2026-11-24T24:00:00Z",
    "2026-11-24T09:60:00Z",
    "2026-11-24T09:30:00",
    "2026-11-24 09:30:00Z",
    "2026-11-24",
    "2026-11-24T09:30:00+24:00",
    "1999-01-01T00:00:00Z",
    "2101-01-01T00:00:00Z",
    "",
  ]) {
    assert.is(timeOf(wrong), undefined, wrong);
  }
});

requests.run();
