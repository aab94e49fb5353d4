/** Forms of ids: what is looked for in ClickHouse holds whatever a connector's memory would match. */
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { receiptIdText, textOf } from "../../../bench/carrier/ids.js";
import { ID_FORMS, RECEIPT_ID_FORMS } from "../../../bench/carrier/options.js";
import { convertId, sameId } from "../../../services/connectors/carrier-id.js";
import { candidateIds, canonical } from "../../../services/receipts/id-forms.js";

const forms = suite("receipts: id forms");

const bytes = (text: string): Buffer => Buffer.from(text, "latin1");
const same = (one: string, other: string): boolean =>
  sameId(bytes(one), 0, one.length, bytes(other), 0, other.length);

/** As a connector matches: canonical forms, then the number in the other base. */
function matches(received: string, recorded: string): boolean {
  if (same(received, recorded)) return true;
  return (["decimalToHex", "hexToDecimal"] as const).some((form) => {
    const into = new Uint8Array(32);
    const length = convertId(bytes(received), 0, received.length, form, into);
    const converted = Buffer.from(into.subarray(0, length)).toString("latin1");
    return length > 0 && same(converted, recorded);
  });
}

forms("hold the id of every simulated carrier, however its receipts write it", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 2 ** 48 - 1 }),
      fc.constantFrom(...ID_FORMS),
      fc.constantFrom(...RECEIPT_ID_FORMS),
      (id, form, receiptForm) => {
        // A UUID has no other base.
        fc.pre(form !== "uuid" || receiptForm !== "other-base");
        const recorded = textOf(id, form);
        const received = receiptIdText(id, form, receiptForm);
        assert.ok(candidateIds(received).includes(recorded), `${received} for ${recorded}`);
      },
    ),
  );
});

forms("are all matched by a connector's memory as well", () => {
  const id = fc.oneof(
    fc.stringMatching(/^[0-9]{1,22}$/),
    fc.stringMatching(/^[0-9a-fA-F]{1,22}$/),
    fc.stringMatching(/^[0-9a-zA-Z-]{1,40}$/),
  );
  fc.assert(
    fc.property(id, (received) => {
      const candidates = candidateIds(received);
      assert.is(candidates[0], received);
      assert.is(new Set(candidates).size, candidates.length);
      for (const one of candidates) assert.ok(matches(received, one), `${received} and ${one}`);
    }),
  );
});

forms("have one canonical form", () => {
  assert.is(canonical("000AbC"), "abc");
  assert.is(canonical("000"), "0");
  assert.is(canonical(""), "");
});

forms.run();
