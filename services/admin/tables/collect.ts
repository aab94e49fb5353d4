/**
 * Collect: what a table set is made of, from what operators configured.
 *
 * Small tables as rows, columns by the name of their object. A carrier that is stopped keeps its
 * name, so that rules may go on naming it, and loses its decks: without a rate nothing is routed
 * there.
 */
import { createHash } from "node:crypto";
import type { DeckEntity, TableEntity } from "../../../core/entities.js";
import type { TableSource } from "../../../workers/source.js";
import type { Store, Stored } from "../store.js";

/** Rows that are few, and as they are. */
export type SmallTables = Omit<TableSource, "version" | "decks" | "networks" | "ported">;

export interface Collected {
  readonly small: SmallTables;
  /** Objects of columns. */
  readonly decks: readonly string[];
  readonly networks: string | undefined;
  readonly ported: string | undefined;
  /** SHA-256 of all that, hex. */
  readonly hash: string;
  /** What rows of a table are called: "rules" and 2 give "rule low-cost". */
  nameOf(table: string, row: number): string | undefined;
  /** The row's key among its kind: "low-cost". */
  keyOf(table: string, row: number): string | undefined;
}

export function collect(store: Store): Collected {
  const carriers = store.all("carrier");
  const stopped = new Set(
    carriers.flatMap(({ key, entity }) => (entity.status === "stopped" ? [key] : [])),
  );
  const decks = store
    .all("deck")
    .filter(({ entity: { owner } }) => !("carrier" in owner && stopped.has(owner.carrier)));
  const networks = store.all("networks")[0];
  const ported = store.all("ported")[0];
  const tables = {
    carriers,
    plans: store.all("plan"),
    defaultNetworks: store.all("default"),
    exchangeRates: store.all("exchange"),
    rules: store.all("rule"),
    senderRules: store.all("sender"),
    guards: store.all("guard"),
  };
  const small: SmallTables = {
    made: madeOf({ ...tables, decks }, networks, ported),
    carriers: carriers.map(({ entity }) => ({
      name: entity.name,
      languages: entity.languages ?? [],
    })),
    plans: tables.plans.map(plain),
    defaultNetworks: tables.defaultNetworks.map(plain),
    exchangeRates: tables.exchangeRates.map(plain),
    rules: tables.rules.map(plain),
    senderRules: tables.senderRules.map(plain),
    guards: tables.guards.map(plain),
  };
  const { made: _, ...content } = small;
  const columnsOf = (one: Stored<TableEntity | DeckEntity>) => [one.key, one.entity.hash];
  const told = [content, decks.map(columnsOf), networks?.entity.hash, ported?.entity.hash];
  const named: Readonly<Record<string, readonly Stored<unknown>[]>> = { ...tables, decks };
  return {
    small,
    decks: decks.map(({ entity }) => entity.object),
    networks: networks?.entity.object,
    ported: ported?.entity.object,
    hash: createHash("sha256").update(JSON.stringify(told)).digest("hex"),
    nameOf(table, row) {
      const stored = named[table]?.[row];
      return stored === undefined ? undefined : `${WORDS[table]} ${stored.key}`;
    },
    keyOf: (table, row) => named[table]?.[row]?.key,
  };
}

const WORDS: Readonly<Record<string, string>> = {
  carriers: "carrier",
  plans: "plan",
  defaultNetworks: "default network",
  exchangeRates: "exchange rate",
  rules: "rule",
  senderRules: "sender rule",
  guards: "guard",
  decks: "deck",
};

/** A row without who wrote it. */
function plain<T extends { changedBy: string; changedAtMs: number }>({ entity }: Stored<T>) {
  const { changedBy: _by, changedAtMs: _at, ...row } = entity;
  return row;
}

type Of = Readonly<Record<string, readonly Stored<unknown>[]>>;

/** Of each deck its revision; of a small table the highest one. */
function madeOf(
  { decks = [], ...tables }: Of,
  networks: Stored<TableEntity> | undefined,
  ported: Stored<TableEntity> | undefined,
): Record<string, string> {
  const made: Record<string, string> = {};
  for (const { key, revision } of decks) made[`deck/${key.replaceAll(".", "-")}`] = `${revision}`;
  if (networks !== undefined) made["networks"] = String(networks.revision);
  if (ported !== undefined) made["ported"] = String(ported.revision);
  for (const [table, rows] of Object.entries(tables)) {
    const last = Math.max(0, ...rows.map(({ revision }) => revision));
    if (last > 0) made[table] = String(last);
  }
  return made;
}
