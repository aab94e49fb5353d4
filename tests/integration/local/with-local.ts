/** Bracket: a whole local system in a folder of its own, ended and removed however the test ends. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ClickHouse, openClickHouse } from "../../../core/clickhouse.js";
import { SYSTEM_CLOCK, sleep } from "../../../core/clock.js";
import type { Message, SendResult } from "../../../core/proto/floe/v1/messaging.js";
import { environment } from "../../../core/settings.js";
import { type LocalSystem, startLocal } from "../../../deploy/local/local.js";
import { openSender } from "../../../services/cli/grpc.js";
import { splitUrl } from "../../../services/cli/local-system.js";

export interface LocalBracket {
  readonly home: string;
  /** What the supervisor has said. */
  readonly told: readonly string[];
  system(): LocalSystem;
  send(messages: readonly Message[]): Promise<readonly SendResult[]>;
  clickhouse<T>(ask: (clickhouse: ClickHouse) => Promise<T>): Promise<T>;
  /** Stops the system and starts it again in the same folder. */
  restart(): Promise<void>;
}

export async function withLocal(run: (local: LocalBracket) => Promise<void>): Promise<void> {
  const home = mkdtempSync(join(tmpdir(), "floe-local-"));
  const told: string[] = [];
  const natsServer = environment()["FLOE_NATS_SERVER"] ?? "";
  const start = () =>
    startLocal({
      home,
      natsServer,
      tell: (line) => void told.push(line),
      roleOutput: "file",
    });
  try {
    let system = await start();
    try {
      await run({
        home,
        told,
        system: () => system,
        async send(messages) {
          const sender = openSender(system.local.grpc, system.local.apiKey);
          try {
            return await sender.sendBatch([...messages]);
          } finally {
            sender.close();
          }
        },
        async clickhouse(ask) {
          const { url, user, password } = splitUrl(system.local.clickhouse);
          const clickhouse = openClickHouse({ url, user, password, database: "floe" });
          try {
            return await ask(clickhouse);
          } finally {
            await clickhouse.close();
          }
        },
        async restart() {
          await system.stop();
          system = await start();
        },
      });
    } finally {
      await system.stop();
    }
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

/** Asks again until `is`, or fails after `waitMs`. */
export async function until<T>(
  ask: () => Promise<T>,
  is: (answer: T) => boolean,
  waitMs = 60_000,
): Promise<T> {
  const endMs = SYSTEM_CLOCK.monotonicMs() + waitMs;
  for (;;) {
    const answer = await ask();
    if (is(answer)) return answer;
    if (SYSTEM_CLOCK.monotonicMs() > endMs) {
      throw new Error(`still ${JSON.stringify(answer)} after ${waitMs} ms`);
    }
    await sleep(SYSTEM_CLOCK, 100);
  }
}
