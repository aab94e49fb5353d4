/**
 * Table source: the rows that a table set is made of, and what may be wrong with them.
 *
 * In: rows from CSV files (parse-tables.ts) or from the configuration plane. Out: every problem of
 * every row, by table, row and column. compile-tables.ts takes no source that has one.
 */
import assert from "node:assert";
import { NUMBER_DIGITS_MAX, SEGMENT_MICROS_MAX } from "../core/limits.js";
import { isCarrierName } from "../core/subjects.js";
import { NETWORKS_MAX, OFFERS_MAX } from "./destinations.js";

export interface TableSource {
  /** Number of the table set, from 1; decisions record it. */
  readonly version: number;
  readonly carriers: readonly CarrierRow[];
  readonly plans: readonly PlanRow[];
  readonly networks: readonly NetworkRow[];
  readonly routes: readonly RouteRow[];
  readonly prices: readonly PriceRow[];
}

export interface CarrierRow {
  readonly name: string;
  /** ISO 4217, of all its costs. */
  readonly currency: string;
  /**
   * What one unit of its currency is worth in the unit that costs are compared in, in micro-units.
   * Routing compares with it, nothing is charged by it. 0: not given, which is right only where all
   * carriers have one currency.
   */
  readonly comparisonRateMicros: number;
}

/** A customers' price plan. */
export interface PlanRow {
  readonly plan: number;
  readonly name: string;
  /** ISO 4217, of all its prices. */
  readonly currency: string;
  /** floe.v1.ChargeBasis: 1 on submission, 2 on delivery. */
  readonly chargeBasis: number;
}

/** Whose numbers begin so. */
export interface NetworkRow {
  readonly prefix: string;
  /** ISO 3166-1 alpha-2. */
  readonly country: string;
  /** ITU-T E.212, as strings; both empty: country only. */
  readonly mcc: string;
  readonly mnc: string;
}

/** That a carrier takes numbers that begin so, and for how much. */
export interface RouteRow {
  readonly prefix: string;
  readonly carrier: string;
  /** For one segment, in the carrier's currency. */
  readonly costMicros: number;
  /** Among equal costs the lower goes first. */
  readonly priority: number;
  /** floe.v1.TrafficClass: this class alone, where it replaces the carrier's row for all; 0: all. */
  readonly trafficClass: number;
}

/** What a plan's customers pay for one segment, in the plan's currency. */
export interface PriceRow {
  readonly plan: number;
  readonly prefix: string;
  readonly priceMicros: number;
}

export type TableName = Exclude<keyof TableSource, "version">;
export const TABLE_NAMES = ["carriers", "plans", "networks", "routes", "prices"] as const;

export interface RowProblem {
  readonly table: TableName;
  /** Index into the table's rows. */
  readonly row: number;
  readonly column: string;
  readonly problem: string;
}

export const PRIORITY_MAX = 1_000;
/** Rows of each table. A destination names network and carrier in so many bits (destinations.ts). */
export const ROWS_MAX = {
  carriers: 1_000,
  plans: 100_000,
  networks: 4_000_000,
  routes: 10_000_000,
  prices: 10_000_000,
} as const satisfies Record<TableName, number>;
assert(ROWS_MAX.carriers <= OFFERS_MAX && ROWS_MAX.networks <= NETWORKS_MAX);
const PLAN_MAX = 0xffff_ffff;
const TRAFFIC_CLASS_MAX = 3;

