/**
 * Stream: what services may ask of the stream server. Two forms implement it: `nats.ts` (JetStream,
 * the only importer of @nats-io beside its neighbours here) and `memory.ts` (one process, simulated
 * clock, faults by seed). Services are written against this page alone.
 */
import type { ConsumerSpec, StreamName, StreamSpec } from "../subjects.js";

export interface StreamClient {
  /**
   * Publishes one frame and waits for the stream's acknowledgement.
   * @throws FloeError "stream.unavailable": outcome unknown, a repeat needs the same `id`;
   *   "stream.full": the stream or subject refused it, nothing was stored;
   *   "stream.fenced": `expectedLast` did not hold (which says nothing of an earlier try of one's
   *   own: see append.ts).
   */
  publish(subject: string, data: Uint8Array, options?: PublishOptions): Promise<PublishAck>;

  /**
   * Creates what is missing and compares what is there with what is wanted, field by field.
   * @throws FloeError "stream.config" naming every difference.
   */
  declare(streams: readonly StreamSpec[]): Promise<void>;
  /** Creates the durable consumer, or compares it. `ackWaitMs` defaults to ACK_WAIT_MS. */
  declareConsumer(spec: ConsumerSpec, options?: ConsumerOptions): Promise<void>;
  /** Deletes and creates it: everything unacked comes back at once and in order. */
  recreateConsumer(spec: ConsumerSpec, options?: ConsumerOptions): Promise<void>;

  /**
   * Pulls frames of a durable consumer. At most `outstandingMax` deliveries are unacked at a time:
   * acking (or nak, term) frees their place, so a slow receiver holds back by itself. Survives
   * reconnects, missing heartbeats and leader changes by itself; each of these begins a new session.
   */
  consume(
    spec: ConsumerSpec,
    options: ConsumeOptions,
    receive: (delivery: Delivery) => void,
  ): Promise<Consumption>;

  /**
   * Reads a subject (or pattern) in order from `fromSequence` on, without acks, and goes on with
   * what is stored later. Gaps by reconnects are closed by itself; no frame is given twice or
   * skipped. `caughtUp` is called each time when everything that was stored has been given.
   */
  read(
    stream: StreamName,
    subject: string,
    fromSequence: number,
    receive: (message: StoredMessage) => void,
    caughtUp?: () => void,
  ): Promise<Consumption>;

  /** The last message on a subject, read from the stream's leader. */
  last(stream: StreamName, subject: string): Promise<StoredMessage | undefined>;
  /** The message with this sequence, from the leader; undefined: it is gone (acked or purged). */
  at(stream: StreamName, sequence: number): Promise<StoredMessage | undefined>;
  /** First and last sequence of a stream, and its messages (never a measure of backlog). */
  state(stream: StreamName): Promise<StreamState>;
  /** The server's clock, milliseconds since 1970 UTC. @throws FloeError "stream.unavailable". */
  serverTimeMs(): Promise<number>;
  /** `pending + ackPending` is the backlog of a consumer. */
  backlog(spec: ConsumerSpec): Promise<Backlog>;
  /** Removes what lies on `subject` below `sequence`. */
  purge(stream: StreamName, subject: string, belowSequence: number): Promise<void>;

  /**
   * Asks who answers on `subject` (no stream; nothing is kept).
   * @throws FloeError "stream.unavailable": nobody does, or no answer came in time; whether somebody
   *   has heard it is unknown.
   */
  ask(subject: string, data: Uint8Array, timeoutMs: number): Promise<Uint8Array>;
  /** Answers what is asked on `subject`; what `answer` throws is no answer. */
  respond(
    subject: string,
    answer: (data: Uint8Array) => Promise<Uint8Array>,
  ): Promise<Pick<Consumption, "stop">>;

  /** A key-value bucket, created if missing. */
  bucket(name: string, options?: BucketOptions): Promise<Bucket>;
  /** An object store, created if missing. */
  objects(name: string): Promise<Objects>;

  /** False while the connection is away: what is asked then waits or fails as documented. */
  connected(): boolean;
  /** Lets what is in flight finish, then closes. */
  close(): Promise<void>;
}

export interface PublishOptions {
  /** Nats-Msg-Id: a repeat within the duplicate window is not stored again. */
  id?: string;
  /** Sequence of the last message on this subject (0: none), else the publish is refused. */
  expectedLast?: number;
  /** Keep trying (same id; without one it is sent once) for this long in all. Default 5,000. */
  timeoutMs?: number;
  /** Seconds after which the message goes by itself (Nats-TTL). */
  ttlSeconds?: number;
}

