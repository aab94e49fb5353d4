/**
 * Arbitrary: random table sets and messages for properties, small and dense, so that rows collide,
 * nest and contradict each other as often as they can.
 */
import fc from "fast-check";
import { ENCODING_GSM7, ENCODING_UCS2 } from "../../core/stream/fields.js";
import {
  type Channel,
  type DeckSource,
  type ExchangeRateRow,
  type GuardRow,
  MATCH,
  type NetworkColumns,
  type NetworkId,
  type PortedColumns,
  type RateTerms,
  ROUNDING,
  type RuleRow,
  type SenderPolicy,
  type SenderRuleRow,
  type TableSource,
  TIERS,
  type TierScheme,
} from "../../workers/source.js";
import type { Counted, ReferenceMessage, ReferenceText } from "./decide.js";

/** The time that messages are accepted around; rates begin and end a few steps from it. */
export const NOON_MS = Date.UTC(2026, 10, 24, 12);
const STEP_MS = 3_600_000;
const boundary = fc.integer({ min: -2, max: 2 }).map((steps) => NOON_MS + steps * STEP_MS);
export const anyTimeMs = fc.oneof(
  boundary,
  boundary.map((atMs) => atMs - 1),
  fc.integer({ min: NOON_MS - 3 * STEP_MS, max: NOON_MS + 3 * STEP_MS }),
);

const price = fc.oneof(
  fc.nat({ max: 99 }).map((step) => step * 1_000),
  fc.nat({ max: 90_000 }),
);
const fee = fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.nat({ max: 20_000 }));
const window = fc
  .tuple(fc.option(boundary, { nil: 0 }), fc.option(boundary, { nil: 0 }))
  .map(([one, other]) =>
    one !== 0 && other !== 0 && one >= other ? [other, one + STEP_MS] : [one, other],
  );

export const anyTerms: fc.Arbitrary<RateTerms> = fc
  .record({
    window,
    senderKind: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.integer({ min: 1, max: 3 })),
    trafficClass: fc.oneof(
      { weight: 3, arbitrary: fc.constant(0) },
      fc.integer({ min: 1, max: 3 }),
    ),
    unit: fc.constantFrom("segment" as const, "segment" as const, "message" as const),
    priceMicros: price,
    increment: fc.constantFrom(1, 1, 1, 2, 3, 5),
    messageFeeMicros: fee,
    segmentFeeMicros: fee,
    minimumMicros: fee,
    chargeBasis: fc.constantFrom(0, 0, 1, 2),
    rounding: fc.constantFrom(...Object.values(ROUNDING)),
    decimals: fc.integer({ min: 0, max: 6 }),
  })
  .map(({ window: [effectiveFromMs, effectiveToMs], ...rest }) => ({
    effectiveFromMs: effectiveFromMs!,
    effectiveToMs: effectiveToMs!,
    ...rest,
  }));

export const anyTiers: fc.Arbitrary<TierScheme> = fc
  .tuple(
    fc.constantFrom(TIERS.graduated, TIERS.volume),
    fc.uniqueArray(fc.integer({ min: 1, max: 100 }), { maxLength: 4 }),
    fc.array(price, { minLength: 5, maxLength: 5 }),
  )
  .map(([mode, froms, prices]) => ({
    mode,
    steps: [0, ...froms.sort((a, b) => a - b)].map((from, index) => ({
      from,
      priceMicros: prices[index]!,
    })),
  }));

