/** submit_sm out of dispatch records: addresses, alphabets, parts. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { CANNOT } from "../../../services/connectors/link.js";
import type { SmPdu } from "../../../services/connectors/smpp/pdu-object.js";
import { partsOf, type Wanted } from "./kit.js";

const submit = suite("connectors: submit");
function only(wanted: Wanted): SmPdu {
  const parts = partsOf(wanted);
  assert.ok(parts !== CANNOT && parts.length === 1);
  return (parts as SmPdu[])[0]!;
}

submit("a plain text in one part", () => {
  const pdu = only({});
  assert.equal(
    [pdu.sourceTon, pdu.sourceNpi, pdu.source, pdu.destinationTon, pdu.destinationNpi],
    [5, 0, "Floe", 1, 1],
  );
  assert.is(pdu.destination, "447700900123");
  assert.equal([pdu.esmClass, pdu.dataCoding, pdu.registeredDelivery], [0, 0, 1]);
  assert.is(Buffer.from(pdu.content).toString(), "Hello");
  assert.is(pdu.validityPeriod, "");
});

submit("senders: a number, a short code, a name", () => {
  const senderOf = (from: string) => {
    const pdu = only({ from });
    return [pdu.sourceTon, pdu.sourceNpi, pdu.source];
  };
  assert.equal(senderOf("+447700900000"), [1, 1, "447700900000"]);
  assert.equal(senderOf("72345"), [3, 0, "72345"]);
  assert.equal(senderOf("Floe 24"), [5, 0, "Floe 24"]);
});

submit("no receipt wanted, none asked for", () => {
  assert.is(only({ receipt: 2 }).registeredDelivery, 0);
  assert.is(only({ receipt: 1 }).registeredDelivery, 1);
});

submit("a validity of the customer's is told as a relative time", () => {
  assert.is(only({ validitySeconds: 90 }).validityPeriod, "000000000130000R");
  assert.is(only({ validitySeconds: 2 * 86_400 + 3_661 }).validityPeriod, "000002010101000R");
});

submit("the GSM alphabet, one octet a septet", () => {
  const pdu = only({ text: "@£€[ü" });
  assert.equal([...pdu.content], [0x00, 0x01, 0x1b, 0x65, 0x1b, 0x3c, 0x7e]);
  assert.is(pdu.dataCoding, 0);
});

submit("what is not in it goes as UCS-2", () => {
  const pdu = only({ text: "Привет 👍" });
  assert.is(pdu.dataCoding, 8);
  const units = Buffer.from(pdu.content).swap16().toString("utf16le");
  assert.is(units, "Привет 👍");
});

submit("a Latin-1 carrier gets Latin-1, or UCS-2 for what that has not", () => {
  const latin = only({ text: "Grüße [1]", alphabet: "latin1" });
  assert.equal([latin.dataCoding, Buffer.from(latin.content).toString("latin1")], [0, "Grüße [1]"]);
  assert.is(only({ text: "5 €", alphabet: "latin1" }).dataCoding, 8);
  assert.is(only({ text: "Ω", alphabet: "latin1" }).dataCoding, 8);
});

submit("an ASCII carrier gets ASCII, Latin-1 by its own coding, or UCS-2", () => {
  const ascii = only({ text: "a@b [c]", alphabet: "ascii" });
  assert.equal([ascii.dataCoding, Buffer.from(ascii.content).toString("latin1")], [0, "a@b [c]"]);
  const latin = only({ text: "Grüße", alphabet: "ascii" });
  assert.equal([latin.dataCoding, Buffer.from(latin.content).toString("latin1")], [3, "Grüße"]);
  assert.is(only({ text: "5 €", alphabet: "ascii" }).dataCoding, 8);
});

submit("a long text: each part with its header, 153 septets or 67 units", () => {
  const parts = partsOf({ text: "x".repeat(161) }) as SmPdu[];
  assert.equal(
    parts.map(({ esmClass, content }) => [esmClass, ...content.subarray(0, 6), content.length - 6]),
    [
      [0x40, 5, 0, 3, 0x2a, 2, 1, 153],
      [0x40, 5, 0, 3, 0x2a, 2, 2, 8],
    ],
  );
  const unicode = partsOf({ text: "ж".repeat(71) }) as SmPdu[];
  assert.equal(
    unicode.map(({ dataCoding, content }) => [dataCoding, content.length - 6]),
    [
      [8, 134],
      [8, 8],
    ],
  );
  // Counted in GSM, sent as UCS-2: cut anew.
  const euros = partsOf({ text: "€".repeat(80), alphabet: "latin1" }) as SmPdu[];
  assert.equal(
    euros.map(({ dataCoding, content }) => [dataCoding, content.length - 6]),
    [
      [8, 134],
      [8, 26],
    ],
  );
});

submit("a sender rule's sender in place of the customer's", () => {
  const pdu = only({ from: "Customer", sender: "72345" });
  assert.equal([pdu.sourceTon, pdu.sourceNpi, pdu.source], [3, 0, "72345"]);
  assert.is(only({ from: "Customer", sender: "+447700900000" }).source, "447700900000");
  assert.is(only({ from: "", sender: "Floe" }).source, "Floe");
  assert.is(only({ from: "Customer", sender: "" }).source, "Customer");
  assert.is(partsOf({ sender: "x".repeat(22) }), CANNOT);
});

submit("typographic characters are replaced where dispatch counted them so", () => {
  const replaced = only({ text: "It’s “here”…", smart: true });
  assert.equal([replaced.dataCoding, replaced.esmClass], [0, 0]);
  assert.is(Buffer.from(replaced.content).toString("latin1"), `It's "here"...`);
  const kept = only({ text: "It’s “here”…" });
  assert.is(kept.dataCoding, 8);
  const parts = partsOf({ text: "It’s ".repeat(40), smart: true }) as SmPdu[];
  assert.equal(
    parts.map(({ dataCoding, content }) => [dataCoding, content.length - 6]),
    [
      [0, 153],
      [0, 47],
    ],
  );
  const latin = only({ text: "“Grüße”", smart: true, alphabet: "latin1" });
  assert.equal([latin.dataCoding, Buffer.from(latin.content).toString("latin1")], [0, '"Grüße"']);
});

submit("national tables are named in the header of every part", () => {
  const single = only({ text: "şifreniz", language: 1 });
  assert.equal([single.esmClass, single.dataCoding], [0x40, 0]);
  assert.equal([...single.content.subarray(0, 6)], [3, 0x24, 1, 1, 0x1b, 0x73]);
  const locking = only({ text: "नमस्ते", language: 6 });
  assert.is(Buffer.from(locking.content).toString("hex"), "03250106" + "2f424c5f2759");
  const both = only({ text: "नमस्ते ॑", language: 6 });
  assert.is(Buffer.from(both.content).toString("hex"), "06240106250106" + "2f424c5f2759201b26");
  const long = partsOf({ text: "ş".repeat(160), language: 1 }) as SmPdu[];
  assert.equal(
    long.map(({ esmClass, dataCoding, content }) => [
      ...[esmClass, dataCoding, content.length],
      ...content.subarray(0, 9),
    ]),
    [
      [0x40, 0, 158, 8, 0, 3, 0x2a, 2, 1, 0x25, 1, 1],
      [0x40, 0, 20, 8, 0, 3, 0x2a, 2, 2, 0x25, 1, 1],
    ],
  );
});

submit("national tables are none of a carrier's that takes other octets", () => {
  const pdu = only({ text: "şifreniz", language: 1, alphabet: "latin1" });
  assert.equal([pdu.esmClass, pdu.dataCoding], [0, 8]);
});

submit("a cluster is not divided", () => {
  const parts = partsOf({ text: `${"ж".repeat(65)}👍🏽${"ж".repeat(9)}` }) as SmPdu[];
  const texts = parts.map(({ content }) =>
    Buffer.from(content.subarray(6)).swap16().toString("utf16le"),
  );
  assert.equal(texts, ["ж".repeat(65), `👍🏽${"ж".repeat(9)}`]);
});

submit("an address that no field holds cannot be sent", () => {
  assert.is(partsOf({ to: "" }), CANNOT);
  assert.is(partsOf({ from: "" }), CANNOT);
  assert.is(partsOf({ from: "x".repeat(22) }), CANNOT);
});

submit.run();
