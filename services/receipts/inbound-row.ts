/** Inbound row: a message from a phone as ClickHouse keeps it: number and text sealed (promise P7). */
import { createHash } from "node:crypto";
import type { ClickHouse } from "../../core/clickhouse.js";
import { sealContent } from "../../core/content-seal.js";
import { FloeError } from "../../core/errors.js";
import { dataMonth, type Keys } from "../../core/keys.js";
import {
  BLOCK_BYTES,
  openSeal,
  putDataBlock,
  putTokenBlock,
  tokenOf,
} from "../../core/number-seal.js";
import { blockOf, type Column } from "./block.js";

/** What a phone sent, put together. */
export interface InboundMessage {
  /** 16 bytes. */
  readonly id: Uint8Array;
  readonly atMs: number;
  readonly carrier: string;
  readonly bind: string;
  /** As the carrier wrote it; mostly a number. */
  readonly from: string;
  readonly to: string;
  readonly encoding: string;
  /** undefined: octets that are no text. */
  readonly text: string | undefined;
  readonly data: Uint8Array;
  readonly parts: number;
  readonly total: number;
}

export interface InboundRow extends InboundMessage {
  readonly account: number;
  readonly keyword: string;
  /** What it asks for; "": nothing. */
  readonly action: string;
}

interface SealedRow extends InboundRow {
  readonly token: Uint8Array;
  readonly sealedFrom: Uint8Array;
  readonly sealedText: Uint8Array;
  readonly recordedAtMs: number;
}

/** What `text_enc` holds, as JSON: the sender too, since not every one is a number that can be sealed. */
export interface SealedContent {
  readonly from: string;
  readonly text?: string;
  /** Base64 of what is no text. */
  readonly data?: string;
}

const COLUMNS: readonly Column<SealedRow>[] = [
  { name: "account", type: "UInt32", of: ({ account }) => account },
  { name: "received_at", type: "DateTime64(3, 'UTC')", of: ({ atMs }) => atMs },
  { name: "message_id", type: "UUID", of: ({ id }) => id },
  { name: "carrier", type: "String", of: ({ carrier }) => carrier },
  { name: "bind", type: "String", of: ({ bind }) => bind },
  { name: "from_enc", type: "FixedString(16)", of: ({ sealedFrom }) => sealedFrom },
  { name: "from_tok", type: "FixedString(16)", of: ({ token }) => token },
  { name: "to", type: "String", of: ({ to }) => to },
  { name: "keyword", type: "String", of: ({ keyword }) => keyword },
  { name: "encoding", type: "String", of: ({ encoding }) => encoding },
  { name: "parts", type: "UInt8", of: ({ parts }) => parts },
  { name: "parts_total", type: "UInt8", of: ({ total }) => total },
  { name: "text_enc", type: "String", of: ({ sealedText }) => sealedText },
  { name: "characters", type: "UInt32", of: ({ text }) => text?.length ?? 0 },
  { name: "action", type: "String", of: ({ action }) => action },
  { name: "recorded_at", type: "DateTime64(3, 'UTC')", of: ({ recordedAtMs }) => recordedAtMs },
];

/**
 * Inserts them. A repeat is harmless.
 * @throws FloeError "clickhouse.*"; "keys.invalid" if there is no key for a message's month
 */
export async function insertInbound(
  clickhouse: ClickHouse,
  rows: readonly InboundRow[],
  keys: Keys,
  nowMs: number,
): Promise<void> {
  if (rows.length === 0) return;
  const sealed = rows.map((row) => seal(row, keys, nowMs));
  const names = COLUMNS.map(({ name }) => name);
  await clickhouse.insertNative("inbound_messages", names, blockOf(COLUMNS, sealed));
}

function seal(row: InboundRow, keys: Keys, nowMs: number): SealedRow {
  const month = dataMonth(row.atMs);
  const dataKey = keys.data[month];
  if (dataKey === undefined) {
    throw new FloeError("keys.invalid", { problem: "has no data key for the month", month });
  }
  const content: SealedContent =
    row.text === undefined
      ? { from: row.from, data: Buffer.from(row.data).toString("base64") }
      : { from: row.from, text: row.text };
  const token = tokenOf(row.from, keys.token);
  return {
    ...row,
    token: token ?? new Uint8Array(BLOCK_BYTES),
    sealedFrom: token === undefined ? new Uint8Array(BLOCK_BYTES) : sealNumber(row, dataKey),
    sealedText: sealContent(Buffer.from(JSON.stringify(content), "utf8"), row.id, dataKey),
    recordedAtMs: nowMs,
  };
}

/** As the number of a message that goes out is sealed (core/number-seal.ts). */
function sealNumber({ from, id }: InboundRow, dataKey: Uint8Array): Uint8Array {
  const digits = Buffer.from(from.replace(/^\+/, ""), "latin1");
  const plain = new Uint8Array(BLOCK_BYTES);
  putTokenBlock(plain, 0, digits, 0, digits.length);
  const block = new Uint8Array(BLOCK_BYTES);
  const view = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  putDataBlock(view(block), 0, view(plain), 0, view(id), 0);
  return openSeal(dataKey)(block);
}

/**
 * The id of a message: the same whenever its first part is read again, since a stream gives a
 * sequence once. A UUID of version 8 (RFC 9562, 5.8) that sorts by time.
 */
export function inboundId(atMs: number, sequence: number, index: number): Uint8Array {
  const hash = createHash("sha256").update(`inbound/${sequence}/${index}`).digest();
  const id = Buffer.alloc(16);
  id.writeUIntBE(atMs, 0, 6);
  hash.copy(id, 6, 0, 10);
  id[6] = 0x80 | (id[6]! & 0x0f);
  id[8] = 0x80 | (id[8]! & 0x3f);
  return id;
}
