/**
 * Compile tables: rows in, one binary image out (layout in tables.ts).
 *
 * Runs when tables change, never per message: it may take seconds and use objects. What repeats is
 * stored once (route lists, route sets, prices), since decks price whole countries alike.
 */
import { FloeError } from "../core/errors.js";
import { VERDICT } from "../core/stream/fields.js";
import { putText } from "../core/stream/frame.js";
import { writeImage } from "./image.js";
import { readTables } from "./parse-tables.js";
import { openPrefixBuilder } from "./prefixes.js";
import { compareOffers, type Offer, openRouteLists } from "./routing.js";
import { problemsOf, type RouteRow, type TableSource } from "./table-source.js";
import { encodePieces, type Names } from "./tables.js";

/** Digits of a prefix that a verdict keeps: country and network, never a whole number. */
const TO_PREFIX_DIGITS_MAX = 8;
const CLASSES = [1, 2, 3] as const;
const PROBLEMS_TOLD_MAX = 1_000;
const RATE_ONE_MICROS = 1_000_000;

/**
 * The image of a table set.
 * @throws FloeError "tables.invalid" with `problems` by table, row (from 0) and column.
 */
export function compileTables(source: TableSource): Uint8Array {
  const problems = problemsOf(source);
  if (problems.length > 0) {
    const told = problems
      .slice(0, PROBLEMS_TOLD_MAX)
      .map(({ table, row, column, problem }) => `${table}[${row}] ${column}: ${problem}`);
    if (problems.length > told.length) told.push(`and ${problems.length - told.length} more`);
    throw new FloeError("tables.invalid", { problems: told });
  }

  const prefixes = openPrefixBuilder();
  const networks = prefixes.table();
  for (const [index, { prefix }] of source.networks.entries()) {
    prefixes.set(networks, prefix, index + 1);
  }
  const networkPieces = encodePieces(source.networks, (writer, row) => {
    putText(writer, VERDICT.toPrefix, row.prefix.slice(0, TO_PREFIX_DIGITS_MAX));
    putText(writer, VERDICT.country, row.country);
    putText(writer, VERDICT.mcc, row.mcc);
    putText(writer, VERDICT.mnc, row.mnc);
  });

  const routes = prefixes.table();
  const routeLists = compileRoutes(source, (prefix, value) => {
    prefixes.set(routes, prefix, value);
  });

  const planTables = new Map(source.plans.map(({ plan }) => [plan, prefixes.table()]));
  const prices = new Map<number, number>();
  for (const { plan, prefix, priceMicros } of source.prices) {
    const value = prices.get(priceMicros) ?? prices.size + 1;
    prices.set(priceMicros, value);
    prefixes.set(planTables.get(plan)!, prefix, value);
  }

  const { nodes, roots } = prefixes.pack();
  const names: Names = {
    carriers: source.carriers.map(({ name, currency }) => ({ name, currency })),
    plans: source.plans.map((row) => ({ ...row, root: roots[planTables.get(row.plan)!]! })),
    networksRoot: roots[networks]!,
    routesRoot: roots[routes]!,
  };
  return writeImage(source.version, {
    names: Buffer.from(JSON.stringify(names), "utf8"),
    nodes: bytesOf(nodes),
    networkAt: bytesOf(networkPieces.at),
    networkBytes: networkPieces.bytes,
    routeLists: bytesOf(routeLists),
    prices: bytesOf(Float64Array.from(prices.keys())),
  });
}

/**
 * The image of the table set whose CSV files are in `folder`.
 * @param version number of the table set, which decisions will name.
 * @throws FloeError "import.invalid" with `problems` by file, line and column.
 */
export function compileFolder(folder: string, version = 1): Uint8Array {
  return compileTables(readTables(folder, version));
}

/** Route lists; `place` is told each prefix and its value. */
function compileRoutes(source: TableSource, place: (prefix: string, value: number) => void) {
  const lists = openRouteLists(new Map(source.carriers.map(({ name }, index) => [name, index])));
  const rates = new Map(
    source.carriers.map((row) => [row.name, BigInt(row.comparisonRateMicros || RATE_ONE_MICROS)]),
  );
  const byPrefix = new Map<string, RouteRow[]>();
  for (const row of source.routes) {
    const rows = byPrefix.get(row.prefix);
    if (rows === undefined) byPrefix.set(row.prefix, [row]);
    else rows.push(row);
  }
  for (const [prefix, rows] of byPrefix) {
    // Most prefixes have one list for all classes, and a million of them take their time.
    const classes = rows.every((row) => row.trafficClass === 0) ? CLASSES.slice(0, 1) : CLASSES;
    place(prefix, lists.store(classes.map((one) => offersOf(rows, one, rates))));
  }
  return lists.words();
}

/** What carriers offer for one traffic class, best first; a row for that class alone goes first. */
function offersOf(
  rows: readonly RouteRow[],
  trafficClass: number,
  rates: ReadonlyMap<string, bigint>,
): readonly Offer[] {
  const general = rows.filter((row) => row.trafficClass === 0);
  const own = rows.filter((row) => row.trafficClass === trafficClass);
  const byCarrier = new Map([...general, ...own].map((row) => [row.carrier, row]));
  return [...byCarrier.values()]
    .map(({ carrier, costMicros, priority }) => ({
      carrier,
      costMicros,
      comparable: BigInt(costMicros) * rates.get(carrier)!,
      priority,
    }))
    .sort(compareOffers);
}

function bytesOf(words: Int32Array | Uint32Array | Float64Array): Uint8Array {
  return new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
}
