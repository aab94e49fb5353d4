/** Wire: what an import says in floe.v1, to and from what it is here. */
import { status } from "@grpc/grpc-js";
import { type Refusal, refuse } from "../../../core/grpc/refuse.js";
import {
  type DeckImport,
  ImportChangeKind,
  ImportMode,
  type ImportOptions,
  ImportProblemReason,
  type ImportResult,
} from "../../../core/proto/floe/v1/import.js";
import { Channel as WireChannel } from "../../../core/proto/floe/v1/routing_admin.js";
import type { Channel, DeckSource } from "../../../workers/source.js";
import type { ImportSpec } from "./compute.js";
import type { ImportStore } from "./import-store.js";
import type { ImportChange, ImportDiff, ImportOutcome } from "./outcome.js";

const CHANGE_PERCENT_MAX = 50;
const CHANNEL_OF: Readonly<Record<number, Channel>> = {
  [WireChannel.CHANNEL_UNSPECIFIED]: "sms",
  [WireChannel.CHANNEL_SMS]: "sms",
  [WireChannel.CHANNEL_FAX]: "fax",
};

/** What is to be done, or why it cannot be. */
export async function specOf(
  options: ImportOptions,
  store: ImportStore,
  nowMs: number,
): Promise<ImportSpec | Refusal> {
  const { table, columns, mode } = options;
  const base = { map: columns, merge: mode === ImportMode.IMPORT_MODE_MERGE };
  if (mode !== ImportMode.IMPORT_MODE_MERGE && mode > ImportMode.IMPORT_MODE_REPLACE) {
    return invalid("mode", "must be REPLACE or MERGE.");
  }
  if (table === undefined) return invalid("table", "must be there.");
  if (table.$case !== "deck") return { ...base, kind: table.$case };
  const { deck } = table;
  const owner = ownerOf(deck, store);
  if ("status" in owner) return owner;
  const channel = CHANNEL_OF[deck.key?.channel ?? 0];
  if (channel === undefined) return invalid("deck.key.channel", "must be SMS or FAX.");
  const currency = currencyOf(deck, owner, store);
  if (typeof currency !== "string") return currency;
  const effectiveFromMs = deck.effectiveFrom?.getTime();
  if (effectiveFromMs !== undefined && !(effectiveFromMs >= 0)) {
    return invalid("deck.effective_from", "must be a time since 1970.");
  }
  return {
    ...base,
    kind: "deck",
    owner,
    channel,
    currency,
    nowMs,
    ...(effectiveFromMs === undefined ? {} : { effectiveFromMs }),
    allowRetroactive: deck.allowRetroactive,
    changePercentMax: deck.anyChange
      ? Number.POSITIVE_INFINITY
      : (deck.changePercentMax ?? CHANGE_PERCENT_MAX),
    isReplaced: await store.hasDeck(owner, channel),
  };
}

function ownerOf({ key }: DeckImport, store: ImportStore): DeckSource["owner"] | Refusal {
  const owner = key?.owner;
  if (owner?.$case === "carrier") {
    if (store.carriers().includes(owner.carrier)) return { carrier: owner.carrier };
    return unknown("carrier");
  }
  if (owner?.$case === "plan") {
    if (store.planCurrency(owner.plan) !== undefined) return { plan: owner.plan };
    return unknown("plan");
  }
  return invalid("deck.key", "must name a carrier or a plan.");
}

/** A plan's deck has the currency of the plan. */
function currencyOf(
  deck: DeckImport,
  owner: DeckSource["owner"],
  store: ImportStore,
): string | Refusal {
  const given = deck.currency;
  if (!/^(?:[A-Z]{3})?$/.test(given)) return invalid("deck.currency", "must be ISO 4217.");
  if ("carrier" in owner) return given;
  const ofPlan = store.planCurrency(owner.plan) ?? "";
  if (given !== "" && given !== ofPlan) {
    return invalid("deck.currency", `must be ${ofPlan}, as that of the plan.`);
  }
  return ofPlan;
}

export function invalid(field: string, description: string): Refusal {
  const violations = [{ field, description, reason: "INVALID" }];
  return refuse(status.INVALID_ARGUMENT, "INVALID", `${field} ${description}`, { violations });
}

function unknown(what: "carrier" | "plan"): Refusal {
  return refuse(status.NOT_FOUND, "NOT_FOUND", `There is no such ${what}.`);
}

export function resultOf(outcome: ImportOutcome, stored: boolean, revision: number): ImportResult {
  return {
    stored,
    revision: BigInt(revision),
    rows: BigInt(outcome.rowCount),
    ignoredRows: BigInt(outcome.ignoredCount),
    problems: outcome.problems.map((one) => ({
      line: BigInt(one.line),
      column: one.column,
      problem: one.problem,
      reason: REASONS[one.reason],
    })),
    problemCount: BigInt(outcome.problemCount),
    unknownColumns: [...outcome.unknownColumns],
    diff: outcome.diff === undefined ? undefined : diffOf(outcome.diff),
  };
}

const REASONS = {
  invalid: ImportProblemReason.IMPORT_PROBLEM_REASON_INVALID,
  retroactive: ImportProblemReason.IMPORT_PROBLEM_REASON_RETROACTIVE,
  jump: ImportProblemReason.IMPORT_PROBLEM_REASON_JUMP,
} as const;
const KINDS = {
  added: ImportChangeKind.IMPORT_CHANGE_KIND_ADDED,
  changed: ImportChangeKind.IMPORT_CHANGE_KIND_CHANGED,
  ceased: ImportChangeKind.IMPORT_CHANGE_KIND_CEASED,
} as const;

function diffOf(diff: ImportDiff) {
  return {
    added: BigInt(diff.added),
    changed: BigInt(diff.changed),
    raised: BigInt(diff.raised),
    lowered: BigInt(diff.lowered),
    unchanged: BigInt(diff.unchanged),
    ceased: BigInt(diff.ceased),
    changes: diff.changes.map(changeOf),
  };
}

function changeOf(change: ImportChange) {
  return {
    kind: KINDS[change.what],
    match: change.match,
    senderKind: change.senderKind as 0 | 1 | 2 | 3,
    trafficClass: change.trafficClass as 0 | 1 | 2 | 3,
    before: change.before,
    after: change.after,
    changeBasisPoints: change.basisPoints === undefined ? undefined : BigInt(change.basisPoints),
    effectiveFrom: change.effectiveFromMs === 0 ? undefined : new Date(change.effectiveFromMs),
    line: BigInt(change.line),
  };
}
