/**
 * Entity commands: list, get, create, update and delete, the same for each kind of entity.
 *
 * `create` and `update` take fields from flags, from a JSON file, or both, flags first. An update
 * reads what is there, changes the fields that are given, and writes it under the revision that it
 * read, or that --revision names; somebody else's change in between is an error, not lost.
 */
import { readFileSync } from "node:fs";
import type { Command } from "commander";
import { FloeError } from "../../core/errors.js";
import { type Cell, print, table } from "../../core/output.js";
import type { EntityCommand } from "./entities.js";
import {
  choicesOf,
  type Field,
  type Fields,
  mergeFields,
  messageOf,
  type Plain,
  plainOf,
  timeOf,
} from "./entity-fields.js";
import {
  addOperatorOptions,
  allPages,
  type Operator,
  type OperatorFlags,
  operate,
} from "./operator.js";
import { wholeOf } from "./whole.js";

interface WriteFlags extends OperatorFlags {
  file?: string;
  revision?: string;
  [field: string]: unknown;
}

export function addEntity(to: Command, one: EntityCommand): Command {
  const group = to.command(one.command).description(one.help);
  const key = one.keys.map((name) => `${name.startsWith("[") ? name : `<${name}>`}`).join(" ");
  addOperatorOptions(group.command("list").description(`all of them`)).action(
    (flags: OperatorFlags) => list(one, flags),
  );
  addOperatorOptions(group.command(`get ${key}`).description(`one ${one.word}`)).action(
    (...given: unknown[]) => get(one, keysOf(one, given), flagsIn(given)),
  );
  addWriteOptions(group.command(`create ${key}`).description(`a new ${one.word}`), one).action(
    (...given: unknown[]) => create(one, keysOf(one, given), flagsIn(given)),
  );
  addWriteOptions(
    group.command(`update ${key}`).description(`change fields of ${articleOf(one.word)}`),
    one,
  )
    .option("--revision <number>", "that was read; another is refused (default: read now)")
    .action((...given: unknown[]) => update(one, keysOf(one, given), flagsIn(given)));
  addOperatorOptions(group.command(`delete ${key}`).description(`remove ${articleOf(one.word)}`))
    .option("--revision <number>", "that was read; another is refused (default: read now)")
    .action((...given: unknown[]) => remove(one, keysOf(one, given), flagsIn(given)));
  return group;
}

/** commander gives the arguments, the flags, and the command. */
function flagsIn(given: readonly unknown[]): WriteFlags {
  return given[given.length - 2] as WriteFlags;
}

function keysOf({ keys, fields }: EntityCommand, given: readonly unknown[]): Plain {
  const found: Plain = {};
  for (const [at, written] of keys.entries()) {
    const name = written.replace(/[[\]]/g, "");
    const value = given[at] as string | undefined;
    if (value !== undefined) found[name] = readFlag(fields[name]!, name, value);
  }
  return found;
}

function addWriteOptions(command: Command, { fields, keys }: EntityCommand): Command {
  command.option("--file <path>", 'JSON with fields, as "get --json" tells; "-": standard input');
  for (const [name, field] of Object.entries(fields)) {
    if (keys.some((one) => one.replace(/[[\]]/g, "") === name)) continue;
    if (field.kind === "group") {
      for (const inner of filesOf(field.fields)) {
        command.option(`--${dashed(name)}-${dashed(inner)}-file <path>`, `file with its ${inner}`);
      }
    } else if (isInFile(field)) {
      command.option(`--${dashed(name)}-file <path>`, `file with the ${name}`);
    } else if (field.kind !== "plain" && field.kind !== "groups") {
      command.option(`--${dashed(name)} <value>`, wanted(field));
    }
  }
  return addOperatorOptions(command);
}

function dashed(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** A password among the arguments could be read by others on the machine. */
function isInFile(field: Field): boolean {
  return field.kind === "text" && field.inFile === true;
}

function filesOf(fields: Fields): readonly string[] {
  return Object.keys(fields).filter((name) => isInFile(fields[name]!));
}

function wanted(field: Field): string {
  switch (field.kind) {
    case "choice":
      return choicesOf(field.of).join(", ");
    case "choices":
      return `some of ${choicesOf(field.of).join(", ")}, separated by commas`;
    case "choiceMap":
      return `such as GB=${choicesOf(field.of)[0]},FR=${choicesOf(field.of)[1]}`;
    case "texts":
    case "numbers":
      return "separated by commas; empty: none";
    case "yes":
      return "true or false";
    case "time":
      return "date, or time as in RFC 3339";
    default:
      return field.kind;
  }
}

/** A flag's or argument's text as JSON would say it. */
function readFlag(field: Field, name: string, value: string): unknown {
  const parts = value === "" ? [] : value.split(",").map((part) => part.trim());
  switch (field.kind) {
    case "number":
      return wholeOf(value, name);
    case "yes":
      return value === "true" ? true : value === "false" ? false : value;
    case "numbers":
      return parts.map((part) => wholeOf(part, name));
    case "texts":
    case "choices":
      return parts;
    case "choiceMap":
      return Object.fromEntries(parts.map((part) => part.split("=", 2)));
    case "time":
      return timeOf(value)?.toISOString() ?? value;
    case "choice":
      return value === "" ? null : value;
    default:
      return value;
  }
}

/** Fields from the file, then from flags. */
function given({ fields }: EntityCommand, flags: WriteFlags): Plain {
  const plain: Plain = flags.file === undefined ? {} : readJson(flags.file);
  for (const [name, field] of Object.entries(fields)) {
    const value = flags[name];
    if (typeof value === "string") plain[name] = readFlag(field, name, value);
    const path = flags[`${name}File`];
    if (typeof path === "string") plain[name] = readText(path).trim();
    if (field.kind !== "group") continue;
    for (const inner of filesOf(field.fields)) {
      const innerPath = flags[`${name}${inner[0]!.toUpperCase()}${inner.slice(1)}File`];
      if (typeof innerPath !== "string") continue;
      plain[name] = { ...(plain[name] as Plain | null), [inner]: readText(innerPath) };
    }
  }
  return plain;
}

function readJson(path: string): Plain {
  const text = readText(path);
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Plain;
  } catch {
    // Told below: the parser's words would quote the file.
  }
  throw new FloeError("settings.invalid", { problems: [`${path} is not a JSON object.`] });
}

