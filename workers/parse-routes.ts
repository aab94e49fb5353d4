/**
 * Parse routes: the CSV file of routing rules.
 *
 * In: rule, order, account, plan, traffic_class, channel, country, prefix, network, sender,
 * sender_kind, strategy, min_margin, min_margin_percent, allow_loss, delivery, failover_on,
 * failover_cost_percent_max, retry_temporary_seconds, retry_refused_seconds, submit_timeout_seconds;
 * all but the first and the strategy may be missing. Lists within a cell are separated by blanks or |; senders, which may have
 * blanks, by | alone. Out: rules of workers/source.ts, or problems by line and column.
 */

import { SEGMENT_MICROS_MAX } from "../core/limits.js";
import { parseMicros } from "../core/money.js";
import {
  COST_PERCENT_MAX,
  COST_PERCENT_MIN,
  DELIVERIES,
  FAILOVERS,
  type FailoverOn,
  type OutcomeFields,
  RETRIES_MAX,
  RETRY_SECONDS_MAX,
  SUBMIT_TIMEOUT_SECONDS_MAX,
} from "../core/outcome-policy.js";
import { countryOfText } from "./countries.js";
import { type CsvRow, openCsv } from "./csv.js";
import { networkDigitsOf } from "./csv-cells.js";
import { cellText, type Header, type KnownColumns, readHeader } from "./csv-header.js";
import { openProblems } from "./csv-problems.js";
import { TRAFFIC_CLASSES } from "./deck-terms.js";
import type { FileOptions, ParsedFile } from "./parse-networks.js";
import { CHANNELS, type Channel, type RuleRow, SENDER_KIND } from "./source.js";

export interface ParsedRoutes extends ParsedFile {
  readonly rules: readonly RuleRow[];
  readonly lines: readonly number[];
  /** The column of the strategy, as the file names it. */
  readonly strategyColumn: string;
}

export interface RoutesParser {
  push(chunk: Uint8Array): void;
  rows(): number;
  end(): ParsedRoutes;
}

type Column =
  | "rule"
  | "order"
  | "account"
  | "plan"
  | "traffic_class"
  | "channel"
  | "country"
  | "prefix"
  | "network"
  | "sender"
  | "sender_kind"
  | "strategy"
  | "min_margin"
  | "min_margin_percent"
  | "allow_loss"
  | "delivery"
  | "failover_on"
  | "failover_cost_percent_max"
  | "retry_temporary_seconds"
  | "retry_refused_seconds"
  | "submit_timeout_seconds";
const COLUMNS: KnownColumns<Column> = {
  rule: ["id", "ruleid", "name"],
  order: ["position", "rank"],
  account: ["accounts"],
  plan: ["plans"],
  traffic_class: ["trafficclasses", "class"],
  channel: ["channels"],
  country: ["countries"],
  prefix: ["prefixes"],
  network: ["networks", "mccmnc"],
  sender: ["senders"],
  sender_kind: ["senderkinds"],
  strategy: [],
  min_margin: ["margin"],
  min_margin_percent: ["marginpercent"],
  allow_loss: ["allowlosses"],
  delivery: [],
  failover_on: ["failover"],
  failover_cost_percent_max: ["failovercostmax"],
  retry_temporary_seconds: ["retrytemporary", "retry"],
  retry_refused_seconds: ["retryrefused"],
  submit_timeout_seconds: ["submittimeout"],
};
const ORDER_MAX = 1_000_000;
const NUMBER_MAX = 0xffff_ffff;

export function parseRoutes(bytes: Uint8Array, options: FileOptions = {}): ParsedRoutes {
  const parser = openRoutesParser(options);
  parser.push(bytes);
  return parser.end();
}

