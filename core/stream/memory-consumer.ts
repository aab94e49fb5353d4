/** A durable consumer of the memory form, as the server holds it. No network. */
import assert from "node:assert";
import type { Clock } from "../clock.js";
import { ACK_WAIT_MS } from "../limits.js";
import type { ConsumerSpec, StreamSpec } from "../subjects.js";
import type { Backlog, ConsumerOptions, StoredMessage } from "./stream.js";

const ACK_PENDING_MAX_DEFAULT = 5_000;

/** What it needs of its stream. */
interface Source {
  readonly spec: StreamSpec;
  next(sequence: number, subject: string): StoredMessage | undefined;
  at(sequence: number): StoredMessage | undefined;
  remove(sequence: number): void;
}

/** A reader of a consumer. */
export interface Taker {
  /** How many more messages it wants now. */
  credit(): number;
  take(message: StoredMessage, deliveryCount: number): void;
}

export interface MemoryConsumer {
  readonly options: ConsumerOptions;
  add(taker: Taker): void;
  drop(taker: Taker): void;
  /** Gives what may be given. */
  pump(): void;
  ack(sequence: number): void;
  nak(sequence: number, delayMs: number): void;
  /** Starts the ack wait anew. */
  working(sequence: number): void;
  /** Gives it once more though it may still be worked on. */
  repeat(sequence: number): void;
  backlog(): Backlog;
  /** Ends it; returns who was reading. */
  end(): readonly Taker[];
}

export function openConsumer(
  stream: Source,
  spec: ConsumerSpec,
  options: ConsumerOptions,
  clock: Clock,
): MemoryConsumer {
  const { ackWaitMs = ACK_WAIT_MS, ackPendingMax = ACK_PENDING_MAX_DEFAULT, ackPolicy } = options;
  /** Delivered and unacked, with what ends its ack wait. */
  const pending = new Map<number, () => void>();
  const counts = new Map<number, number>();
  /** To be given again, lowest first. */
  let again: number[] = [];
  let cursor = 1;
  let takers: Taker[] = [];
  let ended = false;

  function nextMessage(): StoredMessage | undefined {
    while (again.length > 0) {
      const message = stream.at(again.shift()!);
      if (message !== undefined) return message;
    }
    const message = stream.next(cursor, spec.subject);
    if (message !== undefined) cursor = message.sequence + 1;
    return message;
  }

  function pump(): void {
    while (!ended && pending.size < ackPendingMax) {
      const at = takers.findIndex((taker) => taker.credit() > 0);
      if (at < 0) return;
      const message = nextMessage();
      if (message === undefined) return;
      // Served in turn, as the server does with waiting pulls.
      const taker = takers.splice(at, 1)[0]!;
      takers.push(taker);
      give(taker, message);
    }
  }

  function give(taker: Taker, message: StoredMessage): void {
    const { sequence } = message;
    const count = (counts.get(sequence) ?? 0) + 1;
    counts.set(sequence, count);
    wait(sequence, ackWaitMs);
    taker.take(message, count);
  }

  function wait(sequence: number, forMs: number): void {
    pending.get(sequence)?.();
    pending.set(
      sequence,
      clock.after(forMs, () => comeBack(sequence)),
    );
  }

  function comeBack(sequence: number): void {
    if (ended || !pending.has(sequence)) return;
    pending.get(sequence)!();
    pending.delete(sequence);
    again = [...again, sequence].sort((a, b) => a - b);
    pump();
  }

  function settle(sequence: number): void {
    pending.get(sequence)?.();
    pending.delete(sequence);
    counts.delete(sequence);
    again = again.filter((one) => one !== sequence);
    if (stream.spec.retention === "work") stream.remove(sequence);
  }

  return {
    options,
    add(taker) {
      takers.push(taker);
      pump();
    },
    drop(taker) {
      takers = takers.filter((one) => one !== taker);
    },
    pump,
    ack(sequence) {
      if (ended) return;
      const before = [...pending.keys(), ...again].filter((one) => one < sequence);
      if (ackPolicy === "all") for (const one of before) settle(one);
      settle(sequence);
      pump();
    },
    nak(sequence, delayMs) {
      if (pending.has(sequence)) wait(sequence, delayMs);
    },
    working(sequence) {
      if (pending.has(sequence)) wait(sequence, ackWaitMs);
    },
    repeat: comeBack,
    backlog() {
      const ackFloor = Math.min(cursor, ...pending.keys(), ...again) - 1;
      let waiting = again.length;
      for (let at = cursor; ; waiting += 1) {
        const message = stream.next(at, spec.subject);
        if (message === undefined) return { pending: waiting, ackPending: pending.size, ackFloor };
        at = message.sequence + 1;
      }
    },
    end() {
      assert(!ended, "a consumer ends once");
      ended = true;
      for (const cancel of pending.values()) cancel();
      return takers;
    },
  };
}
