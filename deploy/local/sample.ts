/**
 * Sample: sends the thousand messages of sample/messages.csv through the gRPC API, as a customer
 * would, and waits until each has its end in ClickHouse.
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parse } from "csv-parse/sync";
import type { ClickHouse } from "../../core/clickhouse.js";
import { type Clock, SYSTEM_CLOCK, sleep } from "../../core/clock.js";
import { isFloeError } from "../../core/errors.js";
import { progress } from "../../core/output.js";
import { type Message, TrafficClass } from "../../core/proto/floe/v1/messaging.js";
import { openSender, type Sender, violations } from "../../services/cli/grpc.js";
import type { LocalJson } from "../../services/cli/local-system.js";
import { whereRun } from "./report.js";

const FILE = fileURLToPath(new URL("../../../deploy/local/sample/messages.csv", import.meta.url));
const CLASSES: Readonly<Record<string, TrafficClass>> = {
  authentication: TrafficClass.TRAFFIC_CLASS_AUTHENTICATION,
  transactional: TrafficClass.TRAFFIC_CLASS_TRANSACTIONAL,
  promotional: TrafficClass.TRAFFIC_CLASS_PROMOTIONAL,
};
/** Messages of one call: enough calls that a person sees the bar move. */
const BATCH = 50;
const TRIES_MAX = 20;
const TRY_PAUSE_MS = 500;
const POLL_MS = 250;
/** Receipts of the simulators take well below a second; retries at them some more. */
export const RECEIPTS_MS_MAX = 120_000;
/** Money is settled by the owner once it has read the receipt: a moment after it. */
const SETTLE_MS_MAX = 15_000;

export interface Sent {
  /** Ids of the accepted messages. */
  readonly ids: readonly string[];
  /** Refused at the door, by the field that was wrong. */
  readonly refused: Readonly<Record<string, number>>;
}

/** @param run names this sending of the sample: a tag of each message, by which its CDRs are found. */
export function readSample(run: string, path = FILE): readonly Message[] {
  const rows = parse(readFileSync(path, "utf8"), { columns: true }) as Record<string, string>[];
  return rows.map((row) => ({
    to: row["to"] ?? "",
    from: row["from"] ?? "",
    body: { $case: "text", text: row["text"] ?? "" },
    trafficClass: CLASSES[row["traffic_class"] ?? ""] ?? 0,
    idempotencyKey: "",
    clientReference: row["client_reference"] ?? "",
    validitySeconds: 0,
    receipt: 0,
    tags: { run },
    flash: false,
  }));
}

/** Draws a bar. @throws FloeError "stream.unavailable" if the gateway takes nothing for long. */
export async function sendSample(
  { grpc, apiKey }: LocalJson,
  messages: readonly Message[],
  withBar: boolean,
): Promise<Sent> {
  const sender = openSender(grpc, apiKey);
  const bar = withBar ? progress("sending ", messages.length) : undefined;
  const ids: string[] = [];
  const refused: Record<string, number> = {};
  try {
    for (let at = 0; at < messages.length; at += BATCH) {
      const batch = messages.slice(at, at + BATCH);
      for (const { result } of await sendPatiently(sender, batch)) {
        if (result?.$case === "messageId") ids.push(result.messageId);
        else {
          const [wrong] = violations(result?.error);
          // "messages[7].to" is told as "to": it is the rule that counts here.
          const field = wrong?.field.replace(/^.*\./, "") ?? "other";
          refused[field] = (refused[field] ?? 0) + 1;
        }
      }
      bar?.at(Math.min(at + BATCH, messages.length));
    }
  } finally {
    bar?.end();
    sender.close();
  }
  return { ids, refused };
}

/** A busy gateway asks callers to come back: so does this one, as every client should. */
async function sendPatiently(sender: Sender, batch: Message[], clock: Clock = SYSTEM_CLOCK) {
  for (let tries = 1; ; tries += 1) {
    try {
      return await sender.sendBatch(batch);
    } catch (error) {
      const status = isFloeError(error) ? error.details["status"] : undefined;
      const busy = status === "RESOURCE_EXHAUSTED" || status === "UNAVAILABLE";
      if (!busy || tries >= TRIES_MAX) throw error;
      await sleep(clock, TRY_PAUSE_MS);
    }
  }
}

export interface Ends {
  /** Messages of the run that have a CDR in a terminal state. */
  readonly terminal: ReadonlySet<string>;
  /** How many of these have been charged or released as well. */
  readonly settled: number;
}

/**
 * Waits until all of `ids` have a terminal state in ClickHouse, and then a little for the money; or
 * until time is up, or `giveUp` says so.
 */
export async function waitForEnds(
  clickhouse: ClickHouse,
  run: string,
  ids: readonly string[],
  withBar: boolean,
  giveUp: () => boolean,
  clock: Clock = SYSTEM_CLOCK,
): Promise<Ends> {
  const bar = withBar ? progress("receipts", ids.length) : undefined;
  let untilMs = clock.monotonicMs() + RECEIPTS_MS_MAX;
  let all = false;
  let ends = await readEnds(clickhouse, run);
  while (clock.monotonicMs() < untilMs && !giveUp()) {
    bar?.at(ends.terminal.size);
    if (ends.settled >= ids.length) break;
    if (!all && ids.every((id) => ends.terminal.has(id))) {
      all = true;
      untilMs = Math.min(untilMs, clock.monotonicMs() + SETTLE_MS_MAX);
    }
    await sleep(clock, POLL_MS);
    ends = await readEnds(clickhouse, run);
  }
  bar?.end();
  return ends;
}

async function readEnds(clickhouse: ClickHouse, run: string): Promise<Ends> {
  const rows = await clickhouse.query<{ id: string; settled: number }>(
    `SELECT toString(message_id) AS id,
       state = 'REJECTED' OR charged_micros + released_micros >= price_micros AS settled
     FROM cdr WHERE ${whereRun(run)} AND terminal`,
  );
  return {
    terminal: new Set(rows.map(({ id }) => id)),
    settled: rows.filter(({ settled }) => Number(settled) === 1).length,
  };
}
