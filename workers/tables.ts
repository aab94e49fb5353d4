/**
 * Tables: the binary table set, one immutable image that all pool threads read at once.
 *
 * compile-tables.ts makes an image (container: image.ts), `openTables` lays typed arrays
 * over it; nothing is copied but the two small tables. Lookups are in destinations.ts,
 * rating.ts and below; none of them allocates.
 */
import { CANDIDATE, VERDICT } from "../core/stream/fields.js";
import { newWriter, putText, putVarint, written } from "../core/stream/frame.js";
import { openImage } from "./image.js";

/** Section `names`, as JSON: what is small and read once. */
export interface Names {
  readonly carriers: readonly { readonly name: string; readonly currency: string }[];
  readonly plans: readonly {
    readonly plan: number;
    readonly name: string;
    readonly currency: string;
    readonly chargeBasis: number;
    readonly root: number;
  }[];
  readonly destinationsRoot: number;
}

/** Encoded protobuf fields, ready to be copied: piece n is `bytes[at[n], at[n + 1])`. */
export interface Pieces {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly at: Int32Array;
}

export interface Tables {
  readonly version: number;
  /** Names by index. */
  readonly carriers: readonly string[];
  /** prefixes.ts: all prefix tables. */
  readonly nodes: Int32Array;
  readonly destinationsRoot: number;
  /** Of each plan, by index. */
  readonly planRoots: Int32Array;
  readonly planBasis: Uint8Array;
  /** Plan numbers in open addressing, 0: free; and the index of each. */
  readonly planNumbers: Uint32Array;
  readonly planIndices: Int32Array;
  /** As destinations.ts says. */
  readonly destinations: Uint32Array;
  readonly prices: Float64Array;
  /** Of each network, a verdict's fields to_prefix, country, mcc and mnc. */
  readonly networkPieces: Pieces;
  /** Of each carrier, a verdict's fields carrier and cost_currency, and a candidate's. */
  readonly carrierPieces: Pieces;
  readonly candidatePieces: Pieces;
  /** Of each plan, a verdict's fields currency, charge_basis, tables_version and plan. */
  readonly planPieces: Pieces;
}

/**
 * Opens an image, which is hashed as a whole first: keep what it gives.
 * @throws FloeError "tables.invalid" if it is damaged, of another format, or none.
 */
export function openTables(image: ArrayBufferLike): Tables {
  const bytes = new Uint8Array(image);
  const { version, section } = openImage(bytes);
  const words = (name: Parameters<typeof section>[0]): readonly [number, number] => {
    const [at, length] = section(name);
    return [at, length / 4];
  };
  const [namesAt, namesBytes] = section("names");
  const names: Names = JSON.parse(
    Buffer.from(bytes.subarray(namesAt, namesAt + namesBytes)).toString("utf8"),
  );
  const [pricesAt, pricesBytes] = section("prices");
  const networkBytes = new Uint8Array(image, ...section("networkBytes"));
  return {
    version,
    carriers: names.carriers.map(({ name }) => name),
    nodes: new Int32Array(image, ...words("nodes")),
    destinationsRoot: names.destinationsRoot,
    destinations: new Uint32Array(image, ...words("destinations")),
    prices: new Float64Array(image, pricesAt, pricesBytes / 8),
    networkPieces: pieces(networkBytes, new Int32Array(image, ...words("networkAt"))),
    ...carriersOf(names),
    ...plansOf(names, version),
  };
}

/** The plan's index; -1 if the tables do not have it. */
export function planIndex(tables: Tables, plan: number): number {
  const numbers = tables.planNumbers;
  const mask = numbers.length - 1;
  let slot = planSlot(plan, mask);
  while (numbers[slot] !== 0) {
    if (numbers[slot] === plan) return tables.planIndices[slot]!;
    slot = (slot + 1) & mask;
  }
  return -1;
}

function carriersOf({ carriers }: Names): Pick<Tables, "carrierPieces" | "candidatePieces"> {
  return {
    carrierPieces: encodePieces(carriers, (writer, { name, currency }) => {
      putText(writer, VERDICT.carrier, name);
      putText(writer, VERDICT.costCurrency, currency);
    }),
    candidatePieces: encodePieces(carriers, (writer, { name, currency }) => {
      putText(writer, CANDIDATE.carrier, name);
      putText(writer, CANDIDATE.costCurrency, currency);
    }),
  };
}

function plansOf({ plans }: Names, version: number) {
  let slots = 8;
  while (slots < plans.length * 2) slots *= 2;
  const planNumbers = new Uint32Array(slots);
  const planIndices = new Int32Array(slots);
  for (const [index, { plan }] of plans.entries()) {
    let slot = planSlot(plan, slots - 1);
    while (planNumbers[slot] !== 0) slot = (slot + 1) & (slots - 1);
    planNumbers[slot] = plan;
    planIndices[slot] = index;
  }
  return {
    planNumbers,
    planIndices,
    planRoots: Int32Array.from(plans, ({ root }) => root),
    planBasis: Uint8Array.from(plans, ({ chargeBasis }) => chargeBasis),
    planPieces: encodePieces(plans, (writer, { plan, currency, chargeBasis }) => {
      putText(writer, VERDICT.currency, currency);
      putVarint(writer, VERDICT.chargeBasis, chargeBasis);
      putVarint(writer, VERDICT.tablesVersion, version);
      putVarint(writer, VERDICT.plan, plan);
    }),
  };
}

function planSlot(plan: number, mask: number): number {
  return (Math.imul(plan, 0x9e3779b1) >>> 16) & mask;
}

/** One piece for each row. */
export function encodePieces<Row>(
  rows: readonly Row[],
  put: (writer: ReturnType<typeof newWriter>, row: Row) => void,
): Pieces {
  const writer = newWriter();
  const at = new Int32Array(rows.length + 1);
  for (const [index, row] of rows.entries()) {
    put(writer, row);
    at[index + 1] = writer.at;
  }
  return pieces(written(writer).slice(), at);
}

function pieces(bytes: Uint8Array, at: Int32Array): Pieces {
  return { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), at };
}