export function openRoutesParser(options: FileOptions = {}): RoutesParser {
  const problems = openProblems();
  const rules: RuleRow[] = [];
  const lines: number[] = [];
  const lineOf = new Map<string, number>();
  let header: Header<Column> | undefined;
  let broken = false;

  function takeHeader(row: CsvRow): void {
    header = readHeader(row, COLUMNS, options.map ?? {}, problems.tell);
    for (const column of ["rule", "strategy"] as const) {
      if (header.at[column] < 0) problems.tell(row.line, column, "is missing");
    }
    const unknown = options.strict === true ? header.unknown : [];
    for (const name of unknown) problems.tell(row.line, name, "is no column of this file");
    broken = problems.count() > 0;
  }

  const csv = openCsv((row) => {
    if (header === undefined) return takeHeader(row);
    // Nothing can be read under a wrong header.
    if (broken) return;
    const { at, names } = header;
    const rule = readRule(row, header, rules.length, (column, problem) => {
      problems.tell(row.line, names[at[column]] ?? column, problem);
    });
    const other = lineOf.get(rule.id);
    if (other !== undefined && rule.id !== "") {
      problems.tell(row.line, names[at.rule] ?? "rule", `is that of line ${other} again`);
    }
    lineOf.set(rule.id, row.line);
    rules.push(rule);
    lines.push(row.line);
  }, problems.tell);

  return {
    push: csv.push,
    rows: csv.rows,
    end() {
      csv.end();
      if (header === undefined && problems.count() === 0) problems.tell(0, "file", "is empty");
      return {
        rules,
        lines,
        strategyColumn: header?.names[header.at.strategy] ?? "strategy",
        problems: problems.told(),
        problemCount: problems.count(),
        rowCount: csv.rows(),
        unknownColumns: header?.unknown ?? [],
      };
    },
  };
}

type Wrong = (column: Column, problem: string) => void;

function readRule(row: CsvRow, { at }: Header<Column>, position: number, wrong: Wrong): RuleRow {
  const cell = (column: Column): string => cellText(row, at[column]);
  const list = (column: Column): string[] =>
    cell(column)
      .split(/[\s|]+/)
      .filter(Boolean);
  const each = <T>(column: Column, read: (text: string) => T | undefined, what: string): T[] =>
    list(column).flatMap((text) => {
      const value = read(text);
      if (value !== undefined) return [value];
      wrong(column, what);
      return [];
    });
  const id = cell("rule");
  if (!/^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$/.test(id)) {
    wrong("rule", "must be lower-case letters, digits and dashes, at most 64");
  }
  const strategy = cell("strategy");
  if (strategy === "" && at.strategy >= 0) wrong("strategy", "is missing");
  return {
    id,
    // Without an order the rules stand in that of the file.
    order: cell("order") === "" ? position : readWhole(cell("order"), ORDER_MAX, "order", wrong),
    accounts: each("account", number32, "must be numbers of accounts"),
    plans: each("plan", number32, "must be numbers of plans"),
    trafficClasses: each(
      "traffic_class",
      (text) => TRAFFIC_CLASSES[text.toLowerCase()] || undefined,
      "must be of authentication, transactional, promotional",
    ),
    channels: each("channel", channelOf, `must be of ${CHANNELS.join(", ")}`),
    countries: each(
      "country",
      (text) => (text.length === 2 ? countryOfText(text) || undefined : undefined),
      "must be codes of countries (ISO 3166-1 alpha-2)",
    ),
    prefixes: each(
      "prefix",
      (text) => /^\+?([1-9]\d{0,14})$/.exec(text)?.[1],
      "must be 1 to 15 digits that do not begin with 0",
    ),
    networks: each(
      "network",
      (text) => networkDigitsOf(text) || undefined,
      "must be an MCC, or MCC and MNC, such as 23410",
    ),
    senders: cell("sender")
      .split("|")
      .map((text) => text.trim())
      .filter(Boolean),
    senderKinds: each(
      "sender_kind",
      (text) => SENDER_KIND[text.toLowerCase() as keyof typeof SENDER_KIND] || undefined,
      "must be of alphanumeric, numeric, short",
    ),
    strategy,
    marginMicros: readMargin(cell("min_margin"), wrong),
    marginBasisPoints: readPercent(cell("min_margin_percent"), wrong),
    allowLoss: readYes(cell("allow_loss"), wrong),
    ...readOutcome(cell, list, wrong),
  };
}

