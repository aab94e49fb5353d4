/** Unit tests of what every call passes: counts, deadlines, peers, presence. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { simulatedClock } from "../../../core/clock.js";
import {
  answerByMs,
  BATCH_SIZE,
  countMessages,
  MALFORMED,
  type Visit,
  withoutPort,
} from "../../../services/gateway/call.js";
import { watchPresence } from "../../../services/gateway/presence.js";
import { openFakeStream } from "./fake-stream.js";
import { encodeBatch, message } from "./messages.js";

const call = suite("call");

const visit: Visit = {
  method: "",
  peer: "",
  arrivedMs: 1_000,
  atMs: 500_000,
  requestBytes: 0,
  caller: undefined,
};

call("counts messages, from 1 to 1,000", () => {
  const many = (count: number) => encodeBatch(Array.from({ length: count }, () => message()));
  assert.is(countMessages(many(1), 1), 1);
  assert.is(countMessages(many(1_000), 1), 1_000);
  assert.is(countMessages(many(0), 1), BATCH_SIZE);
  assert.is(countMessages(many(1_001), 1), BATCH_SIZE);
  assert.is(countMessages(many(2).subarray(0, -1), 1), MALFORMED);
  assert.is(countMessages(Uint8Array.of(0x0a, 200), 1), MALFORMED);
});

call("is answered before its deadline, and within 15 s without one", () => {
  assert.is(answerByMs(visit, Infinity), 16_000);
  assert.is(answerByMs(visit, 500_000 + 60_000), 16_000);
  assert.is(answerByMs(visit, 500_000 + 1_000), 1_900);
  assert.is(answerByMs(visit, new Date(500_000 + 1_000)), 1_900);
  assert.is(answerByMs(visit, 500_000 + 10_000), 1_000 + 9_750);
  assert.is(answerByMs(visit, 500_000 + 4), undefined);
  assert.is(answerByMs(visit, 499_000), undefined);
});

call("notes a peer without his port", () => {
  assert.is(withoutPort("10.0.0.1:50000"), "10.0.0.1");
  assert.is(withoutPort("::1:50000"), "::1");
  assert.is(withoutPort("::ffff:10.0.0.1:50000"), "::ffff:10.0.0.1");
  assert.is(withoutPort("unknown"), "");
});

call("finds the stream away only after a while, and back at once", async () => {
  const clock = simulatedClock(0);
  const stream = openFakeStream();
  let looks = 0;
  const presence = watchPresence(clock, stream, () => {
    looks += 1;
  });
  await clock.advance(1_000);
  assert.ok(presence.here() && !presence.away() && looks >= 9);
  stream.here = false;
  await clock.advance(300);
  assert.ok(!presence.here() && !presence.away());
  await clock.advance(1_000);
  assert.ok(presence.away());
  stream.here = true;
  await clock.advance(100);
  assert.ok(presence.here() && !presence.away());
  presence.stop();
  assert.not(presence.here());
  const before = looks;
  await clock.advance(1_000);
  assert.is(looks, before);
});

call.run();
