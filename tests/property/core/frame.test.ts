/** Frames read and written in place agree with ts-proto, and no bytes make a reader fail. */
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import * as oracle from "../../../core/proto/floe/v1/frames.js";
import {
  found,
  newFields,
  newWriter,
  nextField,
  readFields,
  written,
} from "../../../core/stream/frame.js";
import { loadSchema, messageOf } from "../../unit/proto/schema.js";
import { arbitrary, asUnpacked, fromOracle, type Plain, read, toOracle, write } from "./records.js";

const registry = loadSchema();
const frames = suite("frames");

interface Codec {
  fromPartial(message: never): unknown;
  encode(message: never): { finish(): Uint8Array };
  decode(bytes: Uint8Array): object;
}
const CODECS: Readonly<Record<string, Codec>> = {
  RequestFrame: oracle.RequestFrame,
  DecisionFrame: oracle.DecisionFrame,
  DispatchFrame: oracle.DispatchFrame,
  AttemptFrame: oracle.AttemptFrame,
  ReceiptFrame: oracle.ReceiptFrame,
  UsageFrame: oracle.UsageFrame,
};

function encode(name: string, plain: Plain): Uint8Array {
  const codec = CODECS[name]!;
  const message = codec.fromPartial(toOracle(messageOf(registry, name), plain) as never);
  return codec.encode(message as never).finish();
}

for (const [name, codec] of Object.entries(CODECS)) {
  const schema = messageOf(registry, name);

  frames(`${name}: what we write, ts-proto reads`, () => {
    const writer = newWriter(16);
    fc.assert(
      fc.property(arbitrary(schema), (plain) => {
        writer.at = 0;
        write(writer, schema, plain);
        const decoded = codec.decode(written(writer)) as Record<string, unknown>;
        assert.equal(fromOracle(schema, decoded), plain);
      }),
    );
  });

  frames(`${name}: what ts-proto writes, we read`, () => {
    fc.assert(
      fc.property(arbitrary(schema), fc.nat(40), (given, before) => {
        const plain = asUnpacked(schema, given);
        // At some offset of a larger buffer, as a frame in a socket's slab.
        const bytes = encode(name, plain);
        const slab = new Uint8Array(before + bytes.length + 9).fill(0xff);
        slab.set(bytes, before);
        assert.equal(read(slab, before, before + bytes.length, schema), plain);
      }),
    );
  });

  frames(`${name}: mutated bytes are read or refused, never failed on`, () => {
    const mutation = fc.record({ at: fc.nat(), to: fc.nat(255), cut: fc.boolean() });
    fc.assert(
      fc.property(arbitrary(schema), fc.array(mutation, { maxLength: 6 }), (plain, mutations) => {
        const bytes = Uint8Array.from(encode(name, plain));
        let end = bytes.length;
        for (const { at, to, cut } of mutations) {
          if (end === 0) break;
          if (cut) end = at % end;
          else bytes[at % end] = to;
        }
        staysWithin(bytes.subarray(0, end));
        read(bytes, 0, end, schema);
      }),
    );
  });
}

frames("random bytes are read or refused, and nothing beyond the end is looked at", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => staysWithin(bytes)),
    { numRuns: 2_000 },
  );
});

/**
 * The readers get a view in the midst of other bytes, twice, with different ones behind the end. Had
 * they looked there, the outcomes would differ; places outside would show too.
 */
function staysWithin(bytes: Uint8Array): void {
  const outcomes = [0x00, 0xff].map((around) => {
    const slab = new Uint8Array(bytes.length + 32).fill(around);
    slab.set(bytes, 16);
    const end = 16 + bytes.length;
    const places = newFields();
    const isMessage = readFields(slab, 16, end, places);
    for (let field = 1; isMessage && field < places.length / 2; field += 1) {
      const at = places[2 * field]!;
      assert.ok(at === -1 || (at > 16 && at <= end));
    }
    const walked: number[] = [];
    let outcome: 1 | 0 | -1 = 1;
    for (let at = 16; outcome === 1; at = found.end) {
      outcome = nextField(slab, at, end, 8);
      if (outcome !== 1) break;
      assert.ok(found.at > at && found.end >= found.at && found.end <= end);
      walked.push(found.at, found.end);
    }
    return { isMessage, places: isMessage ? [...places] : [], walked, outcome };
  });
  assert.equal(outcomes[0], outcomes[1]);
}

frames("a bad length inside a record refuses that record, and the others are read", () => {
  const schema = messageOf(registry, "UsageRecord");
  const record = arbitrary(schema).map((plain) => ({ ...plain, method: "SendBatch" }));
  fc.assert(
    fc.property(fc.array(record, { minLength: 2, maxLength: 8 }), fc.nat(), (records, which) => {
      const bytes = Uint8Array.from(encode("UsageFrame", { publishedAtMs: 1, records }));
      const broken = which % records.length;
      // The length of "method" now points beyond its record, not beyond the frame's other records.
      let at = 0;
      for (let index = 0; index <= broken; index += 1) {
        assert.is(nextField(bytes, at, bytes.length, 8), 1);
        at = found.end;
      }
      const places = newFields();
      assert.ok(readFields(bytes, found.at, found.end, places));
      bytes[places[2 * 5]! - 1] = 127;

      const read: boolean[] = [];
      for (at = 0; nextField(bytes, at, bytes.length, 8) === 1; at = found.end) {
        read.push(readFields(bytes, found.at, found.end, places));
      }
      const short = records.map((_, index) => index !== broken);
      // A record long enough to hold what the length says is another valid message: not refused.
      if (read[broken]) short[broken] = true;
      assert.equal(read, short);
    }),
  );
});

frames.run();