/** All that is wrong with the rows; empty: they can be compiled. */
export function problemsOf(source: TableSource): readonly RowProblem[] {
  const problems: RowProblem[] = [];
  for (const table of TABLE_NAMES) {
    const row = ROWS_MAX[table];
    if (source[table].length > row) return [{ table, row, column: "", problem: "too many rows" }];
  }
  const carriers = new Set(source.carriers.map(({ name }) => name));
  const plans = new Set(source.plans.map(({ plan }) => plan));
  const currencies = new Set(source.carriers.map(({ currency }) => currency).filter(isCurrency));

  check(
    "carriers",
    source.carriers,
    problems,
    ({ name }) => name,
    "name",
    (row, wrong) => {
      if (!isCarrierName(row.name)) wrong("name", "must be a-z, 0-9 and dashes, at most 32");
      if (!isCurrency(row.currency)) wrong("currency", CURRENCY_RULE);
      const rate = row.comparisonRateMicros;
      if (!isWhole(rate, 0, SEGMENT_MICROS_MAX)) wrong("comparison_rate", AMOUNT_RULE);
      else if (rate === 0 && currencies.size > 1) {
        wrong("comparison_rate", "is needed where carriers have several currencies");
      }
    },
  );
  check(
    "plans",
    source.plans,
    problems,
    ({ plan }) => String(plan),
    "plan",
    (row, wrong) => {
      if (!isWhole(row.plan, 1, PLAN_MAX)) wrong("plan", "must be a number from 1 on");
      if (row.name === "") wrong("name", "must not be empty");
      if (!isCurrency(row.currency)) wrong("currency", CURRENCY_RULE);
      if (row.chargeBasis !== 1 && row.chargeBasis !== 2) {
        wrong("charge_basis", "must be submit or delivered");
      }
    },
  );
  check(
    "networks",
    source.networks,
    problems,
    ({ prefix }) => prefix,
    "prefix",
    (row, wrong) => {
      if (!isPrefix(row.prefix)) wrong("prefix", PREFIX_RULE);
      if (!/^[A-Z]{2}$/.test(row.country)) wrong("country", "must be two capital letters");
      if (!/^([0-9]{3})?$/.test(row.mcc)) wrong("mcc", "must be three digits or empty");
      if (!/^([0-9]{2,3})?$/.test(row.mnc)) wrong("mnc", "must be two or three digits or empty");
      if ((row.mcc === "") !== (row.mnc === "")) wrong("mnc", "mcc and mnc go together");
    },
  );
  const routeKey = (row: RouteRow) => `${row.prefix} ${row.carrier} ${row.trafficClass}`;
  check("routes", source.routes, problems, routeKey, "prefix", (row, wrong) => {
    if (!isPrefix(row.prefix)) wrong("prefix", PREFIX_RULE);
    if (!carriers.has(row.carrier)) wrong("carrier", "is not among the carriers");
    if (!isWhole(row.costMicros, 0, SEGMENT_MICROS_MAX)) wrong("cost", AMOUNT_RULE);
    if (!isWhole(row.priority, 0, PRIORITY_MAX)) wrong("priority", "must be from 0 to 1,000");
    if (!isWhole(row.trafficClass, 0, TRAFFIC_CLASS_MAX)) wrong("traffic_class", CLASS_RULE);
  });
  const priceKey = (row: PriceRow) => `${row.plan} ${row.prefix}`;
  check("prices", source.prices, problems, priceKey, "prefix", (row, wrong) => {
    if (!plans.has(row.plan)) wrong("plan", "is not among the plans");
    if (!isPrefix(row.prefix)) wrong("prefix", PREFIX_RULE);
    if (!isWhole(row.priceMicros, 0, SEGMENT_MICROS_MAX)) wrong("price", AMOUNT_RULE);
  });
  return problems;
}

const CURRENCY_RULE = "must be three capital letters (ISO 4217)";
const PREFIX_RULE = "must be 1 to 15 digits, not beginning with 0";
const AMOUNT_RULE = "must be from 0 to 1,000,000";
const CLASS_RULE = "must be authentication, transactional, promotional or empty";

type Wrong = (column: string, problem: string) => void;

function check<Row>(
  table: TableName,
  rows: readonly Row[],
  problems: RowProblem[],
  keyOf: (row: Row) => string,
  keyColumn: string,
  look: (row: Row, wrong: Wrong) => void,
): void {
  const seen = new Set<string>();
  for (const [row, value] of rows.entries()) {
    const wrong: Wrong = (column, problem) => problems.push({ table, row, column, problem });
    look(value, wrong);
    const key = keyOf(value);
    if (seen.has(key)) wrong(keyColumn, "was there before");
    seen.add(key);
  }
}

function isPrefix(prefix: string): boolean {
  return prefix.length <= NUMBER_DIGITS_MAX && /^[1-9][0-9]*$/.test(prefix);
}

function isCurrency(currency: string): boolean {
  return /^[A-Z]{3}$/.test(currency);
}

function isWhole(value: number, min: number, max: number): boolean {
  return Number.isInteger(value) && value >= min && value <= max;
}