/** Valid numbers of three countries, many with beginnings in common. */
export const NUMBERS: readonly string[] = [
  "447400123456",
  "447400123999",
  "447401555000",
  "447912345678",
  "353871234567",
  "353861234567",
  "12025550142",
  "12125550142",
];
const NETWORK_IDS: readonly NetworkId[] = [
  { country: "GB", mcc: "234", mnc: "10" },
  { country: "GB", mcc: "234", mnc: "015" },
  { country: "IE", mcc: "272", mnc: "01" },
  { country: "US", mcc: "310", mnc: "410" },
  { country: "GB", mcc: "", mnc: "" },
  { country: "US", mcc: "", mnc: "" },
];
const CARRIERS = ["alpha", "beta", "gamma", "delta", "epsilon"] as const;
const CURRENCIES = ["EUR", "GBP", "USD"] as const;
export const PLANS = [1, 4_000_000_000] as const;
export const ACCOUNTS = [7, 8, 3_000_000_000] as const;
export const SENDERS: readonly string[] = [
  ...["Floe", "ACME", "+447700900123", "12345", "62442", "447700900123", "\u00c4rger", ""],
];
const COUNTRY_NAMES = ["GB", "IE", "US"] as const;

/** Beginnings of the numbers, and beginnings that differ in their last digit. */
const prefix = fc
  .tuple(fc.constantFrom(...NUMBERS), fc.integer({ min: 1, max: 12 }), fc.nat({ max: 11 }))
  .map(([number, length, last]) => {
    const head = number.slice(0, length);
    return last > 9 || length === 1 ? head : `${head.slice(0, -1)}${last}`;
  });

const networks: fc.Arbitrary<NetworkColumns> = fc
  .uniqueArray(fc.tuple(prefix, fc.nat({ max: NETWORK_IDS.length - 1 })), {
    selector: ([digits]) => digits,
    maxLength: 8,
  })
  .map((rows) => ({
    prefixes: rows.map(([digits]) => digits),
    of: Uint32Array.from(rows, ([, id]) => id),
    ids: NETWORK_IDS,
  }));

const ported: fc.Arbitrary<PortedColumns> = fc
  .uniqueArray(fc.tuple(fc.constantFrom(...NUMBERS), fc.nat({ max: 3 })), {
    selector: ([number]) => number,
    maxLength: 2,
  })
  .map((rows) => {
    const sorted = rows.sort(([one], [other]) => Number(one) - Number(other));
    return {
      numbers: Float64Array.from(sorted, ([number]) => Number(number)),
      of: Uint16Array.from(sorted, ([, id]) => id),
      ids: NETWORK_IDS,
    };
  });

const match = fc.oneof(
  { weight: 5, arbitrary: prefix.map((digits) => ({ kind: MATCH.prefix as number, digits })) },
  fc.constantFrom("23410", "234015", "27201", "310410", "20801").map((digits) => ({
    kind: MATCH.network as number,
    digits,
  })),
  fc.constantFrom("234", "272", "310").map((digits) => ({ kind: MATCH.mcc as number, digits })),
  fc.constant({ kind: MATCH.default as number, digits: "" }),
);

interface Rated {
  readonly kind: number;
  readonly digits: string;
  readonly terms: RateTerms;
}

/** Rows of one deck: no two that nothing tells apart, as an import would refuse them. */
function deckOf(
  owner: DeckSource["owner"],
  currency: string,
  rows: readonly Rated[],
  channel: Channel = "sms",
): DeckSource {
  return {
    owner,
    channel,
    currency,
    rows: {
      count: rows.length,
      kinds: Uint8Array.from(rows, ({ kind }) => kind),
      codes: Float64Array.from(rows, ({ digits }) => Number(digits)),
      lengths: Uint8Array.from(rows, ({ digits }) => digits.length),
      terms: Uint32Array.from(rows, (_, index) => index),
    },
    terms: rows.map(({ terms }) => terms),
  };
}

const rowsOf = (terms: fc.Arbitrary<RateTerms>): fc.Arbitrary<Rated[]> =>
  fc
    .tuple(
      fc.uniqueArray(
        fc.tuple(match, terms).map(([place, one]) => ({ ...place, terms: one })),
        {
          selector: ({ kind, digits, terms: one }) =>
            [kind, digits, one.trafficClass, one.senderKind, one.effectiveFromMs].join(" "),
          maxLength: 8,
        },
      ),
      fc.option(terms, { freq: 6 }),
    )
    .map(([rows, last]) => {
      // Most decks have a default row for everything, else most messages had no price.
      if (last === null) return rows;
      const all = { ...last, trafficClass: 0, senderKind: 0, effectiveFromMs: 0 };
      const rest = rows.filter(
        ({ kind, terms: one }) =>
          kind !== MATCH.default || one.trafficClass + one.senderKind + one.effectiveFromMs !== 0,
      );
      return [...rest, { kind: MATCH.default, digits: "", terms: { ...all, effectiveToMs: 0 } }];
    });

