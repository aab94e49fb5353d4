/**
 * Parse folder: the CSV files of a table set in, its rows out, or every problem by file and line.
 *
 * carriers.csv (name, languages), plans.csv (plan, name, currency, charge_basis, smart_encoding, numbers) and
 * networks.csv (prefix, country, mcc, mnc) must be there; costs of carriers in costs.csv or
 * costs/<carrier>.csv, prices of plans in prices.csv or prices/<plan>.csv (parse-deck.ts). May be
 * there: default_networks.csv, ported.csv, exchange_rates.csv, routes.csv (rules), senders.csv,
 * guards.csv. The first line names the columns, in any order; lines that begin with # are remarks.
 * Nothing is applied by halves: either all rows are right, or none is given.
 */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { FloeError } from "../core/errors.js";
import { beginsMs, currenciesWithoutRate, problemsOfExchange } from "./exchange.js";
import { problemsOfGuards } from "./guards.js";
import { type ParsedDeck, parseDeck } from "./parse-deck.js";
import { type ParsedFile, parseNetworks } from "./parse-networks.js";
import { PORTED_BACK, parsePorted, portedCountries } from "./parse-ported.js";
import { parseRoutes } from "./parse-routes.js";
import {
  type CarrierFileRow,
  parseCarriers,
  parseDefaultNetworks,
  parseExchangeRates,
  parseGuards,
  parsePlans,
  parseSenderRules,
} from "./parse-small.js";
import { problemsOf } from "./problems.js";
import { problemsOfRules } from "./rules.js";
import { problemsOfSenders } from "./senders.js";
import type { DeckSource, PlanRow, PortedColumns, TableSource } from "./source.js";

/** Bytes of each file by its path in the folder, such as `costs/alpha.csv`. */
export type FolderFiles = Readonly<Record<string, Uint8Array>>;

const NEEDED = ["carriers.csv", "plans.csv", "networks.csv"] as const;
const OPTIONAL = [
  "costs.csv",
  "prices.csv",
  "default_networks.csv",
  "ported.csv",
  "exchange_rates.csv",
  "routes.csv",
  "senders.csv",
  "guards.csv",
] as const;
const FOLDERS = ["costs", "prices"] as const;
/** Problems that an error names; how many more there are, it says. */
const PROBLEMS_TOLD_MAX = 1_000;

/**
 * Reads the table set of a folder.
 * @param version number of the table set, which decisions will name.
 * @param nowMs when exchange rates must hold; by default any will do, whenever it begins.
 * @throws FloeError "import.invalid" as `parseFolder`.
 */
export function readFolder(
  folder: string,
  version = 1,
  nowMs = Number.POSITIVE_INFINITY,
): TableSource {
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true) {
    throw invalid([`${folder}: is no folder`]);
  }
  const files: Record<string, Uint8Array> = {};
  for (const name of [...NEEDED, ...OPTIONAL]) {
    if (existsSync(join(folder, name))) files[name] = readFileSync(join(folder, name));
  }
  for (const below of FOLDERS) {
    if (!existsSync(join(folder, below))) continue;
    for (const name of readdirSync(join(folder, below)).sort()) {
      if (name.endsWith(".csv"))
        files[`${below}/${name}`] = readFileSync(join(folder, below, name));
    }
  }
  return parseFolder(files, version, nowMs);
}

/**
 * @param version number of the table set, from 1.
 * @param nowMs as for `readFolder`.
 * @throws FloeError "import.invalid", `problems`: one line of text for each, file, line, column.
 */
