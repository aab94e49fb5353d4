/**
 * Rebuild: the dispatch frames of a decision, made once more from its verdicts and the request
 * frames that it covers. Same records in the same chunks, same identities; marked `again`, so that
 * connectors look each message up before they send it.
 */
import { STATE } from "../../core/message.js";
import { newDispatchedPolicy, readPolicy } from "../../core/outcome-policy.js";
import {
  COVER,
  DECISION_FRAME,
  DISPATCH,
  DISPATCH_FRAME,
  FLAG,
  REQUEST,
  REQUEST_FRAME,
  VERDICT,
} from "../../core/stream/fields.js";
import {
  beginNested,
  endNested,
  type Fields,
  type FrameWriter,
  fixed32Of,
  fixed64Of,
  found,
  newFields,
  newWriter,
  nextField,
  putBytes,
  putFixed32,
  putFixed64,
  putVarint,
  readFields,
  textOf,
  varintOf,
  written,
} from "../../core/stream/frame.js";
import { dispatchSubject, SLOTS } from "../../core/subjects.js";
import { dispatchIdentity, type Outgoing, withHead } from "./plan.js";

/** A request frame that a decision covers. */
export interface CoverOf {
  readonly lane: number;
  readonly sequence: number;
  readonly publishId: string;
  readonly count: number;
}

/** The covers of a decision frame; undefined: it cannot be read. */
export function readCovers(decision: Uint8Array): CoverOf[] | undefined {
  const covers: CoverOf[] = [];
  const fields = newFields();
  for (let at = 0; ; at = found.end) {
    const next = nextField(decision, at, decision.length, DECISION_FRAME.covers);
    if (next === 0) return covers;
    if (next === -1 || !readFields(decision, found.at, found.end, fields)) return undefined;
    covers.push({
      lane: varintOf(fields, COVER.lane),
      sequence: fixed64Of(decision, fields, COVER.sequence),
      publishId: textOf(decision, fields, COVER.publishId),
      count: fixed32Of(decision, fields, COVER.count),
    });
  }
}

/** When it was decided. */
export function decidedAt(decision: Uint8Array): number {
  const fields = newFields();
  readFields(decision, 0, decision.length, fields);
  return fixed64Of(decision, fields, DECISION_FRAME.decidedAtMs);
}

interface Chunk {
  readonly carrier: string;
  readonly place: number;
  readonly writer: FrameWriter;
  readonly once: boolean;
  records: number;
}

const HEAD_BYTES = 256;
const verdict = newFields();
const request = newFields();

/**
 * @param requests data of the covered request frames, in the order of `covers`.
 * @returns undefined if verdicts and requests do not belong together.
 */
export function rebuild(
  partition: number,
  sequence: number,
  decision: Uint8Array,
  covers: readonly CoverOf[],
  requests: readonly Uint8Array[],
): Outgoing[] | undefined {
  const chunks = new Map<string, Chunk>();
  let verdictAt = 0;
  for (const [index, { count }] of covers.entries()) {
    const data = requests[index]!;
    let requestAt = 0;
    for (let one = 0; one < count; one += 1) {
      if (nextField(decision, verdictAt, decision.length, DECISION_FRAME.records) !== 1) return;
      const from = found.at;
      verdictAt = found.end;
      if (!readFields(decision, from, verdictAt, verdict)) return;
      requestAt = requestOf(data, requestAt, decision);
      if (requestAt < 0) return;
      if (fixed32Of(decision, verdict, VERDICT.state) === STATE.ROUTED) {
        putRecord(chunkOf(chunks, decision), decision, from, verdictAt, data);
      }
    }
  }
  const causedAtMs = decidedAt(decision);
  return [...chunks.values()].map(({ carrier, place, writer, once, records }) => {
    const lane = place & 0xff;
    const slot = (place >>> 8) & 0xff;
    const subject = dispatchSubject(carrier, lane, SLOTS[slot] ?? SLOTS[0]);
    const id = dispatchIdentity(partition, sequence, subject, place >>> 16);
    const head = { carrier, lane, slot, causedAtMs, id, again: true, once };
    return { subject, id, records, data: withHead(written(writer), HEAD_BYTES, partition, head) };
  });
}

