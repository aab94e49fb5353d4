/**
 * Bracket: nats-server, embedded ClickHouse, and cdr processes (in this one) as a test starts them.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ClickHouse } from "../../../core/clickhouse.js";
import { SYSTEM_CLOCK } from "../../../core/clock.js";
import { encodeConfig } from "../../../core/configuration.js";
import type { CommonSettings } from "../../../core/host.js";
import type { StreamClient } from "../../../core/stream/stream.js";
import {
  attemptSubject,
  BUCKETS,
  CDR_CONSUMERS,
  decisionSubject,
  STREAMS,
  USAGE_SUBJECT,
} from "../../../core/subjects.js";
import { serve } from "../../../services/cdr/main.js";
import { until } from "../../until.js";
import {
  type ClickHouseBracket,
  PASSWORD,
  USER,
  withClickHouse,
} from "../clickhouse/with-clickhouse.js";
import { startRole } from "../role.js";
import { type NatsBracket, withNats } from "../with-nats.js";

export interface CdrBracket {
  readonly nats: NatsBracket;
  readonly server: ClickHouseBracket;
  /** Of the database that cdr writes. */
  readonly clickhouse: ClickHouse;
  readonly client: StreamClient;
  /** Starts a cdr process; resolves when it is ready. Returns what stops it. */
  start(settings?: Record<string, string>, wrap?: Wrap): Promise<() => Promise<void>>;
  decisions(frame: Uint8Array, partition?: number): Promise<void>;
  attempts(frame: Uint8Array, carrier?: string): Promise<void>;
  usage(frame: Uint8Array): Promise<void>;
  /** Frames that are not acked yet, of all of cdr's consumers. */
  backlog(): Promise<number>;
  /** Resolves when every frame is acked. */
  settled(): Promise<void>;
}

/** Puts something between a cdr process and its streams. */
export type Wrap = (client: StreamClient) => StreamClient;

/** Quick, but for what a test waits for: no look of sweep and rollups unless it asks for it. */
const QUICK = {
  FLOE_CDR_FLUSH_MS: "50",
  FLOE_CDR_SWEEP_MS: "3600000",
  FLOE_CDR_ROLLUP_MS: "3600000",
  FLOE_CDR_QUALITY_MS: "3600000",
};

export async function withCdr(run: (cdr: CdrBracket) => Promise<void>): Promise<void> {
  await withNats((nats) =>
    withClickHouse(async (server) => {
      const client = await nats.client("test");
      await client.declare(STREAMS);
      const config = await client.bucket(BUCKETS.config);
      await config.put("partitions", encodeConfig({ count: 1 }));
      const passwordFile = join(server.directory, "password");
      writeFileSync(passwordFile, PASSWORD);
      const stops: (() => Promise<void>)[] = [];
      const backlog = async (): Promise<number> => {
        let frames = 0;
        for (const spec of CDR_CONSUMERS) {
          const { pending, ackPending } = await client.backlog(spec);
          frames += pending + ackPending;
        }
        return frames;
      };
      try {
        await run({
          nats,
          server,
          clickhouse: server.client("floe"),
          client,
          async start(settings = {}, wrap = (one) => one) {
            const name = `cdr-${stops.length + 1}`;
            const stop = await startCdr(
              name,
              wrap(await nats.client(name)),
              { ...QUICK, ...settings },
              { clickhouseUrl: server.url(), clickhousePasswordFile: passwordFile },
            );
            stops.push(stop);
            return stop;
          },
          async decisions(frame, partition = 0) {
            await client.publish(decisionSubject(partition), frame);
          },
          async attempts(frame, carrier = "carrier-a") {
            await client.publish(attemptSubject(0, carrier), frame);
          },
          async usage(frame) {
            await client.publish(USAGE_SUBJECT, frame);
          },
          backlog,
          settled: () => until(async () => (await backlog()) === 0),
        });
      } finally {
        for (const stop of stops.reverse()) await stop();
      }
    }),
  );
}

function startCdr(
  name: string,
  client: StreamClient,
  environment: Record<string, string>,
  common: Pick<CommonSettings, "clickhouseUrl" | "clickhousePasswordFile">,
): Promise<() => Promise<void>> {
  return startRole(serve, {
    processId: `${name}-${SYSTEM_CLOCK.nowMs()}`,
    client,
    common: { ...common, clickhouseUser: USER, clickhouseDatabase: "floe" },
    environment,
    readyParts: 2,
  });
}
