/** submit_sm that are not plain text in one part: how parts are joined, flash, octets, TLVs. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type CarrierConfig, checkCarrier, type SentTlv } from "../../../core/configuration.js";
import { CANNOT } from "../../../services/connectors/link.js";
import type { SmPdu } from "../../../services/connectors/smpp/pdu-object.js";
import { carrierOf, decidedOf, MESSAGE_ID, partsOf, pdusOf, type Wanted } from "./kit.js";

const special = suite("connectors: submit, special");

function read(wanted: Wanted): SmPdu[] {
  const parts = partsOf(wanted);
  assert.ok(parts !== CANNOT);
  return parts as SmPdu[];
}

const hex = (octets: Uint8Array): string => Buffer.from(octets).toString("hex");

/** esm_class, data_coding, octets in short_message, its first ones. */
function heads(parts: readonly SmPdu[], octets: number): (number | string)[][] {
  return parts.map(({ esmClass, dataCoding, content }) => [
    ...[esmClass, dataCoding, content.length],
    hex(content.subarray(0, octets)),
  ]);
}

function tlvsOf({ tlvs }: SmPdu): Record<string, string> {
  return Object.fromEntries(
    tlvs.map(({ tag, value }) => [tag.toString(16).padStart(4, "0"), hex(value)]),
  );
}

const long = (form: CarrierConfig["longMessages"], rest: Partial<Wanted> = {}): Wanted => ({
  reference: 0x1234,
  ...rest,
  config: { longMessages: form, ...rest.config },
});

special("the whole PDU of a plain text, with everything that a carrier may ask for", () => {
  const config: Partial<CarrierConfig> = {
    serviceType: "VMA",
    addressing: { sourceTon: 6, sourceNpi: 8, destinationTon: 2, destinationNpi: 9 },
    dataCodings: { text: 0xf1 },
    tlvs: [{ tag: "0x1401", type: "int16", value: "258" }],
  };
  const [pdu] = pdusOf({ from: "Floe", to: "+447700900123", text: "Hi", config }) as Uint8Array[];
  assert.is(
    hex(pdu!),
    "0000003c00000004" +
      "0000000000000001" +
      "564d4100" +
      "0608466c6f6500" +
      "020934343737303039303031323300" +
      "000000" +
      "0000" +
      "0100f100" +
      "024869" +
      "140100020102",
  );
});

special("a header of 16 bits, as long as that needs no more parts than were decided", () => {
  const two = read(long("udh16", { text: "x".repeat(304) }));
  assert.equal(heads(two, 7), [
    [0x40, 0, 159, "06080412340201"],
    [0x40, 0, 159, "06080412340202"],
  ]);
  const tight = long("udh16", { text: "x".repeat(305) });
  assert.is(decidedOf(tight), 2);
  assert.equal(heads(read(tight), 6), [
    [0x40, 0, 159, "050003340201"],
    [0x40, 0, 158, "050003340202"],
  ]);
  const unicode = (count: number) => heads(read(long("udh16", { text: "ж".repeat(count) })), 7);
  assert.equal(unicode(132), [
    [0x40, 8, 139, "06080412340201"],
    [0x40, 8, 139, "06080412340202"],
  ]);
  assert.equal(unicode(133), [
    [0x40, 8, 140, "05000334020104"],
    [0x40, 8, 138, "05000334020204"],
  ]);
  assert.equal(heads(read(long("udh16", { text: "x".repeat(160) })), 0), [[0, 0, 160, ""]]);
});

special("a header of 16 bits beside national tables", () => {
  const parts = read(long("udh16", { text: "ş".repeat(160), language: 1 }));
  assert.equal(heads(parts, 10), [
    [0x40, 0, 158, "09080412340201250101"],
    [0x40, 0, 22, "09080412340202250101"],
  ]);
});

