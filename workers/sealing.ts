/**
 * Sealing: the numbers of a task, gathered while records are written and encrypted at the end.
 *
 * One cipher call for the token key and one for the data key of each month in the task (nearly
 * always one). The records are already written by then, so what comes out is put into the places
 * that were left open for it. Blocks and keys as core/number-seal.ts says.
 */
import { FloeError } from "../core/errors.js";
import { BLOCK_BYTES, openSealCache, putDataBlock, putTokenBlock } from "../core/number-seal.js";
import type { TaskKeys } from "./task.js";

interface Month {
  readonly startMs: number;
  readonly endMs: number;
  /** "2026-11", in UTC. */
  readonly name: string;
}

/** Times beyond these are no times of acceptance (2001 to 2100). */
const ACCEPTED_MS_MIN = 10 ** 12;
const ACCEPTED_MS_MAX = 4_102_444_800_000;

const seals = openSealCache();
let tokenBlocks = new Uint8Array(1_024 * BLOCK_BYTES);
let tokenView = viewOf(tokenBlocks);
let dataBlocks = new Uint8Array(1_024 * BLOCK_BYTES);
let dataView = viewOf(dataBlocks);
/** For each number: its month (an index into `months`), and where its results go. */
let monthOf = new Uint8Array(1_024);
let places = new Int32Array(1_024 * 3);
let count = 0;
let months: Month[] = [];

/** Whether a message can have been accepted then, so that there is a month to seal it under. */
export function isAcceptedTime(atMs: number): boolean {
  return atMs >= ACCEPTED_MS_MIN && atMs < ACCEPTED_MS_MAX;
}

export function beginSealing(): void {
  count = 0;
  months = [];
}

/** How many numbers wait; `dropSealing` goes back to it. */
export function sealingCount(): number {
  return count;
}

export function dropSealing(backTo: number): void {
  count = backTo;
}

/**
 * Adds the number with the digits `bytes[at, end)`, of the message whose id is at `bytes[idAt]`
 * (`view` is of the same bytes),
 * accepted at a time that `isAcceptedTime`. Its `to_enc` will be written to `verdicts[encAt]`, its
 * `to_tok` to `verdicts[tokAt]` and, unless that is 0, to `dispatches[dispatchTokAt]`.
 */
export function addNumber(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  end: number,
  idAt: number,
  acceptedAtMs: number,
  encAt: number,
  tokAt: number,
  dispatchTokAt: number,
): void {
  if (count === monthOf.length) grow();
  const block = count * BLOCK_BYTES;
  putTokenBlock(tokenBlocks, block, bytes, at, end);
  putDataBlock(dataView, block, tokenView, block, view, idAt);
  monthOf[count] = monthIndex(acceptedAtMs);
  places[3 * count] = encAt;
  places[3 * count + 1] = tokAt;
  places[3 * count + 2] = dispatchTokAt;
  count += 1;
}

/**
 * Encrypts what was added and writes it to its places.
 * @throws FloeError "keys.invalid" naming a month that has no data key: rejecting its messages
 *   would lose them for a key that the operator can still add.
 */
export function finishSealing(keys: TaskKeys, verdicts: DataView, dispatches: DataView): void {
  if (count === 0) return;
  const bytes = count * BLOCK_BYTES;
  const tokens = viewOf(seals.of(keys.token)(tokenBlocks.subarray(0, bytes)));
  const sealed = viewOf(
    months.length === 1 ? sealMonth(keys, 0, dataBlocks, bytes) : sealMonths(keys),
  );
  for (let index = 0; index < count; index += 1) {
    const from = index * BLOCK_BYTES;
    copyBlock(sealed, from, verdicts, places[3 * index]!);
    copyBlock(tokens, from, verdicts, places[3 * index + 1]!);
    const dispatchTokAt = places[3 * index + 2]!;
    if (dispatchTokAt !== 0) copyBlock(tokens, from, dispatches, dispatchTokAt);
  }
}

function copyBlock(blocks: DataView, from: number, into: DataView, at: number): void {
  into.setInt32(at, blocks.getInt32(from, true), true);
  into.setInt32(at + 4, blocks.getInt32(from + 4, true), true);
  into.setInt32(at + 8, blocks.getInt32(from + 8, true), true);
  into.setInt32(at + 12, blocks.getInt32(from + 12, true), true);
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function sealMonth(keys: TaskKeys, month: number, blocks: Uint8Array, bytes: number): Uint8Array {
  const name = months[month]!.name;
  const key = keys.data[name];
  if (key === undefined)
    throw new FloeError("keys.invalid", { month: name, problem: "no data key" });
  return seals.of(key)(blocks.subarray(0, bytes));
}

/** Numbers of several months: those of each are moved together, and their results back. */
function sealMonths(keys: TaskKeys): Uint8Array {
  const sealed = new Uint8Array(count * BLOCK_BYTES);
  const together = new Uint8Array(count * BLOCK_BYTES);
  for (let month = 0; month < months.length; month += 1) {
    let bytes = 0;
    for (let index = 0; index < count; index += 1) {
      if (monthOf[index] !== month) continue;
      const from = index * BLOCK_BYTES;
      together.set(dataBlocks.subarray(from, from + BLOCK_BYTES), bytes);
      bytes += BLOCK_BYTES;
    }
    if (bytes === 0) continue;
    const own = sealMonth(keys, month, together, bytes);
    let at = 0;
    for (let index = 0; index < count; index += 1) {
      if (monthOf[index] !== month) continue;
      sealed.set(own.subarray(at, at + BLOCK_BYTES), index * BLOCK_BYTES);
      at += BLOCK_BYTES;
    }
  }
  return sealed;
}

function monthIndex(atMs: number): number {
  for (let index = 0; index < months.length; index += 1) {
    if (atMs >= months[index]!.startMs && atMs < months[index]!.endMs) return index;
  }
  const date = new Date(atMs);
  const year = date.getUTCFullYear();
  const month = date.getUTCMonth();
  months.push({
    startMs: Date.UTC(year, month, 1),
    endMs: Date.UTC(year, month + 1, 1),
    name: date.toISOString().slice(0, 7),
  });
  return months.length - 1;
}

function grow(): void {
  const more = count * 2;
  const largerTokens = new Uint8Array(more * BLOCK_BYTES);
  largerTokens.set(tokenBlocks);
  tokenBlocks = largerTokens;
  tokenView = viewOf(tokenBlocks);
  const largerData = new Uint8Array(more * BLOCK_BYTES);
  largerData.set(dataBlocks);
  dataBlocks = largerData;
  dataView = viewOf(dataBlocks);
  const largerMonths = new Uint8Array(more);
  largerMonths.set(monthOf);
  monthOf = largerMonths;
  const largerPlaces = new Int32Array(more * 3);
  largerPlaces.set(places);
  places = largerPlaces;
}
