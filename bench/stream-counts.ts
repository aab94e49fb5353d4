/** Stream counts: frames and backlog as the stream server tells them, for both sides of the bench. */
import { jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import type { Counts } from "./side.js";

export interface StreamCounts {
  /** Last sequence of each stream: the frames that it ever stored. */
  lastSequences(): Promise<Counts>;
  /** Frames that are not delivered or not acked, over all consumers (never the stream's count). */
  backlog(): Promise<number>;
  close(): Promise<void>;
}

/** @param url nats://user:password@host:port, user and password optional. */
export async function openStreamCounts(
  url: string,
  streams: readonly string[],
): Promise<StreamCounts> {
  const { host, username, password } = new URL(url);
  const user = decodeURIComponent(username);
  const login = user === "" ? {} : { user, pass: decodeURIComponent(password) };
  const connection = await connect({ servers: host, noAsyncTraces: true, ...login });
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
    close: () => connection.close(),
  };
}

export function difference(after: Counts, before: Counts): Counts {
  return Object.fromEntries(
    Object.entries(after).map(([name, count]) => [name, count - (before[name] ?? 0)]),
  );
}