/** What is done about outcomes; empty cells leave it at the default. */
function readOutcome(
  cell: (column: Column) => string,
  list: (column: Column) => string[],
  wrong: Wrong,
): OutcomeFields {
  const whole = (column: Column, least: number, most: number): number | undefined => {
    const text = cell(column);
    if (text === "") return undefined;
    if (/^\d{1,6}$/.test(text) && Number(text) >= least && Number(text) <= most)
      return Number(text);
    wrong(column, `must be a whole number from ${least} to ${most}`);
    return undefined;
  };
  const pauses = (column: Column): number[] | undefined => {
    const texts = list(column);
    const isRight = (text: string): boolean =>
      /^\d{1,6}$/.test(text) && Number(text) >= 1 && Number(text) <= RETRY_SECONDS_MAX;
    if (texts.length <= RETRIES_MAX && texts.every(isRight)) {
      return texts.length === 0 ? undefined : texts.map(Number);
    }
    wrong(column, `must be up to ${RETRIES_MAX} pauses of 1 to ${RETRY_SECONDS_MAX} seconds`);
    return undefined;
  };
  const delivery = cell("delivery").toLowerCase();
  if (delivery !== "" && !DELIVERIES.some((one) => one === delivery)) {
    wrong("delivery", `must be of ${DELIVERIES.join(", ")}`);
  }
  const fields: OutcomeFields = {
    delivery: delivery === "at_most_once" ? "at_most_once" : undefined,
    failoverOn: readFailover(list("failover_on"), wrong),
    failoverCostPercentMax: whole("failover_cost_percent_max", COST_PERCENT_MIN, COST_PERCENT_MAX),
    retryTemporarySeconds: pauses("retry_temporary_seconds"),
    retryRefusedSeconds: pauses("retry_refused_seconds"),
    submitTimeoutSeconds: whole("submit_timeout_seconds", 1, SUBMIT_TIMEOUT_SECONDS_MAX),
  };
  if (fields.delivery !== undefined && fields.failoverOn?.includes("doubt")) {
    wrong("failover_on", "cannot be doubt where delivery is at_most_once");
  }
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

function readFailover(texts: readonly string[], wrong: Wrong): FailoverOn[] | undefined {
  const words = texts.map((text) => text.toLowerCase());
  if (words.length === 1 && words[0] === "nothing") return [];
  if (!words.every((word) => word !== "doubt" && FAILOVERS.some((one) => one === word))) {
    wrong("failover_on", `must be of ${FAILOVERS.join(", ")}, or nothing`);
  }
  const on = FAILOVERS.filter((one) => words.includes(one));
  return on.length === 0 ? undefined : on;
}

function number32(text: string): number | undefined {
  const value = /^\d{1,10}$/.test(text) ? Number(text) : 0;
  return value >= 1 && value <= NUMBER_MAX ? value : undefined;
}

function channelOf(text: string): Channel | undefined {
  return CHANNELS.find((channel) => channel === text.toLowerCase());
}

function readWhole(text: string, max: number, column: Column, wrong: Wrong): number {
  if (/^\d{1,10}$/.test(text) && Number(text) <= max) return Number(text);
  wrong(column, `must be a whole number up to ${max}`);
  return 0;
}

function readMargin(text: string, wrong: Wrong): number {
  const micros = text === "" ? 0 : parseMicros(text);
  if (micros !== undefined && micros >= 0 && micros <= SEGMENT_MICROS_MAX) return micros;
  wrong("min_margin", "must be a decimal number such as 0.001, with at most 6 decimals");
  return 0;
}

/** "12.5" is 1,250. */
function readPercent(text: string, wrong: Wrong): number {
  const parts = /^(\d{1,3})(?:\.(\d{1,2}))?%?$/.exec(text === "" ? "0" : text);
  const points = parts === null ? -1 : Number(`${parts[1]}${(parts[2] ?? "").padEnd(2, "0")}`);
  if (points >= 0 && points <= 10_000) return points;
  wrong("min_margin_percent", "must be percent from 0 to 100, with at most 2 decimals");
  return 0;
}

function readYes(text: string, wrong: Wrong): boolean {
  if (/^(?:1|true|yes|y)$/i.test(text)) return true;
  if (!/^(?:0|false|no|n|)$/i.test(text)) wrong("allow_loss", "must be yes or no");
  return false;
}
