/**
 * Queue: which job sends next. The high lane first, with a floor for the others; within a lane the
 * slots in turn; within a slot in the order in which frames came.
 *
 * A turn is a quantum of records, not a frame, so that a frame of 1,000 promotions does not stand
 * before a password that came a millisecond later. Where room is scarce a turn ends with it, and
 * the next who has one sends first when there is room again. Who finds none keeps the turn: else
 * the same slot might come whenever there is none.
 */
import { LANES } from "../../core/message.js";
import { SLOTS } from "../../core/subjects.js";
import type { Job } from "./job.js";

export interface JobQueue {
  add(job: Job): void;
  /** Before the others of its slot: what it has was to be sent before. */
  addFirst(job: Job): void;
  /** The job whose turn it is. It stays in the queue, and it stays its turn until it is taken. */
  next(): Job | undefined;
  /** The job has sent something: it was its turn. */
  taken(job: Job): void;
  remove(job: Job): void;
  isEmpty(): boolean;
}

/** Every so many turns begin with another lane than the highest: one in 8 normal, one in 16 bulk. */
const NORMAL_EVERY = 8;
const BULK_EVERY = 16;

export function newQueue(): JobQueue {
  const waiting: Job[][] = Array.from({ length: LANES.length * SLOTS.length }, () => []);
  const lastSlot = LANES.map(() => 0);
  let turn = 0;
  let size = 0;

  function nextOf(lane: number): Job | undefined {
    for (let step = 1; step <= SLOTS.length; step += 1) {
      const slot = (lastSlot[lane]! + step) % SLOTS.length;
      const job = waiting[lane * SLOTS.length + slot]![0];
      if (job !== undefined) return job;
    }
    return undefined;
  }

  function put(job: Job, first: boolean): void {
    if (job.queued) return;
    job.queued = true;
    size += 1;
    const place = waiting[job.place]!;
    if (first) place.unshift(job);
    else place.push(job);
  }

  return {
    add: (job) => put(job, false),
    addFirst: (job) => put(job, true),
    next() {
      let preferred = 0;
      if ((turn + 1) % BULK_EVERY === 0) preferred = 2;
      else if ((turn + 1) % NORMAL_EVERY === 0) preferred = 1;
      return nextOf(preferred) ?? nextOf(0) ?? nextOf(1) ?? nextOf(2);
    },
    taken(job) {
      turn += 1;
      lastSlot[Math.floor(job.place / SLOTS.length)] = job.place % SLOTS.length;
    },
    remove(job) {
      if (!job.queued) return;
      job.queued = false;
      size -= 1;
      const place = waiting[job.place]!;
      place.splice(place.indexOf(job), 1);
    },
    isEmpty: () => size === 0,
  };
}
