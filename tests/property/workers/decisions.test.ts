/**
 * Goal: what becomes of a message, in every field that routing and rating fill: reason, network,
 * rule, candidates with cost, currency and sender, price, charge basis, segments, flags.
 * Method: random table sets, messages, health and quality through the whole task, verdicts and
 * dispatch records read by ts-proto, against tests/reference/decide.ts. Weights draw by message id,
 * so where a strategy has them the decision must be that of one order of its parts.
 */
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { REASON, STATE } from "../../../core/message.js";
import type { DispatchRecord, RequestRecord, Verdict } from "../../../core/proto/floe/v1/frames.js";
import { FLAG } from "../../../core/stream/fields.js";
import { compileTables } from "../../../workers/compile.js";
import { tierAmount } from "../../../workers/rating.js";
import type { TableSource } from "../../../workers/source.js";
import { openTables } from "../../../workers/tables.js";
import { INDEX, INDEX_STRIDE, type RouteTask } from "../../../workers/task.js";
import { anyMessage, anySource, anyTimeMs } from "../../reference/arbitrary.js";
import {
  decide,
  type Inputs,
  kindOf,
  type ReferenceDecision,
  type ReferenceMessage,
} from "../../reference/decide.js";
import { rateOf, rowsOf, sellDeck } from "../../reference/decks.js";
import { tierAmountOf } from "../../reference/money.js";
import { requestFrame, requestTo, runFrames, shared } from "../../unit/workers/kit.js";

const decisions = suite("decisions");

interface Sent extends ReferenceMessage {
  readonly atMs: number;
  readonly id: Uint8Array;
}

const sent: fc.Arbitrary<Sent> = fc
  .tuple(anyMessage, anyTimeMs, fc.uint8Array({ minLength: 16, maxLength: 16 }))
  .map(([message, atMs, id]) => ({ ...message, atMs, id }));
/** By carrier and country, in the order of the tables; undefined: nothing is known. */
const known = fc.option(
  fc.record({ rate: fc.nat({ max: 10_000 }), p95Ms: fc.nat({ max: 90_000 }) }),
  {
    nil: undefined,
    freq: 3,
  },
);
const inputs: fc.Arbitrary<AnyInputs> = fc.record({
  health: fc.option(fc.array(fc.constantFrom(0, 0, 0, 1, 2), { minLength: 5, maxLength: 5 })),
  quality: fc.option(fc.array(known, { minLength: 15, maxLength: 15 })),
});
interface AnyInputs {
  readonly health: readonly number[] | null;
  readonly quality:
    | readonly ({ readonly rate: number; readonly p95Ms: number } | undefined)[]
    | null;
}

/** What the tables count by. */
interface Named {
  readonly carriers: readonly string[];
  readonly countries: readonly string[];
}

function taskInputs(
  { carriers, countries }: Named,
  { health, quality }: AnyInputs,
): Pick<RouteTask, "health" | "quality"> {
  const numbers = new Int32Array(2 * carriers.length * countries.length);
  for (let place = 0; place < numbers.length / 2; place += 1) {
    const one = quality?.[place % quality.length];
    numbers[2 * place] = one?.rate ?? -1;
    numbers[2 * place + 1] = one?.p95Ms ?? 0;
  }
  return {
    ...(health === null ? {} : { health: Uint8Array.from(health.slice(0, carriers.length)) }),
    ...(quality === null ? {} : { quality: numbers }),
  };
}

function referenceInputs(
  { carriers, countries }: Named,
  { health, quality }: AnyInputs,
): Omit<Inputs, "draw"> {
  return {
    health: (carrier) => health?.[carriers.indexOf(carrier)] ?? 0,
    quality: (carrier, country) => {
      const at = countries.indexOf(country);
      if (at < 0 || quality === null) return undefined;
      return quality[(carriers.indexOf(carrier) * countries.length + at) % quality.length];
    },
  };
}

/** What the reference decides by every order in which the weights' parts may be drawn. */
function allDecisions(
  source: TableSource,
  message: Sent,
  given: Omit<Inputs, "draw">,
): ReferenceDecision[] {
  const found: ReferenceDecision[] = [];
  const queue: number[][] = [[]];
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    const path = next;
    let depth = 0;
    let open = 0;
    const decision = decide(source, message, message.atMs, {
      ...given,
      draw(parts) {
        const orders = permutations(parts);
        if (depth === path.length && open === 0) open = orders.length;
        const order = orders[path[depth] ?? 0]!;
        depth += 1;
        return order;
      },
    });
    if (open === 0) found.push(decision);
    for (let choice = 0; choice < open; choice += 1) queue.push([...path, choice]);
  }
  return found;
}

function permutations(count: number): number[][] {
  if (count === 0) return [[]];
  return permutations(count - 1).flatMap((rest) =>
    Array.from({ length: count }, (_, at) => [...rest.slice(0, at), count - 1, ...rest.slice(at)]),
  );
}

