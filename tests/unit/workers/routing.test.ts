/**
 * Goal: which carriers a message is offered to, in which order, at what cost, and why others are not.
 * Method: whole messages through small table sets; verdicts read by ts-proto, outcomes by `explain`.
 */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { REASON } from "../../../core/message.js";
import {
  DecisionFrame,
  DispatchFrame,
  type RequestRecord,
  type Verdict,
} from "../../../core/proto/floe/v1/frames.js";
import { FLAG } from "../../../core/stream/fields.js";
import { OUTCOME, SCORE_NONE } from "../../../workers/choice.js";
import { compileTables } from "../../../workers/compile.js";
import { explain } from "../../../workers/route-and-rate.js";
import type { RuleRow, TableSource } from "../../../workers/source.js";
import { HEALTH, INDEX, type RouteTask } from "../../../workers/task.js";
import {
  ACCEPTED_AT_MS,
  decideOne,
  deck,
  guard,
  KEYS,
  networks,
  plan,
  requestFrame,
  requestTo,
  rule,
  runFrames,
  SOURCE,
  senderRule,
  shared,
} from "./kit.js";

const routing = suite("routing");
const NAMES = ["alpha", "beta", "gamma", "delta", "echo"];
const TO = "+447700900123";

/** Five carriers at 50, 40, 30, 20 and 10 thousandths, sold at 60. */
function five(changes: Partial<TableSource> = {}): TableSource {
  return {
    ...SOURCE,
    carriers: NAMES.map((name) => ({ name, languages: [] })),
    plans: [plan(1, "GBP")],
    decks: [
      ...NAMES.map((carrier, index) =>
        deck({ carrier }, "GBP", [{ of: "44", priceMicros: 50_000 - 10_000 * index }]),
      ),
      deck({ plan: 1 }, "GBP", [{ of: "44", priceMicros: 60_000 }]),
    ],
    ...changes,
  };
}

function by(strategy: string, changes: Partial<RuleRow> = {}): Partial<TableSource> {
  return { rules: [rule("only", strategy, changes)] };
}

function carriersOf(verdict: Verdict): string[] {
  return [verdict.carrier, ...verdict.candidates.map(({ carrier }) => carrier)];
}

function explained(source: TableSource, request: RequestRecord, inputs: Partial<RouteTask> = {}) {
  const frame = requestFrame([request]);
  const frames = new Uint8Array(frame).buffer;
  const tables = shared(compileTables(source));
  return explain({ frames, ends: [frame.length], tables, keys: KEYS, ...inputs });
}

const orders: readonly (readonly [string, readonly string[]])[] = [
  ["cost(*)", ["echo", "delta", "gamma"]],
  ["cost(alpha, beta)", ["beta", "alpha"]],
  ["priority(*)", ["alpha", "beta", "gamma"]],
  ["priority(gamma, alpha)", ["gamma", "alpha"]],
  ["priority(alpha) else cost(*)", ["alpha", "echo", "delta"]],
  ["cost(alpha, beta) else cost(*)", ["beta", "alpha", "echo"]],
  ["priority(cost(alpha, beta), echo)", ["beta", "alpha", "echo"]],
  ["quality(*)", ["echo", "delta", "gamma"]],
  ["weight(alpha:1)", ["alpha"]],
  ["weight(alpha:1, beta:0) else priority(*)", ["alpha", "beta", "gamma"]],
  ["weight(cost(alpha, beta):1, cost(delta):0)", ["beta", "alpha", "delta"]],
  ["priority(alpha) else block", ["alpha"]],
];
for (const [strategy, order] of orders) {
  routing(`${strategy} gives ${order.join(", ")}`, () => {
    const verdict = decideOne(five(by(strategy)), requestTo(TO));
    assert.equal(carriersOf(verdict), order);
    assert.is(verdict.rule, "only");
  });
}

