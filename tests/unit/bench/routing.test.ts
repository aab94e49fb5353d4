/** Unit tests of the routing bench: tables and traffic repeat, checks judge, the plot is readable. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { plotSvg, shortNumber } from "../../../bench/plot.js";
import { COUNTRIES } from "../../../bench/routing/plan.js";
import {
  checksOf,
  type RoutingReport,
  routingJson,
  routingSvg,
} from "../../../bench/routing/report.js";
import { benchTables } from "../../../bench/routing/source.js";
import { isValidNumber } from "../../../bench/routing/steps.js";
import { dispatched, routedShare, taskOf } from "../../../bench/routing/task-runs.js";
import { benchTraffic } from "../../../bench/routing/traffic.js";
import { compileTables } from "../../../workers/compile.js";
import routeAndRate from "../../../workers/route-and-rate.js";
import { shared } from "../workers/kit.js";

const bench = suite("routing bench");

bench("makes as many different prefixes as asked, each with a rate of every carrier", () => {
  const { source, prefixes } = benchTables(2_000, 3);
  assert.is(new Set(prefixes.codes).size, 2_000);
  assert.is(source.decks.length, 4);
  for (const { rows } of source.decks) {
    assert.is(rows.count, 2_000 + COUNTRIES.length + 1);
    assert.equal(rows.codes.slice(0, 2_000), prefixes.codes);
  }
  assert.ok(source.ported.numbers.length > 1_900);
});

bench("makes the same tables and the same traffic each time", () => {
  const [one, other] = [benchTables(500, 2), benchTables(500, 2)];
  assert.equal(compileTables(one.source), compileTables(other.source));
  for (const spread of ["even", "skewed"] as const) {
    assert.equal(
      benchTraffic(one.prefixes, 600, spread, isValidNumber),
      benchTraffic(other.prefixes, 600, spread, isValidNumber),
    );
  }
});

bench("sends nearly all of its messages to a carrier", () => {
  const { source, prefixes } = benchTables(1_000, 4);
  const image = shared(compileTables(source));
  const traffic = benchTraffic(prefixes, 1_200, "even", isValidNumber);
  assert.is(traffic.frames.length, 3);
  assert.is(traffic.digitsAt.length, 1_201);
  assert.ok(routedShare(image, traffic) > 0.9);
  assert.ok(dispatched(routeAndRate(taskOf(traffic.frames[2]!, image))) <= 200);
});

bench("spreads traffic evenly, or over few prefixes as it is in earnest", () => {
  const { prefixes } = benchTables(10_000, 1);
  /** Share of the messages that go to the busiest first six digits. */
  const busiest = (spread: "even" | "skewed"): number => {
    const { digits, digitsAt } = benchTraffic(prefixes, 5_000, spread, isValidNumber);
    const counts = new Map<string, number>();
    for (let index = 0; index < 5_000; index += 1) {
      const at = digitsAt[index]!;
      const head = Buffer.from(digits.subarray(at, at + 6)).toString();
      counts.set(head, (counts.get(head) ?? 0) + 1);
    }
    return Math.max(...counts.values()) / 5_000;
  };
  assert.ok(busiest("even") < 0.02);
  assert.ok(busiest("skewed") > 0.05);
});

const PERCENTILES = { count: 1, p50: 1, p90: 1, p99: 1_000, p999: 1, max: 1 };

function reportOf(routingMicros: number, p99: number): RoutingReport {
  const size = (prefixes: number, micros: number) => ({
    prefixes,
    carriers: 20,
    rates: 21 * prefixes,
    compileMs: 9_000,
    imageBytes: 100 * 1_048_576,
    openMs: 10,
    routedShare: 0.95,
    steps: {
      numberMicros: 0.1,
      segmentsMicros: 0.1,
      senderMicros: 0.3,
      routingMicros: micros,
      decisionMicros: micros + 0.5,
      skewedMicros: micros,
      bareMicros: micros,
    },
    tasks: [{ threads: 0, cpuMicros: 4, wallMicros: 4, messagesPerSecond: 250_000 }],
  });
  return {
    scenario: "routing",
    commandLine: "npm run bench -- routing",
    machine: { cores: 2, processor: "<&>", memoryBytes: 1, node: "v20", memoryNanos: 100 },
    sizes: [size(1_000, 1), size(1_000_000, routingMicros)],
    swap: {
      messagesPerSecond: 1_000,
      swaps: 3,
      takeoverMs: 1,
      sent: 10,
      lost: 0,
      mixed: 0,
      quietMicros: PERCENTILES,
      swappingMicros: { ...PERCENTILES, p99 },
    },
  };
}

bench("passes within the bounds, and fails the check whose bound is not held", () => {
  const failed = (report: RoutingReport): string[] =>
    checksOf(report)
      .filter(({ passed }) => !passed)
      .map(({ name }) => name);
  assert.equal(failed(reportOf(1.4, 50_000)), []);
  assert.equal(failed(reportOf(1.6, 50_000)), [
    "routing and rating at 1M x 20",
    "routing and rating at 1M x 20 to that at 1k",
  ]);
  assert.equal(failed(reportOf(1.4, 52_000)), ["swap: added to p99"]);
  assert.is(JSON.parse(routingJson(reportOf(1.4, 1_000))).passed, true);
  assert.is(JSON.parse(routingJson(reportOf(9, 1_000))).passed, false);
});

bench("plots every figure at its place, and says what it is", () => {
  const svg = routingSvg(reportOf(1.4, 1_000));
  assert.match(svg, /^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg" viewBox/);
  assert.match(svg, /microseconds a message/);
  assert.match(svg, /logarithmic/);
  assert.match(svg, /&lt;&amp;&gt;/);
  assert.not.match(svg, /NaN|Infinity|undefined/);
  assert.is(svg.match(/<polyline /g)!.length, 4);
  const series = [{ name: "one", points: [10, 100, 1_000].map((x) => ({ x, y: x })) }];
  const plot = plotSvg({ title: "", subtitle: "", xLabel: "", yLabel: "", series });
  const xs = [...plot.matchAll(/<circle cx="([\d.]+)"/g)].map(([, x]) => Number(x));
  assert.is(xs.length, 3);
  assert.ok(Math.abs(xs[2]! - xs[1]! - (xs[1]! - xs[0]!)) < 0.2, "equal steps for equal factors");
});

bench("writes numbers short", () => {
  assert.equal([0.1234, 1_000, 1_234_567, 999, 0].map(shortNumber), [
    "0.123",
    "1k",
    "1.23M",
    "999",
    "0",
  ]);
});

bench.run();
