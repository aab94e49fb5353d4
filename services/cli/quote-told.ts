/** Quote told: a quote as people read it: one as a page, many as a line each. */
import { bold, type Cell, paint, table } from "../../core/output.js";
import { isError, type Told } from "./quote-askers.js";

const NONE = "none";
const LABEL_CHARACTERS = 10;
const PART_CHARACTERS_MAX = 60;

/** @param source where the answer comes from. */
export function toldForPeople(told: Told, source: string): string {
  if (isError(told)) return toldInALine(told);
  const network = told.mcc === null ? "network unknown" : `network ${told.mcc} ${told.mnc ?? ""}`;
  const number = [
    told.country ?? "country unknown",
    told.numberType.replaceAll("_", " "),
    network.trim() + (told.ported ? " (ported)" : ""),
  ];
  const rows: [string, string][] = [
    ["to", `${told.to ?? "no number"}  ${number.join(", ")}${told.valid ? "" : "  not valid"}`],
    [told.encoding === "binary" ? "octets" : "text", textTold(told)],
    ["verdict", verdictTold(told.verdict)],
    ["price", amount(told.price, told.currency) + priceRemarks(told)],
  ];
  if ("cost" in told) {
    rows.push(["cost", amount(told.cost, told.costCurrency)]);
    rows.push(["rule", told.rule ?? NONE]);
  }
  rows.push(["rated", `as of ${told.at}, table set ${told.tables.set} of ${source}`]);
  const lines = rows.map(([label, value]) => `${label.padEnd(LABEL_CHARACTERS)}${value}`);
  if ("carriers" in told && told.carriers.length > 0) {
    const carriers = told.carriers.map((carrier, at): Cell[] => [
      `${at + 1}.`,
      carrier,
      told.senders[at] ?? "",
    ]);
    lines.push("", table(["try", "carrier", "sender"], carriers));
  }
  if (told.parts.length > 1) {
    const parts = told.parts.map((part, at): Cell[] => [`${at + 1}.`, shown(part)]);
    lines.push("", table(["part", told.encoding === "binary" ? "octets" : "text"], parts));
  }
  return lines.join("\n");
}

const ENCODINGS = {
  gsm7: ["GSM 7-bit", "septets"],
  ucs2: ["UCS-2", "UTF-16 units"],
  binary: ["binary", "octets"],
} as const;

function textTold(told: Exclude<Told, { error: unknown }>): string {
  const [name, unit] = ENCODINGS[told.encoding];
  const segments = told.segments === 1 ? "1 segment" : `${told.segments} segments`;
  const smart = told.smartEncoded ? ", typographic characters replaced" : "";
  // Of a past message the text is gone, and with it how long it was.
  const units = told.parts.length === 0 ? "" : `${told.units} ${unit}, `;
  return `${name}, ${units}${segments}${smart}`;
}

function verdictTold(verdict: string): string {
  return verdict === "routed" ? paint("green", verdict) : paint("red", verdict);
}

function priceRemarks(told: Exclude<Told, { error: unknown }>): string {
  const remarks = [
    ...(told.chargeBasis === "delivered" ? ["when it is delivered"] : []),
    ...(told.tiered ? ["by volume tier"] : []),
  ];
  return remarks.length === 0 ? "" : ` (${remarks.join(", ")})`;
}

function amount(value: string | null, currency: string | null): string {
  return value === null ? NONE : bold(`${value} ${currency ?? ""}`.trim());
}

/** Line ends and other control characters would break the table. */
function shown(part: string): string {
  const escaped = JSON.stringify(part);
  if (escaped.length <= PART_CHARACTERS_MAX) return escaped;
  return `${escaped.slice(0, PART_CHARACTERS_MAX)}...`;
}

/** One of many. */
export function toldInALine(told: Told): string {
  if (isError(told)) {
    return paint("red", `error: ${`${told.error.field} ${told.error.problem}`.trim()}`);
  }
  const carriers = "carriers" in told ? told.carriers.join(",") || "-" : "";
  return [
    (told.to ?? "-").padEnd(16),
    (told.country ?? "-").padEnd(2),
    `${told.encoding} x${told.segments}`.padEnd(8),
    told.verdict.padEnd(16),
    `${told.price ?? "-"} ${told.currency ?? ""}`.padEnd(12),
    carriers,
  ]
    .join("  ")
    .trimEnd();
}
