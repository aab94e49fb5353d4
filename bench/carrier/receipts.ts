/**
 * Receipts of the simulated carrier: written, sent, and kept until they are answered.
 *
 * A receipt is written once, into a batch of receipts that stays until each of its receipts is
 * acknowledged. One that is refused, or whose connection ended before its answer, is sent again
 * (with another sequence number) on any connection of the same client that takes receipts: carriers
 * do so, and a connector that answers before it has stored a receipt shows by losing it.
 */
import type { Clock } from "../../core/clock.js";
import { type FrameWriter, newWriter } from "../../core/stream/frame.js";
import { decode } from "../../services/connectors/smpp/codec.js";
import {
  beginPdu,
  COMMAND,
  endPdu,
  readUint32BE,
  writeUint32BE,
} from "../../services/connectors/smpp/pdu.js";
import { putReceiptId, receiptIdText } from "./ids.js";
import type { Known } from "./known.js";
import type { CarrierOptions, ReceiptForm } from "./options.js";
import { FATES, type Fate } from "./outcomes.js";

/** Receipts (or messages from phones) in one piece of memory, numbered without a gap. */
export interface ReceiptBatch {
  readonly kind: "receipt" | "message";
  readonly writer: FrameWriter;
  first: number;
  count: number;
  left: number;
  /** 1: answered, by place. */
  answered: Uint8Array;
}

export function newReceiptBatch(
  bytesHint = 4_096,
  kind: ReceiptBatch["kind"] = "receipt",
): ReceiptBatch {
  return { kind, writer: newWriter(bytesHint), first: 0, count: 0, left: 0, answered: NOTHING };
}

const NOTHING = new Uint8Array(0);

/** What a receipt is about: the addresses of the submit_sm in `bytes`. */
export interface Subject {
  bytes: Uint8Array;
  /** From ton to the final NUL. */
  source: number;
  sourceEnd: number;
  destination: number;
  destinationEnd: number;
  id: number;
}

interface Template {
  middle: Buffer;
  minute: number;
}

export interface ReceiptWriter {
  /** Appends a receipt of the usual text to `batch`; it is numbered when it is sent. */
  put(batch: ReceiptBatch, subject: Subject, fate: Fate): void;
  /** The same in any form, with ids as `of` has them. */
  putForm(
    batch: ReceiptBatch,
    subject: Subject,
    fate: Fate,
    form: ReceiptForm,
    of: CarrierOptions,
  ): void;
}

