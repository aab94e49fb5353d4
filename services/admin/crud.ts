/**
 * Crud: create, get, update, delete and list, the same for every entity.
 *
 * In: messages of the API. Out: what is stored (store.ts), as messages. Everything is checked before
 * anything is written: the fields, then what they refer to. A write says which revision it replaces;
 * two writers at once are one writer and one who is told so. What refers to an entity that is being
 * deleted may be written in between: the builder of table sets has the last word on references.
 */
import { status } from "@grpc/grpc-js";
import { checkAccount, checkCarrier } from "../../core/configuration.js";
import {
  type EntityKind,
  type EntityOf,
  entityProblems,
  type FieldProblem,
  keyOf,
  problemsOf,
} from "../../core/entities.js";
import { type Refusal, refuse } from "../../core/grpc/refuse.js";
import { joined } from "./call.js";
import { type PageRequest, pageOf, pageSizeOf, pageToken, placeOf } from "./page.js";
import { fieldOf, invalid, openProblems, type Problems } from "./problems.js";
import type { Staff } from "./staff.js";
import { compareKeys, type Store, type Stored } from "./store.js";

/** Kinds that operators write one by one. */
export type CrudKind = Exclude<
  EntityKind,
  "deck" | "networks" | "ported" | "seeded" | "batch" | "wanted"
>;

/** What every message of an entity has. */
export interface Written {
  revision: bigint;
  changedBy: string;
  changedAt?: Date | undefined;
}

/** One kind of entity: how messages and stored values become each other, and what is in use. */
export interface Kind<K extends CrudKind, M extends Written> {
  readonly kind: K;
  /** Field of requests that holds it. */
  readonly field: string;
  /** For sentences. */
  readonly word: string;
  /** Field names of the API, where they differ from the stored ones. */
  readonly names: Readonly<Record<string, string>>;
  /** `old`: what is replaced. What cannot be expressed is a problem; checks follow. */
  toEntity(
    message: M,
    old: EntityOf[K] | undefined,
    problems: Problems,
  ): Omit<EntityOf[K], "changedBy" | "changedAtMs">;
  toMessage(entity: EntityOf[K]): Omit<M, keyof Written>;
  /** Adds what is wrong with what it refers to. */
  references(entity: EntityOf[K], store: Store, problems: Problems): void;
  /** Why `old` may not become `entity`, though both are sound; undefined: it may. */
  mayBecome?(
    entity: EntityOf[K],
    old: EntityOf[K],
    store: Store,
  ): Promise<Refusal | undefined> | undefined;
  /** What would miss it, in words: "rule low-cost". */
  users(entity: EntityOf[K], store: Store): Promise<readonly string[]>;
}

export interface Crud<K extends CrudKind, M extends Written> {
  create(message: M | undefined, staff: Staff): Promise<M | Refusal>;
  get(key: string): Promise<M | Refusal>;
  update(message: M | undefined, staff: Staff): Promise<M | Refusal>;
  remove(key: string, revision: bigint, staff: Staff): Promise<Refusal | undefined>;
  list(
    request: PageRequest,
    wanted?: (entity: EntityOf[K]) => boolean,
  ): Refusal | { readonly page: M[]; readonly nextPageToken: string };
}