/**
 * Finds the record with the verdict's id at or behind `at` and reads its fields into `request`.
 * (Records whose id cannot be read have no verdict.) Returns where to go on, -1: there is none.
 */
function requestOf(data: Uint8Array, at: number, decision: Uint8Array): number {
  const id = verdict[2 * VERDICT.messageId]!;
  for (let from = at; nextField(data, from, data.length, REQUEST_FRAME.records) === 1; ) {
    from = found.end;
    readFields(data, found.at, found.end, request);
    const candidate = request[2 * REQUEST.messageId]!;
    if (candidate >= 0 && sameId(decision, id, data, candidate)) return from;
  }
  return -1;
}

function sameId(one: Uint8Array, at: number, other: Uint8Array, otherAt: number): boolean {
  for (let octet = 0; octet < 16; octet += 1) {
    if (one[at + octet] !== other[otherAt + octet]) return false;
  }
  return true;
}

function chunkOf(chunks: Map<string, Chunk>, decision: Uint8Array): Chunk {
  const carrier = textOf(decision, verdict, VERDICT.carrier);
  const place = fixed32Of(decision, verdict, VERDICT.place);
  const name = `${carrier}/${place}`;
  let chunk = chunks.get(name);
  if (chunk === undefined) {
    const writer = newWriter(16 * 1_024);
    writer.at = HEAD_BYTES;
    chunk = { carrier, place, writer, once: isOnce(decision), records: 0 };
    chunks.set(name, chunk);
  }
  chunk.records += 1;
  return chunk;
}

const policy = newDispatchedPolicy();

/** Whether the verdict's message is to be submitted at most once. */
function isOnce(decision: Uint8Array): boolean {
  const at = verdict[2 * VERDICT.policy]!;
  readPolicy(decision, at, at + verdict[2 * VERDICT.policy + 1]!, policy);
  return policy.atMostOnce;
}

/** The verdict in `decision[from, end)`. `plain` is left out: the connector finds out by itself. */
function putRecord(
  { writer }: Chunk,
  decision: Uint8Array,
  from: number,
  end: number,
  data: Uint8Array,
): void {
  const mark = beginNested(writer, DISPATCH_FRAME.records);
  putField(writer, DISPATCH.messageId, decision, verdict, VERDICT.messageId);
  putFixed64(writer, DISPATCH.acceptedAtMs, fixed64Of(decision, verdict, VERDICT.acceptedAtMs));
  putFixed32(writer, DISPATCH.account, fixed32Of(decision, verdict, VERDICT.account));
  putFixed32(writer, DISPATCH.hop, 0);
  putFixed64(writer, DISPATCH.expiresAtMs, fixed64Of(decision, verdict, VERDICT.expiresAtMs));
  putVarint(writer, DISPATCH.encoding, varintOf(verdict, VERDICT.encoding));
  putVarint(writer, DISPATCH.segments, varintOf(verdict, VERDICT.segments));
  putField(writer, DISPATCH.toTok, decision, verdict, VERDICT.toTok);
  putField(writer, DISPATCH.message, data, request, REQUEST.message);
  for (let at = from; nextField(decision, at, end, VERDICT.candidates) === 1; at = found.end) {
    putBytes(writer, DISPATCH.candidates, decision, found.at, found.end);
  }
  putField(writer, DISPATCH.sender, decision, verdict, VERDICT.sentSender);
  putVarint(writer, DISPATCH.smart, varintOf(verdict, VERDICT.flags) & FLAG.smartEncoded);
  putVarint(writer, DISPATCH.languages, varintOf(verdict, VERDICT.languages));
  putField(writer, DISPATCH.policy, decision, verdict, VERDICT.policy);
  endNested(writer, mark);
}

/** Copies the value of field `from` of `source`, if it is there. */
function putField(
  writer: FrameWriter,
  field: number,
  source: Uint8Array,
  fields: Fields,
  from: number,
): void {
  const at = fields[2 * from]!;
  if (at >= 0) putBytes(writer, field, source, at, at + fields[2 * from + 1]!);
}
