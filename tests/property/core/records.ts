/**
 * Frames by schema: arbitrary values of a message, written with core/stream/frame, read with it, and
 * the type of ts-proto that is the oracle. All follow the descriptor, so no field can be forgotten.
 */
import { type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import fc from "fast-check";
import {
  beginNested,
  endNested,
  type FrameWriter,
  fixed32Of,
  found,
  has,
  newFields,
  nextField,
  putBytes,
  putFixed32,
  putFixed64,
  putText,
  putVarint,
  readFields,
  readText,
  readUint53,
  textOf,
  varintOf,
} from "../../../core/stream/frame.js";

/** As ts-proto has it, but with numbers for fixed64 and arrays for bytes, so that both compare. */
export type Plain = { [field: string]: unknown };

const UINT32_MAX = 2 ** 32 - 1;

/** Fields that frames use outside bodies: no oneof, no map. */
function plainFields({ fields }: DescMessage): DescField[] {
  return fields.filter(({ fieldKind, oneof }) => fieldKind !== "map" && oneof === undefined);
}

/** Numbers of a list stand in one field (fixed32 only). */
function isPacked(field: DescField): boolean {
  return field.fieldKind === "list" && field.listKind === "scalar" && field.packed;
}

function is64(scalar: ScalarType | undefined): boolean {
  return scalar === ScalarType.FIXED64 || scalar === ScalarType.SFIXED64;
}

export function arbitrary(message: DescMessage): fc.Arbitrary<Plain> {
  const entries = plainFields(message).map((field) => [field.localName, value(field)] as const);
  return fc.record(Object.fromEntries(entries), { noNullPrototype: true });
}

function value(field: DescField): fc.Arbitrary<unknown> {
  if (field.fieldKind === "message") return fc.option(arbitrary(field.message), { nil: undefined });
  if (field.fieldKind === "enum") {
    return fc.constantFrom(...field.enum.values.map(({ number }) => number));
  }
  if (field.fieldKind === "list") {
    let item: fc.Arbitrary<unknown> = fc.string({ minLength: 1 });
    if (field.listKind === "message") item = arbitrary(field.message);
    else if (isPacked(field)) item = fc.nat(UINT32_MAX);
    return fc.array(item, { maxLength: 3 });
  }
  switch ((field as { scalar?: ScalarType }).scalar) {
    case ScalarType.BYTES:
      return fc.array(fc.nat(255), { maxLength: 200 });
    case ScalarType.STRING:
      return fc.string({ unit: "grapheme", maxLength: 100 });
    case ScalarType.BOOL:
      return fc.boolean();
    case ScalarType.FIXED64:
      return fc.maxSafeNat();
    case ScalarType.SFIXED64:
      return fc.maxSafeInteger();
    case ScalarType.FIXED32:
    case ScalarType.UINT32:
      return fc.nat(UINT32_MAX);
    default:
      throw new Error(`${field} has a type that frames do not use`);
  }
}

export function write(writer: FrameWriter, message: DescMessage, plain: Plain): void {
  for (const field of plainFields(message)) {
    const given = plain[field.localName];
    if (isPacked(field)) {
      const octets = Buffer.from(Uint32Array.from(given as number[]).buffer);
      if (octets.length > 0) putBytes(writer, field.number, octets);
    } else if (field.fieldKind === "list") {
      for (const item of given as unknown[]) writeOne(writer, field, item);
    } else {
      writeOne(writer, field, given);
    }
  }
}

function writeOne(writer: FrameWriter, field: DescField, given: unknown): void {
  const { number } = field;
  if (field.message !== undefined) {
    if (given === undefined) return;
    const mark = beginNested(writer, number);
    write(writer, field.message, given as Plain);
    endNested(writer, mark);
    return;
  }
  switch ((field as { scalar?: ScalarType }).scalar) {
    case ScalarType.BYTES:
      putBytes(writer, number, Uint8Array.from(given as number[]));
      break;
    case ScalarType.STRING:
      putText(writer, number, given as string);
      break;
    case ScalarType.FIXED64:
      putFixed64(writer, number, given as number);
      break;
    case ScalarType.SFIXED64: {
      const at = putFixed64(writer, number, 0);
      Buffer.from(writer.bytes.buffer).writeBigInt64LE(
        BigInt(given as number),
        writer.bytes.byteOffset + at,
      );
      break;
    }
    case ScalarType.FIXED32:
      putFixed32(writer, number, given as number);
      break;
    default:
      putVarint(writer, number, Number(given));
  }
}

/** Undefined: the reader refused it. */
export function read(
  bytes: Uint8Array,
  at: number,
  end: number,
  message: DescMessage,
): Plain | undefined {
  const places = newFields();
  if (!readFields(bytes, at, end, places)) return undefined;
  const plain: Plain = {};
  for (const field of plainFields(message)) {
    const { number, localName } = field;
    if (isPacked(field)) {
      const place = places[2 * number]!;
      const octets = place < 0 ? [] : bytes.slice(place, place + places[2 * number + 1]!);
      // A length that is no whole number of values is cut bytes.
      if (octets.length % 4 !== 0) return undefined;
      plain[localName] = [...new Uint32Array(Uint8Array.from(octets).buffer)];
    } else if (field.fieldKind === "list") {
      const list: unknown[] = [];
      let from = at;
      while (nextField(bytes, from, end, number) === 1) {
        const place = { at: found.at, end: found.end };
        list.push(
          field.listKind === "message"
            ? read(bytes, place.at, place.end, field.message)
            : readText(bytes, place.at, place.end),
        );
        from = place.end;
      }
      plain[localName] = list;
    } else if (field.fieldKind === "message") {
      const place = places[2 * number]!;
      plain[localName] = has(places, number)
        ? read(bytes, place, place + places[2 * number + 1]!, field.message)
        : undefined;
    } else {
      plain[localName] = readOne(bytes, places, field);
    }
  }
  return plain;
}

function readOne(bytes: Uint8Array, places: Int32Array, field: DescField): unknown {
  const { number } = field;
  const place = places[2 * number]!;
  switch ((field as { scalar?: ScalarType }).scalar) {
    case ScalarType.BYTES:
      return place < 0 ? [] : Array.from(bytes.subarray(place, place + places[2 * number + 1]!));
    case ScalarType.STRING:
      return textOf(bytes, places, number);
    case ScalarType.BOOL:
      return varintOf(places, number) !== 0;
    case ScalarType.FIXED64:
      return place < 0 ? 0 : readUint53(bytes, place);
    case ScalarType.SFIXED64:
      return place < 0 ? 0 : Number(Buffer.from(bytes).readBigInt64LE(place));
    case ScalarType.FIXED32:
      return fixed32Of(bytes, places, number);
    default:
      return varintOf(places, number);
  }
}

/** ts-proto does not pack lists of numbers, and we read only those that we wrote: one value is both. */
export function asUnpacked(message: DescMessage, plain: Plain): Plain {
  return map(
    message,
    plain,
    (field, one) => {
      if (isPacked(field)) return one;
      return field.message === undefined ? one : asUnpacked(field.message, one as Plain);
    },
    1,
  );
}

/** What ts-proto takes. */
export function toOracle(message: DescMessage, plain: Plain): Record<string, unknown> {
  return map(message, plain, (field, one) => {
    if (field.message !== undefined) return toOracle(field.message, one as Plain);
    const scalar = (field as { scalar?: ScalarType }).scalar;
    if (is64(scalar)) return BigInt(one as number);
    return scalar === ScalarType.BYTES ? Buffer.from(one as number[]) : one;
  });
}

/** What ts-proto gave. */
export function fromOracle(message: DescMessage, given: Record<string, unknown>): Plain {
  return map(message, given, (field, one) => {
    if (field.message !== undefined) return fromOracle(field.message, one as Plain);
    const scalar = (field as { scalar?: ScalarType }).scalar;
    if (is64(scalar)) return Number(one);
    return scalar === ScalarType.BYTES ? Array.from(one as Uint8Array) : one;
  });
}

function map(
  message: DescMessage,
  given: Record<string, unknown>,
  change: (field: DescField, one: unknown) => unknown,
  packedMax = Number.POSITIVE_INFINITY,
): Plain {
  return Object.fromEntries(
    plainFields(message).map((field) => {
      const one = given[field.localName];
      if (one === undefined) return [field.localName, undefined];
      if (field.fieldKind !== "list") return [field.localName, change(field, one)];
      const items = isPacked(field) ? (one as unknown[]).slice(0, packedMax) : (one as unknown[]);
      return [field.localName, items.map((item) => change(field, item))];
    }),
  );
}