/** A verdict and its dispatch record as far as they are decided here, beside what is expected. */
function told(verdict: Verdict, dispatch: DispatchRecord | undefined) {
  const first = {
    carrier: verdict.carrier,
    costMicros: String(verdict.costMicros),
    currency: verdict.costCurrency,
    sender: verdict.sentSender,
  };
  const rest = verdict.candidates.map(({ carrier, costMicros, costCurrency, sender }) => ({
    carrier,
    costMicros: String(costMicros),
    currency: costCurrency,
    sender,
  }));
  if (dispatch !== undefined) {
    assert.equal(dispatch.candidates, verdict.candidates);
    assert.is(dispatch.sender, verdict.sentSender);
    assert.is(dispatch.segments, verdict.segments);
    assert.is(dispatch.encoding, verdict.encoding);
    assert.is(dispatch.languages, verdict.languages);
    assert.is(dispatch.smart, (verdict.flags & FLAG.smartEncoded) !== 0);
  }
  return {
    routed: verdict.state === STATE.ROUTED,
    reason: verdict.reason,
    country: verdict.country,
    mcc: verdict.mcc,
    mnc: verdict.mnc,
    prefix: verdict.toPrefix,
    encoding: verdict.encoding,
    segments: verdict.segments,
    languages: verdict.languages,
    flags: verdict.flags,
    rule: verdict.rule,
    candidates: verdict.carrier === "" ? [] : [first, ...rest],
    priceMicros: String(verdict.priceMicros),
    chargeBasis: verdict.chargeBasis,
    currency: verdict.currency,
    tablesVersion: verdict.tablesVersion,
  };
}

function expected(source: TableSource, { plan }: Sent, decision: ReferenceDecision) {
  const { network, ...rest } = decision;
  return {
    ...rest,
    routed: decision.reason === REASON.NONE,
    mcc: network.mcc,
    mnc: network.mnc,
    prefix: network.prefix.slice(0, 8),
    priceMicros: String(decision.priceMicros),
    candidates: decision.candidates.map((one) => ({ ...one, costMicros: String(one.costMicros) })),
    currency: source.plans.find((one) => one.plan === plan)?.currency ?? "",
    tablesVersion: source.version,
  };
}

/** How often each reason came: a property that only ever saw refusals would prove little. */
const seen = new Map<number, number>();

decisions("verdicts and dispatch records are those of the slow reference", () => {
  fc.assert(
    fc.property(
      anySource,
      fc.array(sent, { minLength: 1, maxLength: 10 }),
      inputs,
      fc.option(anyTimeMs, { nil: undefined }),
      (source, messages, given, rankedAtMs) => {
        const image = shared(compileTables(source, rankedAtMs));
        const tables = openTables(image);
        const answer = runFrames(
          [requestFrame(messages.map(recordOf))],
          image,
          undefined,
          taskInputs(tables, given),
        );
        let dispatched = 0;
        for (const [index, message] of messages.entries()) {
          const verdict = answer.verdicts[index]!;
          const routed = verdict.state === STATE.ROUTED;
          const actual = told(verdict, routed ? answer.dispatches[dispatched] : undefined);
          if (routed) dispatched += 1;
          const possible = allDecisions(source, message, referenceInputs(tables, given)).map(
            (decision) => expected(source, message, decision),
          );
          seen.set(verdict.reason, (seen.get(verdict.reason) ?? 0) + 1);
          if (possible.some((one) => isEqual(one, actual))) continue;
          assert.unreachable(
            `message ${index}: ${JSON.stringify({ actual, expected: possible[0] })}`,
          );
        }
        assert.is(answer.dispatches.length, dispatched);
      },
    ),
    { numRuns: 1_000, includeErrorInReport: true },
  );
});

decisions("the random ones come to every outcome", () => {
  const outcomes = [
    REASON.NONE,
    REASON.NO_ROUTE,
    REASON.NO_PRICE,
    REASON.TOO_MANY_SEGMENTS,
    REASON.BELOW_COST,
    REASON.COUNTRY_BLOCKED,
    REASON.PRICE_CEILING,
    REASON.CLASS_BLOCKED,
    REASON.SENDER_REFUSED,
    REASON.BLOCKED_BY_RULE,
  ];
  assert.equal(
    outcomes.filter((reason) => !seen.has(reason)),
    [],
  );
  assert.ok(seen.get(REASON.NONE)! > 200, JSON.stringify([...seen]));
});

decisions("a tiered price is that of the account's place in the month", () => {
  fc.assert(
    fc.property(
      anySource,
      fc.array(sent, { minLength: 1, maxLength: 10 }),
      fc.nat({ max: 150 }),
      (source, messages, before) => {
        const image = shared(compileTables(source));
        const tables = openTables(image);
        const { result, verdicts } = runFrames([requestFrame(messages.map(recordOf))], image);
        for (const [index, { number, plan, trafficClass, atMs }] of messages.entries()) {
          const { segments, mcc, mnc, state, flags, sender } = verdicts[index]!;
          const tier = result.index[index * INDEX_STRIDE + INDEX.tier]!;
          if (state !== STATE.ROUTED) continue;
          assert.is(tier > 0, (flags & FLAG.tiered) !== 0);
          if (tier === 0) continue;
          const senderKind = kindOf(sender);
          const { terms } = rateOf(rowsOf(sellDeck(source, plan, "sms")!), {
            number,
            mcc,
            mnc,
            trafficClass: trafficClass === 1 || trafficClass === 3 ? trafficClass : 2,
            senderKind,
            atMs,
          })!;
          assert.is(
            BigInt(tierAmount(tables, tier - 1, before, segments)),
            tierAmountOf(terms, BigInt(before), segments),
          );
        }
      },
    ),
    { numRuns: 300 },
  );
});

function recordOf(message: Sent): RequestRecord {
  const { id, atMs, account, plan, number, sender, trafficClass, text } = message;
  return requestTo(
    `+${number}`,
    {
      from: sender,
      trafficClass: trafficClass as 0 | 1 | 2 | 3,
      body: { $case: "text", text: text.text },
    },
    { messageId: Buffer.from(id), acceptedAtMs: BigInt(atMs), account, plan },
  );
}

function isEqual(one: object, other: object): boolean {
  try {
    assert.equal(one, other);
    return true;
  } catch {
    return false;
  }
}

decisions.run();
