/**
 * Compile: rows in, one binary image out (layout in tables.ts, destinations.ts, rates.ts).
 *
 * Runs when tables change, never per message: a million prefixes of twenty carriers take seconds.
 * Rows stay in columns all the way; equal terms, lists, and destinations are stored once.
 */
import { FloeError } from "../core/errors.js";
import { openCells } from "./cells.js";
import { currencyCode } from "./codes.js";
import { compileBuy, wideDecks } from "./compile-buy.js";
import { networkKeysOf, type Tell } from "./compile-decks.js";
import { rankDestinations } from "./compile-ranking.js";
import { compileSell } from "./compile-sell.js";
import { compileExchange, openExchange } from "./exchange.js";
import { compileGuards } from "./guards.js";
import { writeImage } from "./image.js";
import { countriesOf, currenciesOf, networksOf } from "./indices.js";
import { compilePorted } from "./ported.js";
import { problemsOf } from "./problems.js";
import { openTerms } from "./rating.js";
import { compileRules } from "./rules.js";
import { compileSenders } from "./senders.js";
import { CHANNELS, type DeckSource, type TableSource } from "./source.js";
import { conditionsOf, type Names } from "./tables.js";

const PROBLEMS_TOLD_MAX = 1_000;

/**
 * The image of a table set.
 * @param atMs around when it will be used: carriers are ranked for that time, which makes routing
 *   then faster and at other times no different. Without it, after the last change that rows name.
 * @throws FloeError "tables.invalid" with `problems` by table, row (from 0) and column.
 */
export function compileTables(
  source: TableSource,
  atMs: number = Number.MAX_SAFE_INTEGER,
): Uint8Array {
  refuse(
    problemsOf(source).map(({ table, row, column, problem }) => {
      return `${table}[${row}] ${column}: ${problem}`;
    }),
  );
  const indices = networksOf(source);
  const keys = networkKeysOf(indices);
  const countries = countriesOf(source);
  const currencies = currenciesOf(source);
  const decks = decksOf(source);
  const overlaps: string[] = [];
  const tellOf = (deck: DeckSource): Tell => {
    const place = source.decks.indexOf(deck);
    return (row, other) => {
      if (overlaps.length > PROBLEMS_TOLD_MAX) return;
      overlaps.push(
        `decks[${place}].rows[${row}] effective: begins with row ${other}, and nothing tells them apart`,
      );
    };
  };

  const cells = openCells();
  const wide = wideDecks(decks.buy, decks.sell);
  const columns = new Map(wide.map((deck, index) => [deck, index]));
  const buy = compileBuy(source.networks, indices, decks.buy, wide, keys, cells, tellOf);
  const sell = compileSell(decks.sell, columns, keys, cells, buy.nodes.length / 2, tellOf);
  refuse(overlaps);
  const ported = compilePorted(source.ported);
  const names: Names = {
    made: source.made,
    carriers: source.carriers,
    plans: source.plans,
    networks: indices.ids,
    countries,
    currencies,
    networkCountries: indices.ids.map(({ country }) => countries.indexOf(country)),
    buyColumns: decks.buyColumns,
    buyCurrencies: decks.buyColumns.map((column) => {
      return column < 0 ? -1 : currencies.indexOf(decks.buy[column]!.currency);
    }),
    sellDecks: decks.sellDecks,
    stride: buy.stride,
    buyCells: buy.buyCells,
  };
  const { terms, tiers, termsConditions, conditions, lists } = cells.sections();
  const exchangeRates = compileExchange(source);
  const periods = rankDestinations({
    ...buy,
    ...deckPlaces(decks, buy.buyCells, source.carriers.length),
    terms: openTerms(terms, tiers),
    termsConditions,
    conditions: conditionsOf(conditions.buffer, conditions.byteOffset, conditions.byteLength),
    lists,
    exchange: openExchange(exchangeRates),
    atMs,
  });
  return writeImage(source.version, {
    names: Buffer.from(JSON.stringify(names), "utf8"),
    nodes: joined([buy.nodes, ...sell.nodes]),
    destinations: bytesOf(buy.destinations),
    buyNetworks: bytesOf(buy.buyNetworks),
    buyTails: bytesOf(buy.buyTails),
    sellDecks: bytesOf(sell.sellDecks),
    sellCells: bytesOf(sell.sellCells),
    sellValues: bytesOf(sell.sellValues),
    terms: bytesOf(terms),
    tiers: bytesOf(tiers),
    termsConditions: bytesOf(termsConditions),
    conditions,
    lists: bytesOf(lists),
    portedNumbers: bytesOf(ported.numbers),
    portedOf: bytesOf(ported.of),
    portedNetworks: bytesOf(indices.ofPorted),
    rules: compileRules(source),
    senderRules: compileSenders(source),
    guards: compileGuards(source),
    exchangeRates,
    periods: bytesOf(periods),
  });
}

/** The decks of carriers and of plans, and the place of each by channel and owner; -1: none. */
function decksOf({ carriers, plans, decks }: TableSource) {
  const buy: DeckSource[] = [];
  const sell: DeckSource[] = [];
  const carrierPlaces = new Map(carriers.map(({ name }, index) => [name, index]));
  const planPlaces = new Map(plans.map(({ plan }, index) => [plan, index]));
  const buyColumns = new Array<number>(CHANNELS.length * carriers.length).fill(-1);
  const sellDecks = new Array<number>(CHANNELS.length * plans.length).fill(-1);
  for (const deck of decks) {
    const { owner } = deck;
    const channel = CHANNELS.indexOf(deck.channel);
    if ("carrier" in owner) {
      const place = channel * carriers.length + carrierPlaces.get(owner.carrier)!;
      buyColumns[place] = buy.push(deck) - 1;
    } else {
      const place = channel * plans.length + planPlaces.get(owner.plan)!;
      sellDecks[place] = sell.push(deck) - 1;
    }
  }
  return { buy, sell, buyColumns, sellDecks };
}

/** Of each carrier the word of its first channel's cell in a destination, and its currency. */
function deckPlaces({ buy, buyColumns }: ReturnType<typeof decksOf>, cells: number, count: number) {
  const columns = Int32Array.from(buyColumns.slice(0, count));
  return {
    places: columns.map((column) => (column < 0 ? -1 : cells + column)),
    currencies: columns.map((column) => (column < 0 ? -1 : currencyCode(buy[column]!.currency))),
  };
}

function refuse(problems: readonly string[]): void {
  if (problems.length === 0) return;
  const told = problems.slice(0, PROBLEMS_TOLD_MAX);
  if (problems.length > told.length) told.push(`and ${problems.length - told.length} more`);
  throw new FloeError("tables.invalid", { problems: told });
}

function joined(parts: readonly Int32Array[]): Uint8Array {
  const words = new Int32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    words.set(part, at);
    at += part.length;
  }
  return bytesOf(words);
}

function bytesOf(words: Int32Array | Uint16Array | Float64Array): Uint8Array {
  return new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
}
