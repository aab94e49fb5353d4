/** The text of receipts as carriers write them, for people; and that the hot path reads the same. */
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { STATE_NAMES } from "../../../core/message.js";
import { encode } from "../../../services/connectors/smpp/codec.js";
import { newSmPlaces, readSm } from "../../../services/connectors/smpp/pdu.js";
import { newReceipt, readDate, readReceipt } from "../../../services/connectors/smpp/receipt.js";
import { parseReceipt } from "../../../services/connectors/smpp/receipt-text.js";

const texts = suite("connectors: receipt text");

texts("the form that the specification proposes", () => {
  const text =
    "id:0123abCD sub:001 dlvrd:001 submit date:2611232000 done date:261123200759 stat:DELIVRD err:000 text:Hello id:x";
  assert.equal(parseReceipt(text), {
    receipt: true,
    ...{ id: "0123abCD", stat: "DELIVRD", state: "DELIVERED", err: "000" },
    ...{ submit_date: "2611232000", done_date: "261123200759", sub: "001", dlvrd: "001" },
    text: "Hello id:x",
    submitted_at: "2026-11-23T20:00:00.000Z",
    done_at: "2026-11-23T20:07:59.000Z",
  });
});

texts("other cases, long words, missing and joined fields, other orders", () => {
  const seen = (text: string) => {
    const parsed = parseReceipt(text);
    return parsed.receipt ? [parsed.id, parsed.stat, parsed.state, parsed.err] : [];
  };
  assert.equal(seen("ID:7 STAT:delivered"), ["7", "delivered", "DELIVERED", null]);
  assert.equal(seen("stat:UNDELIVERABLE err:27 id:9"), [
    "9",
    "UNDELIVERABLE",
    "UNDELIVERABLE",
    "27",
  ]);
  assert.equal(seen("id:9,stat:EXPIRED;err:1"), ["9", "EXPIRED", "EXPIRED", "1"]);
  assert.equal(seen("stat:REJECTD"), [null, "REJECTD", "REJECTED", null]);
  assert.equal(seen("id: 9  stat: ENROUTE"), ["9", "ENROUTE", "SUBMITTED", null]);
  assert.equal(seen("id:9 stat:WHATEVER"), ["9", "WHATEVER", null, null]);
  assert.equal(seen("id:9 sub:001 submitdate:2611241200 done_date:2611241201 err:xyz")[3], "xyz");
  assert.equal(seen("id:1 id:2 stat:ACCEPTD"), ["1", "ACCEPTD", "SUBMITTED", null]);
});

texts("what people write is no receipt", () => {
  for (const text of [
    "",
    "hello",
    "id:5",
    "my id: 7 please",
    "stat",
    "text:stat:DELIVRD",
    "rapid:9 estat:DELIVRD",
  ]) {
    assert.equal(parseReceipt(text), { receipt: false }, text);
  }
});

texts("dates that are none stay as they were sent", () => {
  const parsed = parseReceipt("id:1 submit date:2613241200 done date:soon stat:DELIVRD");
  assert.ok(parsed.receipt);
  assert.equal([parsed.submit_date, parsed.submitted_at], ["2613241200", null]);
  assert.equal([parsed.done_date, parsed.done_at], ["soon", null]);
});

texts("the hot path reads the same fields of any order and form", () => {
  const word = fc.constantFrom(
    "DELIVRD",
    "delivered",
    "EXPIRED",
    "UNDELIV",
    "REJECTD",
    "DELETED",
    "ACCEPTD",
    "UNKNOWN",
    "Failed",
    "2",
    "8",
  );
  const value = fc.stringMatching(/^[0-9a-zA-Z-]{1,20}$/);
  const field = fc.oneof(
    value.map((id) => `id:${id}`),
    fc
      .tuple(fc.constantFrom("stat", "STAT", "state", "status"), word)
      .map((both) => both.join(":")),
    fc.constantFrom("000", "001", "99", "xyz").map((err) => `err:${err}`),
    fc
      .tuple(
        fc.constantFrom("done date", "done_date", "donedate", "Done Date"),
        fc.constantFrom("2611241200", "261124120030", "20261124120030"),
      )
      .map((both) => both.join(":")),
    fc.constantFrom("sub:001", "dlvrd:001", "submit date:2611241159"),
  );
  fc.assert(
    fc.property(
      fc.array(field, { minLength: 1, maxLength: 8 }),
      fc.constantFrom(" ", ", ", ";", ",", "\n"),
      fc.boolean(),
      (fields, between, hasText) => {
        const once = fields.filter(
          (one, index) => fields.findIndex((other) => keyOf(other) === keyOf(one)) === index,
        );
        const text = `${once.join(between)}${hasText ? " text:id:0 stat:X" : ""}`;
        const parsed = parseReceipt(text);
        const sm = encode({
          ...{ command: "deliver_sm", sequence_number: 1, esm_class: 4 },
          short_message_hex: Buffer.from(text, "latin1").toString("hex"),
        });
        assert.ok(sm.ok);
        const places = newSmPlaces();
        const receipt = newReceipt();
        assert.ok(readSm(sm.bytes, 0, sm.bytes.length, places));
        const isRead = readReceipt(sm.bytes, places, receipt);
        const known = parsed.receipt && parsed.id !== null && parsed.state !== null;
        assert.is(isRead, known, text);
        if (!known) return;
        const at = (from: number, end: number): string =>
          Buffer.from(sm.bytes.subarray(from, end)).toString("latin1");
        assert.is(at(receipt.idAt, receipt.idEnd), parsed.id);
        assert.is(STATE_NAMES[receipt.state], parsed.state);
        assert.is(at(receipt.errorAt, receipt.errorEnd), parsed.err ?? "");
        const doneAtMs = readDate(sm.bytes, receipt.dateAt, receipt.dateEnd);
        assert.is(doneAtMs === 0 ? null : new Date(doneAtMs).toISOString(), parsed.done_at);
      },
    ),
    { numRuns: 1_000 },
  );
});

function keyOf(field: string): string {
  const key = field.slice(0, field.indexOf(":")).toLowerCase().replace(/[ _]/, "");
  return key.startsWith("stat") ? "stat" : key;
}

texts.run();
