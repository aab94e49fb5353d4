/**
 * One stream of the memory form, as the server holds it: what is stored, under which ids and fences,
 * and its durable consumers. No network: memory.ts puts delays and faults around it.
 *
 * What it does on repeats, fences, late acks and recreated consumers is what nats-server 2.15 was
 * seen to do (docs/ARCHITECTURE.md names the experiments).
 */
import assert from "node:assert";
import type { Clock } from "../clock.js";
import { ACK_WAIT_MS, DUPLICATE_WINDOW_MS } from "../limits.js";
import type { ConsumerSpec, StreamSpec } from "../subjects.js";
import type { Backlog, ConsumerOptions, PublishOptions, StoredMessage } from "./stream.js";

const ACK_PENDING_MAX_DEFAULT = 5_000;

export type StoreResult =
  | { readonly kind: "stored"; readonly sequence: number }
  | { readonly kind: "duplicate"; readonly sequence: number }
  | { readonly kind: "fenced" }
  | { readonly kind: "full" };

export interface MemoryStream {
  readonly spec: StreamSpec;
  /** @param isReplicated answers a repeated fenced publish as R3 does (duplicate), not as R1. */
  store(
    subject: string,
    data: Uint8Array,
    options: PublishOptions,
    isReplicated: boolean,
  ): StoreResult;
  /** The first message from `sequence` on whose subject matches. */
  next(sequence: number, subject: string): StoredMessage | undefined;
  last(subject: string): StoredMessage | undefined;
  at(sequence: number): StoredMessage | undefined;
  firstSequence(): number;
  lastSequence(): number;
  count(): number;
  purge(subject: string, belowSequence: number): void;
  remove(sequence: number): void;
  /** Everything that was ever stored, in order: for assertions. */
  history(): readonly StoredMessage[];
  /** Called after each store. The result ends it. */
  onStored(stored: () => void): () => void;
  consumer(name: string): MemoryConsumer | undefined;
  /** Creates it, in the place of one with the same name. */
  createConsumer(spec: ConsumerSpec, options: ConsumerOptions): MemoryConsumer;
  /** As a restarted server: ids are known only of what is still there. */
  restart(): void;
}

export function openMemoryStream(spec: StreamSpec, clock: Clock): MemoryStream {
  /** In order of sequence. */
  const messages = new Map<number, StoredMessage>();
  const bySubject = new Map<string, number[]>();
  const ids = new Map<string, { sequence: number; atMs: number }>();
  const everything: StoredMessage[] = [];
  const listeners = new Set<() => void>();
  const consumers = new Map<string, MemoryConsumer>();
  let last = 0;
  let bytes = 0;

  function remember(id: string): number | undefined {
    const known = ids.get(id);
    if (known === undefined) return undefined;
    if (clock.monotonicMs() - known.atMs <= DUPLICATE_WINDOW_MS) return known.sequence;
    ids.delete(id);
    return undefined;
  }

  function store(
    subject: string,
    data: Uint8Array,
    { id = "", expectedLast }: PublishOptions,
    isReplicated: boolean,
  ): StoreResult {
    const known = id === "" ? undefined : remember(id);
    const here = bySubject.get(subject) ?? [];
    const isFenced = expectedLast !== undefined && (here.at(-1) ?? 0) !== expectedLast;
    if (known !== undefined && (isReplicated || !isFenced)) {
      return { kind: "duplicate", sequence: known };
    }
    if (isFenced) return { kind: "fenced" };
    if (here.length >= spec.subjectFramesMax || bytes + data.length > spec.bytesMax) {
      return { kind: "full" };
    }
    last += 1;
    const message = {
      subject,
      sequence: last,
      data: new Uint8Array(data),
      id,
      storedAtMs: clock.nowMs(),
    };
    messages.set(last, message);
    bySubject.set(subject, [...here, last]);
    if (id !== "") ids.set(id, { sequence: last, atMs: clock.monotonicMs() });
    bytes += data.length;
    everything.push(message);
    for (const consumer of consumers.values()) consumer.pump();
    for (const stored of listeners) stored();
    return { kind: "stored", sequence: last };
  }

  function firstSequence(): number {
    return messages.keys().next().value ?? last + 1;
  }

  function next(sequence: number, subject: string): StoredMessage | undefined {
    for (let at = Math.max(sequence, firstSequence()); at <= last; at += 1) {
      const message = messages.get(at);
      if (message !== undefined && matches(subject, message.subject)) return message;
    }
    return undefined;
  }

  function remove(sequence: number): void {
    const message = messages.get(sequence);
    if (message === undefined) return;
    messages.delete(sequence);
    bytes -= message.data.length;
    const rest = bySubject.get(message.subject)!.filter((one) => one !== sequence);
    if (rest.length > 0) bySubject.set(message.subject, rest);
    else bySubject.delete(message.subject);
  }

  const stream: MemoryStream = {
    spec,
    store,
    next,
    last(subject) {
      let found: StoredMessage | undefined;
      for (const [one, sequences] of bySubject) {
        const sequence = sequences.at(-1)!;
        if (matches(subject, one) && sequence > (found?.sequence ?? 0)) {
          found = messages.get(sequence);
        }
      }
      return found;
    },
    at: (sequence) => messages.get(sequence),
    firstSequence,
    lastSequence: () => last,
    count: () => messages.size,
    purge(subject, belowSequence) {
      for (const message of [...messages.values()]) {
        if (message.sequence < belowSequence && matches(subject, message.subject)) {
          remove(message.sequence);
        }
      }
    },
    remove,
    history: () => everything,
    onStored(stored) {
      listeners.add(stored);
      return () => void listeners.delete(stored);
    },
    consumer: (name) => consumers.get(name),
    createConsumer(consumerSpec, options) {
      const old = consumers.get(consumerSpec.name);
      const consumer = openConsumer(stream, consumerSpec, options, clock);
      consumers.set(consumerSpec.name, consumer);
      for (const taker of old?.end() ?? []) consumer.add(taker);
      return consumer;
    },
    restart() {
      for (const [id, { sequence }] of ids) if (!messages.has(sequence)) ids.delete(id);
    },
  };
  return stream;
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

function openConsumer(
  stream: MemoryStream,
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
      let waiting = again.length;
      for (let at = cursor; ; waiting += 1) {
        const message = stream.next(at, spec.subject);
        if (message === undefined) return { pending: waiting, ackPending: pending.size };
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

/** Whether `subject` is one of `pattern` (`*`: one token, `>`: one or more at the end). */
export function matches(pattern: string, subject: string): boolean {
  if (pattern === subject) return true;
  const wanted = pattern.split(".");
  const tokens = subject.split(".");
  for (const [at, token] of wanted.entries()) {
    if (token === ">") return tokens.length > at;
    if (tokens[at] === undefined || (token !== "*" && token !== tokens[at])) return false;
  }
  return tokens.length === wanted.length;
}
