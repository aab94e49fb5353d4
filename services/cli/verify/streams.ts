/**
 * Streams against ClickHouse: the logs are whole, and everything that cdr has confirmed is there.
 *
 * In: DECISIONS and ATTEMPTS from the time asked for (or what is left of them) up to the frames that
 * cdr had acked when the look began. Out: findings, and figures of how far each is. Frames are read
 * by ts-proto, not by the code that writes rows: a mistake there cannot hide itself.
 */
import type { ClickHouse } from "../../../core/clickhouse.js";
import { acceptedDay, formatId } from "../../../core/message.js";
import { AttemptFrame, DecisionFrame } from "../../../core/proto/floe/v1/frames.js";
import {
  ATTEMPT_MARKER,
  ATTEMPT_SUBMITTED,
  SETTLEMENT_ADJUST,
  SETTLEMENT_COMMIT,
  SETTLEMENT_CREDIT,
  SETTLEMENT_DEBIT,
  SETTLEMENT_RELEASE,
  SETTLEMENT_TOP_UP,
} from "../../../core/stream/fields.js";
import type { StoredMessage, StreamClient } from "../../../core/stream/stream.js";
import { CDR_CONSUMERS, STREAMS, type StreamName } from "../../../core/subjects.js";
import type { Finding, Range } from "./finding.js";
import { EXAMPLES_MAX } from "./records.js";

export interface StreamFigures {
  readonly stream: StreamName;
  readonly first: number;
  readonly last: number;
  /** Frames that cdr has not inserted; -1: cdr does not read this stream. */
  readonly behind: number;
  /** Frames and records that were compared. */
  readonly frames: number;
  readonly records: number;
}

export const STREAM_CHECKS = [
  { name: "frames-readable", what: "every frame in the logs can be read" },
  { name: "decisions-chained", what: "each decision frame follows the one before it" },
  { name: "decisions-ledger", what: "in the log, too, an account's ledger has no gap" },
  { name: "verdicts-recorded", what: "what was decided and confirmed has a record" },
  { name: "settlements-recorded", what: "money that moved is in the ledger, to the micro-unit" },
  { name: "attempts-recorded", what: "what happened at carriers is in `attempts`" },
  { name: "requests-decided", what: "no accepted message waits undecided past the grace" },
] as const;

/** Keys of one question to ClickHouse: below its limit of 256 KiB for a statement. */
const KEYS_MAX = 1_500;
const KINDS = ["", "INTENT", "SUBMITTED", "REFUSED", "IN_DOUBT", "RECEIPT", "TIMED_OUT"] as const;
const SETTLEMENT_KINDS: Readonly<Record<number, string>> = {
  [SETTLEMENT_COMMIT]: "COMMIT",
  [SETTLEMENT_RELEASE]: "RELEASE",
  [SETTLEMENT_ADJUST]: "ADJUST",
  [SETTLEMENT_TOP_UP]: "TOP_UP",
  [SETTLEMENT_CREDIT]: "CREDIT",
  [SETTLEMENT_DEBIT]: "DEBIT",
};

export interface StreamsLook {
  readonly findings: readonly Finding[];
  readonly figures: readonly StreamFigures[];
}

/** @throws FloeError "stream.*", "clickhouse.*" */
export async function checkStreams(
  client: StreamClient,
  clickhouse: ClickHouse,
  range: Range,
): Promise<StreamsLook> {
  const findings: Finding[] = [];
  const add = (check: string, account: number, messageId: string, text: string): void => {
    if (findings.filter((one) => one.check === check).length >= EXAMPLES_MAX) return;
    findings.push({ check, account, messageId, text });
  };
  const figures: StreamFigures[] = [];
  for (const { name, retention } of STREAMS) {
    const { firstSequence: first, lastSequence: last } = await client.state(name);
    const spec = CDR_CONSUMERS.find(({ stream }) => stream === name);
    let read = { frames: 0, records: 0 };
    let behind = -1;
    if (spec !== undefined) {
      const backlog = await client.backlog(spec);
      behind = backlog.pending + backlog.ackPending;
      // Only what is surely in: an ack comes after the insert.
      const through = behind === 0 ? last : (backlog.ackFloor ?? 0);
      if (retention === "limits" && through >= first) {
        const from = await firstSince(client, name, first, through, range.sinceMs);
        const look = name === "DECISIONS" ? decisionsLook : attemptsLook;
        const of = { stream: name, from, through };
        read = await readThrough(client, of, look(clickhouse, range, add), add);
      }
    }
    if (name === "REQUESTS") await checkWaiting(client, first, last, range, add);
    figures.push({ stream: name, first, last, behind, ...read });
  }
  return { findings, figures };
}

type Add = (check: string, account: number, messageId: string, text: string) => void;

