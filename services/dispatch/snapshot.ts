/**
 * Snapshot: a partition's state as objects, and back, so that a start reads a minute of the log and
 * not all of it.
 *
 * A snapshot is one small object, `<partition>.<sequence>`, a JSON head that names parts: blocks of
 * accounts, groups of reservations, idempotency keys by the hour, references by the month. A part
 * that has not changed since the last snapshot is not written again. The head comes last, so a
 * snapshot that can be found is whole; that, and that it can be read, is looked at once more before
 * anything is purged. Whoever wrote it: it is the fold of the log up to its sequence, also if a
 * zombie did.
 */
import { FloeError } from "../../core/errors.js";
import type { Objects } from "../../core/stream/stream.js";
import { BLOCK_SHIFT } from "./accounts.js";
import type { CoveredDump } from "./covered.js";
import { monthOfDay } from "./months.js";
import { type Captured, GROUPS } from "./reservations.js";
import { openState, type PartitionState, type StateLimits } from "./state.js";

/** A part that is stored: which of its kind, how many entries where that tells, under what name. */
export interface StoredPart {
  readonly id: number;
  readonly count: number;
  readonly name: string;
}

/** Parts of a snapshot by their kind. */
export interface Parts {
  /** By the hour. */
  readonly keys: readonly StoredPart[];
  /** Blocks of accounts and of what these had in a month, in order. */
  readonly accounts: readonly StoredPart[];
  /** By the month. */
  readonly references: readonly StoredPart[];
  /** Groups of reservations. */
  readonly held: readonly StoredPart[];
}
export const NO_PARTS: Parts = { keys: [], accounts: [], references: [], held: [] };

/** What was captured of a state at one moment. */
export interface Snapshot {
  readonly sequence: number;
  readonly name: string;
  readonly head: Uint8Array;
  readonly parts: Parts;
  /** Parts that are not stored yet. */
  readonly newParts: readonly NewPart[];
  /** The reservations, whose new parts are taken as they are stored. */
  readonly reservations: Captured;
}
export interface NewPart {
  readonly name: string;
  take(): Uint8Array;
}

interface Head {
  /**
   * 1: whole, without months. 2: whole, with months. 3: accounts, references and reservations are
   * parts, as keys always were; accounts have what they spent, and messages without an outcome.
   */
  readonly version: 1 | 2 | 3;
  readonly sequence: number;
  readonly decidedAtMs: number;
  readonly epoch: number;
  readonly attemptsThrough: number;
  readonly currencies: readonly string[];
  readonly covered: readonly CoveredDump[];
  /** Versions 1 and 2. */
  readonly accountsBytes?: number;
  readonly monthsBytes?: number;
  readonly keyParts?: readonly { readonly hour: number; readonly count: number; name: string }[];
  /** Version 3. */
  readonly parts?: Parts;
}

/** Digits of a sequence in names, so that names sort as sequences do. */
const DIGITS = 16;
const KEEP = 2;
/** Parts that a start reads at a time. */
const READ_AHEAD = 4;

/**
 * Captures a state between two turns. `stored`: parts of the last snapshot that was stored.
 * Copies what of accounts has changed, and no more, since nothing else runs meanwhile.
 */
