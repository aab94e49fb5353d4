/**
 * Goal: every outcome of a message, where its fixed fields lie, and what a malformed one becomes.
 * Method: ts-proto writes the requests and reads the answers.
 */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { isFloeError } from "../../../core/errors.js";
import { VALIDITY_SECONDS_DEFAULT, VERDICT_EXTRA_BYTES_MAX } from "../../../core/limits.js";
import { REASON, STATE } from "../../../core/message.js";
import { openNumber, tokenOf } from "../../../core/number-seal.js";
import { Verdict } from "../../../core/proto/floe/v1/frames.js";
import { readUint32, readUint53 } from "../../../core/stream/frame.js";
import { compileTables } from "../../../workers/compile.js";
import { INDEX, INDEX_STRIDE, VERDICT_AT } from "../../../workers/task.js";
import {
  ACCEPTED_AT_MS,
  deck,
  KEYS,
  messageTo,
  networks,
  plan,
  requestFrame,
  requestTo,
  rule,
  run,
  runFrames,
  SOURCE,
  senderRule,
  shared,
  TOKEN_KEY,
} from "./kit.js";

const task = suite("route and rate");

task("a routed message has its price, cost, carriers and sealed number in both records", () => {
  const request = requestTo(
    "+447700900123",
    {
      from: "Northbank",
      body: { $case: "text", text: "ж".repeat(71) },
      clientReference: "order 7",
      tags: { team: "a", cost: "" },
      validitySeconds: 60,
      receipt: 2,
      trafficClass: 3,
      idempotencyKey: "once",
    },
    { keyTag: 0xfedc_ba98_7654_3210n },
  );
  const { verdicts, dispatches } = run([request], 3);
  const [verdict] = verdicts;
  const { toEnc, toTok, ...rest } = verdict!;
  assert.equal(rest, {
    messageId: request.messageId,
    acceptedAtMs: BigInt(ACCEPTED_AT_MS),
    account: 7,
    state: STATE.ROUTED,
    reason: REASON.NONE,
    place: 3,
    priceMicros: 78_000n,
    costMicros: 56_000n,
    keyTag: 0xfedc_ba98_7654_3210n,
    expiresAtMs: BigInt(ACCEPTED_AT_MS + 60_000),
    carrier: "alpha",
    toPrefix: "44770090",
    country: "GB",
    mcc: "234",
    mnc: "01",
    sender: "Northbank",
    trafficClass: 3,
    encoding: 2,
    segments: 2,
    currency: "GBP",
    costCurrency: "GBP",
    chargeBasis: 1,
    tablesVersion: 42,
    plan: 1,
    clientReference: "order 7",
    receipt: 2,
    tags: [
      { key: "team", value: "a" },
      { key: "cost", value: "" },
    ],
    candidates: [{ carrier: "beta", costMicros: 58_000n, costCurrency: "GBP", sender: "" }],
    rule: "default",
    flags: 0,
    sentSender: "",
    languages: 0,
    policy: undefined,
  });
  assert.is(openNumber(toEnc, request.messageId, KEYS.data["2026-11"]!), "447700900123");
  assert.is(Buffer.compare(toTok, tokenOf("+447700900123", TOKEN_KEY)!), 0);
  assert.equal(dispatches, [
    {
      messageId: request.messageId,
      acceptedAtMs: BigInt(ACCEPTED_AT_MS),
      account: 7,
      hop: 0,
      expiresAtMs: BigInt(ACCEPTED_AT_MS + 60_000),
      encoding: 2,
      segments: 2,
      toTok,
      plain: false,
      message: request.message,
      candidates: verdict!.candidates,
      sender: "",
      smart: false,
      languages: 0,
      policy: undefined,
      retries: 0,
    },
  ]);
});

task("the traffic class changes the route, the plan the price, and validity has a default", () => {
  const { verdicts, dispatches, result } = run([
    requestTo("+447700900123", { trafficClass: 1 }),
    requestTo("+447700900123", {}, { plan: 4_000_000_000 }),
  ]);
  assert.equal(
    verdicts.map((one) => [one.carrier, one.priceMicros, one.currency, one.chargeBasis, one.plan]),
    [
      ["beta", 39_000n, "GBP", 1, 1],
      ["alpha", 50_000n, "EUR", 2, 4_000_000_000],
    ],
  );
  const expiresAtMs = BigInt(ACCEPTED_AT_MS + VALIDITY_SECONDS_DEFAULT * 1_000);
  assert.ok(verdicts.every((one) => one.expiresAtMs === expiresAtMs));
  assert.ok(dispatches.every((one) => one.plain && one.encoding === 1));
  assert.is(result.index[INDEX_STRIDE + INDEX.chargeBasis], 2);
});

