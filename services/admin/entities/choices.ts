/** Choices: values of the API's enums and the words or numbers that are stored for them. */
import type { Problems } from "../problems.js";

/** Stored values by the enum's numbers; place 0 is what UNSPECIFIED counts as. */
export type Choices<T> = readonly T[];

/** The stored value; a number that the enum does not have is a problem. */
export function chosen<T>(
  choices: Choices<T>,
  value: number,
  field: string,
  problems: Problems,
): T {
  const found = choices[value];
  if (found !== undefined) return found;
  problems.add(field, "is none of the choices");
  return choices[0]!;
}

/** The enum's number of a stored value. */
export function numberOf<T>(choices: Choices<T>, stored: T): number {
  return choices.indexOf(stored, 1);
}

/** Numbers above 0 of a repeated enum, each once. */
export function numbers(values: readonly number[]): number[] {
  return [...new Set(values)];
}

export const CHANNEL_CHOICES = ["sms", "sms", "fax"] as const satisfies Choices<string>;
