/**
 * Decks, the slow way: every row is looked at, and the best that applies is kept.
 *
 * Part of the reference engine, which is written from workers/source.ts and the words alone
 * and shares no code with workers/: plain objects, strings and linear scans.
 */
import {
  type Channel,
  type DeckSource,
  MATCH,
  type RateTerms,
  type TableSource,
} from "../../workers/source.js";

export interface RateRow {
  /** MATCH. */
  readonly kind: number;
  /** Of a prefix, an mcc, or mcc and mnc together; "" of a default. */
  readonly digits: string;
  readonly terms: RateTerms;
}

/** What a row must suit. */
export interface RateQuery {
  /** Digits of the number, country code included. */
  readonly number: string;
  /** "" and "": unknown. */
  readonly mcc: string;
  readonly mnc: string;
  /** 1 to 3. */
  readonly trafficClass: number;
  /** SENDER_KIND, 1 to 3. */
  readonly senderKind: number;
  readonly atMs: number;
}

const known = new WeakMap<DeckSource, readonly RateRow[]>();

export function rowsOf(deck: DeckSource): readonly RateRow[] {
  const rows = known.get(deck) ?? readRows(deck);
  known.set(deck, rows);
  return rows;
}

function readRows(deck: DeckSource): RateRow[] {
  const rows: RateRow[] = [];
  for (let row = 0; row < deck.rows.count; row += 1) {
    const length = deck.rows.lengths[row]!;
    const code = String(deck.rows.codes[row]!).padStart(length, "0");
    rows.push({
      kind: deck.rows.kinds[row]!,
      digits: length === 0 ? "" : code,
      terms: deck.terms[deck.rows.terms[row]!]!,
    });
  }
  return rows;
}

export function buyDeck(
  source: TableSource,
  carrier: string,
  channel: Channel,
): DeckSource | undefined {
  return source.decks.find(
    (deck) => "carrier" in deck.owner && deck.owner.carrier === carrier && deck.channel === channel,
  );
}

export function sellDeck(
  source: TableSource,
  plan: number,
  channel: Channel,
): DeckSource | undefined {
  return source.decks.find(
    (deck) => "plan" in deck.owner && deck.owner.plan === plan && deck.channel === channel,
  );
}

/** The row that rates: network before longest prefix before mcc before default, and so on. */
export function rateOf(rows: readonly RateRow[], query: RateQuery): RateRow | undefined {
  let best: RateRow | undefined;
  for (const row of rows) {
    if (!matches(row, query) || !applies(row.terms, query)) continue;
    if (best === undefined || isBetter(row, best)) best = row;
  }
  return best;
}

function matches({ kind, digits }: RateRow, { number, mcc, mnc }: RateQuery): boolean {
  if (kind === MATCH.default) return true;
  if (kind === MATCH.mcc) return mcc !== "" && digits === mcc;
  if (kind === MATCH.network) return mcc !== "" && mnc !== "" && digits === mcc + mnc;
  return number.startsWith(digits);
}

export function applies(terms: RateTerms, query: RateQuery): boolean {
  const { effectiveFromMs, effectiveToMs, trafficClass, senderKind } = terms;
  if (effectiveFromMs !== 0 && query.atMs < effectiveFromMs) return false;
  if (effectiveToMs !== 0 && query.atMs >= effectiveToMs) return false;
  if (trafficClass !== 0 && trafficClass !== query.trafficClass) return false;
  return senderKind === 0 || senderKind === query.senderKind;
}

/** Both match and apply. */
function isBetter(one: RateRow, other: RateRow): boolean {
  if (one.kind !== other.kind) return one.kind > other.kind;
  if (one.digits.length !== other.digits.length) return one.digits.length > other.digits.length;
  const [a, b] = [one.terms, other.terms];
  if ((a.trafficClass !== 0) !== (b.trafficClass !== 0)) return a.trafficClass !== 0;
  if ((a.senderKind !== 0) !== (b.senderKind !== 0)) return a.senderKind !== 0;
  return a.effectiveFromMs > b.effectiveFromMs;
}