export function newReceiptWriter(options: CarrierOptions, clock: Clock): ReceiptWriter {
  const templates = new Map<Fate, Template>();

  /** All between the id and the end of a receipt; its dates change by the minute. */
  function middleOf(fate: Fate): Buffer {
    const minute = Math.floor(clock.nowMs() / 60_000);
    const known = templates.get(fate);
    if (known?.minute === minute) return known.middle;
    const { dlvrd, stat, error } = FATES[fate];
    // YYMMDDhhmm
    const date = new Date(minute * 60_000).toISOString().replaceAll(/[-T:]/g, "").slice(2, 12);
    const dates = `submit date:${date} done date:${date}`;
    const text = ` sub:001 dlvrd:${dlvrd} ${dates} stat:${stat} err:${error} text:`;
    const middle = Buffer.from(text, "latin1");
    templates.set(fate, { middle, minute });
    return middle;
  }

  /** Appends all of a deliver_sm up to sm_length, and returns its mark. */
  function putHeader(batch: ReceiptBatch, subject: Subject, fate: Fate, more: number): number {
    const { writer } = batch;
    const { bytes, source, sourceEnd, destination, destinationEnd } = subject;
    const room = 64 + sourceEnd - source + destinationEnd - destination + more;
    if (writer.bytes.length - writer.at < room) grow(writer, room);
    const mark = beginPdu(writer, COMMAND.deliver_sm, 0, 0);
    const into = writer.bytes;
    let at = writer.at;
    into[at++] = 0;
    for (let index = destination; index <= destinationEnd; index += 1) into[at++] = bytes[index]!;
    for (let index = source; index <= sourceEnd; index += 1) into[at++] = bytes[index]!;
    // esm_class: a receipt, or an intermediate notification (5.2.12); then eight fields of zero.
    into[at] = fate === "enroute" ? 0x20 : 0x04;
    into.fill(0, at + 1, at + 9);
    writer.at = at + 9;
    return mark;
  }

  return {
    putForm(batch, subject, fate, form, of) {
      const id = receiptIdText(subject.id, of.id, of.receiptId);
      const text = form === "tlv" ? "" : receiptText(fate, form, id, clock.nowMs());
      const tlvs = form === "tlv" || form === "both" ? receiptTlvs(fate, id) : NOTHING;
      const { writer } = batch;
      const mark = putHeader(batch, subject, fate, 1 + text.length + tlvs.length);
      writer.bytes[writer.at++] = text.length;
      writer.bytes.set(Buffer.from(text, "latin1"), writer.at);
      writer.at += text.length;
      writer.bytes.set(tlvs, writer.at);
      writer.at += tlvs.length;
      endPdu(writer, mark);
      batch.count += 1;
      batch.left += 1;
    },
    put(batch, subject, fate) {
      const { writer } = batch;
      const middle = middleOf(fate);
      const mark = putHeader(batch, subject, fate, middle.length + 64);
      const into = writer.bytes;
      const length = writer.at;
      writer.at += 1;
      into[writer.at++] = 105;
      into[writer.at++] = 100;
      into[writer.at++] = 58;
      putReceiptId(writer, subject.id, options.id, options.receiptId);
      into.set(middle, writer.at);
      writer.at += middle.length;
      into[length] = writer.at - length - 1;
      endPdu(writer, mark);
      batch.count += 1;
      batch.left += 1;
    },
  };
}

/** Text of a receipt in one of the forms that carriers write. */
function receiptText(fate: Fate, form: ReceiptForm, id: string, nowMs: number): string {
  const { dlvrd, stat, long, error } = FATES[fate];
  if (form === "short") return `id:${id} stat:${stat} err:${error}`;
  const digits = new Date(nowMs).toISOString().replaceAll(/[-T:]/g, "");
  const date = digits.slice(2, form === "seconds" ? 14 : 12);
  const word = form === "long" ? long : form === "case" ? stat.toLowerCase() : stat;
  const dates = `submit date:${date} done date:${date}`;
  const text = `id:${id} sub:001 dlvrd:${dlvrd} ${dates} stat:${word} err:${error} text:`;
  if (form !== "case") return text;
  return text.replace("id:", "ID:").replace("submit date", "Submit Date").replace("err:", "Err:");
}

/** receipted_message_id, message_state, network_error_code (5.3.2.12, 5.3.2.35, 5.3.2.31). */
function receiptTlvs(fate: Fate, id: string): Uint8Array {
  const { state, error } = FATES[fate];
  const text = Buffer.from(`${id}\0`, "latin1");
  return Buffer.concat([
    Uint8Array.of(0x00, 0x1e, 0x00, text.length),
    text,
    Uint8Array.of(0x04, 0x27, 0x00, 0x01, state),
    Uint8Array.of(0x04, 0x23, 0x00, 0x03, 3, 0, Number(error)),
  ]);
}

function grow(writer: FrameWriter, room: number): void {
  const larger = Buffer.allocUnsafeSlow(Math.max(writer.bytes.length * 2, writer.at + room));
  larger.set(writer.bytes.subarray(0, writer.at));
  writer.bytes = larger;
}

