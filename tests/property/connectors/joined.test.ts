/**
 * Goal: whatever a carrier is set to, a phone that knows the specifications reads the customer's
 * text or octets, and gets as many parts as were decided. The reader here is its own: bits as
 * strings, elements and parameters by hand.
 */
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { CarrierConfig } from "../../../core/configuration.js";
import { decodeGsm7 } from "../../../core/text.js";
import { CANNOT } from "../../../services/connectors/link.js";
import type { SmPdu } from "../../../services/connectors/smpp/pdu-object.js";
import { decidedOf, partsOf, type Wanted } from "../../unit/connectors/kit.js";

const joined = suite("connectors: joined parts");

interface Read {
  readonly octets: Uint8Array;
  readonly headerOctets: number;
  readonly elements: ReadonlyMap<number, Buffer>;
  /** Reference, total, part, and how it was said. */
  readonly place: readonly [number, number, number] | undefined;
  readonly how: "8" | "16" | "sar" | undefined;
}

function readPart({ esmClass, content, tlvs }: SmPdu): Read {
  const tlv = (tag: number) => tlvs.find((one) => one.tag === tag)?.value;
  const payload = tlv(0x0424);
  if (payload !== undefined) assert.is(content.length, 0);
  const body = Buffer.from(payload ?? content);
  const elements = new Map<number, Buffer>();
  let headerOctets = 0;
  if (esmClass === 0x40) {
    headerOctets = body[0]! + 1;
    for (let at = 1; at < headerOctets; at += 2 + body[at + 1]!) {
      elements.set(body[at]!, body.subarray(at + 2, at + 2 + body[at + 1]!));
    }
  } else assert.is(esmClass, 0);
  const [eight, sixteen, sar] = [elements.get(0), elements.get(8), tlv(0x020c)];
  const place =
    eight !== undefined
      ? ([eight[0]!, eight[1]!, eight[2]!] as const)
      : sixteen !== undefined
        ? ([sixteen.readUInt16BE(0), sixteen[2]!, sixteen[3]!] as const)
        : sar === undefined
          ? undefined
          : ([Buffer.from(sar).readUInt16BE(0), tlv(0x020e)![0]!, tlv(0x020f)![0]!] as const);
  const how = eight ? "8" : sixteen ? "16" : sar ? "sar" : undefined;
  return { octets: body.subarray(headerOctets), headerOctets, elements, place, how };
}

/** Septets out of packed octets: the bits as they go over the air, as a text of 0 and 1. */
function unpack({ octets, headerOctets }: Read): Uint8Array {
  const bits = [...octets].map((one) => [...one.toString(2).padStart(8, "0")].reverse().join(""));
  const filled = (7 - ((headerOctets * 8) % 7)) % 7;
  const body = bits.join("").slice(headerOctets === 0 ? 0 : filled);
  const septets = body.match(/.{7}/g) ?? [];
  const values = septets.map((one) => Number.parseInt([...one].reverse().join(""), 2));
  // Whole septets of zeros at the end are bits that are left over: no text here has an "@".
  return Uint8Array.from(values.at(-1) === 0 ? values.slice(0, -1) : values);
}

function textOf(part: Read, dataCoding: number, alphabet: CarrierConfig["alphabet"]): string {
  if (dataCoding === 8 || dataCoding === 0x18) {
    return Buffer.from(part.octets).swap16().toString("utf16le");
  }
  assert.ok([0, 3, 0x10].includes(dataCoding));
  if (alphabet === "latin1" || alphabet === "ascii") {
    return Buffer.from(part.octets).toString("latin1");
  }
  const septets = alphabet === "gsm7_packed" ? unpack(part) : part.octets;
  const languages =
    (part.elements.get(0x24)?.[0] ?? 0) | ((part.elements.get(0x25)?.[0] ?? 0) << 8);
  return decodeGsm7(septets, 0, septets.length, languages);
}

/** Which part is which, and that each is there once, under one reference. */
function checkPlaces(parts: readonly Read[], reference: number): void {
  for (const [index, { place, how }] of parts.entries()) {
    if (parts.length === 1) assert.is(place, undefined);
    else {
      const own = how === "8" ? reference & 0xff : reference;
      assert.equal(place, [own, parts.length, index + 1]);
    }
  }
}

const forms = fc.constantFrom("udh8", "udh16", "sar", "payload") as fc.Arbitrary<
  NonNullable<CarrierConfig["longMessages"]>
>;
const alphabets = fc.constantFrom("gsm7", "gsm7_packed", "latin1", "ascii") as fc.Arbitrary<
  CarrierConfig["alphabet"]
