/** The fenced append: its own echo, other owners, and what it cannot know. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { openAppender } from "../../../../core/stream/append.js";
import { NO_FAULTS } from "../../../../core/stream/memory.js";
import { codeOf, type Ground, withMemory } from "./with-memory.js";

const append = suite("appender");
const SUBJECT = "decision.0";

function open({ server, clock }: Ground, writerId = "a", lastSequence = 0, name = writerId) {
  const client = server.connect(name);
  const where = { stream: "DECISIONS", subject: SUBJECT } as const;
  return openAppender({ client, ...where, lastSequence, writerId, giveUpMs: 30_000, clock });
}

const frame = (text: string): Uint8Array => Buffer.from(text);
const log = ({ server }: Ground): string[] =>
  server.history("DECISIONS").map(({ data }) => Buffer.from(data).toString());

append("appends frame after frame", () =>
  withMemory(async (ground) => {
    const one = open(ground);
    assert.is(await ground.run(one.append(frame("1"))), 1);
    assert.is(await ground.run(one.append(frame("2"))), 2);
    assert.is(one.last(), 2);
    assert.equal(log(ground), ["1", "2"]);
  }),
);

append("stops for ever when somebody else has appended", () =>
  withMemory(async (ground) => {
    const old = open(ground, "old");
    await ground.run(old.append(frame("1")));
    const young = open(ground, "young", 1);
    await ground.run(young.append(frame("2")));
    assert.is(await codeOf(ground.run(old.append(frame("3")))), "stream.fenced");
    assert.is(await codeOf(ground.run(old.append(frame("4")))), "stream.fenced");
    await ground.run(young.append(frame("5")));
    assert.equal(log(ground), ["1", "2", "5"]);
  }),
);

for (let seed = 1; seed <= 30; seed += 1) {
  append(`stores each frame once, in order, when tries and answers are lost (seed ${seed})`, () =>
    withMemory(
      async (ground) => {
        const one = open(ground);
        for (let number = 1; number <= 20; number += 1) {
          assert.is(await ground.run(one.append(frame(`${number}`))), number);
        }
        await ground.clock.advance(60_000);
        assert.equal(
          log(ground),
          Array.from({ length: 20 }, (_, index) => `${index + 1}`),
        );
      },
      { publishAckLost: 0.3, publishLost: 0.2, publishLate: 0.2, lateMsMax: 3_000, wayMsMax: 30 },
      seed,
    ),
  );
}

append("says that the outcome is unknown when no answer comes, and is dead afterwards", () =>
  withMemory(async (ground) => {
    const one = open(ground);
    ground.server.setFaults({ ...NO_FAULTS, publishLost: 1 });
    assert.is(await codeOf(ground.run(one.append(frame("1")))), "stream.unavailable");
    ground.server.setFaults(NO_FAULTS);
    assert.is(await codeOf(ground.run(one.append(frame("1")))), "stream.fenced");
  }),
);

append("survives a restart of the server under its hands", () =>
  withMemory(async (ground) => {
    const one = open(ground);
    await ground.run(one.append(frame("1")));
    const second = one.append(frame("2"));
    await ground.run(ground.server.restart(5_000));
    assert.is(await ground.run(second), 2);
    assert.equal(log(ground), ["1", "2"]);
  }),
);

append.run();
