/** Figures: what rounds come to. Medians, because one disturbed round must not decide. */
import type { Percentiles } from "./load-spec.js";
import type { Round } from "./round.js";
import type { Counts } from "./side.js";

/** One side over its rounds; per message where the name says so. */
export interface Figures {
  readonly rounds: number;
  readonly acceptedPerSecond: number;
  readonly endToEndPerSecond: number;
  /** Sums over all rounds. */
  readonly accepted: number;
  readonly lost: number;
  readonly duplicated: number;
  readonly errors: Counts;
  readonly retriedCalls: number;
  readonly byState: Counts;
  readonly withReceipt: number;
  readonly cpuMicrosPerMessage: { readonly all: number; readonly byProcess: Counts };
  readonly loadGeneratorMicrosPerMessage: number;
  readonly residentBytes: Counts;
  readonly residentPeakBytes: Counts;
  readonly frames: Counts;
  readonly messagesPerFrame: Counts;
  readonly recordsPerFrame: Counts;
  readonly latencyMicros: Readonly<Record<string, Percentiles>>;
}

export function figuresOf(rounds: readonly Round[]): Figures {
  const perMessage = (round: Round, micros: number): number => micros / round.load.accepted;
  const frames = medians(rounds.map((round) => round.frames));
  return {
    rounds: rounds.length,
    acceptedPerSecond: whole(median(rounds.map(acceptedPerSecond))),
    endToEndPerSecond: whole(median(rounds.map(endToEndPerSecond))),
    accepted: sum(rounds.map((round) => round.load.accepted)),
    lost: sum(rounds.map(lostOf)),
    duplicated: sum(rounds.map(duplicatedOf)),
    errors: sums(rounds.map((round) => round.load.errors)),
    retriedCalls: sum(rounds.map((round) => round.load.retriedCalls)),
    byState: sums(rounds.map((round) => round.outcome.byState)),
    withReceipt: sum(rounds.map((round) => round.outcome.withReceipt)),
    cpuMicrosPerMessage: {
      all: hundredths(median(rounds.map(cpuMicrosPerMessage))),
      byProcess: mapCounts(
        medians(
          rounds.map((round) => mapCounts(round.cpuMicros, (micros) => perMessage(round, micros))),
        ),
        hundredths,
      ),
    },
    loadGeneratorMicrosPerMessage: hundredths(
      median(rounds.map((round) => perMessage(round, round.loadCpuMicros))),
    ),
    residentBytes: medians(rounds.map((round) => memoryOf(round, "residentBytes"))),
    residentPeakBytes: medians(rounds.map((round) => memoryOf(round, "residentPeakBytes"))),
    frames,
    messagesPerFrame: medians(
      rounds.map((round) =>
        mapCounts(round.frames, (count) => tenths(round.load.accepted / Math.max(1, count))),
      ),
    ),
    recordsPerFrame: medians(
      rounds.map(({ details, frames: counts }) =>
        mapCounts(details.records, (records, name) =>
          tenths(records / Math.max(1, counts[name] ?? 0)),
        ),
      ),
    ),
    latencyMicros: latencies(rounds),
  };
}

export function acceptedPerSecond({ load }: Round): number {
  return (load.accepted * 1_000) / (load.endedAtMs - load.beganAtMs);
}

export function endToEndPerSecond({ load, seconds }: Round): number {
  return load.accepted / seconds;
}

export function cpuMicrosPerMessage({ load, cpuMicros }: Round): number {
  return sum(Object.values(cpuMicros)) / load.accepted;
}

/**
 * Accepted and not in a final state. A message that came through without its id having been told
 * (its call failed with unknown outcome) makes the numbers equal and the sets differ: then the
 * checksums of the ids tell, and at least one message counts as lost.
 */
export function lostOf({ load, outcome }: Round): number {
  const missing = Math.max(0, load.accepted - outcome.terminal);
  const { idsChecksum } = outcome;
  const unknown = Object.keys(load.errors).length > 0 || idsChecksum === "";
  const differ = !unknown && idsChecksum !== load.idsChecksum;
  return missing === 0 && differ ? 1 : missing;
}

export function duplicatedOf({ outcome }: Round): number {
  return outcome.duplicateRows + outcome.duplicateSubmits;
}

function latencies(rounds: readonly Round[]): Record<string, Percentiles> {
  const all: Record<string, Percentiles[]> = { accept: [], call: [], submit: [], receipt: [] };
  for (const { load, details } of rounds) {
    all["accept"]!.push(load.acceptMicros);
    all["call"]!.push(load.callMicros);
    if (details.submitMicros) all["submit"]!.push(details.submitMicros);
    if (details.receiptMicros) all["receipt"]!.push(details.receiptMicros);
  }
  const present = Object.entries(all).filter(([, list]) => list.length > 0);
  return Object.fromEntries(present.map(([name, list]) => [name, medianPercentiles(list)]));
}

function medianPercentiles(list: readonly Percentiles[]): Percentiles {
  const of = (name: keyof Percentiles): number => median(list.map((one) => one[name]));
  return {
    count: sum(list.map(({ count }) => count)),
    p50: of("p50"),
    p90: of("p90"),
    p99: of("p99"),
    p999: of("p999"),
    max: Math.max(...list.map(({ max }) => max)),
  };
}

/** Several processes of one role add up. */
function memoryOf(round: Round, name: "residentBytes" | "residentPeakBytes"): Counts {
  return sums(round.usage.map((one) => ({ [one.role]: one[name] })));
}

/** 0 for none; of an even number the mean of the middle two. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other);
  const middle = sorted.length >> 1;
  if (sorted.length === 0) return 0;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** By name; a name that some lack is taken from those that have it. */
function medians(list: readonly Counts[]): Counts {
  const names = new Set(list.flatMap((counts) => Object.keys(counts)));
  const of = (name: string): number[] =>
    list.flatMap((counts) => (counts[name] === undefined ? [] : [counts[name]]));
  return Object.fromEntries([...names].map((name) => [name, median(of(name))]));
}

function sums(list: readonly Counts[]): Counts {
  const total: Record<string, number> = {};
  for (const counts of list) {
    for (const [name, count] of Object.entries(counts)) total[name] = (total[name] ?? 0) + count;
  }
  return total;
}

function mapCounts(counts: Counts, change: (count: number, name: string) => number): Counts {
  return Object.fromEntries(
    Object.entries(counts).map(([name, count]) => [name, change(count, name)]),
  );
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function whole(value: number): number {
  return Math.round(value);
}

function tenths(value: number): number {
  return Math.round(value * 10) / 10;
}

function hundredths(value: number): number {
  return Math.round(value * 100) / 100;
}
