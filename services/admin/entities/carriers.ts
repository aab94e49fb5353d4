/** Carriers: CarrierService on the KV bucket of carriers, which connectors and dispatch follow. */
import type { CarrierConfig } from "../../../core/configuration.js";
import type { GrpcService } from "../../../core/grpc/server.js";
import {
  type Carrier,
  CarrierServiceService,
  type ListBindsRequest,
  type ListCarriersRequest,
} from "../../../core/proto/floe/v1/carriers.js";
import type { Bucket } from "../../../core/stream/stream.js";
import { parseStrategy } from "../../../workers/strategy.js";
import { bindsOf } from "../binds.js";
import { type Desk, unary } from "../call.js";
import type { Kind } from "../crud.js";
import { crudHandlers } from "../crud-service.js";
import type { Store } from "../store.js";
import { profileOf, toldProfile } from "./carrier-profile.js";
import { type Choices, chosen, numberOf } from "./choices.js";

const LINKS: Choices<CarrierConfig["link"]> = ["smpp", "smpp"];
const STATUSES: Choices<CarrierConfig["status"]> = ["active", "active", "stopped"];
const BINDS: Choices<CarrierConfig["bind"]> = [
  "transceiver",
  "transceiver",
  "transmitter_receiver",
];
const ALPHABETS: Choices<CarrierConfig["alphabet"]> = [
  "gsm7",
  "gsm7",
  "latin1",
  "ascii",
  "gsm7_packed",
];

const PART_RECEIPTS: Choices<NonNullable<CarrierConfig["partReceipts"]>> = [
  "all",
  "all",
  "first",
  "last",
];

export const CARRIER: Kind<"carrier", Carrier> = {
  kind: "carrier",
  field: "carrier",
  word: "carrier",
  names: {},
  toEntity(message, old, problems) {
    return {
      name: message.name,
      link: chosen(LINKS, message.link, "link", problems),
      status: chosen(STATUSES, message.status, "status", problems),
      host: message.host,
      port: message.port,
      systemId: message.systemId,
      // It is never told, so whoever writes back what was read leaves it as it is.
      password: message.password ?? old?.password ?? "",
      systemType: message.systemType,
      bind: chosen(BINDS, message.bind, "bind", problems),
      binds: message.binds || 1,
      window: message.window || 50,
      partsPerSecond: message.partsPerSecond,
      alphabet: chosen(ALPHABETS, message.alphabet, "alphabet", problems),
      enquireLinkMs: message.enquireLinkMs || 30_000,
      responseMs: message.responseMs || 60_000,
      languages: message.languages,
      partReceipts: chosen(PART_RECEIPTS, message.partReceipts, "part_receipts", problems),
      ...profileOf(message, old, problems),
    };
  },
  toMessage: (entity) => ({
    name: entity.name,
    link: numberOf(LINKS, entity.link) as Carrier["link"],
    status: numberOf(STATUSES, entity.status) as Carrier["status"],
    host: entity.host,
    port: entity.port,
    systemId: entity.systemId,
    password: undefined,
    systemType: entity.systemType,
    bind: numberOf(BINDS, entity.bind) as Carrier["bind"],
    binds: entity.binds,
    window: entity.window,
    partsPerSecond: entity.partsPerSecond,
    alphabet: numberOf(ALPHABETS, entity.alphabet) as Carrier["alphabet"],
    enquireLinkMs: entity.enquireLinkMs,
    responseMs: entity.responseMs,
    languages: entity.languages ?? [],
    partReceipts: numberOf(PART_RECEIPTS, entity.partReceipts ?? "all") as Carrier["partReceipts"],
    ...toldProfile(entity),
  }),
  references() {},
  users: async ({ name }, store) => {
    const others = store.all("carrier").flatMap(({ key }) => (key === name ? [] : [key]));
    const rules = store.all("rule").filter(({ entity }) => {
      // Without it the expression is wrong only if it names it: `*` means whoever is there.
      const all = parseStrategy(entity.strategy, [...others, name]);
      return !("problem" in all) && "problem" in parseStrategy(entity.strategy, others);
    });
    const senders = store.all("sender").filter(({ entity }) => entity.carrier === name);
    const guards = store.all("guard").filter(({ entity }) => entity.neverCarriers.includes(name));
    const decks = store
      .all("deck")
      .filter(({ entity: { owner } }) => "carrier" in owner && owner.carrier === name);
    return [
      ...rules.map(({ key }) => `rule ${key}`),
      ...senders.map(({ key }) => `sender rule ${key}`),
      ...guards.map(({ key }) => `the guard of account ${key}`),
      ...decks.map(({ entity }) => `its ${entity.channel} deck`),
    ];
  },
};

/** @param status the bucket of what connectors tell (core/carrier-status.ts). */
export function carrierService(desk: Desk, store: Store, status: Bucket): GrpcService {
  const name = "CarrierService";
  return {
    name: `floe.v1.${name}`,
    definition: CarrierServiceService,
    implementation: {
      listBinds: unary(desk, `${name}/ListBinds`, ({ carrier }: ListBindsRequest) =>
        bindsOf(carrier, status, desk.log),
      ),
      ...crudHandlers(desk, store, {
        kind: CARRIER,
        service: "CarrierService",
        entity: "Carrier",
        entities: "Carriers",
        listField: "carriers",
        keyOf: ({ name }: { name: string }) => name,
        wanted:
          ({ status }: ListCarriersRequest) =>
          (one) =>
            status === 0 || numberOf(STATUSES, one.status) === status,
      }),
    },
  };
}
