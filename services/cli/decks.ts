/** `floe decks` and `floe networks`: what imports have written, looked at and removed. */
import { type Command, Option } from "commander";
import { FloeError } from "../../core/errors.js";
import { print } from "../../core/output.js";
import { ChargeBasis } from "../../core/proto/floe/v1/frames.js";
import { TrafficClass } from "../../core/proto/floe/v1/messaging.js";
import {
  type GetNetworkTablesResponse,
  NetworkServiceService,
} from "../../core/proto/floe/v1/networks.js";
import {
  DeckServiceService,
  type GetDeckResponse,
  RateUnit,
  Rounding,
  TierMode,
} from "../../core/proto/floe/v1/pricing_admin.js";
import { Channel, SenderKind } from "../../core/proto/floe/v1/routing_admin.js";
import { DEFAULT_NETWORKS } from "./entities.js";
import { addEntity, revisionOf, tableOf } from "./entity.js";
import { type Fields, type Plain, plainOf, wordsOf } from "./entity-fields.js";
import { addOperatorOptions, allPages, type OperatorFlags, operate } from "./operator.js";
import { wholeOf } from "./whole.js";

interface DeckFlags extends OperatorFlags {
  carrier?: string;
  plan?: string;
  channel: "sms" | "fax";
  prefix?: string;
  country?: string;
  mcc?: string;
  mnc?: string;
  limit: string;
  revision?: string;
}

const TEXT = { kind: "text" } as const;
const NUMBER = { kind: "number" } as const;
const DECK: Fields = { deck: TEXT, channel: TEXT, currency: TEXT, rows: NUMBER, hash: TEXT };
const TABLE: Fields = { table: TEXT, rows: NUMBER, hash: TEXT };
const NETWORK: Fields = { prefix: TEXT, country: TEXT, mcc: TEXT, mnc: TEXT };
const RATE: Fields = {
  prefix: TEXT,
  mcc: TEXT,
  mnc: TEXT,
  price: TEXT,
  effectiveFrom: { kind: "time" },
  effectiveTo: { kind: "time" },
  unit: { kind: "choice", of: RateUnit },
  senderKind: { kind: "choice", of: SenderKind },
  trafficClass: { kind: "choice", of: TrafficClass },
  increment: NUMBER,
  messageFee: TEXT,
  segmentFee: TEXT,
  minimum: TEXT,
  chargeBasis: { kind: "choice", of: ChargeBasis },
  rounding: { kind: "choice", of: Rounding },
  decimals: NUMBER,
  tierMode: { kind: "choice", of: TierMode },
  tiers: { kind: "plain" },
};
const RATE_COLUMNS = ["prefix", "mcc", "mnc", "price", "effectiveFrom", "effectiveTo", "unit"];

export function addDecks(program: Command): void {
  const decks = program.command("decks").description("rate decks of carriers and plans");
  addOperatorOptions(decks.command("list").description("all of them")).action(listDecks);
  withOwner(decks.command("get").description("one deck, without its rates")).action(getDeck);
  withOwner(decks.command("show").description("rates of a deck, in the order of the import"))
    .option("--prefix <digits>", "only rates for prefixes that begin so")
    .option("--mcc <digits>", "only rates for this country code of networks")
    .option("--mnc <digits>", "with --mcc: only rates for this network")
    .addOption(limitOption())
    .action(showRates);
  withOwner(decks.command("delete").description("remove a deck: its owner has no rates then"))
    .option("--revision <number>", "that was read; another is refused (default: read now)")
    .action(deleteDeck);
}

export function addNetworks(program: Command): void {
  const networks = program.command("networks").description("which network a number belongs to");
  addOperatorOptions(networks.command("list").description("networks by prefix"))
    .option("--prefix <digits>", "only prefixes that begin so")
    .option("--country <code>", "only this country's (ISO 3166-1 alpha-2)")
    .addOption(limitOption())
    .action(listNetworks);
  addOperatorOptions(
    networks.command("status").description("how much was imported, and when"),
  ).action(networkTables);
  addEntity(networks, DEFAULT_NETWORKS);
}

const limitOption = (): Option =>
  new Option("--limit <number>", "how many are shown at most").default("100");

function withOwner(command: Command): Command {
  return addOperatorOptions(command)
    .option("--carrier <name>", "what this carrier charges")
    .option("--plan <number>", "what customers of this plan pay")
    .addOption(new Option("--channel <name>").choices(["sms", "fax"]).default("sms"));
}

