/** The field numbers that the hot path uses are those of the compiled schema. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import * as fields from "../../../../core/stream/fields.js";
import { loadSchema, messageOf } from "../../proto/schema.js";

const registry = loadSchema();
const numbers = suite("field numbers");

const TABLES = {
  Message: fields.MESSAGE,
  Binary: fields.BINARY,
  Tag: fields.TAG,
  RequestFrame: fields.REQUEST_FRAME,
  RequestRecord: fields.REQUEST,
  DecisionFrame: fields.DECISION_FRAME,
  Cover: fields.COVER,
  Verdict: fields.VERDICT,
  Candidate: fields.CANDIDATE,
  Settlement: fields.SETTLEMENT,
  DispatchFrame: fields.DISPATCH_FRAME,
  DispatchRecord: fields.DISPATCH,
  AttemptFrame: fields.ATTEMPT_FRAME,
  AttemptRecord: fields.ATTEMPT,
  ReceiptFrame: fields.RECEIPT_FRAME,
  ReceiptRecord: fields.RECEIPT,
  InboundFrame: fields.INBOUND_FRAME,
  InboundRecord: fields.INBOUND,
  UsageFrame: fields.USAGE_FRAME,
  UsageRecord: fields.USAGE,
};

for (const [name, table] of Object.entries(TABLES)) {
  numbers(`of ${name} are those of the schema, none left out`, () => {
    const schema = messageOf(registry, name).fields.map((field) => [field.localName, field.number]);
    assert.equal(Object.fromEntries(schema), { ...table });
  });
}

const ENUMS = {
  SettlementKind: {
    COMMIT: fields.SETTLEMENT_COMMIT,
    RELEASE: fields.SETTLEMENT_RELEASE,
    ADJUST: fields.SETTLEMENT_ADJUST,
    TOP_UP: fields.SETTLEMENT_TOP_UP,
    CREDIT: fields.SETTLEMENT_CREDIT,
    DEBIT: fields.SETTLEMENT_DEBIT,
  },
  AttemptKind: {
    INTENT: fields.ATTEMPT_INTENT,
    SUBMITTED: fields.ATTEMPT_SUBMITTED,
    REFUSED: fields.ATTEMPT_REFUSED,
    IN_DOUBT: fields.ATTEMPT_IN_DOUBT,
    RECEIPT: fields.ATTEMPT_RECEIPT,
    TIMED_OUT: fields.ATTEMPT_TIMED_OUT,
    MARKER: fields.ATTEMPT_MARKER,
  },
  Encoding: {
    GSM7: fields.ENCODING_GSM7,
    UCS2: fields.ENCODING_UCS2,
    BINARY: fields.ENCODING_BINARY,
  },
  ChargeBasis: { SUBMIT: fields.CHARGE_ON_SUBMIT, DELIVERED: fields.CHARGE_ON_DELIVERED },
};

for (const [name, values] of Object.entries(ENUMS)) {
  numbers(`of ${name} are those of the schema, none left out`, () => {
    const schema = registry.getEnum(`floe.v1.${name}`);
    assert.ok(schema);
    const known = schema.values.filter(({ number }) => number !== 0);
    assert.equal(
      Object.fromEntries(known.map(({ localName, number }) => [localName, number])),
      values,
    );
  });
}

numbers("of the receipt request that asks for none is that of the schema", () => {
  const schema = registry.getEnum("floe.v1.ReceiptRequest");
  assert.is(schema?.value[fields.RECEIPT_REQUEST_NONE]?.localName, "NONE");
});

numbers.run();
