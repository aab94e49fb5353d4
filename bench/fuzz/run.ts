/**
 * Fuzz: random and mutated bytes to everything that reads a peer's, for a given time. Finds what
 * throws past its reader, what reads outside of its bytes, what two readers see differently, and
 * memory that grows. A finding names seed, round and bytes, and the same seed finds it again.
 */
import { SYSTEM_CHANCE, SYSTEM_CLOCK, seededChance, sleep } from "../../core/clock.js";
import { paint, print, printError, table } from "../../core/output.js";
import { newByteSource } from "./bytes.js";
import { openPeers } from "./peers.js";
import { READERS } from "./readers.js";

export interface FuzzOptions {
  readonly seconds: number;
  /** Absent: by chance, and told. */
  readonly seed: number | undefined;
}

/** Rounds of all readers between two breaths of the event loop. */
const ROUNDS = 5;
/** What may be resident beyond what was after the first tenth: collections come when they want. */
const GROWTH_BYTES_MAX = 192 * 1_048_576;
/** The first tenth is for everything to reach its size. */
const SETTLE_MS_A_SECOND = 100;

/** Resolves with whether nothing was found. */
export async function runFuzz(options: FuzzOptions): Promise<boolean> {
  const seed = options.seed ?? Math.floor(SYSTEM_CHANCE() * 0xffff_ffff);
  print(`seed ${seed}, ${options.seconds} s`);
  const findings: string[] = [];
  const onUncaught = (error: unknown): void => void findings.push(`uncaught: ${textOf(error)}`);
  process.on("uncaughtException", onUncaught);
  process.on("unhandledRejection", onUncaught);
  const peers = await openPeers(newByteSource(seededChance(seed + 1)), seededChance(seed + 2));
  let memory = { settledBytes: 0, peakBytes: 0 };
  let rounds = 0;
  try {
    const source = newByteSource(seededChance(seed));
    const startMs = SYSTEM_CLOCK.monotonicMs();
    for (let elapsedMs = 0; elapsedMs < options.seconds * 1_000 && findings.length === 0; ) {
      for (let index = 0; index < ROUNDS && findings.length === 0; index += 1) {
        rounds += 1;
        const found = oneRound(source, rounds) ?? peers.wrong();
        if (found !== undefined) findings.push(found);
      }
      await sleep(SYSTEM_CLOCK, 0);
      elapsedMs = SYSTEM_CLOCK.monotonicMs() - startMs;
      memory = look(memory, elapsedMs < options.seconds * SETTLE_MS_A_SECOND);
    }
  } finally {
    await peers.stop();
    process.off("uncaughtException", onUncaught);
    process.off("unhandledRejection", onUncaught);
  }
  const { settledBytes, peakBytes } = memory;
  if (peakBytes > settledBytes + GROWTH_BYTES_MAX) {
    findings.push(`memory grew from ${megabytes(settledBytes)} to ${megabytes(peakBytes)} MB`);
  }
  report(rounds, peers.counts(), peakBytes, findings, seed);
  return findings.length === 0;
}

interface Memory {
  readonly settledBytes: number;
  readonly peakBytes: number;
}

function look({ settledBytes, peakBytes }: Memory, isSettling: boolean): Memory {
  const { rss } = process.memoryUsage();
  const settled = isSettling || settledBytes === 0 ? Math.max(rss, settledBytes) : settledBytes;
  return { settledBytes: settled, peakBytes: Math.max(peakBytes, rss) };
}

function oneRound(source: ReturnType<typeof newByteSource>, round: number): string | undefined {
  for (const [name, reader] of Object.entries(READERS)) {
    const bytes = Uint8Array.from(name === "framer" ? source.stream(0.7) : source.mutated());
    try {
      reader(bytes, source);
    } catch (error) {
      const hex = Buffer.from(bytes).toString("hex");
      return `${name}, round ${round}: ${textOf(error)}\n  bytes ${hex}`;
    }
  }
  return undefined;
}

function report(
  rounds: number,
  counts: Readonly<Record<string, number>>,
  peakBytes: number,
  findings: readonly string[],
  seed: number,
): void {
  const rows = Object.entries({ rounds, readers: Object.keys(READERS).length, ...counts });
  print(table(["what", "count"], rows));
  print(`at most ${megabytes(peakBytes)} MB resident`);
  for (const finding of findings.slice(0, 10)) printError(finding);
  if (findings.length === 0) print(paint("green", "nothing found"));
  else printError(paint("red", `FAILED; again: --seed ${seed}`));
}

function megabytes(bytes: number): number {
  return Math.round(bytes / 1_048_576);
}

function textOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
