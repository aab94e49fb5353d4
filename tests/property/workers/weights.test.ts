/**
 * Goal: weights share messages out as they say, and one message always goes the same way.
 * Method: many ids of the kinds that there are (random; time-ordered, which differ in few bits),
 * the same in each run; shares within five standard deviations of what the weights say.
 */
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { seededChance } from "../../../core/clock.js";
import { compileTables } from "../../../workers/compile.js";
import type { TableSource } from "../../../workers/source.js";
import {
  deck,
  requestFrame,
  requestTo,
  rule,
  runFrames,
  SOURCE,
  shared,
} from "../../unit/workers/kit.js";

const weights = suite("weights");
const NAMES = ["alpha", "beta", "gamma", "delta"] as const;
const MESSAGES = 20_000;
const FRAME = 500;

function sourceWith(strategy: string): TableSource {
  return {
    ...SOURCE,
    carriers: NAMES.map((name) => ({ name, languages: [] })),
    decks: [
      ...NAMES.map((carrier) => deck({ carrier }, "GBP", [{ of: "", priceMicros: 1_000 }])),
      deck({ plan: 1 }, "GBP", [{ of: "", priceMicros: 2_000 }]),
    ],
    rules: [rule("only", strategy)],
  };
}

/** All carriers of each message, in order. */
function routesOf(strategy: string, ids: readonly Uint8Array[]): string[][] {
  const image = shared(compileTables(sourceWith(strategy)));
  const routes: string[][] = [];
  for (let at = 0; at < ids.length; at += FRAME) {
    const records = ids
      .slice(at, at + FRAME)
      .map((id) => requestTo("+447400123456", {}, { messageId: Buffer.from(id) }));
    const { verdicts } = runFrames([requestFrame(records)], image);
    for (const { carrier, candidates } of verdicts) {
      routes.push([carrier, ...candidates.map((one) => one.carrier)]);
    }
  }
  return routes;
}

function randomIds(seed: number): Uint8Array[] {
  const chance = seededChance(seed);
  return Array.from({ length: MESSAGES }, () =>
    Uint8Array.from({ length: 16 }, () => Math.floor(chance() * 256)),
  );
}

/** As of one gateway in one moment: UUIDv7 whose time and counter rise (RFC 9562, 5.7 and 6.2). */
function risingIds(): Uint8Array[] {
  return Array.from({ length: MESSAGES }, (_, index) => {
    const id = Buffer.alloc(16, 0x42);
    id.writeUIntBE(1_795_521_600_000 + Math.floor(index / 100), 0, 6);
    id.writeUInt16BE(0x7000 | (index % 100), 6);
    id[8] = 0x80;
    return id;
  });
}

function share(routes: readonly string[][], place: number, name: string): number {
  return routes.filter((route) => route[place] === name).length / routes.length;
}

/** Five standard deviations of a share of so many draws. */
function tolerance(probability: number, draws: number): number {
  return 5 * Math.sqrt((probability * (1 - probability)) / draws);
}

function checkShare(routes: readonly string[][], place: number, name: string, wanted: number) {
  const found = share(routes, place, name);
  const allowed = tolerance(wanted, routes.length);
  assert.ok(Math.abs(found - wanted) <= allowed, `${name} at ${place}: ${found}, not ${wanted}`);
}

for (const [kind, ids] of [
  ["random", randomIds(1)],
  ["rising", risingIds()],
] as const) {
  weights(`${kind} ids are shared out as the weights say, in the first place and the next`, () => {
    const routes = routesOf("weight(alpha:70, beta:20, gamma:10)", ids);
    checkShare(routes, 0, "alpha", 0.7);
    checkShare(routes, 0, "beta", 0.2);
    checkShare(routes, 0, "gamma", 0.1);
    const afterAlpha = routes.filter(([first]) => first === "alpha");
    checkShare(afterAlpha, 1, "beta", 20 / 30);
    const afterBeta = routes.filter(([first]) => first === "beta");
    checkShare(afterBeta, 1, "alpha", 70 / 80);
    for (const route of routes) assert.is(new Set(route).size, 3);
  });

  weights(`${kind} ids draw anew in each weight of a tree`, () => {
    const routes = routesOf(
      "weight((weight(alpha:1, beta:1)):1, (weight(gamma:1, delta:3)):1)",
      ids,
    );
    checkShare(routes, 0, "alpha", 0.25);
    checkShare(routes, 0, "beta", 0.25);
    checkShare(routes, 0, "gamma", 0.125);
    checkShare(routes, 0, "delta", 0.375);
  });
}

weights("a message's way depends on its id and its rule alone", () => {
  const ids = randomIds(2).slice(0, 1_000);
  const strategy = "weight(alpha:1, beta:2, gamma:3, delta:4)";
  const once = routesOf(strategy, ids);
  const again = routesOf(strategy, [...ids].reverse()).reverse();
  assert.equal(again, once);
});

weights("any weights are kept to, and a carrier of weight 0 is the last", () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 1_000_000 }), { minLength: 3, maxLength: 3 }),
      fc.integer(),
      (some, seed) => {
        const total = some.reduce((sum, one) => sum + one, 0);
        if (total === 0) return;
        const list = some.map((one, at) => `${NAMES[at]}:${one}`).join(", ");
        const routes = routesOf(`weight(${list})`, randomIds(seed).slice(0, 4_000));
        for (const [at, weight] of some.entries()) {
          // Chosen by chance over many runs: six deviations would be met once in a thousand million.
          const wanted = weight / total;
          const found = share(routes, 0, NAMES[at]!);
          const allowed = 1.3 * tolerance(wanted, routes.length) + 1 / routes.length;
          assert.ok(Math.abs(found - wanted) <= allowed, `${list}: ${NAMES[at]} had ${found}`);
          if (weight === 0) assert.is(found, 0);
        }
      },
    ),
    { numRuns: 20, includeErrorInReport: true },
  );
});

weights.run();