routing("costs are of the whole message, each in its carrier's currency", () => {
  const source = five({
    ...by("cost(*)"),
    decks: [
      deck({ carrier: "alpha" }, "GBP", [{ of: "44", priceMicros: 10_000, messageFeeMicros: 500 }]),
      deck({ carrier: "beta" }, "EUR", [{ of: "44", priceMicros: 12_000 }]),
      deck({ carrier: "gamma" }, "EUR", [{ of: "44", priceMicros: 12_500 }]),
      deck({ plan: 1 }, "GBP", [{ of: "44", priceMicros: 60_000 }]),
    ],
  });
  const text = "a".repeat(161);
  const verdict = decideOne(source, requestTo(TO, { body: { $case: "text", text } }));
  // 24,000 EUR at 0.85 are 20,400 GBP; 20,500 GBP; 25,000 EUR are 21,250 GBP.
  assert.equal(
    [[verdict.carrier, verdict.costMicros, verdict.costCurrency], ...costsOf(verdict)],
    [
      ["beta", 24_000n, "EUR"],
      ["alpha", 20_500n, "GBP"],
      ["gamma", 25_000n, "EUR"],
    ],
  );
  assert.is(verdict.priceMicros, 120_000n);
});

function costsOf(verdict: Verdict) {
  return verdict.candidates.map((one) => [one.carrier, one.costMicros, one.costCurrency]);
}

routing("the exchange rate is that of the accepted time, and one unit decides", () => {
  const rates = (eur: number) => [
    { currency: "GBP", effectiveFromMs: 0, rateNanos: 1_000_000_000 },
    { currency: "EUR", effectiveFromMs: 0, rateNanos: 1 },
    { currency: "EUR", effectiveFromMs: ACCEPTED_AT_MS, rateNanos: eur },
    { currency: "EUR", effectiveFromMs: ACCEPTED_AT_MS + 1, rateNanos: 1 },
  ];
  const decks = [
    deck({ carrier: "alpha" }, "GBP", [{ of: "44", priceMicros: 17_000 }]),
    deck({ carrier: "beta" }, "EUR", [{ of: "44", priceMicros: 20_000 }]),
    deck({ plan: 1 }, "GBP", [{ of: "44", priceMicros: 60_000 }]),
  ];
  const first = (eur: number) =>
    decideOne(five({ decks, exchangeRates: rates(eur) }), requestTo(TO)).carrier;
  // At 0.85 both cost the same, and the list's order decides.
  assert.equal([849_999_999, 850_000_000, 850_000_001].map(first), ["beta", "alpha", "alpha"]);
});

routing("a currency without a rate compares with none but itself", () => {
  const decks = [
    deck({ carrier: "alpha" }, "GBP", [{ of: "44", priceMicros: 17_000 }]),
    deck({ carrier: "beta" }, "EUR", [{ of: "44", priceMicros: 20_000 }]),
    deck({ plan: 1 }, "EUR", [{ of: "44", priceMicros: 60_000 }]),
  ];
  const source = five({ plans: [plan(1, "EUR")], decks, exchangeRates: [] });
  const { choice, result } = explained(source, requestTo(TO));
  assert.equal([...choice.outcomes.subarray(0, 2)], [OUTCOME.noExchange, OUTCOME.kept]);
  assert.is(result.carriers[result.index[INDEX.carrier]!], "beta");
});

routing("the margin in money and in percent is kept, to the micro-unit", () => {
  const reason = (changes: Partial<RuleRow>) =>
    decideOne(five(by("cost(alpha)", changes)), requestTo(TO)).reason;
  // Sold at 60,000 and bought at 50,000.
  assert.is(reason({ marginMicros: 10_000 }), REASON.NONE);
  assert.is(reason({ marginMicros: 10_001 }), REASON.BELOW_COST);
  assert.is(reason({ marginBasisPoints: 1_666 }), REASON.NONE);
  assert.is(reason({ marginBasisPoints: 1_667 }), REASON.BELOW_COST);
  assert.is(reason({ marginMicros: 10_001, marginBasisPoints: 1 }), REASON.BELOW_COST);
  assert.is(reason({ marginMicros: 10_001, allowLoss: true }), REASON.NONE);
});

