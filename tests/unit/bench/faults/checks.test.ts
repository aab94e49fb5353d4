/** The books of a fault test: each thing that may be wrong is found, and nothing where all is well. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { audit, type Books, type RecordRow } from "../../../../bench/faults/checks.js";
import { MARK, type Sent } from "../../../../bench/faults/customers.js";
import type { Taken } from "../../../../bench/taken.js";

const books = suite("books of a fault test");
const NONE = { duplicatesMax: 0 };

function id(number: number): string {
  return `00000000-0000-7000-8000-${String(number).padStart(12, "0")}`;
}

function sent(number: number, more: Partial<Sent> = {}): Sent {
  const told = { outcome: "accepted" as const, id: id(number), code: 0 };
  return { number, account: 1, key: `k${number}`, atMs: 0, ...told, ...more };
}

function record(number: number, more: Partial<RecordRow> = {}): RecordRow {
  return {
    ...{ account: 1, message_id: id(number), state: "DELIVERED", terminal: 1, reason: "" },
    client_reference: `run-${number}`,
    ...more,
  };
}

function taken(number: number, more: Partial<Taken> = {}): Taken {
  const content = Buffer.from(`${MARK}${number}. Your code`, "latin1").toString("hex");
  return {
    ...{ carrier: "alpha", content, messageId: `c${number}`, fate: "delivered", befell: [] },
    ...more,
  } as unknown as Taken;
}

function closed(more: Partial<Books> = {}): Books {
  return {
    sent: new Map([1, 2].map((number) => [number, sent(number)])),
    records: [record(1), record(2)],
    taken: [taken(1), taken(2)],
    doubts: new Map(),
    receipts: {
      known: new Set(["alpha/c1", "alpha/c2"]),
      joined: new Map([1, 2].map((number) => [`alpha/c${number}`, id(number)])),
      orphans: new Set(),
    },
    run: "run",
    ...more,
  };
}

function checksOf(more: Partial<Books>, bounds = NONE): string[] {
  return audit(closed(more), bounds).findings.map(({ check }) => check);
}

books("are right when every message was sent once, taken once and told so", () => {
  assert.equal(audit(closed(), NONE).findings, []);
});

books("miss an accepted message without a record, and name it", () => {
  const { findings } = audit(closed({ records: [record(1)] }), NONE);
  assert.is(findings[0]!.check, "conservation");
  assert.is(findings[0]!.messageId, id(2));
});

books("find a record that nobody's message has", () => {
  assert.ok(
    checksOf({ records: [record(1), record(2), record(3)] }).includes("conservation"),
    "a number that was never sent",
  );
  const foreign = record(9, { client_reference: "other" });
  assert.ok(checksOf({ records: [record(1), record(2), foreign] }).includes("conservation"));
});

books("find a message that was recorded under two ids", () => {
  const twin = record(2, { message_id: id(7) });
  assert.ok(checksOf({ records: [record(1), record(2), twin] }).includes("conservation"));
});

books("let a message of unknown outcome have a record or none", () => {
  const unsure = new Map([
    [1, sent(1)],
    [2, sent(2, { outcome: "unknown", id: "", key: "" })],
  ]);
  assert.equal(checksOf({ sent: unsure }), []);
  assert.equal(checksOf({ sent: unsure, records: [record(1)] }), []);
});

books("find what was refused and sent all the same", () => {
  const refused = new Map([
    [1, sent(1)],
    [2, sent(2, { outcome: "refused", id: "", code: 3 })],
  ]);
  assert.ok(checksOf({ sent: refused }).includes("conservation"));
});

books("find what has not ended", () => {
  const open = record(2, { state: "ROUTED", terminal: 0 });
  assert.ok(checksOf({ records: [record(1), open] }).includes("liveness"));
});

books("find a record in another account's books", () => {
  assert.equal(checksOf({ records: [record(1), record(2, { account: 2 })] }), ["isolation"]);
});

books("find what is told as delivered and nobody took", () => {
  assert.ok(checksOf({ taken: [taken(1)] }).includes("submits"));
});

books("find what a carrier took more often than doubts and kills allow", () => {
  const twice = [taken(1), taken(2), taken(2)];
  assert.equal(checksOf({ taken: twice }), ["duplicates"]);
  assert.equal(checksOf({ taken: twice }, { duplicatesMax: 1 }), []);
  assert.equal(checksOf({ taken: twice, doubts: new Map([[id(2), 1]]) }), []);
  assert.is(audit(closed({ taken: twice }), NONE).figures.duplicates, 1);
});

books("find a receipt that is nowhere, and one that is an orphan without need", () => {
  const one = new Map([["alpha/c1", id(1)]]);
  const known = new Set(["alpha/c1", "alpha/c2"]);
  const orphans = new Set(["alpha/c2"]);
  const none = new Set<string>();
  assert.equal(checksOf({ receipts: { known, joined: one, orphans: none } }), ["receipts"]);
  assert.equal(checksOf({ receipts: { known, joined: one, orphans } }), ["receipts"]);
  // Of an answer that was lost nobody knows the id.
  const unknown = new Set(["alpha/c1"]);
  assert.equal(checksOf({ receipts: { known: unknown, joined: one, orphans } }), []);
});

books("find what was delivered and is told otherwise", () => {
  const other = record(2, { state: "UNKNOWN" });
  assert.equal(checksOf({ records: [record(1), other] }), ["receipts"]);
});

books.run();
