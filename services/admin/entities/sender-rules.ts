/** Sender rules: SenderRuleService. */
import type { SenderRuleEntity } from "../../../core/entities.js";
import type { GrpcService } from "../../../core/grpc/server.js";
import {
  type ListSenderRulesRequest,
  type SenderPolicy,
  type SenderRule,
  SenderRuleServiceService,
} from "../../../core/proto/floe/v1/routing_admin.js";
import { isCountry, NO_COUNTRY } from "../../../workers/countries.js";
import type { Desk } from "../call.js";
import type { Kind } from "../crud.js";
import { crudHandlers } from "../crud-service.js";
import type { Store } from "../store.js";
import { type Choices, chosen, numberOf } from "./choices.js";

const POLICIES: Choices<SenderRuleEntity["short"]> = [
  "allow",
  "allow",
  "registered",
  "replace",
  "refuse",
];
const policyNumber = (stored: SenderRuleEntity["short"]) =>
  numberOf(POLICIES, stored) as SenderPolicy;

export const SENDER_RULE: Kind<"sender", SenderRule> = {
  kind: "sender",
  field: "rule",
  word: "sender rule",
  names: {},
  toEntity: (message, _old, problems) => ({
    id: message.id,
    country: message.country,
    carrier: message.carrier,
    alphanumeric: chosen(POLICIES, message.alphanumeric, "alphanumeric", problems),
    numeric: chosen(POLICIES, message.numeric, "numeric", problems),
    short: chosen(POLICIES, message.short, "short", problems),
    replacement: message.replacement,
    registered: message.registered.map(({ account, sender }) => ({ account, sender })),
  }),
  toMessage: (entity) => ({
    id: entity.id,
    country: entity.country,
    carrier: entity.carrier,
    alphanumeric: policyNumber(entity.alphanumeric),
    numeric: policyNumber(entity.numeric),
    short: policyNumber(entity.short),
    replacement: entity.replacement,
    registered: entity.registered,
  }),
  references(entity, store, problems) {
    if (entity.country !== "" && !isCountry(entity.country)) problems.add("country", NO_COUNTRY);
    if (entity.carrier !== "" && store.get("carrier", entity.carrier) === undefined) {
      problems.add("carrier", "is not a carrier");
    }
    const same = store
      .all("sender")
      .find(
        ({ key, entity: other }) =>
          key !== entity.id && other.country === entity.country && other.carrier === entity.carrier,
      );
    if (same !== undefined) {
      problems.add("id", `is not ${same.key}, which is for the same country and carrier`);
    }
  },
  users: async () => [],
};

export function senderRuleService(desk: Desk, store: Store): GrpcService {
  return {
    name: "floe.v1.SenderRuleService",
    definition: SenderRuleServiceService,
    implementation: crudHandlers(desk, store, {
      kind: SENDER_RULE,
      service: "SenderRuleService",
      entity: "SenderRule",
      entities: "SenderRules",
      listField: "rules",
      keyOf: ({ id }: { id: string }) => id,
      wanted:
        ({ country, carrier }: ListSenderRulesRequest) =>
        (one) =>
          (country === "" || one.country === country) &&
          (carrier === "" || one.carrier === carrier),
    }),
  };
}