const soldTerms = fc
  .tuple(anyTerms, fc.option(anyTiers, { freq: 3, nil: undefined }))
  .map(([terms, tiers]) => ({
    ...terms,
    // Sold for about twice of what it is bought for, so that margins decide both ways.
    priceMicros: 2 * terms.priceMicros,
    ...(tiers === undefined ? {} : { tiers }),
  }));

const some = <T>(...values: readonly T[]): fc.Arbitrary<readonly T[]> =>
  fc.oneof(
    { weight: 3, arbitrary: fc.constant<readonly T[]>([]) },
    fc.uniqueArray(fc.constantFrom(...values), { minLength: 1, maxLength: 2 }),
  );

const names = fc.uniqueArray(fc.constantFrom(...CARRIERS), { minLength: 1, maxLength: 3 });
const leaf = fc.oneof(
  fc.constant("cost(*)"),
  fc.constant("quality(*)"),
  names.map((list) => `cost(${list.join(", ")})`),
  names.map((list) => `priority(${list.join(", ")})`),
  names.map((list) => `quality(${list.join(", ")})`),
  fc
    .tuple(names, fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 3, maxLength: 3 }))
    .map(([list, weights]) => list.map((name, at) => `${name}:${weights[at]}`).join(", "))
    .map((list) => `weight(${list})`),
);
export const anyStrategy = fc.oneof(
  { weight: 4, arbitrary: leaf },
  { weight: 4, arbitrary: fc.tuple(leaf, leaf).map((both) => both.join(" else ")) },
  { weight: 1, arbitrary: fc.tuple(leaf, leaf, leaf).map((all) => all.join(" else ")) },
  { weight: 1, arbitrary: leaf.map((one) => `${one} else block`) },
  { weight: 1, arbitrary: fc.tuple(leaf, leaf).map(([a, b]) => `weight((${a}):3, ${b}:1)`) },
  {
    weight: 1,
    arbitrary: fc.tuple(fc.constantFrom(...CARRIERS), leaf, leaf).map(([name, a, b]) => {
      return `priority(${name}, ${a} , (${b} else cost(*)))`;
    }),
  },
  { weight: 1, arbitrary: fc.constant("priority(*)") },
  { weight: 1, arbitrary: fc.constant("block") },
);

export const anyRule: fc.Arbitrary<RuleRow> = fc.record({
  id: fc.constantFrom("a", "b", "c", "d-1", "e"),
  order: fc.nat({ max: 2 }),
  accounts: some(...ACCOUNTS),
  plans: some(...PLANS),
  trafficClasses: some(1, 2, 3),
  channels: some("sms" as const, "sms" as const, "fax" as const),
  countries: some(...COUNTRY_NAMES),
  prefixes: fc.oneof({ weight: 3, arbitrary: fc.constant([]) }, fc.array(prefix, { maxLength: 2 })),
  networks: some("23410", "234", "234015", "310410", "272"),
  senders: some(...SENDERS),
  senderKinds: some(1, 2, 3),
  strategy: anyStrategy,
  marginMicros: fc.oneof({ weight: 2, arbitrary: fc.constant(0) }, fc.nat({ max: 50_000 })),
  marginBasisPoints: fc.oneof({ weight: 2, arbitrary: fc.constant(0) }, fc.nat({ max: 9_000 })),
  allowLoss: fc.boolean(),
});
const rules = fc.uniqueArray(anyRule, { selector: ({ id }) => id, maxLength: 4 });

