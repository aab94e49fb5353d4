/**
 * Codec: any PDU of SMPP v3.4 and v5.0 as a plain object and back, for people and tools.
 *
 * Fields stand under their names in the specification, in the order of the wire; octet strings are
 * hex, under `<name>_hex`; optional parameters are in `tlvs`, unknown ones as `0x1400_hex`, repeated
 * ones as lists. Decoding is total: whatever the bytes are, it answers, and says what is wrong and
 * where. The hot path reads and writes by offset (pdu.ts) and never comes here.
 */
import {
  COMMANDS,
  commandOfId,
  commandOfName,
  DEST_FLAG,
  type Field,
  LISTS,
  type ListOf,
} from "./commands.js";
import { foreignProtocol, HEAD_BYTES, PDU_BYTES_MAX, readUint32BE } from "./pdu.js";
import { statusName } from "./status.js";
import { type TlvRow, tlvOfName, tlvOfTag } from "./tlvs.js";

export type Value = string | number | readonly Value[] | { readonly [name: string]: Value };

/** Of the header, under the names of v3.4, 3.2; then the fields, and `tlvs` where there are any. */
export interface DecodedPdu {
  readonly command: string;
  readonly command_length: number;
  readonly command_id: number;
  readonly command_status: number;
  readonly command_status_name: string;
  readonly sequence_number: number;
  readonly tlvs: { readonly [name: string]: Value };
  readonly [name: string]: Value;
}

export type CodecErrorCode =
  | "not_smpp"
  | "length_short"
  | "length_long"
  | "truncated"
  | "trailing_bytes"
  | "unknown_command"
  | "field_truncated"
  | "text_unterminated"
  | "bad_dest_flag"
  | "tlv_truncated";

export interface CodecError {
  readonly code: CodecErrorCode;
  readonly message: string;
  /** Of the first byte that is wrong, or where more were expected. */
  readonly offset: number;
}

export type Decoded =
  | { readonly ok: true; readonly pdu: DecodedPdu }
  | { readonly ok: false; readonly error: CodecError };

/** Ends the reading of one PDU; never leaves this file. */
class Malformed extends Error {
  readonly error: CodecError;
  constructor(code: CodecErrorCode, message: string, offset: number) {
    super(message);
    this.error = { code, message, offset };
  }
}

/** Decodes the one PDU that `bytes` holds. */
export function decode(bytes: Uint8Array): Decoded {
  try {
    return { ok: true, pdu: decodeOrThrow(bytes) };
  } catch (error) {
    if (error instanceof Malformed) return { ok: false, error: error.error };
    throw error;
  }
}

interface Cursor {
  readonly bytes: Uint8Array;
  at: number;
}

function decodeOrThrow(bytes: Uint8Array): DecodedPdu {
  const length = lengthOf(bytes);
  const id = readUint32BE(bytes, 4);
  const command = commandOfId(id);
  if (command === undefined) {
    throw new Malformed("unknown_command", `command_id ${hex32(id)} is none of SMPP 3.4 or 5.0`, 4);
  }
  const cursor = { bytes, at: HEAD_BYTES };
  const status = readUint32BE(bytes, 8);
  const body = takeFields(cursor, command.fields, command.name);
  return {
    command: command.name,
    command_length: length,
    command_id: id,
    command_status: status,
    command_status_name: statusName(status),
    sequence_number: readUint32BE(bytes, 12),
    ...body,
    tlvs: takeTlvs(cursor, command.name),
  };
}

function lengthOf(bytes: Uint8Array): number {
  if (bytes.length < 4) {
    throw new Malformed("truncated", `${bytes.length} bytes are no PDU`, bytes.length);
  }
  const length = readUint32BE(bytes, 0);
  if (length > PDU_BYTES_MAX) {
    const protocol = foreignProtocol(bytes, 0, bytes.length);
    if (protocol !== "") throw new Malformed("not_smpp", `this is ${protocol}, not SMPP`, 0);
    const message = `command_length says ${length}; a PDU has at most ${PDU_BYTES_MAX} bytes`;
    throw new Malformed("length_long", message, 0);
  }
  if (length < HEAD_BYTES) {
    throw new Malformed("length_short", `command_length says ${length}; a header alone has 16`, 0);
  }
  if (length > bytes.length) {
    const message = `command_length says ${length}, there are ${bytes.length} bytes`;
    throw new Malformed("truncated", message, bytes.length);
  }
  if (length < bytes.length) {
    const message = `command_length says ${length}, ${bytes.length - length} bytes follow`;
    throw new Malformed("trailing_bytes", message, length);
  }
  return length;
}

