/** What receipts and redelivered frames are compared with. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { STATE } from "../../../core/message.js";
import { convertId, hashId, sameId } from "../../../services/connectors/carrier-id.js";
import {
  entry,
  MEMORY_MS,
  type Memory,
  moveToPart,
  newRemembered,
  openMemory,
} from "../../../services/connectors/memory.js";
import { mergeParts, sharesId } from "../../../services/connectors/merge.js";
import { DAY_MS, startOf, tokenFor } from "./kit.js";

const memory = suite("connectors: memory");

function add(to: Memory, id: number, carrierId: string, more: object = {}): void {
  const remembered = newRemembered();
  const bytes = Buffer.from(carrierId, "latin1");
  Object.assign(remembered, {
    ...{ bytes: startOf(id), startAt: 0, token: tokenFor(id & 0xff), tokenAt: 0, kind: 2 },
    ...{ carrierId: bytes, carrierIdAt: 0, carrierIdEnd: bytes.length, partition: 3 },
    ...more,
  });
  to.add(remembered);
}

function find(in_: Memory, carrierId: string, token: number): boolean {
  const bytes = Buffer.from(carrierId, "latin1");
  return in_.findCarrierId(bytes, 0, bytes.length, tokenFor(token), 0);
}

memory("finds a part by its carrier id, and only with its recipient's token", () => {
  const kept = openMemory(1_000, 0);
  kept.together(2, 0);
  add(kept, 1, "00ABc1");
  add(kept, 2, "00abc1");
  assert.ok(find(kept, "00ABc1", 1));
  assert.is(kept.hit.bytes[entry.startAt(kept.hit) + 14], 1);
  assert.is(entry.partition(kept.hit), 3);
  // The same id given to two messages: the recipient tells them apart.
  assert.ok(find(kept, "abc1", 2));
  assert.is(kept.hit.bytes[entry.startAt(kept.hit) + 14], 2);
  assert.not.ok(find(kept, "abc1", 3));
  assert.not.ok(find(kept, "abc2", 1));
});

memory("finds an attempt by message, day and hop", () => {
  const kept = openMemory(1_000, 0);
  kept.together(2, 0);
  add(kept, 1, "a", { hop: 0 });
  add(kept, 1, "b", { hop: 1, kind: 4, sequence: 2 ** 40 + 5 });
  assert.ok(kept.findAttempt(startOf(1), 0, 0));
  assert.ok(kept.findAttempt(startOf(1), 0, 1));
  assert.equal([entry.kind(kept.hit), entry.sequence(kept.hit)], [4, 2 ** 40 + 5]);
  assert.not.ok(kept.findAttempt(startOf(1), 0, 2));
  assert.not.ok(kept.findAttempt(startOf(2), 0, 0));
  // Another time of the same day is the same message; after the window an id may recur.
  assert.ok(kept.findAttempt(startOf(1, DAY_MS + 5), 0, 0));
  assert.not.ok(kept.findAttempt(startOf(1, 2 * DAY_MS), 0, 0));
  // What is added after a lookup is found by the next.
  kept.together(1, 0);
  add(kept, 9, "c");
  assert.ok(kept.findAttempt(startOf(9), 0, 0));
});

memory("keeps to a submission, whatever another connector doubts of the same hop", () => {
  const DOUBT = 4;
  const kept = openMemory(3, 0);
  kept.together(1, 0);
  add(kept, 1, "", { kind: DOUBT });
  assert.ok(kept.findAttempt(startOf(1), 0, 0));
  assert.is(entry.kind(kept.hit), DOUBT);
  kept.together(1, 0);
  add(kept, 1, "a");
  kept.together(1, 0);
  add(kept, 1, "", { kind: DOUBT });
  assert.ok(kept.findAttempt(startOf(1), 0, 0));
  assert.is(entry.kind(kept.hit), 2);
  // In the next generation as well.
  kept.together(1, 0);
  add(kept, 1, "", { kind: DOUBT });
  assert.ok(kept.findAttempt(startOf(1), 0, 0));
  assert.is(entry.kind(kept.hit), 2);
  assert.is(kept.hit.at, 19);
});

memory("keeps two generations, and says from when on it is complete", () => {
  const kept = openMemory(10, 0);
  kept.coverFrom(0);
  for (let id = 0; id < 25; id += 1) {
    kept.together(1, 1_000 + id);
    add(kept, id, `id-${id}`);
  }
  assert.is(kept.entries(), 15);
  assert.not.ok(find(kept, "id-9", 9));
  assert.ok(find(kept, "id-10", 10));
  assert.ok(find(kept, "id-24", 24));
  assert.ok(kept.findAttempt(startOf(10), 0, 0));
  assert.not.ok(kept.findAttempt(startOf(9), 0, 0));
  // The older of the two was begun with id 10.
  assert.is(kept.coversFromMs(), 1_010);
});

memory("what is older than the horizon goes with its generation", () => {
  const kept = openMemory(1_000, 0);
  kept.together(1, 0);
  add(kept, 1, "one");
  kept.together(1, MEMORY_MS + 1);
  add(kept, 2, "two");
  assert.ok(find(kept, "one", 1));
  kept.together(1, 2 * MEMORY_MS + 2);
  add(kept, 3, "three");
  assert.not.ok(find(kept, "one", 1));
  assert.ok(find(kept, "two", 2));
});

memory("parts of a message stay together, whatever the generation has room for", () => {
  const kept = openMemory(10, 0);
  kept.together(9, 0);
  for (let id = 0; id < 9; id += 1) add(kept, id, `x${id}`);
  kept.together(3, 0);
  for (let part = 1; part <= 3; part += 1) add(kept, 50, `p${part}`, { part, parts: 3 });
  assert.ok(find(kept, "p2", 50));
  moveToPart(kept.hit, 3);
  assert.is(entry.part(kept.hit), 3);
  moveToPart(kept.hit, 1);
  assert.is(entry.part(kept.hit), 1);
  assert.ok(kept.findAttempt(startOf(50), 0, 0));
  assert.is(entry.part(kept.hit), 1);
});

memory("parts that share one id are told from parts with their own", () => {
  const shared = (ids: readonly string[]): boolean => {
    const kept = openMemory(100, 0);
    kept.together(ids.length, 0);
    for (const [at, id] of ids.entries()) add(kept, 5, id, { part: at + 1, parts: ids.length });
    assert.ok(find(kept, ids[0]!, 5));
    const part = entry.part(kept.hit);
    const isShared = sharesId(kept.hit);
    assert.is(entry.part(kept.hit), part);
    return isShared;
  };
  assert.ok(shared(["one", "one", "one"]));
  assert.not.ok(shared(["one", "one", "two"]));
  assert.not.ok(shared(["one", "onE"]));
});

memory("receipts of parts decide the whole when the last has come", () => {
  const { SUBMITTED, DELIVERED, PARTIALLY_DELIVERED, UNDELIVERABLE, EXPIRED, REJECTED } = STATE;
  const decide = (states: readonly number[], already: readonly number[] = []): number[] => {
    const kept = openMemory(100, 0);
    kept.together(3, 0);
    for (let part = 1; part <= 3; part += 1) {
      add(kept, 5, `p${part}`, { part, parts: 3, partState: already[part - 1] ?? 0 });
    }
    return states.map((state, index) => {
      assert.ok(find(kept, `p${(index % 3) + 1}`, 5));
      const whole = mergeParts(kept.hit, state);
      assert.is(entry.part(kept.hit), (index % 3) + 1);
      return whole;
    });
  };
  const all = [DELIVERED, DELIVERED, DELIVERED];
  assert.equal(decide(all), [SUBMITTED, SUBMITTED, DELIVERED]);
  assert.equal(decide([DELIVERED, UNDELIVERABLE, DELIVERED]).at(-1), PARTIALLY_DELIVERED);
  assert.equal(decide([EXPIRED, UNDELIVERABLE, REJECTED]).at(-1), UNDELIVERABLE);
  // An intermediate receipt decides nothing.
  assert.equal(decide([SUBMITTED, DELIVERED, DELIVERED]).at(-1), SUBMITTED);
  // A part that was refused at once counts as one that failed.
  assert.equal(decide([DELIVERED, DELIVERED], [0, 0, REJECTED]), [SUBMITTED, PARTIALLY_DELIVERED]);
  // A late delivery raises what was decided; a late failure lowers nothing.
  assert.equal(decide([EXPIRED, DELIVERED, DELIVERED, DELIVERED]).slice(2), [
    PARTIALLY_DELIVERED,
    DELIVERED,
  ]);
  assert.equal(decide([...all, EXPIRED]).at(-1), DELIVERED);
});

memory("ids: case and leading zeros do not matter, other digits do", () => {
  const bytes = (text: string) => Buffer.from(text, "latin1");
  const same = (one: string, other: string): boolean => {
    const [a, b] = [bytes(one), bytes(other)];
    const isSame = sameId(a, 0, a.length, b, 0, b.length);
    if (isSame) assert.is(hashId(a, 0, a.length), hashId(b, 0, b.length));
    return isSame;
  };
  assert.ok(same("00001a2B", "1A2b"));
  assert.ok(same("0", "000"));
  assert.ok(same("F47AC10B-58CC", "f47ac10b-58cc"));
  assert.not.ok(same("1", "10"));
  assert.not.ok(same("a", "b"));
  assert.not.ok(same("", "0"));
});

memory("ids: a number in the other base", () => {
  const convert = (text: string, form: "decimalToHex" | "hexToDecimal"): string => {
    const into = new Uint8Array(32);
    const length = convertId(Buffer.from(text, "latin1"), 0, text.length, form, into);
    return Buffer.from(into.subarray(0, length)).toString();
  };
  assert.is(convert("1234", "decimalToHex"), "4d2");
  assert.is(convert("000004D2", "hexToDecimal"), "1234");
  assert.is(convert("18446744073709551615", "decimalToHex"), "ffffffffffffffff");
  assert.is(convert("ffffffffffffffff", "hexToDecimal"), "18446744073709551615");
  assert.is(convert("4d2", "decimalToHex"), "");
  assert.is(convert("xyz", "hexToDecimal"), "");
  assert.is(convert("", "hexToDecimal"), "");
  assert.is(convert("1".repeat(21), "decimalToHex"), "");
});

memory.run();
