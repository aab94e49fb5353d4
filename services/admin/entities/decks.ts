/** Decks: DeckService: what there is, its rates by page, and removal. Imports write them. */
import { type DeckEntity, deckKey } from "../../../core/entities.js";
import { isRefusal, type Refusal } from "../../../core/grpc/refuse.js";
import type { GrpcService } from "../../../core/grpc/server.js";
import {
  type Deck,
  type DeckKey,
  DeckServiceService,
  type DeleteDeckRequest,
  type GetDeckRequest,
  type ListDecksRequest,
  type ListRatesRequest,
} from "../../../core/proto/floe/v1/pricing_admin.js";
import { type Channel, type DeckSource, MATCH } from "../../../workers/source.js";
import { type Desk, unary } from "../call.js";
import { decodeDeck } from "../columns.js";
import { missing, notFound, revisionProblem, stale, staleOrGone } from "../crud.js";
import { pageOf, pageSizeOf, pageToken, placeOf } from "../page.js";
import { invalid } from "../problems.js";
import type { Staff } from "../staff.js";
import { compareKeys, type Store, type Stored } from "../store.js";
import { CHANNEL_CHOICES, numberOf } from "./choices.js";
import { openColumnPages } from "./column-pages.js";
import { digitsOf, rateOf } from "./rates.js";

const WORD = "deck";
const NAME = "DeckService";

export function deckService(desk: Desk, store: Store): GrpcService {
  const pages = openColumnPages(store, "deck", decodeDeck);

  async function rates(request: ListRatesRequest) {
    const key = keyOf(request.key);
    if (isRefusal(key)) return key;
    const stored = store.get("deck", key);
    if (stored === undefined) return notFound(WORD);
    const wanted = wantedRates(request);
    const next = (deck: DeckSource, row: number): number => {
      while (row < deck.rows.count && !wanted(deck, row)) row += 1;
      return row < deck.rows.count ? row : -1;
    };
    const page = await pages.page(request, stored.entity.object, next, rateOf);
    return isRefusal(page) ? page : { rates: page.rows, nextPageToken: page.nextPageToken };
  }

  async function remove(request: DeleteDeckRequest, staff: Staff) {
    const key = keyOf(request.key);
    if (isRefusal(key)) return key;
    const old = await store.read("deck", key);
    if (old === undefined) return notFound(WORD);
    const wrong = revisionProblem(request.revision, "revision");
    if (wrong !== undefined) return wrong;
    if (BigInt(old.revision) !== request.revision) return stale(WORD, old.revision);
    if (await store.remove("deck", key, old.revision, staff.keyId)) return {};
    return staleOrGone(WORD, (await store.read("deck", key))?.revision ?? 0);
  }

  return {
    name: `floe.v1.${NAME}`,
    definition: DeckServiceService,
    implementation: {
      getDeck: unary(desk, `${NAME}/GetDeck`, async (request: GetDeckRequest) => {
        const key = keyOf(request.key);
        if (isRefusal(key)) return key;
        const stored = await store.read("deck", key);
        return stored === undefined ? notFound(WORD) : { deck: told(stored) };
      }),
      listDecks: unary(desk, `${NAME}/ListDecks`, async (request: ListDecksRequest) =>
        list(store, request),
      ),
      deleteDeck: unary(desk, `${NAME}/DeleteDeck`, remove),
      listRates: unary(desk, `${NAME}/ListRates`, rates),
    },
  };
}

function list(store: Store, request: ListDecksRequest) {
  const place = placeOf("decks", request);
  if (typeof place === "object") return place;
  const all = store.all("deck").filter(({ entity: { owner } }) => {
    if (request.carrier !== "") return "carrier" in owner && owner.carrier === request.carrier;
    return request.plan === 0 || ("plan" in owner && owner.plan === request.plan);
  });
  const { page, end } = pageOf(all, ({ key }) => key, compareKeys, place, pageSizeOf(request));
  const nextPageToken = end === undefined ? "" : pageToken("decks", end);
  return { decks: page.map(told), nextPageToken };
}

/** The stored key that a message names. Names that cannot be are refused before KV is asked. */
function keyOf(key: DeckKey | undefined): string | Refusal {
  const channel = (CHANNEL_CHOICES as readonly Channel[])[key?.channel ?? 0];
  if (key?.owner === undefined) return invalid([missing("key.owner")]);
  if (channel === undefined) {
    return invalid([
      { field: "key.channel", description: "is none of the choices", reason: "INVALID" },
    ]);
  }
  const { owner } = key;
  if (owner.$case === "plan") return deckKey({ plan: owner.plan }, channel);
  if (!/^[a-z0-9-]{1,32}$/.test(owner.carrier)) return notFound(WORD);
  return deckKey({ carrier: owner.carrier }, channel);
}

function told({ entity, revision }: Stored<DeckEntity>): Deck {
  const { owner, channel, currency, rows, bytes, hash, changedBy, changedAtMs } = entity;
  const whose =
    "carrier" in owner
      ? ({ $case: "carrier", carrier: owner.carrier } as const)
      : ({ $case: "plan", plan: owner.plan } as const);
  const number = numberOf(CHANNEL_CHOICES, channel) as DeckKey["channel"];
  return {
    key: { owner: whose, channel: number },
    ...{ currency, rows, bytes, hash, changedBy },
    revision: BigInt(revision),
    changedAt: changedAtMs === 0 ? undefined : new Date(changedAtMs),
  };
}

/** Which rows a request wants. */
function wantedRates({ prefix, mcc, mnc }: ListRatesRequest) {
  if (prefix === "" && mcc === "") return () => true;
  return (deck: DeckSource, row: number): boolean => {
    const kind = deck.rows.kinds[row];
    if (prefix !== "") return kind === MATCH.prefix && digitsOf(deck, row).startsWith(prefix);
    if (kind !== MATCH.network && kind !== MATCH.mcc) return false;
    const digits = digitsOf(deck, row);
    return mnc === "" ? digits.slice(0, 3) === mcc : digits === mcc + mnc;
  };
}
