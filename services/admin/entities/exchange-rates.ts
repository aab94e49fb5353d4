/** Exchange rates: ExchangeRateService. */
import type { GrpcService } from "../../../core/grpc/server.js";
import {
  type ExchangeRate,
  ExchangeRateServiceService,
  type ListExchangeRatesRequest,
} from "../../../core/proto/floe/v1/pricing_admin.js";
import type { Desk } from "../call.js";
import type { Kind } from "../crud.js";
import { crudHandlers } from "../crud-service.js";
import type { Store } from "../store.js";
import { scaled, unscaled } from "./amounts.js";

const RATE_DECIMALS = 9;

export const EXCHANGE_RATE: Kind<"exchange", ExchangeRate> = {
  kind: "exchange",
  field: "rate",
  word: "exchange rate",
  names: { effectiveFromMs: "effective_from", rateNanos: "rate" },
  toEntity(message, _old, problems) {
    const rateNanos = scaled(message.rate, RATE_DECIMALS);
    if (rateNanos === undefined) {
      problems.add("rate", 'must be a decimal number above 0, such as "1.17", at most 9 decimals');
    }
    return {
      currency: message.currency,
      effectiveFromMs: message.effectiveFrom?.getTime() ?? 0,
      rateNanos: rateNanos ?? 1,
    };
  },
  toMessage: (entity) => ({
    currency: entity.currency,
    effectiveFrom: entity.effectiveFromMs === 0 ? undefined : new Date(entity.effectiveFromMs),
    rate: unscaled(entity.rateNanos, RATE_DECIMALS),
  }),
  references() {},
  /** The last rate of a currency that is compared with others: without it, it compares with none. */
  users: async ({ currency }, store) => {
    const rates = store.all("exchange").filter(({ entity }) => entity.currency === currency);
    if (rates.length > 1) return [];
    const decks = store.all("deck").filter(({ entity }) => entity.currency === currency);
    const others = store.all("deck").some(({ entity }) => entity.currency !== currency);
    return others ? decks.map(({ key }) => `the deck of ${key.replaceAll(".", " ")}`) : [];
  },
};

export function exchangeRateService(desk: Desk, store: Store): GrpcService {
  return {
    name: "floe.v1.ExchangeRateService",
    definition: ExchangeRateServiceService,
    implementation: crudHandlers(desk, store, {
      kind: EXCHANGE_RATE,
      service: "ExchangeRateService",
      entity: "ExchangeRate",
      entities: "ExchangeRates",
      listField: "rates",
      keyOf: ({ currency, effectiveFrom }: { currency: string; effectiveFrom?: Date }) =>
        `${currency}.${effectiveFrom?.getTime() ?? 0}`,
      wanted:
        ({ currency }: ListExchangeRatesRequest) =>
        (one) =>
          currency === "" || one.currency === currency,
    }),
  };
}
