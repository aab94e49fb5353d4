/** Whose turn it is to send. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { SLOTS } from "../../../core/subjects.js";
import type { Job } from "../../../services/connectors/job.js";
import { type JobQueue, newQueue } from "../../../services/connectors/queue.js";

const queue = suite("connectors: queue");

function job(lane: number, slot: number): Job {
  return { place: lane * SLOTS.length + slot, queued: false } as Job;
}

/** Who is next, and has sent something. */
function turn(jobs: JobQueue): Job | undefined {
  const next = jobs.next();
  if (next !== undefined) jobs.taken(next);
  return next;
}

queue("the high lane first, with a floor for the others", () => {
  const jobs = newQueue();
  const [high, normal, bulk] = [job(0, 0), job(1, 0), job(2, 0)];
  for (const one of [bulk, normal, high]) jobs.add(one);
  const turns = Array.from({ length: 160 }, () => turn(jobs));
  assert.is(turns.filter((one) => one === high).length, 140);
  assert.is(turns.filter((one) => one === normal).length, 10);
  assert.is(turns.filter((one) => one === bulk).length, 10);
});

queue("a lane without work leaves its turns to those below", () => {
  const jobs = newQueue();
  const bulk = job(2, 0);
  jobs.add(bulk);
  assert.ok(Array.from({ length: 40 }, () => turn(jobs)).every((one) => one === bulk));
  jobs.remove(bulk);
  assert.is(jobs.next(), undefined);
  assert.ok(jobs.isEmpty());
});

queue("slots of a lane in turn, jobs of a slot in their order", () => {
  const jobs = newQueue();
  const [first, second, other] = [job(0, 0), job(0, 0), job(0, 2)];
  for (const one of [first, second, other]) jobs.add(one);
  jobs.add(first);
  const turns = Array.from({ length: 6 }, () => turn(jobs));
  assert.equal(
    turns.map((one) => (one === other ? "other" : "first")),
    ["other", "first", "other", "first", "other", "first"],
  );
  jobs.remove(first);
  jobs.remove(other);
  assert.is(jobs.next(), second);
  jobs.addFirst(first);
  assert.is(jobs.next(), first);
});

queue("who finds no room keeps the turn, whatever comes in between", () => {
  const jobs = newQueue();
  const [one, other] = [job(1, 0), job(1, 2)];
  jobs.add(one);
  jobs.add(other);
  const turns: (Job | undefined)[] = [];
  for (let room = 0; room < 6; room += 1) {
    for (let look = 0; look < 3; look += 1) jobs.next();
    turns.push(turn(jobs));
  }
  assert.equal(
    turns.map((job) => (job === one ? "one" : "other")),
    ["other", "one", "other", "one", "other", "one"],
  );
});

queue.run();
