/**
 * Sweep: the clock of messages. What has no terminal state at its deadline is closed.
 *
 * In: `cdr_rows`, asked by query; no process keeps a timer per message. Out: TIMED_OUT records on
 * ATTEMPTS, EXPIRED where nothing was seen of a submission, else UNKNOWN. It judges only messages
 * whose deadline lies before everything that cdr has not inserted yet (`watermark`), so a lagging
 * ClickHouse delays it and falsifies nothing. A record that is published twice says the same twice:
 * its time is the deadline.
 */
import type { ClickHouse } from "../../core/clickhouse.js";
import type { Clock } from "../../core/clock.js";
import type { Logger } from "../../core/log.js";
import { parseId, partitionOf, REASON, STATE } from "../../core/message.js";
import { counter } from "../../core/metrics.js";
import { ATTEMPT, ATTEMPT_FRAME, ATTEMPT_TIMED_OUT } from "../../core/stream/fields.js";
import {
  beginNested,
  endNested,
  type FrameWriter,
  newWriter,
  putBytes,
  putFixed32,
  putFixed64,
  putText,
  written,
} from "../../core/stream/frame.js";
import type { StreamClient } from "../../core/stream/stream.js";
import { attemptSubject, CDR_CONSUMERS, isCarrierName } from "../../core/subjects.js";

export interface SweepOptions {
  readonly clickhouse: ClickHouse;
  readonly client: StreamClient;
  readonly clock: Clock;
  readonly log: Logger;
  readonly processId: string;
  readonly receiptWaitMs: number;
  /** Number of partitions, undefined while it is not known. */
  partitions(): number | undefined;
}

/**
 * One pass.
 * @returns how many messages it closed; BATCH_MAX: there may be more.
 * @throws FloeError "clickhouse.*", "stream.*"
 */
export type Sweep = () => Promise<number>;

/** Messages of one pass. */
export const BATCH_MAX = 10_000;
const RECORDS_MAX = 1_000;
const RECORD_BYTES = 96;

const closedTotal = counter("floe_cdr_swept_total", "Messages that the sweep closed.", ["state"]);

interface Overdue {
  readonly account: number;
  readonly messageId: string;
  readonly acceptedAtMs: number;
  readonly deadlineMs: number;
  readonly carrier: string;
  readonly hop: number;
  /** A submission, or doubt of one. */
  readonly seen: boolean;
}

export function openSweep(options: SweepOptions): Sweep {
  const { clickhouse, client, clock, log, processId, receiptWaitMs } = options;
  const writer = newWriter(RECORDS_MAX * RECORD_BYTES);
  let frames = 0;
  /** Sequence in ATTEMPTS of what was published last. */
  let published = 0;
  /** Nothing is due before, as far as the last look tells. */
  let notBeforeMs = 0;

  return async () => {
    const partitions = options.partitions();
    if (partitions === undefined) return 0;
    const mark = await watermark(client, clock);
    // What was published before must be in ClickHouse, or it would be found overdue again.
    if (mark === undefined || mark.attemptsThrough < published) return 0;
    const beforeMs = Math.min(mark.storedBeforeMs, clock.nowMs());
    if (beforeMs < notBeforeMs) return 0;
    const { overdue, nextMs } = await look(clickhouse, receiptWaitMs, beforeMs);
    // What is not in ClickHouse yet was decided after `beforeMs`, hence before its validity ended.
    const sooner = Math.min(nextMs, beforeMs + receiptWaitMs);
    notBeforeMs = overdue.length === BATCH_MAX ? 0 : sooner;
    for (const group of grouped(overdue, partitions)) {
      writeFrame(writer, group, processId, clock.nowMs());
      frames += 1;
      const ack = await client.publish(group.subject, written(writer), {
        id: `${processId}/sweep/${frames}`,
      });
      published = Math.max(published, ack.sequence);
    }
    if (overdue.length > 0) {
      const unknown = overdue.filter(({ seen }) => seen).length;
      closedTotal.inc({ state: "UNKNOWN" }, unknown);
      closedTotal.inc({ state: "EXPIRED" }, overdue.length - unknown);
      log.info({ closed: overdue.length }, "closed messages whose deadline has passed");
    }
    return overdue.length;
  };
}

/** Every open message is looked at, so it tells as well when the next one will be due. */
const LOOK = `SELECT
  groupArrayIf(${BATCH_MAX})((account, message_id, accepted_at_ms, deadline_ms, carrier, hop, seen),
    deadline_ms < {beforeMs:Int64}) AS overdue,
  minIf(deadline_ms, deadline_ms >= {beforeMs:Int64}) AS next_ms
FROM
(
  SELECT account, message_id, toUnixTimestamp64Milli(accepted_at) AS accepted_at_ms,
    accepted_at_ms + validity_ms + {receiptWaitMs:UInt32} AS deadline_ms,
    splitByChar(',', splitByChar(':', route)[3])[1] AS carrier,
    if(submit = '', 0, reinterpretAsUInt16(reverse(substring(submit, 2, 2)))) AS hop,
    submit != '' OR outcome != '' AS seen
  FROM cdr_rows FINAL
  WHERE bitShiftRight(verdict, 56) BETWEEN 1 AND ${STATE.SUBMITTED}
    AND substring(outcome, 1, 1) < char(${STATE.UNKNOWN})
)`;

