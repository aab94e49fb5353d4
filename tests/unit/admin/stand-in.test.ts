/** Stand-ins: a body of each encoding and number of segments, as the hot path counts them. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { ENCODING_GSM7, ENCODING_UCS2 } from "../../../core/stream/fields.js";
import { standIn } from "../../../services/admin/stand-in.js";
import { countBinary, countSegments, measured } from "../../../workers/segments.js";

const standIns = suite("stand-ins");

standIns("count as what they stand for", () => {
  for (const [name, encoding] of [
    ["gsm7", ENCODING_GSM7],
    ["ucs2", ENCODING_UCS2],
  ] as const) {
    for (let segments = 1; segments <= 13; segments += 1) {
      const bytes = Uint8Array.from(Buffer.from(standIn(name, segments).text, "utf8"));
      const view = new DataView(bytes.buffer);
      assert.is(countSegments(bytes, view, 0, bytes.length), segments, `${name} ${segments}`);
      assert.is(measured.encoding, encoding);
    }
  }
  assert.equal(standIn("", 0), { text: "a" });
  for (let segments = 1; segments <= 12; segments += 1) {
    const { text, binary } = standIn("binary", segments);
    assert.is(text, "");
    assert.is(countBinary(binary!.data.length, 0), segments);
  }
});

standIns.run();
