/**
 * Goal: PDUs survive encoding and any cutting of the byte stream; no bytes make a reader throw, read
 * outside, or hold more than one PDU's worth of memory. A failure prints { seed, path }.
 */
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { newFramer } from "../../../services/connectors/smpp/framing.js";
import {
  findTlv,
  newSmPlaces,
  PDU_BYTES_MAX,
  readSm,
} from "../../../services/connectors/smpp/pdu.js";
import { decodePdu, encodePdu, type Pdu } from "../../../services/connectors/smpp/pdu-object.js";
import { isReceipt, newReceipt, readReceipt } from "../../../services/connectors/smpp/receipt.js";

const pdus = suite("connectors: PDUs");

const octet = fc.integer({ min: 0, max: 255 });
const uint32 = fc.integer({ min: 0, max: 0xffff_ffff });
/** Latin-1 without NUL: what a C-octet string can hold. */
const text = (max: number) =>
  fc.string({
    unit: fc.integer({ min: 1, max: 255 }).map((code) => String.fromCharCode(code)),
    maxLength: max,
  });
const tlvs = fc.array(
  fc.record({
    tag: fc.integer({ min: 1, max: 0xffff }),
    value: fc.uint8Array({ maxLength: 40 }),
  }),
  { maxLength: 3 },
);
const head = { status: uint32, sequence: fc.integer({ min: 1, max: 0x7fff_ffff }), tlvs };

const bind = fc.record({
  command: fc.constantFrom("bind_transmitter", "bind_receiver", "bind_transceiver"),
  ...head,
  ...{ systemId: text(15), password: text(8), systemType: text(12), addressRange: text(40) },
  ...{ interfaceVersion: octet, addressTon: octet, addressNpi: octet },
});
const answer = fc.record({
  command: fc.constantFrom("bind_transceiver_resp", "submit_sm_resp", "deliver_sm_resp"),
  ...head,
  text: text(64),
});
const sm = fc.record({
  command: fc.constantFrom("submit_sm", "deliver_sm"),
  ...head,
  ...{ serviceType: text(5), source: text(20), destination: text(20) },
  ...{ sourceTon: octet, sourceNpi: octet, destinationTon: octet, destinationNpi: octet },
  ...{ esmClass: octet, protocolId: octet, priority: octet, registeredDelivery: octet },
  ...{ replaceIfPresent: octet, dataCoding: octet, defaultMessageId: octet },
  scheduleTime: fc.constantFrom("", "261124120000000R"),
  validityPeriod: fc.constantFrom("", "000000010000000R"),
  content: fc.uint8Array({ maxLength: 254 }),
});
const bare = fc.record({
  command: fc.constantFrom(
    "enquire_link",
    "enquire_link_resp",
    "unbind",
    "unbind_resp",
    "generic_nack",
  ),
  ...head,
});
const pdu = fc.oneof(bind, answer, sm, bare) as fc.Arbitrary<Pdu>;

pdus("decoding what was encoded gives it back", () => {
  fc.assert(
    fc.property(pdu, (one) => {
      const decoded = decodePdu(encodePdu(one));
      // A refusal has no body unless it has a text.
      if ("text" in one && one.text === "" && one.status !== 0 && one.tlvs.length > 0) return;
      assert.equal(plain(decoded), plain(one));
    }),
    { numRuns: 500 },
  );
});

pdus("the same PDUs come out however the stream is cut", () => {
  const stream = fc.array(pdu, { minLength: 1, maxLength: 8 });
  const cuts = fc.array(fc.integer({ min: 1, max: 120 }), { minLength: 1, maxLength: 40 });
  fc.assert(
    fc.property(stream, cuts, (wanted, sizes) => {
      const bytes = Buffer.concat(wanted.map((one) => encodePdu(one)));
      const framer = newFramer();
      const found: string[] = [];
      // One buffer for all reads, overwritten each time, as the session's.
      const read = Buffer.alloc(200);
      for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
        const size = Math.min(sizes[turn % sizes.length]!, bytes.length - at);
        read.fill(0xee);
        bytes.copy(read, 7, at, at + size);
        const error = framer.push(read, 7, 7 + size, (from, start, end) => {
          found.push(Buffer.from(from.subarray(start, end)).toString("hex"));
          return true;
        });
        assert.is(error, undefined);
        at += size;
      }
      assert.equal(
        found,
        wanted.map((one) => Buffer.from(encodePdu(one)).toString("hex")),
      );
      assert.is(framer.waiting(), 0);
    }),
    { numRuns: 500 },
  );
});

