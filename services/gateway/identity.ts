/**
 * Identity: the id of a message, and the tag of its idempotency key.
 *
 * Without a key the id is a UUID of version 7: time, a counter, chance; rising within a process.
 * With a key it is a UUID of version 8, a keyed hash over account, idempotency key and every field
 * of the message, so that any gateway gives a repeat the same id, and the same key with another
 * message another one. What is hashed are the bytes as sent: a client that repeats a request
 * encodes it in the same way. Only maps may come in another order, so tags are hashed one by one
 * and summed, which no order changes. The key tag is a keyed hash of account and idempotency key
 * alone: by it the owner of the partition (and the gateway, remembered.ts) finds what a key was
 * used for.
 *
 * The hash is SipHash-2-4-128 under a key that is never rotated (core/keys.ts); an id keeps 122 of
 * its bits (RFC 9562, section 5.8). Its first eight bytes are account and what is hashed, so that
 * none of the three hashes can be taken for another.
 */
import { fillRandom } from "../../core/clock.js";
import { MESSAGE_BYTES_MAX } from "../../core/limits.js";
import { writeUint32 } from "../../core/stream/frame.js";
import { type SipKey, sipHash, sipKey } from "./siphash.js";

export interface Identity {
  /** Writes a UUID of version 7 to `into[intoAt, intoAt + 16)`. */
  fresh(nowMs: number, into: Uint8Array, intoAt: number): void;
  /** Writes the UUID of version 8 of the message at `[at, end)`, which has an idempotency key. */
  keyed(message: KeyedMessage, into: Uint8Array, intoAt: number): void;
  /** Writes the key tag, low half first, never both 0, to `into[intoAt, intoAt + 2)`. */
  tag(message: KeyedMessage, into: Int32Array, intoAt: number): void;
}

/** One is filled anew for each message. */
export interface KeyedMessage {
  account: number;
  bytes: Uint8Array;
  /** Over all of `bytes`. */
  view: DataView;
  at: number;
  end: number;
  keyAt: number;
  keyEnd: number;
  /** Entries of `tags`. */
  tags: number;
}

const DOMAIN_MESSAGE = 1;
const DOMAIN_TAGGED = 2;
const DOMAIN_ENTRY = 3;
const DOMAIN_KEY = 4;

const RANDOM_BYTES = 8_192;
const COUNTER_MAX = 0xfff;
/** Tag of field 13, length-delimited. */
const TAGS_TAG = 0x6a;

export function openIdentity(key: Uint8Array): Identity {
  const sip: SipKey = sipKey(key);
  const hash = new Int32Array(4);
  const sum = new Int32Array(4);
  const scratch = new Uint8Array(MESSAGE_BYTES_MAX + 16);
  const scratchView = new DataView(scratch.buffer);
  const random = new Uint8Array(RANDOM_BYTES);
  let randomAt = RANDOM_BYTES;
  let lastMs = 0;
  let counter = 0;

  /** Offset of `count` fresh random bytes. */
  function chance(count: number): number {
    if (randomAt + count > RANDOM_BYTES) {
      fillRandom(random);
      randomAt = 0;
    }
    randomAt += count;
    return randomAt - count;
  }

  function fresh(nowMs: number, into: Uint8Array, intoAt: number): void {
    if (nowMs > lastMs) {
      lastMs = nowMs;
      const at = chance(2);
      // Starting in the lower half leaves room to count (RFC 9562, section 6.2, method 1).
      counter = ((random[at]! << 8) | random[at + 1]!) & 0x7ff;
    } else if (counter < COUNTER_MAX) {
      counter += 1;
    } else {
      lastMs += 1;
      counter = 0;
    }
    const low = lastMs % 2 ** 32;
    const high = (lastMs - low) / 2 ** 32;
    into[intoAt] = high >>> 8;
    into[intoAt + 1] = high;
    into[intoAt + 2] = low >>> 24;
    into[intoAt + 3] = low >>> 16;
    into[intoAt + 4] = low >>> 8;
    into[intoAt + 5] = low;
    into[intoAt + 6] = 0x70 | (counter >>> 8);
    into[intoAt + 7] = counter;
    const at = chance(8);
    for (let index = 0; index < 8; index += 1) into[intoAt + 8 + index] = random[at + index]!;
    into[intoAt + 8] = 0x80 | (random[at]! & 0x3f);
  }

  function keyed(message: KeyedMessage, into: Uint8Array, intoAt: number): void {
    const { account, view, at, end } = message;
    if (message.tags === 0) sipHash(sip, account, DOMAIN_MESSAGE, view, at, end, hash);
    else hashTagged(message);
    for (let word = 0; word < 4; word += 1) writeUint32(into, intoAt + 4 * word, hash[word]!);
    into[intoAt + 6] = 0x80 | (into[intoAt + 6]! & 0x0f);
    into[intoAt + 8] = 0x80 | (into[intoAt + 8]! & 0x3f);
  }

  /** Hashes all fields but tags, followed by the sum of the hashes of the tags. */
  function hashTagged({ account, bytes, view, at, end }: KeyedMessage): void {
    let filled = 0;
    sum.fill(0);
    while (at < end) {
      const fieldAt = at;
      const tag = bytes[at]!;
      at = fieldEnd(bytes, at);
      if (tag === TAGS_TAG) {
        sipHash(sip, account, DOMAIN_ENTRY, view, fieldAt, at, hash);
        for (let word = 0; word < 4; word += 1) sum[word] = sum[word]! + hash[word]!;
      } else {
        scratch.set(bytes.subarray(fieldAt, at), filled);
        filled += at - fieldAt;
      }
    }
    for (let word = 0; word < 4; word += 1) writeUint32(scratch, filled + 4 * word, sum[word]!);
    sipHash(sip, account, DOMAIN_TAGGED, scratchView, 0, filled + 16, hash);
  }

  function tag(message: KeyedMessage, into: Int32Array, intoAt: number): void {
    sipHash(sip, message.account, DOMAIN_KEY, message.view, message.keyAt, message.keyEnd, hash);
    into[intoAt] = hash[0]!;
    // 0 in both means "no key".
    into[intoAt + 1] = hash[0] === 0 && hash[1] === 0 ? 1 : hash[1]!;
  }

  return { fresh, keyed, tag };
}

/** End of the field at `at`, in a message that validate.ts has found to be well-formed. */
function fieldEnd(bytes: Uint8Array, at: number): number {
  const kind = bytes[at]! & 7;
  while (bytes[at++]! > 127);
  if (kind === 1) return at + 8;
  if (kind === 5) return at + 4;
  let value = 0;
  let shift = 0;
  for (;;) {
    const octet = bytes[at++]!;
    if (shift < 32) value |= (octet & 127) << shift;
    if (octet < 128) break;
    shift += 7;
  }
  return kind === 2 ? at + value : at;
}