export function parseFolder(
  files: FolderFiles,
  version: number,
  nowMs = Number.POSITIVE_INFINITY,
): TableSource {
  const told = openTold(nowMs);
  const missing = NEEDED.filter((name) => files[name] === undefined);
  if (missing.length > 0) throw invalid(missing.map((name) => `${name}: is missing`));

  const carriers = told.file("carriers.csv", parseCarriers(files["carriers.csv"]!));
  const plans = told.file("plans.csv", parsePlans(files["plans.csv"]!));
  const strict = { strict: true } as const;
  const networks = told.file("networks.csv", parseNetworks(files["networks.csv"]!, strict));
  // Who is nobody's owner is not known while the owners' own files are wrong.
  const decks =
    carriers.problemCount + plans.problemCount > 0
      ? readDecks(files, undefined, [], told)
      : readDecks(files, carriers.rows, plans.rows, told);
  const small = <T>(name: string, parse: (bytes: Uint8Array) => T & ParsedFile) =>
    files[name] === undefined ? undefined : told.file(name, parse(files[name]));
  const defaults = small("default_networks.csv", parseDefaultNetworks);
  const rates = small("exchange_rates.csv", parseExchangeRates);
  const rules = small("routes.csv", (bytes) => parseRoutes(bytes, strict));
  const senders = small("senders.csv", parseSenderRules);
  const guards = small("guards.csv", parseGuards);
  const known = [...networks.networks.ids, ...(defaults?.rows ?? [])];
  const source: TableSource = {
    version,
    made: {},
    carriers: carriers.rows.map(({ name, languages }) => ({ name, languages })),
    plans: plans.rows,
    networks: networks.networks,
    defaultNetworks: defaults?.rows ?? [],
    ported: readPorted(files, known, told),
    decks: decks.map(({ deck }) => deck),
    exchangeRates: rates?.rows ?? [],
    rules: rules?.rules ?? [],
    senderRules: senders?.rows ?? [],
    guards: guards?.rows ?? [],
  };
  told.rows({
    carriers: ["carriers.csv", carriers.lines],
    plans: ["plans.csv", plans.lines],
    networks: ["networks.csv", networks.lines],
    defaultNetworks: ["default_networks.csv", defaults?.lines ?? []],
    exchangeRates: ["exchange_rates.csv", rates?.lines ?? []],
    rules: ["routes.csv", rules?.lines ?? []],
    senderRules: ["senders.csv", senders?.lines ?? []],
    guards: ["guards.csv", guards?.lines ?? []],
  });
  for (const [index, { file, lines }] of decks.entries()) {
    told.rows({ [`decks[${index}].rows`]: [file, lines], [`decks[${index}].terms`]: [file, []] });
    // Of the deck as a whole: the line of its first row is as near as one comes.
    const first: number[] = [];
    first[index] = lines[0] ?? 0;
    told.rows({ [`decks ${index}`]: [file, first] });
  }
  told.end(source);
  return source;
}

interface FileDeck {
  readonly file: string;
  readonly deck: DeckSource;
  readonly lines: ArrayLike<number>;
}

/** @param carriers undefined: owners are not looked at, and nothing is given. */
function readDecks(
  files: FolderFiles,
  carriers: readonly CarrierFileRow[] | undefined,
  plans: readonly PlanRow[],
  told: Told,
): readonly FileDeck[] {
  const currencies = new Map(carriers?.map(({ name, currency }) => [name, currency]));
  const found: FileDeck[] = [];
  for (const [file, bytes] of Object.entries(files)) {
    const bought = /^costs(?:\.csv|\/)/.test(file);
    if (!bought && !/^prices(?:\.csv|\/)/.test(file)) continue;
    const name = /\/(.+)\.csv$/.exec(file)?.[1];
    const column = bought ? "carrier" : "plan";
    // A file of one owner is as that owner sent it, with columns that are nothing to us.
    const parsed = told.file(
      file,
      name === undefined
        ? parseDeck(bytes, { owner: { column }, strict: true })
        : parseDeck(bytes, { owner: { name } }),
    );
    for (const deck of carriers === undefined ? [] : parsed.decks) {
      const { owner, lines } = deck;
      const plan = bought ? undefined : planOf(owner, plans);
      const fallback = bought ? currencies.get(owner) : plan?.currency;
      const currency = deck.currency || fallback;
      if (fallback === undefined) {
        told.problem(file, lines[0] ?? 0, column, `${owner} is not among the ${column}s`);
      } else if (currency === "" || currency === undefined) {
        told.problem(file, lines[0] ?? 0, "currency", "is missing");
      } else {
        found.push({ file, lines, deck: deckOf(deck, currency, plan) });
      }
    }
  }
  return found;
}

/** By its number, or its name. */
function planOf(owner: string, plans: readonly PlanRow[]): PlanRow | undefined {
  return (
    plans.find(({ plan }) => String(plan) === owner) ?? plans.find(({ name }) => name === owner)
  );
}