const rejected: readonly (readonly [string, ReturnType<typeof requestTo>, number, string])[] = [
  ["no carrier takes", requestTo("+32470000000"), REASON.NO_ROUTE, "BE"],
  ["no table knows", requestTo("+12125550142"), REASON.NO_ROUTE, "US"],
  ["no country has", requestTo("+99900000000"), REASON.NUMBER_INVALID, ""],
  ["has a number too long for its country", requestTo("+4477009001234"), REASON.NUMBER_INVALID, ""],
  ["the plan has no price for", requestTo("+353870000000"), REASON.NO_PRICE, "IE"],
  [
    "a plan that is not there would pay",
    requestTo("+447700900123", {}, { plan: 5 }),
    REASON.NO_PRICE,
    "GB",
  ],
  ["has a number without plus", requestTo("447700900123"), REASON.NUMBER_INVALID, ""],
  ["has no recipient", requestTo(""), REASON.NUMBER_INVALID, ""],
  ["has letters in its number", requestTo("+44770090012x"), REASON.NUMBER_INVALID, ""],
  ["has six digits", requestTo("+447700"), REASON.NUMBER_INVALID, ""],
  ["has sixteen digits", requestTo("+4477009001234567"), REASON.NUMBER_INVALID, ""],
  ["begins with a zero", requestTo("+0447700900123"), REASON.NUMBER_INVALID, ""],
  [
    "is too long",
    requestTo("+447700900123", { body: { $case: "text", text: "a".repeat(153 * 12 + 1) } }),
    REASON.TOO_MANY_SEGMENTS,
    "GB",
  ],
];
for (const [name, request, reason, country] of rejected) {
  task(`a message that ${name} is rejected, and what is known of it is kept`, () => {
    const { verdicts, dispatches, result } = run([request]);
    const [verdict] = verdicts;
    assert.is(verdict!.state, STATE.REJECTED);
    assert.is(verdict!.reason, reason);
    assert.is(verdict!.country, country);
    assert.equal([verdict!.priceMicros, verdict!.costMicros, verdict!.carrier], [0n, 0n, ""]);
    assert.equal(verdict!.candidates, []);
    assert.is(verdict!.sender, "Floe");
    assert.is(verdict!.segments, reason === REASON.TOO_MANY_SEGMENTS ? 13 : 1);
    const sealed = reason === REASON.NUMBER_INVALID ? 0 : 16;
    assert.equal([verdict!.toEnc.length, verdict!.toTok.length], [sealed, sealed]);
    assert.equal(dispatches, []);
    const { dispatchAt, dispatchEnd, carrier } = INDEX;
    assert.equal(
      [dispatchAt, dispatchEnd, carrier].map((at) => result.index[at]),
      [0, 0, -1],
    );
  });
}

task("twelve segments are the most", () => {
  const text = "a".repeat(153 * 12);
  const { verdicts } = run([requestTo("+447700900123", { body: { $case: "text", text } })]);
  assert.equal([verdicts[0]!.segments, verdicts[0]!.state], [12, STATE.ROUTED]);
});