routing("without a margin a message is not sold below its cost, unless the rule allows it", () => {
  const decks = (cost: number) => [
    deck({ carrier: "alpha" }, "EUR", [{ of: "44", priceMicros: cost }]),
    deck({ plan: 1 }, "GBP", [{ of: "44", priceMicros: 17_000 }]),
  ];
  const reason = (cost: number, allowLoss: boolean) =>
    decideOne(five({ ...by("cost(*)", { allowLoss }), decks: decks(cost) }), requestTo(TO)).reason;
  // 20,000 EUR at 0.85 are 17,000 GBP.
  assert.is(reason(20_000, false), REASON.NONE);
  assert.is(reason(20_001, false), REASON.BELOW_COST);
  assert.is(reason(20_001, true), REASON.NONE);
});

routing("a carrier after the first costs no more than the rule lets it", () => {
  const carriers = (failoverCostPercentMax: number | undefined, strategy = "cost(*)") =>
    carriersOf(decideOne(five(by(strategy, { failoverCostPercentMax })), requestTo(TO)));
  // 10, 20 and 30.
  assert.equal(carriers(undefined), ["echo", "delta", "gamma"]);
  assert.equal(carriers(300), ["echo", "delta", "gamma"]);
  assert.equal(carriers(299), ["echo", "delta"]);
  assert.equal(carriers(100), ["echo"]);
  // Cheaper ones are no matter; what is between two that stay goes.
  assert.equal(carriers(100, "priority(alpha, echo)"), ["alpha", "echo"]);
  assert.equal(carriers(100, "priority(echo, alpha, delta)"), ["echo"]);
  assert.equal(carriers(200, "priority(echo, alpha, delta)"), ["echo", "delta"]);
});

routing("tells that a carrier costs more than the rule lets it", () => {
  const source = five(by("cost(*)", { failoverCostPercentMax: 200 }));
  const { choice } = explained(source, requestTo(TO));
  assert.equal(
    [...choice.outcomes.subarray(0, 5)],
    [OUTCOME.beyondMax, OUTCOME.beyondMax, OUTCOME.aboveCostMax, OUTCOME.kept, OUTCOME.kept],
  );
});

routing("a rule's policy is in both records, and the index says at most once", () => {
  const policy = { delivery: "at_most_once", retryTemporarySeconds: [30] } as const;
  const { result } = explained(five(by("cost(*)", policy)), requestTo(TO));
  const [verdict] = DecisionFrame.decode(
    new Uint8Array(result.verdicts, 0, result.verdictsEnd),
  ).records;
  const [dispatch] = DispatchFrame.decode(
    new Uint8Array(result.dispatches, 0, result.dispatchesEnd),
  ).records;
  assert.is(result.index[INDEX.once], 1);
  assert.equal(verdict!.policy, dispatch!.policy);
  assert.equal(dispatch!.policy, {
    ...{ delivery: 1, failover: 3, submitTimeoutSeconds: 0 },
    ...{ retryTemporarySeconds: [30], retryRefusedSeconds: [] },
  });
});

routing("a dearer carrier of the list takes the place of one below the margin", () => {
  const verdict = decideOne(five(by("priority(*)", { marginMicros: 35_000 })), requestTo(TO));
  assert.equal(carriersOf(verdict), ["delta", "echo"]);
});

routing(
  "degraded carriers go after well ones, those that are down last, whatever the strategy",
  () => {
    // alpha degraded, echo down.
    const health = Uint8Array.of(HEALTH.degraded, 0, 0, 0, HEALTH.down);
    const order = (strategy: string) =>
      carriersOf(decideOne(five(by(strategy)), requestTo(TO), { health }));
    assert.equal(order("cost(*)"), ["delta", "gamma", "beta"]);
    assert.equal(order("cost(echo, alpha)"), ["alpha", "echo"]);
    assert.equal(order("priority(alpha) else cost(echo, beta)"), ["beta", "alpha", "echo"]);
    assert.equal(order("weight(echo:9) else priority(alpha)"), ["alpha", "echo"]);
    assert.equal(order("priority(echo)"), ["echo"]);
  },
);

