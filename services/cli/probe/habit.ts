/**
 * Habit: what the receipts of the probe's own messages tell of the carrier: whether and when they
 * come, in which form, and how they name the message and the recipient.
 */
import { STATE } from "../../../core/message.js";
import { convertId, FORMS, type Form } from "../../connectors/carrier-id.js";
import type { DecodedPdu } from "../../connectors/smpp/codec.js";
import { parseReceipt } from "../../connectors/smpp/receipt-text.js";

/** A part that the carrier took. */
export interface Taken {
  readonly id: string;
  readonly to: string;
  /** From 1, of how many. */
  readonly part: number;
  readonly parts: number;
  readonly atMs: number;
  readonly order: number;
}

export interface Received {
  readonly id: string;
  /** Final: the last word. */
  readonly isFinal: boolean;
  readonly form: "text" | "tlv" | "both";
  readonly state: string;
  /** Which address is the test number. */
  readonly recipient: "source" | "destination";
  readonly hasSeconds: boolean;
  readonly esmClass: number;
  /** Tags of TLVs other than those of a receipt. */
  readonly tlvs: readonly string[];
  readonly atMs: number;
  readonly order: number;
}

const RECEIPT_TLVS = ["receipted_message_id", "message_state", "message_payload"];
const ESM_CLASS_KIND = 0x3c;

/** Reads a deliver_sm or data_sm; undefined: it is no receipt about a test number. */
export function readReceived(
  pdu: DecodedPdu,
  numbers: readonly string[],
  atMs: number,
  order: number,
): Received | undefined {
  const source = digits(String(pdu["source_addr"]));
  const destination = digits(String(pdu["destination_addr"]));
  const wanted = numbers.map(digits);
  const recipient = wanted.includes(source)
    ? "source"
    : wanted.includes(destination)
      ? "destination"
      : undefined;
  if (recipient === undefined) return undefined;
  const { tlvs } = pdu;
  const hex = String(pdu["short_message_hex"] || tlvs["message_payload_hex"] || "");
  const read = parseReceipt(Buffer.from(hex, "hex").toString("latin1"));
  const id = tlvs["receipted_message_id"];
  const esmClass = Number(pdu["esm_class"] ?? 0);
  if (!read.receipt && id === undefined) return undefined;
  const state = read.receipt ? read.state : null;
  return {
    id: read.receipt && read.id !== null ? read.id : String(id ?? ""),
    isFinal: (esmClass & ESM_CLASS_KIND) !== 0x20 && isLast(state, tlvs["message_state"]),
    form: !read.receipt ? "tlv" : id === undefined ? "text" : "both",
    state: state ?? `message_state ${String(tlvs["message_state"] ?? "absent")}`,
    recipient,
    hasSeconds: read.receipt && /^\d{12}$/.test(read.done_date ?? ""),
    esmClass,
    tlvs: Object.keys(tlvs).filter((name) => !RECEIPT_TLVS.includes(name.replace(/_hex$/, ""))),
    atMs,
    order,
  };
}

/** States of 3.4 (5.2.28) that are not the last: SCHEDULED, ENROUTE, ACCEPTED. */
const NOT_LAST = [0, 1, 6];

function isLast(state: string | null, number: unknown): boolean {
  if (state !== null) return (STATE[state as keyof typeof STATE] ?? 0) > STATE.SUBMITTED;
  return typeof number === "number" && !NOT_LAST.includes(number);
}

function digits(address: string): string {
  return address.replace(/^\+|^00/, "");
}

export interface Habit {
  readonly taken: number;
  /** Parts that had their final receipt. */
  readonly confirmed: number;
  readonly receipts: number;
  /** About none of the messages that were sent, in any form. */
  readonly unmatched: number;
  readonly forms: Readonly<Record<"exact" | "same" | "decimalToHex" | "hexToDecimal", number>>;
  readonly early: number;
  readonly twice: number;
  readonly intermediate: number;
  readonly delaysMs: readonly number[];
  readonly texts: number;
  readonly tlvOnly: number;
  readonly both: number;
  readonly atDestination: number;
  readonly seconds: number;
  readonly oddClasses: readonly number[];
  readonly tlvs: readonly string[];
  readonly states: Readonly<Record<string, number>>;
  /** Parts of long messages that had one: "1/2". */
  readonly parts: readonly string[];
  readonly longTaken: readonly string[];
}

export function habitOf(taken: readonly Taken[], received: readonly Received[]): Habit {
  const forms = { exact: 0, same: 0, decimalToHex: 0, hexToDecimal: 0 };
  const finals = new Map<Taken, number>();
  const states: Record<string, number> = {};
  const delaysMs: number[] = [];
  let [unmatched, early] = [0, 0];
  const byId = indexOf(taken);
  for (const one of received) {
    states[one.state] = (states[one.state] ?? 0) + 1;
    const met = meet(byId, one.id);
    if (met === undefined) {
      unmatched += 1;
      continue;
    }
    forms[met.taken.id === one.id ? "exact" : met.form] += 1;
    if (one.order < met.taken.order) early += 1;
    if (!one.isFinal) continue;
    if (!finals.has(met.taken)) delaysMs.push(Math.max(0, one.atMs - met.taken.atMs));
    finals.set(met.taken, (finals.get(met.taken) ?? 0) + 1);
  }
  const count = (of: (one: Received) => boolean): number => received.filter(of).length;
  const partOf = ({ part, parts }: Taken): string => `${part}/${parts}`;
  return {
    taken: taken.length,
    confirmed: finals.size,
    receipts: received.length,
    ...{ unmatched, forms, early, delaysMs, states },
    twice: [...finals.values()].reduce((sum, times) => sum + times - 1, 0),
    intermediate: count(({ isFinal }) => !isFinal),
    texts: count(({ form }) => form === "text"),
    tlvOnly: count(({ form }) => form === "tlv"),
    both: count(({ form }) => form === "both"),
    atDestination: count(({ recipient }) => recipient === "destination"),
    seconds: count(({ hasSeconds }) => hasSeconds),
    oddClasses: unique(
      received.map(({ esmClass }) => esmClass).filter((one) => ![0x04, 0x20].includes(one & 0x3c)),
    ),
    tlvs: unique(received.flatMap(({ tlvs }) => tlvs)).sort(),
    parts: unique([...finals.keys()].filter(({ parts }) => parts > 1).map(partOf)).sort(),
    longTaken: unique(taken.filter(({ parts }) => parts > 1).map(partOf)).sort(),
  };
}

function unique<T>(all: readonly T[]): T[] {
  return [...new Set(all)];
}

/** By the form that all spellings of one id share. */
function indexOf(taken: readonly Taken[]): ReadonlyMap<string, Taken> {
  return new Map(taken.map((one) => [canonical(one.id), one]));
}

function canonical(id: string): string {
  return id.toLowerCase().replace(/^0+(?=.)/, "");
}

function meet(
  byId: ReadonlyMap<string, Taken>,
  id: string,
): { taken: Taken; form: Form } | undefined {
  const bytes = Buffer.from(id, "latin1");
  const converted = new Uint8Array(32);
  for (const form of FORMS) {
    let text = id;
    if (form !== "same") {
      const length = convertId(bytes, 0, bytes.length, form, converted);
      if (length === 0) continue;
      text = Buffer.from(converted.subarray(0, length)).toString("latin1");
    }
    const taken = byId.get(canonical(text));
    if (taken !== undefined) return { taken, form };
  }
  return undefined;
}
