/**
 * Run an import: the requests of a call in, progress and a result out, or a refusal.
 *
 * The file is read in a thread (job.ts) while it comes. What is in force is read when it has all
 * come, and what results is written only if that is still in force: two imports at once cannot lose
 * each other's rows. Until that write nothing is changed, however the call ends.
 */
import { status } from "@grpc/grpc-js";
import type { Clock } from "../../../core/clock.js";
import { type Refusal, refuse } from "../../../core/grpc/refuse.js";
import type { Logger } from "../../../core/log.js";
import {
  type ImportRequest,
  type ImportResponse,
  type ImportResult,
  ImportStage,
} from "../../../core/proto/floe/v1/import.js";
import { beginsMs, currenciesWithoutRate } from "../../../workers/exchange.js";
import type { ImportSpec, Present } from "./compute.js";
import type { ImportStore } from "./import-store.js";
import { type ImportJob, startImport } from "./job.js";
import type { ImportDiff, ImportedTable, ImportOutcome } from "./outcome.js";
import { invalid, resultOf, specOf } from "./wire.js";

export interface ImportDeps {
  readonly store: ImportStore;
  readonly clock: Clock;
  readonly log: Logger;
}

/** A file beyond this is refused: twenty times a deck of a million rows. */
export const IMPORT_BYTES_MAX = 1_024 * 1_024 * 1_024;
const PROGRESS_MS = 100;

const CUT_OFF = refuse(status.CANCELLED, "CUT_OFF", "The file did not come to its end.");
const TOO_LARGE = refuse(
  status.INVALID_ARGUMENT,
  "TOO_LARGE",
  `The file is larger than ${IMPORT_BYTES_MAX / 1_024 ** 2} MiB.`,
);
const CHANGED = refuse(
  status.ABORTED,
  "CHANGED",
  "What the file was compared with was changed meanwhile; nothing was stored. Try again.",
);

/**
 * @param changedBy id of the caller's API key.
 * @returns why it was refused; undefined: the result was told.
 */
export async function runImport(
  { store, clock, log }: ImportDeps,
  requests: AsyncIterable<ImportRequest>,
  tell: (response: NonNullable<ImportResponse["response"]>) => void,
  changedBy: string,
): Promise<Refusal | undefined> {
  const reader = requests[Symbol.asyncIterator]();
  const first = await reader.next();
  const opening = first.done === true ? undefined : first.value.request;
  if (opening?.$case !== "options") return invalid("options", "must come first.");
  const { options } = opening;
  const spec = await specOf(options, store, clock.nowMs());
  if ("status" in spec) return spec;

  const startedMs = clock.monotonicMs();
  const job = startImport(spec);
  try {
    const progress = openProgress(clock, tell, job);
    const bytes = await readFile(reader, job, progress.read);
    if (typeof bytes !== "number") return bytes;
    progress.stage(ImportStage.IMPORT_STAGE_COMPARING, bytes);
    const present = await readPresent(spec, store);
    const outcome = withRates(await job.finish(present), store, clock.nowMs());
    const { result: table } = outcome;
    let revision = present.revision;
    let stored = false;
    if (table !== undefined && !options.dryRun && isChange(outcome.diff, present.revision)) {
      progress.stage(ImportStage.IMPORT_STAGE_STORING, bytes);
      const written = await write(table, present, store, changedBy);
      if (written === undefined) return CHANGED;
      revision = written;
      stored = true;
    }
    const result: ImportResult = resultOf(outcome, stored, revision);
    log.info(
      {
        table: spec.kind,
        stored,
        rows: outcome.rowCount,
        problems: outcome.problemCount,
        durationMs: Math.round(clock.monotonicMs() - startedMs),
        changedBy,
      },
      "import",
    );
    tell({ $case: "result", result });
    return undefined;
  } finally {
    await job.stop();
  }
}

/**
 * A deck in a currency that compares with no other makes a problem of the whole configuration: no
 * table set could be made of it, so it is refused here, as a folder with such decks is.
 */
