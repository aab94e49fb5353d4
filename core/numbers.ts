/**
 * Numbers that people write to, and whose they are: the bucket `floe_numbers`.
 *
 * Three kinds of entries: one number, a range of numbers of equal length, and a keyword on a number
 * that accounts share. Numbers are digits without "+"; short codes have three or more.
 */
import { z } from "zod";
import { parser } from "./configuration.js";
import { NUMBER_DIGITS_MAX } from "./limits.js";

const digits = z
  .string()
  .regex(new RegExp(`^\\d{3,${NUMBER_DIGITS_MAX}}$`), "must be 3 to 15 digits");
/** What `plainKeyword` makes: letters and digits of any script. */
const keyword = z
  .string()
  .regex(/^[\p{L}\p{M}\p{N}]{0,32}$/u, "must be up to 32 letters and digits");

const assignment = z
  .strictObject({
    /** First and last number; equal for one. */
    from: digits,
    to: digits,
    account: z.int().min(1).max(0xffff_ffff),
    /** Only messages that begin with this word; "": all others. One number only. */
    keyword,
    changedBy: z.string().optional(),
    changedAtMs: z.int().min(0).optional(),
  })
  .refine(({ from, to }) => from.length === to.length && from <= to, {
    path: ["to"],
    error: "must be as long as the first number, and not before it",
  })
  .refine((one) => one.keyword === "" || one.from === one.to, {
    path: ["keyword"],
    error: "is for one number, not for a range",
  });
export type NumberAssignment = z.output<typeof assignment>;

export const parseAssignment = parser("number", assignment);

export function checkAssignment(value: unknown) {
  return assignment.safeParse(value);
}

/** The key of an entry: what it is about. */
export function assignmentKey(one: Pick<NumberAssignment, "from" | "to" | "keyword">): string {
  if (one.keyword !== "") {
    return `keyword.${one.from}.${Buffer.from(one.keyword, "utf8").toString("hex")}`;
  }
  return one.from === one.to ? `number.${one.from}` : `range.${one.from}.${one.to}`;
}

/** A number as entries have it: "+" and a leading "00" are no part of it. */
export function plainNumber(number: string): string {
  const digitsOnly = number.replaceAll(/[\s().-]/g, "");
  if (digitsOnly.startsWith("+")) return digitsOnly.slice(1);
  return digitsOnly.startsWith("00") ? digitsOnly.slice(2) : digitsOnly;
}

/** A word as keywords have it: upper case, letters and digits only. */
export function plainKeyword(word: string): string {
  return word
    .normalize("NFKC")
    .toUpperCase()
    .replaceAll(/[^\p{L}\p{M}\p{N}]/gu, "");
}
