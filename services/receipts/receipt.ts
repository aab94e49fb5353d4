/**
 * Receipt: one that its connector could not place, as this role carries it; and what it was placed at.
 */
import { ReceiptFrame } from "../../core/proto/floe/v1/frames.js";

export interface ColdReceipt {
  readonly carrier: string;
  /** As received. */
  readonly carrierId: string;
  readonly atMs: number;
  readonly state: number;
  readonly error: number;
  readonly errorText: string;
  /** Those that the carrier's profile keeps, as in AttemptRecord; an orphan's are not kept. */
  readonly tlvs: string;
  /** 16 bytes, or none: then nothing can ever be its message. */
  readonly token: Uint8Array;
  readonly bind: string;
  readonly doneAtMs: number;
}

/** The submission that a receipt is about. */
export interface Placed {
  readonly receipt: ColdReceipt;
  /** UUID as text. */
  readonly messageId: string;
  readonly acceptedAtMs: number;
  readonly account: number;
  readonly hop: number;
  /** From 1, of `parts`; 0 and 0: the receipt is of the whole message. */
  readonly part: number;
  readonly parts: number;
}

/** @throws what the generated reader throws for bytes that are no frame. */
export function readReceipts(data: Uint8Array): readonly ColdReceipt[] {
  const { carrier, records } = ReceiptFrame.decode(data);
  return records.map((record) => ({
    carrier,
    carrierId: record.carrierId,
    atMs: Number(record.atMs),
    state: record.state,
    error: record.error,
    errorText: record.errorText,
    tlvs: record.tlvs,
    token: record.toTok,
    bind: record.bind,
    doneAtMs: Number(record.doneAtMs),
  }));
}