/** Receipts of one connection that are sent and not answered. */
export interface Unanswered {
  /** Numbers the receipts of `batch` from the connection's next on, and keeps it. */
  add(batch: ReceiptBatch): void;
  /** What it was if one with this sequence number waits; it does no longer. */
  answer(sequence: number): ReceiptBatch["kind"] | undefined;
  /** The receipt's PDU while it is kept: before `answer`. */
  find(sequence: number): Uint8Array | undefined;
  count(): number;
  /** Takes all that is unanswered, as one batch of each kind. */
  rest(): ReceiptBatch[];
}

export function newUnanswered(): Unanswered {
  const batches: ReceiptBatch[] = [];
  let next = 1;
  let waiting = 0;

  function batchOf(sequence: number): ReceiptBatch | undefined {
    // Answers come in about the order of the receipts, so it is among the first.
    return batches.find(({ first, count }) => sequence >= first && sequence < first + count);
  }

  return {
    add(batch) {
      batch.first = next;
      batch.answered = new Uint8Array(batch.count);
      const { bytes, at } = batch.writer;
      for (let place = 0; place < at; place += readUint32BE(bytes, place)) {
        writeUint32BE(bytes, place + 12, next);
        next += 1;
      }
      waiting += batch.count;
      batches.push(batch);
    },
    answer(sequence) {
      const batch = batchOf(sequence);
      if (batch === undefined || batch.answered[sequence - batch.first] === 1) return undefined;
      batch.answered[sequence - batch.first] = 1;
      batch.left -= 1;
      waiting -= 1;
      if (batch.left === 0) batches.splice(batches.indexOf(batch), 1);
      return batch.kind;
    },
    find(sequence) {
      const batch = batchOf(sequence);
      if (batch === undefined) return undefined;
      let place = 0;
      for (let skip = sequence - batch.first; skip > 0; skip -= 1) {
        place += readUint32BE(batch.writer.bytes, place);
      }
      return batch.writer.bytes.slice(place, place + readUint32BE(batch.writer.bytes, place));
    },
    count: () => waiting,
    rest() {
      const rests = [newReceiptBatch(), newReceiptBatch(4_096, "message")];
      for (const batch of batches.splice(0)) {
        copyUnanswered(batch, rests[batch.kind === "receipt" ? 0 : 1]!);
      }
      waiting = 0;
      return rests.filter(({ count }) => count > 0);
    },
  };
}

function copyUnanswered(batch: ReceiptBatch, rest: ReceiptBatch): void {
  const { bytes } = batch.writer;
  let place = 0;
  for (let index = 0; index < batch.count; index += 1) {
    const length = readUint32BE(bytes, place);
    if (batch.answered[index] === 0) appendReceipt(rest, bytes.subarray(place, place + length));
    place += length;
  }
}

const ID_IN_TEXT = /\bid:(\S+)/i;

/** The batch without the receipts of messages that were canceled meanwhile. */
export function withoutCanceled(batch: ReceiptBatch, known: Known): ReceiptBatch {
  if (batch.kind !== "receipt") return batch;
  const rest = newReceiptBatch(batch.writer.at);
  const { bytes, at } = batch.writer;
  for (let place = 0; place < at; place += readUint32BE(bytes, place)) {
    const pdu = bytes.subarray(place, place + readUint32BE(bytes, place));
    const read = decode(pdu);
    if (!read.ok) throw new Error(read.error.message);
    const text = Buffer.from(String(read.pdu["short_message_hex"]), "hex").toString("latin1");
    const id = ID_IN_TEXT.exec(text)?.[1] ?? String(read.pdu.tlvs["receipted_message_id"]);
    if (!known.isCanceled(id)) appendReceipt(rest, pdu);
  }
  return rest;
}

/** Appends a whole receipt PDU to `batch`. */
export function appendReceipt(batch: ReceiptBatch, pdu: Uint8Array): void {
  const { writer } = batch;
  if (writer.bytes.length - writer.at < pdu.length) grow(writer, pdu.length);
  writer.bytes.set(pdu, writer.at);
  writer.at += pdu.length;
  batch.count += 1;
  batch.left += 1;
}
