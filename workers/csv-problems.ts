/** Problems of a file: the first thousand are told with line and column, all are counted. */
import type { TellProblem } from "./csv.js";

export const PROBLEMS_TOLD_MAX = 1_000;

export interface CsvProblem {
  /** From 1; 0: of the file as a whole. */
  readonly line: number;
  /** As the file names it; `row` or `file` where it is none of one column. */
  readonly column: string;
  readonly problem: string;
}

export interface CsvProblems {
  readonly tell: TellProblem;
  /** By line. */
  told(): readonly CsvProblem[];
  count(): number;
}

export function openProblems(): CsvProblems {
  const told: CsvProblem[] = [];
  let count = 0;
  return {
    tell(line, column, problem) {
      count += 1;
      if (told.length < PROBLEMS_TOLD_MAX) told.push({ line, column, problem });
    },
    told: () => [...told].sort((a, b) => a.line - b.line),
    count: () => count,
  };
}
