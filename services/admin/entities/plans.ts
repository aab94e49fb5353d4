/** Price plans: PlanService. */
import { parseAccount } from "../../../core/configuration.js";
import type { GrpcService } from "../../../core/grpc/server.js";
import { type Plan, PlanServiceService } from "../../../core/proto/floe/v1/pricing_admin.js";
import { BUCKETS } from "../../../core/subjects.js";
import type { Desk } from "../call.js";
import { inUse, type Kind } from "../crud.js";
import { crudHandlers } from "../crud-service.js";
import type { Store } from "../store.js";
import { type Choices, chosen, numberOf } from "./choices.js";

/** Stored as the enum's numbers: what UNSPECIFIED counts as is SUBMIT. */
const BASES: Choices<number> = [1, 1, 2];

export const PLAN: Kind<"plan", Plan> = {
  kind: "plan",
  field: "plan",
  word: "plan",
  names: {},
  toEntity: (message, _old, problems) => ({
    plan: message.plan,
    name: message.name,
    currency: message.currency,
    chargeBasis: chosen(BASES, message.chargeBasis, "charge_basis", problems),
    smartEncoding: message.smartEncoding,
    possibleNumbers: message.possibleNumbers,
  }),
  toMessage: (entity) => ({
    plan: entity.plan,
    name: entity.name,
    currency: entity.currency,
    chargeBasis: numberOf(BASES, entity.chargeBasis) as Plan["chargeBasis"],
    smartEncoding: entity.smartEncoding,
    possibleNumbers: entity.possibleNumbers,
  }),
  references(entity, store, problems) {
    for (const deck of decksOf(entity.plan, store)) {
      if (deck.entity.currency !== entity.currency) {
        problems.add("currency", `must be that of its ${deck.entity.channel} deck`);
      }
    }
  },
  async mayBecome(entity, old, store) {
    if (entity.currency === old.currency) return undefined;
    const members = await membersOf(entity.plan, store);
    // Their balances are in it.
    return members.length === 0 ? undefined : inUse("plan's currency", members);
  },
  users: async ({ plan }, store) => {
    const members = await membersOf(plan, store);
    const rules = store.all("rule").filter(({ entity }) => entity.plans.includes(plan));
    return [
      ...members,
      ...rules.map(({ key }) => `rule ${key}`),
      ...decksOf(plan, store).map(({ entity }) => `its ${entity.channel} deck`),
    ];
  },
};

/** Accounts that have the plan, in words. */
async function membersOf(plan: number, store: Store): Promise<string[]> {
  const accounts = await (await store.client.bucket(BUCKETS.accounts)).entries();
  const members = accounts.filter(({ value }) => parseAccount(value).plan === plan);
  return members.map(({ key }) => `account ${key}`);
}

function decksOf(plan: number, store: Store) {
  return store.all("deck").filter(({ entity }) => {
    return "plan" in entity.owner && entity.owner.plan === plan;
  });
}

export function planService(desk: Desk, store: Store): GrpcService {
  return {
    name: "floe.v1.PlanService",
    definition: PlanServiceService,
    implementation: crudHandlers(desk, store, {
      kind: PLAN,
      service: "PlanService",
      entity: "Plan",
      entities: "Plans",
      listField: "plans",
      keyOf: ({ plan }: { plan: number }) => String(plan),
    }),
  };
}
