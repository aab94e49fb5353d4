/** Import told: progress, difference and problems of an import, for people and as JSON. */
import { isTerminal, printRaw, table } from "../../core/output.js";
import {
  type ImportChange,
  ImportChangeKind,
  type ImportDiff,
  ImportProblemReason,
  type ImportProgress,
  type ImportResult,
  ImportStage,
} from "../../core/proto/floe/v1/import.js";

const KINDS: Readonly<Record<number, string>> = {
  [ImportChangeKind.IMPORT_CHANGE_KIND_ADDED]: "new",
  [ImportChangeKind.IMPORT_CHANGE_KIND_CHANGED]: "changed",
  [ImportChangeKind.IMPORT_CHANGE_KIND_CEASED]: "ceased",
};
const REASONS: Readonly<Record<number, string>> = {
  [ImportProblemReason.IMPORT_PROBLEM_REASON_INVALID]: "invalid",
  [ImportProblemReason.IMPORT_PROBLEM_REASON_RETROACTIVE]: "retroactive",
  [ImportProblemReason.IMPORT_PROBLEM_REASON_JUMP]: "jump",
};
const SENDER_KINDS = ["", "alphanumeric", "numeric", "short"];
const CLASSES = ["", "authentication", "transactional", "promotional"];
const BAR = 30;

/** Bytes and rows, drawn over themselves; silent where no person looks. */
export function openBar(total: number, withBar: boolean) {
  let drawn = false;
  return {
    at({ stage, bytes, rows }: ImportProgress): void {
      if (!withBar || !isTerminal) return;
      drawn = true;
      const part = total === 0 ? 1 : Math.min(1, Number(bytes) / total);
      const bar = "#".repeat(Math.round(part * BAR)).padEnd(BAR, ".");
      const what =
        stage === ImportStage.IMPORT_STAGE_COMPARING
          ? "comparing"
          : stage === ImportStage.IMPORT_STAGE_STORING
            ? "storing  "
            : "reading  ";
      const megabytes = (Number(bytes) / 1e6).toFixed(1);
      printRaw(`\r${what} [${bar}] ${megabytes} MB, ${count(rows)} rows   `);
    },
    end(): void {
      if (drawn) printRaw("\n");
    },
  };
}

/** `FILE:LINE COLUMN: problem`, as compilers write it. */
export function problemLines(file: string, { problems, problemCount }: ImportResult): string[] {
  const lines = problems.map(({ line, column, problem }) =>
    line === 0n ? `${file} ${column}: ${problem}` : `${file}:${line} ${column}: ${problem}`,
  );
  const more = problemCount - BigInt(problems.length);
  if (more > 0n) lines.push(`and ${count(more)} more`);
  return lines;
}

/** What differs from what is in force, without the last word. */
export function diffText({ rows, ignoredRows, unknownColumns, diff }: ImportResult): string {
  const lines = [
    `${count(rows)} ${rows === 1n ? "row" : "rows"}${ignoredRows > 0n ? `, ${count(ignoredRows)} ignored` : ""}.`,
  ];
  if (unknownColumns.length > 0) lines.push(`Columns not read: ${unknownColumns.join(", ")}.`);
  if (diff === undefined) return lines.join("\n");
  const { raised, lowered } = diff;
  const ways = raised + lowered > 0n ? ` (${count(raised)} up, ${count(lowered)} down)` : "";
  lines.push(
    `${count(diff.added)} new, ${count(diff.changed)} changed${ways}, ` +
      `${count(diff.unchanged)} unchanged, ${count(diff.ceased)} ceased.`,
  );
  if (diff.changes.length > 0) lines.push("", changesTable(diff));
  return lines.join("\n");
}

function changesTable({ changes }: ImportDiff): string {
  const heads = ["", "match", "for", "before", "after", "change", "from", "line"];
  return table(
    heads,
    changes.map((one) => [
      KINDS[one.kind] ?? "",
      one.match,
      [SENDER_KINDS[one.senderKind], CLASSES[one.trafficClass]].filter(Boolean).join(" "),
      one.before,
      one.after,
      one.changeBasisPoints === undefined ? "" : percent(one.changeBasisPoints),
      one.effectiveFrom?.toISOString().replace(/T00:00:00\.000Z$|\.000Z$/, "") ?? "",
      one.line === 0n ? "" : String(one.line),
    ]),
  );
}

function percent(basisPoints: bigint): string {
  return `${basisPoints > 0n ? "+" : ""}${(Number(basisPoints) / 100).toFixed(2)} %`;
}

function count(value: bigint): string {
  return value.toLocaleString("en-GB");
}

/** @param tableSet version in force with it; undefined: nobody waited. */
export function resultJson(result: ImportResult, dryRun: boolean, tableSet?: number): object {
  const { diff } = result;
  return {
    stored: result.stored,
    dryRun,
    revision: Number(result.revision),
    ...(tableSet === undefined ? {} : { tableSet }),
    rows: Number(result.rows),
    ignoredRows: Number(result.ignoredRows),
    unknownColumns: result.unknownColumns,
    problemCount: Number(result.problemCount),
    problems: result.problems.map(({ line, column, problem, reason }) => ({
      line: Number(line),
      column,
      problem,
      reason: REASONS[reason] ?? "",
    })),
    ...(diff === undefined
      ? {}
      : {
          diff: {
            new: Number(diff.added),
            changed: Number(diff.changed),
            raised: Number(diff.raised),
            lowered: Number(diff.lowered),
            unchanged: Number(diff.unchanged),
            ceased: Number(diff.ceased),
            changes: diff.changes.map(changeJson),
          },
        }),
  };
}

function changeJson(change: ImportChange): object {
  return {
    kind: KINDS[change.kind] ?? "",
    match: change.match,
    senderKind: SENDER_KINDS[change.senderKind] ?? "",
    trafficClass: CLASSES[change.trafficClass] ?? "",
    before: change.before,
    after: change.after,
    changePercent:
      change.changeBasisPoints === undefined ? null : Number(change.changeBasisPoints) / 100,
    effectiveFrom: change.effectiveFrom?.toISOString() ?? null,
    line: Number(change.line),
  };
}
