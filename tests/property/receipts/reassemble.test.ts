/** Reassembly: whatever the order, however often, every text comes out once and whole. */
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { openReassembly, type Part } from "../../../services/receipts/reassemble.js";

const reassembly = suite("receipts: reassembly");

const partOf = (reference: number, total: number, part: number, text: string): Part<string> => ({
  conversation: "carrier/1/2",
  place: { kind: "udh8", reference, total, part },
  content: Buffer.from(text),
  atMs: 0,
  kept: text,
});

reassembly("puts parts together in any order, with repeats, beside others", () => {
  const message = fc.record({
    reference: fc.integer({ min: 0, max: 5 }),
    parts: fc.array(fc.stringMatching(/^[a-z]{1,8}$/), { minLength: 2, maxLength: 6 }),
  });
  const messages = fc.uniqueArray(message, {
    minLength: 1,
    maxLength: 8,
    selector: ({ reference, parts }) => `${reference}/${parts.length}`,
  });
  fc.assert(
    fc.property(messages, fc.infiniteStream(fc.nat()), (all, chance) => {
      const next = (below: number): number => chance.next().value! % below;
      const sent = all.flatMap(({ reference, parts }) =>
        parts.map((text, at) => partOf(reference, parts.length, at + 1, `${at}${text}`)),
      );
      for (const one of [...sent]) if (next(3) === 0) sent.push(one);
      for (let at = sent.length - 1; at > 0; at -= 1) {
        const other = next(at + 1);
        [sent[at], sent[other]] = [sent[other]!, sent[at]!];
      }
      const gathered = openReassembly<string>(1_000);
      const texts: string[] = [];
      let repeats = 0;
      for (const part of sent) {
        const added = gathered.add(part);
        if (added.isRepeat) repeats += 1;
        for (const { parts, total } of added.gathered) {
          assert.is(parts.length, total);
          texts.push(parts.map(({ kept }) => kept).join(""));
        }
      }
      const expected = all.map(({ parts }) => parts.map((text, at) => `${at}${text}`).join(""));
      assert.equal(texts.sort(), expected.sort());
      assert.is(gathered.waiting(), 0);
      assert.is(repeats, sent.length - all.reduce((sum, { parts }) => sum + parts.length, 0));
    }),
  );
});

reassembly("ends what lacks parts, as far as it came", () => {
  const gathered = openReassembly<string>(10);
  assert.equal(gathered.add({ ...partOf(1, 3, 3, "c"), atMs: 1_000 }).gathered, []);
  assert.equal(gathered.add({ ...partOf(1, 3, 1, "a"), atMs: 2_000 }).gathered, []);
  assert.equal(gathered.end(1_000), []);
  const [ended] = gathered.end(1_001);
  assert.equal(
    ended?.parts.map(({ kept }) => kept),
    ["a", "c"],
  );
  assert.is(ended?.total, 3);
  assert.is(gathered.waiting(), 0);
});

reassembly("takes another text in a taken place for a new message with the same reference", () => {
  const gathered = openReassembly<string>(10);
  gathered.add(partOf(1, 2, 1, "old"));
  const { gathered: ended, isRepeat } = gathered.add(partOf(1, 2, 1, "new"));
  assert.not.ok(isRepeat);
  assert.equal(
    ended[0]?.parts.map(({ kept }) => kept),
    ["old"],
  );
  const [whole] = gathered.add(partOf(1, 2, 2, "end")).gathered;
  assert.equal(
    whole?.parts.map(({ kept }) => kept),
    ["new", "end"],
  );
  // Of a message that is done a part comes again: nothing waits for it.
  assert.ok(gathered.add(partOf(1, 2, 1, "new")).isRepeat);
  assert.not.ok(gathered.add(partOf(1, 2, 1, "third")).isRepeat);
});

reassembly("ends the oldest when too many wait", () => {
  const gathered = openReassembly<string>(2);
  for (const reference of [1, 2]) gathered.add(partOf(reference, 2, 1, `m${reference}`));
  const { gathered: ended } = gathered.add(partOf(3, 2, 1, "m3"));
  assert.equal(
    ended[0]?.parts.map(({ kept }) => kept),
    ["m1"],
  );
  assert.is(gathered.waiting(), 2);
});

reassembly.run();
