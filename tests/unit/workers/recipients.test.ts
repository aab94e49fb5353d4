/** Recipients that are looked up together are found as one by one. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { destinationOf, lookedUp, networkOf } from "../../../workers/destinations.js";
import { number, readNumber } from "../../../workers/number.js";
import {
  lookUp,
  newRecipients,
  RECIPIENT_BYTES,
  RECIPIENTS_MAX,
  readRecipient,
} from "../../../workers/recipients.js";
import { openTables } from "../../../workers/tables.js";
import { testTables } from "../dispatch/kit.js";

const recipients = suite("recipients");

const NUMBERS = [
  "+447911123456",
  "+4915123456789",
  "+12025550123",
  "+33612345678",
  "447911123456",
  "+44",
  "",
  "+999123456789",
  "+447911 123456",
  "00447911123456",
];

recipients("each slot has what its number has by itself, and nothing of the one before it", () => {
  const tables = openTables(testTables());
  const together = newRecipients();
  // More than fit at once, so that every slot is used again for another number.
  for (let first = 0; first < 5 * RECIPIENTS_MAX; first += RECIPIENTS_MAX) {
    for (let slot = 0; slot < RECIPIENTS_MAX; slot += 1) {
      const bytes = Buffer.from(NUMBERS[(first + 3 * slot) % NUMBERS.length]!, "latin1");
      readRecipient(together, slot, bytes, 0, bytes.length, false);
    }
    lookUp(tables, together, RECIPIENTS_MAX);
    for (let slot = 0; slot < RECIPIENTS_MAX; slot += 1) {
      const text = NUMBERS[(first + 3 * slot) % NUMBERS.length]!;
      const bytes = Buffer.from(text, "latin1");
      const sent = readNumber(bytes, 0, bytes.length, 0) && number.possible && number.length >= 7;
      const length = sent && number.length <= 15 ? number.length : 0;
      assert.is(together.lengths[slot], length, text);
      if (length === 0) continue;
      const at = slot * RECIPIENT_BYTES;
      const digits = Buffer.from(together.digits.subarray(at, at + length)).toString();
      assert.is(digits, Buffer.from(number.digits.subarray(0, length)).toString());
      const destination = destinationOf(tables, number.digits, 0, length);
      assert.is(together.destinations[slot], destination, text);
      assert.is(
        together.networks[slot],
        networkOf(tables, destination, number.digits, 0, length),
        text,
      );
      assert.is(together.ported[slot] === 1, lookedUp.ported);
      assert.is(together.countries[slot], number.country);
    }
  }
});

recipients("any number: plus and digits are taken as they are, all else is none", () => {
  const together = newRecipients();
  const taken = (text: string): number => {
    const bytes = Buffer.from(text, "latin1");
    readRecipient(together, 3, bytes, 0, bytes.length, true);
    return together.lengths[3]!;
  };
  assert.equal(["+999123", "+1", "+1234567890123456", "44791", "+44 79", "+"].map(taken), [
    ...[6, 1, 0, 0, 0, 0],
  ]);
});

recipients.run();