/** Delivery rate and p95 of each of the five in GB, where the tables know BE, GB and IE. */
function qualityOf(rows: readonly (readonly [number, number])[]): Int32Array {
  const quality = new Int32Array(rows.length * 3 * 2).fill(-1);
  for (const [carrier, [rate, p95Ms]] of rows.entries()) {
    quality.set([rate, p95Ms], 2 * (carrier * 3 + 1));
  }
  return quality;
}

routing(
  "quality: the rate of delivery, less a point for each 30 ms; cost where points are equal",
  () => {
    const order = (rows: readonly (readonly [number, number])[]) =>
      carriersOf(decideOne(five(by("quality(*)")), requestTo(TO), { quality: qualityOf(rows) }));
    const slow = [9_500, 30_000] as const;
    // 9,000; 9,500 - 1,000; 8,000; 8,600; 9,000 - 1.
    assert.equal(order([[9_000, 29], slow, [8_000, 0], [8_600, 0], [9_000, 30]]), [
      "alpha",
      "echo",
      "delta",
    ]);
    // Beyond a minute nothing is lost any more.
    assert.equal(
      order([
        [9_000, 60_000],
        [9_000, 10 ** 9],
        [1, 0],
        [1, 0],
        [1, 0],
      ]),
      ["beta", "alpha", "echo"],
    );
  },
);

routing("quality: one of which nothing is known is as good as the mean of the others", () => {
  const unknown = [-1, -1] as const;
  const rows = [[9_000, 0], unknown, [8_000, 0], [8_499, 0], [8_501, 0]] as const;
  const { choice } = explained(five(by("quality(*)")), requestTo(TO), {
    quality: qualityOf(rows),
  });
  assert.equal([...choice.scores], [9_000, 8_500, 8_000, 8_499, 8_501]);
  assert.equal([...choice.ranks], [0, 2, -1, -1, 1]);
});

routing("weights draw by message id: the same always, and in proportion", () => {
  const source = five(by("weight(alpha:70, beta:30, gamma:0)"));
  const requests = Array.from({ length: 2_000 }, () => requestTo(TO));
  const tables = shared(compileTables(source));
  const frame = requestFrame(requests);
  const { verdicts } = runFrames([frame], tables);
  const alphas = verdicts.filter(({ carrier }) => carrier === "alpha").length;
  // Ids are counted up, so this is one fixed draw: 1,400 are expected, 20 are a standard deviation.
  assert.ok(alphas > 1_300 && alphas < 1_500, String(alphas));
  assert.ok(verdicts.every((one) => one.candidates.at(-1)!.carrier === "gamma"));
  const again = runFrames([frame], tables).verdicts;
  assert.equal(again.map(carriersOf), verdicts.map(carriersOf));
});

routing("traffic is never sent back to where it comes from", () => {
  const guards = [guard(7, { neverCarriers: ["echo", "gamma"] })];
  const request = requestTo(TO);
  assert.equal(carriersOf(decideOne(five({ guards }), request)), ["delta", "beta", "alpha"]);
  const all = [guard(7, { neverCarriers: NAMES })];
  assert.is(decideOne(five({ guards: all }), request).reason, REASON.NO_ROUTE);
  const other = { ...request, account: 8 };
  assert.is(decideOne(five({ guards }), other).carrier, "echo");
});