task("fixed fields lie where VERDICT_AT says, and the index says where records lie", () => {
  const requests = [requestTo("+447700900123"), requestTo("+32470000000"), requestTo("nobody")];
  const { result, verdicts, dispatches } = run(requests);
  const bytes = new Uint8Array(result.verdicts);
  let routed = 0;
  for (const [record, verdict] of verdicts.entries()) {
    const entry = result.index.subarray(record * INDEX_STRIDE, (record + 1) * INDEX_STRIDE);
    const at = entry[INDEX.verdictAt]!;
    const end = entry[INDEX.verdictEnd]!;
    assert.equal(Verdict.decode(bytes.subarray(at, end)), verdict);
    const id = bytes.subarray(at + VERDICT_AT.messageId, at + VERDICT_AT.messageId + 16);
    assert.is(Buffer.compare(id, verdict.messageId), 0);
    const { acceptedAtMs, account, state, reason, place } = VERDICT_AT;
    const { priceMicros, costMicros, expiresAtMs } = VERDICT_AT;
    assert.is(readUint53(bytes, at + acceptedAtMs), Number(verdict.acceptedAtMs));
    assert.is(readUint32(bytes, at + account), verdict.account);
    assert.is(readUint32(bytes, at + state), verdict.state);
    assert.is(readUint32(bytes, at + reason), verdict.reason);
    assert.is(readUint32(bytes, at + place), verdict.place);
    assert.is(readUint53(bytes, at + priceMicros), Number(verdict.priceMicros));
    assert.is(readUint53(bytes, at + costMicros), Number(verdict.costMicros));
    assert.is(readUint53(bytes, at + expiresAtMs), Number(verdict.expiresAtMs));
    if (verdict.state !== STATE.ROUTED) continue;
    const dispatch = new Uint8Array(result.dispatches).subarray(
      entry[INDEX.dispatchAt],
      entry[INDEX.dispatchEnd],
    );
    // Whole field: tag of field 8, padded length, message.
    assert.is(dispatch[0], 0x42);
    assert.is(dispatch.length - 4, dispatch[1]! - 128 + (dispatch[2]! - 128) * 128);
    assert.is(result.carriers[entry[INDEX.carrier]!], verdict.carrier);
    assert.is(entry[INDEX.segments], dispatches[routed]!.segments);
    routed += 1;
  }
  assert.is(result.dispatches.byteLength, result.dispatchesEnd);
  assert.is(result.verdicts.byteLength, result.verdictsEnd);
});

task("records of several frames come in order, each frame's counted", () => {
  const frames = [
    requestFrame([requestTo("+447700900001"), requestTo("+447700900002")], 1),
    requestFrame([]),
    requestFrame([requestTo("+447700900003")], 3),
  ];
  const { result, dispatches } = runFrames(frames);
  assert.equal(result.counts, [2, 0, 1]);
  assert.equal(
    dispatches.map(({ message }) => message!.to.slice(-1)),
    ["1", "2", "3"],
  );
  const lanes = [0, 1, 2].map((record) => result.index[record * INDEX_STRIDE + INDEX.lane]);
  assert.equal(lanes, [1, 1, 3]);
});

task("a frame without a lane takes each message's from its traffic class", () => {
  const { result } = run(
    [1, 2, 3, 0].map((trafficClass) =>
      requestTo("+447700900123", { trafficClass: trafficClass as 1 }),
    ),
    0,
  );
  const lanes = [0, 1, 2, 3].map((record) => result.index[record * INDEX_STRIDE + INDEX.lane]);
  assert.equal(lanes, [1, 2, 3, 2]);
});

task("a malformed frame counts -1 and leaves nothing, its neighbours stay", () => {
  const good = requestFrame([requestTo("+447700900123")]);
  const withoutId = requestFrame([
    requestTo("+447700900123"),
    requestTo("+447700900123", {}, { messageId: Buffer.alloc(15) }),
  ]);
  const cutOff = good.slice(0, -1);
  const { result, verdicts, dispatches } = runFrames([good, withoutId, cutOff, good]);
  assert.equal(result.counts, [1, -1, -1, 1]);
  assert.is(verdicts.length, 2);
  assert.is(dispatches.length, 2);
  // The sealed numbers, too, are those of the good frames.
  for (const { toTok } of dispatches) {
    assert.is(Buffer.compare(toTok, tokenOf("447700900123", TOKEN_KEY)!), 0);
  }
});

task("a record that can be read no further than its id is rejected as INTERNAL", () => {
  const whole = requestTo("+447700900123");
  const unreadable = [
    { ...whole, message: undefined },
    { ...whole, acceptedAtMs: 0n },
    { ...whole, acceptedAtMs: 2n ** 60n },
    { ...whole, message: { ...messageTo("+447700900123"), body: undefined } },
  ];
  const { verdicts, dispatches } = run(unreadable);
  assert.is(verdicts.length, unreadable.length);
  for (const verdict of verdicts) {
    assert.equal([verdict.state, verdict.reason], [STATE.REJECTED, REASON.INTERNAL]);
    assert.is(Buffer.compare(verdict.messageId, whole.messageId), 0);
    assert.is(verdict.account, 7);
  }
  assert.equal(dispatches, []);
});

