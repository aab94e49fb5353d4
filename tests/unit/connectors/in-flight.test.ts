/** The window of one session, flat by sequence number. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { newInFlight, taken } from "../../../services/connectors/smpp/in-flight.js";
import { SEQUENCE_MAX } from "../../../services/connectors/smpp/pdu.js";

const inFlight = suite("connectors: in flight");

inFlight("gives an answer to whom it belongs, once", () => {
  const table = newInFlight(10);
  const one = table.add(100, 0, 5);
  const other = table.add(200, 3, 6);
  assert.is(table.count(), 2);
  assert.ok(table.take(other));
  assert.equal({ ...taken }, { ticket: 200, part: 3, sentAtMs: 6 });
  assert.not.ok(table.take(other), "a second answer is not expected");
  assert.not.ok(table.take(9_999), "nor one to nothing");
  assert.not.ok(table.take(0));
  assert.not.ok(table.take(0xffffffff));
  assert.ok(table.take(one));
  assert.is(table.count(), 0);
});

inFlight("expires what was sent before a time, oldest first", () => {
  const table = newInFlight(10);
  for (let ticket = 0; ticket < 6; ticket += 1) table.add(ticket, 0, ticket * 10);
  table.take(3);
  const expired: number[] = [];
  table.expire(40, (ticket) => expired.push(ticket));
  assert.equal(expired, [0, 1, 3]);
  assert.is(table.oldestMs(), 40);
  table.expire(Number.POSITIVE_INFINITY, (ticket) => expired.push(ticket));
  assert.equal(expired, [0, 1, 3, 4, 5]);
  assert.is(table.oldestMs(), Number.POSITIVE_INFINITY);
});

inFlight("an old unanswered one holds its number while others come and go round", () => {
  const table = newInFlight(4);
  const old = table.add(7, 0, 0);
  for (let index = 0; index < 1_000; index += 1) {
    const sequence = table.add(index, 0, index);
    assert.is.not(sequence, old);
    assert.ok(table.take(sequence));
    assert.is(taken.ticket, index);
  }
  assert.is(table.oldestMs(), 0);
  assert.ok(table.take(old));
  assert.is(taken.ticket, 7);
});

inFlight("numbers that are not in the window are from the same row", () => {
  const table = newInFlight(4);
  const numbers = [table.add(0, 0, 0), table.next(), table.add(1, 0, 0), table.next()];
  assert.equal(numbers, [1, 2, 3, 4]);
  assert.ok(SEQUENCE_MAX > numbers.at(-1)!);
});

inFlight.run();