routing("guards block countries and classes, watch countries, and cap the price", () => {
  const decided = (changes: Parameters<typeof guard>[1], request = requestTo(TO)) =>
    decideOne(five({ guards: [guard(7, changes)] }), request);
  assert.is(decided({ countries: { GB: "block" } }).reason, REASON.COUNTRY_BLOCKED);
  assert.is(decided({ otherCountries: "block" }).reason, REASON.COUNTRY_BLOCKED);
  const allowed = decided({ countries: { GB: "allow" }, otherCountries: "block" });
  assert.equal([allowed.reason, allowed.flags], [REASON.NONE, 0]);
  const watched = decided({ countries: { GB: "monitor" } });
  assert.equal([watched.reason, watched.flags], [REASON.NONE, FLAG.monitored]);
  assert.is(decided({ trafficClasses: [1, 3] }).reason, REASON.CLASS_BLOCKED);
  // Unspecified counts as transactional.
  assert.is(decided({ trafficClasses: [2] }).reason, REASON.NONE);
  assert.is(decided({ priceCeilingMicros: 60_000 }).reason, REASON.NONE);
  assert.is(decided({ priceCeilingMicros: 59_999 }).reason, REASON.PRICE_CEILING);
  // A country that only the number tells.
  const american = requestTo("+12125550142");
  assert.is(decided({ countries: { US: "block" } }, american).reason, REASON.COUNTRY_BLOCKED);
});

routing("a rule may block, at once or where its carriers cannot", () => {
  assert.is(decideOne(five(by("block")), requestTo(TO)).reason, REASON.BLOCKED_BY_RULE);
  const source = five(by("cost(alpha) else block", { marginMicros: 20_000 }));
  const verdict = decideOne(source, requestTo(TO));
  assert.equal([verdict.reason, verdict.rule], [REASON.BLOCKED_BY_RULE, "only"]);
  const none = decideOne(five(by("cost(*)", { accounts: [8] })), requestTo(TO));
  assert.equal([none.reason, none.rule], [REASON.NO_ROUTE, ""]);
});

routing("a replaced sender is told in the verdict, the dispatch record and each candidate", () => {
  const source = five({
    senderRules: [
      senderRule("a", { carrier: "delta", alphanumeric: "replace", replacement: "+447700900000" }),
      senderRule("b", { carrier: "echo", alphanumeric: "replace", replacement: "12345" }),
      senderRule("c", { carrier: "gamma", numeric: "replace", replacement: "Other" }),
    ],
  });
  const frame = requestFrame([requestTo(TO)]);
  const { verdicts, dispatches } = runFrames([frame], shared(compileTables(source)));
  const [verdict] = verdicts;
  assert.equal([verdict!.sender, verdict!.sentSender], ["Floe", "12345"]);
  assert.is(verdict!.flags, FLAG.senderReplaced);
  assert.equal(
    verdict!.candidates.map(({ carrier, sender }) => [carrier, sender]),
    [
      ["delta", "+447700900000"],
      ["gamma", ""],
    ],
  );
  assert.is(dispatches[0]!.sender, "12345");
  assert.equal(dispatches[0]!.candidates, verdict!.candidates);
});

routing("a carrier charges for the kind of sender that it gets", () => {
  const decks = [
    deck({ carrier: "alpha" }, "GBP", [
      { of: "44", priceMicros: 30_000, senderKind: 1 },
      { of: "44", priceMicros: 10_000, senderKind: 3 },
    ]),
    deck({ carrier: "beta" }, "GBP", [{ of: "44", priceMicros: 20_000 }]),
    deck({ plan: 1 }, "GBP", [{ of: "44", priceMicros: 60_000 }]),
  ];
  const replaced = (replacement: string) => [
    senderRule("a", { carrier: "alpha", alphanumeric: "replace", replacement }),
  ];
  const cost = (replacement: string) => {
    const senderRules = replacement === "" ? [] : replaced(replacement);
    const { choice } = explained(five({ decks, senderRules }), requestTo(TO));
    return [choice.outcomes[0], choice.carrierCostsMicros[0]];
  };
  assert.equal(cost(""), [OUTCOME.kept, 30_000]);
  assert.equal(cost("12345"), [OUTCOME.kept, 10_000]);
  // No row is for long numbers.
  assert.equal(cost("+447700900000"), [OUTCOME.noRate, -1]);
});

