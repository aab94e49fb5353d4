/**
 * Guards: what an account may do: where to, in which class, at what price, and by which carriers not.
 *
 * In: the guard rows of a table set. Out: the guard of an account by number, and its answers by
 * index: a message asks for a country's action and each candidate whether it is barred.
 */
import { FloeError } from "../core/errors.js";
import {
  COUNTRY_CODES,
  COUNTRY_UNKNOWN,
  countryCode,
  type NumberKeys,
  numberKeys,
  numberOf,
} from "./codes.js";
import type { TableNames } from "./rules.js";
import type { GuardRow, TableSource } from "./source.js";

export const ACTION = { allow: 0, block: 1, monitor: 2 } as const;

export interface Guards {
  readonly accounts: NumberKeys;
  /** ACTION by guard and country code (codes.ts). */
  readonly actions: Uint8Array;
  /** Bit n: traffic class n may be sent. */
  readonly classes: Uint8Array;
  /** Of a whole message, in the plan's currency; 0: no ceiling. */
  readonly ceilings: Float64Array;
  /** By guard and carrier: 1 if the account's traffic must not go there. */
  readonly never: Uint8Array;
  /** By guard: 1 if there is any such carrier. */
  readonly bars: Uint8Array;
  readonly carriers: number;
}

const ALL_CLASSES = 0b1111;

/** @throws FloeError "tables.invalid" with `problems`. */
export function compileGuards(source: TableSource): Uint8Array {
  const problems = problemsOfGuards(source);
  if (problems.length > 0) throw new FloeError("tables.invalid", { problems });
  return Buffer.from(JSON.stringify(source.guards), "utf8");
}

/** What is wrong with the guards, a sentence each. */
export function problemsOfGuards({
  guards,
  carriers,
}: Pick<TableSource, "guards" | "carriers">): string[] {
  const problems: string[] = [];
  const accounts = new Set<number>();
  const names = new Set(carriers.map(({ name }) => name));
  for (const [row, guard] of guards.entries()) {
    const where = `guards[${row}]`;
    if (!(guard.account > 0 && guard.account < 2 ** 32)) problems.push(`${where} account: is none`);
    if (accounts.has(guard.account)) problems.push(`${where} account: has a guard already`);
    accounts.add(guard.account);
    for (const [country, action] of Object.entries(guard.countries)) {
      if (countryCode(country) === COUNTRY_UNKNOWN) {
        problems.push(`${where} countries: ${country} is no ISO 3166-1 alpha-2 code`);
      }
      if (!Object.hasOwn(ACTION, action))
        problems.push(`${where} countries: ${action} is no action`);
    }
    if (!Object.hasOwn(ACTION, guard.otherCountries)) {
      problems.push(`${where} otherCountries: is no action`);
    }
    if (!Number.isSafeInteger(guard.priceCeilingMicros) || guard.priceCeilingMicros < 0) {
      problems.push(`${where} priceCeilingMicros: is not a whole number from 0`);
    }
    if (!guard.trafficClasses.every((one) => one >= 1 && one <= 3)) {
      problems.push(`${where} trafficClasses: has one that is none`);
    }
    for (const carrier of guard.neverCarriers) {
      if (!names.has(carrier)) problems.push(`${where} neverCarriers: ${carrier} is no carrier`);
    }
  }
  return problems;
}

export function openGuards(bytes: Uint8Array, names: TableNames): Guards {
  const rows = JSON.parse(Buffer.from(bytes).toString("utf8")) as GuardRow[];
  const carriers = names.carriers.length;
  const actions = new Uint8Array(rows.length * COUNTRY_CODES);
  const never = new Uint8Array(rows.length * carriers);
  for (const [index, row] of rows.entries()) {
    const base = index * COUNTRY_CODES;
    actions.fill(ACTION[row.otherCountries], base, base + COUNTRY_CODES);
    for (const [country, action] of Object.entries(row.countries)) {
      actions[base + countryCode(country)] = ACTION[action];
    }
    for (const carrier of row.neverCarriers) {
      never[index * carriers + names.carriers.indexOf(carrier)] = 1;
    }
  }
  return {
    accounts: numberKeys(rows.map(({ account }, index) => [account, index + 1])),
    actions,
    classes: Uint8Array.from(rows, ({ trafficClasses }) =>
      trafficClasses.length === 0
        ? ALL_CLASSES
        : trafficClasses.reduce((bits, one) => bits | (1 << one), 0),
    ),
    ceilings: Float64Array.from(rows, (row) => row.priceCeilingMicros),
    never,
    bars: Uint8Array.from(rows, (row) => (row.neverCarriers.length > 0 ? 1 : 0)),
    carriers,
  };
}

/** The account's guard, an index; -1 if it has none. */
export function guardOf(guards: Guards, account: number): number {
  return numberOf(guards.accounts, account) - 1;
}

/** ACTION for messages to a country (code; COUNTRY_UNKNOWN counts as one of the others). */
export function actionOf(guards: Guards, guard: number, country: number): number {
  return guards.actions[guard * COUNTRY_CODES + country]!;
}

/** @param trafficClass 1 to 3. */
export function allowsClass(guards: Guards, guard: number, trafficClass: number): boolean {
  return (guards.classes[guard]! & (1 << trafficClass)) !== 0;
}

/** Whether `neverCarrier` says so of any. */
export function barsCarriers(guards: Guards, guard: number): boolean {
  return guards.bars[guard] === 1;
}

export function neverCarrier(guards: Guards, guard: number, carrier: number): boolean {
  return guards.never[guard * guards.carriers + carrier] === 1;
}