function takeFields(
  cursor: Cursor,
  fields: readonly Field[],
  where: string,
): Record<string, Value> {
  const taken: Record<string, Value> = {};
  for (const field of fields) {
    if (field.kind === "optional") {
      if (cursor.at === cursor.bytes.length) return taken;
    } else if (field.kind === "integer") {
      taken[field.name] = takeInteger(cursor, field.octets, `${where}.${field.name}`);
    } else if (field.kind === "text") {
      taken[field.name] = takeText(cursor, field.octetsMax, `${where}.${field.name}`);
    } else if (field.kind === "octets") {
      const length = taken[field.length] as number;
      taken[`${field.name}_hex`] = takeOctets(cursor, length, `${where}.${field.name}`);
    } else {
      taken[field.name] = takeList(cursor, field.of, taken[field.count] as number, where);
    }
  }
  return taken;
}

function takeList(cursor: Cursor, of: ListOf, count: number, where: string): readonly Value[] {
  const list: Value[] = [];
  // The count is one octet, and each group takes at least one: it is bounded by both.
  for (let index = 0; index < count; index += 1) {
    const name = `${where}.${of}[${index}]`;
    if (of === "unsuccess_sme") {
      list.push(takeFields(cursor, LISTS.unsuccess_sme, name));
      continue;
    }
    const { at } = cursor;
    const dest_flag = takeInteger(cursor, 1, `${name}.dest_flag`);
    if (dest_flag === DEST_FLAG.sme_address) {
      list.push({ dest_flag, ...takeFields(cursor, LISTS.sme_address, name) });
    } else if (dest_flag === DEST_FLAG.distribution_list) {
      list.push({ dest_flag, ...takeFields(cursor, LISTS.distribution_list, name) });
    } else {
      throw new Malformed("bad_dest_flag", `${name}.dest_flag is ${dest_flag}, not 1 or 2`, at);
    }
  }
  return list;
}

function takeInteger(cursor: Cursor, octets: number, name: string): number {
  const { bytes, at } = cursor;
  if (at + octets > bytes.length) {
    throw new Malformed("field_truncated", `the PDU ends within ${name}`, bytes.length);
  }
  let value = 0;
  for (let index = at; index < at + octets; index += 1) value = value * 256 + bytes[index]!;
  cursor.at = at + octets;
  return value;
}

/** Latin-1: what is not ASCII there has no meaning that the specification gives. */
function takeText(cursor: Cursor, octetsMax: number, name: string): string {
  const { bytes, at } = cursor;
  const bound = Math.min(bytes.length, at + octetsMax);
  const end = bytes.subarray(at, bound).indexOf(0);
  if (end < 0) {
    const message =
      bound === bytes.length
        ? `the PDU ends within ${name}`
        : `${name} has no NUL within ${octetsMax} octets`;
    throw new Malformed("text_unterminated", message, bound);
  }
  cursor.at = at + end + 1;
  return Buffer.from(bytes.subarray(at, at + end)).toString("latin1");
}

function takeOctets(cursor: Cursor, length: number, name: string): string {
  const { bytes, at } = cursor;
  if (at + length > bytes.length) {
    const message = `${name} should have ${length} octets, ${bytes.length - at} are left`;
    throw new Malformed("field_truncated", message, bytes.length);
  }
  cursor.at = at + length;
  return hexOf(bytes.subarray(at, at + length));
}

function takeTlvs(cursor: Cursor, where: string): Record<string, Value> {
  const tlvs: Record<string, Value> = {};
  const { bytes } = cursor;
  while (cursor.at < bytes.length) {
    const { at } = cursor;
    if (bytes.length - at < 4) {
      throw new Malformed("tlv_truncated", `${where} ends within the head of a TLV`, bytes.length);
    }
    const tag = (bytes[at]! << 8) | bytes[at + 1]!;
    const length = (bytes[at + 2]! << 8) | bytes[at + 3]!;
    const end = at + 4 + length;
    if (end > bytes.length) {
      const left = bytes.length - at - 4;
      const message = `TLV ${nameOf(tag)} should have ${length} octets, ${left} are left`;
      throw new Malformed("tlv_truncated", message, at + 2);
    }
    const [name, value] = tlvValue(tag, bytes.subarray(at + 4, end));
    const before = tlvs[name];
    if (before === undefined) tlvs[name] = value;
    else tlvs[name] = Array.isArray(before) ? [...(before as Value[]), value] : [before, value];
    cursor.at = end;
  }
  return tlvs;
}

