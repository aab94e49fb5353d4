/** What a session remembers of submit_sm whose response timer ended, and what their answers are. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { newWriter, written } from "../../../core/stream/frame.js";
import { newAnswers } from "../../../services/connectors/smpp/answers.js";
import { LATE_MS_MAX, newExpired } from "../../../services/connectors/smpp/expired.js";
import { beginPdu, COMMAND, endPdu, putCText } from "../../../services/connectors/smpp/pdu.js";

const late = suite("connectors: late answers");

late("a doubt is found by its sequence number, once, and for an hour", () => {
  const expired = newExpired(10);
  assert.is(expired.take(1, 0), 0, "nothing is known yet");
  expired.add(1, 101, 0);
  expired.add(2, 102, 0);
  assert.is(expired.take(1, LATE_MS_MAX), 101);
  assert.is(expired.take(1, LATE_MS_MAX), 0);
  assert.is(expired.take(2, LATE_MS_MAX + 1), 0);
  assert.is(expired.take(0, 0), 0);
  expired.add(3, 103, 0);
  expired.clear();
  assert.is(expired.take(3, 0), 0);
});

late("memory is bounded: the newest of those in one place is known", () => {
  const expired = newExpired(10);
  for (let sequence = 1; sequence <= 100_000; sequence += 1) expired.add(sequence, sequence, 0);
  let known = 0;
  for (let sequence = 1; sequence <= 100_000; sequence += 1) {
    const doubt = expired.take(sequence, 0);
    assert.ok(doubt === 0 || doubt === sequence, "never another's");
    if (doubt !== 0) known += 1;
  }
  assert.is(known, 1_024);
});

function answerTo(sequence: number, id: string): Uint8Array {
  const writer = newWriter(64);
  const mark = beginPdu(writer, COMMAND.submit_sm_resp, 0, sequence);
  putCText(writer, id, 65);
  endPdu(writer, mark);
  return written(writer).slice();
}

late("expected, late, unexpected, closed: each answer and each end is exactly one of them", () => {
  const told: string[] = [];
  let doubts = 0;
  const answers = newAnswers(10, {
    answered: (ticket, _part, _status, bytes, at, end) =>
      void told.push(`answered ${ticket} ${Buffer.from(bytes.subarray(at, end)).toString()}`),
    late: (doubt, _status, bytes, at, end) =>
      void told.push(`late ${doubt} ${Buffer.from(bytes.subarray(at, end)).toString()}`),
    unexpected: () => void told.push("unexpected"),
    doubted: (ticket, _part, reason, doubt) => void told.push(`${reason} ${ticket} ${doubt}`),
    nextDoubt() {
      doubts += 1;
      return doubts;
    },
  });
  const take = (sequence: number, id: string): void => {
    const pdu = answerTo(sequence, id);
    answers.take(sequence, pdu, 0, pdu.length, 1_000);
  };
  const sent = [7, 8, 9].map((ticket, index) => answers.add(ticket, 0, index * 100));
  take(sent[1]!, "a");
  answers.expire(50, 1_000);
  // Its ticket is another's now.
  const again = answers.add(7, 0, 1_000);
  take(sent[0]!, "b");
  take(sent[0]!, "b");
  take(sent[1]!, "a");
  take(again, "c");
  take(4_711, "d");
  answers.close();
  take(sent[2]!, "e");
  assert.equal(told, [
    "answered 8 a",
    "expired 7 1",
    "late 1 b",
    "unexpected",
    "unexpected",
    "answered 7 c",
    "unexpected",
    "closed 9 0",
    "unexpected",
  ]);
  assert.is(answers.count(), 0);
});

late.run();
