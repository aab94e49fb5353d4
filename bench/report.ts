/** Report: the figures as tables for people, and as JSON for programs. */
import { bold, type Cell, paint, print, table } from "../core/output.js";
import {
  acceptedPerSecond,
  cpuMicrosPerMessage,
  duplicatedOf,
  endToEndPerSecond,
  type Figures,
  lostOf,
} from "./figures.js";
import type { Round } from "./round.js";
import type { Counts, SideName } from "./side.js";

export interface Machine {
  readonly cores: number;
  readonly processor: string;
  readonly memoryBytes: number;
  readonly node: string;
  readonly natsServer: string;
}

export interface Report {
  readonly scenario: "pipeline";
  readonly commandLine: string;
  readonly machine: Machine;
  readonly options: Readonly<Record<string, number | boolean>>;
  readonly floe: Figures | undefined;
  readonly bare: Figures | undefined;
  readonly rounds: readonly Round[];
}

export interface Ratios {
  /** End to end, messages a second: ours to the bare pipeline's. */
  readonly ratio: number;
  /** CPU time a message: the bare pipeline's to ours. */
  readonly cpuRatio: number;
}

export function ratiosOf({ floe, bare }: Pick<Report, "floe" | "bare">): Ratios | undefined {
  if (floe === undefined || bare === undefined) return undefined;
  const quotient = (one: number, other: number): number =>
    Math.round((one * 1_000) / other) / 1_000;
  return {
    ratio: quotient(floe.endToEndPerSecond, bare.endToEndPerSecond),
    cpuRatio: quotient(bare.cpuMicrosPerMessage.all, floe.cpuMicrosPerMessage.all),
  };
}

/** The figures that count stand at the top; whatever else was measured is there, too. */
export function jsonOf(report: Report): string {
  const { floe, bare, rounds, ...rest } = report;
  const main = floe ?? bare;
  const content = { ...ratiosOf(report), ...main, ...rest, floe, bare, runs: rounds };
  return `${JSON.stringify(content, undefined, 2)}\n`;
}

export function printReport(report: Report): void {
  const { floe, bare, machine, rounds } = report;
  if (rounds.length > 0) {
    print();
    print(bold("Rounds"));
    print(roundsTable(rounds));
  }
  if (floe !== undefined) printSide("floe", floe);
  if (bare !== undefined) printSide("bare", bare);
  const ratios = ratiosOf(report);
  if (ratios !== undefined) {
    print();
    print(bold("Ratios of the medians"));
    print(`  cpuRatio ${ratios.cpuRatio}  CPU a message: bare / floe`);
    print(`  ratio    ${ratios.ratio}  messages a second, end to end: floe / bare`);
  }
  print();
  print(
    `${machine.cores} cores (${machine.processor}), node ${machine.node}, ` +
      `nats-server ${machine.natsServer}`,
  );
  print(report.commandLine);
  for (const [name, figures] of [["floe", floe] as const, ["bare", bare] as const]) {
    if (figures !== undefined) print(verdict(name, figures));
  }
}

function verdict(name: SideName, { accepted, lost, duplicated, withReceipt }: Figures): string {
  const text =
    `${name}: ${accepted.toLocaleString("en-GB")} accepted, ${lost} lost, ` +
    `${duplicated} duplicated, ${withReceipt.toLocaleString("en-GB")} with their receipt`;
  return paint(lost + duplicated === 0 ? "green" : "red", text);
}

function roundsTable(rounds: readonly Round[]): string {
  const rows = rounds.map((round, at): Cell[] => [
    at + 1,
    round.side,
    Math.round(acceptedPerSecond(round)),
    Math.round(endToEndPerSecond(round)),
    cpuMicrosPerMessage(round).toFixed(2),
    (round.loadCpuMicros / round.load.accepted).toFixed(2),
    lostOf(round),
    duplicatedOf(round),
  ]);
  const cpu = ["CPU us/message", "load generator us"];
  return table(["", "side", "accepted/s", "end to end/s", ...cpu, "lost", "duplicated"], rows);
}

function printSide(name: SideName, figures: Figures): void {
  const { cpuMicrosPerMessage: cpu, latencyMicros } = figures;
  print();
  print(bold(`${name}: median of ${figures.rounds}`));
  const processes = Object.entries(cpu.byProcess).map(([role, micros]): Cell[] => [
    role,
    micros.toFixed(2),
    percent(micros, cpu.all),
    megabytes(figures.residentBytes[role]),
    megabytes(figures.residentPeakBytes[role]),
  ]);
  const all: Cell[] = ["all", cpu.all.toFixed(2), "100 %", "", ""];
  print(table(["process", "CPU us/message", "share", "RSS MB", "peak MB"], [...processes, all]));
  print();
  print(streamsTable(figures));
  print();
  const rows = Object.entries(latencyMicros).map(([what, { p50, p90, p99, p999, max }]): Cell[] => [
    what,
    ...[p50, p90, p99, p999, max].map((micros) => (micros / 1_000).toFixed(2)),
  ]);
  print(table(["latency ms", "p50", "p90", "p99", "p99.9", "max"], rows));
  printCounts("states", figures.byState);
  printCounts("refused", figures.errors);
  if (figures.retriedCalls > 0) print(`calls told to come back: ${figures.retriedCalls}`);
}

function streamsTable({ frames, messagesPerFrame, recordsPerFrame }: Figures): string {
  const rows = Object.entries(frames).map(([stream, count]): Cell[] => [
    stream,
    Math.round(count),
    count === 0 ? "" : (messagesPerFrame[stream] ?? 0).toFixed(1),
    recordsPerFrame[stream] === undefined ? "" : recordsPerFrame[stream].toFixed(1),
  ]);
  return table(["stream", "frames", "messages/frame", "records/frame"], rows);
}

function printCounts(label: string, counts: Counts): void {
  const entries = Object.entries(counts).filter(([, count]) => count > 0);
  if (entries.length === 0) return;
  print(`${label}: ${entries.map(([name, count]) => `${name} ${count}`).join(", ")}`);
}

function percent(part: number, whole: number): string {
  return whole === 0 ? "" : `${((100 * part) / whole).toFixed(0)} %`;
}

function megabytes(bytes: number | undefined): string {
  return bytes === undefined ? "" : (bytes / 1_048_576).toFixed(0);
}
