/** Sequence: the number of a SendStreamRequest, read in place. */

const SEQUENCE = 1;
const VARINT = 0;
const FIXED64 = 1;
const LENGTH = 2;
const FIXED32 = 5;

/**
 * The value of `sequence`, 0 if it is not there.
 * @returns undefined: the bytes are not a message, or the field is of the wrong wire type.
 */
export function sequenceOf(request: Uint8Array): bigint | undefined {
  const end = request.length;
  let sequence = 0n;
  let at = 0;
  let value = 0n;
  /** Reads a varint at `at` into `value`. */
  const varint = (octetsMax: number): boolean => {
    value = 0n;
    for (let octets = 0; octets < octetsMax && at < end; octets += 1) {
      const octet = request[at++]!;
      value |= BigInt(octet & 127) << BigInt(7 * octets);
      if (octet < 128) return true;
    }
    return false;
  };
  while (at < end) {
    if (!varint(2)) return undefined;
    const tag = Number(value);
    const kind = tag & 7;
    if (kind === VARINT || kind === LENGTH) {
      if (!varint(kind === LENGTH ? 5 : 10)) return undefined;
      if (kind === LENGTH) at += Number(value);
    } else if (kind === FIXED64) at += 8;
    else if (kind === FIXED32) at += 4;
    else return undefined;
    if (at > end) return undefined;
    if (tag >>> 3 === SEQUENCE) {
      if (kind !== VARINT) return undefined;
      sequence = BigInt.asUintN(64, value);
    }
  }
  return sequence;
}
