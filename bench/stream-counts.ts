/** Stream counts: frames and backlog as the stream server tells them, for both sides of the bench. */
import { jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import type { Counts } from "./side.js";

export interface StreamCounts {
  /** Last sequence of each stream: the frames that it ever stored. */
  lastSequences(): Promise<Counts>;
  /** Frames that are not delivered or not acked, over all consumers (never the stream's count). */
  backlog(): Promise<number>;
  /** The same by durable consumer, in words, where there is any: readers come and go. */
  waiting(): Promise<readonly string[]>;
  /** Name of the server that leads a stream; "" while none does, or without a cluster. */
  leader(stream: string): Promise<string>;
  /** Changes bounds of a stream, as an operator's mistake would. */
  limit(stream: string, bounds: { max_bytes?: number; max_age?: number }): Promise<void>;
  close(): Promise<void>;
}

/** @param url nats://user:password@host:port, user and password optional; several with commas. */
export async function openStreamCounts(
  url: string,
  streams: readonly string[],
): Promise<StreamCounts> {
  const urls = url.split(",").map((one) => new URL(one));
  const { username, password } = urls[0]!;
  const user = decodeURIComponent(username);
  const login = user === "" ? {} : { user, pass: decodeURIComponent(password) };
  const connection = await connect({
    servers: urls.map(({ host }) => host),
    noAsyncTraces: true,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 200,
    ...login,
  });
  const manager = await jetstreamManager(connection);
  return {
    async lastSequences() {
      const infos = await Promise.all(streams.map((name) => manager.streams.info(name)));
      return Object.fromEntries(infos.map(({ config, state }) => [config.name, state.last_seq]));
    },
    async backlog() {
      let frames = 0;
      for (const name of streams) {
        // One request for up to 256 consumers.
        for await (const consumer of manager.consumers.list(name)) {
          frames += consumer.num_pending + consumer.num_ack_pending;
        }
      }
      return frames;
    },
    async waiting() {
      const told: string[] = [];
      for (const stream of streams) {
        for await (const one of manager.consumers.list(stream)) {
          if (one.config.durable_name === undefined) continue;
          const frames = one.num_pending + one.num_ack_pending;
          if (frames > 0)
            told.push(`${stream}/${one.name} ${one.num_pending}+${one.num_ack_pending}`);
        }
      }
      return told;
    },
    async leader(stream) {
      return (await manager.streams.info(stream)).cluster?.leader ?? "";
    },
    async limit(stream, bounds) {
      await manager.streams.update(stream, bounds);
    },
    close: () => connection.close(),
  };
}

export function difference(after: Counts, before: Counts): Counts {
  return Object.fromEntries(
    Object.entries(after).map(([name, count]) => [name, count - (before[name] ?? 0)]),
  );
}
