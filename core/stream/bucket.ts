/**
 * Buckets: key-value pairs on a stream, in the layout that every NATS client knows (ADR-8).
 *
 * Buckets are made by @nats-io/kv. Values are written by our own publish, because the library's
 * `update` drops a key's time to live, and read from the stream's leader, because a replica may lag.
 */
import { jetstream } from "@nats-io/jetstream";
import { Kvm } from "@nats-io/kv";
import type { MsgHdrs } from "@nats-io/transport-node";
import { FloeError, isFloeError } from "../errors.js";
import { type Api, MESSAGE_NOT_FOUND } from "./api.js";
import type { Link } from "./link.js";
import type { HeaderOptions, Publisher } from "./publish.js";
import { openReader } from "./read.js";
import type { Bucket, BucketOptions, Entry } from "./stream.js";

const HISTORY_DEFAULT = 5;
/** How long the sign lies there that a key expired, so that watchers hear of it. */
const MARKER_MS = 60_000;
const EMPTY = new Uint8Array(0);
/**
 * Of the process, not of a bucket: the same bucket may be opened twice, and the stream takes a write
 * with an id that it knows for a repeat, says so, and stores nothing.
 */
let writes = 0;

export async function openBucket(
  link: Link,
  api: Api,
  publisher: Publisher,
  name: string,
  options: BucketOptions = {},
  replicas = 1,
): Promise<Bucket> {
  const stream = `KV_${name}`;
  const prefix = `$KV.${name}.`;
  await create(link, name, options, replicas);

  /** The last message on the key, a deletion too. */
  function last(key: string): Promise<Stored | undefined> {
    return getMessage(api, stream, { last_by_subj: prefix + key });
  }

  async function lastRevision(): Promise<number> {
    const info = await api.ask<{ state: { last_seq: number } }>(`STREAM.INFO.${stream}`, undefined);
    return (info as { state: { last_seq: number } }).state.last_seq;
  }

  /** Publishes, and after an outcome that may be the echo of one's own try, looks. */
  async function write(key: string, value: Uint8Array, more: HeaderOptions) {
    writes += 1;
    const id = `${link.processId}-${name}-${writes}`;
    try {
      const ack = await publisher.publish(prefix + key, value, { ...more, id });
      return ack.sequence;
    } catch (error) {
      if (!isFloeError(error, "stream.fenced")) throw error;
      const there = await last(key);
      return there?.id === id ? there.sequence : undefined;
    }
  }

  async function compareAndSet(
    key: string,
    value: Uint8Array,
    revision: number,
    ttlSeconds?: number,
  ): Promise<number | undefined> {
    const ttl = ttlSeconds === undefined ? {} : { ttlSeconds };
    const written = await write(key, value, { ...ttl, expectedLast: revision });
    if (written !== undefined || revision !== 0) return written;
    // "Must not exist" holds for a deleted key as well, whose deletion has a revision.
    const there = await last(key);
    if (there === undefined || !there.deleted) return undefined;
    return write(key, value, { ...ttl, expectedLast: there.sequence });
  }

  return {
    async get(key) {
      const there = await last(key);
      if (there === undefined || there.deleted) return undefined;
      return { key, value: there.data, revision: there.sequence };
    },
    async put(key, value, ttlSeconds) {
      const revision = await write(key, value, ttlSeconds === undefined ? {} : { ttlSeconds });
      if (revision === undefined)
        throw new FloeError("stream.fenced", { bucket: name, entry: key });
      return revision;
    },
    compareAndSet,
    async delete(key) {
      await write(key, EMPTY, { operation: "DEL" });
    },
    compareAndDelete: (key, revision, note = EMPTY) =>
      write(key, note, { operation: "DEL", expectedLast: revision }),
    async entries() {
      const found: Entry[] = [];
      await new Promise<void>((resolve, reject) => {
        const reading = openReader(link, api, {
          stream,
          subject: `${prefix}>`,
          from: "last",
          receive(message, { sequence }) {
            if (isDeleted(message.headers)) return;
            const key = message.subject.slice(prefix.length);
            found.push({ key, value: new Uint8Array(message.data), revision: sequence });
          },
          caughtUp: () => void reading.then((one) => one.stop()).then(resolve, reject),
        });
        reading.catch(reject);
      });
      return found;
    },
    async watch(changed, { since } = {}) {
      const from = since === "now" ? (await lastRevision()) + 1 : "last";
      return await new Promise((resolve, reject) => {
        const reading = openReader(link, api, {
          stream,
          subject: `${prefix}>`,
          from,
          receive(message, { sequence }) {
            const key = message.subject.slice(prefix.length);
            const value = isDeleted(message.headers) ? undefined : new Uint8Array(message.data);
            changed(key, value, sequence);
          },
          caughtUp: () => void reading.then(resolve, reject),
        });
        reading.catch(reject);
      });
    },
  };
}

async function create(link: Link, name: string, options: BucketOptions, replicas: number) {
  // A key that expires must not uncover an older value without expiry.
  const history = options.keyTtl ? 1 : (options.history ?? HISTORY_DEFAULT);
  const ttl = options.keyTtl ? { markerTTL: MARKER_MS } : {};
  try {
    await new Kvm(jetstream(link.nats)).create(name, { history, replicas, ...ttl });
  } catch (cause) {
    throw new FloeError("stream.config", { bucket: name }, cause);
  }
}

function isDeleted(headers: MsgHdrs | undefined): boolean {
  if (headers === undefined) return false;
  return headers.get("KV-Operation") !== "" || headers.get("Nats-Marker-Reason") !== "";
}

/** A message as STREAM.MSG.GET gives it. */
export interface Stored {
  readonly subject: string;
  readonly sequence: number;
  readonly data: Uint8Array;
  readonly id: string;
  readonly storedAtMs: number;
  readonly deleted: boolean;
}

interface RawMessage {
  readonly message: {
    readonly subject: string;
    readonly seq: number;
    readonly hdrs?: string;
    readonly data?: string;
    readonly time: string;
  };
}

/** From the stream's leader; undefined: there is none. */
export async function getMessage(
  api: Api,
  stream: string,
  which: { seq: number; next_by_subj?: string } | { last_by_subj: string },
): Promise<Stored | undefined> {
  const path = `STREAM.MSG.GET.${stream}`;
  const answer = await api.ask<RawMessage>(path, which, MESSAGE_NOT_FOUND);
  if (typeof answer === "number") return undefined;
  const { subject, seq, hdrs, data, time } = answer.message;
  const headers = hdrs === undefined ? "" : Buffer.from(hdrs, "base64").toString("latin1");
  return {
    subject,
    sequence: seq,
    data: data === undefined ? EMPTY : new Uint8Array(Buffer.from(data, "base64")),
    id: /\r\nNats-Msg-Id: ?([^\r]*)/.exec(headers)?.[1] ?? "",
    storedAtMs: Date.parse(time),
    deleted: /\r\n(?:KV-Operation|Nats-Marker-Reason):/.test(headers),
  };
}
