/**
 * Memory: how long one line of memory takes that is in no cache, the yardstick of everything that
 * looks something up in large tables. On a busy machine it may be three times what it is on a quiet
 * one, and the costs of a message rise with it.
 */
import { seededChance } from "../../core/clock.js";
import { least, read, since } from "./task-runs.js";

const BYTES = 128 * 1_048_576;
/** Words from one place to the next: a cache line of 64 bytes. */
const LINE_WORDS = 16;
const LOADS = 1_000_000;
const ROUNDS = 3;

/** Nanoseconds for a load whose address the load before gave, from 128 MB. */
export function memoryNanos(): number {
  const words = new Int32Array(BYTES / 4);
  const lines = words.length / LINE_WORDS;
  const order = new Int32Array(lines).map((_, index) => index);
  const chance = seededChance(5);
  for (let index = lines - 1; index > 0; index -= 1) {
    const other = Math.floor(chance() * (index + 1));
    const line = order[index]!;
    order[index] = order[other]!;
    order[other] = line;
  }
  for (let index = 0; index < lines; index += 1) {
    words[order[index]! * LINE_WORDS] = order[(index + 1) % lines]! * LINE_WORDS;
  }
  let place = 0;
  const readings = Array.from({ length: ROUNDS }, () => {
    const before = read();
    for (let load = 0; load < LOADS; load += 1) place = words[place]!;
    return (since(before).cpuMicros * 1_000) / LOADS;
  });
  if (place < 0) throw new Error("a place is not below zero");
  return least(readings);
}
