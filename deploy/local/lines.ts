/**
 * Lines: what the parts say, for a person: JSON lines become one readable line each, with the time,
 * the part in its colour, the message, and the facts behind it.
 */
import { appendFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { type Colour, paint } from "../../core/output.js";

const COLOURS: readonly Colour[] = ["cyan", "green", "magenta", "blue", "yellow"];
const ROLE_CHARACTERS = 10;
/** Said by the prefix, or of no use to a person. */
const LEFT_OUT = new Set(["level", "time", "role", "pid", "msg", "err"]);
const LEVEL_COLOURS: Readonly<Record<string, Colour>> = {
  warn: "yellow",
  error: "red",
  fatal: "red",
  debug: "grey",
};

/** Prints the lines of one part; `at` is its place among the parts, which gives the colour. */
export function prettyLines(role: string, at: number, tell: (line: string) => void) {
  const colour = COLOURS[at % COLOURS.length]!;
  const prefix = paint(colour, role.padEnd(ROLE_CHARACTERS));
  return (text: string): void => tell(`${prefix} ${readable(text)}`);
}

/** Appends the lines of one part as they are to `<folder>/<role>.log`. */
export function fileLines(role: string, folder: string) {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${role}.log`);
  return (text: string): void => appendFileSync(path, `${text}\n`);
}

/** One readable line; what is not a JSON object stays as it is. */
export function readable(text: string): string {
  const event = parsed(text);
  if (event === undefined) return text;
  const { level, time, msg, err } = event;
  const colour = LEVEL_COLOURS[`${level}`];
  const told = colour === undefined ? `${msg ?? ""}` : paint(colour, `${msg ?? ""}`);
  const facts = Object.entries(event)
    .filter(([name]) => !LEFT_OUT.has(name))
    .map(([name, value]) => `${name}=${fact(value)}`);
  const clock = typeof time === "string" ? paint("grey", time.slice(11, 23)) : "";
  const cause = errorText(err);
  return [
    clock,
    told,
    facts.length === 0 ? "" : paint("grey", facts.join(" ")),
    cause && paint("red", cause),
  ]
    .filter((part) => part !== "")
    .join("  ");
}

function parsed(text: string): Record<string, unknown> | undefined {
  if (!text.startsWith("{")) return undefined;
  try {
    const event: unknown = JSON.parse(text);
    return typeof event === "object" && event !== null
      ? (event as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

function fact(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

function errorText(err: unknown): string {
  if (typeof err !== "object" || err === null) return "";
  const { message } = err as { message?: unknown };
  return typeof message === "string" ? message : JSON.stringify(err);
}
