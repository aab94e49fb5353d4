/** data_sm of carriers: read as a deliver_sm is, and answered by its own PDU. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { STATE } from "../../../core/message.js";
import { newWriter, written } from "../../../core/stream/frame.js";
import { encode } from "../../../services/connectors/smpp/codec.js";
import { putDataResp, readDelivered } from "../../../services/connectors/smpp/data-sm.js";
import { newSmPlaces, SM } from "../../../services/connectors/smpp/pdu.js";
import { isReceipt, newReceipt, readReceipt } from "../../../services/connectors/smpp/receipt.js";

const data = suite("connectors: data_sm");

function pduOf(fields: object): Uint8Array {
  const encoded = encode({ command: "data_sm", sequence_number: 7, ...fields });
  if (!encoded.ok) throw new Error(JSON.stringify(encoded.problems));
  return new Uint8Array(encoded.bytes);
}

const ADDRESSES = {
  ...{ source_addr_ton: 1, source_addr_npi: 1, source_addr: "447700900123" },
  ...{ dest_addr_ton: 5, destination_addr: "Floe" },
};
const latin1 = (bytes: Uint8Array, at: number, end: number) =>
  Buffer.from(bytes.subarray(at, end)).toString("latin1");

data("a receipt: the text in message_payload, or parameters alone", () => {
  const text =
    "id:77f sub:001 dlvrd:001 submit date:2611241200 done date:2611241201 stat:DELIVRD err:000";
  const inText = pduOf({
    ...{ ...ADDRESSES, esm_class: 4 },
    tlvs: { message_payload_hex: Buffer.from(text).toString("hex") },
  });
  const inTlvs = pduOf({ ...ADDRESSES, tlvs: { receipted_message_id: "77f", message_state: 2 } });
  for (const bytes of [inText, inTlvs]) {
    const places = newSmPlaces();
    assert.ok(readDelivered(bytes, 0, bytes.length, places));
    assert.ok(isReceipt(bytes, places));
    const receipt = newReceipt();
    assert.ok(readReceipt(bytes, places, receipt));
    assert.is(receipt.state, STATE.DELIVERED);
    assert.is(latin1(bytes, receipt.idAt, receipt.idEnd), "77f");
    assert.is(latin1(bytes, places[SM.source]!, places[SM.sourceEnd]!), "447700900123");
    assert.is(latin1(bytes, places[SM.destination]!, places[SM.destinationEnd]!), "Floe");
  }
});

data("a message from a phone: where everything of it stands, at any offset", () => {
  const bytes = pduOf({
    ...ADDRESSES,
    ...{ service_type: "CMT", esm_class: 0x40, registered_delivery: 1, data_coding: 8 },
    tlvs: { message_payload_hex: "04370436" },
  });
  const padded = Buffer.concat([Buffer.alloc(3, 0xff), bytes, Buffer.alloc(3, 0xff)]);
  const places = newSmPlaces();
  assert.ok(readDelivered(padded, 3, 3 + bytes.length, places));
  assert.not(isReceipt(padded, places));
  assert.equal(
    [SM.sourceTon, SM.destinationTon, SM.esmClass, SM.registeredDelivery, SM.dataCoding].map(
      (place) => padded[places[place]!],
    ),
    [1, 5, 0x40, 1, 8],
  );
  assert.is(places[SM.content], places[SM.contentEnd]);
  assert.equal(
    [...padded.subarray(places[SM.tlvs], places[SM.tlvsEnd])],
    [0x04, 0x24, 0, 4, 0x04, 0x37, 0x04, 0x36],
  );
});

data("one that is cut short, or whose texts have no end, is none", () => {
  const bytes = pduOf({ ...ADDRESSES, tlvs: { message_payload_hex: "41" } });
  const places = newSmPlaces();
  const whole = bytes.length - 5;
  for (let end = 16; end < whole; end += 1) {
    assert.not(readDelivered(bytes, 0, end, places), `${end}`);
  }
  assert.ok(readDelivered(bytes, 0, whole, places));
  const endless = Buffer.concat([bytes.subarray(0, 16), Buffer.alloc(200, 0x31)]);
  assert.not(readDelivered(endless, 0, endless.length, places));
});

data("is answered by data_sm_resp with an empty id", () => {
  const writer = newWriter(8);
  putDataResp(writer, 0x64, 9);
  assert.is(
    Buffer.from(written(writer)).toString("hex"),
    "00000011800001030000006400000009" + "00",
  );
});

data.run();
