/** The codec on what operators paste: vectors, and errors that say what is wrong and where. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { decode, encode } from "../../../services/connectors/smpp/codec.js";
import { COMMANDS } from "../../../services/connectors/smpp/commands.js";
import { TLVS } from "../../../services/connectors/smpp/tlvs.js";

const codec = suite("connectors: codec");

const hex = (text: string): Uint8Array => Buffer.from(text.replaceAll(" ", ""), "hex");

/** The example of v3.4, 3.2.3: a bind_transmitter. */
const BIND =
  "0000002F 00000002 00000000 00000001 534D50503354455354 00 7365637265743038 00" +
  "5355424D495431 00 00 01 01 00";

codec("reads the example of the specification", () => {
  assert.equal(decode(hex(BIND)), {
    ok: true,
    pdu: {
      command: "bind_transmitter",
      command_length: 47,
      command_id: 2,
      command_status: 0,
      command_status_name: "ESME_ROK",
      sequence_number: 1,
      system_id: "SMPP3TEST",
      password: "secret08",
      system_type: "SUBMIT1",
      interface_version: 0,
      addr_ton: 1,
      addr_npi: 1,
      address_range: "",
      tlvs: {},
    },
  });
});

codec("keeps unknown, repeated and misfitting TLVs", () => {
  const pdu = {
    command: "data_sm",
    sequence_number: 9,
    tlvs: {
      "0x1400_hex": ["01", ""],
      message_payload_hex: "00ff",
      sar_msg_ref_num: 513,
      message_state_hex: "0202",
      receipted_message_id: "0A1b",
    },
  };
  const encoded = encode(pdu);
  assert.ok(encoded.ok);
  const decoded = decode(encoded.bytes);
  assert.ok(decoded.ok);
  assert.equal(decoded.pdu.tlvs, pdu.tlvs);
});

codec("a refusing answer may have no body, a full one has all of it", () => {
  const refused = decode(hex("00000010 80000004 00000058 00000007"));
  assert.ok(refused.ok && refused.pdu["message_id"] === undefined);
  assert.is(refused.ok && refused.pdu.command_status_name, "ESME_RTHROTTLED");
  const empty = decode(hex("00000011 80000004 00000000 00000007 00"));
  assert.is(empty.ok && empty.pdu["message_id"], "");
});

codec("says what is wrong, and at which byte", () => {
  const cases: readonly (readonly [string, string, number, RegExp])[] = [
    ["0000", "truncated", 2, /no PDU/],
    ["0000000f 00000015 00000000 00000001", "length_short", 0, /15/],
    ["00000011 00000015 00000000 00000001", "truncated", 16, /17.*16/],
    ["00000010 00000015 00000000 00000001 00", "trailing_bytes", 16, /1 bytes follow/],
    ["7fffffff 00000015 00000000 00000001", "length_long", 0, /2147483647/],
    [Buffer.from("HTTP/1.1 400").toString("hex"), "not_smpp", 0, /HTTP/],
    [Buffer.from("AMQP\0\0\t\x01").toString("hex"), "not_smpp", 0, /AMQP/],
    ["16030100 a5010000 00000000 00000000", "not_smpp", 0, /TLS/],
    ["00000010 00010200 00000000 00000001", "unknown_command", 4, /0x00010200/],
    ["00000012 0000000b 00000000 00000001 4141", "text_unterminated", 18, /system_id/],
    ["00000015 00000103 00000000 00000001 0001020000", "field_truncated", 21, /dest_addr_npi/],
    ["00000013 00000015 00000000 00000001 020400", "tlv_truncated", 19, /head of a TLV/],
    ["00000015 00000015 00000000 00000001 0204000201", "tlv_truncated", 18, /should have 2/],
  ];
  for (const [bytes, code, offset, message] of cases) {
    const decoded = decode(hex(bytes));
    assert.ok(!decoded.ok, bytes);
    assert.equal([decoded.error.code, decoded.error.offset], [code, offset], decoded.error.message);
    assert.match(decoded.error.message, message);
  }
});

codec("a lying sm_length ends within the PDU", () => {
  const sm = encode({ command: "submit_sm", sequence_number: 1, short_message_hex: "4869" });
  assert.ok(sm.ok);
  const lying = Uint8Array.from(sm.bytes);
  lying[lying.length - 3] = 200;
  const decoded = decode(lying);
  assert.ok(!decoded.ok);
  assert.is(decoded.error.code, "field_truncated");
  assert.match(decoded.error.message, /short_message should have 200 octets, 2 are left/);
});

codec("encoding names each field that is wrong", () => {
  const encoded = encode({
    command: "submit_sm",
    source_addr: "x".repeat(21),
    esm_class: 256,
    short_message_hex: "0",
    destination: "1",
    tlvs: { nothing: 1, message_payload: "a", "0x1400_hex": "zz" },
  });
  assert.ok(!encoded.ok);
  assert.equal(encoded.problems.map(({ field }) => field).sort(), [
    "destination",
    "esm_class",
    "short_message_hex",
    "sm_length",
    "source_addr",
    "tlvs.0x1400_hex",
    "tlvs.message_payload",
    "tlvs.nothing",
  ]);
  const unknown = encode({ command: "submit" });
  assert.ok(!unknown.ok);
  assert.match(unknown.problems[0]!.problem, /submit_multi/);
});

codec("has each command and each TLV once", () => {
  for (const keys of [
    COMMANDS.map(({ id }) => id),
    COMMANDS.map(({ name }) => name),
    TLVS.map(({ tag }) => tag),
    TLVS.map(({ name }) => name),
  ]) {
    assert.is(new Set<string | number>(keys).size, keys.length);
  }
});

codec.run();