function readText(path: string): string {
  try {
    return readFileSync(path === "-" ? 0 : path, "utf8");
  } catch (cause) {
    throw new FloeError("settings.invalid", { problems: [`${path} cannot be read.`] }, cause);
  }
}

async function list(one: EntityCommand, flags: OperatorFlags): Promise<void> {
  const { definition, entities, listField } = one;
  const found = await operate(flags, (operator) =>
    allPages<Plain>(operator, definition, `list${entities}`, listField, one.all),
  );
  const plain = found.map((message) => plainOf(one.fields, message));
  const { sortBy } = one;
  if (sortBy !== undefined) plain.sort((a, b) => Number(a[sortBy] ?? 0) - Number(b[sortBy] ?? 0));
  if (flags.json === true) print(JSON.stringify(plain, undefined, 2));
  else print(tableOf(one.fields, one.columns, plain));
}

export function tableOf(
  fields: Fields,
  columns: readonly string[],
  rows: readonly Plain[],
): string {
  const cellOf = (row: Plain, name: string): Cell => {
    const value = row[name];
    if (value === undefined) return "";
    if (Array.isArray(value)) return value.join(" ");
    if (fields[name]?.kind === "choiceMap") {
      return Object.entries(value as Plain)
        .map(([key, word]) => `${key}=${word}`)
        .join(" ");
    }
    return String(value);
  };
  return table(
    columns,
    rows.map((row) => columns.map((name) => cellOf(row, name))),
  );
}

async function read(one: EntityCommand, operator: Operator, keys: Plain): Promise<Plain> {
  const request = messageOf(one.fields, keys);
  const { definition, entity, field } = one;
  return (await operator.call<Record<string, Plain>>(definition, `get${entity}`, request))[field]!;
}

async function get(one: EntityCommand, keys: Plain, flags: OperatorFlags): Promise<void> {
  const message = await operate(flags, (operator) => read(one, operator, keys));
  tell(one, message, flags, "");
}

async function create(one: EntityCommand, keys: Plain, flags: WriteFlags): Promise<void> {
  const message = one.fill(messageOf(one.fields, { ...given(one, flags), ...keys }));
  await operate(flags, async (operator) => {
    const { definition, entity, field } = one;
    const request = { [field]: message };
    const answer = await operator.call<Record<string, Plain>>(
      definition,
      `create${entity}`,
      request,
    );
    tell(one, answer[field]!, flags, "created");
  });
}

async function update(one: EntityCommand, keys: Plain, flags: WriteFlags): Promise<void> {
  const changes = messageOf(one.fields, { ...given(one, flags), ...keys });
  await operate(flags, async (operator) => {
    const { definition, entity, field } = one;
    const there = await read(one, operator, keys);
    const revision = revisionOf(flags) ?? there["revision"];
    const message = one.fill({ ...mergeFields(one.fields, there, changes), revision });
    const request = { [field]: message };
    const answer = await operator.call<Record<string, Plain>>(
      definition,
      `update${entity}`,
      request,
    );
    tell(one, answer[field]!, flags, "updated");
  });
}

async function remove(one: EntityCommand, keys: Plain, flags: WriteFlags): Promise<void> {
  await operate(flags, async (operator) => {
    const revision = revisionOf(flags) ?? (await read(one, operator, keys))["revision"];
    const request = { ...messageOf(one.fields, keys), revision };
    await operator.call(one.definition, `delete${one.entity}`, request);
  });
  if (flags.json === true) print("{}");
  else print(`The ${one.word} is deleted.`);
}

export function revisionOf({ revision }: { revision?: string }): bigint | undefined {
  if (revision === undefined) return undefined;
  return BigInt(wholeOf(revision, "--revision", 1, Number.MAX_SAFE_INTEGER));
}

function tell(one: EntityCommand, message: Plain, flags: OperatorFlags, what: string): void {
  const plain = plainOf(one.fields, message);
  if (flags.json === true) print(JSON.stringify(plain, undefined, 2));
  else if (what === "") {
    const rows = Object.entries(plain).map(([name, value]): Cell[] => [
      name,
      typeof value === "object" ? JSON.stringify(value) : String(value),
    ]);
    print(table(["field", "value"], rows));
  } else print(`The ${one.word} is ${what}: revision ${plain["revision"]}.`);
}

/** "a carrier", "an exchange rate". */
function articleOf(word: string): string {
  return `${/^[aeiou]/.test(word) ? "an" : "a"} ${word}`;
}
