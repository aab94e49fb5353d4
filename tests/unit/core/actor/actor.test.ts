/** Unit tests of actors: order of batches, bound of the mailbox, supervision, ask. */
import { setImmediate as nextTurn } from "node:timers/promises";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type ActorOptions, ask, type Behavior, spawn } from "../../../../core/actor/actor.js";
import type { FloeError } from "../../../../core/errors.js";

const actor = suite("actor");

/** An actor whose state is the number of its starts. */
function open<M>(receive: Behavior<number, M>["receive"], changes: Partial<ActorOptions> = {}) {
  const bounds = { mailboxMax: 8, batchMax: 2, restartsMax: 2, restartWindowMs: 1_000 };
  const life = { supervise: () => "restart" as const, onStop: () => {}, nowMs: () => 0 };
  let starts = 0;
  const behavior = { start: () => ++starts, receive };
  return spawn(behavior, { name: "test", ...bounds, ...life, ...changes });
}

actor("finishes one batch before it starts the next, in order", async () => {
  const turns: string[] = [];
  await new Promise<void>((done) => {
    const ref = open<string>(async (starts, batch) => {
      turns.push(`+${batch.join("")}`);
      await nextTurn();
      turns.push(`-${batch.join("")}`);
      if (batch.includes("e")) done();
      return starts;
    });
    for (const message of ["a", "b", "c", "d", "e"]) assert.ok(ref.tell(message));
  });
  assert.equal(turns, ["+ab", "-ab", "+cd", "-cd", "+e", "-e"]);
});

actor("refuses a message when the mailbox is full", async () => {
  const ref = open<number>((starts) => starts, { mailboxMax: 2 });
  assert.equal([ref.tell(1), ref.tell(2), ref.tell(3)], [true, true, false]);
  await nextTurn();
  assert.is(ref.waiting(), 0);
  assert.ok(ref.tell(4));
});

actor("does not lose a message that comes while a batch is at work", async () => {
  const seen: number[] = [];
  const ref = open<number>(async (starts, batch) => {
    seen.push(...batch);
    if (batch.includes(1)) ref.tell(2);
    await nextTurn();
    if (batch.includes(2)) setImmediate(() => ref.tell(3));
    return starts;
  });
  ref.tell(1);
  for (let turn = 0; turn < 20; turn += 1) await nextTurn();
  assert.equal(seen, [1, 2, 3]);
});

actor("restarts with fresh state, then stops when it does not get better", async () => {
  const stoppedBy = await new Promise<unknown>((onStop) => {
    const fail = (starts: number) => Promise.reject(`start ${starts}`);
    const ref = open<number>(fail, { batchMax: 1, onStop });
    for (const message of [1, 2, 3, 4, 5]) ref.tell(message);
  });
  assert.is(stoppedBy, "start 3");
});

actor("goes on restarting when its failures are far apart", async () => {
  let nowMs = 0;
  let stopped = false;
  const seen: number[] = [];
  const ref = open<number>(
    (starts, [message]) => {
      seen.push(starts);
      nowMs += 600;
      return Promise.reject(message);
    },
    { batchMax: 1, nowMs: () => nowMs, onStop: () => (stopped = true) },
  );
  for (const message of [1, 2, 3, 4, 5]) ref.tell(message);
  for (let turn = 0; turn < 20; turn += 1) await nextTurn();
  assert.equal(seen, [1, 2, 3, 4, 5]);
  assert.not(stopped);
});

actor("stops at once when its supervisor says so, and takes nothing more", async () => {
  let stops = 0;
  const ref = open<number>(() => Promise.reject("broken"), {
    supervise: () => "stop",
    onStop: () => stops++,
  });
  ref.tell(1);
  await nextTurn();
  await nextTurn();
  assert.is(stops, 1);
  assert.not(ref.tell(2));
  ref.stop();
  assert.is(stops, 1);
});

actor("answers who asks; silence is a timeout, and a stopped one refuses at once", async () => {
  type Question = { n: number; reply(answer: number): void };
  const ref = open<Question>((starts, batch) => {
    for (const { n, reply } of batch) if (n > 0) reply(n * 2);
    return starts;
  });
  const double = (n: number, timeoutMs = 1_000): Promise<unknown> =>
    ask<Question, number>(ref, (reply) => ({ n, reply }), timeoutMs).catch(
      (error: FloeError) => error.code,
    );
  assert.is(await double(21), 42);
  assert.is(await double(0, 5), "actor.timeout");
  ref.stop();
  assert.is(await double(21), "actor.full");
});

actor.run();
