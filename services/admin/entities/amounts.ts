/** Amounts: decimal text of the API and the whole numbers that are stored. */
import { formatMicros, parseMicros } from "../../../core/money.js";
import type { Problems } from "../problems.js";

/** Micro-units of a decimal text; empty is 0. */
export function microsOf(text: string, field: string, problems: Problems): number {
  if (text === "") return 0;
  const micros = parseMicros(text);
  if (micros !== undefined && micros >= 0) return micros;
  problems.add(field, 'must be a decimal number from 0, such as "0.0125", at most 6 decimals');
  return 0;
}

/** Empty where nothing was asked for. */
export function amountText(micros: number): string {
  return micros === 0 ? "" : formatMicros(micros);
}

/** A decimal text scaled by 10^`decimals`; undefined: it is none. */
export function scaled(text: string, decimals: number): number | undefined {
  const parts = /^(\d{1,9})(?:\.(\d+))?$/.exec(text);
  if (parts === null || (parts[2] ?? "").length > decimals) return undefined;
  const whole = Number(`${parts[1]}${(parts[2] ?? "").padEnd(decimals, "0")}`);
  return Number.isSafeInteger(whole) ? whole : undefined;
}

/** The inverse of `scaled`, without zeros at the end. */
export function unscaled(value: number, decimals: number): string {
  const digits = String(value).padStart(decimals + 1, "0");
  const fraction = digits.slice(-decimals).replace(/0+$/, "");
  return `${digits.slice(0, -decimals)}${fraction === "" ? "" : `.${fraction}`}`;
}
