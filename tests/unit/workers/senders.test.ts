/**
 * Goal: what becomes of a sender, by the most specific rule and each policy.
 */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { countryCode } from "../../../workers/codes.js";
import {
  compileSenders,
  openSenders,
  passSender,
  SENDER_OWN,
  SENDER_REFUSED,
  senderKindOf,
} from "../../../workers/senders.js";
import type { SenderRuleRow } from "../../../workers/source.js";
import { SOURCE, senderRule } from "./kit.js";

const senders = suite("senders");
const NAMES = { carriers: ["alpha", "beta"], countries: ["FR", "GB"], networks: [] };

/** The replacement, "own" or "refused". */
function passed(
  rows: readonly SenderRuleRow[],
  sender: string,
  country = "GB",
  carrier = "alpha",
  account = 7,
): string {
  const opened = openSenders(compileSenders({ ...SOURCE, senderRules: rows }), NAMES);
  const bytes = Buffer.from(`..${sender}..`);
  const end = bytes.length - 2;
  const outcome = passSender(
    opened,
    countryCode(country),
    NAMES.carriers.indexOf(carrier),
    account,
    senderKindOf(bytes, 2, end),
    bytes,
    2,
    end,
  );
  if (outcome === SENDER_OWN) return "own";
  return outcome === SENDER_REFUSED ? "refused" : opened.texts[outcome]!;
}

senders("country and carrier go before the country, it before the carrier, it before all", () => {
  const replaced = (id: string, changes: Partial<SenderRuleRow>) =>
    senderRule(id, { ...changes, alphanumeric: "replace", replacement: id });
  const rows = [
    replaced("all", {}),
    replaced("carrier", { carrier: "alpha" }),
    replaced("country", { country: "GB" }),
    replaced("both", { country: "GB", carrier: "alpha" }),
  ];
  assert.is(passed(rows, "Floe"), "both");
  assert.is(passed(rows.slice(0, 3), "Floe"), "country");
  assert.is(passed(rows, "Floe", "GB", "beta"), "country");
  assert.is(passed(rows, "Floe", "FR"), "carrier");
  assert.is(passed(rows, "Floe", ""), "carrier");
  assert.is(passed(rows, "Floe", "FR", "beta"), "all");
  assert.is(passed([], "Floe"), "own");
});

senders("the most specific rule decides alone, even if it allows", () => {
  const rows = [senderRule("all", { alphanumeric: "refuse" }), senderRule("gb", { country: "GB" })];
  assert.is(passed(rows, "Floe"), "own");
  assert.is(passed(rows, "Floe", "FR"), "refused");
});

senders("each kind of sender has its own policy", () => {
  const rows = [
    senderRule("r", {
      alphanumeric: "refuse",
      numeric: "replace",
      short: "allow",
      replacement: "Floe",
    }),
  ];
  assert.is(passed(rows, "Name"), "refused");
  assert.is(passed(rows, "+447700900123"), "Floe");
  assert.is(passed(rows, "12345"), "own");
  // Without a sender there is nothing to judge.
  assert.is(passed(rows, ""), "own");
});

senders("only registered senders pass: everybody's, or the account's own", () => {
  const registered = [
    { account: 0, sender: "Everyone" },
    { account: 7, sender: "Floe" },
    { account: 8, sender: "Zoë" },
  ];
  const rows = [senderRule("r", { country: "GB", alphanumeric: "registered", registered })];
  assert.is(passed(rows, "Everyone"), "own");
  assert.is(passed(rows, "Floe"), "own");
  assert.is(passed(rows, "Floe", "GB", "alpha", 8), "refused");
  assert.is(passed(rows, "Zoë", "GB", "alpha", 8), "own");
  assert.is(passed(rows, "floe"), "refused");
  assert.is(passed(rows, "Flo"), "refused");
  assert.is(passed(rows, "Floe1"), "refused");
});

senders("what is registered in one rule counts for no other", () => {
  const registered = [{ account: 0, sender: "Floe" }];
  const rows = [
    senderRule("gb", { country: "GB", alphanumeric: "registered" }),
    senderRule("fr", { country: "FR", alphanumeric: "registered", registered }),
  ];
  assert.is(passed(rows, "Floe", "FR"), "own");
  assert.is(passed(rows, "Floe", "GB"), "refused");
});

senders("a sender that is its own replacement is not replaced", () => {
  const rows = [
    senderRule("r", { alphanumeric: "replace", numeric: "replace", replacement: "Floe" }),
    senderRule("fr", { country: "FR", alphanumeric: "replace", replacement: "Flo" }),
  ];
  assert.is(passed(rows, "Floe"), "own");
  assert.is(passed(rows, "Flo"), "Floe");
  assert.is(passed(rows, "Floe", "FR"), "Flo");
  assert.is(passed(rows, "+447700900123"), "Floe");
});

senders.run();
