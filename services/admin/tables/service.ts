/** Table sets as operators see them: TableSetService. */
import { status } from "@grpc/grpc-js";
import type { TableSetConfig } from "../../../core/configuration.js";
import { type Refusal, refuse } from "../../../core/grpc/refuse.js";
import type { GrpcService } from "../../../core/grpc/server.js";
import {
  type ActivateTableSetRequest,
  type ActivateTableSetResponse,
  type BuildTableSetResponse,
  type GetTableSetStatusResponse,
  type ListTableSetsRequest,
  type ListTableSetsResponse,
  type TableSet,
  TableSetServiceService,
  TableSetState,
} from "../../../core/proto/floe/v1/table_sets.js";
import { type Desk, joined, unary } from "../call.js";
import { notFound } from "../crud.js";
import { pageOf, pageSizeOf, pageToken, placeOf } from "../page.js";
import type { Staff } from "../staff.js";
import { isPast, type Store, type Through } from "../store.js";
import { hasFailed, isDone } from "./make.js";
import { type TableSets, unusable } from "./sets.js";

const LIST = "table-sets";
/** Compiling the largest table set takes seconds; beyond this nobody makes any. */
const BUILD_MS_MAX = 300_000;
/** Moves of the pointer by others that an activation is tried again after. */
const TRIES_MAX = 5;

const NOBODY_BUILDS = refuse(
  status.UNAVAILABLE,
  "NOT_BUILT",
  "No table set was made in time; what was changed is kept, and one is made later.",
  { retryMs: 5_000 },
);
const OVERTAKEN = refuse(
  status.ABORTED,
  "OVERTAKEN",
  "Another table set was put into force meanwhile.",
);

export function tableSetService(desk: Desk, store: Store, sets: TableSets): GrpcService {
  const list = async (request: ListTableSetsRequest): Promise<ListTableSetsResponse | Refusal> => {
    const place = placeOf(LIST, request);
    if (typeof place === "object") return place;
    const versionOf = ({ version }: TableSetConfig): string => String(version);
    const newestFirst = (a: string, b: string): number => Number(b) - Number(a);
    const all = sets.all();
    const { page, end } = pageOf(all, versionOf, newestFirst, place, pageSizeOf(request));
    return {
      tableSets: page.map((set) => toldSet(set, sets)),
      nextPageToken: end === undefined ? "" : pageToken(LIST, end),
    };
  };
  const name = "TableSetService";
  return {
    name: `floe.v1.${name}`,
    definition: TableSetServiceService,
    implementation: {
      listTableSets: unary(desk, `${name}/ListTableSets`, list),
      getTableSetStatus: unary(desk, `${name}/GetTableSetStatus`, async () =>
        statusOf(store, sets),
      ),
      buildTableSet: unary(desk, `${name}/BuildTableSet`, (_: object, staff) =>
        build(desk, store, sets, staff),
      ),
      activateTableSet: unary(
        desk,
        `${name}/ActivateTableSet`,
        (request: ActivateTableSetRequest, staff) => activate(request, store, sets, staff),
      ),
    },
  };
}

function toldSet(set: TableSetConfig, sets: TableSets): TableSet {
  return {
    version: BigInt(set.version),
    bytes: BigInt(set.bytes),
    inForce: sets.pointer()?.tables.version === set.version,
    made: { ...set.made },
    builtAt: new Date(set.builtAtMs),
    changedBy: set.changedBy,
    buildMs: set.buildMs,
    unusable: unusable(set),
  };
}

function statusOf(store: Store, sets: TableSets): GetTableSetStatusResponse {
  const pointer = sets.pointer();
  const seen = store.seen();
  const failed = !isDone(sets, pointer, seen) && hasFailed(sets, seen);
  const { version = 0, held = false, activatedAtMs = 0, activatedBy = "" } = pointer?.tables ?? {};
  return {
    state: failed
      ? TableSetState.TABLE_SET_STATE_FAILED
      : !isDone(sets, pointer, seen)
        ? TableSetState.TABLE_SET_STATE_PENDING
        : held
          ? TableSetState.TABLE_SET_STATE_HELD
          : TableSetState.TABLE_SET_STATE_CURRENT,
    version: BigInt(version),
    problems: failed ? [...(sets.failure()?.problems ?? [])] : [],
    activatedAt: activatedAtMs === 0 ? undefined : new Date(activatedAtMs),
    activatedBy,
  };
}

