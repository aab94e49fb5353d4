/**
 * Kit: records of the streams for tests of cdr, encoded by the oracle (ts-proto, which leaves zeros
 * out) or as our own writers do it (fixed fields always, in order).
 */
import {
  AttemptFrame,
  type AttemptRecord,
  DecisionFrame,
  type Settlement,
  UsageFrame,
  type UsageRecord,
  type Verdict,
} from "../../../core/proto/floe/v1/frames.js";
import {
  ATTEMPT,
  ATTEMPT_FRAME,
  CANDIDATE,
  DECISION_FRAME,
  SETTLEMENT,
  TAG,
  VERDICT,
} from "../../../core/stream/fields.js";
import {
  beginNested,
  endNested,
  type FrameWriter,
  newWriter,
  putBytes,
  putFixed32,
  putFixed64,
  putText,
  putVarint,
  written,
} from "../../../core/stream/frame.js";

export type VerdictLike = Partial<Verdict>;
export type AttemptLike = Partial<AttemptRecord>;
export type SettlementLike = Partial<Settlement>;

export interface Encoder {
  decisions(verdicts: readonly VerdictLike[], settlements: readonly SettlementLike[]): Uint8Array;
  attempts(carrier: string, atMs: number, records: readonly AttemptLike[]): Uint8Array;
}

/** What a message is told by everywhere. */
export interface Key {
  readonly messageId: Buffer;
  readonly acceptedAtMs: bigint;
  readonly account: number;
}

/** Message `number` of the test, always the same one. */
export function keyOf(number: number, acceptedAtMs: number, account = 1 + (number % 3)): Key {
  const messageId = Buffer.alloc(16);
  messageId.writeUIntBE(acceptedAtMs, 0, 6);
  messageId[6] = 0x70;
  messageId[8] = 0x80;
  messageId.writeUInt32BE(number, 12);
  return { messageId, acceptedAtMs: BigInt(acceptedAtMs), account };
}

/** A plain ROUTED verdict; `more` overrides. */
export function verdictOf(key: Key, more: VerdictLike = {}): VerdictLike {
  return {
    ...key,
    state: 3,
    place: 2,
    priceMicros: 7_500n,
    costMicros: 4_100n,
    expiresAtMs: key.acceptedAtMs + 86_400_000n,
    carrier: "carrier-a",
    toEnc: Buffer.alloc(16, 1),
    toTok: Buffer.alloc(16, 2),
    toPrefix: "447900",
    country: "GB",
    mcc: "234",
    mnc: "15",
    sender: "Floe",
    trafficClass: 2,
    encoding: 1,
    segments: 1,
    currency: "EUR",
    costCurrency: "USD",
    chargeBasis: 1,
    tablesVersion: 7,
    plan: 3,
    receipt: 1,
    ...more,
  };
}

export function usageFrame(records: readonly Partial<UsageRecord>[]): Uint8Array {
  return UsageFrame.encode(UsageFrame.fromPartial({ records: [...records] })).finish();
}

export const ORACLE: Encoder = {
  decisions(verdicts, settlements) {
    const frame = { records: [...verdicts], settlements: [...settlements] };
    return DecisionFrame.encode(DecisionFrame.fromPartial(frame)).finish();
  },
  attempts(carrier, atMs, records) {
    const frame = { carrier, publishedAtMs: BigInt(atMs), records: [...records] };
    return AttemptFrame.encode(AttemptFrame.fromPartial(frame)).finish();
  },
};

export const OURS: Encoder = {
  decisions(verdicts, settlements) {
    const writer = newWriter();
    putFixed32(writer, DECISION_FRAME.partition, 0);
    putFixed64(writer, DECISION_FRAME.decidedAtMs, 1);
    for (const verdict of verdicts) {
      const mark = beginNested(writer, DECISION_FRAME.records);
      putVerdict(writer, verdict);
      endNested(writer, mark);
    }
    for (const settlement of settlements) {
      const mark = beginNested(writer, DECISION_FRAME.settlements);
      putKey(writer, settlement);
      putFixed32(writer, SETTLEMENT.kind, settlement.kind ?? 0);
      putFixed64(writer, SETTLEMENT.amountMicros, Number(settlement.amountMicros ?? 0n));
      putFixed64(writer, SETTLEMENT.ledgerSequence, Number(settlement.ledgerSequence ?? 0n));
      putFixed64(writer, SETTLEMENT.atMs, Number(settlement.atMs ?? 0n));
      putText(writer, SETTLEMENT.currency, settlement.currency ?? "");
      endNested(writer, mark);
    }
    return Uint8Array.from(written(writer));
  },
  attempts(carrier, atMs, records) {
    const writer = newWriter();
    putFixed32(writer, ATTEMPT_FRAME.partition, 0);
    putText(writer, ATTEMPT_FRAME.carrier, carrier);
    putFixed64(writer, ATTEMPT_FRAME.publishedAtMs, atMs);
    for (const record of records) {
      const mark = beginNested(writer, ATTEMPT_FRAME.records);
      putAttempt(writer, record);
      endNested(writer, mark);
    }
    return Uint8Array.from(written(writer));
  },
};

