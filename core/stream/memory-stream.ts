/**
 * One stream of the memory form, as the server holds it: what is stored, under which ids and fences,
 * and its durable consumers. No network: memory.ts puts delays and faults around it.
 *
 * What it does on repeats, fences, late acks and recreated consumers is what nats-server 2.15 was
 * seen to do (docs/ARCHITECTURE.md names the experiments).
 */
import type { Clock } from "../clock.js";
import { DUPLICATE_WINDOW_MS } from "../limits.js";
import type { ConsumerSpec, StreamSpec } from "../subjects.js";
import { type MemoryConsumer, openConsumer } from "./memory-consumer.js";
import type { ConsumerOptions, PublishOptions, StoredMessage } from "./stream.js";

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
    const here = bySubject.get(subject) ?? NONE;
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
    if (here === NONE) bySubject.set(subject, [last]);
    else here.push(last);
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
    if (!subject.includes("*") && !subject.includes(">")) {
      const here = bySubject.get(subject);
      const at = here === undefined ? -1 : firstFrom(here, sequence);
      return at < 0 ? undefined : messages.get(here![at]!);
    }
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
    const here = bySubject.get(message.subject)!;
    here.splice(here.indexOf(sequence), 1);
    if (here.length === 0) bySubject.delete(message.subject);
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

const NONE: number[] = [];

/** Where the first of ascending numbers from `least` on stands; -1: there is none. */
function firstFrom(ascending: readonly number[], least: number): number {
  let from = 0;
  let to = ascending.length;
  while (from < to) {
    const middle = (from + to) >> 1;
    if (ascending[middle]! < least) from = middle + 1;
    else to = middle;
  }
  return from === ascending.length ? -1 : from;
}

/** Answers of `matches`: there are few patterns and subjects, and it is asked for every message. */
const matched = new Map<string, boolean>();
const MATCHED_MAX = 10_000;

/** Whether `subject` is one of `pattern` (`*`: one token, `>`: one or more at the end). */
export function matches(pattern: string, subject: string): boolean {
  if (pattern === subject) return true;
  const both = `${pattern} ${subject}`;
  let answer = matched.get(both);
  if (answer === undefined) {
    answer = isMatch(pattern, subject);
    if (matched.size === MATCHED_MAX) matched.clear();
    matched.set(both, answer);
  }
  return answer;
}

function isMatch(pattern: string, subject: string): boolean {
  const wanted = pattern.split(".");
  const tokens = subject.split(".");
  for (const [at, token] of wanted.entries()) {
    if (token === ">") return tokens.length > at;
    if (tokens[at] === undefined || (token !== "*" && token !== tokens[at])) return false;
  }
  return tokens.length === wanted.length;
}