/**
 * Writes that a set is wanted, which is a change like others: whoever builds must go beyond it, and
 * with it beyond all that was written before, by whichever replica.
 */
async function build(
  desk: Desk,
  store: Store,
  sets: TableSets,
  staff: Staff,
): Promise<BuildTableSetResponse | Refusal> {
  const wanted = { changedBy: staff.keyId, changedAtMs: desk.clock.nowMs() };
  const revision = (await store.write("wanted", wanted, undefined))!;
  const through: Through = { entities: revision, carriers: store.seen().carriers };
  const reached = await settled(desk, sets, through);
  if (!reached) return NOBODY_BUILDS;
  const pointer = sets.pointer();
  if (!isDone(sets, pointer, through)) {
    const problems = sets.failure()?.problems ?? [];
    const text = `No table set can be made: ${joined(problems)}.`;
    return refuse(status.FAILED_PRECONDITION, "TABLES_INVALID", text);
  }
  const set = sets.get(pointer!.tables.version);
  if (pointer!.tables.held === true || set === undefined) return OVERTAKEN;
  return { tableSet: toldSet(set, sets) };
}

/** Waits until a set is in force, or known to be impossible, for all up to `through`. */
function settled(desk: Desk, sets: TableSets, through: Through): Promise<boolean> {
  const isSettled = (): boolean => {
    const pointer = sets.pointer();
    const isThere =
      isDone(sets, pointer, through) && sets.get(pointer!.tables.version) !== undefined;
    return isThere || (!isDone(sets, pointer, through) && hasFailed(sets, through));
  };
  if (isSettled()) return Promise.resolve(true);
  return new Promise((resolve) => {
    const end = (given: boolean): void => {
      cancel();
      unlisten();
      resolve(given);
    };
    const cancel = desk.clock.after(BUILD_MS_MAX, () => end(false));
    const unlisten = sets.onChange(() => {
      if (isSettled()) end(true);
    });
  });
}

async function activate(
  { version }: ActivateTableSetRequest,
  store: Store,
  sets: TableSets,
  staff: Staff,
): Promise<ActivateTableSetResponse | Refusal> {
  for (let tries = 0; tries < TRIES_MAX; tries += 1) {
    const set = sets.get(Number(version));
    if (set === undefined) return notFound("table set");
    const why = unusable(set);
    if (why !== "") {
      const text = `Table set ${version} cannot be put into force: ${why}.`;
      return refuse(status.FAILED_PRECONDITION, "UNUSABLE", text);
    }
    const pointer = await sets.readPointer();
    const seen = furthest(store.seen(), pointer?.tables.through);
    const done = await sets.point(
      {
        version: set.version,
        object: set.object,
        through: seen,
        // The newest one, put into force again, holds everything: nothing is passed over.
        ...(isPast(set.through, seen) ? {} : { held: true }),
        activatedAtMs: store.clock.nowMs(),
        activatedBy: staff.keyId,
      },
      pointer?.revision ?? 0,
    );
    if (!done) continue;
    const before = pointer?.tables.version ?? set.version;
    if (before !== set.version) await sets.left(before, store.clock.nowMs());
    store.log.info({ version: set.version, changedBy: staff.keyId }, "table set activated");
    await caughtUp(sets, set.version);
    return { tableSet: { ...toldSet(set, sets), inForce: true } };
  }
  return OVERTAKEN;
}

/** The watch has brought this version, or a later pointer. */
function caughtUp(sets: TableSets, version: number): Promise<void> {
  if (sets.pointer()?.tables.version === version) return Promise.resolve();
  return new Promise((resolve) => {
    const unlisten = sets.onChange(() => {
      unlisten();
      resolve();
    });
  });
}

/** A replica may have seen less than the one that moved the pointer last. */
function furthest(seen: Through, reached: Through | undefined): Through {
  return {
    entities: Math.max(seen.entities, reached?.entities ?? 0),
    carriers: Math.max(seen.carriers, reached?.carriers ?? 0),
  };
}