function withRates(outcome: ImportOutcome, store: ImportStore, nowMs: number): ImportOutcome {
  const { result, ...told } = outcome;
  if (result?.kind !== "deck") return outcome;
  const { owner, channel, currency } = result.deck;
  // When the others begin is not looked up: that they have a rate at all is enough here.
  const others = store.otherCurrencies(owner, channel).map((other) => ({
    currency: other,
    fromMs: Number.POSITIVE_INFINITY,
  }));
  const decks = [{ currency, fromMs: beginsMs(result.deck) }, ...others];
  const problems = currenciesWithoutRate(decks, store.exchangeRates(), nowMs).map(
    ({ currency: lacking, problem }) => ({
      ...{ line: 0, column: "currency", reason: "invalid" as const },
      problem: `${problem}: "floe rates create ${lacking} --rate <number>" first`,
    }),
  );
  if (problems.length === 0) return outcome;
  return { ...told, problems, problemCount: problems.length };
}

/** Returns how many bytes came. */
async function readFile(
  reader: AsyncIterator<ImportRequest>,
  job: ImportJob,
  progress: (bytes: number) => void,
): Promise<number | Refusal> {
  let bytes = 0;
  for (;;) {
    const { done, value } = await reader.next();
    if (done === true) return CUT_OFF;
    const { request } = value;
    if (request?.$case === "end") {
      return Number(request.end.bytes) === bytes ? bytes : CUT_OFF;
    }
    if (request?.$case !== "chunk") return invalid("request", "must be a chunk or the end.");
    bytes += request.chunk.length;
    if (bytes > IMPORT_BYTES_MAX) return TOO_LARGE;
    await job.push(request.chunk);
    progress(bytes);
  }
}

function openProgress(
  clock: Clock,
  tell: (response: NonNullable<ImportResponse["response"]>) => void,
  job: ImportJob,
) {
  let toldMs = Number.NEGATIVE_INFINITY;
  const stage = (at: ImportStage, bytes: number): void =>
    tell({
      $case: "progress",
      progress: { stage: at, bytes: BigInt(bytes), rows: BigInt(job.rows()) },
    });
  return {
    stage,
    read(bytes: number): void {
      if (clock.monotonicMs() - toldMs < PROGRESS_MS) return;
      toldMs = clock.monotonicMs();
      stage(ImportStage.IMPORT_STAGE_READING, bytes);
    },
  };
}

/** A file that repeats what is in force makes no revision, and no table set. */
function isChange(diff: ImportDiff | undefined, revision: number): boolean {
  return revision === 0 || diff === undefined || diff.added + diff.changed + diff.ceased > 0;
}

interface PresentAt extends Present {
  /** Of the table that is to be replaced, of rules that of the newest; 0: there is none. */
  readonly revision: number;
  readonly ruleRevisions: Awaited<ReturnType<ImportStore["rules"]>>;
}

async function readPresent(spec: ImportSpec, store: ImportStore): Promise<PresentAt> {
  const none = { ruleRevisions: [] };
  switch (spec.kind) {
    case "deck": {
      const { value, revision } = await store.deck(spec.owner, spec.channel);
      return { ...none, revision, ...(value === undefined ? {} : { deck: value }) };
    }
    case "networks": {
      const { value, revision } = await store.networks();
      return { ...none, revision, ...(value === undefined ? {} : { networks: value }) };
    }
    case "ported": {
      const { value, revision } = await store.ported();
      const networks = (await store.networks()).value;
      return {
        ...none,
        revision,
        ...(value === undefined ? {} : { ported: value }),
        ...(networks === undefined ? {} : { networks }),
      };
    }
    default: {
      const ruleRevisions = await store.rules();
      const rules = ruleRevisions.map(({ row }) => row);
      const revision = Math.max(0, ...ruleRevisions.map((one) => one.revision));
      return { ruleRevisions, revision, rules, carriers: store.carriers() };
    }
  }
}

/** The new revision; undefined: somebody else was first. */
async function write(
  table: ImportedTable,
  present: PresentAt,
  store: ImportStore,
  by: string,
): Promise<number | undefined> {
  switch (table.kind) {
    case "deck":
      return store.putDeck(table.deck, present.revision, by);
    case "networks":
      return store.putNetworks(table.networks, present.revision, by);
    case "ported":
      return store.putPorted(table.ported, present.revision, by);
    default:
      return store.putRules(table.rules, present.ruleRevisions, by);
  }
}
