/** Counters of binds. Numbers are added per batch: a label lookup per PDU would cost as much as it. */
import { counter, gauge } from "../../../core/metrics.js";

const submitsTotal = counter("floe_connector_submits_total", "Parts sent.", ["carrier"]);
const answersTotal = counter("floe_connector_answers_total", "Parts by what became of them.", [
  "carrier",
  "answer",
]);
const sessions = gauge("floe_connector_sessions", "Bound sessions.", ["carrier"]);

export interface BindCounts {
  submitted: number;
  accepted: number;
  refused: number;
  throttled: number;
  /** The session was in a wrong state. */
  returned: number;
  doubted: number;
  /** Answers that nobody waited for. */
  unexpected: number;
  bound(change: number): void;
  /** Adds what was counted to the process's metrics. */
  flush(): void;
}

const ANSWERS = ["accepted", "refused", "throttled", "returned", "doubted", "unexpected"] as const;

export function newBindCounts(carrier: string): BindCounts {
  const submits = submitsTotal.labels(carrier);
  const answers = ANSWERS.map((answer) => answersTotal.labels(carrier, answer));
  const counts: BindCounts = {
    submitted: 0,
    accepted: 0,
    refused: 0,
    throttled: 0,
    returned: 0,
    doubted: 0,
    unexpected: 0,
    bound: (change) => sessions.inc({ carrier }, change),
    flush() {
      if (counts.submitted > 0) submits.inc(counts.submitted);
      counts.submitted = 0;
      ANSWERS.forEach((answer, index) => {
        if (counts[answer] > 0) answers[index]!.inc(counts[answer]);
        counts[answer] = 0;
      });
    },
  };
  return counts;
}
