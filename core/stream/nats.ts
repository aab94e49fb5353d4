/**
 * The stream client on NATS JetStream: wiring of its parts.
 *
 * link (connection), publish, declare, consume, read, bucket, objects: these files are the only
 * ones that import @nats-io. The other form of the same interface is memory.ts.
 */
import type { Clock } from "../clock.js";
import type { Logger } from "../log.js";
import { STREAMS, type StreamName } from "../subjects.js";
import { openApi } from "./api.js";
import { ask, respond } from "./ask.js";
import { getMessage, openBucket } from "./bucket.js";
import { consume } from "./consume.js";
import { declareConsumer, declareStreams, recreateConsumer } from "./declare.js";
import { openLink } from "./link.js";
import { openObjects } from "./objects.js";
import { openPublisher } from "./publish.js";
import { plainView } from "./pull.js";
import { openReader } from "./read.js";
import { openScan } from "./scan.js";
import type { Consumption, StreamClient } from "./stream.js";

export interface NatsOptions {
  /** Comma separated. */
  readonly servers: string;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  /** Shown in the server's list of connections. */
  readonly name: string;
  /** Unique to this process for ever. */
  readonly processId: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** Copies of each stream and bucket. Default 1. */
  readonly replicas?: number;
}

interface Info {
  readonly state: { first_seq: number; last_seq: number; messages: number };
}
interface ConsumerInfo {
  readonly num_pending: number;
  readonly num_ack_pending: number;
  readonly ack_floor: { stream_seq: number };
}

/**
 * Connects. Reconnects by itself for ever afterwards.
 * @throws FloeError "stream.unavailable" if no server answers, "stream.config" if it is too old.
 */
export async function openNats(options: NatsOptions): Promise<StreamClient> {
  const link = await openLink(options);
  const api = openApi(link);
  const publisher = openPublisher(link);
  const replicas = options.replicas ?? 1;
  const running = new Set<Consumption>();

  async function run(opening: Promise<Consumption>): Promise<Consumption> {
    const consumption = await opening;
    running.add(consumption);
    return {
      ...consumption,
      stop() {
        running.delete(consumption);
        return consumption.stop();
      },
    };
  }

  return {
    publish: publisher.publish,
    declare: (streams) => declareStreams(api, streams, replicas),
    declareConsumer: (spec, more) => declareConsumer(api, spec, more),
    recreateConsumer: (spec, more) => recreateConsumer(api, spec, more),
    consume: (spec, more, receive) => run(consume(link, api, spec, more, receive)),
    read(stream, subject, from, receive, caughtUp = () => {}) {
      const what = { stream, subject, from, caughtUp };
      if (isWorkQueue(stream)) {
        return run(Promise.resolve(openScan(link, api, { ...what, receive })));
      }
      return run(
        openReader(link, api, {
          ...what,
          receive(message, { sequence, storedAtMs }) {
            receive({
              subject: message.subject,
              sequence,
              data: plainView(message.data),
              get id() {
                return message.headers?.get("Nats-Msg-Id") ?? "";
              },
              storedAtMs,
            });
          },
        }),
      );
    },
    last: (stream, subject) => getMessage(api, stream, { last_by_subj: subject }),
    at: (stream, sequence) => getMessage(api, stream, { seq: sequence }),
    async state(stream) {
      const { state } = (await api.ask<Info>(`STREAM.INFO.${stream}`, undefined)) as Info;
      const { first_seq: firstSequence, last_seq: lastSequence, messages } = state;
      return { firstSequence, lastSequence, messages };
    },
    async serverTimeMs() {
      const { ts } = (await api.ask<{ ts: string }>("STREAM.INFO.REQUESTS", undefined)) as {
        ts: string;
      };
      return Date.parse(ts);
    },
    async backlog({ stream, name }) {
      const path = `CONSUMER.INFO.${stream}.${name}`;
      const info = (await api.ask<ConsumerInfo>(path, undefined)) as ConsumerInfo;
      const { num_pending: pending, num_ack_pending: ackPending } = info;
      return { pending, ackPending, ackFloor: info.ack_floor.stream_seq };
    },
    async purge(stream, subject, belowSequence) {
      // Up to and without that sequence; 0 would mean everything.
      if (belowSequence <= 1) return;
      await api.ask(`STREAM.PURGE.${stream}`, { filter: subject, seq: belowSequence });
    },
    ask: (subject, data, timeoutMs) => ask(link, subject, data, timeoutMs),
    respond: async (subject, answer) => respond(link, subject, answer),
    bucket: (name, more) => openBucket(link, api, publisher, name, more, replicas),
    objects: (name) => openObjects(link, api, publisher, name, replicas),
    connected: link.up,
    async close() {
      await publisher.idle();
      await Promise.all([...running].map((one) => one.stop().catch(() => {})));
      publisher.close();
      await link.close();
    },
  };
}

function isWorkQueue(stream: StreamName): boolean {
  return STREAMS.some(({ name, retention }) => name === stream && retention === "work");
}
