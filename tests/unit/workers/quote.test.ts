/** Quotes: every field of a result, for messages that would go and for those that would not. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { compileTables } from "../../../workers/compile.js";
import { openQuoter, type QuoteResult } from "../../../workers/quote.js";
import type { Explanation } from "../../../workers/quote-explained.js";
import { NO_REQUEST, type QuoteRequest } from "../../../workers/quote-request.js";
import type { TableSource } from "../../../workers/source.js";
import { ACCEPTED_AT_MS, deck, guard, rule, SOURCE, senderRule, shared } from "./kit.js";

const quotes = suite("quotes");
const NOW_MS = ACCEPTED_AT_MS;
const LEAST: QuoteRequest = { ...NO_REQUEST, to: "+447911123456", from: "Floe", text: "hello" };

function quoterOf(changes: Partial<TableSource> = {}) {
  return openQuoter(shared(compileTables({ ...SOURCE, ...changes })));
}

function quoteWith(changes: Partial<TableSource>, request: Partial<QuoteRequest>): QuoteResult {
  const quoted = quoterOf(changes).quote({ ...LEAST, ...request }, 0, NOW_MS);
  assert.ok("verdict" in quoted, JSON.stringify(quoted));
  return quoted;
}

function explainWith(changes: Partial<TableSource>, request: Partial<QuoteRequest>): Explanation {
  const explained = quoterOf(changes).explain({ ...LEAST, ...request }, 0, NOW_MS);
  assert.ok("carriers" in explained, JSON.stringify(explained));
  return explained;
}

quotes("tell all of a message that would go", () => {
  const text = `${"a".repeat(159)}€`;
  assert.equal(quoteWith({ made: { "deck/carrier-alpha": "3" } }, { text }), {
    to: "+447911123456",
    valid: true,
    country: "GG",
    numberType: "mobile",
    mcc: null,
    mnc: null,
    encoding: "gsm7",
    units: 161,
    segments: 2,
    parts: ["a".repeat(153), "aaaaaa€"],
    verdict: "routed",
    carriers: ["alpha", "beta"],
    price: "0.073",
    cost: "0.056",
    currency: "GBP",
    costCurrency: "GBP",
    tables: { set: 42, made: { "deck/carrier-alpha": "3" } },
    plan: 1,
    rule: "default",
    senders: ["Floe", "Floe"],
    chargeBasis: "submit",
    smartEncoded: false,
    monitored: false,
    ported: false,
    tiered: false,
    at: "2026-11-24T09:30:00.000Z",
  });
});

quotes("count the octets of a message that is no text, with their header", () => {
  const octets = (count: number, udh = "") => {
    const binary = { data: new Uint8Array(count).fill(0xab), udh: Buffer.from(udh, "hex") };
    const { encoding, units, segments, parts, price } = quoteWith({}, { text: "", binary });
    const lengths = parts.map((part) => part.length / 2);
    assert.is(parts.join(""), "ab".repeat(count));
    return [encoding, units, segments, lengths, price];
  };
  assert.equal(octets(140), ["binary", 140, 1, [140], "0.0365"]);
  assert.equal(octets(141), ["binary", 141, 2, [134, 7], "0.073"]);
  const wap = "0605040b8423f0";
  assert.equal(octets(133, wap), ["binary", 133, 1, [133], "0.0365"]);
  assert.equal(octets(134, wap), ["binary", 134, 2, [128, 6], "0.073"]);
  assert.equal(octets(0, wap), ["binary", 0, 1, [0], "0.0365"]);
  const binary = { data: new Uint8Array(134 * 12 + 1), udh: new Uint8Array(0) };
  assert.is(quoteWith({}, { text: "", binary }).verdict, "too_many_segments");
});

quotes("read national numbers of the region that is named", () => {
  const { to, country, valid } = quoteWith({}, { to: "020 7946 0018", defaultRegion: "GB" });
  assert.equal({ to, country, valid }, { to: "+442079460018", country: "GB", valid: true });
});

quotes("tell the text of a message whose number is none", () => {
  const quoted = quoteWith({}, { to: "nobody", text: "Привет" });
  assert.is(quoted.to, null);
  assert.is(quoted.valid, false);
  assert.is(quoted.country, null);
  assert.is(quoted.numberType, "unknown");
  assert.is(quoted.verdict, "number_invalid");
  assert.equal([quoted.encoding, quoted.units, quoted.segments], ["ucs2", 6, 1]);
  assert.equal(quoted.parts, ["Привет"]);
  assert.equal([quoted.price, quoted.cost, quoted.carriers], [null, null, []]);
  assert.is(quoted.currency, "GBP");
});

quotes("refuse a number that cannot exist, unless told to take its prefix", () => {
  const plans = SOURCE.plans.map((one) => ({ ...one, possibleNumbers: false }));
  const refused = quoteWith({ plans }, { to: "+447700900123" });
  assert.equal([refused.valid, refused.verdict], [false, "number_invalid"]);
  assert.equal([refused.price, refused.cost, refused.carriers], [null, null, []]);
  assert.equal([refused.to, refused.country], ["+447700900123", "GB"]);
  const taken = quoteWith({}, { to: "+447700900123", validate: false });
  assert.equal([taken.valid, taken.verdict], [false, "routed"]);
  assert.equal([taken.mcc, taken.mnc, taken.price], ["234", "01", "0.039"]);
  // A plan may take what is possible: then it is sent, and so the quote says.
  const possible = quoteWith({}, { to: "+447700900123" });
  assert.equal([possible.valid, possible.verdict, possible.price], [false, "routed", "0.039"]);
  assert.is(quoteWith({}, { to: "+44770090012345" }).verdict, "number_invalid");
});

quotes("take the digits as they are where the number is not checked", () => {
  const decks = [
    deck({ carrier: "alpha" }, "GBP", [{ of: "999", priceMicros: 1_000 }]),
    deck({ plan: 1 }, "GBP", [{ of: "9991", priceMicros: 2_000 }]),
  ];
  // No country has 999, and +44 0... has a digit too many for the plans.
  const strange = quoteWith({ decks }, { to: "+99912", validate: false });
  assert.equal([strange.to, strange.verdict], ["+99912", "routed"]);
  assert.equal([strange.price, strange.cost], ["0.002", "0.001"]);
  assert.is(quoteWith({}, { to: "00440791", validate: false }).to, "+440791");
  assert.is(quoteWith({}, { to: "no digits", validate: false }).verdict, "number_invalid");
});

quotes("know a short code when they see one", () => {
  const { to, numberType, verdict } = quoteWith({}, { to: "60777", defaultRegion: "GB" });
  assert.equal([to, numberType, verdict], [null, "short_code", "number_invalid"]);
});

quotes("give the price where no carrier goes, and the cost where there is no price", () => {
  const noRoute = quoteWith({}, { to: "+32470123456" });
  assert.is(noRoute.verdict, "no_route");
  assert.equal([noRoute.price, noRoute.cost, noRoute.carriers], ["0.064", null, []]);
  assert.equal([noRoute.mcc, noRoute.mnc], ["206", "10"]);
  const noPrice = quoteWith({}, { to: "+353861234567" });
  assert.is(noPrice.verdict, "no_price");
  assert.equal([noPrice.price, noPrice.cost, noPrice.carriers], [null, "0.0427", ["alpha"]]);
});

quotes("go by the plan's number or name, and tell a plan that is none", () => {
  const byNumber = quoteWith({}, { plan: "4000000000" });
  assert.equal(
    [byNumber.price, byNumber.currency, byNumber.chargeBasis],
    ["0.05", "EUR", "delivered"],
  );
  assert.is(quoteWith({}, { plan: "plan-4000000000" }).price, "0.05");
  const twins = SOURCE.plans.map((one) => ({ ...one, name: "twin" }));
  assert.is(quoteWith({ plans: twins }, { plan: "twin" }).plan, SOURCE.plans[0]?.plan);
  for (const plan of ["gold", "9", "0", "4294967296", "99999999999"]) {
    const wrong = quoterOf().quote({ ...LEAST, plan }, 0, NOW_MS);
    assert.ok("problem" in wrong, plan);
    assert.is(wrong.field, "plan");
    assert.match(wrong.problem, /^is neither the number nor the name of a plan of table set 42; /);
    assert.match(wrong.problem, /known are 1 \(plan-1\)/);
  }
});

quotes("take an account's own plan as it is: one that the tables do not know has no price", () => {
  const unknown = quoteWith({}, { accountPlan: 9 });
  assert.equal([unknown.verdict, unknown.price, unknown.currency], ["no_price", null, null]);
  assert.is(unknown.plan, 9);
  // A number is a number there: what another plan is called does not matter.
  const plans = SOURCE.plans.map((one) => ({ ...one, name: one.plan === 1 ? "4000000000" : "x" }));
  assert.is(quoteWith({ plans }, { accountPlan: 4_000_000_000 }).plan, 4_000_000_000);
  assert.is(quoteWith({ plans }, { plan: "4000000000" }).plan, 1);
});

quotes("count too many segments all the same", () => {
  const quoted = quoteWith({}, { text: "ж".repeat(12 * 67 + 1) });
  assert.equal(
    [quoted.verdict, quoted.segments, quoted.parts.length],
    ["too_many_segments", 13, 13],
  );
});

quotes("are of the time that is asked for", () => {
  const atMs = Date.UTC(2026, 0, 1);
  const rates = deck({ plan: 1 }, "GBP", [
    { of: "44", priceMicros: 40_000, effectiveToMs: atMs },
    { of: "44", priceMicros: 50_000, effectiveFromMs: atMs },
  ]);
  const changes = { decks: [SOURCE.decks[0]!, SOURCE.decks[1]!, rates] };
  assert.is(quoteWith(changes, { atMs: atMs - 1 }).price, "0.04");
  assert.is(quoteWith(changes, { atMs }).price, "0.05");
  assert.is(quoteWith(changes, {}).at, "2026-11-24T09:30:00.000Z");
});

quotes("price a tier by the segments of the month that the request names", () => {
  const steps = [
    { from: 0, priceMicros: 30_000 },
    { from: 100, priceMicros: 20_000 },
  ];
  const tiered = deck({ plan: 1 }, "GBP", [
    { of: "44", priceMicros: 0, tiers: { mode: 1, steps } },
  ]);
  const decks = [SOURCE.decks[0]!, SOURCE.decks[1]!, tiered];
  const rules = [rule("any", "cost(*)", { allowLoss: true })];
  const first = quoteWith({ decks, rules }, {});
  assert.equal([first.price, first.tiered], ["0.03", true]);
  assert.is(quoteWith({ decks, rules }, { monthSegments: 100 }).price, "0.02");
});

quotes("give each carrier's sender, and mark what was noted", () => {
  const senderRules = [
    senderRule("beta", { carrier: "beta", alphanumeric: "replace", replacement: "60001" }),
  ];
  const guards = [guard(7, { countries: { GB: "monitor", GG: "monitor" } })];
  const quoted = quoteWith({ senderRules, guards }, { account: 7 });
  assert.equal(quoted.senders, ["Floe", "60001"]);
  assert.is(quoted.monitored, true);
});

quotes("replace typographic characters where the plan says so", () => {
  const plans = SOURCE.plans.map((one) => ({ ...one, smartEncoding: true }));
  const quoted = quoteWith({ plans }, { text: "“hello” — Floe" });
  assert.equal([quoted.encoding, quoted.smartEncoded], ["gsm7", true]);
  assert.equal(quoted.parts, ['"hello" - Floe']);
});

quotes("say what removed each carrier", () => {
  const guards = [guard(7, { neverCarriers: ["alpha"] })];
  const explained = explainWith({ guards }, { account: 7 });
  assert.equal(explained.carriers, [
    {
      carrier: "alpha",
      place: null,
      removedBy: "loop_guard",
      cost: null,
      costCurrency: null,
      costInCurrency: null,
      score: null,
    },
    {
      carrier: "beta",
      place: 1,
      removedBy: null,
      cost: "0.029",
      costCurrency: "GBP",
      costInCurrency: "0.029",
      score: null,
    },
  ]);
  assert.is(explained.strategy, "cost(*)");
  assert.equal(explained.quote.carriers, ["beta"]);
});

quotes("say so where carriers were never asked, and which rule forbids a message", () => {
  const refused = explainWith({}, { to: "nobody" });
  assert.equal(
    refused.carriers.map(({ removedBy }) => removedBy),
    ["not_asked", "not_asked"],
  );
  assert.equal([refused.strategy, refused.quote.rule], [null, null]);
  const rules = [rule("never", "block"), rule("rest", "cost(*)", { order: 1 })];
  const blocked = explainWith({ rules }, {});
  assert.equal([blocked.quote.verdict, blocked.quote.rule], ["blocked_by_rule", "never"]);
  assert.is(blocked.strategy, "block");
});

quotes("compare costs of other currencies in the price's", () => {
  const explained = explainWith({}, { plan: "4000000000" });
  const [alpha] = explained.carriers;
  // 0.028 GBP at 1 over 0.85.
  assert.equal(
    [alpha!.cost, alpha!.costCurrency, alpha!.costInCurrency],
    ["0.028", "GBP", "0.032941"],
  );
});

quotes("spread equal messages over carriers by weight, each time in the same way", () => {
  const rules = [rule("shares", "weight(alpha:50, beta:50)")];
  const quoter = quoterOf({ rules });
  const draw = (): string[] =>
    Array.from({ length: 200 }, (_, place) => {
      const quoted = quoter.quote(LEAST, place, NOW_MS);
      return "verdict" in quoted ? quoted.carriers[0]! : "";
    });
  const first = draw();
  const alphas = first.filter((carrier) => carrier === "alpha").length;
  assert.ok(alphas > 60 && alphas < 140, `${alphas} of 200`);
  assert.equal(draw(), first);
});

quotes.run();