>;
const size = "max";
const plain = fc.string({
  unit: fc.constantFrom(..."abc X19\n\r"),
  minLength: 1,
  maxLength: 900,
  size,
});
const gsm = fc.string({
  unit: fc.constantFrom(..."abñ€[]Ωü\n"),
  minLength: 1,
  maxLength: 600,
  size,
});
const any = fc.string({ unit: "grapheme", minLength: 1, maxLength: 200, size });
const turkish = fc.string({
  unit: fc.constantFrom(..."abcğışĞİŞ€["),
  ...{ minLength: 1, maxLength: 400, size },
});
/** At the bounds between numbers of parts. */
const edges = fc
  .tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: -6, max: 2 }), fc.constantFrom("x", "ж"))
  .map(([parts, more, one]) => one.repeat((one === "x" ? 153 : 67) * parts + more));

joined("a text is read as it was written, in the parts that were decided", () => {
  const seen = new Set<string>();
  fc.assert(
    fc.property(
      fc.oneof(plain, gsm, any, edges).filter((text) => !text.includes("@")),
      forms,
      alphabets,
      fc.boolean(),
      fc.nat(0xffff),
      (text, longMessages, alphabet, flash, reference) => {
        const wanted: Wanted = { text, alphabet, flash, reference, config: { longMessages } };
        const pdus = partsOf(wanted);
        if (pdus === CANNOT) return;
        const parts = pdus.map(readPart);
        checkPlaces(parts, reference);
        const texts = parts.map((part, index) => textOf(part, pdus[index]!.dataCoding, alphabet));
        assert.is(texts.join(""), Buffer.from(text, "utf8").toString("utf8"));
        for (const { dataCoding, content } of pdus) {
          assert.is(dataCoding >= 0x10, flash);
          assert.ok(content.length <= (alphabet === "gsm7_packed" ? 140 : 160));
        }
        for (const { how } of parts) seen.add(how ?? "one");
        if (longMessages === "payload") assert.is(parts.length, 1);
        // What Latin-1 cannot say goes as UCS-2, in as many parts as that takes.
        else if (alphabet.startsWith("gsm7")) assert.is(parts.length, decidedOf(wanted));
      },
    ),
    { numRuns: 400 },
  );
  assert.equal([...seen].sort(), ["16", "8", "one", "sar"]);
});

joined("a text with national tables is read as it was written, by headers alone", () => {
  fc.assert(
    fc.property(turkish, forms, fc.boolean(), fc.nat(0xffff), (text, longMessages, packed, ref) => {
      const alphabet = packed ? "gsm7_packed" : "gsm7";
      const about = { text, alphabet, reference: ref, language: 1 } as const;
      const wanted: Wanted = { ...about, config: { longMessages } };
      const pdus = partsOf(wanted);
      if (pdus === CANNOT) return;
      const parts = pdus.map(readPart);
      checkPlaces(parts, ref);
      assert.is(pdus.length, decidedOf(wanted));
      assert.is(parts.map((part) => textOf(part, 0, alphabet)).join(""), text);
      assert.ok(pdus.every(({ tlvs }) => tlvs.length === 0));
    }),
    { numRuns: 250 },
  );
});

joined("octets are read as they were given, their header in every part", () => {
  fc.assert(
    fc.property(
      fc
        .integer({ min: 1, max: 1_400 })
        .chain((size) => fc.uint8Array({ minLength: size, maxLength: size })),
      fc.constantFrom("", "0605040b8423f0", "0570030102" + "03", "0a2401017005aabbccddee"),
      forms,
      fc.nat(0xffff),
      (data, header, longMessages, reference) => {
        const udh = Buffer.from(header, "hex");
        const wanted: Wanted = { binary: { data, udh }, reference, config: { longMessages } };
        const pdus = partsOf(wanted);
        if (pdus === CANNOT) throw new Error("octets can be sent");
        const parts = pdus.map(readPart);
        checkPlaces(parts, reference);
        assert.ok(Buffer.concat(parts.map(({ octets }) => octets)).equals(data));
        assert.is(
          parts.length,
          longMessages === "payload" && header === "" ? 1 : decidedOf(wanted),
        );
        const own = new Map(readPart({ ...pdus[0]!, esmClass: 0x40, content: udh }).elements);
        for (const [index, { elements, headerOctets }] of parts.entries()) {
          assert.is(pdus[index]!.dataCoding, 4);
          if (header !== "") for (const [id, value] of own) assert.equal(elements.get(id), value);
          assert.ok(headerOctets <= 140);
          if (longMessages !== "payload") assert.ok(pdus[index]!.content.length <= 140);
        }
      },
    ),
    { numRuns: 250 },
  );
});

joined.run();
