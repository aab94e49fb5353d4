/** Whole: whole numbers in flags and arguments, told by their name where they are none. */
import { FloeError } from "../../core/errors.js";

/** What accounts, plans and most fields of the API are: more does not fit into a call. */
export const UINT32_MAX = 0xffff_ffff;

/** @throws FloeError "settings.invalid" naming `name` and what may be. */
export function wholeOf(text: string, name: string, min = 0, max = UINT32_MAX): number {
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(value) && value >= min && value <= max) return value;
  const problem = `${name} must be a whole number from ${min} to ${max}.`;
  throw new FloeError("settings.invalid", { problems: [problem] });
}
