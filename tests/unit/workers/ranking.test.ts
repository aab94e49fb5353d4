/** Unit: carriers are ranked where their order is the same for all messages of a period, only there. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { compileTables } from "../../../workers/compile.js";
import { DESTINATION, RANKED_MAX, RANKING } from "../../../workers/destinations.js";
import { longestPrefix } from "../../../workers/prefixes.js";
import { rankingOf } from "../../../workers/ranking.js";
import { newRoutingQuery, openRouting } from "../../../workers/routing.js";
import type { TableSource } from "../../../workers/source.js";
import { openTables } from "../../../workers/tables.js";
import { deck, plan, SOURCE, shared } from "./kit.js";

const ranking = suite("ranking");
const NAMES = ["alpha", "beta", "gamma", "delta", "echo", "foxtrot"];
const DAY_MS = 86_400_000;
type Row = Parameters<typeof deck>[2][number];

/** One row of each carrier at 44, at 60 to 10 thousandths. */
function six(rowOf: (index: number) => Partial<Row> = () => ({})): TableSource {
  return {
    ...SOURCE,
    carriers: NAMES.map((name) => ({ name, languages: [] })),
    plans: [plan(1, "GBP")],
    decks: NAMES.map((carrier, index) =>
      deck({ carrier }, "GBP", [
        { of: "44", priceMicros: 60_000 - 10_000 * index, ...rowOf(index) } as Row,
      ]),
    ),
    rules: [],
    senderRules: [],
    guards: [],
  };
}

/** Names in the order of the ranking for a message to +44 at a time; undefined: none holds. */
function rankedAt(source: TableSource, acceptedAtMs: number, rankedForMs?: number, segments = 1) {
  const routing = openRouting(openTables(shared(compileTables(source, rankedForMs)), true));
  const { nodes, destinations, carriers } = routing.tables;
  const query = newRoutingQuery();
  query.destination = longestPrefix(nodes, 0, Buffer.from("447700900123"), 0, 12);
  Object.assign(query, { acceptedAtMs, segments });
  const at = rankingOf(routing, query);
  if (at < 0) return undefined;
  const words = [...destinations.subarray(at, at + RANKED_MAX)].filter((word) => word !== -1);
  return words.map((word) => carriers[word >>> RANKING.carrierShift]);
}

ranking("the cheapest come first, as many as there is room for", () => {
  assert.is(DESTINATION.cells - DESTINATION.ranked, RANKED_MAX);
  assert.equal(rankedAt(six(), DAY_MS), ["foxtrot", "echo", "delta", "gamma", "beta"]);
});

ranking("equal costs are in the order of the tables", () => {
  const source = six(() => ({ priceMicros: 10_000 }));
  assert.equal(rankedAt(source, DAY_MS), NAMES.slice(0, RANKED_MAX));
});

ranking("a row for one class leaves no ranking, since others are looked up without it", () => {
  const source = six((index) => (index === 2 ? { trafficClass: 1 } : {}));
  assert.is(rankedAt(source, DAY_MS), undefined);
});

ranking("it holds from the last change on, or around the time that was asked for", () => {
  const source = six((index) => (index === 5 ? { effectiveFromMs: 9 * DAY_MS } : {}));
  const [before, after] = [8 * DAY_MS, 9 * DAY_MS];
  assert.is(rankedAt(source, before), undefined);
  assert.is(rankedAt(source, after)?.[0], "foxtrot");
  assert.is(rankedAt(source, before, DAY_MS)?.[0], "echo");
  assert.is(rankedAt(source, after, DAY_MS), undefined);
});

ranking("a fee for each message orders otherwise for more segments: it holds for one", () => {
  const source = six((index) => (index === 0 ? { priceMicros: 0, messageFeeMicros: 15_000 } : {}));
  assert.equal(rankedAt(source, DAY_MS)?.slice(0, 2), ["foxtrot", "alpha"]);
  assert.is(rankedAt(source, DAY_MS, undefined, 2), undefined);
});

ranking.run();
