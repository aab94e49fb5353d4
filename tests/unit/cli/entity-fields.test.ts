/** Entities as plain JSON for people, and back. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { isFloeError } from "../../../core/errors.js";
import { Carrier } from "../../../core/proto/floe/v1/carriers.js";
import { Guard, RoutingRule } from "../../../core/proto/floe/v1/routing_admin.js";
import { ENTITIES } from "../../../services/cli/entities.js";
import {
  mergeFields,
  messageOf,
  type Plain,
  plainOf,
  timeOf,
} from "../../../services/cli/entity-fields.js";

const fields = suite("fields of entities");

const of = (command: string) => ENTITIES.find((one) => one.command === command)!;

function problems(work: () => unknown): readonly string[] {
  try {
    work();
  } catch (error) {
    assert.ok(isFloeError(error, "settings.invalid"));
    return error.details["problems"] as readonly string[];
  }
  return [];
}

fields("name every field of the message, and no other", () => {
  for (const one of ENTITIES) {
    const told = ["revision", "changedBy", "changedAt"];
    const message = Object.keys(one.fill({})).filter((name) => !told.includes(name));
    // Absent from an empty message, as they are optional.
    const optional = ["password", "effectiveFrom", "tls", "dataCodings", "addressing"];
    const named = Object.keys(one.fields).filter((name) => !optional.includes(name));
    assert.equal(named.sort(), message.filter((name) => !optional.includes(name)).sort());
  }
});

fields("come back as they were", () => {
  const rule = RoutingRule.fromPartial({
    ...{ id: "x", order: 3, trafficClasses: [1, 3], channels: [1], senderKinds: [2] },
    ...{ countries: ["GB"], accounts: [7], strategy: "cost(*)", allowLoss: true },
  });
  const plain = plainOf(of("rules").fields, rule as unknown as Plain);
  assert.equal(plain["trafficClasses"], ["authentication", "promotional"]);
  assert.equal(plain["channels"], ["sms"]);
  assert.not.ok("plans" in plain);
  assert.equal(of("rules").fill(messageOf(of("rules").fields, plain)), rule);

  const guard = Guard.fromPartial({ account: 7, countries: { GB: 1, FR: 2 }, otherCountries: 3 });
  const told = plainOf(of("guards").fields, guard as unknown as Plain);
  assert.equal(told["countries"], { GB: "allow", FR: "block" });
  assert.equal(of("guards").fill(messageOf(of("guards").fields, told)), guard);
});

fields("that are unknown or wrong are told, each of them", () => {
  const wrong = { id: 7, ordr: 1, channels: ["smoke"], allowLoss: "yes", order: -1, plans: "1" };
  const found = problems(() => messageOf(of("rules").fields, wrong));
  assert.is(found.length, 6);
  assert.match(found.join(), /ordr is not a field/);
  assert.match(found.join(), /channels must be a list of sms, fax/);
});

/** A carrier with everything that a profile may say, as people write it. */
const PROFILE: Plain = {
  name: "alpha",
  host: "smsc.example",
  port: 2775,
  fallbackHosts: [{ host: "other.example", port: 3550 }],
  tls: { serverName: "smsc.example", authorities: "PEM" },
  systemId: "floe",
  version: "5.0",
  binds: 2,
  alphabet: "gsm7_packed",
  longMessages: "udh16",
  dataCodings: { text: 0, ucs2: 8, binary: 4 },
  serviceType: "CMT",
  addressing: { sourceTon: 0, destinationNpi: 1 },
  tlvs: [
    { tag: "0x1401", type: "text", from: "account" },
    { tag: "0x1402", type: "int8", value: "1" },
  ],
  keepTlvs: ["0x1403"],
  statusClasses: { "0x0000000b": "temporary" },
  idForm: "hex_to_decimal",
};

fields("within fields come back as they were, and what is 0 is not nothing", () => {
  const { fields: named, fill } = of("carriers");
  const carrier = fill(messageOf(named, PROFILE)) as unknown as Plain;
  assert.is((carrier["addressing"] as Plain)["sourceTon"], 0);
  assert.is((carrier["addressing"] as Plain)["sourceNpi"], undefined);
  assert.equal(JSON.parse(JSON.stringify(plainOf(named, carrier))), {
    ...PROFILE,
    ...{ enquireLinkMs: 0, responseMs: 0, window: 0, partsPerSecond: 0, revision: 0 },
  });
});

fields("within fields are told by their path when they are wrong", () => {
  const found = problems(() =>
    messageOf(of("carriers").fields, {
      fallbackHosts: [{ host: "one.example" }, { host: "two.example", prt: 1 }],
      addressing: { sourceTon: "one" },
      dataCodings: 8,
      tlvs: { tag: "0x1401" },
      statusClasses: { "0x0000000b": "soon" },
    }),
  );
  assert.equal(found, [
    "fallbackHosts[1].prt is not a field; there are host, port.",
    "addressing.sourceTon must be a whole number from 0 to 4294967295.",
    "dataCodings must be an object of text, ucs2, binary.",
    "tlvs must be a list of objects of tag, type, value, from.",
    "statusClasses must be an object whose values are throttled, temporary, bind, permanent, ambiguous.",
  ]);
});

fields("that are numbers are told by their name where no call could carry them", () => {
  const numbers = ENTITIES.flatMap((one) =>
    Object.entries(one.fields).flatMap(([name, { kind }]) =>
      kind === "number" || kind === "numbers" ? [{ one, name, isList: kind === "numbers" }] : [],
    ),
  );
  assert.ok(numbers.length > 10);
  for (const { one, name, isList } of numbers) {
    const given = (value: unknown) => ({ [name]: isList ? [1, value] : value });
    for (const value of [2 ** 32, 2 ** 53, -1, 1.5, Number.NaN, "7"]) {
      const [told, ...others] = problems(() => messageOf(one.fields, given(value)));
      assert.match(told ?? "", `${name} must be a ${isList ? "list of whole numbers" : "whole"}`);
      assert.match(told ?? "", "from 0 to 4294967295");
      assert.equal(others, []);
    }
    const message = one.fill(messageOf(one.fields, given(2 ** 32 - 1)));
    const { requestSerialize } = one.definition[`create${one.entity}`]!;
    assert.ok(requestSerialize({ [one.field]: message }).length > 4, `${one.command} ${name}`);
  }
});

fields("of an update go over those that are there, null takes one away", () => {
  const { fields: named, fill } = of("carriers");
  const there = fill(messageOf(named, PROFILE)) as unknown as Plain;
  const changes = messageOf(named, {
    tls: { certificate: "PEM", serverName: null },
    addressing: null,
    idForm: null,
    window: 7,
  });
  const merged = Carrier.fromPartial(mergeFields(named, there, changes));
  assert.equal(merged.tls, {
    ...{ serverName: "", authorities: "PEM", certificate: "PEM", key: undefined },
  });
  assert.is(merged.addressing, undefined);
  assert.is(merged.idForm, 0);
  assert.equal([merged.window, merged.binds], [7, 2]);
});

fields("of time are dates and times as in RFC 3339, and nothing else", () => {
  assert.is(timeOf("2026-01-02")?.getTime(), Date.UTC(2026, 0, 2));
  assert.is(timeOf("2026-01-02T03:00:00+03:00")?.getTime(), Date.UTC(2026, 0, 2));
  for (const text of ["", "tomorrow", "2026-13-01", "2026-01-02T03:00:00", "01.02.2026"]) {
    const at = timeOf(text);
    assert.ok(at === undefined, text);
  }
});

fields.run();
