/**
 * Parse small tables: carriers, plans, default networks, exchange rates, sender rules and guards
 * from CSV files. What is in them and how lists are written: docs of `floe tables`, parse-folder.ts.
 */
import { isCountry, NO_COUNTRY } from "./countries.js";
import { TIME_PROBLEM, timeOf } from "./csv-cells.js";
import { TRAFFIC_CLASSES } from "./deck-terms.js";
import { type Cells, type ParsedRows, parseRows } from "./parse-rows.js";
import type {
  CarrierRow,
  ExchangeRateRow,
  GuardRow,
  NetworkId,
  PlanRow,
  SenderPolicy,
  SenderRuleRow,
} from "./source.js";

const CHARGE_BASES = new Map([
  ["submit", 1],
  ["submitted", 1],
  ["delivered", 2],
]);
const NUMBERS = new Map([
  ["valid", false],
  ["possible", true],
]);
const YES_OR_NO = new Map([
  ["yes", true],
  ["true", true],
  ["1", true],
  ["no", false],
  ["false", false],
  ["0", false],
]);
const POLICIES = new Map<string, SenderPolicy>(
  (["allow", "registered", "replace", "refuse"] as const).map((policy) => [policy, policy]),
);
const ACTIONS = new Map<string, "allow" | "block" | "monitor">(
  (["allow", "block", "monitor"] as const).map((action) => [action, action]),
);
const RATE_DECIMALS = 9;

/** A carrier and the currency of its costs where they say none; "": they must. */
export interface CarrierFileRow extends CarrierRow {
  readonly currency: string;
}

export function parseCarriers(bytes: Uint8Array): ParsedRows<CarrierFileRow> {
  const columns = { name: ["carrier"], languages: ["language"], currency: [] };
  return parseRows(bytes, columns, ["name"], (cells) => ({
    name: cells.text("name"),
    languages: cells.list("languages"),
    currency: cells.text("currency").toUpperCase(),
  }));
}

export function parsePlans(bytes: Uint8Array): ParsedRows<PlanRow> {
  const columns = {
    plan: ["number", "id"],
    name: [],
    currency: [],
    charge_basis: [],
    smart_encoding: ["smart"],
    numbers: [],
  };
  return parseRows(bytes, columns, ["plan", "name", "currency"], (cells) => ({
    plan: cells.whole("plan"),
    name: cells.text("name"),
    currency: cells.text("currency").toUpperCase(),
    chargeBasis: cells.choice("charge_basis", CHARGE_BASES, 1),
    smartEncoding: cells.choice("smart_encoding", YES_OR_NO, false),
    possibleNumbers: cells.choice("numbers", NUMBERS, false),
  }));
}

export function parseDefaultNetworks(bytes: Uint8Array): ParsedRows<NetworkId> {
  const columns = { country: [], mcc: [], mnc: [] };
  return parseRows(bytes, columns, ["country", "mcc", "mnc"], (cells) => ({
    country: readCountry(cells),
    mcc: cells.text("mcc"),
    mnc: cells.text("mnc"),
  }));
}

export function parseExchangeRates(bytes: Uint8Array): ParsedRows<ExchangeRateRow> {
  const columns = { currency: [], rate: [], effective: ["effectivefrom", "date"] };
  return parseRows(bytes, columns, ["currency", "rate"], (cells) => ({
    currency: cells.text("currency").toUpperCase(),
    effectiveFromMs: readTime(cells, "effective"),
    rateNanos: readRate(cells),
  }));
}

export function parseSenderRules(bytes: Uint8Array): ParsedRows<SenderRuleRow> {
  const columns = {
    id: ["rule"],
    country: [],
    carrier: [],
    alphanumeric: [],
    numeric: [],
    short: [],
    replacement: [],
    registered: [],
  };
  return parseRows(bytes, columns, ["id"], (cells) => ({
    id: cells.text("id"),
    country: readCountry(cells),
    carrier: cells.text("carrier"),
    alphanumeric: cells.choice("alphanumeric", POLICIES, "allow"),
    numeric: cells.choice("numeric", POLICIES, "allow"),
    short: cells.choice("short", POLICIES, "allow"),
    replacement: cells.text("replacement"),
    // Senders may have blanks, so lists of them are separated by | alone.
    registered: cells
      .text("registered")
      .split("|")
      .map((part) => part.trim())
      .filter((part) => part !== "")
      .map((part) => {
        const [, account, sender] = /^(\d{1,10}):(.+)$/.exec(part) ?? [];
        return { account: Number(account ?? 0), sender: sender ?? part };
      }),
  }));
}

export function parseGuards(bytes: Uint8Array): ParsedRows<GuardRow> {
  const columns = {
    account: [],
    countries: ["country"],
    other_countries: [],
    price_ceiling: ["ceiling"],
    traffic_classes: ["trafficclass"],
    never_carriers: ["nevercarrier"],
  };
  return parseRows(bytes, columns, ["account"], (cells) => ({
    account: cells.whole("account"),
    countries: Object.fromEntries(
      cells.list("countries").map((part) => {
        const [country, word = "allow"] = part.split(":");
        const action = ACTIONS.get(word.toLowerCase());
        if (action === undefined) {
          cells.wrong("countries", "must be like GB:allow, US:block or FR:monitor");
        }
        const code = country!.toUpperCase();
        if (!isCountry(code)) cells.wrong("countries", `${country} ${NO_COUNTRY}`);
        return [code, action ?? "block"];
      }),
    ),
    otherCountries: cells.choice("other_countries", ACTIONS, "allow"),
    priceCeilingMicros: cells.amount("price_ceiling"),
    trafficClasses: cells.list("traffic_classes").flatMap((word) => {
      const trafficClass = TRAFFIC_CLASSES[word.toLowerCase()] ?? 0;
      if (trafficClass !== 0) return [trafficClass];
      cells.wrong("traffic_classes", "must be of authentication, transactional, promotional");
      return [];
    }),
    neverCarriers: cells.list("never_carriers"),
  }));
}

/** "" if the cell is. */
function readCountry(cells: Pick<Cells<"country">, "text" | "wrong">): string {
  const code = cells.text("country").toUpperCase();
  if (code !== "" && !isCountry(code)) cells.wrong("country", NO_COUNTRY);
  return code;
}

function readTime(cells: Cells<"currency" | "rate" | "effective">, column: "effective"): number {
  if (cells.text(column) === "") return 0;
  const timeMs = timeOf(cells.text(column));
  if (!Number.isNaN(timeMs)) return timeMs;
  cells.wrong(column, TIME_PROBLEM);
  return 0;
}

/** Times 10^9, never through a fraction. */
function readRate(cells: Cells<"currency" | "rate" | "effective">): number {
  const parts = /^(\d{1,7})(?:\.(\d{1,9}))?$/.exec(cells.text("rate"));
  const nanos = parts === null ? 0 : Number(parts[1] + (parts[2] ?? "").padEnd(RATE_DECIMALS, "0"));
  if (nanos > 0) return nanos;
  cells.wrong("rate", "must be a decimal number above 0 with at most 9 decimals");
  return 1;
}
