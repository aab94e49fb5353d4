/**
 * Goal: which rule a message falls under, of few and of thousands; what is refused when rules,
 * sender rules, guards and exchange rates are compiled.
 */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { countryCode } from "../../../workers/codes.js";
import { problemsOfExchange } from "../../../workers/exchange.js";
import { problemsOfGuards } from "../../../workers/guards.js";
import {
  compileRules,
  costLimit,
  matchRule,
  openRules,
  problemsOfRules,
  type RuleQuery,
} from "../../../workers/rules.js";
import { problemsOfSenders, senderKindOf } from "../../../workers/senders.js";
import { type RuleRow, SENDER_KIND } from "../../../workers/source.js";
import { guard, rule, SOURCE, senderRule } from "./kit.js";

const rules = suite("rules");
const NETWORKS = [
  { country: "GB", mcc: "234", mnc: "10" },
  { country: "GB", mcc: "234", mnc: "15" },
  { country: "IE", mcc: "272", mnc: "01" },
  { country: "FR", mcc: "", mnc: "" },
];
const NAMES = { carriers: ["alpha", "beta"], countries: ["FR", "GB", "IE"], networks: NETWORKS };
const DIGITS = Buffer.from("447700900123");
const SENDER = Buffer.from("Floe");
const QUERY: RuleQuery = {
  account: 7,
  plan: 1,
  trafficClass: 2,
  channel: 0,
  country: countryCode("GB"),
  network: 0,
  digits: DIGITS,
  digitsAt: 0,
  digitsEnd: DIGITS.length,
  sender: SENDER,
  senderAt: 0,
  senderEnd: SENDER.length,
  senderKind: SENDER_KIND.alphanumeric,
};

function opened(rows: readonly RuleRow[]) {
  return openRules(compileRules({ ...SOURCE, rules: rows }), NAMES);
}

function matched(rows: readonly RuleRow[], changes: Partial<RuleQuery> = {}): string {
  const all = opened(rows);
  return all.ids[matchRule(all, { ...QUERY, ...changes })] ?? "";
}

const dimensions: readonly (readonly [string, Partial<RuleRow>, Partial<RuleQuery>])[] = [
  ["account", { accounts: [6, 7] }, { account: 8 }],
  ["plan", { plans: [1, 4_294_967_295] }, { plan: 2 }],
  ["traffic class", { trafficClasses: [1, 2] }, { trafficClass: 3 }],
  ["channel", { channels: ["sms"] }, { channel: 1 }],
  ["country", { countries: ["GB", "JE"] }, { country: countryCode("IE") }],
  ["unknown country", { countries: ["GB"] }, { country: countryCode("") }],
  ["prefix", { prefixes: ["33", "4477"] }, { digits: Buffer.from("447911000000") }],
  ["network", { networks: ["23410"] }, { network: 1 }],
  ["mcc of a network", { networks: ["234"] }, { network: 2 }],
  ["network, where none is known", { networks: ["23410"] }, { network: -1 }],
  ["network, where only the country is known", { networks: ["234"] }, { network: 3 }],
  ["sender", { senders: ["Other", "Floe"] }, { sender: Buffer.from("floe") }],
  ["kind of sender", { senderKinds: [1] }, { senderKind: SENDER_KIND.short }],
];
for (const [name, list, other] of dimensions) {
  rules(`a rule by ${name} matches what it lists and nothing else`, () => {
    const rows = [rule("this", "cost(*)", list), rule("rest", "cost(*)", { order: 1 })];
    assert.is(matched(rows), "this");
    assert.is(matched(rows, other), "rest");
    assert.is(matched(rows.slice(0, 1), other), "");
  });
}

rules("a shorter prefix of one rule matches what a longer one of another begins with", () => {
  const rows = [
    rule("long", "cost(*)", { prefixes: ["44770"], accounts: [1] }),
    rule("short", "cost(*)", { prefixes: ["44"], order: 1 }),
  ];
  assert.is(matched(rows), "short");
  assert.is(matched(rows, { account: 1 }), "long");
  assert.is(matched(rows, { account: 1, digits: Buffer.from("447800000000") }), "short");
});

rules("all lists of a rule must match", () => {
  const rows = [rule("both", "cost(*)", { accounts: [7], countries: ["IE"] })];
  assert.is(matched(rows), "");
  assert.is(matched(rows, { country: countryCode("IE") }), "both");
});

rules("rules are tried by order, then id, wherever they stand", () => {
  const rows = [
    rule("c", "cost(*)", { order: 1 }),
    rule("b", "cost(*)", { order: -1 }),
    rule("a", "cost(*)", { order: 1 }),
  ];
  assert.equal(opened(rows).ids, ["b", "a", "c"]);
  assert.is(matched(rows), "b");
});

rules("without any rule there is one for all", () => {
  assert.is(matched([]), "default");
});

rules("thousands of rules give the same with a warm cache as with a cold one", () => {
  const rows = Array.from({ length: 3_000 }, (_, index) =>
    rule(`r${index}`, "cost(*)", {
      order: index,
      accounts: [index % 1_000],
      trafficClasses: [1 + Math.floor(index / 1_000)],
    }),
  );
  const all = opened(rows);
  for (let round = 0; round < 2; round += 1) {
    for (let account = 0; account < 1_500; account += 1) {
      const trafficClass = 1 + (account % 3);
      const index = matchRule(all, { ...QUERY, account, trafficClass });
      const wanted = account < 1_000 ? (trafficClass - 1) * 1_000 + account : -1;
      assert.is(index, wanted);
    }
  }
});