special("sar_* parameters behind parts without a header", () => {
  const parts = read(long("sar", { text: "x".repeat(161) }));
  assert.equal(heads(parts, 1), [
    [0, 0, 153, "78"],
    [0, 0, 8, "78"],
  ]);
  assert.equal(parts.map(tlvsOf), [
    { "020c": "1234", "020e": "02", "020f": "01" },
    { "020c": "1234", "020e": "02", "020f": "02" },
  ]);
  const [one] = read(long("sar", { text: "x".repeat(160) }));
  assert.equal(one!.tlvs, []);
});

special("a message_payload that is the whole text, in one PDU", () => {
  const [gsm, ...none] = read(long("payload", { text: `${"x".repeat(400)}€` }));
  assert.equal(none, []);
  assert.equal([gsm!.esmClass, gsm!.dataCoding, gsm!.content.length], [0, 0, 0]);
  assert.equal(tlvsOf(gsm!), { "0424": `${"78".repeat(400)}1b65` });
  const [unicode] = read(long("payload", { text: "ж".repeat(500) }));
  assert.equal([unicode!.dataCoding, tlvsOf(unicode!)], [8, { "0424": "0436".repeat(500) }]);
  const [plain] = read(long("payload", { text: "x".repeat(1_500) }));
  assert.is(tlvsOf(plain!)["0424"]!.length, 3_000);
  const [short] = read(long("payload", { text: "x".repeat(160) }));
  assert.equal([short!.content.length, short!.tlvs], [160, []]);
});

special("what has a header of its own is joined by headers, whatever the carrier is set to", () => {
  for (const form of ["sar", "payload"] as const) {
    const turkish = read(long(form, { text: "ş".repeat(160), language: 1 }));
    assert.equal(
      heads(turkish, 9).map(([, , , header]) => header),
      ["080003340201250101", "080003340202250101"],
    );
    assert.ok(turkish.every(({ tlvs }) => tlvs.length === 0));
    const binary = { data: new Uint8Array(200), udh: Buffer.from("0605040b8423f0", "hex") };
    assert.equal(heads(read(long(form, { binary })), 12), [
      [0x40, 4, 140, "0b00033402010504" + "0b8423f0"],
      [0x40, 4, 84, "0b00033402020504" + "0b8423f0"],
    ]);
  }
});

special("packed septets, behind a header with bits that fill", () => {
  const packed = (text: string, rest: Partial<Wanted> = {}) =>
    read({ text, alphabet: "gsm7_packed", reference: 0x2a, ...rest });
  // 3GPP TS 23.038, 6.1.2.1; "hello" as everybody has it.
  assert.is(hex(packed("hello")[0]!.content), "e8329bfd06");
  assert.is(hex(packed("12345678")[0]!.content), "31d98c56b3dd70");
  assert.is(hex(packed("€")[0]!.content), "9b32");
  assert.is(packed("x".repeat(160))[0]!.content.length, 140);
  const two = packed("x".repeat(161));
  // One bit fills up to the eighth septet from the beginning; the first "x" is 0x78 << 1.
  assert.equal(heads(two, 7), [
    [0x40, 0, 140, "0500032a0201f0"],
    [0x40, 0, 14, "0500032a0202f0"],
  ]);
  assert.is(hex(two[1]!.content.subarray(6)), "f0783c1e8fc7e301");
  const single = packed("şx", { language: 1 });
  // Header 03 24 01 01, three bits that fill, then 1b 73 78.
  assert.is(hex(single[0]!.content), "03240101d8ccf1");
  const sar = packed("x".repeat(161), { config: { longMessages: "sar" } });
  assert.equal(heads(sar, 1), [
    [0, 0, 134, "78"],
    [0, 0, 7, "78"],
  ]);
});