interface Look {
  /** @returns the records in it that were looked at. */
  take(message: StoredMessage): number;
  /** Whether enough is gathered for a question to ClickHouse. */
  full(): boolean;
  /** Asks about what was gathered. */
  ask(): Promise<void>;
}

/** An accepted message that nobody has decided: it lies in REQUESTS, as the oldest there. */
async function checkWaiting(
  client: StreamClient,
  first: number,
  last: number,
  range: Range,
  add: Add,
): Promise<void> {
  if (first > last || first === 0) return;
  const oldest = await client.at("REQUESTS", first);
  if (oldest === undefined || oldest.storedAtMs > range.nowMs - Math.max(range.graceMs, 1)) return;
  const since = new Date(oldest.storedAtMs).toISOString();
  add("requests-decided", 0, "", `frame ${first} of ${oldest.subject} waits since ${since}`);
}

/** The first sequence stored at or after `sinceMs`, or one before it: what is gone counts as later. */
async function firstSince(
  client: StreamClient,
  stream: StreamName,
  first: number,
  last: number,
  sinceMs: number,
): Promise<number> {
  let low = first;
  let high = last;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const found = await client.at(stream, middle);
    if (found !== undefined && found.storedAtMs < sinceMs) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Reads a stream from `from` through `through`, and asks ClickHouse each time that a look is full. */
function readThrough(
  client: StreamClient,
  { stream, from, through }: { stream: StreamName; from: number; through: number },
  look: Look,
  add: Add,
): Promise<{ frames: number; records: number }> {
  const subject = STREAMS.find(({ name }) => name === stream)!.subjects[0]!;
  return new Promise((resolve, reject) => {
    let frames = 0;
    let records = 0;
    let done = false;
    let asking = Promise.resolve();
    const reading = client.read(
      stream,
      subject,
      from,
      (message) => {
        if (done) return;
        if (message.sequence <= through) {
          frames += 1;
          try {
            records += look.take(message);
          } catch {
            // What it says is not told: it may be anything.
            add("frames-readable", 0, "", `frame ${message.sequence} of ${message.subject}`);
          }
          if (look.full()) ask();
        }
        if (message.sequence >= through) finish();
      },
      () => finish(),
    );
    function ask(): void {
      asking = asking.then(() => look.ask());
      // Without this a rejection would be nobody's until the end.
      asking.catch(() => {});
      void reading.then(
        async (one) => {
          one.pause();
          await asking.catch(() => {});
          one.resume();
        },
        () => {},
      );
    }
    function finish(): void {
      if (done) return;
      done = true;
      reading
        .then((one) => one.stop())
        .then(() => asking)
        .then(() => look.ask())
        .then(() => resolve({ frames, records }), reject);
    }
    reading.catch(reject);
  });
}

interface Key {
  readonly account: number;
  readonly day: number;
  readonly id: string;
}

function decisionsLook(clickhouse: ClickHouse, range: Range, add: Add): Look {
  let verdicts: Key[] = [];
  let settlements: { key: Key; sequence: bigint; text: string }[] = [];
  const lastOf = new Map<string, number>();
  const ledgerOf = new Map<number, bigint>();

  function chain(frame: DecisionFrame, { subject, sequence }: StoredMessage): void {
    const before = lastOf.get(subject);
    lastOf.set(subject, sequence);
    // What lies before the first frame that is still there may be purged.
    if (before === undefined || Number(frame.previousSequence) === before) return;
    add(
      "decisions-chained",
      0,
      "",
      `frame ${sequence} of ${subject} follows ${frame.previousSequence}, before it lies ${before}`,
    );
  }

  return {
    take(message) {
      const frame = DecisionFrame.decode(message.data);
      chain(frame, message);
      for (const { account, ledgerSequence } of frame.settlements) {
        const before = ledgerOf.get(account);
        ledgerOf.set(account, ledgerSequence);
        if (before === undefined || ledgerSequence === before + 1n) continue;
        if (range.account !== 0 && range.account !== account) continue;
        const text = `in frame ${message.sequence} entry ${ledgerSequence} follows ${before}`;
        add("decisions-ledger", account, "", text);
      }
      for (const { messageId, acceptedAtMs, account, state } of frame.records) {
        const atMs = Number(acceptedAtMs);
        if (state === 0 || !isIn(range, atMs, account)) continue;
        verdicts.push({ account, day: acceptedDay(atMs), id: formatId(messageId) });
      }
      for (const one of frame.settlements) {
        const atMs = Number(one.acceptedAtMs);
        const kind = SETTLEMENT_KINDS[one.kind];
        if (kind === undefined || !isIn(range, atMs, one.account)) continue;
        const key = { account: one.account, day: acceptedDay(atMs), id: idOf(one.messageId) };
        settlements.push({
          key,
          sequence: one.ledgerSequence,
          text: `${kind} ${one.amountMicros} ${one.balanceAfterMicros}`,
        });
      }
      return frame.records.length + frame.settlements.length;
    },
    full: () => verdicts.length + settlements.length >= 4 * KEYS_MAX,
    async ask() {
      const [keys, moved] = [verdicts, settlements];
      verdicts = [];
      settlements = [];
      for (const some of chunks(keys)) {
        const rows = await clickhouse.query<{ message_id: string }>(
          "SELECT message_id FROM cdr_rows WHERE verdict != 0 " +
            `AND (account, accepted_day, message_id) IN (${some.map(tuple).join(",")})`,
        );
        const there = new Set(rows.map(({ message_id }) => message_id));
        for (const { account, id } of some) {
          if (!there.has(id)) add("verdicts-recorded", account, id, "was decided, has no record");
        }
      }
      for (const some of chunks(moved)) {
        const list = some.map(({ key, sequence }) => `(${key.account},${sequence})`).join(",");
        const rows = await clickhouse.query<Readonly<Record<string, string>>>(
          "SELECT account, ledger_sequence, message_id, toString(kind) AS kind, amount_micros, " +
            `balance_after_micros FROM ledger FINAL WHERE (account, ledger_sequence) IN (${list})`,
        );
        const there = new Map(
          rows.map((row) => [
            `${row["account"]}/${row["ledger_sequence"]}`,
            `${row["kind"]} ${row["amount_micros"]} ${row["balance_after_micros"]} ${row["message_id"]}`,
          ]),
        );
        for (const { key, sequence, text } of some) {
          const row = there.get(`${key.account}/${sequence}`);
          if (row === `${text} ${key.id}`) continue;
          const told = row === undefined ? "nothing" : row;
          const what = `ledger entry ${sequence} is ${text} in the log, ${told} in ClickHouse`;
          add("settlements-recorded", key.account, key.id, what);
        }
      }
    },
  };
}

function attemptsLook(clickhouse: ClickHouse, range: Range, add: Add): Look {
  let events: { key: Key; name: string }[] = [];
  return {
    take(message) {
      const frame = AttemptFrame.decode(message.data);
      for (const one of frame.records) {
        const atMs = Number(one.acceptedAtMs);
        if (one.kind === ATTEMPT_MARKER || one.messageId.length !== 16) continue;
        if (KINDS[one.kind] === undefined || !isIn(range, atMs, one.account)) continue;
        const key = { account: one.account, day: acceptedDay(atMs), id: formatId(one.messageId) };
        // Of a submission each part's carrier id is a row of its own.
        const ids = one.kind === ATTEMPT_SUBMITTED ? one.carrierIds : [""];
        for (const carrierId of ids) {
          events.push({ key, name: `${key.id} ${KINDS[one.kind]} ${one.hop} ${carrierId}` });
        }
      }
      return frame.records.length;
    },
    full: () => events.length >= 4 * KEYS_MAX,
    async ask() {
      const all = events;
      events = [];
      for (const some of chunks(all)) {
        const list = [...new Set(some.map(({ key }) => `'${key.id}'`))].join(",");
        const days = [...new Set(some.map(({ key }) => `toDate(${key.day})`))].join(",");
        const rows = await clickhouse.query<{ name: string }>(
          "SELECT concat(toString(message_id), ' ', toString(kind), ' ', toString(hop), ' ', " +
            "if(kind = 'SUBMITTED', carrier_id, '')) AS name FROM attempts " +
            `WHERE toDate(accepted_at) IN (${days}) AND message_id IN (${list})`,
        );
        const there = new Set(rows.map(({ name }) => name));
        for (const { key, name } of some) {
          if (there.has(name)) continue;
          const [, kind, hop] = name.split(" ");
          add("attempts-recorded", key.account, key.id, `${kind} of hop ${hop} is not recorded`);
        }
      }
    },
  };
}

function isIn(range: Range, atMs: number, account: number): boolean {
  const mine = range.account === 0 || range.account === account;
  return mine && atMs >= range.sinceMs && atMs < range.untilMs;
}

/** Ids of money that is of no message are empty. */
function idOf(bytes: Uint8Array): string {
  return bytes.length === 16 ? formatId(bytes) : "00000000-0000-0000-0000-000000000000";
}

function tuple({ account, day, id }: Key): string {
  return `(${account},toDate(${day}),'${id}')`;
}

function* chunks<T>(all: readonly T[]): Generator<readonly T[]> {
  for (let at = 0; at < all.length; at += KEYS_MAX) yield all.slice(at, at + KEYS_MAX);
}
