/** Quotes against the hot path itself: a quote says what a decision would. */
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { REASON_NAMES } from "../../../core/message.js";
import { formatMicros } from "../../../core/money.js";
import type { Verdict } from "../../../core/proto/floe/v1/frames.js";
import { RoutedQuote } from "../../../core/proto/floe/v1/routing.js";
import { compileTables } from "../../../workers/compile.js";
import { openQuoter } from "../../../workers/quote.js";
import { NO_REQUEST } from "../../../workers/quote-request.js";
import { resultOf, routedQuoteOf } from "../../../workers/quote-wire.js";
import {
  ACCEPTED_AT_MS,
  guard,
  requestFrame,
  requestTo,
  rule,
  runFrames,
  SOURCE,
  senderRule,
  shared,
} from "../../unit/workers/kit.js";

const quotes = suite("quotes against decisions");

const TABLES = shared(
  compileTables({
    ...SOURCE,
    rules: [
      rule("otp", "weight(alpha:1, beta:2)", { trafficClasses: [1] }),
      rule("dear", "priority(beta, alpha)", { countries: ["IE"], allowLoss: true }),
      rule("rest", "cost(*)", { order: 9 }),
    ],
    senderRules: [
      senderRule("numbers", { carrier: "beta", numeric: "replace", replacement: "Floe" }),
      senderRule("short", { carrier: "alpha", short: "refuse" }),
    ],
    guards: [guard(7, { countries: { IE: "block" }, priceCeilingMicros: 200_000 })],
  }),
);
const quoter = openQuoter(TABLES);

const request = fc.record({
  to: fc.oneof(
    fc.stringMatching(/^\+(?:44|4477|3538|324)[0-9]{5,9}$/),
    fc.stringMatching(/^\+?[0-9]{0,16}$/),
  ),
  from: fc.constantFrom("Floe", "+447911123456", "60001", ""),
  text: fc.oneof(
    fc.string({ minLength: 1, maxLength: 400 }),
    fc.string({ unit: "grapheme", minLength: 1, maxLength: 120 }),
  ),
  account: fc.constantFrom(0, 7, 8),
  plan: fc.constantFrom(1, 4_000_000_000, 5),
  trafficClass: fc.integer({ min: 0, max: 3 }),
  validate: fc.boolean(),
  messageId: fc.uint8Array({ minLength: 16, maxLength: 16 }),
});

function verdictOf(asked: typeof request extends fc.Arbitrary<infer T> ? T : never, to: string) {
  const { from, text, account, plan, trafficClass, messageId, validate } = asked;
  const record = requestTo(
    to,
    { from, body: { $case: "text", text }, trafficClass: trafficClass as 0 },
    { account, plan, messageId: Buffer.from(messageId) },
  );
  return runFrames([requestFrame([record])], TABLES, undefined, { anyNumber: !validate })
    .verdicts[0]!;
}

quotes("say what the hot path decides", () => {
  fc.assert(
    fc.property(request, (asked) => {
      const quoted = quoter.quote(
        { ...NO_REQUEST, ...asked, plan: "", accountPlan: asked.plan, atMs: ACCEPTED_AT_MS },
        0,
        0,
      );
      assert.ok("verdict" in quoted);
      const verdict: Verdict = verdictOf(asked, quoted.to ?? asked.to);
      assert.is(quoted.segments, verdict.segments);
      assert.is(quoted.parts.length, verdict.segments);
      assert.is(quoted.encoding === "ucs2", verdict.encoding === 2);
      assert.is(quoted.tables.set, verdict.tablesVersion);
      const reason = REASON_NAMES[verdict.reason]!.toLowerCase();
      assert.is(quoted.verdict, verdict.reason === 0 ? "routed" : reason);
      assert.equal([quoted.mcc ?? "", quoted.mnc ?? ""], [verdict.mcc, verdict.mnc]);
      if (verdict.reason !== 0) return;
      assert.is(quoted.price, formatMicros(verdict.priceMicros));
      assert.is(quoted.cost, formatMicros(verdict.costMicros));
      assert.is(quoted.currency, verdict.currency);
      assert.is(quoted.costCurrency, verdict.costCurrency);
      assert.is(quoted.rule, verdict.rule);
      const later = verdict.candidates.map(({ carrier }) => carrier);
      assert.equal(quoted.carriers, [verdict.carrier, ...later]);
      const senders = [verdict.sentSender, ...verdict.candidates.map(({ sender }) => sender)];
      assert.equal(
        quoted.senders,
        senders.map((sender) => sender || asked.from),
      );
    }),
    { numRuns: 1_500 },
  );
});

quotes("cut the text into parts that make it again, and travel as they are", () => {
  fc.assert(
    fc.property(request, (asked) => {
      const quoted = quoter.quote({ ...NO_REQUEST, ...asked, plan: "1" }, 0, ACCEPTED_AT_MS);
      assert.ok("verdict" in quoted);
      assert.is(quoted.parts.join(""), Buffer.from(asked.text, "utf8").toString("utf8"));
      const sent = RoutedQuote.encode(routedQuoteOf(quoted)).finish();
      assert.equal(resultOf(RoutedQuote.decode(sent)), quoted);
      // What is printed is JSON, whatever the text is.
      assert.equal(JSON.parse(JSON.stringify(quoted)), quoted);
    }),
    { numRuns: 500 },
  );
});

quotes.run();
