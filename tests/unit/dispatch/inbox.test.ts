/** Unit tests of the inbox: which frames are taken, in which order, and what is held. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { simulatedClock } from "../../../core/clock.js";
import { SILENT } from "../../../core/log.js";
import type { Delivery } from "../../../core/stream/stream.js";
import { openCovered } from "../../../services/dispatch/covered.js";
import { type Inbox, openInbox } from "../../../services/dispatch/inbox.js";
import { NOW_MS, requestFrame } from "./kit.js";

const inbox = suite("dispatch inbox");

function open() {
  const again: number[] = [];
  const answers: string[] = [];
  const covered = Array.from({ length: 4 }, openCovered);
  const opened = openInbox({
    clock: simulatedClock(NOW_MS),
    log: SILENT,
    covered,
    again: (_, decision) => void again.push(decision),
    arrived: () => {},
  });
  let sequence = 0;
  function deliver(lane: number, records = 1, more: Partial<Delivery> = {}): number {
    sequence += 1;
    const of = more.sequence ?? sequence;
    const messages = Array.from({ length: records }, (_, id) => ({ id }));
    opened.receive(lane, {
      subject: "",
      sequence: of,
      id: `g-${of}`,
      data: requestFrame(messages, { lane }),
      storedAtMs: NOW_MS,
      deliveryCount: 1,
      pulledAtMs: 0,
      sessionSequence: 0,
      ack: () => void answers.push(`ack ${of}`),
      nak: () => void answers.push(`nak ${of}`),
      term: () => void answers.push(`term ${of}`),
      working: async () => void answers.push(`working ${of}`),
      ...more,
    });
    return of;
  }
  return { opened, deliver, again, answers, covered };
}

/** Lanes of all that waits, in the order in which frames are taken. */
function takenLanes(opened: Inbox): string {
  let lanes = "";
  while (opened.waiting() > 0) for (const { lane } of opened.take()) lanes += lane;
  return lanes;
}

inbox("takes the high lane first, with a floor for the others", () => {
  const { opened, deliver } = open();
  for (let frame = 0; frame < 20; frame += 1) for (const lane of [3, 2, 1]) deliver(lane);
  assert.is(takenLanes(opened).slice(0, 36), "111111112223111111112223111122232223");
});

inbox("takes one lane alone as fast as it comes", () => {
  const { opened, deliver } = open();
  for (let frame = 0; frame < 30; frame += 1) deliver(3);
  assert.is(takenLanes(opened), "3".repeat(30));
});

inbox("takes whole frames, at most a thousand records", () => {
  const { opened, deliver } = open();
  for (let frame = 0; frame < 5; frame += 1) deliver(2, 400);
  assert.equal(
    [opened.take(), opened.take(), opened.take(), opened.take()].map(({ length }) => length),
    [2, 2, 1, 0],
  );
});

inbox("keeps one copy of a frame that is delivered again, and acks the last delivery", () => {
  const { opened, deliver, answers } = open();
  let forgotten = 0;
  const forget = (): void => {
    forgotten += 1;
  };
  deliver(2, 1, { sequence: 5, forget });
  deliver(2, 1, { sequence: 5, ack: () => void answers.push("ack second") });
  // Else each delivery that comes again would take a place for ever, and one day the last.
  assert.is(forgotten, 1);
  const taken = opened.take();
  assert.is(taken.length, 1);
  assert.is(opened.held(), 1);
  opened.done(taken[0]!);
  assert.equal(answers, ["ack second"]);
  assert.is(opened.held(), 0);
});

inbox("lets a frame's repeat under another sequence share its fate", () => {
  const { opened, deliver, answers } = open();
  deliver(2, 1, { sequence: 5, id: "same" });
  deliver(2, 1, { sequence: 9, id: "same" });
  const taken = opened.take();
  assert.is(taken.length, 1);
  assert.equal(answers, []);
  opened.done(taken[0]!);
  assert.equal(answers.sort(), ["ack 5", "ack 9"]);
});

inbox("sends a decided frame to be answered from its decision", () => {
  const { opened, deliver, again, answers, covered } = open();
  covered[2]!.add(5, "g-5", 77, NOW_MS, NOW_MS);
  deliver(2, 1, { sequence: 5 });
  assert.equal(again, [77]);
  assert.is(opened.waiting(), 0);
  deliver(2, 1, { sequence: 6, id: "g-5" });
  assert.equal(answers, []);
});

inbox("says of frames that it holds long that they are worked on", () => {
  const { opened, deliver, answers } = open();
  deliver(2);
  opened.touch(-1);
  assert.equal(answers, []);
  opened.touch(0);
  assert.equal(answers, ["working 1"]);
});

inbox.run();
