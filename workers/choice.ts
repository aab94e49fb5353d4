/**
 * Choice: the carriers that were chosen for one message, and what became of all others.
 */
import { CANDIDATES_MAX } from "../core/limits.js";

/** What became of a carrier for one message. Explain tells. */
export const OUTCOME = {
  /** One of the candidates; `ranks` has its place, from 0. */
  kept: 0,
  /** The strategy does not name it, or was not asked: no rule, one that blocks, or an earlier no. */
  notInStrategy: 1,
  /** The account's traffic comes from it (guard.neverCarriers). */
  loopGuard: 2,
  /** No row of its deck applies. */
  noRate: 3,
  /** A sender rule does not let the sender pass. */
  senderRefused: 4,
  /** Its currency or the plan's has no exchange rate yet, so its cost compares with nothing. */
  noExchange: 5,
  /** Price less cost is below the margin of the rule. */
  belowMargin: 6,
  /** It would be a candidate, were it not for its health. */
  healthMoved: 7,
  /** Others are better, and there are no more than CANDIDATES_MAX. */
  beyondMax: 8,
  /** It costs more than the rule lets a carrier after the first. */
  aboveCostMax: 9,
} as const;

/** What was chosen for one message. One is made and used again and again. */
export interface Choice {
  count: number;
  /** Candidates, best first: indices into the tables' carriers. */
  readonly carriers: Int32Array;
  /** Of the whole message, in the carrier's currency. */
  readonly costsMicros: Float64Array;
  /** The rate that each cost is from. */
  readonly terms: Int32Array;
  /** Replaced sender (senders.ts), an index; -1: the customer's own. */
  readonly senders: Int32Array;
  /** Index of the rule that decided; -1: none matched or was asked. */
  rule: number;
  /** The rest is filled if the query explains, by carrier of the tables. OUTCOME. */
  outcomes: Uint8Array;
  /** Place among the candidates, -1: none. */
  ranks: Int8Array;
  /** Of the whole message, in the carrier's currency; -1: not known. */
  carrierCostsMicros: Float64Array;
  /** What a quality term ordered by (quality.ts); SCORE_NONE where none did. */
  scores: Int32Array;
}

export const SCORE_NONE = -(2 ** 31);

export function newChoice(): Choice {
  return {
    count: 0,
    carriers: new Int32Array(CANDIDATES_MAX),
    costsMicros: new Float64Array(CANDIDATES_MAX),
    terms: new Int32Array(CANDIDATES_MAX),
    senders: new Int32Array(CANDIDATES_MAX),
    rule: -1,
    outcomes: new Uint8Array(0),
    ranks: new Int8Array(0),
    carrierCostsMicros: new Float64Array(0),
    scores: new Int32Array(0),
  };
}

/** Nothing is chosen. @param explain also by carrier, of which there are so many. */
export function clearChoice(choice: Choice, explain: boolean, carriers: number): void {
  choice.count = 0;
  choice.rule = -1;
  if (!explain) return;
  if (choice.outcomes.length !== carriers) {
    choice.outcomes = new Uint8Array(carriers);
    choice.ranks = new Int8Array(carriers);
    choice.carrierCostsMicros = new Float64Array(carriers);
    choice.scores = new Int32Array(carriers);
  }
  choice.outcomes.fill(OUTCOME.notInStrategy);
  choice.ranks.fill(-1);
  choice.carrierCostsMicros.fill(-1);
  choice.scores.fill(SCORE_NONE);
}
