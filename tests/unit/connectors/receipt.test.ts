/** Receipts in the forms that carriers send. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { STATE } from "../../../core/message.js";
import { newSmPlaces, readSm } from "../../../services/connectors/smpp/pdu.js";
import { encodePdu, type Tlv } from "../../../services/connectors/smpp/pdu-object.js";
import {
  isReceipt,
  newReceipt,
  readDate,
  readReceipt,
} from "../../../services/connectors/smpp/receipt.js";

const receipts = suite("connectors: receipt");

interface Read {
  readonly id: string;
  readonly state: number;
  readonly error: number;
  readonly errorText: string;
  readonly doneAtMs: number;
}

function deliver(
  text: string | Buffer,
  esmClass = 4,
  tlvs: readonly Tlv[] = [],
  dataCoding = 0,
): Uint8Array {
  return encodePdu({
    ...{ command: "deliver_sm", status: 0, sequence: 1, serviceType: "" },
    ...{ sourceTon: 1, sourceNpi: 1, source: "447700900123" },
    ...{ destinationTon: 5, destinationNpi: 0, destination: "Floe", esmClass },
    ...{ protocolId: 0, priority: 0, scheduleTime: "", validityPeriod: "", registeredDelivery: 0 },
    ...{ replaceIfPresent: 0, dataCoding, defaultMessageId: 0 },
    ...{ content: Buffer.from(text as string, "latin1"), tlvs },
  });
}

function read(bytes: Uint8Array): Read | undefined {
  const places = newSmPlaces();
  const receipt = newReceipt();
  assert.ok(readSm(bytes, 0, bytes.length, places));
  if (!isReceipt(bytes, places) || !readReceipt(bytes, places, receipt)) return undefined;
  const text = (from: number, end: number) =>
    Buffer.from(bytes.subarray(from, end)).toString("latin1");
  return {
    id: text(receipt.idAt, receipt.idEnd),
    state: receipt.state,
    error: receipt.error,
    errorText: text(receipt.errorAt, receipt.errorEnd),
    doneAtMs: readDate(bytes, receipt.dateAt, receipt.dateEnd),
  };
}

const DONE = Date.UTC(2026, 10, 23, 20, 7);
const USUAL =
  "id:0123abCD sub:001 dlvrd:001 submit date:2611232000 done date:2611232007 stat:DELIVRD err:000 text:Hello id:x stat:y";

receipts("the usual form", () => {
  const expected = { id: "0123abCD", state: STATE.DELIVERED, error: 0, errorText: "000" };
  assert.equal(read(deliver(USUAL)), { ...expected, doneAtMs: DONE });
  // Nothing after `err`, and an id of another length.
  assert.is(read(deliver(USUAL.slice(0, USUAL.indexOf(" text"))))?.state, STATE.DELIVERED);
  const long = USUAL.replace("0123abCD", "0f8fad5b-d9cb-469f-a165-70867728950e");
  assert.is(read(deliver(long))?.id, "0f8fad5b-d9cb-469f-a165-70867728950e");
});

receipts("every word for a state, short, long, in any case", () => {
  const words = {
    DELIVRD: STATE.DELIVERED,
    DELIVERED: STATE.DELIVERED,
    delivrd: STATE.DELIVERED,
    EXPIRED: STATE.EXPIRED,
    DELETED: STATE.CANCELED,
    UNDELIV: STATE.UNDELIVERABLE,
    UNDELIVERABLE: STATE.UNDELIVERABLE,
    ACCEPTD: STATE.SUBMITTED,
    ACCEPTED: STATE.SUBMITTED,
    UNKNOWN: STATE.UNKNOWN,
    REJECTD: STATE.REJECTED,
    REJECTED: STATE.REJECTED,
    ENROUTE: STATE.SUBMITTED,
    SKIPPED: STATE.UNDELIVERABLE,
    FAILED: STATE.UNDELIVERABLE,
  };
  for (const [word, state] of Object.entries(words)) {
    assert.is(read(deliver(USUAL.replace("DELIVRD", word)))?.state, state, word);
  }
  assert.is(read(deliver(USUAL.replace("DELIVRD", "NONSENS"))), undefined);
});

receipts("fields missing, in another order, with seconds, in capitals", () => {
  assert.equal(read(deliver("id:77 stat:UNDELIV err:27")), {
    ...{ id: "77", state: STATE.UNDELIVERABLE, error: 27, errorText: "27", doneAtMs: 0 },
  });
  assert.is(read(deliver("stat:EXPIRED id:77"))?.id, "77");
  assert.is(read(deliver("ID:AB STAT:DELIVRD ERR:0a1 Text:"))?.errorText, "0a1");
  assert.is(read(deliver("ID:AB STAT:DELIVRD ERR:0a1 Text:"))?.error, 0);
  const seconds = USUAL.replace("done date:2611232007", "done date:261123200759");
  assert.is(read(deliver(seconds))?.doneAtMs, DONE + 59_000);
  const years = USUAL.replace("done date:2611232007", "done date:20261123200759");
  assert.is(read(deliver(years))?.doneAtMs, DONE + 59_000);
  assert.is(read(deliver("id: 77 stat: DELIVRD"))?.id, "77");
  assert.is(read(deliver("junk id:77 more junk stat:DELIVRD"))?.state, STATE.DELIVERED);
});

receipts("other words for keys, numbers for states, commas between, UCS-2", () => {
  const { DELIVERED, REJECTED, UNDELIVERABLE, SUBMITTED } = STATE;
  const done = read(deliver("id:7,sub:001,dlvrd:001,done_date:2611232007,status:2,error:5"));
  assert.equal(done, { id: "7", state: DELIVERED, error: 5, errorText: "5", doneAtMs: DONE });
  assert.is(read(deliver("id:7;state:REJECTED;donedate:2611232007"))?.doneAtMs, DONE);
  for (const [code, state] of [DELIVERED, UNDELIVERABLE, REJECTED].entries()) {
    const digits = [2, 5, 8];
    assert.is(read(deliver(`id:7 stat:${digits[code]}`))?.state, state);
  }
  assert.is(read(deliver("id:7 stat:0"))?.state, SUBMITTED);
  assert.is(read(deliver("id:7 stat:A")), undefined);
  const wide = Buffer.from(USUAL, "utf16le").swap16().toString("latin1");
  const expected = { id: "0123abCD", state: DELIVERED, error: 0, errorText: "000" };
  assert.equal(read(deliver(wide, 4, [], 8)), { ...expected, doneAtMs: DONE });
  const other = Buffer.from("id:7 stat:REJECTD text:日本", "utf16le").swap16().toString("latin1");
  assert.is(read(deliver(other, 4, [], 8))?.state, REJECTED);
});

receipts("a carrier that forgets esm_class is told by its optional parameters", () => {
  const named = [{ tag: 0x001e, value: Buffer.from("a1\0") }];
  assert.is(read(deliver(USUAL, 0, named))?.id, "a1");
  assert.is(read(deliver("", 0, [...named, { tag: 0x0427, value: Buffer.from([2]) }]))?.id, "a1");
  // An acknowledgement by a phone or its user is none of the carrier's.
  assert.is(read(deliver(USUAL, 0x08, named)), undefined);
});

receipts("what the customer wrote is not read", () => {
  assert.is(read(deliver("id:1 text:stat:DELIVRD")), undefined);
  assert.is(read(deliver("id:1 stat:REJECTD text:id:2 stat:DELIVRD"))?.id, "1");
});

receipts("without an id or a state it is none", () => {
  assert.is(read(deliver("")), undefined);
  assert.is(read(deliver("stat:DELIVRD")), undefined);
  assert.is(read(deliver("id: stat:DELIVRD")), undefined);
  assert.is(read(deliver(`id:${"9".repeat(65)} stat:DELIVRD`)), undefined);
});

receipts("optional parameters win over the text", () => {
  const tlvs = [
    { tag: 0x001e, value: Buffer.from("from-tlv\0") },
    { tag: 0x0427, value: Buffer.from([5]) },
    { tag: 0x0423, value: Buffer.from([3, 0x01, 0x2c]) },
  ];
  const both = read(deliver(USUAL, 4, tlvs));
  assert.equal([both?.id, both?.state, both?.error], ["from-tlv", STATE.UNDELIVERABLE, 300]);
  const alone = read(deliver("", 4, tlvs));
  assert.equal([alone?.id, alone?.state, alone?.error], ["from-tlv", STATE.UNDELIVERABLE, 300]);
  for (const [code, state] of [
    [1, STATE.SUBMITTED],
    [2, STATE.DELIVERED],
    [3, STATE.EXPIRED],
    [4, STATE.CANCELED],
    [6, STATE.SUBMITTED],
    [7, STATE.UNKNOWN],
    [8, STATE.REJECTED],
  ] as const) {
    const coded = [tlvs[0]!, { tag: 0x0427, value: Buffer.from([code]) }];
    assert.is(read(deliver("", 4, coded))?.state, state);
  }
  const payload = [{ tag: 0x0424, value: Buffer.from(USUAL, "latin1") }];
  assert.is(read(deliver("", 4, payload))?.id, "0123abCD");
});

receipts("is told from a message by bits of esm_class, whatever the others are", () => {
  assert.ok(read(deliver(USUAL, 0x04)));
  assert.ok(read(deliver(USUAL, 0x04 | 0x03)));
  assert.ok(read(deliver(USUAL, 0x04 | 0x80)));
  assert.is(read(deliver(USUAL, 0x20))?.state, STATE.SUBMITTED);
  assert.is(read(deliver(USUAL, 0x00)), undefined);
  assert.is(read(deliver(USUAL, 0x08)), undefined);
  const headed = Buffer.concat([Buffer.from([5, 0, 3, 1, 1, 1]), Buffer.from(USUAL, "latin1")]);
  assert.is(read(deliver(headed.toString("latin1"), 0x44))?.id, "0123abCD");
});

receipts("a date that is none is none", () => {
  const dateOf = (text: string) => readDate(Buffer.from(text, "latin1"), 0, text.length);
  for (const text of ["", "26112320", "2613232007", "2611322007", "26112320x7", "261123250700"]) {
    assert.is(dateOf(text), 0, text);
  }
});

receipts.run();