rules("what a message may cost leaves the larger margin, in percent rounded up", () => {
  const limit = (marginMicros: number, marginBasisPoints: number, priceMicros: number) =>
    costLimit(opened([rule("r", "cost(*)", { marginMicros, marginBasisPoints })]), 0, priceMicros);
  assert.is(limit(0, 0, 60_000), 60_000);
  assert.is(limit(100, 0, 60_000), 59_900);
  // 2.5 % of 60,001 are 1,500.025.
  assert.is(limit(0, 250, 60_001), 58_500);
  assert.is(limit(2_000, 250, 60_001), 58_001);
  assert.is(limit(-100, 0, 60_000), 60_000);
  assert.is(limit(-2_000, -100, 60_000), 60_600);
  // 12 segments at the highest price, of which a double could not hold price times points.
  assert.is(limit(0, 3_333, 12 * 10 ** 12), 12 * 10 ** 12 - 3_999_600_000_000);
});

const refused: readonly (readonly [string, readonly string[]])[] = [
  ["rules[0] id: is not 1 to 63", problemsOfRules({ ...SOURCE, rules: [rule("A", "cost(*)")] })],
  [
    "rules[1] id: is that of another rule",
    problemsOfRules({ ...SOURCE, rules: [rule("a", "cost(*)"), rule("a", "block")] }),
  ],
  [
    "rules[0] strategy: at 6: is no carrier",
    problemsOfRules({ ...SOURCE, rules: [rule("a", "cost(nobody)")] }),
  ],
  [
    "rules[0] prefixes: ",
    problemsOfRules({ ...SOURCE, rules: [rule("a", "cost(*)", { prefixes: ["044"] })] }),
  ],
  [
    "rules[0] networks: ",
    problemsOfRules({ ...SOURCE, rules: [rule("a", "cost(*)", { networks: ["2341"] })] }),
  ],
  [
    "rules[0] countries: ",
    problemsOfRules({ ...SOURCE, rules: [rule("a", "cost(*)", { countries: ["gb"] })] }),
  ],
  [
    "rules[0] marginBasisPoints: ",
    problemsOfRules({ ...SOURCE, rules: [rule("a", "cost(*)", { marginBasisPoints: 10_001 })] }),
  ],
  [
    "senderRules[0] replacement: is missing",
    problemsOfSenders({ ...SOURCE, senderRules: [senderRule("a", { numeric: "replace" })] }),
  ],
  [
    "senderRules[0] replacement: is longer",
    problemsOfSenders({
      ...SOURCE,
      senderRules: [senderRule("a", { replacement: "x".repeat(17) })],
    }),
  ],
  [
    "senderRules[1]: repeats a country and carrier",
    problemsOfSenders({ ...SOURCE, senderRules: [senderRule("a"), senderRule("b")] }),
  ],
  [
    "senderRules[0] carrier: nobody",
    problemsOfSenders({ ...SOURCE, senderRules: [senderRule("a", { carrier: "nobody" })] }),
  ],
  ["guards[1] account: ", problemsOfGuards({ ...SOURCE, guards: [guard(1), guard(1)] })],
  [
    "guards[0] neverCarriers: nobody",
    problemsOfGuards({ ...SOURCE, guards: [guard(1, { neverCarriers: ["nobody"] })] }),
  ],
  [
    "guards[0] countries: XXX",
    problemsOfGuards({ ...SOURCE, guards: [guard(1, { countries: { XXX: "block" } })] }),
  ],
  [
    "exchangeRates[0] rateNanos: ",
    problemsOfExchange({
      exchangeRates: [{ currency: "EUR", effectiveFromMs: 0, rateNanos: 0 }],
    }),
  ],
  [
    "exchangeRates[3]: repeats",
    problemsOfExchange({ exchangeRates: [...SOURCE.exchangeRates, ...SOURCE.exchangeRates] }).slice(
      -1,
    ),
  ],
];
for (const [problem, told] of refused) {
  rules(`compiling refuses: ${problem}`, () => {
    assert.is(told.length, 1);
    assert.ok(told[0]!.startsWith(problem), told[0]);
  });
}

rules("the source of the tests itself is in order", () => {
  assert.equal(
    [problemsOfRules, problemsOfSenders, problemsOfGuards, problemsOfExchange].flatMap((of) =>
      of(SOURCE),
    ),
    [],
  );
});

rules("senders are numbers with plus, short codes of digits, or names", () => {
  const kinds: readonly (readonly [string, number])[] = [
    ["", SENDER_KIND.any],
    ["+447700900123", SENDER_KIND.numeric],
    ["447700900123", SENDER_KIND.numeric],
    ["123", SENDER_KIND.short],
    ["12345678", SENDER_KIND.short],
    ["123456789", SENDER_KIND.numeric],
    ["Floe", SENDER_KIND.alphanumeric],
    ["2Go", SENDER_KIND.alphanumeric],
    ["+", SENDER_KIND.alphanumeric],
    ["+44 77", SENDER_KIND.alphanumeric],
  ];
  for (const [sender, kind] of kinds) {
    const bytes = Buffer.from(sender);
    assert.is(senderKindOf(bytes, 0, bytes.length), kind, sender);
  }
});

rules.run();