const policy = fc.constantFrom<SenderPolicy>("allow", "allow", "registered", "replace", "refuse");
const senderRules: fc.Arbitrary<SenderRuleRow[]> = fc
  .uniqueArray(
    fc.record({
      country: fc.constantFrom("", ...COUNTRY_NAMES),
      carrier: fc.constantFrom("", ...CARRIERS.slice(0, 3)),
      alphanumeric: policy,
      numeric: policy,
      short: policy,
      replacement: fc.constantFrom("Other", "Floe", "+447700900999"),
      registered: fc.array(
        fc.record({
          account: fc.constantFrom(0, ...ACCOUNTS),
          sender: fc.constantFrom(...SENDERS),
        }),
        { maxLength: 3 },
      ),
    }),
    { selector: ({ country, carrier }) => `${country}/${carrier}`, maxLength: 4 },
  )
  .map((rows) => rows.map((row, index) => ({ id: `s-${index}`, ...row })));

const action = fc.constantFrom(
  "allow" as const,
  "allow" as const,
  "block" as const,
  "monitor" as const,
);
const guards: fc.Arbitrary<GuardRow[]> = fc.uniqueArray(
  fc.record({
    account: fc.constantFrom(...ACCOUNTS),
    countries: fc.dictionary(fc.constantFrom(...COUNTRY_NAMES), action, { noNullPrototype: true }),
    otherCountries: action,
    priceCeilingMicros: fc.oneof(fc.constant(0), fc.nat({ max: 500_000 })),
    trafficClasses: some(1, 2, 3),
    neverCarriers: some(...CARRIERS.slice(0, 2)),
  }),
  { selector: ({ account }) => account, maxLength: 2 },
);

const exchangeRates: fc.Arbitrary<ExchangeRateRow[]> = fc
  .tuple(
    fc.uniqueArray(
      fc.record({
        currency: fc.constantFrom(...CURRENCIES),
        effectiveFromMs: fc.oneof(fc.constant(0), boundary),
        rateNanos: fc.oneof(
          fc.integer({ min: 500_000_000, max: 2_000_000_000 }),
          fc.constantFrom(1_000_000_000, 3, 999_999_999_999_999),
        ),
      }),
      { selector: (row) => `${row.currency} ${row.effectiveFromMs}`, maxLength: 6 },
    ),
    fc.boolean(),
  )
  .map(([rows, whole]) => {
    if (!whole) return rows;
    // Every currency has a rate from the beginning of time.
    const missing = CURRENCIES.filter(
      (currency) => !rows.some((row) => row.currency === currency && row.effectiveFromMs === 0),
    );
    return [
      ...rows,
      ...missing.map((currency, at) => ({
        currency,
        effectiveFromMs: 0,
        rateNanos: 1_000_000_000 + at * 123_456_789,
      })),
    ];
  });

