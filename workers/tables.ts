/**
 * Tables: the binary table set, one immutable image that all pool threads read at once.
 *
 * compile.ts makes an image (container: image.ts), `openTables` lays typed arrays over it; nothing
 * is copied but names. Lookups are in destinations.ts (whose number is it) and rates.ts (which
 * terms apply); none of them allocates.
 */
import { CANDIDATE, VERDICT } from "../core/stream/fields.js";
import { newWriter, putText, putVarint, written } from "../core/stream/frame.js";
import { openImage, type SectionName } from "./image.js";
import { openTop } from "./prefixes.js";
import { openTerms, type Terms } from "./rating.js";
import type { CarrierRow, NetworkId, PlanRow } from "./source.js";

/** Section `names`, as JSON: what is small and read once. */
export interface Names {
  readonly made: Readonly<Record<string, string>>;
  readonly carriers: readonly CarrierRow[];
  readonly plans: readonly PlanRow[];
  readonly networks: readonly NetworkId[];
  readonly countries: readonly string[];
  readonly currencies: readonly string[];
  /** Of each network: index into `countries`. */
  readonly networkCountries: readonly number[];
  /** Of each channel and carrier: column of its deck in a destination, and its currency; -1: none. */
  readonly buyColumns: readonly number[];
  readonly buyCurrencies: readonly number[];
  /** Of each channel and plan: its deck; -1: none. */
  readonly sellDecks: readonly number[];
  /** Words of one destination, and which of them is the cell of the first buy deck. */
  readonly stride: number;
  readonly buyCells: number;
}

/** Encoded protobuf fields, ready to be copied: piece n is `bytes[at[n], at[n + 1])`. */
export interface Pieces {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly at: Int32Array;
}

/** When terms apply; some for a million rows. 0 of all is "always". */
export interface Conditions {
  readonly trafficClass: Int32Array;
  readonly senderKind: Int32Array;
  readonly fromMs: Float64Array;
  /** Infinity: no bound. */
  readonly toMs: Float64Array;
}

export interface Tables {
  readonly version: number;
  readonly made: Readonly<Record<string, string>>;
  /** Names by index. */
  readonly carriers: readonly string[];
  readonly carrierLanguages: readonly (readonly string[])[];
  readonly plans: readonly PlanRow[];
  readonly networks: readonly NetworkId[];
  /** ISO 3166-1 alpha-2, all that the source names anywhere, sorted. */
  readonly countries: readonly string[];
  readonly currencies: readonly string[];
  readonly networkCountries: Int32Array;

  /** prefixes.ts: all prefix tables; destinations have theirs at 0. */
  readonly nodes: Int32Array;
  /** Of destinations, `openTop`. */
  readonly top: Int32Array;
  /** As destinations.ts says. */
  readonly destinations: Int32Array;
  readonly stride: number;
  readonly buyCells: number;
  /** From and to of each period that rankings hold in. */
  readonly periods: Float64Array;
  readonly portedNumbers: Float64Array;
  readonly portedOf: Uint16Array;
  readonly portedNetworks: Int32Array;

  /** As rates.ts says. */
  readonly buyColumns: Int32Array;
  readonly buyCount: number;
  readonly buyCurrencies: Int32Array;
  readonly buyNetworks: Int32Array;
  readonly buyTails: Int32Array;
  readonly sellOf: Int32Array;
  readonly sellDecks: Int32Array;
  readonly sellCells: Int32Array;
  readonly sellValues: Int32Array;
  readonly lists: Int32Array;
  /** rating.ts: RateTerms by index; of each, its index into `conditions` (0: always). */
  readonly terms: Terms;
  readonly termsConditions: Int32Array;
  readonly conditions: Conditions;

  /** What rules.ts, senders.ts, guards.ts and exchange.ts compiled and open. */
  readonly rules: Uint8Array;
  readonly senderRules: Uint8Array;
  readonly guards: Uint8Array;
  readonly exchangeRates: Uint8Array;

  /** Plan numbers in open addressing, 0: free; and the index of each. */
  readonly planNumbers: Uint32Array;
  readonly planIndices: Int32Array;
  /** By index: floe.v1.ChargeBasis, index into `currencies`, and 1 where texts are made plain. */
  readonly planBasis: Uint8Array;
  readonly planCurrencies: Int32Array;
  readonly planSmart: Uint8Array;
  /** 1 where a number that is possible is enough. */
  readonly planPossible: Uint8Array;
  /** Of each network, a verdict's fields country, mcc and mnc. */
  readonly networkPieces: Pieces;
  /**
   * Of each channel and carrier (channel * carriers + carrier), a verdict's fields carrier and
   * cost_currency, and a candidate's.
   */
  readonly carrierPieces: Pieces;
  readonly candidatePieces: Pieces;
  /** Of each plan, a verdict's fields currency, tables_version and plan. */
  readonly planPieces: Pieces;
}

/**
 * Opens an image, which is hashed as a whole first: keep what it gives.
 * @param trusted of an image that this process has opened before: it is not hashed.
 * @throws FloeError "tables.invalid" if it is damaged, of another format, or none.
 */
