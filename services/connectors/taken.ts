/**
 * Taken: the receipts of one read side by side, without an object for each, until they are joined.
 */
import { BLOCK_BYTES, putTokenBlock } from "../../core/number-seal.js";
import type { DeliverySource } from "./link.js";
import { SM, type SmPlaces } from "./smpp/pdu.js";
import type { Receipt } from "./smpp/receipt.js";

/** Numbers of a receipt that was taken. Its texts begin at TEXT_BYTES times its place. */
export const TAKEN = {
  sequence: 0,
  idEnd: 1,
  textEnd: 2,
  state: 3,
  error: 4,
  /** 1: `blocks` has its recipient. */
  hasToken: 5,
  dateEnd: 6,
  /** OTHER_*: which address `others` has, besides. */
  other: 7,
} as const;
export const TAKEN_STRIDE = 8;
export const OTHER_NONE = 0;
export const OTHER_SOURCE = 1;
export const OTHER_DESTINATION = 2;
/** Bytes kept of each: carrier id, `err`, done date. */
export const TEXT_BYTES = 112;

export interface Taken {
  count: number;
  numbers: Int32Array;
  texts: Uint8Array;
  /** Token blocks of the recipient, as far as its bind is known, and of the other address. */
  blocks: Uint8Array;
  others: Uint8Array;
  readonly sources: DeliverySource[];
}

export function newTaken(size = 64): Taken {
  return {
    count: 0,
    numbers: new Int32Array(size * TAKEN_STRIDE),
    texts: new Uint8Array(size * TEXT_BYTES),
    blocks: new Uint8Array(size * BLOCK_BYTES),
    others: new Uint8Array(size * BLOCK_BYTES),
    sources: [],
  };
}

function grow(taken: Taken): void {
  const larger = newTaken((taken.blocks.length / BLOCK_BYTES) * 2);
  larger.numbers.set(taken.numbers);
  larger.texts.set(taken.texts);
  larger.blocks.set(taken.blocks);
  larger.others.set(taken.others);
  const { numbers, texts, blocks, others } = larger;
  Object.assign(taken, { numbers, texts, blocks, others });
}

/**
 * Adds the receipt that was read from the deliver_sm at `places`.
 * @param isSwapped this bind's receipts have the recipient in destination_addr.
 */
export function take(
  taken: Taken,
  source: DeliverySource,
  sequence: number,
  bytes: Uint8Array,
  places: SmPlaces,
  receipt: Receipt,
  isSwapped: boolean,
): void {
  if (taken.count * BLOCK_BYTES === taken.blocks.length) grow(taken);
  const place = taken.count;
  taken.count += 1;
  const { numbers, texts } = taken;
  const base = place * TAKEN_STRIDE;
  const { idAt, idEnd, errorAt, errorEnd, dateAt, dateEnd } = receipt;
  let to = place * TEXT_BYTES;
  for (let index = idAt; index < idEnd; index += 1) texts[to++] = bytes[index]!;
  numbers[base + TAKEN.idEnd] = to;
  for (let index = errorAt; index < errorEnd; index += 1) texts[to++] = bytes[index]!;
  numbers[base + TAKEN.textEnd] = to;
  for (let index = dateAt; index < dateEnd; index += 1) texts[to++] = bytes[index]!;
  numbers[base + TAKEN.dateEnd] = to;
  numbers[base + TAKEN.sequence] = sequence;
  numbers[base + TAKEN.state] = receipt.state;
  numbers[base + TAKEN.error] = receipt.error;
  taken.sources[place] = source;
  putAddresses(taken, place, bytes, places, isSwapped);
}

/** A receipt's source is the message's recipient, but with carriers that leave both as they were. */
function putAddresses(
  { numbers, blocks, others }: Taken,
  place: number,
  bytes: Uint8Array,
  places: SmPlaces,
  isSwapped: boolean,
): void {
  const at = place * BLOCK_BYTES;
  const base = place * TAKEN_STRIDE;
  const bySource = isSwapped ? others : blocks;
  const byDestination = isSwapped ? blocks : others;
  const hasSource = putNumber(bySource, at, bytes, places[SM.source]!, places[SM.sourceEnd]!);
  const hasDestination = putNumber(
    byDestination,
    at,
    bytes,
    places[SM.destination]!,
    places[SM.destinationEnd]!,
  );
  const isFirst = isSwapped ? hasDestination : hasSource;
  const isSecond = isSwapped ? hasSource : hasDestination;
  // Where one of them is a name, the number is the recipient.
  if (!isFirst && isSecond) {
    for (let index = at; index < at + BLOCK_BYTES; index += 1) blocks[index] = others[index]!;
  } else if (!isFirst) blocks.fill(0, at, at + BLOCK_BYTES);
  const other = isSwapped ? OTHER_SOURCE : OTHER_DESTINATION;
  numbers[base + TAKEN.hasToken] = isFirst || isSecond ? 1 : 0;
  numbers[base + TAKEN.other] = isFirst && isSecond ? other : OTHER_NONE;
}

/** The token block of the number at `bytes[at, end)`: "+" or "00" before it is no part of it. */
function putNumber(
  blocks: Uint8Array,
  blockAt: number,
  bytes: Uint8Array,
  at: number,
  end: number,
): boolean {
  let from = at;
  if (bytes[from] === 0x2b) from += 1;
  else if (bytes[from] === 0x30 && bytes[from + 1] === 0x30) from += 2;
  return putTokenBlock(blocks, blockAt, bytes, from, end);
}
