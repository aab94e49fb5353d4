/** Entities as plain JSON for people, and back. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { isFloeError } from "../../../core/errors.js";
import { Guard, RoutingRule } from "../../../core/proto/floe/v1/routing_admin.js";
import { ENTITIES } from "../../../services/cli/entities.js";
import { messageOf, type Plain, plainOf, timeOf } from "../../../services/cli/entity-fields.js";

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
    const optional = ["password", "effectiveFrom"];
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

fields("of time are dates and times as in RFC 3339, and nothing else", () => {
  assert.is(timeOf("2026-01-02")?.getTime(), Date.UTC(2026, 0, 2));
  assert.is(timeOf("2026-01-02T03:00:00+03:00")?.getTime(), Date.UTC(2026, 0, 2));
  for (const text of ["", "tomorrow", "2026-13-01", "2026-01-02T03:00:00", "01.02.2026"]) {
    const at = timeOf(text);
    assert.ok(at === undefined, text);
  }
});

fields.run();