export function capture(partition: number, state: PartitionState, stored: Parts): Snapshot {
  const { accounts, keys, months, references, reservations, sequence } = state;
  const newParts: NewPart[] = [];
  const part = (kind: string, id: number, count: number, take: () => Uint8Array): StoredPart => {
    const name = `${partition}.${kind}.${id}.${digits(sequence)}`;
    newParts.push({ name, take });
    return { id, count, name };
  };
  /** The part that is stored already, or a new one. */
  const kept = (known: readonly StoredPart[], id: number, count: number): StoredPart | undefined =>
    known.find((one) => one.id === id && one.count === count);

  const blocks = new Set(accounts.changedBlocks());
  const accountParts: StoredPart[] = [];
  for (let block = 0; block << BLOCK_SHIFT < accounts.count(); block += 1) {
    const from = block << BLOCK_SHIFT;
    const count = Math.min(accounts.count() - from, 1 << BLOCK_SHIFT);
    const known = blocks.has(block) ? undefined : kept(stored.accounts, block, count);
    if (known !== undefined) accountParts.push(known);
    else {
      const bytes = withLength(accounts.dump(block), months.dump(from, from + count));
      accountParts.push(part("accounts", block, count, () => bytes));
    }
  }
  const captured = reservations.capture();
  const changed = new Set(captured.changed);
  const held: StoredPart[] = [];
  for (let group = 0; group < GROUPS; group += 1) {
    if (!captured.has(group)) continue;
    const known = changed.has(group) ? undefined : kept(stored.held, group, 0);
    held.push(known ?? part("held", group, 0, () => captured.take(group)));
  }
  const parts: Parts = {
    accounts: accountParts,
    held,
    keys: keys.generations().map(({ hour, count }) => {
      const known = kept(stored.keys, hour, count);
      if (known !== undefined) return known;
      const bytes = keys.dump(hour);
      return part("keys", hour, count, () => bytes);
    }),
    references: references.generations().map(({ month, count }) => {
      const known = kept(stored.references, month, count);
      if (known !== undefined) return known;
      const bytes = references.dump(month);
      return part("references", month, count, () => bytes);
    }),
  };
  const head: Head = {
    version: 3,
    sequence,
    decidedAtMs: state.decidedAtMs,
    epoch: state.epoch,
    attemptsThrough: state.attemptsLogged,
    currencies: state.currencies.dump(),
    covered: state.covered.map((lane) => lane.dump()),
    parts,
  };
  return {
    sequence,
    name: `${partition}.${digits(sequence)}`,
    head: Buffer.from(JSON.stringify(head), "utf8"),
    parts,
    newParts,
    reservations: captured,
  };
}

/**
 * @param isWanted false: it is given up, and nothing names what was written so far.
 * @returns bytes that were written.
 * @throws FloeError "stream.unavailable"
 */
export async function store(
  objects: Objects,
  snapshot: Snapshot,
  isWanted: () => boolean = () => true,
): Promise<number> {
  let bytes = snapshot.head.length;
  try {
    for (const { name, take } of snapshot.newParts) {
      if (!isWanted()) throw new FloeError("stream.unavailable", { snapshot: snapshot.name });
      const part = take();
      bytes += part.length;
      await objects.put(name, part);
    }
  } finally {
    snapshot.reservations.end();
  }
  await objects.put(snapshot.name, withLength(snapshot.head, NOTHING));
  return bytes;
}

/**
 * Whether a start would find the snapshot, and all that it names.
 * @throws FloeError "stream.unavailable"
 */
export async function isStored(
  objects: Objects,
  snapshot: Pick<Snapshot, "name" | "parts">,
): Promise<boolean> {
  const there = new Set(await objects.list());
  const head = await objects.get(snapshot.name);
  if (head === undefined || !there.has(snapshot.name)) return false;
  const { parts } = headOf(Buffer.from(head), snapshot.name).head;
  return namesOf(parts ?? NO_PARTS).every((name) => there.has(name));
}

