/**
 * Entity fields: entities of the admin API as plain JSON for people, and back.
 *
 * Enums are their words in lower case without the prefix ("stopped"), times RFC 3339, revisions
 * numbers; what is unspecified or empty is left out. `null` says: as if it were not there.
 */
import { FloeError } from "../../core/errors.js";
import { UINT32_MAX } from "./whole.js";

/** Numbers of an enum by its generated names. */
export type EnumNumbers = Readonly<Record<string, number>>;

export type Field =
  | { readonly kind: "number" | "yes" | "texts" | "numbers" | "time" | "plain" }
  /** `inFile`: too long or too secret for the command line, where a file with it is named. */
  | { readonly kind: "text"; readonly inFile?: true }
  | { readonly kind: "choice" | "choices"; readonly of: EnumNumbers }
  /** A map from texts to words of an enum. */
  | { readonly kind: "choiceMap"; readonly of: EnumNumbers }
  /** A message of its own, or a list of them. */
  | { readonly kind: "group" | "groups"; readonly fields: Fields };

export interface Fields {
  readonly [name: string]: Field;
}
export type Plain = Record<string, unknown>;

/** Words of an enum by number, without the prefix that all its names share. */
export function wordsOf(of: EnumNumbers): Readonly<Record<number, string>> {
  const names = Object.entries(of).filter(([, number]) => number >= 0);
  const prefix = names.find(([, number]) => number === 0)![0].replace(/UNSPECIFIED$/, "");
  return Object.fromEntries(
    names.map(([name, number]) => [
      number,
      number === 0 ? "" : name.slice(prefix.length).toLowerCase(),
    ]),
  );
}

/** A message for people. */
export function plainOf(fields: Fields, message: Plain): Plain {
  const plain = plainFields(fields, message);
  const { revision, changedBy, changedAt } = message;
  if (typeof revision === "bigint") plain["revision"] = Number(revision);
  if (changedBy) plain["changedBy"] = changedBy;
  if (changedAt instanceof Date) plain["changedAt"] = changedAt.toISOString();
  return plain;
}

function plainFields(fields: Fields, message: Plain): Plain {
  const plain: Plain = {};
  for (const [name, field] of Object.entries(fields)) {
    const told = toldValue(field, message[name]);
    const isList = Array.isArray(told) || field.kind === "choiceMap";
    const isEmpty = told === undefined || told === "";
    if (!isEmpty && !(isList && Object.keys(told as object).length === 0)) plain[name] = told;
  }
  return plain;
}

function toldValue(field: Field, value: unknown): unknown {
  switch (field.kind) {
    case "group":
      return value === undefined ? undefined : plainFields(field.fields, value as Plain);
    case "groups":
      return (value as Plain[]).map((one) => plainFields(field.fields, one));
    case "choice":
      return wordsOf(field.of)[value as number];
    case "choices":
      return (value as number[]).map((one) => wordsOf(field.of)[one]);
    case "choiceMap": {
      const words = wordsOf(field.of);
      const entries = Object.entries(value as Record<string, number>);
      return Object.fromEntries(entries.map(([key, one]) => [key, words[one]]));
    }
    case "time":
      return value instanceof Date ? value.toISOString() : undefined;
    default:
      return value;
  }
}

/**
 * The fields of a message that `plain` names.
 * @throws FloeError "settings.invalid" naming each that is unknown or not as it must be.
 */
export function messageOf(fields: Fields, plain: Plain): Plain {
  const problems: string[] = [];
  const message = readFields(fields, plain, "", problems);
  if (problems.length > 0) throw new FloeError("settings.invalid", { problems });
  return message;
}

/** Told by the service; an update takes the revision from what it read. */
const TOLD = ["revision", "changedBy", "changedAt"];