function putKey(writer: FrameWriter, key: Partial<Key>): void {
  putBytes(writer, VERDICT.messageId, key.messageId ?? Buffer.alloc(0));
  putFixed64(writer, VERDICT.acceptedAtMs, Number(key.acceptedAtMs ?? 0n));
  putFixed32(writer, VERDICT.account, key.account ?? 0);
}

function putVerdict(writer: FrameWriter, verdict: VerdictLike): void {
  putKey(writer, verdict);
  putFixed32(writer, VERDICT.state, verdict.state ?? 0);
  putFixed32(writer, VERDICT.reason, verdict.reason ?? 0);
  putFixed32(writer, VERDICT.place, verdict.place ?? 0);
  putFixed64(writer, VERDICT.priceMicros, Number(verdict.priceMicros ?? 0n));
  putFixed64(writer, VERDICT.costMicros, Number(verdict.costMicros ?? 0n));
  putFixed64(writer, VERDICT.keyTag, 0);
  putFixed64(writer, VERDICT.expiresAtMs, Number(verdict.expiresAtMs ?? 0n));
  putText(writer, VERDICT.carrier, verdict.carrier ?? "");
  putBytes(writer, VERDICT.toEnc, verdict.toEnc ?? Buffer.alloc(0));
  putBytes(writer, VERDICT.toTok, verdict.toTok ?? Buffer.alloc(0));
  putText(writer, VERDICT.toPrefix, verdict.toPrefix ?? "");
  putText(writer, VERDICT.country, verdict.country ?? "");
  putText(writer, VERDICT.mcc, verdict.mcc ?? "");
  putText(writer, VERDICT.mnc, verdict.mnc ?? "");
  putText(writer, VERDICT.sender, verdict.sender ?? "");
  putVarint(writer, VERDICT.trafficClass, verdict.trafficClass ?? 0);
  putVarint(writer, VERDICT.encoding, verdict.encoding ?? 0);
  putVarint(writer, VERDICT.segments, verdict.segments ?? 0);
  putText(writer, VERDICT.currency, verdict.currency ?? "");
  putText(writer, VERDICT.costCurrency, verdict.costCurrency ?? "");
  putVarint(writer, VERDICT.chargeBasis, verdict.chargeBasis ?? 0);
  putVarint(writer, VERDICT.tablesVersion, verdict.tablesVersion ?? 0);
  putVarint(writer, VERDICT.plan, verdict.plan ?? 0);
  putText(writer, VERDICT.clientReference, verdict.clientReference ?? "");
  putVarint(writer, VERDICT.receipt, verdict.receipt ?? 0);
  putText(writer, VERDICT.rule, verdict.rule ?? "");
  putVarint(writer, VERDICT.flags, verdict.flags ?? 0);
  putText(writer, VERDICT.sentSender, verdict.sentSender ?? "");
  putVarint(writer, VERDICT.languages, verdict.languages ?? 0);
  for (const tag of verdict.tags ?? []) {
    const mark = beginNested(writer, VERDICT.tags);
    putText(writer, TAG.key, tag.key);
    putText(writer, TAG.value, tag.value);
    endNested(writer, mark);
  }
  for (const candidate of verdict.candidates ?? []) {
    const mark = beginNested(writer, VERDICT.candidates);
    putText(writer, CANDIDATE.carrier, candidate.carrier);
    putFixed64(writer, CANDIDATE.costMicros, Number(candidate.costMicros));
    putText(writer, CANDIDATE.costCurrency, candidate.costCurrency);
    endNested(writer, mark);
  }
}

function putAttempt(writer: FrameWriter, record: AttemptLike): void {
  putKey(writer, record);
  putFixed32(writer, ATTEMPT.kind, record.kind ?? 0);
  putFixed32(writer, ATTEMPT.hop, record.hop ?? 0);
  putFixed64(writer, ATTEMPT.atMs, Number(record.atMs ?? 0n));
  putFixed32(writer, ATTEMPT.state, record.state ?? 0);
  for (const id of record.carrierIds ?? []) putText(writer, ATTEMPT.carrierIds, id);
  putBytes(writer, ATTEMPT.toTok, record.toTok ?? Buffer.alloc(0));
  putFixed32(writer, ATTEMPT.error, record.error ?? 0);
  putText(writer, ATTEMPT.errorText, record.errorText ?? "");
  putFixed32(writer, ATTEMPT.part, record.part ?? 0);
  putFixed32(writer, ATTEMPT.parts, record.parts ?? 0);
  putVarint(writer, ATTEMPT.final, record.final === true ? 1 : 0);
  putText(writer, ATTEMPT.nextCarrier, record.nextCarrier ?? "");
  putText(writer, ATTEMPT.bind, record.bind ?? "");
  putVarint(writer, ATTEMPT.partState, record.partState ?? 0);
  putText(writer, ATTEMPT.tlvs, record.tlvs ?? "");
}
