/** Slabs: whatever a socket reads at a time, whole messages come out, all of them, in order. */
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { newSlabs } from "../../../core/stream/slabs.js";

const slabsTest = suite("slabs");

/** One message of a server: MSG or HMSG with a payload, or a line. */
const message = fc.oneof(
  { weight: 6, arbitrary: payload(0, 300) },
  { weight: 2, arbitrary: payload(20_000, 300_000) },
  { weight: 2, arbitrary: fc.constantFrom("PING\r\n", "PONG\r\n", "+OK\r\n", 'INFO {"a":1}\r\n') },
);

function payload(minLength: number, maxLength: number): fc.Arbitrary<string> {
  return fc
    .tuple(fc.integer({ min: minLength, max: maxLength }), fc.boolean(), fc.boolean())
    .map(([length, hasHeaders, hasReply]) => {
      const body = "MSG x 9\r\n".repeat(Math.ceil(length / 9)).slice(0, length);
      const reply = hasReply ? " $JS.ACK.s.c.1.2.3.4.5" : "";
      const sizes = hasHeaders ? `${Math.min(12, length)} ${length}` : `${length}`;
      return `${hasHeaders ? "HMSG" : "MSG"} some.subject 7${reply} ${sizes}\r\n${body}\r\n`;
    });
}

/** Gives `bytes` as reads of at most `reads[n]`, in turn; returns what came out. */
function readAll(bytes: Buffer, reads: readonly number[]): Buffer[] {
  const slabs = newSlabs();
  const out: Buffer[] = [];
  for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
    const room = slabs.room();
    assert.ok(room.length > 0, "there is always room");
    const count = Math.min(room.length, reads[turn % reads.length]!, bytes.length - at);
    room.set(bytes.subarray(at, at + count));
    at += count;
    const whole = slabs.filled(count);
    if (whole !== undefined) out.push(Buffer.from(whole));
  }
  return out;
}

slabsTest("hands on whole messages only, and all of them", () => {
  fc.assert(
    fc.property(
      fc.array(message, { minLength: 1, maxLength: 30 }),
      fc.array(fc.integer({ min: 1, max: 120_000 }), { minLength: 1, maxLength: 5 }),
      (messages, reads) => {
        const ends = new Set<number>();
        let end = 0;
        for (const one of messages) {
          end += one.length;
          ends.add(end);
        }
        const bytes = Buffer.from(messages.join(""), "latin1");
        const out = readAll(bytes, messages.length * bytes.length > 4_000_000 ? [60_000] : reads);
        let given = 0;
        for (const chunk of out) {
          given += chunk.length;
          assert.ok(ends.has(given), "a chunk ends where a message ends");
        }
        assert.ok(Buffer.concat(out).equals(bytes));
      },
    ),
    { numRuns: 60 },
  );
});

slabsTest("what was handed on stays as it was", () => {
  const slabs = newSlabs();
  const views: { view: Uint8Array; text: string }[] = [];
  let sent = "";
  for (let index = 0; index < 5_000; index += 1) {
    const text = `MSG s 1 ${`${index}`.length}\r\n${index}\r\n`;
    sent += text;
    const bytes = Buffer.from(text, "latin1");
    for (let at = 0; at < bytes.length; at += 5) {
      const part = bytes.subarray(at, at + 5);
      slabs.room().set(part);
      const view = slabs.filled(part.length);
      if (view !== undefined) views.push({ view, text: Buffer.from(view).toString("latin1") });
    }
  }
  for (const { view, text } of views) assert.is(Buffer.from(view).toString("latin1"), text);
  assert.is(views.map(({ text }) => text).join(""), sent);
});

slabsTest("gives what is no protocol, or too long to keep, to the parser as it comes", () => {
  const noise = Buffer.alloc(400_000, 0x41);
  const kept = noise.length - Buffer.concat(readAll(noise, [50_000])).length;
  assert.ok(kept <= 100_000, `${kept} bytes are kept`);
  const long = Buffer.from(`MSG s 1 9000000\r\n${"b".repeat(9_000_000)}\r\nPING\r\n`, "latin1");
  const out = readAll(long, [60_000]);
  assert.ok(out.length > 100, "it was not kept whole");
  assert.ok(Buffer.concat(out).equals(long), "and it was not lost");
});

slabsTest.run();