pdus("no bytes make the framer throw or hold more than one PDU", () => {
  const chunk = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    pdu.map((one) => encodePdu(one)),
    // Lengths that lie a little, and a lot.
    fc
      .tuple(fc.constantFrom(0, 15, 16, 17, 300, PDU_BYTES_MAX, PDU_BYTES_MAX + 1, 0xffff_ffff))
      .map(([length]) => {
        const bytes = Buffer.alloc(20, 0x41);
        bytes.writeUInt32BE(length);
        return new Uint8Array(bytes);
      }),
  );
  fc.assert(
    fc.property(fc.array(chunk, { maxLength: 30 }), (chunks) => {
      const framer = newFramer();
      for (const bytes of chunks) {
        framer.push(bytes, 0, bytes.length, (from, at, end) => {
          assert.ok(end - at >= 16 && end - at <= PDU_BYTES_MAX && end <= from.length);
          return true;
        });
        assert.ok(framer.waiting() < PDU_BYTES_MAX);
      }
    }),
    { numRuns: 500 },
  );
});

pdus("no bytes make a reader throw or point outside", () => {
  const damaged = fc
    .tuple(pdu, fc.array(fc.tuple(fc.nat(400), octet), { maxLength: 6 }), fc.nat(400))
    .map(([one, changes, cut]) => {
      const bytes = Uint8Array.from(encodePdu(one));
      for (const [place, value] of changes) bytes[place % bytes.length] = value;
      return bytes.slice(0, Math.max(16, bytes.length - (cut % 60)));
    });
  const anything = fc.oneof(damaged, fc.uint8Array({ minLength: 16, maxLength: 300 }));
  const places = newSmPlaces();
  const receipt = newReceipt();
  fc.assert(
    fc.property(anything, (bytes) => {
      decodePdu(bytes);
      findTlv(bytes, 16, bytes.length, 0x001e);
      if (!readSm(bytes, 0, bytes.length, places)) return;
      for (const place of places) assert.ok(place >= 16 && place <= bytes.length);
      isReceipt(bytes, places);
      if (!readReceipt(bytes, places, receipt)) return;
      assert.ok(
        receipt.idAt >= 16 && receipt.idEnd <= bytes.length && receipt.idEnd > receipt.idAt,
      );
      assert.ok(receipt.errorEnd - receipt.errorAt <= 32 && receipt.errorEnd <= bytes.length);
    }),
    { numRuns: 2_000 },
  );
});

pdus("the quick way and the slow way read the usual receipt alike", () => {
  const digits = (count: number) =>
    fc
      .array(fc.integer({ min: 0, max: 9 }), { minLength: count, maxLength: count })
      .map((all) => all.join(""));
  const id = fc.stringMatching(/^[0-9a-zA-Z-]{1,40}$/);
  const word = fc.constantFrom(
    "DELIVRD",
    "EXPIRED",
    "DELETED",
    "UNDELIV",
    "ACCEPTD",
    "UNKNOWN",
    "REJECTD",
  );
  const usual = fc.tuple(
    id,
    digits(3),
    digits(10),
    word,
    digits(3),
    fc.constantFrom("", " text:", " text:id:9"),
  );
  fc.assert(
    fc.property(usual, ([id, count, date, stat, error, rest]) => {
      const text = `id:${id} sub:${count} dlvrd:${count} submit date:${date} done date:${date} stat:${stat} err:${error}${rest}`;
      // A blank before it is enough to send it the slow way.
      assert.equal(readText(text), readText(` ${text}`));
    }),
    { numRuns: 500 },
  );
});

function readText(text: string): unknown {
  const bytes = encodePdu({
    ...{ command: "deliver_sm", status: 0, sequence: 1, tlvs: [], serviceType: "", priority: 0 },
    ...{ sourceTon: 0, sourceNpi: 0, source: "1", destinationTon: 0, destinationNpi: 0 },
    ...{ destination: "2", esmClass: 4, protocolId: 0, scheduleTime: "", validityPeriod: "" },
    ...{ registeredDelivery: 0, replaceIfPresent: 0, dataCoding: 0, defaultMessageId: 0 },
    content: Buffer.from(text, "latin1"),
  });
  const places = newSmPlaces();
  const receipt = newReceipt();
  assert.ok(readSm(bytes, 0, bytes.length, places));
  assert.ok(readReceipt(bytes, places, receipt));
  const part = (from: number, end: number) => Buffer.from(bytes.subarray(from, end)).toString();
  const { state, error, idAt, idEnd, errorAt, errorEnd, dateAt, dateEnd } = receipt;
  return [state, error, part(idAt, idEnd), part(errorAt, errorEnd), part(dateAt, dateEnd)];
}

/** Byte arrays of any kind as hex, so that only their bytes are compared. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString("hex");
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, plain(one)]));
}

pdus.run();
