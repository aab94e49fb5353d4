/**
 * Settings: the only file that looks at the environment.
 *
 * A service lists its settings in a table: name with unit, bounds, default, a sentence of help.
 * `loadSettings` reads it, reports every problem at once, and freezes the result. A problem never
 * repeats the value: it may be a secret in the wrong place.
 */
import { z } from "zod";
import { FloeError } from "./errors.js";

export type Name = `FLOE_${string}`;
export type Setting<T> = Readonly<{ name: Name; help: string; schema: z.ZodType<T> }>;
export type SettingsTable = Readonly<Record<string, Setting<unknown>>>;
export type Settings<T extends SettingsTable> = {
  readonly [K in keyof T]: z.output<T[K]["schema"]>;
};
export type Environment = Readonly<Record<string, string | undefined>>;

/** Logs, JSON and error texts cannot show its value; only `reveal` gives it. */
export type Secret = Readonly<{ reveal(): string }>;
type Bounds = Readonly<{ min: number; max: number; default?: number }>;

export function integer(name: Name, bounds: Bounds, help: string): Setting<number> {
  const wanted = `must be a whole number from ${bounds.min} to ${bounds.max}`;
  // Digits are asked for because Number("") is 0: an empty variable would pass for a number.
  const digits = z.string().regex(/^-?\d+$/, wanted);
  const bounded = z.int(wanted).min(bounds.min, wanted).max(bounds.max, wanted);
  return { name, help, schema: raw(bounds.default).pipe(digits).transform(Number).pipe(bounded) };
}

/** Always required: a secret with a default is none. */
export function secret(name: Name, help: string): Setting<Secret> {
  const filled = raw().pipe(z.string().min(1, "is empty"));
  return { name, help, schema: filled.transform((value) => ({ reveal: () => value })) };
}

/**
 * @param tables those of all services: a FLOE_ name that none of them knows is a problem.
 * @throws FloeError "settings.invalid"; `problems` lists every missing, malformed or unknown name.
 */
export function loadSettings<T extends SettingsTable>(
  table: T,
  tables: readonly SettingsTable[],
  env: Environment = process.env,
): Settings<T> {
  const settings = [table, ...tables].flatMap((one) => Object.values(one));
  const known = new Set<string>(settings.map(({ name }) => name));
  const problems = Object.keys(env)
    .filter((name) => name.startsWith("FLOE_") && !known.has(name))
    .map((name) => `${name} is not a setting.`);
  const values: Record<string, unknown> = {};
  for (const [key, { name, help, schema }] of Object.entries(table)) {
    const parsed = schema.safeParse(env[name]);
    if (parsed.success) values[key] = parsed.data;
    else problems.push(`${name} ${parsed.error.issues[0]!.message}. ${help}`);
  }
  if (problems.length > 0) throw new FloeError("settings.invalid", { problems });
  return Object.freeze(values) as Settings<T>;
}

/** A text; `fallback` undefined: required. */
export function text(name: Name, help: string, fallback?: string): Setting<string> {
  const schema = fallback === undefined ? z.string("is required") : z.string().default(fallback);
  return { name, help, schema: schema.pipe(z.string().min(1, "is empty")) };
}

/** A text that may be absent; "" then. */
export function optional(name: Name, help: string): Setting<string> {
  return { name, help, schema: z.string().default("") };
}

/** One of `choices`, the first of them the default. */
export function choice<const C extends string>(
  name: Name,
  choices: readonly [C, ...C[]],
  help: string,
): Setting<C> {
  const wanted = `must be one of ${choices.join(", ")}`;
  return { name, help, schema: z.enum(choices, wanted).default(choices[0]) as z.ZodType<C> };
}

/** The environment of this process, for starting another one with it. */
export function environment(): Record<string, string | undefined> {
  return { ...process.env };
}

/** What the environment holds. A default takes the same way, so its own bounds hold for it too. */
function raw(fallback?: number): z.ZodType<string> {
  return fallback === undefined ? z.string("is required") : z.string().default(String(fallback));
}
