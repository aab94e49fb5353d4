/** Report: the figures of the routing bench as a table, as checks, as JSON and as a plot. */
import { bold, type Cell, paint, print, table } from "../../core/output.js";
import type { Percentiles } from "../load-spec.js";
import { type Plot, plotSvg, type Series, shortNumber } from "../plot.js";
import type { StepFigures } from "./steps.js";
import type { SwapFigures } from "./swap.js";
import type { TaskFigures } from "./task-runs.js";

export interface SizeFigures {
  readonly prefixes: number;
  readonly carriers: number;
  /** Rows of all decks. */
  readonly rates: number;
  readonly compileMs: number;
  readonly imageBytes: number;
  readonly openMs: number;
  /** Share of the messages that went to a carrier. */
  readonly routedShare: number;
  readonly steps: StepFigures;
  /** In this thread, then through pools. */
  readonly tasks: readonly TaskFigures[];
}

export interface RoutingReport {
  readonly scenario: "routing";
  readonly commandLine: string;
  readonly machine: {
    readonly cores: number;
    readonly processor: string;
    readonly memoryBytes: number;
    readonly node: string;
    /** A dependent load from 128 MB (memory.ts). */
    readonly memoryNanos: number;
  };
  readonly sizes: readonly SizeFigures[];
  readonly swap: SwapFigures | undefined;
}

export interface Check {
  readonly name: string;
  readonly value: number;
  readonly limit: number;
  readonly unit: string;
  readonly passed: boolean;
}

/** The bounds. They are about a million prefixes and twenty carriers. */
const ROUTING_MICROS_MAX = 1.5;
const AROUND_MICROS_MAX = 1.5;
const GROWTH_MAX = 1.5;
const IMAGE_MB_MAX = 250;
const COMPILE_SECONDS_MAX = 15;
const SWAP_PAUSE_MS_MAX = 50;
const QUIET_MS_MAX = 100;
const MB = 1_048_576;

/** Of the largest size; how much the cost grows, against the smallest. */
export function checksOf({ sizes, swap }: Pick<RoutingReport, "sizes" | "swap">): Check[] {
  const [smallest, largest] = [sizes[0]!, sizes.at(-1)!];
  const at = `at ${shortNumber(largest.prefixes)} x ${largest.carriers}`;
  const { steps } = largest;
  const checks = [
    check(`routing and rating ${at}`, steps.routingMicros, ROUTING_MICROS_MAX, "us a message"),
    check(
      `number, segments, sender rules ${at}`,
      aroundOf(steps),
      AROUND_MICROS_MAX,
      "us a message",
    ),
    check(`image ${at}`, largest.imageBytes / MB, IMAGE_MB_MAX, "MB"),
    check(`compile ${at}`, largest.compileMs / 1_000, COMPILE_SECONDS_MAX, "s"),
  ];
  if (sizes.length > 1) {
    const growth = steps.routingMicros / smallest.steps.routingMicros;
    checks.splice(
      1,
      0,
      check(
        `routing and rating ${at} to that at ${shortNumber(smallest.prefixes)}`,
        growth,
        GROWTH_MAX,
        "times",
      ),
    );
  }
  if (swap !== undefined) {
    const pauseMs = (swap.swappingMicros.p99 - swap.quietMicros.p99) / 1_000;
    checks.push(
      // Where frames queue anyhow, a pause would not be seen: such a run proves nothing.
      check("swap: p99 without one", swap.quietMicros.p99 / 1_000, QUIET_MS_MAX, "ms"),
      check("swap: added to p99", Math.max(0, pauseMs), SWAP_PAUSE_MS_MAX, "ms"),
      check("swap: messages lost or doubled", swap.lost, 0, ""),
      check("swap: frames of mixed or wrong version", swap.mixed, 0, ""),
    );
  }
  return checks;
}

/** What a message takes before it is routed, and for its sender. */
export function aroundOf({ numberMicros, segmentsMicros, senderMicros }: StepFigures): number {
  return numberMicros + segmentsMicros + senderMicros;
}

function check(name: string, value: number, limit: number, unit: string): Check {
  return { name, value, limit, unit, passed: value <= limit };
}

export function printRouting(report: RoutingReport): void {
  const { sizes, swap, machine } = report;
  print();
  print(bold("Tables"));
  print(tablesTable(sizes));
  print();
  print(bold("CPU us a message, by step"));
  print(stepsTable(sizes));
  print();
  print(bold("Whole tasks (request frames to verdicts and dispatch records, numbers sealed)"));
  print(tasksTable(sizes));
  if (swap !== undefined) printSwap(swap);
  print();
  print(bold("Checks"));
  for (const { name, value, limit, unit, passed } of checksOf(report)) {
    const text = `${passed ? "pass" : "FAIL"}  ${name}: ${shortNumber(value)} <= ${limit} ${unit}`;
    print(paint(passed ? "green" : "red", text.trimEnd()));
  }
  print();
  print(
    `${machine.cores} cores (${machine.processor}), node ${machine.node}; ` +
      `a line of memory takes ${Math.round(machine.memoryNanos)} ns`,
  );
  print(report.commandLine);
}

