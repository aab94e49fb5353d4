/** Messages from phones: headers, alphabets, parts, owners, words. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { openContent, sealContent } from "../../../core/content-seal.js";
import {
  assignmentKey,
  checkAssignment,
  plainKeyword,
  plainNumber,
} from "../../../core/numbers.js";
import { packSeptets } from "../../../core/septets.js";
import { decodeGsm7, encodeGsm7Unpacked } from "../../../core/text.js";
import { openAssignments } from "../../../services/receipts/assignments.js";
import { ALPHABET, decodeText } from "../../../services/receipts/decode.js";
import { readHeader } from "../../../services/receipts/header.js";
import { actionOf, askedOf, plainWord } from "../../../services/receipts/opt-out.js";
import { OPT_OUT_WORDS } from "../../../services/receipts/opt-out-words.js";

const test = suite("receipts: inbound");

const septets = (text: string, languages = 0): Uint8Array => {
  const bytes = Buffer.from(text, "utf8");
  const into = new Uint8Array(2 * bytes.length + 2);
  const length = encodeGsm7Unpacked(bytes, 0, bytes.length, into, 0, languages);
  assert.ok(length >= 0, text);
  return into.slice(0, length);
};

test("reads headers with either reference and with national tables, and passes over others", () => {
  const place = { reference: 0x2a, total: 3, part: 2 };
  const short = readHeader(Uint8Array.of(5, 0, 3, 0x2a, 3, 2, 65));
  assert.equal(short, { octets: 6, place: { kind: "udh8", ...place }, languages: 0 });
  const long = readHeader(Uint8Array.of(6, 8, 4, 0x01, 0x2a, 3, 2));
  assert.equal(long.place, { kind: "udh16", ...place, reference: 0x12a });
  const ports = readHeader(
    Uint8Array.of(17, 5, 4, 1, 2, 3, 4, 0, 3, 1, 2, 1, 0x24, 1, 1, 0x25, 1, 1),
  );
  assert.equal(ports, {
    ...{ octets: 18, languages: 0x0101 },
    place: { kind: "udh8", reference: 1, total: 2, part: 1 },
  });
});

test("takes a header that lies for no more than is there", () => {
  assert.equal(readHeader(new Uint8Array(0)), { octets: 0, place: undefined, languages: 0 });
  assert.equal(readHeader(Uint8Array.of(200, 0, 3, 1, 2)), {
    ...{ octets: 5, place: undefined, languages: 0 },
  });
  assert.is(readHeader(Uint8Array.of(5, 0, 3, 1, 2, 9)).place, undefined);
  assert.is(readHeader(Uint8Array.of(5, 0, 3, 1, 1, 1)).place, undefined);
});

test("reads each alphabet", () => {
  const text = (octets: Uint8Array, coding: number, alphabet: number = ALPHABET.gsm7) =>
    decodeText(octets, coding, alphabet, 0, 0).text;
  assert.is(text(septets("Grüße [1] €"), 0), "Grüße [1] €");
  assert.is(text(septets("Grüße"), 0xf0), "Grüße");
  assert.is(text(septets("@Grüße"), 0xc8), "@Grüße");
  assert.is(text(Buffer.from("Grüße", "latin1"), 0, ALPHABET.latin1), "Grüße");
  assert.is(text(Buffer.from("Grüße", "latin1"), 3), "Grüße");
  assert.is(text(Buffer.from("plain"), 1), "plain");
  const wide = Buffer.from("漢字 🎈", "utf16le").swap16();
  for (const coding of [8, 0x18, 0xe0]) assert.is(text(wide, coding), "漢字 🎈");
  assert.is(text(wide.subarray(0, -1), 8), "漢字 \ufffd");
  assert.is(text(Uint8Array.of(0xd0, 0xd8), 6), "аи");
  for (const coding of [2, 4, 0xf4, 0xf5, 0x14]) assert.is(text(wide, coding), undefined);
});

test("unpacks septets, with and without a header before them", () => {
  for (const [message, header, fill] of [
    ["Hello you", 0, 0],
    ["Grüße {1}", 6, 1],
    ["eight888", 7, 0],
    ["", 0, 0],
  ] as const) {
    const plain = septets(message);
    const into = new Uint8Array(64);
    const length = packSeptets(plain, 0, plain.length, into, 0, fill);
    const { text } = decodeText(into.subarray(0, length), 0, ALPHABET.gsm7Packed, 0, header);
    assert.is(text, message);
  }
});

test("reads national tables", () => {
  assert.is(decodeText(septets("şifreniz", 1), 0, ALPHABET.gsm7, 1, 4).text, "şifreniz");
  assert.is(decodeText(septets("ğış", 0x0101), 0, ALPHABET.gsm7, 0x0101, 7).text, "ğış");
  // A table of a later release is taken for the default one.
  assert.is(decodeText(septets("abc"), 0, ALPHABET.gsm7, 0x3f3f, 7).text, "abc");
});

test("reads what is no septet leniently", () => {
  assert.is(decodeGsm7(Uint8Array.of(0x47, 0xfc, 0x1b), 0, 3), "Gü");
  assert.is(decodeGsm7(Uint8Array.of(0x1b, 0x41, 0x1b, 0x1b, 0x42), 0, 5), "A B");
});

test("knows whose a number is: by keyword, exactly, by the narrowest range", () => {
  const table = openAssignments();
  const put = (from: string, to: string, account: number, keyword = "") => {
    const one = { from, to, account, keyword };
    assert.ok(checkAssignment(one).success, JSON.stringify(one));
    table.set(assignmentKey(one), one);
    return assignmentKey(one);
  };
  put("447700900000", "447700909999", 1);
  put("447700900100", "447700900199", 2);
  put("447700900150", "447700900150", 3);
  put("12345", "12345", 4);
  put("12345", "12345", 5, "PIZZA");
  const owner = (number: string, text = "") => table.ownerOf(number, text);
  assert.equal(owner("447700901000"), { account: 1, keyword: "" });
  assert.is(owner("447700900101").account, 2);
  const exact = "number.447700900150";
  assert.is(owner("447700900150").account, 3);
  table.set(exact, undefined);
  assert.is(owner("447700900150").account, 2);
  assert.is(owner("44770090").account, 0);
  assert.equal(owner("12345", " pizza! now"), { account: 5, keyword: "PIZZA" });
  assert.equal(owner("12345", "pizzas"), { account: 4, keyword: "" });
  assert.equal(table.accountsOf("12345"), [5, 4]);
});

test("refuses entries that make no sense", () => {
  const bad = (one: object): void => assert.not.ok(checkAssignment(one).success);
  bad({ from: "447700900000", to: "4477009000", account: 1, keyword: "" });
  bad({ from: "447700900009", to: "447700900000", account: 1, keyword: "" });
  bad({ from: "12", to: "12", account: 1, keyword: "" });
  bad({ from: "123", to: "124", account: 1, keyword: "A" });
  bad({ from: "123", to: "123", account: 0, keyword: "" });
  bad({ from: "123", to: "123", account: 1, keyword: "A B" });
  assert.is(plainNumber("+44 (7700) 900-123"), "447700900123");
  assert.is(plainNumber("0044123"), "44123");
  assert.is(plainKeyword("Pizza!"), "PIZZA");
});

test("hears every word in its own case, with marks and accents, and no other", () => {
  for (const [text, action] of [
    ["STOP", "STOP"],
    [" stop. ", "STOP"],
    ["“Stop”", "STOP"],
    ["Stop all", "STOPALL"],
    ["Arrêt", "STOP"],
    ["arrêter", "STOP"],
    ["STOPP!", "STOP"],
    ["Стоп", "STOP"],
    ["退订", "STOP"],
    ["إيقاف", "STOP"],
    ["रोकें", "STOP"],
    ["start", "START"],
    ["UNSTOP", "START"],
    ["Помощь", "HELP"],
    ["help?", "HELP"],
    ["Please stop by at six", undefined],
    ["stopping", undefined],
    ["", undefined],
    ["…", undefined],
    ["STOP".padEnd(200, "!"), undefined],
  ] as const) {
    assert.is(actionOf(text), action, text);
  }
});

test("keeps its words as they are compared, and one meaning for each", () => {
  const seen = new Map<string, string>();
  for (const { language, words } of OPT_OUT_WORDS) {
    for (const [action, list] of Object.entries(words)) {
      for (const word of list) {
        const plain = plainWord(word);
        assert.ok(plain !== "" && plain === plainWord(plain), `${language} ${word}`);
        assert.is(seen.get(plain) ?? action, action, word);
        seen.set(plain, action);
      }
    }
  }
});

test("a word with a keyword is for one of those who share a number, without it for all", () => {
  const table = openAssignments();
  for (const [account, keyword] of [
    [4, ""],
    [5, "PIZZA"],
    [6, "TAXI"],
  ] as const) {
    const one = { from: "12345", to: "12345", account, keyword };
    table.set(assignmentKey(one), one);
  }
  assert.equal(askedOf("Stop", "12345", table), { action: "STOP", accounts: [5, 6, 4] });
  assert.equal(askedOf("stop pizza", "12345", table), { action: "STOP", accounts: [5] });
  assert.equal(askedOf("Taxi: STOP ALL", "12345", table), { action: "STOPALL", accounts: [6] });
  assert.is(askedOf("pizza margherita", "12345", table), undefined);
  assert.equal(askedOf("stop", "999", table), { action: "STOP", accounts: [] });
});

test("seals content so that it opens with its own key and id alone", () => {
  const [key, other] = [new Uint8Array(16).fill(1), new Uint8Array(16).fill(2)];
  const [id, another] = [new Uint8Array(16).fill(3), new Uint8Array(16).fill(4)];
  const sealed = sealContent(Buffer.from("hello"), id, key);
  assert.is(Buffer.from(openContent(sealed, id, key)!).toString(), "hello");
  assert.is(openContent(sealed, id, other), undefined);
  assert.is(openContent(sealed, another, key), undefined);
  assert.is(openContent(sealed.subarray(0, 20), id, key), undefined);
  assert.not.equal(sealContent(Buffer.from("hello"), id, key), sealed);
});

test.run();
