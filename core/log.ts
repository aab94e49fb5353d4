/**
 * Log: one JSON line an event on standard output, through pino.
 *
 * Message texts are constant, facts stand in fields named as in the CDR, `err` is for errors.
 * Fields that may hold a number or a body are cut out here, whoever logs them (promise P7).
 */
import { type Logger, pino } from "pino";

export type { Logger } from "pino";
export type LogLevel = "debug" | "info" | "warn" | "error" | "silent";

const REDACTED = [
  "to",
  "from",
  "text",
  "body",
  "message",
  "number",
  "destination",
  "password",
  "key",
];

export function openLog(role: string, level: LogLevel = "info"): Logger {
  // One level down as well, but for `message`: there it is the text of an error (`err.message`),
  // and our errors hold no number and no body.
  const nested = REDACTED.filter((name) => name !== "message").map((name) => `*.${name}`);
  const paths = [...REDACTED, ...nested];
  return pino({
    base: { role, pid: process.pid },
    level,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    redact: { paths, censor: "[redacted]" },
  });
}

/** Logs nothing: for tests and simulation. */
export const SILENT: Logger = pino({ level: "silent" });