task("a message of octets goes with the segments that its header leaves", () => {
  const of = (data: number, udh = "") =>
    requestTo("+447700900123", {
      flash: true,
      body: {
        $case: "binary",
        binary: { data: Buffer.alloc(data, 0xff), udh: Buffer.from(udh, "hex") },
      },
    });
  const wap = "0605040b8423f0";
  const requests = [of(140), of(141), of(133, wap), of(134, wap), of(0, wap), of(134 * 12)];
  const { verdicts, dispatches } = run(requests);
  assert.equal(
    verdicts.map(({ encoding, segments, reason }) => [encoding, segments, reason]),
    [1, 2, 1, 2, 1, 12].map((segments) => [3, segments, 0]),
  );
  // All of it is handed on as it came.
  for (const [index, { encoding, segments, plain, message }] of dispatches.entries()) {
    assert.equal([encoding, segments, plain], [3, verdicts[index]!.segments, false]);
    assert.equal(message, requests[index]!.message);
  }
  const tooMany = run([of(134 * 12 + 1), of(10, `8a70${"88"}${"00".repeat(136)}`)]).verdicts;
  assert.equal(
    tooMany.map(({ reason }) => reason),
    [REASON.TOO_MANY_SEGMENTS, REASON.TOO_MANY_SEGMENTS],
  );
});

task("messages of several months are sealed under the key of theirs", () => {
  const months = ["2026-11", "2026-12", "2026-11"];
  const requests = months.map((month, index) =>
    requestTo(`+44770090000${index}`, {}, { acceptedAtMs: BigInt(Date.parse(`${month}-30`)) }),
  );
  const { verdicts } = run(requests);
  for (const [index, month] of months.entries()) {
    const { toEnc, messageId } = verdicts[index]!;
    assert.is(openNumber(toEnc, messageId, KEYS.data[month]!), `44770090000${index}`);
  }
});

task("a month without a key stops the task: its messages must not be lost", () => {
  const request = requestTo("+447700900123", {}, { acceptedAtMs: BigInt(Date.UTC(2027, 0, 1)) });
  try {
    run([request]);
    assert.unreachable();
  } catch (error) {
    assert.ok(isFloeError(error, "keys.invalid"));
    assert.is(error.details["month"], "2027-01");
  }
  // The next task starts afresh.
  assert.is(run([requestTo("+447700900123")]).verdicts.length, 1);
});

task("another table set is used from the task on that brings it", () => {
  const frame = requestFrame([requestTo("+447700900123")]);
  const other = {
    ...SOURCE,
    version: 43,
    decks: [
      deck({ carrier: "beta" }, "GBP", [{ of: "44", priceMicros: 5 }]),
      ...SOURCE.decks.slice(2),
    ],
  };
  const { verdicts } = runFrames([frame], shared(compileTables(other)));
  assert.equal([verdicts[0]!.tablesVersion, verdicts[0]!.costMicros], [43, 5n]);
  assert.is(runFrames([frame]).verdicts[0]!.tablesVersion, 42);
  assert.throws(() => runFrames([frame], new SharedArrayBuffer(64)), /tables\.invalid/);
  assert.is(runFrames([frame]).verdicts[0]!.tablesVersion, 42);
});

task("an empty task answers with the tables' version", () => {
  const { result } = runFrames([]);
  assert.equal([result.counts, result.tablesVersion], [[], 42]);
});

task("a verdict is no longer than its request without text by more than the limit", () => {
  const long = "a-carrier-with-the-longest-nam";
  const names = [`${long}e1`, `${long}e2`, `${long}e3`];
  const source = {
    ...SOURCE,
    version: 0xffff_ffff,
    carriers: names.map((name) => ({ name, languages: [] })),
    plans: [plan(0xffff_ffff, "GBP", { chargeBasis: 2 })],
    networks: networks([["447700900", { country: "GB", mcc: "234", mnc: "015" }]]),
    decks: [
      ...names.map((carrier) => deck({ carrier }, "GBP", [{ of: "44", priceMicros: 10 ** 12 }])),
      deck({ plan: 0xffff_ffff }, "GBP", [{ of: "44", priceMicros: 10 ** 12 }]),
    ],
    rules: [rule("r".repeat(63), "cost(*)")],
    senderRules: [senderRule("all", { alphanumeric: "replace", replacement: "+447700900999" })],
  };
  const tags = Object.fromEntries(Array.from({ length: 8 }, (_, at) => [`key-${at}`, "v"]));
  const request = requestTo("+447700900123", { tags }, { plan: 0xffff_ffff });
  const body = request.message?.body;
  const text = body?.$case === "text" ? body.text : "";
  const frame = requestFrame([request]);
  const { result } = runFrames([frame], shared(compileTables(source)));
  const bytes = result.index[INDEX.verdictEnd]! - result.index[INDEX.verdictAt]!;
  assert.ok(bytes <= frame.length - text.length + VERDICT_EXTRA_BYTES_MAX, String(bytes));
});

task.run();