special("flash is message class 0 in every alphabet", () => {
  const codingOf = (wanted: Partial<Wanted>) => read({ ...wanted, flash: true })[0]!.dataCoding;
  assert.is(codingOf({ text: "now" }), 0x10);
  assert.is(codingOf({ text: "€" }), 0x10);
  assert.is(codingOf({ text: "Привет" }), 0x18);
  assert.is(codingOf({ text: "now", alphabet: "gsm7_packed" }), 0x10);
  assert.is(codingOf({ text: "now", alphabet: "latin1" }), 0x10);
  assert.is(codingOf({ binary: { data: Buffer.from("01", "hex") } }), 0x14);
  // Carriers that want the group 0xF want it of flash.
  const config = { dataCodings: { text: 0xf1, binary: 0xf5 } };
  assert.is(codingOf({ text: "now", config }), 0xf0);
  assert.is(codingOf({ binary: { data: Buffer.from("01", "hex") }, config }), 0xf4);
  assert.is(codingOf({ text: "x", config: { dataCodings: { text: 1 } } }), 0x10);
  assert.is(codingOf({ text: "Привет", config: { dataCodings: { ucs2: 0x19 } } }), 0x18);
  // Latin-1 beside ASCII has no class, so it goes as UCS-2.
  assert.is(codingOf({ text: "Grüße", alphabet: "ascii" }), 0x18);
  const parts = read({ text: "x".repeat(161), flash: true });
  assert.equal(
    parts.map(({ dataCoding }) => dataCoding),
    [0x10, 0x10],
  );
});

special("octets go as they are, 140 in one part and 134 in one of several", () => {
  const data = Uint8Array.from({ length: 300 }, (_, index) => index * 7);
  const [one] = read({ binary: { data: data.subarray(0, 140) } });
  assert.equal([one!.esmClass, one!.dataCoding], [0, 4]);
  assert.is(hex(one!.content), hex(data.subarray(0, 140)));
  const three = read({ binary: { data } });
  assert.equal(heads(three, 6), [
    [0x40, 4, 140, "0500032a0301"],
    [0x40, 4, 140, "0500032a0302"],
    [0x40, 4, 38, "0500032a0303"],
  ]);
  assert.is(Buffer.concat(three.map(({ content }) => content.subarray(6))).equals(data), true);
  const sixteen = read(long("udh16", { binary: { data: data.subarray(0, 266) } }));
  assert.equal(heads(sixteen, 7), [
    [0x40, 4, 140, "06080412340201"],
    [0x40, 4, 140, "06080412340202"],
  ]);
  const tight = read(long("udh16", { binary: { data: data.subarray(0, 267) } }));
  assert.equal(heads(tight, 6), [
    [0x40, 4, 140, "050003340201"],
    [0x40, 4, 139, "050003340202"],
  ]);
  const [payload] = read(long("payload", { binary: { data } }));
  assert.equal(tlvsOf(payload!), { "0424": hex(data) });
  const [coded] = read({ binary: { data }, config: { dataCodings: { binary: 2 } } });
  assert.is(coded!.dataCoding, 2);
});

special("a customer's header stands before the octets, and in every part", () => {
  const udh = Buffer.from("0605040b8423f0", "hex");
  const [one] = read({ binary: { data: Buffer.from("010203", "hex"), udh } });
  assert.equal([one!.esmClass, hex(one!.content)], [0x40, "0605040b8423f0010203"]);
  const [bare] = read({ binary: { data: Buffer.alloc(0), udh } });
  assert.equal([bare!.esmClass, hex(bare!.content)], [0x40, "0605040b8423f0"]);
  const own = Buffer.from("050003070201", "hex");
  const [cut] = read({ binary: { data: new Uint8Array(134), udh: own } });
  assert.is(hex(cut!.content.subarray(0, 6)), "050003070201");
});

special("optional parameters: constants of every type", () => {
  const tlvs: SentTlv[] = [
    { tag: "0x1401", type: "int8", value: "255" },
    { tag: "0x1402", type: "int16", value: "4660" },
    { tag: "0x1403", type: "int32", value: "4294967295" },
    { tag: "0x1404", type: "text", value: "Grüße" },
    { tag: "0x1405", type: "octets", value: "00ff10" },
  ];
  assert.equal(tlvsOf(read({ config: { tlvs } })[0]!), {
    "1401": "ff",
    "1402": "1234",
    "1403": "ffffffff",
    "1404": `${hex(Buffer.from("Grüße"))}00`,
    "1405": "00ff10",
  });
});