export interface Loaded {
  readonly state: PartitionState;
  readonly parts: Parts;
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

function headOf(bytes: Buffer, name: string): { head: Head; end: number } {
  const end = 4 + bytes.readUInt32LE(0);
  const head = JSON.parse(bytes.toString("utf8", 4, end)) as Head;
  if (![1, 2, 3].includes(head.version)) {
    throw new FloeError("frame.malformed", { name, version: head.version });
  }
  return { head, end };
}

async function load(objects: Objects, name: string, limits: StateLimits): Promise<Loaded> {
  const bytes = Buffer.from(await existing(objects, name));
  const { head, end } = headOf(bytes, name);
  const state = openState(limits);
  state.currencies.restore(head.currencies);
  for (const [lane, from] of head.covered.entries()) state.covered[lane]!.restore(from);
  const parts = head.parts ?? (await loadOld(objects, state, head, bytes, end));
  if (head.version === 3) await loadParts(objects, state, parts);
  // What changes from here on is not in the parts.
  state.accounts.changedBlocks();
  state.sequence = head.sequence;
  state.decidedAtMs = head.decidedAtMs;
  state.epoch = head.epoch;
  state.attemptsThrough = head.attemptsThrough;
  state.attemptsLogged = head.attemptsThrough;
  return { state, parts };
}

async function loadParts(objects: Objects, state: PartitionState, parts: Parts): Promise<void> {
  const { accounts, keys, months, references, reservations } = state;
  accounts.expect(parts.accounts.reduce((sum, { count }) => sum + count, 0));
  await readEach(objects, parts.accounts, (bytes, { id }) => {
    const length = Buffer.from(bytes.buffer, bytes.byteOffset).readUInt32LE(0);
    accounts.restore(bytes.subarray(4, 4 + length));
    months.restore(id << BLOCK_SHIFT, bytes.subarray(4 + length));
  });
  await readEach(objects, parts.held, (bytes) => reservations.restore(bytes));
  await readEach(objects, parts.keys, (bytes, { id }) => keys.restore(id, bytes));
  await readEach(objects, parts.references, (bytes, { id }) => references.restore(id, bytes));
  // They are as they are stored: a capture that follows writes what has changed.
  reservations.capture().end();
}

/** Reads parts a few ahead, and takes them in order. */
async function readEach(
  objects: Objects,
  parts: readonly StoredPart[],
  take: (bytes: Uint8Array, part: StoredPart) => void,
): Promise<void> {
  const ahead: Promise<Uint8Array>[] = [];
  for (let at = 0; at < parts.length; at += 1) {
    while (ahead.length < READ_AHEAD && at + ahead.length < parts.length) {
      const reading = existing(objects, parts[at + ahead.length]!.name);
      reading.catch(() => {});
      ahead.push(reading);
    }
    take(await ahead.shift()!, parts[at]!);
  }
}

/** Versions 1 and 2: one object, and keys in parts. */
async function loadOld(
  objects: Objects,
  state: PartitionState,
  head: Head,
  bytes: Buffer,
  end: number,
): Promise<Parts> {
  const { accounts, months, reservations } = state;
  const monthsAt = end + (head.accountsBytes ?? 0);
  const reservationsAt = monthsAt + (head.monthsBytes ?? 0);
  accounts.restoreOld(bytes.subarray(end, monthsAt));
  months.restore(0, bytes.subarray(monthsAt, reservationsAt));
  reservations.restore(bytes.subarray(reservationsAt));
  // What was reserved and is not settled counts as spent on its day: more is not known.
  reservations.eachHeld((place, priceMicros, day) =>
    accounts.recount(place, priceMicros, day, monthOfDay(day)),
  );
  const keys = (head.keyParts ?? []).map(({ hour, count, name }) => ({ id: hour, count, name }));
  for (const { id, name } of keys) state.keys.restore(id, await existing(objects, name));
  return { ...NO_PARTS, keys };
}

async function existing(objects: Objects, name: string): Promise<Uint8Array> {
  const bytes = await objects.get(name);
  if (bytes === undefined)
    throw new FloeError("frame.malformed", { name, problem: "is not there" });
  return bytes;
}

/**
 * Deletes snapshots before the last two, and parts that neither of these names.
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
  const named = new Set(last.flatMap(({ parts }) => namesOf(parts)));
  for (const name of await objects.list()) {
    const [of, ...rest] = name.split(".");
    if (of !== String(partition)) continue;
    if (Number(rest.at(-1)) < oldest.sequence && !named.has(name)) await objects.delete(name);
  }
  return oldest.sequence;
}

function namesOf(parts: Parts): string[] {
  const all = [...parts.keys, ...parts.accounts, ...parts.references, ...parts.held];
  return all.map(({ name }) => name);
}

/** Snapshots of a partition, oldest first. */
function snapshotNames(names: readonly string[], partition: number): string[] {
  return names
    .filter((name) => name.split(".").length === 2 && name.startsWith(`${partition}.`))
    .sort();
}

const NOTHING = new Uint8Array(0);

/** The first one's length, it, and then the second. */
function withLength(first: Uint8Array, second: Uint8Array): Uint8Array {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(first.length);
  return Buffer.concat([length, first, second]);
}

function digits(sequence: number): string {
  return String(sequence).padStart(DIGITS, "0");
}
