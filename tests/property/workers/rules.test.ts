/**
 * Goal: of many rules, the one that a message falls under is the first that matches; and large
 * tables decide as small ones do.
 * Method: hundreds of random rules (more than the words and the cache that matching works with), the
 * same messages several times; and the bench's tables against the slow reference.
 */
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { BENCH_AT_MS, BENCH_PLAN, benchTables, numberIn } from "../../../bench/routing/source.js";
import { isValidNumber } from "../../../bench/routing/steps.js";
import { seededChance } from "../../../core/clock.js";
import { REASON } from "../../../core/message.js";
import { compileTables } from "../../../workers/compile.js";
import type { RuleRow, TableSource } from "../../../workers/source.js";
import {
  ACCOUNTS,
  anyMessage,
  anyRule,
  anySource,
  PLANS,
  SENDERS,
  TEXTS,
} from "../../reference/arbitrary.js";
import { decide, kindOf, type ReferenceMessage } from "../../reference/decide.js";
import { networkOf } from "../../reference/networks.js";
import { ruleFor } from "../../reference/rules.js";
import {
  ACCEPTED_AT_MS,
  requestFrame,
  requestTo,
  runFrames,
  shared,
} from "../../unit/workers/kit.js";

const rules = suite("rules");

/** Hundreds of narrow rules: most match nothing, the order is not that of the list. */
const manyRules: fc.Arbitrary<RuleRow[]> = fc
  .array(anyRule, { minLength: 1, maxLength: 300, size: "max" })
  .chain((rows) =>
    fc
      .array(fc.nat({ max: 60 }), { minLength: rows.length, maxLength: rows.length })
      .map((orders) =>
        rows.map((row, index) => ({
          ...row,
          id: `r-${(index * 7_919) % 1_000}-${index}`,
          order: orders[index]!,
          strategy: "cost(*)",
          allowLoss: true,
        })),
      ),
  );

function recordOf(message: ReferenceMessage, acceptedAtMs: number) {
  const { account, plan, number, sender, trafficClass } = message;
  return requestTo(
    `+${number}`,
    { from: sender, trafficClass: trafficClass as 0 | 1 | 2 | 3 },
    { acceptedAtMs: BigInt(acceptedAtMs), account, plan },
  );
}

function expectedRule(source: TableSource, message: ReferenceMessage): string {
  const { mcc, mnc, country } = networkOf(source, message.number);
  const { trafficClass } = message;
  const rule = ruleFor(source, {
    ...message,
    mcc,
    mnc,
    country: country === "" ? message.numberCountry : country,
    trafficClass: trafficClass === 1 || trafficClass === 3 ? trafficClass : 2,
    channel: "sms",
    senderKind: kindOf(message.sender),
  });
  return rule?.id ?? "";
}

rules("the first rule that matches decides, of hundreds as of few", () => {
  let decided = 0;
  fc.assert(
    fc.property(
      anySource,
      manyRules,
      fc.array(anyMessage, { minLength: 1, maxLength: 30 }),
      (some, rows, messages) => {
        const source = { ...some, rules: rows, guards: [] };
        const image = shared(compileTables(source));
        // Twice, so that what the first time left in a cache answers the second.
        const sent = [...messages, ...messages];
        const records = sent.map((message) => recordOf(message, ACCEPTED_AT_MS));
        const { verdicts } = runFrames([requestFrame(records)], image);
        for (const [index, message] of sent.entries()) {
          const expected = expectedRule(source, message);
          assert.is(verdicts[index]!.rule, expected);
          if (expected !== "") decided += 1;
        }
      },
    ),
    { numRuns: 200, includeErrorInReport: true },
  );
  assert.ok(decided > 1_000);
});

rules("large tables decide as the reference does", () => {
  const { source, prefixes } = benchTables(3_000, 20);
  const image = shared(compileTables(source));
  const chance = seededChance(11);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(chance() * list.length)]!;
  const messages: ReferenceMessage[] = [];
  while (messages.length < 150) {
    const prefix = Math.floor(chance() * prefixes.count);
    const number = String(numberIn(prefixes, prefix, chance));
    if (!isValidNumber(`+${number}`)) continue;
    messages.push({
      account: pick(ACCOUNTS),
      plan: pick([BENCH_PLAN, ...PLANS]),
      number,
      numberCountry: "",
      sender: pick(SENDERS),
      trafficClass: pick([1, 2, 3]),
      text: TEXTS[0]!,
    });
  }
  const records = messages.map((message) => recordOf(message, BENCH_AT_MS));
  const { verdicts } = runFrames([requestFrame(records)], image);
  let routed = 0;
  for (const [index, message] of messages.entries()) {
    const expected = decide(source, message, BENCH_AT_MS, {
      health: () => 0,
      quality: () => undefined,
      draw: (parts) => Array.from({ length: parts }, (_, part) => part),
    });
    const verdict = verdicts[index]!;
    assert.is(verdict.reason, expected.reason);
    assert.is(verdict.rule, expected.rule);
    assert.is(verdict.country, expected.country);
    assert.is(`${verdict.mcc} ${verdict.mnc}`, `${expected.network.mcc} ${expected.network.mnc}`);
    assert.is(verdict.priceMicros, expected.priceMicros);
    if (expected.reason !== REASON.NONE || expected.rule.startsWith("split")) continue;
    routed += 1;
    const [first, ...rest] = expected.candidates;
    assert.is(verdict.carrier, first!.carrier);
    assert.is(verdict.costMicros, first!.costMicros);
    assert.is(verdict.costCurrency, first!.currency);
    assert.equal(
      verdict.candidates.map(({ carrier, sender }) => [carrier, sender]),
      rest.map(({ carrier, sender }) => [carrier, sender]),
    );
  }
  assert.ok(routed > 50);
});

rules.run();