export interface PublishAck {
  readonly sequence: number;
  readonly duplicate: boolean;
}

export interface StoredMessage {
  readonly subject: string;
  readonly sequence: number;
  /**
   * A view of a buffer that it shares with its neighbours, not copied: read it in place, copy it
   * (`slice`) before it is kept for long or moved to a thread.
   */
  readonly data: Uint8Array;
  /** Nats-Msg-Id, "" if it had none. */
  readonly id: string;
  readonly storedAtMs: number;
}

export interface Delivery extends StoredMessage {
  /** 1 for the first; a crashed server may call a second delivery first again. */
  readonly deliveryCount: number;
  /** Monotonic time at which the pull that fetched it was sent: its youth counts from here. */
  readonly pulledAtMs: number;
  /**
   * The stream's last sequence, asked when the current pull session was open; Infinity until the
   * answer came. Nobody can have got a frame beyond it in a session that has ended, by whatever end.
   */
  readonly sessionSequence: number;
  /** Done. Not a commit point: the frame may still come again. */
  ack(): void;
  /** Give it again, after `delayMs`. */
  nak(delayMs?: number): void;
  /** Still at work: starts the ack wait anew. Resolves when the server has answered. */
  working(): Promise<void>;
  /** Never again. */
  term(): void;
  /** Frees its place without an answer: after the ack wait somebody gets it again. */
  forget?(): void;
  /**
   * Lets go of `data` and `id`, for who acks much later: they are views of the socket's buffers,
   * and would keep these.
   */
  drop?(): void;
}

export interface ConsumerOptions {
  ackWaitMs?: number;
  /** Unacked messages over all readers of the consumer. Default 5,000. */
  ackPendingMax?: number;
  /** `all`: one ack settles everything before it. Only where one process reads the consumer. */
  ackPolicy?: "explicit" | "all";
}

export interface ConsumeOptions {
  outstandingMax: number;
  /** Expiry of one pull request. Default 5,000. */
  expiresMs?: number;
}

export interface Consumption {
  /** Asks for no more; what was delivered may still be acked. */
  pause(): void;
  resume(): void;
  /** Ends it. What was delivered and not acked goes back after its ack wait. */
  stop(): Promise<void>;
}

export interface StreamState {
  readonly firstSequence: number;
  readonly lastSequence: number;
  readonly messages: number;
}

export interface Backlog {
  readonly pending: number;
  readonly ackPending: number;
  /** All messages of the consumer up to this sequence are acked; undefined: not known. */
  readonly ackFloor?: number;
}

export interface BucketOptions {
  /** Revisions kept of each key. Default 5. */
  history?: number;
  /** Keys may be given a time to live. One revision of each is kept then. */
  keyTtl?: boolean;
}

export interface Entry {
  readonly key: string;
  readonly value: Uint8Array;
  readonly revision: number;
}

export interface Bucket {
  get(key: string): Promise<Entry | undefined>;
  /** Sets it whatever it was. Returns the revision. */
  put(key: string, value: Uint8Array, ttlSeconds?: number): Promise<number>;
  /**
   * Sets it only if its revision is `revision` (0: it must not exist); renewing keeps `ttlSeconds`.
   * @returns the new revision, or undefined if somebody else was first.
   */
  compareAndSet(
    key: string,
    value: Uint8Array,
    revision: number,
    ttlSeconds?: number,
  ): Promise<number | undefined>;
  delete(key: string): Promise<void>;
  /**
   * Deletes it only if its revision is `revision`.
   * @param note stays in the key's history, for who looks for the reason.
   * @returns the revision of the deletion, or undefined if somebody else was first.
   */
  compareAndDelete(key: string, revision: number, note?: Uint8Array): Promise<number | undefined>;
  /** All keys that are there. */
  entries(): Promise<readonly Entry[]>;
  /**
   * Calls `changed` with every present entry, then with each change; `value` undefined: deleted or
   * expired. Resolves when the present ones have been given. `since: "now"`: only with changes.
   */
  watch(
    changed: (key: string, value: Uint8Array | undefined, revision: number) => void,
    options?: { readonly since?: "now" },
  ): Promise<Consumption>;
}

export interface Objects {
  put(name: string, data: Uint8Array): Promise<void>;
  get(name: string): Promise<Uint8Array | undefined>;
  /** The same, written into memory that threads share piece by piece as it comes. */
  getShared(name: string): Promise<SharedArrayBuffer | undefined>;
  list(): Promise<readonly string[]>;
  delete(name: string): Promise<void>;
}
