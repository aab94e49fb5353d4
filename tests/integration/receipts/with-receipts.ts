/**
 * Bracket: nats-server, embedded ClickHouse, cdr, and receipts processes (in this one) as a test
 * starts them.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SYSTEM_CLOCK } from "../../../core/clock.js";
import { extendKeys, loadKeys } from "../../../core/keys.js";
import { tokenOf } from "../../../core/number-seal.js";
import { ReceiptFrame, type ReceiptRecord } from "../../../core/proto/floe/v1/frames.js";
import type { StreamClient } from "../../../core/stream/stream.js";
import { COLD_CONSUMER, INBOUND_CONSUMER, receiptSubject } from "../../../core/subjects.js";
import { serve } from "../../../services/receipts/main.js";
import { type CdrBracket, withCdr } from "../cdr/with-cdr.js";
import { PASSWORD, USER } from "../clickhouse/with-clickhouse.js";
import { startRole } from "../role.js";

export interface ReceiptsBracket extends CdrBracket {
  readonly keysFile: string;
  readonly client: StreamClient;
  /** Starts a receipts process; resolves when it is ready. Returns what stops it. */
  startReceipts(settings?: Record<string, string>): Promise<() => Promise<void>>;
  token(number: string): Buffer;
  /** What a connector publishes of receipts that it cannot place. */
  cold(carrier: string, records: readonly Partial<ReceiptRecord>[]): Promise<void>;
  /** Frames of receipts, and of messages from phones, that are not acked. */
  waiting(): Promise<number>;
  rows<T>(query: string): Promise<T[]>;
}

/** Quick, and one process must not wait for the lease of one that a test has stopped. */
const QUICK = {
  FLOE_RECEIPTS_MERGE_MS: "50",
  FLOE_RECEIPTS_ORPHANS_MS: "100",
  FLOE_RECEIPTS_LEASE_SECONDS: "2",
};

export async function withReceipts(run: (bracket: ReceiptsBracket) => Promise<void>) {
  const folder = mkdtempSync(join(tmpdir(), "floe-receipts-"));
  const keysFile = join(folder, "keys.json");
  writeFileSync(keysFile, extendKeys(undefined, Date.UTC(2026, 9, 1), 6));
  const passwordFile = join(folder, "password");
  writeFileSync(passwordFile, PASSWORD);
  const stops: (() => Promise<void>)[] = [];
  const { token } = loadKeys(keysFile);
  try {
    await withCdr(async (cdr) => {
      const { nats, server, client, clickhouse } = cdr;
      try {
        await run({
          ...cdr,
          keysFile,
          async startReceipts(settings = {}) {
            const name = `receipts-${stops.length + 1}`;
            const stop = await startRole(serve, {
              processId: `${name}-${SYSTEM_CLOCK.nowMs()}`,
              client: await nats.client(name),
              common: {
                keysFile,
                clickhouseUrl: server.url(),
                clickhousePasswordFile: passwordFile,
                clickhouseUser: USER,
                clickhouseDatabase: "floe",
              },
              environment: { ...QUICK, ...settings },
            });
            stops.push(stop);
            return stop;
          },
          token: (number) => Buffer.from(tokenOf(number, token)!),
          async cold(carrier, records) {
            const frame = ReceiptFrame.fromPartial({ carrier, records: [...records] });
            await client.publish(receiptSubject(carrier), ReceiptFrame.encode(frame).finish());
          },
          async waiting() {
            let frames = 0;
            for (const spec of [COLD_CONSUMER, INBOUND_CONSUMER]) {
              const { pending, ackPending } = await client.backlog(spec);
              frames += pending + ackPending;
            }
            return frames;
          },
          rows: (query) => clickhouse.query(query),
        });
      } finally {
        for (const stop of stops.reverse()) await stop();
      }
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
