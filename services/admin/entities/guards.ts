/** Guards of accounts: GuardService. */
import type { GuardEntity } from "../../../core/entities.js";
import type { GrpcService } from "../../../core/grpc/server.js";
import {
  type CountryPolicy,
  type Guard,
  GuardServiceService,
} from "../../../core/proto/floe/v1/routing_admin.js";
import { isCountry, NO_COUNTRY } from "../../../workers/countries.js";
import type { Desk } from "../call.js";
import type { Kind } from "../crud.js";
import { crudHandlers } from "../crud-service.js";
import type { Store } from "../store.js";
import { amountText, microsOf } from "./amounts.js";
import { type Choices, chosen, numberOf, numbers } from "./choices.js";

const POLICIES: Choices<GuardEntity["otherCountries"]> = ["allow", "allow", "block", "monitor"];
const policyNumber = (stored: GuardEntity["otherCountries"]) =>
  numberOf(POLICIES, stored) as CountryPolicy;

export const GUARD: Kind<"guard", Guard> = {
  kind: "guard",
  field: "guard",
  word: "guard",
  names: { priceCeilingMicros: "price_ceiling" },
  toEntity: (message, _old, problems) => ({
    account: message.account,
    countries: Object.fromEntries(
      Object.entries(message.countries).map(([country, policy]) => [
        country,
        chosen(POLICIES, policy, `countries.${country}`, problems),
      ]),
    ),
    otherCountries: chosen(POLICIES, message.otherCountries, "other_countries", problems),
    priceCeilingMicros: microsOf(message.priceCeiling, "price_ceiling", problems),
    trafficClasses: numbers(message.trafficClasses),
    neverCarriers: [...new Set(message.neverCarriers)],
  }),
  toMessage: (entity) => ({
    account: entity.account,
    countries: Object.fromEntries(
      Object.entries(entity.countries).map(([country, policy]) => [country, policyNumber(policy)]),
    ),
    otherCountries: policyNumber(entity.otherCountries),
    priceCeiling: amountText(entity.priceCeilingMicros),
    trafficClasses: entity.trafficClasses as Guard["trafficClasses"],
    neverCarriers: entity.neverCarriers,
  }),
  references(entity, store, problems) {
    for (const country of Object.keys(entity.countries)) {
      if (!isCountry(country)) problems.add(`countries.${country}`, NO_COUNTRY);
    }
    for (const [at, carrier] of entity.neverCarriers.entries()) {
      if (store.get("carrier", carrier) === undefined) {
        problems.add(`never_carriers[${at}]`, "is not a carrier");
      }
    }
  },
  users: async () => [],
};

export function guardService(desk: Desk, store: Store): GrpcService {
  return {
    name: "floe.v1.GuardService",
    definition: GuardServiceService,
    implementation: crudHandlers(desk, store, {
      kind: GUARD,
      service: "GuardService",
      entity: "Guard",
      entities: "Guards",
      listField: "guards",
      keyOf: ({ account }: { account: number }) => String(account),
    }),
  };
}