special("optional parameters: a constant that its type cannot hold is no configuration", () => {
  const isTaken = (tlv: object): boolean => {
    return checkCarrier({ ...carrierOf(), tlvs: [tlv] }).success;
  };
  const constant = (type: string, value: string) => isTaken({ tag: "0x1401", type, value });
  assert.equal(
    ["0", "255", "256", "-1", "1.5", "", "0xff"].map((value) => constant("int8", value)),
    [true, true, false, false, false, false, false],
  );
  assert.ok(constant("int16", "65535") && !constant("int16", "65536"));
  assert.ok(constant("int32", "4294967295") && !constant("int32", "4294967296"));
  assert.ok(constant("octets", "00FF") && !constant("octets", "00F") && !constant("octets", ""));
  assert.ok(constant("text", "Grüße") && !constant("text", "a\0b") && !constant("text", ""));
  assert.ok(constant("text", "ü".repeat(128)) && !constant("text", "ü".repeat(129)));
  for (const tag of ["0x0424", "0x020c", "0x020e", "0x020f"]) {
    assert.not(isTaken({ tag, type: "int8", value: "1" }), tag);
  }
});

special("optional parameters: fields of the message, left out where it has none", () => {
  const from = (field: string, type: SentTlv["type"] = "text"): SentTlv[] => [
    { tag: "0x1401", type, from: field },
  ];
  const told = (tlvs: SentTlv[], wanted: Partial<Wanted> = {}) => {
    return tlvsOf(read({ ...wanted, config: { tlvs } })[0]!)["1401"];
  };
  const text = (value: string) => hex(Buffer.from(value, "utf8"));
  const id = MESSAGE_ID.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
  assert.is(told(from("message_id")), `${text(id)}00`);
  assert.is(told(from("message_id", "octets")), text(id));
  assert.is(told(from("message_id", "int32")), undefined);
  assert.is(told(from("client_reference"), { clientReference: "order-7" }), `${text("order-7")}00`);
  assert.is(told(from("client_reference")), undefined);
  assert.is(told(from("client_reference"), { clientReference: "a\0b" }), undefined);
  assert.is(told(from("client_reference", "octets"), { clientReference: "a\0b" }), "610062");
  assert.is(told(from("client_reference", "int16"), { clientReference: "65535" }), "ffff");
  assert.is(told(from("client_reference", "int16"), { clientReference: "65536" }), undefined);
  assert.is(told(from("client_reference", "int16"), { clientReference: "7a" }), undefined);
  assert.is(told(from("account", "int32")), "00000007");
  assert.is(told(from("account", "int8")), "07");
  assert.is(told(from("account")), "3700");
  assert.is(told(from("sender")), `${text("Floe")}00`);
  assert.is(told(from("sender"), { sender: "72345" }), `${text("72345")}00`);
  assert.is(told(from("traffic_class", "int8"), { trafficClass: 1 }), "01");
  assert.is(told(from("traffic_class", "int8")), "02");
  assert.is(told(from("traffic_class"), { trafficClass: 3 }), `${text("promotional")}00`);
  const tags = { template: "1107", principal: "" };
  assert.is(told(from("tag:template"), { tags }), `${text("1107")}00`);
  assert.is(told(from("tag:template", "int32"), { tags }), "00000453");
  assert.is(told(from("tag:principal"), { tags }), undefined);
  assert.is(told(from("tag:templat"), { tags }), undefined);
  assert.is(told(from("tag:template")), undefined);
});

special("optional parameters stand in every part, behind what joins them", () => {
  const tlvs: SentTlv[] = [
    { tag: "0x1401", type: "text", from: "tag:template" },
    { tag: "0x1400", type: "int8", value: "1" },
  ];
  const config = { tlvs, longMessages: "sar" as const };
  const tags = { template: "7" };
  assert.equal(read({ text: "x".repeat(161), tags, config }).map(tlvsOf), [
    { "020c": "002a", "020e": "02", "020f": "01", "1400": "01", "1401": "3700" },
    { "020c": "002a", "020e": "02", "020f": "02", "1400": "01", "1401": "3700" },
  ]);
});

special.run();
