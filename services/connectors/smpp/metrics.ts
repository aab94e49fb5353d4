/** Counters of binds. Numbers are added per batch: a label lookup per PDU would cost as much as it. */
import { counter, gauge } from "../../../core/metrics.js";
import { isKnownStatus, statusName } from "./status.js";

const submitsTotal = counter("floe_connector_submits_total", "Parts sent.", ["carrier"]);
const answersTotal = counter("floe_connector_answers_total", "Parts by what became of them.", [
  "carrier",
  "answer",
]);
const sessions = gauge("floe_connector_sessions", "Bound sessions.", ["carrier"]);
const bindsRefusedTotal = counter("floe_connector_binds_refused_total", "Binds refused.", [
  "carrier",
  "status",
]);

export interface BindCounts {
  submitted: number;
  accepted: number;
  refused: number;
  throttled: number;
  /** The session was in a wrong state. */
  returned: number;
  /** In doubt: no answer in time; the connection ended before; an answer that does not say. */
  expired: number;
  closed: number;
  ambiguous: number;
  /** Answers to parts that had expired. */
  late: number;
  /** Answers that nobody waited for. */
  unexpected: number;
  bound(change: number): void;
  bindRefused(status: number): void;
  /** Adds what was counted to the process's metrics. */
  flush(): void;
}

const ANSWERS = [
  "accepted",
  "refused",
  "throttled",
  "returned",
  "expired",
  "closed",
  "ambiguous",
  "late",
  "unexpected",
] as const;

export function newBindCounts(carrier: string): BindCounts {
  const submits = submitsTotal.labels(carrier);
  const answers = ANSWERS.map((answer) => answersTotal.labels(carrier, answer));
  const counts: BindCounts = {
    submitted: 0,
    accepted: 0,
    refused: 0,
    throttled: 0,
    returned: 0,
    expired: 0,
    closed: 0,
    ambiguous: 0,
    late: 0,
    unexpected: 0,
    bound: (change) => sessions.inc({ carrier }, change),
    bindRefused(status) {
      // A carrier can make up numbers, and each would be a series.
      bindsRefusedTotal.inc({
        carrier,
        status: isKnownStatus(status) ? statusName(status) : "own",
      });
    },
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
