/** Explain told: a decision as people read it: what was decided, what came of it, and why. */
import { bold, type Cell, paint, table } from "../../core/output.js";
import type { DecidedMessage } from "../../core/proto/floe/v1/routing.js";
import type { QuoteResult } from "../../workers/quote.js";
import type { CarrierExplained } from "../../workers/quote-explained.js";
import { toldForPeople } from "./quote-told.js";

/** What `floe explain --json` prints. */
export interface Explained {
  readonly quote: QuoteResult | null;
  /** Why a past message was not evaluated again. */
  readonly notEvaluated: string | null;
  readonly carriers: readonly CarrierExplained[];
  readonly strategy: string | null;
  /** Of a past message: its record. */
  readonly decided: DecidedMessage | null;
  readonly source: string;
}

export function toldExplained(explained: Explained): string {
  const { decided, quote, carriers, strategy, notEvaluated } = explained;
  const lines: string[] = [];
  if (decided !== null) lines.push(...decidedTold(decided), "");
  if (quote !== null) {
    if (decided !== null) lines.push(bold("Decided again, by the same tables and the same time"));
    // The order of carriers stands in the table below.
    lines.push(toldForPeople({ ...quote, carriers: [] }, explained.source));
    lines.push(`strategy  ${strategy ?? "none"}`, "", carriersTold(carriers, quote.currency));
  } else if (notEvaluated !== null) lines.push(`Not decided again: ${notEvaluated}.`);
  return lines.join("\n");
}

function carriersTold(carriers: readonly CarrierExplained[], currency: string | null): string {
  const rows = [...carriers]
    .sort((one, other) => (one.place ?? 99) - (other.place ?? 99))
    .map((one): Cell[] => [
      one.place === null ? "-" : `${one.place}.`,
      one.carrier,
      one.cost === null ? "-" : `${one.cost} ${one.costCurrency ?? ""}`,
      one.costInCurrency ?? "-",
      one.score === null ? "-" : String(one.score),
      one.removedBy?.replaceAll("_", " ") ?? "",
    ]);
  const heads = ["try", "carrier", "cost", `in ${currency ?? "?"}`, "points", "removed by"];
  return table(heads, rows);
}

function decidedTold(decided: DecidedMessage): string[] {
  const bad = decided.state === "REJECTED" || decided.state === "UNDELIVERABLE";
  const state = paint(bad ? "red" : "green", decided.state);
  const rows: [string, string][] = [
    ["message", decided.messageId],
    ["state", decided.reason === "" ? state : `${state}, ${decided.reason}`],
    ["accepted", `${decided.acceptedAt} of account ${decided.account}, plan ${decided.plan}`],
    ["carriers", decided.carriers.join(", ") || "none"],
    ["rule", `${decided.rule || "none"}, table set ${decided.tablesVersion}`],
    ["price", amount(decided.price, decided.currency) + charged(decided)],
    ["cost", amount(decided.cost, decided.costCurrency)],
    ["text", `${decided.encoding}, ${decided.segments} segments`],
    ["sender", sendersTold(decided)],
  ];
  if (decided.flags.length > 0) rows.push(["noted", decided.flags.join(", ")]);
  const lines = rows.map(([label, value]) => `${label.padEnd(10)}${value}`);
  if (decided.attempts.length === 0) return lines;
  const attempts = decided.attempts.map((one): Cell[] => [
    one.at,
    one.carrier,
    one.kind.toLowerCase().replaceAll("_", " "),
    one.parts > 0 ? `${one.part}/${one.parts}` : "",
    one.state,
    [
      one.error === 0 ? "" : `error ${one.error} ${one.errorText}`.trimEnd(),
      ...Object.entries(one.tlvs).map(([name, value]) => `${name}=${value}`),
    ]
      .filter((text) => text !== "")
      .join(" "),
  ]);
  return [...lines, "", table(["at", "carrier", "event", "part", "state", ""], attempts)];
}

function amount(value: string, currency: string): string {
  return value === "" ? "none" : `${value} ${currency}`;
}

function charged({ charged, currency, price }: DecidedMessage): string {
  return price === "" ? "" : `, charged ${amount(charged, currency)}`;
}

function sendersTold({ sender, sentSender }: DecidedMessage): string {
  return sentSender === "" ? sender : `${sender}, sent as ${sentSender}`;
}
