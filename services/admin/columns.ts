/**
 * Columns: decks, networks and ported numbers as they lie in the object store, so that making a
 * table set parses no text.
 *
 * Layout, little-endian: "FLOECOL1", length of the header (4 octets), header (JSON: what it is, the
 * sizes of its columns, and what repeats: terms, networks), then each column, begun at a multiple of
 * 8, then the SHA-256 of all that. Written once, never changed.
 */
import { createHash } from "node:crypto";
import { FloeError } from "../../core/errors.js";
import type {
  DeckSource,
  NetworkColumns,
  NetworkId,
  PortedColumns,
  RateTerms,
} from "../../workers/source.js";

const MAGIC = Buffer.from("FLOECOL1", "latin1");
const HASH_BYTES = 32;
const ALIGNMENT = 8;

type Column = Uint8Array | Uint16Array | Uint32Array | Float64Array;
interface Header {
  readonly what: "deck" | "networks" | "ported";
  /** Octets of each column. */
  readonly sizes: readonly number[];
  /** All that is not columns. */
  readonly rest: unknown;
}

export interface Encoded {
  readonly bytes: Uint8Array;
  /** The first 16 hexadecimal digits of its SHA-256. */
  readonly hash: string;
  readonly rows: number;
}

export function encodeDeck(deck: DeckSource): Encoded {
  const { count, kinds, codes, lengths, terms } = deck.rows;
  const columns = [codes, terms, kinds, lengths].map((one) => one.subarray(0, count));
  const { owner, channel, currency } = deck;
  return encode("deck", count, columns, { owner, channel, currency, terms: deck.terms });
}

/** @throws FloeError "tables.invalid" if it is not what `encodeDeck` wrote. */
export function decodeDeck(bytes: Uint8Array): DeckSource {
  const { rest, columns } = decode("deck", bytes);
  const [codes, terms, kinds, lengths] = columns;
  const known = rest as Omit<DeckSource, "rows">;
  const rows = {
    count: kinds!.length,
    kinds: kinds!,
    codes: doubles(codes!),
    lengths: lengths!,
    terms: words(terms!),
  };
  return { ...known, rows, terms: known.terms as readonly RateTerms[] };
}

export function encodeNetworks({ prefixes, of, ids }: NetworkColumns): Encoded {
  // A prefix does not begin with 0 and has at most 15 digits: a double says it exactly.
  const numbers = Float64Array.from(prefixes, Number);
  return encode("networks", prefixes.length, [numbers, of.subarray(0, prefixes.length)], { ids });
}

/** @throws FloeError "tables.invalid" */
export function decodeNetworks(bytes: Uint8Array): NetworkColumns {
  const { rest, columns } = decode("networks", bytes);
  const prefixes = Array.from(doubles(columns[0]!), String);
  return { prefixes, of: words(columns[1]!), ids: (rest as { ids: NetworkId[] }).ids };
}

export function encodePorted({ numbers, of, ids }: PortedColumns): Encoded {
  return encode("ported", numbers.length, [numbers, of.subarray(0, numbers.length)], { ids });
}

/** @throws FloeError "tables.invalid" */
export function decodePorted(bytes: Uint8Array): PortedColumns {
  const { rest, columns } = decode("ported", bytes);
  const of = columns[1]!;
  return {
    numbers: doubles(columns[0]!),
    of: new Uint16Array(of.buffer, of.byteOffset, of.byteLength / 2),
    ids: (rest as { ids: NetworkId[] }).ids,
  };
}

function encode(
  what: Header["what"],
  rows: number,
  columns: readonly Column[],
  rest: unknown,
): Encoded {
  const sizes = columns.map(({ byteLength }) => byteLength);
  const header = Buffer.from(JSON.stringify({ what, sizes, rest } satisfies Header), "utf8");
  let end = aligned(MAGIC.length + 4 + header.length);
  const starts = sizes.map((size) => {
    const start = end;
    end = aligned(end + size);
    return start;
  });
  const bytes = new Uint8Array(end + HASH_BYTES);
  bytes.set(MAGIC, 0);
  new DataView(bytes.buffer).setUint32(MAGIC.length, header.length, true);
  bytes.set(header, MAGIC.length + 4);
  for (const [at, { buffer, byteOffset, byteLength }] of columns.entries()) {
    bytes.set(new Uint8Array(buffer, byteOffset, byteLength), starts[at]!);
  }
  const hash = createHash("sha256").update(bytes.subarray(0, end)).digest();
  bytes.set(hash, end);
  return { bytes, hash: hash.toString("hex").slice(0, 16), rows };
}

function decode(what: Header["what"], given: Uint8Array): { rest: unknown; columns: Uint8Array[] } {
  // Columns are laid over the octets, which must begin at a multiple of 8 for that.
  const bytes = given.byteOffset % ALIGNMENT === 0 ? given : new Uint8Array(given);
  const end = bytes.length - HASH_BYTES;
  const damaged = (): FloeError =>
    new FloeError("tables.invalid", { problem: `stored ${what} are damaged.` });
  if (end < MAGIC.length + 4 || Buffer.compare(bytes.subarray(0, MAGIC.length), MAGIC) !== 0) {
    throw damaged();
  }
  const hash = createHash("sha256").update(bytes.subarray(0, end)).digest();
  if (Buffer.compare(hash, bytes.subarray(end)) !== 0) throw damaged();
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const headerEnd = MAGIC.length + 4 + view.getUint32(MAGIC.length, true);
  const text = Buffer.from(bytes.subarray(MAGIC.length + 4, headerEnd)).toString("utf8");
  const header = JSON.parse(text) as Header;
  if (header.what !== what) throw damaged();
  let at = aligned(headerEnd);
  const columns = header.sizes.map((size) => {
    const column = bytes.subarray(at, at + size);
    at = aligned(at + size);
    return column;
  });
  return { rest: header.rest, columns };
}

function aligned(at: number): number {
  return Math.ceil(at / ALIGNMENT) * ALIGNMENT;
}

function doubles({ buffer, byteOffset, byteLength }: Uint8Array): Float64Array {
  return new Float64Array(buffer, byteOffset, byteLength / 8);
}

function words({ buffer, byteOffset, byteLength }: Uint8Array): Uint32Array {
  return new Uint32Array(buffer, byteOffset, byteLength / 4);
}
