/** Stage for tests: one partition on the memory form of the stream, in simulated time. */
import assert from "node:assert";
import {
  type Clock,
  type SimulatedClock,
  seededChance,
  simulatedClock,
} from "../../../core/clock.js";
import { SILENT } from "../../../core/log.js";
import { DecisionFrame, DispatchFrame } from "../../../core/proto/floe/v1/frames.js";
import {
  type MemoryClient,
  type MemoryServer,
  NO_FAULTS,
  openMemory,
} from "../../../core/stream/memory.js";
import type { StreamClient } from "../../../core/stream/stream.js";
import { requestSubject, STREAMS, type StreamSpec } from "../../../core/subjects.js";
import { type Owner, openOwner } from "../../../services/dispatch/owner.js";
import type { Router } from "../../../services/dispatch/router.js";
import { NO_TERMS, type Terms } from "../../../services/dispatch/terms.js";
import { openWindow } from "../../../services/dispatch/window.js";
import { LIMITS, NOW_MS, requestFrame, type TestMessage, testRouter } from "./kit.js";

export interface Stage {
  readonly clock: SimulatedClock;
  readonly server: MemoryServer;
  readonly client: MemoryClient;
  /** Starts an owner, the next epoch. `wrap` may change what its client does. */
  own(
    wrap?: (client: MemoryClient) => StreamClient,
    router?: Router,
    terms?: Terms,
  ): Promise<StagedOwner>;
  publish(messages: readonly TestMessage[], more?: { lane?: number; id?: string }): Promise<void>;
  /** Lets time pass until something is so; fails if it is not within a minute. */
  until(isSo: () => boolean): Promise<void>;
  run<T>(promise: Promise<T>): Promise<T>;
  decisions(): DecisionFrame[];
  /** All that was ever stored on DISPATCH. */
  dispatches(): DispatchFrame[];
  requests(): number;
}

export interface StagedOwner {
  readonly owner: Owner;
  kill(): void;
  stop(): Promise<void>;
}

/** `streams` may change the bounds of what is declared. */
export async function openStage(streams: readonly StreamSpec[] = STREAMS): Promise<Stage> {
  const clock = simulatedClock(NOW_MS);
  const server = openMemory({ clock, chance: seededChance(1), faults: NO_FAULTS });
  const client = server.connect("test");
  let epoch = 0;
  let published = 0;

  async function run<T>(promise: Promise<T>): Promise<T> {
    let settled = false;
    const watched = promise.finally(() => {
      settled = true;
    });
    watched.catch(() => {});
    assert.ok(await clock.until(() => settled, 60_000), "it ends within a minute");
    return await watched;
  }

  await run(client.declare(streams));
  return {
    clock,
    server,
    client,
    run,
    async own(wrap = (connection) => connection, router = testRouter(), terms = NO_TERMS) {
      epoch += 1;
      const own: Clock & { stop(): void } = clock.fork();
      const connection = server.connect(`owner-${epoch}`, own);
      const owner = openOwner({
        processId: `owner-${epoch}`,
        client: wrap(connection),
        clock: own,
        terms,
        log: SILENT,
        router,
        window: openWindow(4),
        rateOf: () => Number.POSITIVE_INFINITY,
        limits: { ...LIMITS, reservationsMax: 100_000 },
        snapshotEveryMs: 10_000,
        snapshotFramesMin: 2,
      });
      owner.gained("0", epoch);
      assert.ok(await clock.until(() => owner.partitions().length === 1, 60_000), "it is owned");
      return {
        owner,
        kill() {
          connection.kill();
          own.stop();
        },
        stop: () => run(owner.lost("0")),
      };
    },
    async publish(messages, { lane = 2, id } = {}) {
      published += 1;
      const publishedAtMs = clock.nowMs();
      const stamped = messages.map((one) => ({ acceptedAtMs: publishedAtMs, ...one }));
      const frame = requestFrame(stamped, { lane, publishedAtMs });
      const options = { id: id ?? `g-${published}` };
      await run(client.publish(requestSubject(lane, 0), frame, options));
    },
    async until(isSo) {
      assert.ok(await clock.until(isSo, 60_000), "it happens within a minute");
    },
    decisions: () => server.stored("DECISIONS").map(({ data }) => DecisionFrame.decode(data)),
    dispatches: () => server.history("DISPATCH").map(({ data }) => DispatchFrame.decode(data)),
    requests: () => server.stored("REQUESTS").length,
  };
}