routing("senders that no carrier takes are refused, unless no carrier has a rate", () => {
  const senderRules = [senderRule("all", { alphanumeric: "refuse" })];
  assert.is(decideOne(five({ senderRules }), requestTo(TO)).reason, REASON.SENDER_REFUSED);
  const belgian = requestTo("+32470000000");
  assert.is(decideOne(five({ senderRules }), belgian).reason, REASON.NO_ROUTE);
  const own = requestTo(TO, { from: "+447700900001" });
  assert.is(decideOne(five({ senderRules }), own).reason, REASON.NONE);
});

routing("explains what became of every carrier", () => {
  const source = five({
    ...by("priority(beta) else cost(alpha, gamma, delta, echo)", { marginMicros: 15_000 }),
    carriers: [...NAMES, "foxtrot", "golf"].map((name) => ({ name, languages: [] })),
    guards: [guard(7, { neverCarriers: ["echo"] })],
    senderRules: [senderRule("d", { carrier: "delta", alphanumeric: "refuse" })],
  });
  const { choice, decision, result } = explained(source, requestTo(TO));
  assert.equal(
    [...choice.outcomes],
    [
      OUTCOME.belowMargin,
      OUTCOME.kept,
      OUTCOME.kept,
      OUTCOME.senderRefused,
      OUTCOME.loopGuard,
      OUTCOME.notInStrategy,
      OUTCOME.notInStrategy,
    ],
  );
  assert.equal([...choice.ranks], [-1, 0, 1, -1, -1, -1, -1]);
  assert.equal([...choice.carrierCostsMicros], [50_000, 40_000, 30_000, 20_000, -1, -1, -1]);
  assert.ok(choice.scores.every((score) => score === SCORE_NONE));
  assert.is(decision.priceMicros, 60_000);
  assert.is(result.carriers[result.index[INDEX.carrier]!], "beta");
});

routing("explains who is beyond the third, who for its health, and what has no rate", () => {
  const health = Uint8Array.of(0, 0, 0, HEALTH.degraded, 0);
  const source = five({
    decks: [
      ...five().decks.filter(({ owner }) => !("carrier" in owner && owner.carrier === "beta")),
    ],
    ...by("cost(*)"),
  });
  const { choice } = explained(source, requestTo(TO), { health });
  assert.equal(
    [...choice.outcomes],
    [OUTCOME.kept, OUTCOME.noRate, OUTCOME.kept, OUTCOME.healthMoved, OUTCOME.kept],
  );
  const all = explained(five(by("cost(*)")), requestTo(TO), { health }).choice;
  assert.equal(
    [...all.outcomes],
    [OUTCOME.beyondMax, OUTCOME.kept, OUTCOME.kept, OUTCOME.healthMoved, OUTCOME.kept],
  );
  assert.equal([...all.ranks], [-1, 2, 1, -1, 0]);
});

routing("explaining changes no decision", () => {
  const health = Uint8Array.of(0, 1, 0, 2, 0);
  for (const [strategy] of orders) {
    const source = five(by(strategy));
    const request = requestTo(TO);
    const { result } = explained(source, request, { health });
    const plain = runFrames([requestFrame([request])], shared(compileTables(source)), KEYS, {
      health,
    });
    assert.is(Buffer.compare(Buffer.from(result.verdicts), Buffer.from(plain.result.verdicts)), 0);
  }
});

routing("a message that is rejected before routing has no carrier explained", () => {
  const { choice, decision } = explained(five(), requestTo("+4477"));
  assert.is(decision.reason, REASON.NUMBER_INVALID);
  assert.ok(choice.outcomes.every((outcome) => outcome === OUTCOME.notInStrategy));
  assert.equal([choice.count, choice.rule], [0, -1]);
});

routing("the price row's charge basis goes before the plan's", () => {
  const sold = (chargeBasis: number) =>
    decideOne(
      five({
        plans: [plan(1, "GBP", { chargeBasis: 2 })],
        decks: [
          ...five().decks.slice(0, 5),
          deck({ plan: 1 }, "GBP", [{ of: "44", priceMicros: 60_000, chargeBasis }]),
        ],
      }),
      requestTo(TO),
    ).chargeBasis;
  assert.equal([0, 1, 2].map(sold), [2, 1, 2]);
});