function tlvValue(tag: number, octets: Uint8Array): [name: string, value: Value] {
  const row = tlvOfTag(tag);
  const name = nameOf(tag);
  if (row?.type.kind === "integer" && octets.length === row.type.octets) {
    return [name, octets.reduce((value, octet) => value * 256 + octet, 0)];
  }
  // A text without its NUL, or with one before the end, is still a text where it can be had back.
  if (row?.type.kind === "text" && octets.length > 0 && octets.indexOf(0) === octets.length - 1) {
    return [name, Buffer.from(octets.subarray(0, -1)).toString("latin1")];
  }
  return [`${name}_hex`, hexOf(octets)];
}

function nameOf(tag: number): string {
  return tlvOfTag(tag)?.name ?? `0x${tag.toString(16).padStart(4, "0")}`;
}

/** What is wrong with an object that is to be encoded: the field, and why. */
export interface EncodeProblem {
  readonly field: string;
  readonly problem: string;
}

export type Encoded =
  | { readonly ok: true; readonly bytes: Uint8Array }
  | { readonly ok: false; readonly problems: readonly EncodeProblem[] };

const HEADER_NAMES = new Set([
  ...["command", "command_length", "command_id", "command_status", "command_status_name"],
  ...["sequence_number", "tlvs"],
]);

/**
 * Encodes an object as `decode` gives it. Absent integers are 0 and absent texts empty; lengths and
 * counts follow from what they count; unknown names are problems.
 */
export function encode(pdu: Readonly<Record<string, unknown>>): Encoded {
  const problems: EncodeProblem[] = [];
  const wrong = (field: string, problem: string): void => void problems.push({ field, problem });
  const command = typeof pdu["command"] === "string" ? commandOfName(pdu["command"]) : undefined;
  if (command === undefined) {
    const names = COMMANDS.map(({ name }) => name).join(", ");
    return { ok: false, problems: [{ field: "command", problem: `must be one of ${names}` }] };
  }
  const known = new Set([...HEADER_NAMES, ...namesOf(command.fields)]);
  for (const name of Object.keys(pdu)) {
    if (!known.has(name)) wrong(name, `is no field of ${command.name}`);
  }
  const out: number[] = [];
  putInteger(out, 0, 4);
  putInteger(out, command.id, 4);
  putInteger(out, integerOf(pdu["command_status"], 4, "command_status", wrong), 4);
  putInteger(out, integerOf(pdu["sequence_number"], 4, "sequence_number", wrong), 4);
  putFields(out, command.fields, pdu, "", wrong);
  putTlvs(out, pdu["tlvs"], wrong);
  if (out.length > PDU_BYTES_MAX) wrong("command_length", `is ${out.length}: too long`);
  if (problems.length > 0) return { ok: false, problems };
  const bytes = Uint8Array.from(out);
  new DataView(bytes.buffer).setUint32(0, bytes.length);
  return { ok: true, bytes };
}

type Wrong = (field: string, problem: string) => void;

function namesOf(fields: readonly Field[]): string[] {
  return fields.flatMap((field) => {
    if (field.kind === "optional") return [];
    return field.kind === "octets" ? [`${field.name}_hex`] : [field.name];
  });
}

function putFields(
  out: number[],
  fields: readonly Field[],
  from: Readonly<Record<string, unknown>>,
  path: string,
  wrong: Wrong,
): void {
  const counts = countsOf(fields, from);
  for (const field of fields) {
    if (field.kind === "optional") {
      // Left out as a whole: none of what follows is named.
      const rest = namesOf(fields.slice(fields.indexOf(field)));
      if (!rest.some((name) => from[name] !== undefined)) return;
    } else if (field.kind === "integer") {
      const value = counts.get(field.name) ?? from[field.name];
      putInteger(out, integerOf(value, field.octets, path + field.name, wrong), field.octets);
    } else if (field.kind === "text") {
      putText(out, from[field.name], field.octetsMax, path + field.name, wrong);
    } else if (field.kind === "octets") {
      const name = `${field.name}_hex`;
      for (const octet of octetsOf(from[name], path + name, wrong)) out.push(octet);
    } else {
      putList(out, from[field.name], field.of, path + field.name, wrong);
    }
  }
}