function deckOf(
  { owner, channel, rows, terms }: ParsedDeck,
  currency: string,
  plan: PlanRow | undefined,
): DeckSource {
  const of = plan === undefined ? { carrier: owner } : { plan: plan.plan };
  return { owner: of, channel, currency, rows, terms };
}

function readPorted(
  files: FolderFiles,
  known: TableSource["networks"]["ids"],
  told: Told,
): PortedColumns {
  const bytes = files["ported.csv"];
  if (bytes === undefined) {
    return { numbers: new Float64Array(0), of: new Uint16Array(0), ids: [] };
  }
  const parsed = told.file("ported.csv", parsePorted(bytes, { strict: true }));
  const { ids, unknown } = portedCountries(parsed.ids, known);
  const unknownIds = new Set(unknown);
  const { numbers, of, lines } = parsed;
  let kept = 0;
  const keptNumbers = new Float64Array(numbers.length);
  const keptOf = new Uint16Array(numbers.length);
  for (let row = 0; row < numbers.length; row += 1) {
    if (of[row] === PORTED_BACK) continue;
    if (unknownIds.has(of[row]!)) {
      told.problem("ported.csv", lines[row]!, "mcc", "is of no country that networks.csv knows");
      unknownIds.delete(of[row]!);
    }
    keptNumbers[kept] = numbers[row]!;
    keptOf[kept] = of[row]!;
    kept += 1;
  }
  return { numbers: keptNumbers.slice(0, kept), of: keptOf.slice(0, kept), ids };
}

interface Told {
  /** Tells what the file's parser found, and gives it back. */
  file<T extends ParsedFile | ReturnType<typeof parseDeck>>(file: string, parsed: T): T;
  problem(file: string, line: number, column: string, problem: string): void;
  /** Which file and lines the rows of a table of the source are from. */
  rows(tables: Readonly<Record<string, readonly [file: string, lines: ArrayLike<number>]>>): void;
  /** @throws FloeError "import.invalid" if anything was told, or is wrong with the source. */
  end(source: TableSource): void;
}

function openTold(nowMs: number): Told {
  const problems = new Set<string>();
  const places = new Map<string, readonly [string, ArrayLike<number>]>();
  let more = 0;
  const tell = (file: string, line: number, column: string, problem: string) => {
    problems.add(`${file}:${line} ${column}: ${problem}`);
  };
  return {
    file(file, parsed) {
      for (const { line, column, problem } of parsed.problems) tell(file, line, column, problem);
      more += parsed.problemCount - parsed.problems.length;
      return parsed;
    },
    problem: tell,
    rows(tables) {
      for (const [table, place] of Object.entries(tables)) places.set(table, place);
    },
    end(source) {
      // What a parser found may make rows wrong that are right: that is told first, alone.
      if (problems.size === 0) {
        for (const { table, row, column, problem } of problemsOf(source)) {
          const place = table === "decks" ? `decks ${row}` : table.replace(/\.ids$/, "");
          const [file, lines] = places.get(place) ?? [table, []];
          tell(file, lines[row] ?? 0, column, problem);
        }
        for (const sentence of sentencesOf(source)) {
          const parts = /^(\w+)\[(\d+)\]:? ?(?:(\w+):)? ?(.*)$/.exec(sentence);
          const [file, lines] = places.get(parts?.[1] ?? "") ?? [sentence, []];
          const column = snakeCase(parts?.[3] ?? "row");
          tell(file, lines[Number(parts?.[2])] ?? 0, column, parts?.[4] ?? sentence);
        }
        const decks = source.decks.map((deck) => ({ ...deck, fromMs: beginsMs(deck) }));
        for (const { problem } of currenciesWithoutRate(decks, source.exchangeRates, nowMs)) {
          tell("exchange_rates.csv", 0, "currency", problem);
        }
      }
      if (problems.size > 0) throw invalid([...problems], more);
    },
  };
}

function sentencesOf(source: TableSource): readonly string[] {
  return [
    ...problemsOfRules(source),
    ...problemsOfSenders(source),
    ...problemsOfGuards(source),
    ...problemsOfExchange(source),
  ];
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function invalid(problems: readonly string[], more = 0): FloeError {
  const told = problems.slice(0, PROBLEMS_TOLD_MAX);
  const rest = problems.length - told.length + more;
  if (rest > 0) told.push(`and ${rest} more`);
  return new FloeError("import.invalid", { problems: told });
}
