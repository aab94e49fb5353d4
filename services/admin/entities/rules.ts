/** Routing rules: RoutingRuleService. */
import type { RuleEntity } from "../../../core/entities.js";
import type { GrpcService } from "../../../core/grpc/server.js";
import {
  DELIVERIES,
  FAILOVERS,
  type FailoverOn,
  type OutcomeFields,
} from "../../../core/outcome-policy.js";
import {
  type RoutingRule,
  RoutingRuleServiceService,
} from "../../../core/proto/floe/v1/routing_admin.js";
import { isCountry, NO_COUNTRY } from "../../../workers/countries.js";
import { parseStrategy } from "../../../workers/strategy.js";
import type { Desk } from "../call.js";
import type { Kind } from "../crud.js";
import { crudHandlers } from "../crud-service.js";
import type { Problems } from "../problems.js";
import type { Store } from "../store.js";
import { amountText, microsOf, scaled, unscaled } from "./amounts.js";
import { CHANNEL_CHOICES, chosen, numberOf, numbers } from "./choices.js";

/** Percents have two decimals: a basis point is 1/100 of one. */
const PERCENT_DECIMALS = 2;

/** FailoverOn: alone, no other carrier is tried. */
const NOTHING = FAILOVERS.length + 1;

/** What the rule says of outcomes; what is the default is left out. */
function outcomeOf(
  message: RoutingRule,
  problems: Problems,
): Partial<Pick<RuleEntity, keyof OutcomeFields>> {
  const on = [...new Set<number>(message.failoverOn)];
  if (on.includes(NOTHING) && on.length > 1) {
    problems.add("failover_on", "must be alone if it is nothing");
  }
  if (on.includes(FAILOVERS.indexOf("doubt") + 1)) {
    problems.add("failover_on", "cannot be doubt: a message in doubt stays with its carrier");
  }
  if (on.includes(0)) problems.add("failover_on", "is none of the choices");
  const failoverOn = FAILOVERS.filter((_, at) => on.includes(at + 1));
  const delivery = chosen(DELIVERY_CHOICES, message.delivery, "delivery", problems);
  const isOnce = delivery === "at_most_once";
  if (isOnce && failoverOn.includes("doubt")) {
    problems.add("failover_on", "cannot be doubt where delivery is at most once");
  }
  return {
    ...(isOnce ? { delivery: "at_most_once" as const } : {}),
    ...(on.length > 0 ? { failoverOn } : {}),
    ...given("failoverCostPercentMax", message.failoverCostPercentMax),
    ...given("submitTimeoutSeconds", message.submitTimeoutSeconds),
    ...(message.retryTemporarySeconds.length > 0
      ? { retryTemporarySeconds: message.retryTemporarySeconds }
      : {}),
    ...(message.retryRefusedSeconds.length > 0
      ? { retryRefusedSeconds: message.retryRefusedSeconds }
      : {}),
  };
}

const DELIVERY_CHOICES = ["at_least_once", ...DELIVERIES] as const;

function given(name: string, value: number): Record<string, number> {
  return value === 0 ? {} : { [name]: value };
}

function failoverNumbers(on: readonly FailoverOn[] | undefined): RoutingRule["failoverOn"] {
  if (on === undefined) return [];
  const numbers = on.map((one) => FAILOVERS.indexOf(one) + 1);
  return (numbers.length === 0 ? [NOTHING] : numbers) as RoutingRule["failoverOn"];
}

export const RULE: Kind<"rule", RoutingRule> = {
  kind: "rule",
  field: "rule",
  word: "routing rule",
  names: { marginMicros: "min_margin", marginBasisPoints: "min_margin_percent" },
  toEntity(message, _old, problems) {
    const percent = message.minMarginPercent === "" ? "0" : message.minMarginPercent;
    const basisPoints = scaled(percent, PERCENT_DECIMALS);
    if (basisPoints === undefined) {
      problems.add("min_margin_percent", 'must be a decimal number such as "5.25", at most 100');
    }
    return {
      id: message.id,
      order: message.order,
      accounts: [...new Set(message.accounts)],
      plans: [...new Set(message.plans)],
      trafficClasses: numbers(message.trafficClasses),
      channels: [
        ...new Set(
          message.channels.map((one) => chosen(CHANNEL_CHOICES, one, "channels", problems)),
        ),
      ],
      countries: [...new Set(message.countries)],
      prefixes: [...new Set(message.prefixes)],
      networks: [...new Set(message.networks)],
      senders: [...new Set(message.senders)],
      senderKinds: numbers(message.senderKinds),
      strategy: message.strategy,
      marginMicros: microsOf(message.minMargin, "min_margin", problems),
      marginBasisPoints: basisPoints ?? 0,
      allowLoss: message.allowLoss,
      ...outcomeOf(message, problems),
    };
  },
  toMessage: (entity) => ({
    id: entity.id,
    order: entity.order,
    accounts: entity.accounts,
    plans: entity.plans,
    trafficClasses: entity.trafficClasses as RoutingRule["trafficClasses"],
    channels: entity.channels.map(
      (one) => numberOf(CHANNEL_CHOICES, one) as RoutingRule["channels"][number],
    ),
    countries: entity.countries,
    prefixes: entity.prefixes,
    networks: entity.networks,
    senders: entity.senders,
    senderKinds: entity.senderKinds as RoutingRule["senderKinds"],
    strategy: entity.strategy,
    minMargin: amountText(entity.marginMicros),
    minMarginPercent:
      entity.marginBasisPoints === 0 ? "" : unscaled(entity.marginBasisPoints, PERCENT_DECIMALS),
    allowLoss: entity.allowLoss,
    // The default is not said, as it was not.
    delivery: (entity.delivery === undefined
      ? 0
      : DELIVERIES.indexOf(entity.delivery) + 1) as RoutingRule["delivery"],
    failoverOn: failoverNumbers(entity.failoverOn),
    failoverCostPercentMax: entity.failoverCostPercentMax ?? 0,
    retryTemporarySeconds: entity.retryTemporarySeconds ?? [],
    retryRefusedSeconds: entity.retryRefusedSeconds ?? [],
    submitTimeoutSeconds: entity.submitTimeoutSeconds ?? 0,
  }),
  references(entity, store, problems) {
    for (const [at, country] of entity.countries.entries()) {
      if (!isCountry(country)) problems.add(`countries[${at}]`, NO_COUNTRY);
    }
    const carriers = store.all("carrier").map(({ key }) => key);
    const parsed = parseStrategy(entity.strategy, carriers);
    if ("problem" in parsed) {
      problems.add("strategy", `is wrong at character ${parsed.at + 1}: ${parsed.problem}`);
    }
    for (const [at, plan] of entity.plans.entries()) {
      if (store.get("plan", String(plan)) === undefined) {
        problems.add(`plans[${at}]`, "is not a plan");
      }
    }
  },
  users: async () => [],
};

export function routingRuleService(desk: Desk, store: Store): GrpcService {
  return {
    name: "floe.v1.RoutingRuleService",
    definition: RoutingRuleServiceService,
    implementation: crudHandlers(desk, store, {
      kind: RULE,
      service: "RoutingRuleService",
      entity: "RoutingRule",
      entities: "RoutingRules",
      listField: "rules",
      keyOf: ({ id }: { id: string }) => id,
    }),
  };
}