interface Look {
  readonly overdue: readonly (readonly [number, string, string, string, string, number, number])[];
  readonly next_ms: string;
}

async function look(clickhouse: ClickHouse, receiptWaitMs: number, beforeMs: number) {
  const [found] = await clickhouse.query<Look>(LOOK, { receiptWaitMs, beforeMs: BigInt(beforeMs) });
  const nextMs = Number(found?.next_ms ?? 0);
  const overdue = (found?.overdue ?? []).map(
    ([account, messageId, acceptedAtMs, deadlineMs, carrier, hop, seen]): Overdue => ({
      account,
      messageId,
      acceptedAtMs: Number(acceptedAtMs),
      deadlineMs: Number(deadlineMs),
      carrier,
      hop,
      seen: seen === 1,
    }),
  );
  // 0 is what min() gives where there is none.
  return { overdue, nextMs: nextMs === 0 ? Number.MAX_SAFE_INTEGER : nextMs };
}

interface Group {
  readonly subject: string;
  readonly partition: number;
  readonly carrier: string;
  readonly messages: readonly Overdue[];
}

/** By subject, at most as many as a frame holds. */
function grouped(overdue: readonly Overdue[], partitions: number): Group[] {
  const groups = new Map<string, { partition: number; carrier: string; messages: Overdue[] }>();
  for (const message of overdue) {
    const { account, carrier } = message;
    if (!isCarrierName(carrier)) continue;
    const partition = partitionOf(account, partitions);
    const subject = attemptSubject(partition, carrier);
    const group = groups.get(subject) ?? { partition, carrier, messages: [] };
    group.messages.push(message);
    groups.set(subject, group);
  }
  return [...groups].flatMap(([subject, { partition, carrier, messages }]) => {
    const cut: Group[] = [];
    for (let at = 0; at < messages.length; at += RECORDS_MAX) {
      cut.push({ subject, partition, carrier, messages: messages.slice(at, at + RECORDS_MAX) });
    }
    return cut;
  });
}

function writeFrame(writer: FrameWriter, group: Group, processId: string, nowMs: number): void {
  writer.at = 0;
  putFixed32(writer, ATTEMPT_FRAME.partition, group.partition);
  putText(writer, ATTEMPT_FRAME.carrier, group.carrier);
  putFixed64(writer, ATTEMPT_FRAME.publishedAtMs, nowMs);
  putText(writer, ATTEMPT_FRAME.writer, processId);
  for (const message of group.messages) {
    const { seen } = message;
    const mark = beginNested(writer, ATTEMPT_FRAME.records);
    putBytes(writer, ATTEMPT.messageId, parseId(message.messageId)!);
    putFixed64(writer, ATTEMPT.acceptedAtMs, message.acceptedAtMs);
    putFixed32(writer, ATTEMPT.account, message.account);
    putFixed32(writer, ATTEMPT.kind, ATTEMPT_TIMED_OUT);
    putFixed32(writer, ATTEMPT.hop, message.hop);
    putFixed64(writer, ATTEMPT.atMs, message.deadlineMs);
    putFixed32(writer, ATTEMPT.state, seen ? STATE.UNKNOWN : STATE.EXPIRED);
    putFixed32(writer, ATTEMPT.error, seen ? REASON.NO_RECEIPT : REASON.EXPIRED);
    endNested(writer, mark);
  }
}

export interface Watermark {
  /** Every frame of DECISIONS and ATTEMPTS that was stored before then is in ClickHouse. */
  readonly storedBeforeMs: number;
  /** Sequence in ATTEMPTS through which everything is. */
  readonly attemptsThrough: number;
}

/**
 * How far cdr (all its processes) has inserted: frames are acked after the insert, so everything up
 * to a consumer's ack floor is in.
 * @returns undefined if that cannot be told.
 */
export async function watermark(
  client: StreamClient,
  clock: Clock,
): Promise<Watermark | undefined> {
  let storedBeforeMs = Number.MAX_SAFE_INTEGER;
  let attemptsThrough = 0;
  for (const spec of CDR_CONSUMERS) {
    if (spec.stream === "USAGE") continue;
    // Asked before the backlog: what is stored later is later.
    const askedAtMs = clock.nowMs();
    const { lastSequence } = await client.state(spec.stream);
    const { pending, ackPending, ackFloor } = await client.backlog(spec);
    let through = lastSequence;
    let beforeMs = askedAtMs;
    if (pending + ackPending > 0) {
      if (ackFloor === undefined) return undefined;
      const next = await client.at(spec.stream, ackFloor + 1);
      // Purged, or of another consumer: nobody knows when it was stored.
      if (next === undefined) return undefined;
      through = ackFloor;
      beforeMs = next.storedAtMs;
    }
    storedBeforeMs = Math.min(storedBeforeMs, beforeMs);
    if (spec.stream === "ATTEMPTS") attemptsThrough = through;
  }
  return { storedBeforeMs, attemptsThrough };
}