/** @param path of what holds the fields, with its dot; "": they are the entity's own. */
function readFields(fields: Fields, plain: Plain, path: string, problems: string[]): Plain {
  const message: Plain = {};
  for (const [name, value] of Object.entries(plain)) {
    if (path === "" && TOLD.includes(name)) continue;
    const field = fields[name];
    if (field === undefined) {
      problems.push(`${path}${name} is not a field; there are ${Object.keys(fields).join(", ")}.`);
    } else if (value === null) {
      message[name] = undefined;
    } else if (field.kind === "group" && isPlain(value)) {
      message[name] = readFields(field.fields, value, `${path}${name}.`, problems);
    } else if (field.kind === "groups" && Array.isArray(value) && value.every(isPlain)) {
      message[name] = value.map((one, at) =>
        readFields(field.fields, one, `${path}${name}[${at}].`, problems),
      );
    } else {
      const read = readValue(field, value);
      if (read === undefined) problems.push(`${path}${name} must be ${wantedOf(field)}.`);
      else message[name] = read;
    }
  }
  return message;
}

function isPlain(value: unknown): value is Plain {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** An update's fields over those that are there: of a group, those that are given. */
export function mergeFields(fields: Fields, there: Plain, changes: Plain): Plain {
  const merged: Plain = { ...there, ...changes };
  for (const [name, field] of Object.entries(fields)) {
    const [old, change] = [there[name], changes[name]];
    if (field.kind === "group" && isPlain(old) && isPlain(change)) {
      merged[name] = mergeFields(field.fields, old, change);
    }
  }
  return merged;
}

function readValue(field: Field, value: unknown): unknown {
  switch (field.kind) {
    case "text":
      return typeof value === "string" ? value : undefined;
    case "number":
      return isUint32(value) ? value : undefined;
    case "yes":
      return typeof value === "boolean" ? value : undefined;
    case "texts":
      return listOf(value, (one) => (typeof one === "string" ? one : undefined));
    case "numbers":
      return listOf(value, (one) => (isUint32(one) ? one : undefined));
    case "time":
      return typeof value === "string" ? timeOf(value) : undefined;
    case "choice":
      return numberOf(field.of, value);
    case "choices":
      return listOf(value, (one) => numberOf(field.of, one));
    case "choiceMap": {
      if (typeof value !== "object" || value === null) return undefined;
      const read = Object.entries(value).map(([key, one]) => [key, numberOf(field.of, one)]);
      return read.some(([, one]) => one === undefined) ? undefined : Object.fromEntries(read);
    }
    case "plain":
      return value;
    case "group":
    case "groups":
      return undefined;
  }
}

/** Anything else would not fit into the call, which then fails with no word of the field. */
function isUint32(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= UINT32_MAX;
}

function listOf<T>(value: unknown, read: (one: unknown) => T | undefined): T[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const all = value.map(read);
  return all.includes(undefined) ? undefined : (all as T[]);
}

function numberOf(of: EnumNumbers, word: unknown): number | undefined {
  const found = Object.entries(wordsOf(of)).find(([, one]) => one === word && one !== "");
  return found === undefined ? undefined : Number(found[0]);
}

/** RFC 3339, or a date: its beginning in UTC. */
export function timeOf(text: string): Date | undefined {
  if (!/^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d))?$/.test(text)) {
    return undefined;
  }
  const at = new Date(text);
  return Number.isNaN(at.getTime()) ? undefined : at;
}

function wantedOf(field: Field): string {
  switch (field.kind) {
    case "choice":
      return `one of ${choicesOf(field.of).join(", ")}`;
    case "choices":
      return `a list of ${choicesOf(field.of).join(", ")}`;
    case "choiceMap":
      return `an object whose values are ${choicesOf(field.of).join(", ")}`;
    case "time":
      return "a date, or a time as in RFC 3339";
    case "yes":
      return "true or false";
    case "texts":
      return "a list of texts";
    case "numbers":
      return `a list of whole numbers from 0 to ${UINT32_MAX}`;
    case "number":
      return `a whole number from 0 to ${UINT32_MAX}`;
    case "group":
      return `an object of ${Object.keys(field.fields).join(", ")}`;
    case "groups":
      return `a list of objects of ${Object.keys(field.fields).join(", ")}`;
    default:
      return "a text";
  }
}

export function choicesOf(of: EnumNumbers): readonly string[] {
  return Object.values(wordsOf(of)).filter((word) => word !== "");
}
