/** PDUs byte for byte, and bytes that are none. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { newWriter, written } from "../../../core/stream/frame.js";
import { newFramer } from "../../../services/connectors/smpp/framing.js";
import {
  COMMAND,
  findTlv,
  foreignProtocol,
  LENGTH_LONG,
  LENGTH_SHORT,
  newSmPlaces,
  PDU_BYTES_MAX,
  pduLength,
  putDeliverResp,
  putHead,
  readSm,
  SM,
  tlvFound,
} from "../../../services/connectors/smpp/pdu.js";
import { decodePdu, encodePdu } from "../../../services/connectors/smpp/pdu-object.js";
import { SUBMIT } from "./kit.js";

const pdu = suite("connectors: pdu");

pdu("writes a submit_sm byte for byte as the specification lays it out", () => {
  const expected =
    "00000035 00000004 00000000 01020304" +
    "00 0500 466c6f6500 0101 34343737303039303031323300" +
    "00 00 00 00 00 01 00 00 00 02 6869";
  const hex = expected.replaceAll(" ", "");
  const bytes = Buffer.from(encodePdu(SUBMIT)).toString("hex");
  assert.is(bytes.slice(8), hex.slice(8));
  assert.is(Number.parseInt(bytes.slice(0, 8), 16), bytes.length / 2);
});

pdu("a PDU that is a header, and the answer to a deliver_sm, have their bytes", () => {
  const writer = newWriter(64);
  putHead(writer, COMMAND.enquire_link, 0, 7);
  putDeliverResp(writer, 0x64, 0x7fffffff);
  assert.is(
    Buffer.from(written(writer)).toString("hex"),
    "00000010000000150000000000000007" + "0000001180000005000000647fffffff00",
  );
});

pdu("believes a length only within its bounds", () => {
  const length = (value: number): number => {
    const bytes = Buffer.alloc(16);
    bytes.writeUInt32BE(value);
    return pduLength(bytes, 0, 16);
  };
  assert.is(length(0), LENGTH_SHORT);
  assert.is(length(15), LENGTH_SHORT);
  assert.is(length(16), 16);
  assert.is(length(17), 0);
  assert.is(length(PDU_BYTES_MAX), 0);
  assert.is(length(PDU_BYTES_MAX + 1), LENGTH_LONG);
  assert.is(length(0xffffffff), LENGTH_LONG);
  assert.is(pduLength(Buffer.alloc(3), 0, 3), 0);
});

pdu("names the protocol of a peer that speaks another one", () => {
  const spoken = [
    ["HTTP/1.1 400 Bad Request", "HTTP"],
    ["GET / HTTP/1.1", "HTTP"],
    ["AMQP\u0000\u0000\u0009\u0001", "AMQP"],
    ["\u0016\u0003\u0001\u0000", "TLS"],
    ["SSH-2.0-OpenSSH", "SSH"],
    ["PRI * HTTP/2.0", "HTTP/2"],
  ] as const;
  for (const [bytes, name] of spoken) {
    const start = Buffer.from(bytes, "latin1");
    assert.is(foreignProtocol(start, 0, start.length), name);
    const error = newFramer().push(start, 0, start.length, () => true);
    assert.is(error, `the peer speaks ${name}, not SMPP`);
  }
  assert.is(foreignProtocol(Buffer.from([0, 0, 0, 16]), 0, 4), "");
});

pdu("a stream that is no SMPP stays over, whatever follows", () => {
  const framer = newFramer();
  const bad = Buffer.from([0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4]);
  assert.is(
    framer.push(bad, 0, 8, () => true),
    `a PDU of more than ${PDU_BYTES_MAX} bytes`,
  );
  const good = encodePdu(SUBMIT);
  let taken = 0;
  framer.push(good, 0, good.length, () => {
    taken += 1;
    return true;
  });
  assert.is(taken, 0);
});

pdu("finds the fields of a deliver_sm, and refuses one whose lengths lie", () => {
  const tlvs = [{ tag: 0x001e, value: Buffer.from("abc\0") }];
  const bytes = encodePdu({ ...SUBMIT, command: "deliver_sm", tlvs });
  const places = newSmPlaces();
  assert.ok(readSm(bytes, 0, bytes.length, places));
  const text = (from: number, end: number) =>
    Buffer.from(bytes.subarray(places[from]!, places[end]!)).toString();
  assert.is(text(SM.source, SM.sourceEnd), "Floe");
  assert.is(text(SM.destination, SM.destinationEnd), "447700900123");
  assert.is(text(SM.content, SM.contentEnd), "hi");
  assert.ok(findTlv(bytes, places[SM.tlvs]!, places[SM.tlvsEnd]!, 0x001e));
  assert.is(tlvFound.end - tlvFound.at, 4);
  assert.not.ok(findTlv(bytes, places[SM.tlvs]!, places[SM.tlvsEnd]!, 0x0427));
  // Cut anywhere it is no deliver_sm, and nothing is read beyond its end.
  for (let end = 16; end < places[SM.tlvs]!; end += 1) {
    assert.not.ok(readSm(bytes, 0, end, places.slice()));
  }
  const lying = bytes.slice();
  lying[places[SM.content]! - 1] = 255;
  assert.not.ok(readSm(lying, 0, lying.length, newSmPlaces()));
});

pdu("decodes what it does not know, or cannot read, to an error", () => {
  const error = (bytes: Uint8Array) => {
    const decoded = decodePdu(bytes);
    return "error" in decoded ? decoded.error : "";
  };
  assert.is(error(new Uint8Array(0)), "its length is not its size");
  const unknown = Buffer.alloc(16);
  unknown.writeUInt32BE(16);
  unknown.writeUInt32BE(0x111, 4);
  assert.is(error(unknown), "command 0x00000111 is not read here");
  const cut = Buffer.from(encodePdu(SUBMIT).subarray(0, 40));
  cut.writeUInt32BE(40);
  assert.is(error(cut), "submit_sm is malformed");
  const half = Buffer.concat([encodePdu(SUBMIT), Buffer.from([4, 0x24])]);
  half.writeUInt32BE(half.length);
  assert.is(error(half), "submit_sm ends in half a TLV");
});

pdu.run();
