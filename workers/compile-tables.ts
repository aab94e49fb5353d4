/**
 * Compile tables: rows in, one binary image out (layout in tables.ts).
 *
 * Runs when tables change, never per message: it may take seconds and use objects. What repeats is
 * stored once (destinations, prices), since decks price whole countries alike.
 */
import { FloeError } from "../core/errors.js";
import { VERDICT } from "../core/stream/fields.js";
import { putText } from "../core/stream/frame.js";
import { openDestinations } from "./destinations.js";
import { writeImage } from "./image.js";
import { readTables } from "./parse-tables.js";
import { longestPrefix, openPrefixBuilder } from "./prefixes.js";
import { compareOffers, type Offer } from "./routing.js";
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
  const networkPieces = encodePieces(source.networks, (writer, row) => {
    putText(writer, VERDICT.toPrefix, row.prefix.slice(0, TO_PREFIX_DIGITS_MAX));
    putText(writer, VERDICT.country, row.country);
    putText(writer, VERDICT.mcc, row.mcc);
    putText(writer, VERDICT.mnc, row.mnc);
  });
  const destinations = prefixes.table();
  const destinationWords = compileDestinations(source, (prefix, destination) => {
    prefixes.set(destinations, prefix, destination);
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
    destinationsRoot: roots[destinations]!,
  };
  return writeImage(source.version, {
    names: Buffer.from(JSON.stringify(names), "utf8"),
    nodes: bytesOf(nodes),
    networkAt: bytesOf(networkPieces.at),
    networkBytes: networkPieces.bytes,
    destinations: bytesOf(destinationWords),
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

/**
 * The destinations of all prefixes that networks or routes have; `place` is told each prefix and
 * its destination. A prefix of one table has the longest match of the other.
 */
function compileDestinations(
  source: TableSource,
  place: (prefix: string, destination: number) => void,
): Uint32Array {
  const rowsOf = [...groupByPrefix(source.routes).values()];
  const prefixes = new Set<string>();
  const apart = openPrefixBuilder();
  const networks = apart.table();
  for (const [index, { prefix }] of source.networks.entries()) {
    apart.set(networks, prefix, index + 1);
    prefixes.add(prefix);
  }
  const routes = apart.table();
  for (const [index, rows] of rowsOf.entries()) {
    apart.set(routes, rows[0]!.prefix, index + 1);
    prefixes.add(rows[0]!.prefix);
  }
  const { nodes, roots } = apart.pack();

  const builder = openDestinations(
    new Map(source.carriers.map(({ name }, index) => [name, index])),
  );
  const rates = new Map(
    source.carriers.map((row) => [row.name, BigInt(row.comparisonRateMicros || RATE_ONE_MICROS)]),
  );
  for (const prefix of prefixes) {
    const digits = Buffer.from(prefix, "latin1");
    const network = longestPrefix(nodes, roots[networks]!, digits, 0, digits.length);
    const rows = rowsOf[longestPrefix(nodes, roots[routes]!, digits, 0, digits.length) - 1] ?? [];
    // Most prefixes have one list for all classes, and a million of them take their time.
    const classes = rows.every((row) => row.trafficClass === 0) ? CLASSES.slice(0, 1) : CLASSES;
    place(
      prefix,
      builder.store(
        network,
        classes.map((one) => offersOf(rows, one, rates)),
      ),
    );
  }
  return builder.words();
}

function groupByPrefix(routes: readonly RouteRow[]): ReadonlyMap<string, readonly RouteRow[]> {
  const groups = new Map<string, RouteRow[]>();
  for (const row of routes) {
    const rows = groups.get(row.prefix);
    if (rows === undefined) groups.set(row.prefix, [row]);
    else rows.push(row);
  }
  return groups;
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
