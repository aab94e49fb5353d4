/** Entities: what `floe carriers`, `rules`, `senders`, `guards`, `plans` and `rates` are made of. */
import type { ServiceDefinition } from "@grpc/grpc-js";
import { Carrier, CarrierServiceService } from "../../core/proto/floe/v1/carriers.js";
import { ChargeBasis } from "../../core/proto/floe/v1/frames.js";
import { TrafficClass } from "../../core/proto/floe/v1/messaging.js";
import { DefaultNetwork, NetworkServiceService } from "../../core/proto/floe/v1/networks.js";
import {
  ExchangeRate,
  ExchangeRateServiceService,
  Plan,
  PlanServiceService,
} from "../../core/proto/floe/v1/pricing_admin.js";
import {
  Channel,
  CountryPolicy,
  Delivery,
  FailoverOn,
  Guard,
  GuardServiceService,
  RoutingRule,
  RoutingRuleServiceService,
  SenderKind,
  SenderPolicy,
  SenderRule,
  SenderRuleServiceService,
} from "../../core/proto/floe/v1/routing_admin.js";
import { CARRIER_FIELDS } from "./carrier-fields.js";
import type { Fields, Plain } from "./entity-fields.js";

export interface EntityCommand {
  readonly command: string;
  readonly help: string;
  /** For sentences. */
  readonly word: string;
  readonly definition: ServiceDefinition;
  /** As calls are named: "Carrier", "Carriers". */
  readonly entity: string;
  readonly entities: string;
  /** Field of requests, and of lists. */
  readonly field: string;
  readonly listField: string;
  /** A whole message: absent fields are empty. */
  fill(fields: Plain): object;
  /** Fields that name one; those in brackets may be left out. */
  readonly keys: readonly string[];
  readonly fields: Fields;
  /** Of the table that a list is printed as. */
  readonly columns: readonly string[];
  /** Fields of the list's request that say: all. */
  readonly all: Plain;
  /** Lists are sorted by this one. */
  readonly sortBy?: string;
}

const TEXT = { kind: "text" } as const;
const NUMBER = { kind: "number" } as const;
const TEXTS = { kind: "texts" } as const;
const NUMBERS = { kind: "numbers" } as const;
const YES = { kind: "yes" } as const;
const CLASSES = { kind: "choices", of: TrafficClass } as const;

export const ENTITIES: readonly EntityCommand[] = [
  {
    command: "carriers",
    help: "whom messages are handed to, and how they are reached",
    word: "carrier",
    definition: CarrierServiceService,
    entity: "Carrier",
    entities: "Carriers",
    all: { status: 0 },
    field: "carrier",
    listField: "carriers",
    fill: (fields) => Carrier.fromPartial(fields),
    keys: ["name"],
    fields: CARRIER_FIELDS,
    columns: ["name", "status", "host", "port", "binds", "window", "partsPerSecond", "revision"],
  },
  {
    command: "rules",
    help: "which messages go how",
    word: "routing rule",
    definition: RoutingRuleServiceService,
    entity: "RoutingRule",
    entities: "RoutingRules",
    all: {},
    field: "rule",
    listField: "rules",
    fill: (fields) => RoutingRule.fromPartial(fields),
    keys: ["id"],
    fields: {
      id: TEXT,
      order: NUMBER,
      accounts: NUMBERS,
      plans: NUMBERS,
      trafficClasses: CLASSES,
      channels: { kind: "choices", of: Channel },
      countries: TEXTS,
      prefixes: TEXTS,
      networks: TEXTS,
      senders: TEXTS,
      senderKinds: { kind: "choices", of: SenderKind },
      strategy: TEXT,
      minMargin: TEXT,
      minMarginPercent: TEXT,
      allowLoss: YES,
      delivery: { kind: "choice", of: Delivery },
      failoverOn: { kind: "choices", of: FailoverOn },
      failoverCostPercentMax: NUMBER,
      retryTemporarySeconds: NUMBERS,
      retryRefusedSeconds: NUMBERS,
      submitTimeoutSeconds: NUMBER,
    },
    columns: ["order", "id", "countries", "prefixes", "networks", "plans", "strategy", "revision"],
    sortBy: "order",
  },
  {
    command: "senders",
    help: "what a sender may be in a country and at a carrier",
    word: "sender rule",
    definition: SenderRuleServiceService,
    entity: "SenderRule",
    entities: "SenderRules",
    all: { country: "", carrier: "" },
    field: "rule",
    listField: "rules",
    fill: (fields) => SenderRule.fromPartial(fields),
    keys: ["id"],
    fields: {
      id: TEXT,
      country: TEXT,
      carrier: TEXT,
      alphanumeric: { kind: "choice", of: SenderPolicy },
      numeric: { kind: "choice", of: SenderPolicy },
      short: { kind: "choice", of: SenderPolicy },
      replacement: TEXT,
      registered: { kind: "plain" },
    },
    columns: ["id", "country", "carrier", "alphanumeric", "numeric", "short", "revision"],
  },
  {
    command: "guards",
    help: "what an account may do",
    word: "guard",
    definition: GuardServiceService,
    entity: "Guard",
    entities: "Guards",
    all: {},
    field: "guard",
    listField: "guards",
    fill: (fields) => Guard.fromPartial(fields),
    keys: ["account"],
    fields: {
      account: NUMBER,
      countries: { kind: "choiceMap", of: CountryPolicy },
      otherCountries: { kind: "choice", of: CountryPolicy },
      priceCeiling: TEXT,
      trafficClasses: CLASSES,
      neverCarriers: TEXTS,
    },
    columns: [
      "account",
      "countries",
      "otherCountries",
      "priceCeiling",
      "neverCarriers",
      "revision",
    ],
  },
  {
    command: "plans",
    help: "customers' price plans",
    word: "plan",
    definition: PlanServiceService,
    entity: "Plan",
    entities: "Plans",
    all: {},
    field: "plan",
    listField: "plans",
    fill: (fields) => Plan.fromPartial(fields),
    keys: ["plan"],
    fields: {
      plan: NUMBER,
      name: TEXT,
      currency: TEXT,
      chargeBasis: { kind: "choice", of: ChargeBasis },
      smartEncoding: YES,
      possibleNumbers: YES,
    },
    columns: ["plan", "name", "currency", "chargeBasis", "smartEncoding", "revision"],
  },
  {
    command: "rates",
    help: "exchange rates of currencies, dated",
    word: "exchange rate",
    definition: ExchangeRateServiceService,
    entity: "ExchangeRate",
    entities: "ExchangeRates",
    all: { currency: "" },
    field: "rate",
    listField: "rates",
    fill: (fields) => ExchangeRate.fromPartial(fields),
    keys: ["currency", "[effectiveFrom]"],
    fields: { currency: TEXT, effectiveFrom: { kind: "time" }, rate: TEXT },
    columns: ["currency", "effectiveFrom", "rate", "revision"],
  },
];

/** Under `floe networks`. */
export const DEFAULT_NETWORKS: EntityCommand = {
  command: "defaults",
  help: "network of a country's numbers whose network is unknown",
  word: "default network",
  definition: NetworkServiceService,
  entity: "DefaultNetwork",
  entities: "DefaultNetworks",
  all: {},
  field: "network",
  listField: "networks",
  fill: (fields) => DefaultNetwork.fromPartial(fields),
  keys: ["country"],
  fields: { country: TEXT, mcc: TEXT, mnc: TEXT },
  columns: ["country", "mcc", "mnc", "revision"],
};