export function openTables(image: ArrayBufferLike, trusted = false): Tables {
  const bytes = new Uint8Array(image);
  const { version, section } = openImage(bytes, trusted);
  const octets = (name: SectionName) => new Uint8Array(image, ...section(name));
  const words = (name: SectionName) => {
    const [at, length] = section(name);
    return new Int32Array(image, at, length / 4);
  };
  const doubles = (name: SectionName) => {
    const [at, length] = section(name);
    return new Float64Array(image, at, length / 8);
  };
  // Copied, since text is not decoded from shared memory.
  const names: Names = JSON.parse(Buffer.from(octets("names")).toString("utf8"));
  const [portedOfAt, portedOfBytes] = section("portedOf");
  return {
    version,
    made: names.made,
    networks: names.networks,
    countries: names.countries,
    currencies: names.currencies,
    networkCountries: Int32Array.from(names.networkCountries),
    nodes: words("nodes"),
    top: openTop(words("nodes"), 0),
    destinations: words("destinations"),
    stride: names.stride,
    buyCells: names.buyCells,
    periods: doubles("periods"),
    portedNumbers: doubles("portedNumbers"),
    portedOf: new Uint16Array(image, portedOfAt, portedOfBytes / 2),
    portedNetworks: words("portedNetworks"),
    buyColumns: Int32Array.from(names.buyColumns),
    buyCount: names.buyColumns.reduce((most, column) => Math.max(most, column + 1), 0),
    buyCurrencies: Int32Array.from(names.buyCurrencies),
    buyNetworks: words("buyNetworks"),
    buyTails: words("buyTails"),
    sellOf: Int32Array.from(names.sellDecks),
    sellDecks: words("sellDecks"),
    sellCells: words("sellCells"),
    sellValues: words("sellValues"),
    lists: words("lists"),
    terms: openTerms(doubles("terms"), doubles("tiers")),
    termsConditions: words("termsConditions"),
    conditions: conditionsOf(image, ...section("conditions")),
    rules: octets("rules"),
    senderRules: octets("senderRules"),
    guards: octets("guards"),
    exchangeRates: octets("exchangeRates"),
    networkPieces: encodePieces(names.networks, (writer, { country, mcc, mnc }) => {
      putText(writer, VERDICT.country, country);
      putText(writer, VERDICT.mcc, mcc);
      putText(writer, VERDICT.mnc, mnc);
    }),
    ...carriersOf(names),
    ...plansOf(names, version),
  };
}

/** Bytes of one condition in the image: two doubles, two words. */
export const CONDITION_BYTES = 24;

/** Column after column, the widest first. */
export function conditionsOf(image: ArrayBufferLike, at: number, bytes: number): Conditions {
  const count = bytes / CONDITION_BYTES;
  return {
    fromMs: new Float64Array(image, at, count),
    toMs: new Float64Array(image, at + 8 * count, count),
    trafficClass: new Int32Array(image, at + 16 * count, count),
    senderKind: new Int32Array(image, at + 20 * count, count),
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

function carriersOf({ carriers, buyCurrencies, currencies }: Names) {
  const rows = buyCurrencies.map((currency, index) => ({
    name: carriers[index % carriers.length]!.name,
    currency: currencies[currency] ?? "",
  }));
  return {
    carriers: carriers.map(({ name }) => name),
    carrierLanguages: carriers.map(({ languages }) => languages),
    carrierPieces: encodePieces(rows, (writer, { name, currency }) => {
      putText(writer, VERDICT.carrier, name);
      putText(writer, VERDICT.costCurrency, currency);
    }),
    candidatePieces: encodePieces(rows, (writer, { name, currency }) => {
      putText(writer, CANDIDATE.carrier, name);
      putText(writer, CANDIDATE.costCurrency, currency);
    }),
  };
}

function plansOf({ plans, currencies }: Names, version: number) {
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
    plans,
    planNumbers,
    planIndices,
    planBasis: Uint8Array.from(plans, ({ chargeBasis }) => chargeBasis),
    planCurrencies: Int32Array.from(plans, ({ currency }) => currencies.indexOf(currency)),
    planSmart: Uint8Array.from(plans, ({ smartEncoding }) => (smartEncoding ? 1 : 0)),
    planPossible: Uint8Array.from(plans, ({ possibleNumbers }) => (possibleNumbers ? 1 : 0)),
    planPieces: encodePieces(plans, (writer, { plan, currency }) => {
      putText(writer, VERDICT.currency, currency);
      putVarint(writer, VERDICT.tablesVersion, version);
      putVarint(writer, VERDICT.plan, plan);
    }),
  };
}

function planSlot(plan: number, mask: number): number {
  return (Math.imul(plan, 0x9e3779b1) >>> 16) & mask;
}

/** One piece for each row. */
function encodePieces<Row>(
  rows: readonly Row[],
  put: (writer: ReturnType<typeof newWriter>, row: Row) => void,
): Pieces {
  const writer = newWriter();
  const at = new Int32Array(rows.length + 1);
  for (const [index, row] of rows.entries()) {
    put(writer, row);
    at[index + 1] = writer.at;
  }
  const bytes = written(writer).slice();
  return { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), at };
}
