/**
 * Suppressed: who asked whom to stop, flat, for a look at every message.
 *
 * Kept from the bucket `floe_suppressions` (core/suppressions.ts). A number is found by account and
 * token where they stand in the verdict; only then is its sender read. The log holds what was
 * decided, so that a replay needs none of this, and an entry that comes a moment late refuses the
 * next message: the watch is milliseconds behind.
 */
import type { Logger } from "../../core/log.js";
import { VERDICT } from "../../core/stream/fields.js";
import { newFields, readFields, readUint32, textOf, varintOf } from "../../core/stream/frame.js";
import type { Bucket } from "../../core/stream/stream.js";
import {
  accountOfSettingsKey,
  parseSuppression,
  parseSuppressionSettings,
  plainSender,
  readSuppressionKey,
  type SuppressionKey,
} from "../../core/suppressions.js";
import { VERDICT_AT } from "../../workers/task.js";

export interface Suppressed {
  /** Whether the verdict in `bytes[at, end)` goes to a number that asked its sender to stop. */
  blocks(bytes: Uint8Array, at: number, end: number): boolean;
}

export interface SuppressedTable extends Suppressed {
  /** @param atMs when it was asked for. */
  set(key: SuppressionKey, isStopped: boolean, atMs: number): void;
  /** Whether messages of class authentication of this account are held back as well. */
  setAuthentication(account: number, isBlocked: boolean): void;
  count(): number;
}

export const NONE_SUPPRESSED: Suppressed = { blocks: () => false };

/** From the first byte of a verdict with a number (workers/records.ts; a test holds it to that). */
export const VERDICT_TOK_AT = 103;
const TOK_TAG = (VERDICT.toTok << 3) | 2;
const TOK_BYTES = 16;
/** floe.v1.TrafficClass. */
const AUTHENTICATION = 1;
/** Words of an entry: account and token. */
const STRIDE = 5;
const FIRST_SIZE = 256;

const fields = newFields();

