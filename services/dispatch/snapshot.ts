/**
 * Snapshot: a partition's state as objects, and back, so that a start reads a minute of the log and
 * not all of it.
 *
 * A snapshot is one object, `<partition>.<sequence>`: length of a JSON head, the head, then accounts,
 * their months and reservations as they lie in memory. Idempotency keys, the most by far, are parts of their own,
 * one for each hour: an hour that has not changed since the last snapshot is not written again.
 * The object comes last, so a snapshot that can be found is whole. Whoever wrote it: it is the fold
 * of the log up to its sequence, also if a zombie did.
 */
import { FloeError } from "../../core/errors.js";
import type { Objects } from "../../core/stream/stream.js";
import type { CoveredDump } from "./covered.js";
import { packReservations } from "./reservations.js";
import { openState, type PartitionState, type StateLimits } from "./state.js";

/** What was captured of a state at one moment. */
export interface Snapshot {
  readonly sequence: number;
  readonly name: string;
  /** Everything but the reservations, and these as they lay in memory. */
  readonly first: Uint8Array;
  readonly reservations: readonly Uint32Array[];
  readonly parts: readonly KeyPart[];
  /** Parts that are not stored yet. */
  readonly newParts: readonly { readonly name: string; readonly bytes: Uint8Array }[];
}

export interface KeyPart {
  readonly hour: number;
  readonly count: number;
  readonly name: string;
}

interface Head {
  /** 1: without months. */
  readonly version: 1 | 2;
  readonly sequence: number;
  readonly decidedAtMs: number;
  readonly epoch: number;
  readonly attemptsThrough: number;
  readonly currencies: readonly string[];
  readonly covered: readonly CoveredDump[];
  readonly accountsBytes: number;
  readonly monthsBytes?: number;
  readonly keyParts: readonly KeyPart[];
}

/** Digits of a sequence in names, so that names sort as sequences do. */
const DIGITS = 16;
const KEEP = 2;

/**
 * Captures a state between two turns. `stored`: key parts that are stored already.
 * Copies memory and no more, since nothing else runs meanwhile: `store` makes an object of it.
 */
export function capture(
  partition: number,
  state: PartitionState,
  stored: readonly KeyPart[],
): Snapshot {
  const newParts: { name: string; bytes: Uint8Array }[] = [];
  const parts = state.keys.generations().map(({ hour, count }) => {
    const known = stored.find((one) => one.hour === hour && one.count === count);
    if (known !== undefined) return known;
    const name = `${partition}.keys.${hour}.${digits(state.sequence)}`;
    newParts.push({ name, bytes: state.keys.dump(hour) });
    return { hour, count, name };
  });
  const accounts = state.accounts.dump();
  const months = state.months.dump();
  const head: Head = {
    version: 2,
    sequence: state.sequence,
    decidedAtMs: state.decidedAtMs,
    epoch: state.epoch,
    attemptsThrough: state.attemptsThrough,
    currencies: state.currencies.dump(),
    covered: state.covered.map((lane) => lane.dump()),
    accountsBytes: accounts.length,
    monthsBytes: months.length,
    keyParts: parts,
  };
  const text = Buffer.from(JSON.stringify(head), "utf8");
  const length = Buffer.alloc(4);
  length.writeUInt32LE(text.length);
  const { sequence } = state;
  return {
    sequence,
    name: `${partition}.${digits(sequence)}`,
    first: Buffer.concat([length, text, accounts, months]),
    reservations: state.reservations.copy(),
    parts,
    newParts,
  };
}

/** @returns its size. @throws FloeError "stream.unavailable" */
export async function store(objects: Objects, snapshot: Snapshot): Promise<number> {
  for (const { name, bytes } of snapshot.newParts) await objects.put(name, bytes);
  const reservations = await packReservations(snapshot.reservations);
  const bytes = Buffer.concat([snapshot.first, reservations]);
  await objects.put(snapshot.name, bytes);
  return bytes.length;
}

export interface Loaded {
  readonly state: PartitionState;
  readonly parts: readonly KeyPart[];
}

/**
 * The state at the last snapshot that can be read; undefined: there is none.
 * @param unreadable told of each that cannot be.
 */
export async function loadSnapshot(
  objects: Objects,
  partition: number,
  limits: StateLimits,
  unreadable: (name: string, error: unknown) => void,
): Promise<Loaded | undefined> {
  const names = snapshotNames(await objects.list(), partition);
  for (const name of names.reverse()) {
    try {
      return await load(objects, name, limits);
    } catch (error) {
      unreadable(name, error);
    }
  }
  return undefined;
}

async function load(objects: Objects, name: string, limits: StateLimits): Promise<Loaded> {
  const bytes = Buffer.from(await existing(objects, name));
  const end = 4 + bytes.readUInt32LE(0);
  const head = JSON.parse(bytes.toString("utf8", 4, end)) as Head;
  if (head.version !== 1 && head.version !== 2) {
    throw new FloeError("frame.malformed", { name, version: head.version });
  }
  const state = openState(limits);
  const monthsAt = end + head.accountsBytes;
  const reservationsAt = monthsAt + (head.monthsBytes ?? 0);
  state.accounts.restore(bytes.subarray(end, monthsAt));
  state.months.restore(bytes.subarray(monthsAt, reservationsAt));
  state.reservations.restore(bytes.subarray(reservationsAt));
  state.currencies.restore(head.currencies);
  for (const [lane, from] of head.covered.entries()) state.covered[lane]!.restore(from);
  for (const part of head.keyParts) {
    state.keys.restore(part.hour, await existing(objects, part.name));
  }
  state.sequence = head.sequence;
  state.decidedAtMs = head.decidedAtMs;
  state.epoch = head.epoch;
  state.attemptsThrough = head.attemptsThrough;
  return { state, parts: head.keyParts };
}

async function existing(objects: Objects, name: string): Promise<Uint8Array> {
  const bytes = await objects.get(name);
  if (bytes === undefined)
    throw new FloeError("frame.malformed", { name, problem: "is not there" });
  return bytes;
}

/**
 * Deletes snapshots before the last two, and key parts that neither of these names.
 * @returns the sequence of the older of the two: the log before it is needed by nobody who starts.
 */
export async function prune(
  objects: Objects,
  partition: number,
  kept: readonly Pick<Snapshot, "sequence" | "parts">[],
): Promise<number> {
  const last = kept.slice(-KEEP);
  const oldest = last[0]!;
  if (last.length < KEEP) return 0;
  const named = new Set(last.flatMap(({ parts }) => parts.map(({ name }) => name)));
  for (const name of await objects.list()) {
    const [of, kind, hour, sequence] = name.split(".");
    if (of !== String(partition)) continue;
    const written = hour === undefined ? kind : sequence;
    if (Number(written) < oldest.sequence && !named.has(name)) await objects.delete(name);
  }
  return oldest.sequence;
}

/** Snapshots of a partition, oldest first. */
function snapshotNames(names: readonly string[], partition: number): string[] {
  return names.filter((name) => name.startsWith(`${partition}.`) && !name.includes("keys")).sort();
}

function digits(sequence: number): string {
  return String(sequence).padStart(DIGITS, "0");
}
