/**
 * Bracket: a nats-server, streams, tables and keys, and as many dispatch processes (in this one) as
 * a test starts, each with its own connection and real pool threads.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodeConfig } from "../../../core/configuration.js";
import { extendKeys } from "../../../core/keys.js";
import { DecisionFrame, DispatchFrame } from "../../../core/proto/floe/v1/frames.js";
import type { StoredMessage, StreamClient } from "../../../core/stream/stream.js";
import {
  BUCKETS,
  decisionSubject,
  requestSubject,
  STREAMS,
  type StreamName,
  TABLES_STORE,
} from "../../../core/subjects.js";
import { serve } from "../../../services/dispatch/main.js";
import { testTables } from "../../unit/dispatch/kit.js";
import { startRole } from "../role.js";
import { type NatsBracket, withNats } from "../with-nats.js";

export interface System {
  readonly nats: NatsBracket;
  readonly client: StreamClient;
  /** Starts a dispatch process; resolves when it is ready. Returns what stops it. */
  start(name: string): Promise<() => Promise<void>>;
  publish(frame: Uint8Array, lane?: number, id?: string): Promise<void>;
  decisions(partition?: number): Promise<(DecisionFrame & { sequence: number })[]>;
  dispatches(subject: string): Promise<DispatchFrame[]>;
}

export async function withSystem(
  run: (system: System) => Promise<void>,
  partitions = 1,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "floe-dispatch-"));
  const keysFile = join(folder, "keys.json");
  writeFileSync(keysFile, extendKeys(undefined, Date.UTC(2026, 9, 1), 6));
  try {
    await withNats(async (nats) => {
      const client = await nats.client("test");
      await client.declare(STREAMS);
      const config = await client.bucket(BUCKETS.config);
      await config.put("partitions", encodeConfig({ count: partitions }));
      const accounts = await client.bucket(BUCKETS.accounts);
      for (let account = 1; account <= 8; account += 1) {
        const one = { account, name: `Account ${account}`, plan: 1, status: "active" };
        await accounts.put(String(account), encodeConfig(one));
      }
      const objects = await client.objects(TABLES_STORE);
      await objects.put("tables-1", new Uint8Array(testTables()));
      await config.put("tables", encodeConfig({ version: 1, object: "tables-1" }));
      const stops: (() => Promise<void>)[] = [];
      let counter = 0;
      try {
        await run({
          nats,
          client,
          async start(name) {
            const stop = await startDispatch(nats, name, keysFile);
            stops.push(stop);
            return stop;
          },
          async publish(frame, lane = 2, id) {
            counter += 1;
            await client.publish(requestSubject(lane, 0), frame, { id: id ?? `g-${counter}` });
          },
          async decisions(partition = 0) {
            const all = await stored(client, "DECISIONS", decisionSubject(partition));
            return all.map(({ data, sequence }) => ({ ...DecisionFrame.decode(data), sequence }));
          },
          async dispatches(subject) {
            const all = await stored(client, "DISPATCH", subject);
            return all.map(({ data }) => DispatchFrame.decode(data));
          },
        });
      } finally {
        for (const stop of stops.reverse()) await stop();
      }
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function startDispatch(
  nats: NatsBracket,
  name: string,
  keysFile: string,
): Promise<() => Promise<void>> {
  return startRole(serve, {
    processId: name,
    client: await nats.client(name),
    common: { keysFile },
    environment: { FLOE_DISPATCH_THREADS: "1", FLOE_DISPATCH_LEASE_SECONDS: "2" },
  });
}

/** Everything that lies on a subject now, in order. */
export async function stored(
  client: StreamClient,
  stream: StreamName,
  subject: string,
): Promise<StoredMessage[]> {
  const messages: StoredMessage[] = [];
  await new Promise<void>((resolve, reject) => {
    let told = false;
    const reading = client.read(
      stream,
      subject,
      1,
      (message) => void messages.push({ ...message, id: message.id, data: message.data }),
      () => {
        if (told) return;
        told = true;
        queueMicrotask(() => void reading.then((one) => one.stop()).then(resolve, reject));
      },
    );
    reading.catch(reject);
  });
  return messages;
}