/** Keys are looked up in KV, where other characters would mean something. */
const KEY = /^[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*$/;

export function openCrud<K extends CrudKind, M extends Written>(
  store: Store,
  kind: Kind<K, M>,
): Crud<K, M> {
  const { kind: name, field, word } = kind;
  const read = async (key: string): Promise<Stored<EntityOf[K]> | undefined> =>
    KEY.test(key) ? store.read(name, key) : undefined;

  function messageOf(entity: EntityOf[K], revision: number): M {
    const { changedBy = "", changedAtMs = 0 } = entity;
    const changedAt = changedAtMs === 0 ? undefined : new Date(changedAtMs);
    const written: Written = { revision: BigInt(revision), changedBy, changedAt };
    return { ...kind.toMessage(entity), ...written } as M;
  }

  /** The entity that a message asks for, or what is wrong with it. */
  function entityOf(
    message: M,
    old: EntityOf[K] | undefined,
    staff: Staff,
  ): EntityOf[K] | Problems {
    const problems = openProblems(field);
    const written = { changedBy: staff.keyId, changedAtMs: store.clock.nowMs() };
    const entity = { ...kind.toEntity(message, old, problems), ...written } as EntityOf[K];
    const found = problemsIn(name, entity);
    for (const one of found) problems.add(fieldOf(one, kind.names), one.problem);
    if (problems.found.length === 0) kind.references(entity, store, problems);
    return problems.found.length === 0 ? entity : problems;
  }

  async function write(entity: EntityOf[K], expected: number): Promise<M | number> {
    const revision = await store.write(name, entity, expected);
    if (revision !== undefined) return messageOf(entity, revision);
    return (await read(keyOf(name, entity)))?.revision ?? 0;
  }

  return {
    async create(message, staff) {
      if (message === undefined) return invalid([missing(field)]);
      const entity = entityOf(message, undefined, staff);
      if (isProblems(entity)) return invalid(entity.found);
      const done = await write(entity, 0);
      if (typeof done !== "number") return done;
      return refuse(status.ALREADY_EXISTS, "ALREADY_EXISTS", `There is such a ${word} already.`, {
        facts: { revision: String(done) },
      });
    },
    async get(key) {
      const stored = await read(key);
      return stored === undefined ? notFound(word) : messageOf(stored.entity, stored.revision);
    },
    async update(message, staff) {
      if (message === undefined) return invalid([missing(field)]);
      const empty = openProblems(field);
      const key = keyOf(name, kind.toEntity(message, undefined, empty) as EntityOf[K]);
      const old = await read(key);
      if (old === undefined) return notFound(word);
      const wrong = revisionProblem(message.revision, `${field}.revision`);
      if (wrong !== undefined) return wrong;
      if (BigInt(old.revision) !== message.revision) return stale(word, old.revision);
      const entity = entityOf(message, old.entity, staff);
      if (isProblems(entity)) return invalid(entity.found);
      const refusal = await kind.mayBecome?.(entity, old.entity, store);
      if (refusal !== undefined) return refusal;
      const done = await write(entity, old.revision);
      return typeof done === "number" ? staleOrGone(word, done) : done;
    },
    async remove(key, revision, staff) {
      const old = await read(key);
      if (old === undefined) return notFound(word);
      const wrong = revisionProblem(revision, "revision");
      if (wrong !== undefined) return wrong;
      if (BigInt(old.revision) !== revision) return stale(word, old.revision);
      const users = await kind.users(old.entity, store);
      if (users.length > 0) return inUse(word, users);
      if (await store.remove(name, key, old.revision, staff.keyId)) return undefined;
      return staleOrGone(word, (await read(key))?.revision ?? 0);
    },
    list(request, wanted = () => true) {
      const place = placeOf(name, request);
      if (typeof place === "object") return place;
      const all = store.all(name).filter(({ entity }) => wanted(entity));
      const keyOfStored = ({ key }: Stored<EntityOf[K]>): string => key;
      const { page, end } = pageOf(all, keyOfStored, compareKeys, place, pageSizeOf(request));
      return {
        page: page.map(({ entity, revision }) => messageOf(entity, revision)),
        nextPageToken: end === undefined ? "" : pageToken(name, end),
      };
    },
  };
}

function problemsIn(kind: CrudKind, entity: unknown): readonly FieldProblem[] {
  if (kind === "carrier") return problemsOf(checkCarrier(entity));
  if (kind === "account") return problemsOf(checkAccount(entity));
  return entityProblems(kind, entity);
}

function isProblems(value: object): value is Problems {
  return "found" in value;
}

export function missing(field: string) {
  return { field, description: "must be there", reason: "MISSING" };
}

/** A revision of 0 was forgotten, not read. */
export function revisionProblem(revision: bigint, field: string): Refusal | undefined {
  if (revision > 0n) return undefined;
  return invalid([{ field, description: "must be the one that was read", reason: "MISSING" }]);
}

export function notFound(word: string): Refusal {
  return refuse(status.NOT_FOUND, "NOT_FOUND", `There is no such ${word}.`);
}

export function stale(word: string, revision: number): Refusal {
  const text = `The ${word} was changed by somebody else: it has revision ${revision} now.`;
  return refuse(status.ABORTED, "REVISION_STALE", text, {
    facts: { revision: String(revision) },
  });
}

/** @param revision now; 0: it is gone. */
export function staleOrGone(word: string, revision: number): Refusal {
  return revision === 0 ? notFound(word) : stale(word, revision);
}

export function inUse(word: string, users: readonly string[]): Refusal {
  const text = `The ${word} is in use by ${joined(users)}.`;
  return refuse(status.FAILED_PRECONDITION, "IN_USE", text);
}
