/**
 * Ranking: whether what a destination says of its cheapest carriers holds for a message.
 *
 * In: a table set as routing.ts opened it, and the message's query. Rankings are made by
 * compile-ranking.ts for any class and sender, in one period, of the first channel.
 */
import { DESTINATION, RANKING } from "./destinations.js";
import { BY_NETWORK, type Routing, type RoutingQuery } from "./routing.js";

/**
 * Where the ranking of the message's destination begins in `tables.destinations`; -1: there is none,
 * or it does not hold. Then carriers are to be looked at one by one.
 */
export function rankingOf({ tables, byNetwork }: Routing, query: RoutingQuery): number {
  const { destinations, periods, stride } = tables;
  const { acceptedAtMs, segments, channel } = query;
  const place = query.destination * stride;
  const ranking = destinations[place + DESTINATION.ranking]!;
  const period = 2 * (ranking & RANKING.periodMask);
  if (period === 0 || channel !== 0) return -1;
  if (acceptedAtMs < periods[period]! || acceptedAtMs >= periods[period + 1]!) return -1;
  if (segments !== 1 && (ranking & RANKING.plain) === 0) return -1;
  const rows = byNetwork[query.network + 1]!;
  // A network's own rows go before those of prefixes; a tail only counts where these say nothing.
  if ((rows & BY_NETWORK.own) !== 0) return -1;
  if ((rows & BY_NETWORK.tails) !== 0 && (ranking & RANKING.tails) !== 0) return -1;
  return place + DESTINATION.ranked;
}
