/** Graves: a dispatch record is told of when its letter is stored, a frame ended then. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { seededChance, simulatedClock } from "../../../core/clock.js";
import { SILENT } from "../../../core/log.js";
import { BuriedFrame } from "../../../core/proto/floe/v1/dead_letters.js";
import { DispatchFrame } from "../../../core/proto/floe/v1/frames.js";
import { NO_FAULTS, openMemory } from "../../../core/stream/memory.js";
import type { Delivery } from "../../../core/stream/stream.js";
import { STREAMS } from "../../../core/subjects.js";
import { openGraves } from "../../../services/connectors/graves.js";
import { openJob, RECORD } from "../../../services/connectors/job.js";

const test = suite("graves");
const ids = [1, 2].map((number) => Buffer.alloc(16, number));

async function ground(lettersMax: number) {
  const clock = simulatedClock(1_000_000);
  const server = openMemory({ clock, chance: seededChance(1), faults: NO_FAULTS });
  const client = server.connect("connector");
  const streams = STREAMS.map((one) =>
    one.name === "DEAD" ? { ...one, subjectFramesMax: lettersMax } : one,
  );
  const declared = client.declare(streams);
  await clock.advance(1_000);
  await declared;
  const again: number[] = [];
  const graves = openGraves({
    ...{ client, clock, log: SILENT, carrier: "alpha" },
    again: (_, index) => void again.push(index),
  });
  const ends: string[] = [];
  const records = ids.map((messageId) => ({ messageId, account: 7 }));
  const frame = DispatchFrame.fromPartial({ carrier: "alpha", lane: 2, partition: 3, records });
  const delivery = {
    data: new Uint8Array(DispatchFrame.encode(frame).finish()),
    subject: "dispatch.alpha.normal.0",
    ...{ sequence: 9, storedAtMs: 5 },
    term: () => void ends.push("term"),
    nak: () => void ends.push("nak"),
  } as Partial<Delivery> as Delivery;
  const letters = () => server.stored("DEAD").map(({ data }) => BuriedFrame.decode(data));
  return { clock, graves, again, ends, delivery, letters };
}

test("keeps a record, with the header of its frame, and tells of it then", async () => {
  const { clock, graves, delivery, letters, again } = await ground(10);
  const job = openJob(delivery, 1)!;
  let told = 0;
  graves.record(job, 1, "crashed", () => {
    told = letters().length;
  });
  assert.is(job.status[1], RECORD.answered);
  await clock.advance(1_000);
  assert.is(told, 1);
  assert.equal(again, []);
  const [letter] = letters();
  assert.equal([letter!.sequence, letter!.record, letter!.reason], [9n, 1, "crashed"]);
  assert.equal([letter!.messageId, letter!.account], [ids[1]!, 7]);
  const { partition, records } = DispatchFrame.decode(letter!.frame);
  assert.is(partition, 3);
  assert.equal(
    records.map(({ messageId }) => messageId),
    [ids[1]!],
  );
});

test("has a record looked at again whose letter finds no room, and a frame come again", async () => {
  const { clock, graves, delivery, again, ends } = await ground(0);
  const job = openJob(delivery, 1)!;
  graves.record(job, 0, "crashed", () => assert.unreachable());
  graves.frame(delivery);
  await clock.advance(60_000);
  assert.equal(again, [0]);
  assert.equal(ends, ["nak"]);
});

test("ends a frame that cannot be read when its letter is stored", async () => {
  const { clock, graves, delivery, ends, letters } = await ground(10);
  graves.frame(delivery);
  await clock.advance(1_000);
  assert.equal(ends, ["term"]);
  assert.is(letters()[0]!.reason, "unreadable");
});

test("keeps receipts that cannot be read, so many at a time, and says whether each is kept", async () => {
  const { clock, graves, letters } = await ground(1_000);
  const said: boolean[] = [];
  for (let index = 0; index < 150; index += 1) {
    graves.receipt(new Uint8Array([index]), (stored) => void said.push(stored));
  }
  assert.is(said.length, 50, "those beyond a hundred are refused at once");
  await clock.advance(5_000);
  assert.is(said.filter(Boolean).length, 100);
  const kept = letters();
  assert.is(kept.length, 100);
  assert.equal([kept[99]!.stream, kept[99]!.frame[0]], ["RECEIPTS", 99]);
  const full = await ground(0);
  full.graves.receipt(new Uint8Array([1]), (stored) => void said.push(stored));
  await full.clock.advance(60_000);
  assert.is(said.at(-1), false);
});

test.run();
