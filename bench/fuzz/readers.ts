/**
 * Readers under fuzz: all that reads bytes of a peer, called directly. Each throws what it finds
 * wrong: an exception that came out, a place outside of the bytes, two readers that disagree.
 */
import { strict as assert } from "node:assert";
import { decode, encode } from "../../services/connectors/smpp/codec.js";
import { newFramer } from "../../services/connectors/smpp/framing.js";
import {
  newSmPlaces,
  PDU_BYTES_MAX,
  pduLength,
  readSm,
  readUint32BE,
} from "../../services/connectors/smpp/pdu.js";
import { decodePdu } from "../../services/connectors/smpp/pdu-object.js";
import { isReceipt, newReceipt, readReceipt } from "../../services/connectors/smpp/receipt.js";
import { parseReceipt } from "../../services/connectors/smpp/receipt-text.js";
import type { ByteSource } from "./bytes.js";

export type Reader = (source: ByteSource) => Uint8Array;

const places = newSmPlaces();
const receipt = newReceipt();

/** Each returns what it was given, for the report of a failure. */
export const READERS: Readonly<Record<string, (bytes: Uint8Array, source: ByteSource) => void>> = {
  /** However a stream is cut, the same PDUs come out, and never more is kept than a PDU may have. */
  framer(bytes, source) {
    const whole: string[] = [];
    const wrong = framed(bytes, [bytes.length], whole);
    const cuts: number[] = [];
    for (let at = 0; at < bytes.length; at += 1 + source.below(64)) cuts.push(at);
    const cut: string[] = [];
    const wrongToo = framed(bytes, [...cuts, bytes.length], cut);
    assert.deepEqual(cut, whole);
    // Why may differ: the bytes behind a wrong length are told from it only when they are there.
    assert.equal(wrongToo === undefined, wrong === undefined);
  },
  /** What is decoded is encoded to something that decodes to the same. */
  codec(bytes) {
    const decoded = decode(bytes);
    if (!decoded.ok) {
      const { offset } = decoded.error;
      assert.ok(offset >= 0 && offset <= bytes.length, `offset ${offset} of ${bytes.length}`);
      return;
    }
    const encoded = encode(decoded.pdu);
    assert.ok(encoded.ok, JSON.stringify(encoded));
    const again = decode(encoded.bytes);
    assert.ok(again.ok);
    assert.deepEqual({ ...again.pdu, command_length: 0 }, { ...decoded.pdu, command_length: 0 });
  },
  /** The hot path's reader of submit_sm and deliver_sm, and the objects made with it. */
  sm(bytes) {
    decodePdu(bytes);
    if (pduLength(bytes, 0, bytes.length) !== bytes.length) return;
    if (!readSm(bytes, 0, bytes.length, places)) return;
    for (const place of places) assert.ok(place >= 0 && place <= bytes.length, `place ${place}`);
  },
  /** The hot path's reader of receipts, wherever it stands. */
  receipt(bytes) {
    if (bytes.length < 16 || !readSm(bytes, 0, bytes.length, places)) return;
    isReceipt(bytes, places);
    readReceipt(bytes, places, receipt);
    const { idAt, idEnd, errorAt, errorEnd, dateAt, dateEnd } = receipt;
    for (const place of [idAt, idEnd, errorAt, errorEnd, dateAt, dateEnd]) {
      assert.ok(place >= 0 && place <= bytes.length, `place ${place} of ${bytes.length}`);
    }
  },
  receiptText(bytes) {
    parseReceipt(Buffer.from(bytes).toString("latin1"));
    parseReceipt(Buffer.from(bytes).toString("utf8"));
  },
};

function framed(bytes: Uint8Array, ends: readonly number[], into: string[]): string | undefined {
  const framer = newFramer();
  let from = 0;
  let wrong: string | undefined;
  for (const end of ends) {
    // A copy: a framer must not keep the bytes of a read.
    const read = Uint8Array.from(bytes.subarray(from, end));
    wrong = framer.push(read, 0, read.length, (pdu, at, to) => {
      assert.equal(readUint32BE(pdu, at), to - at);
      into.push(Buffer.from(pdu.subarray(at, to)).toString("base64"));
      return true;
    });
    assert.ok(framer.waiting() <= PDU_BYTES_MAX, `${framer.waiting()} bytes are kept`);
    read.fill(0xee);
    from = end;
    if (wrong !== undefined) break;
  }
  return wrong;
}
