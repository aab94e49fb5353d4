/**
 * Framing: whole PDUs out of what a socket reads, however it cuts them.
 *
 * A PDU that lies whole in a read is handed over where it lies. Only the one that a read cuts is
 * copied, into a buffer that is kept: a stream cut anywhere costs one copy of one PDU a read, not
 * of everything that waits. The buffer never grows beyond the longest PDU allowed.
 */
import { foreignProtocol, LENGTH_LONG, PDU_BYTES_MAX, pduLength } from "./pdu.js";

/** A PDU at `bytes[at, end)`, valid during the call. False: the connection is over, stop. */
export type TakePdu = (bytes: Uint8Array, at: number, end: number) => boolean;

export interface Framer {
  /**
   * Gives `take` every PDU that `bytes[from, end)` completes. `bytes` may be overwritten after.
   * @returns undefined, or why this stream is no SMPP (its end: nothing more is handed over).
   */
  push(bytes: Uint8Array, from: number, end: number, take: TakePdu): string | undefined;
  /** Bytes of a PDU that is not whole yet. */
  waiting(): number;
}

const REST_BYTES = 512;

export function newFramer(): Framer {
  let rest = Buffer.allocUnsafeSlow(REST_BYTES);
  let kept = 0;
  let over: string | undefined;

  function keep(bytes: Uint8Array, from: number, end: number): void {
    if (rest.length < kept + end - from) {
      const larger = Buffer.allocUnsafeSlow(Math.max(rest.length * 2, kept + end - from));
      larger.set(rest.subarray(0, kept));
      rest = larger;
    }
    rest.set(bytes.subarray(from, end), kept);
    kept += end - from;
  }

  function fail(bytes: Uint8Array, at: number, end: number, why: number): string {
    const protocol = foreignProtocol(bytes, at, end);
    const length = why === LENGTH_LONG ? `more than ${PDU_BYTES_MAX}` : "less than 16";
    over = protocol === "" ? `a PDU of ${length} bytes` : `the peer speaks ${protocol}, not SMPP`;
    return over;
  }

  /** Completes the kept PDU. Returns where the read goes on, -1 at the end of it. */
  function complete(bytes: Uint8Array, from: number, end: number, take: TakePdu): number {
    let at = from;
    if (kept < 4) {
      const head = Math.min(4 - kept, end - at);
      keep(bytes, at, at + head);
      at += head;
      if (kept < 4) return -1;
    }
    const known = pduLength(rest, 0, kept);
    if (known < 0) {
      fail(rest, 0, kept, known);
      return -1;
    }
    // The length is within bounds, so `rest` is, too.
    const length = rest.readUInt32BE(0);
    const part = Math.min(length - kept, end - at);
    keep(bytes, at, at + part);
    at += part;
    if (kept < length) return -1;
    kept = 0;
    return take(rest, 0, length) ? at : -1;
  }

  return {
    push(bytes, from, end, take) {
      let at = from;
      if (over !== undefined) return over;
      if (kept > 0) {
        at = complete(bytes, from, end, take);
        if (at < 0) return over;
      }
      while (at < end) {
        const length = pduLength(bytes, at, end);
        if (length < 0) return fail(bytes, at, end, length);
        if (length === 0) {
          keep(bytes, at, end);
          break;
        }
        if (!take(bytes, at, at + length)) break;
        at += length;
      }
      return undefined;
    },
    waiting: () => kept,
  };
}