export function openSuppressed(): SuppressedTable {
  let keys = new Uint32Array(FIRST_SIZE * STRIDE);
  let sender = new Int32Array(FIRST_SIZE);
  let stopped = new Uint8Array(FIRST_SIZE);
  let askedAtMs = new Float64Array(FIRST_SIZE);
  /** The next entry of the same account and token, plus 1; 0: none. */
  let next = new Int32Array(FIRST_SIZE);
  /** Open addressing: first entry plus 1. At most half full. */
  let slots = new Int32Array(FIRST_SIZE * 2);
  let count = 0;
  /** Senders by number; number 0 stands for all. */
  const numbers = new Map<string, number>([["", 0]]);
  const authentication = new Set<number>();
  const key = new Uint32Array(STRIDE);

  /** First entry of `key`, plus 1; 0: none, and `missed` is the slot for it. */
  function find(): number {
    const mask = slots.length - 1;
    let slot = hashOf(key) & mask;
    for (; slots[slot] !== 0; slot = (slot + 1) & mask) {
      const base = (slots[slot]! - 1) * STRIDE;
      let isSame = true;
      for (let word = 0; word < STRIDE && isSame; word += 1) {
        isSame = keys[base + word] === key[word];
      }
      if (isSame) return slots[slot]!;
    }
    missed = slot;
    return 0;
  }
  let missed = 0;

  function grow(): void {
    const size = next.length * 2;
    keys = larger(keys, new Uint32Array(size * STRIDE));
    sender = larger(sender, new Int32Array(size));
    stopped = larger(stopped, new Uint8Array(size));
    askedAtMs = larger(askedAtMs, new Float64Array(size));
    next = larger(next, new Int32Array(size));
    slots = new Int32Array(size * 2);
    const isBehind = new Uint8Array(count);
    for (let entry = 0; entry < count; entry += 1) {
      if (next[entry] !== 0) isBehind[next[entry]! - 1] = 1;
    }
    const mask = slots.length - 1;
    for (let entry = 0; entry < count; entry += 1) {
      if (isBehind[entry] === 1) continue;
      let slot = hashOf(keys.subarray(entry * STRIDE, (entry + 1) * STRIDE)) & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = entry + 1;
    }
  }

  function numberOf(name: string): number {
    const plain = plainSender(name);
    let number = numbers.get(plain);
    if (number === undefined) {
      number = numbers.size;
      numbers.set(plain, number);
    }
    return number;
  }

  /** Of the sender named in field `field` of the verdict in `fields`; -1: no entry names it. */
  function senderOf(bytes: Uint8Array, field: number): number {
    const name = plainSender(textOf(bytes, fields, field));
    return name === "" ? -1 : (numbers.get(name) ?? -1);
  }

  /** What the entries from `first` on say of the verdict's sender: the last word counts. */
  function isStopped(
    first: number,
    account: number,
    bytes: Uint8Array,
    at: number,
    end: number,
  ): boolean {
    if (!readFields(bytes, at, end, fields)) return false;
    const isAuthentication = varintOf(fields, VERDICT.trafficClass) === AUTHENTICATION;
    if (isAuthentication && !authentication.has(account)) return false;
    const own = senderOf(bytes, VERDICT.sender);
    const sent = senderOf(bytes, VERDICT.sentSender);
    return isStoppedFor(first, own) || (sent >= 0 && isStoppedFor(first, sent));
  }

  /** @param number of the sender; -1: no entry names it. */
  function isStoppedFor(first: number, number: number): boolean {
    let lastMs = Number.NEGATIVE_INFINITY;
    let isStop = false;
    for (let entry = first; entry !== 0; entry = next[entry - 1]!) {
      const of = sender[entry - 1]!;
      const atMs = askedAtMs[entry - 1]!;
      if ((of !== 0 && of !== number) || atMs < lastMs) continue;
      isStop = stopped[entry - 1] === 1 || (isStop && atMs === lastMs);
      lastMs = atMs;
    }
    return isStop;
  }

  return {
    blocks(bytes, at, end) {
      if (count === 0 || end - at < VERDICT_TOK_AT + TOK_BYTES) return false;
      const tokAt = at + VERDICT_TOK_AT;
      if (bytes[tokAt - 2] !== TOK_TAG || bytes[tokAt - 1] !== TOK_BYTES) return false;
      const account = readUint32(bytes, at + VERDICT_AT.account);
      key[0] = account;
      for (let word = 1; word < STRIDE; word += 1) {
        key[word] = readUint32(bytes, tokAt + 4 * (word - 1));
      }
      const first = find();
      return first !== 0 && isStopped(first, account, bytes, at, end);
    },
    set({ account, token, sender: name }, isStop, atMs) {
      key[0] = account;
      for (let word = 1; word < STRIDE; word += 1) key[word] = readUint32(token, 4 * (word - 1));
      const number = numberOf(name);
      const first = find();
      let last = 0;
      for (let entry = first; entry !== 0; entry = next[entry - 1]!) {
        last = entry;
        if (sender[entry - 1] !== number) continue;
        stopped[entry - 1] = isStop ? 1 : 0;
        askedAtMs[entry - 1] = atMs;
        return;
      }
      if (count === next.length) {
        grow();
        find();
      }
      keys.set(key, count * STRIDE);
      sender[count] = number;
      stopped[count] = isStop ? 1 : 0;
      askedAtMs[count] = atMs;
      count += 1;
      if (last === 0) slots[missed] = count;
      else next[last - 1] = count;
    },
    setAuthentication(account, isBlocked) {
      if (isBlocked) authentication.add(account);
      else authentication.delete(account);
    },
    count: () => count,
  };
}

/** A table that follows the bucket. */
export async function watchSuppressed(
  bucket: Bucket,
  log: Logger,
): Promise<Suppressed & { stop(): Promise<void> }> {
  const table = openSuppressed();
  const watching = await bucket.watch((key, value) => {
    try {
      const account = accountOfSettingsKey(key);
      if (account !== undefined) {
        const isBlocked = value !== undefined && parseSuppressionSettings(value).authentication;
        table.setAuthentication(account, isBlocked);
        return;
      }
      const about = readSuppressionKey(key);
      if (about === undefined) return;
      const said = value === undefined ? undefined : parseSuppression(value);
      table.set(about, said?.state === "stopped", said?.atMs ?? 0);
    } catch (err) {
      log.error({ err }, "a suppression cannot be read, what was known of it stays");
    }
  });
  return { blocks: table.blocks, stop: () => watching.stop() };
}

/** Tokens are cipher text: any of their words spreads. */
function hashOf(key: Uint32Array): number {
  const mixed = key[1]! ^ Math.imul(key[0]!, 0x9e3779b1);
  return (mixed ^ (mixed >>> 15)) >>> 0;
}

function larger<A extends Uint32Array | Int32Array | Uint8Array | Float64Array>(
  from: A,
  into: A,
): A {
  into.set(from);
  return into;
}