/** Lengths and counts, from what they count. */
function countsOf(
  fields: readonly Field[],
  from: Readonly<Record<string, unknown>>,
): Map<string, number> {
  const counts = new Map<string, number>();
  for (const field of fields) {
    if (field.kind === "octets") {
      const hex = from[`${field.name}_hex`];
      counts.set(field.length, typeof hex === "string" ? hex.length / 2 : 0);
    } else if (field.kind === "list") {
      const list = from[field.name];
      counts.set(field.count, Array.isArray(list) ? list.length : 0);
    }
  }
  return counts;
}

function putList(out: number[], value: unknown, of: ListOf, path: string, wrong: Wrong): void {
  if (value === undefined) return;
  if (!Array.isArray(value)) {
    wrong(path, "must be a list");
    return;
  }
  for (const [index, one] of value.entries()) {
    const at = `${path}[${index}]`;
    if (typeof one !== "object" || one === null) {
      wrong(at, "must be an object");
    } else if (of === "unsuccess_sme") {
      putFields(out, LISTS.unsuccess_sme, one, `${at}.`, wrong);
    } else {
      const isList = one.dest_flag === DEST_FLAG.distribution_list || one.dl_name !== undefined;
      out.push(isList ? DEST_FLAG.distribution_list : DEST_FLAG.sme_address);
      const group = isList ? LISTS.distribution_list : LISTS.sme_address;
      putFields(out, group, one, `${at}.`, wrong);
    }
  }
}

function putTlvs(out: number[], value: unknown, wrong: Wrong): void {
  if (value === undefined) return;
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    wrong("tlvs", "must be an object");
    return;
  }
  for (const [key, given] of Object.entries(value)) {
    const isHex = key.endsWith("_hex");
    const name = isHex ? key.slice(0, -4) : key;
    const row = tlvOfName(name);
    const tag = row?.tag ?? (/^0x[0-9a-f]{4}$/i.test(name) ? Number(name) : -1);
    if (tag < 0) {
      wrong(`tlvs.${key}`, "is no TLV: use its name, or its tag as in 0x1400_hex");
      continue;
    }
    for (const one of Array.isArray(given) ? given : [given]) {
      const octets = isHex
        ? octetsOf(one, `tlvs.${key}`, wrong)
        : typedOctets(row, one, `tlvs.${key}`, wrong);
      putInteger(out, tag, 2);
      putInteger(out, octets.length, 2);
      for (const octet of octets) out.push(octet);
    }
  }
}

function typedOctets(
  row: TlvRow | undefined,
  value: unknown,
  path: string,
  wrong: Wrong,
): readonly number[] {
  const octets: number[] = [];
  if (row === undefined || row.type.kind === "octets") wrong(path, `is octets: use ${path}_hex`);
  else if (row.type.kind === "text") putText(octets, value, 65_535, path, wrong);
  else {
    putInteger(octets, integerOf(value, row.type.octets, path, wrong), row.type.octets);
  }
  return octets;
}

function integerOf(value: unknown, octets: number, path: string, wrong: Wrong): number {
  if (value === undefined) return 0;
  const max = 256 ** octets - 1;
  if (typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= max) {
    return value;
  }
  wrong(path, `must be a whole number from 0 to ${max}`);
  return 0;
}

function putInteger(out: number[], value: number, octets: number): void {
  for (let place = octets - 1; place >= 0; place -= 1) {
    out.push(Math.floor(value / 256 ** place) % 256);
  }
}

function putText(
  out: number[],
  value: unknown,
  octetsMax: number,
  path: string,
  wrong: Wrong,
): void {
  const text = value ?? "";
  if (typeof text !== "string" || /[\0\u0100-\uffff]/.test(text)) {
    wrong(path, "must be a text of Latin-1 characters without NUL");
  } else if (text.length >= octetsMax) {
    wrong(path, `has at most ${octetsMax - 1} characters`);
  } else {
    for (const octet of Buffer.from(text, "latin1")) out.push(octet);
  }
  out.push(0);
}

function octetsOf(value: unknown, path: string, wrong: Wrong): Uint8Array {
  if (value === undefined) return new Uint8Array(0);
  if (typeof value === "string" && /^([0-9a-f]{2})*$/i.test(value))
    return Buffer.from(value, "hex");
  wrong(path, "must be octets in hex, two digits each");
  return new Uint8Array(0);
}

function hexOf(octets: Uint8Array): string {
  return Buffer.from(octets.buffer, octets.byteOffset, octets.length).toString("hex");
}

function hex32(value: number): string {
  return `0x${value.toString(16).padStart(8, "0")}`;
}