function keyOf({ carrier, plan, channel }: DeckFlags): object {
  if ((carrier === undefined) === (plan === undefined)) {
    throw wrong("Give either --carrier or --plan.");
  }
  const owner =
    carrier !== undefined
      ? { $case: "carrier", carrier }
      : { $case: "plan", plan: wholeOf(plan!, "--plan", 1) };
  return { owner, channel: channel === "sms" ? Channel.CHANNEL_SMS : Channel.CHANNEL_FAX };
}

function wrong(problem: string): FloeError {
  return new FloeError("settings.invalid", { problems: [problem] });
}

/** A deck as one flat row. */
function toldDeck(deck: NonNullable<GetDeckResponse["deck"]>): Plain {
  const { key, ...rest } = deck;
  const owner = key?.owner;
  const whose = owner?.$case === "plan" ? `plan ${owner.plan}` : `carrier ${owner?.carrier}`;
  return plainOf(DECK, { ...rest, deck: whose, channel: wordsOf(Channel)[key?.channel ?? 0] });
}

async function listDecks(flags: OperatorFlags): Promise<void> {
  const decks = await operate(flags, (operator) =>
    allPages<NonNullable<GetDeckResponse["deck"]>>(
      operator,
      DeckServiceService,
      "listDecks",
      "decks",
      { carrier: "", plan: 0 },
    ),
  );
  tell(flags, DECK, decks.map(toldDeck), [...Object.keys(DECK), "revision", "changedAt"]);
}

function readDeck(flags: DeckFlags) {
  const key = keyOf(flags);
  return operate(flags, (operator) =>
    operator.call<GetDeckResponse>(DeckServiceService, "getDeck", { key }),
  );
}

async function getDeck(flags: DeckFlags): Promise<void> {
  const { deck } = await readDeck(flags);
  tell(flags, DECK, [toldDeck(deck!)], [...Object.keys(DECK), "revision", "changedAt"]);
}

async function deleteDeck(flags: DeckFlags): Promise<void> {
  const key = keyOf(flags);
  const revision = revisionOf(flags) ?? (await readDeck(flags)).deck!.revision;
  await operate(flags, (operator) =>
    operator.call(DeckServiceService, "deleteDeck", { key, revision }),
  );
  print(flags.json === true ? "{}" : "The deck is deleted.");
}

async function showRates(flags: DeckFlags): Promise<void> {
  const { prefix = "", mcc = "", mnc = "", limit } = flags;
  const request = { key: keyOf(flags), prefix, mcc, mnc };
  const most = wholeOf(limit, "--limit");
  const rates = await operate(flags, (operator) =>
    allPages<Plain>(operator, DeckServiceService, "listRates", "rates", request, most),
  );
  tell(
    flags,
    RATE,
    rates.map((rate) => plainOf(RATE, rate)),
    RATE_COLUMNS,
  );
}

async function listNetworks(flags: DeckFlags): Promise<void> {
  const { prefix = "", country = "", limit } = flags;
  const most = wholeOf(limit, "--limit");
  const networks = await operate(flags, (operator) =>
    allPages<Plain>(
      operator,
      NetworkServiceService,
      "listNetworks",
      "networks",
      { prefix, country },
      most,
    ),
  );
  tell(
    flags,
    NETWORK,
    networks.map((one) => plainOf(NETWORK, one)),
    Object.keys(NETWORK),
  );
}

async function networkTables(flags: OperatorFlags): Promise<void> {
  const tables = await operate(flags, (operator) =>
    operator.call<GetNetworkTablesResponse>(NetworkServiceService, "getNetworkTables", {}),
  );
  const rows = (["prefixes", "ported"] as const).map((name): Plain => {
    const found = tables[name];
    return found === undefined
      ? { table: name, rows: 0 }
      : plainOf(TABLE, { ...found, table: name });
  });
  tell(flags, TABLE, rows, [...Object.keys(TABLE), "revision", "changedAt"]);
}

function tell(
  flags: OperatorFlags,
  fields: Fields,
  rows: readonly Plain[],
  columns: readonly string[],
): void {
  const readable = (_: string, value: unknown): unknown =>
    typeof value === "bigint" ? Number(value) : value;
  if (flags.json === true) print(JSON.stringify(rows, readable, 2));
  else print(tableOf(fields, columns, rows));
}