export const anySource: fc.Arbitrary<TableSource> = fc
  .record({
    carriers: fc.uniqueArray(
      fc.record({
        name: fc.constantFrom(...CARRIERS),
        languages: fc.constantFrom([], [], ["tr"], ["es", "tr"]),
      }),
      { selector: ({ name }) => name, minLength: 1, maxLength: 5 },
    ),
    networks,
    ported,
    defaultNetworks: fc.subarray([NETWORK_IDS[1]!, NETWORK_IDS[3]!].map((id) => id)),
    buyRows: fc.array(rowsOf(anyTerms), { minLength: 5, maxLength: 5 }),
    sellRows: fc.array(rowsOf(soldTerms), { minLength: 2, maxLength: 2 }),
    currencies: fc.array(fc.constantFrom(...CURRENCIES), { minLength: 7, maxLength: 7 }),
    smartEncoding: fc.boolean(),
    /** Decks that are there: some carriers and plans have none. */
    there: fc.array(fc.oneof({ weight: 7, arbitrary: fc.constant(true) }, fc.constant(false)), {
      minLength: 7,
      maxLength: 7,
    }),
    exchangeRates,
    rules,
    senderRules,
    guards,
  })
  .map(({ buyRows, sellRows, currencies, smartEncoding, there, carriers, ...rest }) => {
    const known = new Set(carriers.map(({ name }) => name as string));
    const plans = PLANS.map((plan, index) => ({
      plan,
      name: `plan-${index}`,
      currency: currencies[5 + index]!,
      chargeBasis: index + 1,
      smartEncoding: smartEncoding && index === 0,
      possibleNumbers: index === 0,
    }));
    return {
      version: 42,
      made: {},
      carriers,
      plans,
      ...rest,
      // Names that rules give and the set does not have are refused.
      rules: rest.rules.filter(({ strategy }) =>
        carriersOf(strategy).every((name) => known.has(name)),
      ),
      senderRules: rest.senderRules.filter(({ carrier }) => carrier === "" || known.has(carrier)),
      guards: rest.guards.map((guard) => ({
        ...guard,
        neverCarriers: guard.neverCarriers.filter((name) => known.has(name)),
      })),
      decks: [
        ...carriers
          .map(({ name }, at) => deckOf({ carrier: name }, currencies[at]!, buyRows[at]!))
          .filter((_, at) => there[at]),
        ...plans
          .map(({ plan, currency }, at) => deckOf({ plan }, currency, sellRows[at]!))
          .filter((_, at) => there[5 + at]),
        // Of the other channel: what applies to texts must not come from here.
        deckOf({ carrier: carriers[0]!.name }, "USD", sellRows[0]!.map(untiered), "fax"),
      ],
    };
  });

function untiered({ terms, ...row }: Rated): Rated {
  const { tiers: _, ...rest } = terms;
  return { ...row, terms: rest };
}

function carriersOf(strategy: string): string[] {
  return [...strategy.matchAll(/[a-z]+(?=[,:)])/g)].map(([name]) => name);
}

/**
 * Texts whose segments are plain to see, for everything that depends on them: by the Turkish locking
 * table a "\u015f" is one septet, of which 155 fit beside its header, and 149 a part.
 */
export const TEXTS: readonly ReferenceText[] = [
  { text: "a", plain: gsm7(1) },
  { text: "a".repeat(160), plain: gsm7(1) },
  { text: "a".repeat(161), plain: gsm7(2) },
  { text: "a".repeat(153 * 5), plain: gsm7(5) },
  { text: "a".repeat(153 * 12), plain: gsm7(12) },
  { text: "a".repeat(153 * 12 + 1), plain: gsm7(13) },
  { text: "\u0436".repeat(67 * 3), plain: ucs2(3) },
  { text: `\u201c${"a".repeat(99)}\u201d`, plain: ucs2(2), smart: gsm7(1) },
  { text: "\u015f".repeat(100), plain: ucs2(2), turkish: { ...gsm7(1), languages: 1 << 8 } },
];

function gsm7(segments: number): Counted {
  return { encoding: ENCODING_GSM7, segments, languages: 0 };
}

function ucs2(segments: number): Counted {
  return { encoding: ENCODING_UCS2, segments, languages: 0 };
}

export const anyMessage: fc.Arbitrary<ReferenceMessage> = fc
  .record({
    account: fc.constantFrom(...ACCOUNTS),
    plan: fc.constantFrom(...PLANS, ...PLANS, ...PLANS, 99),
    number: fc.constantFrom(...NUMBERS),
    numberCountry: fc.constant(""),
    sender: fc.constantFrom(...SENDERS),
    trafficClass: fc.constantFrom(0, 1, 2, 3, 7),
    text: fc.constantFrom(...TEXTS),
  })
  .map((message) => ({ ...message, numberCountry: countryOf(message.number) }));

/** What the numbering plan says of the numbers here. */
function countryOf(number: string): string {
  return number.startsWith("44") ? "GB" : number.startsWith("353") ? "IE" : "US";
}