function tablesTable(sizes: readonly SizeFigures[]): string {
  const rows = sizes.map((size): Cell[] => [
    size.prefixes,
    size.carriers,
    size.rates,
    (size.compileMs / 1_000).toFixed(2),
    (size.imageBytes / MB).toFixed(1),
    Math.round(size.openMs),
    `${(100 * size.routedShare).toFixed(1)} %`,
  ]);
  return table(
    ["prefixes", "carriers", "rates", "compile s", "image MB", "open ms", "routed"],
    rows,
  );
}

function stepsTable(sizes: readonly SizeFigures[]): string {
  const rows = sizes.map(({ prefixes, steps }): Cell[] => [
    prefixes,
    steps.routingMicros.toFixed(3),
    steps.skewedMicros.toFixed(3),
    steps.bareMicros.toFixed(3),
    (steps.routingMicros / steps.bareMicros).toFixed(1),
    steps.numberMicros.toFixed(3),
    steps.segmentsMicros.toFixed(3),
    steps.senderMicros.toFixed(3),
    aroundOf(steps).toFixed(3),
  ]);
  const heads = [
    "routing + rating",
    "skewed",
    "bare",
    "x bare",
    "number",
    "segments",
    "sender rules",
    "the three",
  ];
  return table(["prefixes", ...heads], rows);
}

function tasksTable(sizes: readonly SizeFigures[]): string {
  const rows = sizes.flatMap(({ prefixes, tasks }) =>
    tasks.map((task): Cell[] => [
      prefixes,
      task.threads === 0 ? "in this thread" : String(task.threads),
      task.cpuMicros.toFixed(2),
      task.wallMicros.toFixed(2),
      Math.round(task.messagesPerSecond),
    ]),
  );
  return table(["prefixes", "pool threads", "CPU us/message", "wall us", "messages/s"], rows);
}

function printSwap(swap: SwapFigures): void {
  print();
  print(bold("Swap of table sets under load"));
  const perSecond = Math.round(swap.messagesPerSecond).toLocaleString("en-GB");
  print(
    `${swap.swaps} swaps at ${perSecond} messages/s, ${swap.sent.toLocaleString("en-GB")} sent; ` +
      `the new set answered at most ${Math.round(swap.takeoverMs)} ms after it was announced`,
  );
  const row = (name: string, { p50, p90, p99, p999, max }: Percentiles): Cell[] => [
    name,
    ...[p50, p90, p99, p999, max].map((micros) => (micros / 1_000).toFixed(1)),
  ];
  print(
    table(
      ["frame latency ms", "p50", "p90", "p99", "p99.9", "max"],
      [row("no swap", swap.quietMicros), row("while swapping", swap.swappingMicros)],
    ),
  );
}

/** Checks first, then every figure. */
export function routingJson(report: RoutingReport): string {
  const checks = checksOf(report);
  const passed = checks.every((one) => one.passed);
  return `${JSON.stringify({ passed, checks, ...report }, undefined, 2)}\n`;
}

/** Cost a message against the number of prefixes. */
export function routingSvg({ sizes, machine }: RoutingReport): string {
  const carriers = sizes[0]!.carriers;
  const lines: Series[] = [
    seriesOf("routing and rating", sizes, ({ steps }) => steps.routingMicros),
    seriesOf("the same, skewed traffic", sizes, ({ steps }) => steps.skewedMicros),
    seriesOf("number, segments, sender", sizes, ({ steps }) => aroundOf(steps)),
    ...sizes[0]!.tasks.map(({ threads }, index) =>
      seriesOf(
        threads === 0 ? "whole task, one thread" : `whole task, pool of ${threads}`,
        sizes,
        ({ tasks }) => tasks[index]!.cpuMicros,
      ),
    ),
  ];
  const plot: Plot = {
    title: "Cost of a message against table size",
    subtitle: `${carriers} carriers, each with a rate for every prefix; ${machine.processor}, node ${machine.node}`,
    xLabel: "prefixes in each deck (logarithmic)",
    yLabel: "CPU time, microseconds a message",
    series: lines,
    limit: { y: ROUTING_MICROS_MAX, label: "bound of routing and rating" },
  };
  return plotSvg(plot);
}

function seriesOf(
  name: string,
  sizes: readonly SizeFigures[],
  of: (size: SizeFigures) => number,
): Series {
  return { name, points: sizes.map((size) => ({ x: size.prefixes, y: of(size) })) };
}
