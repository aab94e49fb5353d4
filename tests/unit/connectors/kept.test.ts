/** TLVs that are kept of answers and receipts. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { newKeeper } from "../../../services/connectors/kept.js";
import { encode } from "../../../services/connectors/smpp/codec.js";
import { HEAD_BYTES } from "../../../services/connectors/smpp/pdu.js";

const keeping = suite("connectors: kept TLVs");

const textOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString("latin1");

function tlv(tag: number, value: string | Uint8Array): Buffer {
  const octets = typeof value === "string" ? Buffer.from(value, "latin1") : value;
  return Buffer.concat([Uint8Array.of(tag >> 8, tag & 0xff, 0, octets.length), octets]);
}

keeping("none are configured, nobody looks", () => {
  assert.is(newKeeper(undefined), undefined);
  assert.is(newKeeper([]), undefined);
});

keeping("of a receipt: those that are named, by name or tag, in words", () => {
  const keeper = newKeeper(["0x0423", "0x1403", "0x0427", "0x1411", "0x1500"])!;
  const bytes = Buffer.concat([
    tlv(0x001e, "abc\0"),
    tlv(0x0427, Uint8Array.of(2)),
    tlv(0x0423, Uint8Array.of(3, 0, 8)),
    tlv(0x1403, "310260\0"),
    tlv(0x1411, Uint8Array.of(0, 1, 0xff)),
    tlv(0x1500, ""),
    tlv(0x1501, "not wanted"),
  ]);
  assert.equal(textOf(keeper.read(bytes, 0, bytes.length)).split("\n"), [
    "message_state=2",
    "network_error_code=0x030008",
    "0x1403=310260",
    "0x1411=0x0001ff",
    "0x1500=0x",
  ]);
  assert.is(keeper.read(bytes, 0, 4).length, 0);
});

keeping("a value never makes another line, and what is cut is passed over", () => {
  const keeper = newKeeper(["0x1403"])!;
  const lines = tlv(0x1403, "a\n0x1411=b");
  assert.is(textOf(keeper.read(lines, 0, lines.length)), "0x1403=0x610a3078313431313d62");
  for (let end = 0; end < lines.length; end += 1) {
    assert.is(keeper.read(lines, 0, end).length, 0);
  }
});

keeping("of an answer: behind its message id, and not of the next PDU", () => {
  const keeper = newKeeper(["0x1403"])!;
  const answer = (id: string, value: string): Uint8Array => {
    const tlvs = { "0x1403_hex": Buffer.from(value).toString("hex") };
    const encoded = encode({ command: "submit_sm_resp", message_id: id, tlvs });
    assert.ok(encoded.ok);
    return (encoded as { bytes: Uint8Array }).bytes;
  };
  const [first, second] = [answer("id1", "one"), answer("id22", "two")];
  const bytes = Buffer.concat([first, second]);
  const at = HEAD_BYTES;
  assert.is(textOf(keeper.readAnswer(bytes, at, at + 3)), "0x1403=one");
  const next = first.length + HEAD_BYTES;
  assert.is(textOf(keeper.readAnswer(bytes, next, next + 4)), "0x1403=two");
  const bare = encode({ command: "submit_sm_resp", message_id: "id" }) as { bytes: Uint8Array };
  assert.is(keeper.readAnswer(Buffer.concat([bare.bytes, first]), at, at + 2).length, 0);
});

keeping("a TLV that is repeated without end fills no frame", () => {
  const keeper = newKeeper(["0x0422", "0x1403"])!;
  const many = Buffer.concat(Array.from({ length: 13_000 }, () => tlv(0x0422, Uint8Array.of(1))));
  assert.ok(keeper.read(many, 0, many.length).length < 5_000);
});

keeping.run();