routing("a tiered price is that of the first segments, and its rate is named", () => {
  const steps = [
    { from: 0, priceMicros: 60_000 },
    { from: 100, priceMicros: 55_000 },
  ];
  const source = five({
    decks: [
      ...five().decks.slice(0, 5),
      deck({ plan: 1 }, "GBP", [{ of: "44", priceMicros: 60_000, tiers: { mode: 1, steps } }]),
    ],
  });
  const { result, verdicts } = runFrames(
    [requestFrame([requestTo(TO)])],
    shared(compileTables(source)),
  );
  assert.equal([verdicts[0]!.priceMicros, verdicts[0]!.flags], [60_000n, FLAG.tiered]);
  assert.ok(result.index[INDEX.tier]! > 0);
});

routing("numbers: 00 counts as plus, one too long for its country is refused unless wanted", () => {
  assert.is(decideOne(five(), requestTo("00447700900123")).carrier, "echo");
  const long = requestTo("+4477009001234");
  assert.is(decideOne(five(), long).reason, REASON.NUMBER_INVALID);
  assert.is(decideOne(five(), long, { anyNumber: true }).carrier, "echo");
  // No plan has these, but they are as long as British numbers are.
  assert.is(decideOne(five(), requestTo("+446900000000")).carrier, "echo");
});

routing("the network's country goes before the number's", () => {
  // +44 7797 are Jersey's; the tables say whose they hold them to be.
  const to = requestTo("+447797712345");
  const source = five({ guards: [guard(7, { countries: { JE: "block" } })] });
  assert.is(decideOne(source, to).reason, REASON.NONE);
  const known = networks([["447797", { country: "JE", mcc: "234", mnc: "50" }]]);
  const verdict = decideOne({ ...source, networks: known }, to);
  assert.equal([verdict.reason, verdict.country], [REASON.COUNTRY_BLOCKED, "JE"]);
  const unknown = decideOne({ ...source, networks: networks([]) }, to);
  assert.equal([unknown.reason, unknown.country], [REASON.COUNTRY_BLOCKED, "JE"]);
});

routing("texts of plans with smart encoding are counted so; others are not", () => {
  const smart = five({ plans: [plan(1, "GBP", { smartEncoding: true })] });
  const request = requestTo(TO, { body: { $case: "text", text: `${"a".repeat(80)}–` } });
  const [plain, replaced] = [decideOne(five(), request), decideOne(smart, request)];
  assert.equal([plain.encoding, plain.segments, plain.flags], [2, 2, 0]);
  assert.equal([replaced.encoding, replaced.segments, replaced.flags], [1, 1, FLAG.smartEncoded]);
  assert.equal([plain.priceMicros, replaced.priceMicros], [120_000n, 60_000n]);
});

routing("national tables are used where all candidates take them, and it saves", () => {
  const turkish = (...which: readonly string[]) =>
    five({
      ...by("cost(delta, echo)"),
      carriers: NAMES.map((name) => ({ name, languages: which.includes(name) ? ["tr"] : [] })),
    });
  const text = "ğ".repeat(71);
  const sent = (source: TableSource, of = text) => {
    const verdict = decideOne(source, requestTo(TO, { body: { $case: "text", text: of } }));
    const { encoding, segments, languages, priceMicros, costMicros } = verdict;
    return [encoding, segments, languages > 0, priceMicros, costMicros];
  };
  assert.equal(sent(turkish("echo")), [2, 2, false, 120_000n, 20_000n]);
  assert.equal(sent(turkish("echo", "delta")), [1, 1, true, 60_000n, 10_000n]);
  assert.equal(sent(turkish("echo", "delta"), "ğ".repeat(70)), [2, 1, false, 60_000n, 10_000n]);
});

routing.run();
