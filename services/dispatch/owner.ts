/**
 * Owner: the partitions that this process holds leases of, each opened, and opened again when it
 * fails, for as long as the lease is held.
 *
 * A failed append may mean that another process owns the partition: the lease will say so. If it is
 * still held, the state is read from the log again, and work goes on.
 */
import type { Clock } from "../../core/clock.js";
import { sleep } from "../../core/clock.js";
import type { Logger } from "../../core/log.js";
import { counter, gauge } from "../../core/metrics.js";
import { openPartition, type Partition, type PartitionOptions } from "./partition.js";

const owned = gauge("floe_dispatch_partitions", "Partitions that are owned and at work.");
const failedTotal = counter("floe_dispatch_owner_failures_total", "Owners that failed.");

export interface Owner {
  gained(key: string, epoch: number): void;
  lost(key: string): Promise<void>;
  /** Whether all partitions that are held are at work. */
  ready(): boolean;
  partitions(): readonly Partition[];
}

export interface OwnerOptions
  extends Omit<PartitionOptions, "partition" | "epoch" | "writerId" | "failed"> {
  readonly processId: string;
  readonly clock: Clock;
  readonly log: Logger;
}

const PAUSE_MS_MIN = 200;
const PAUSE_MS_MAX = 10_000;
/** Longer than this at work, and the next failure is a first one again. */
const SETTLED_MS = 60_000;
/** How long a partition that is given up may finish what it has begun. */
const GRACE_MS = 3_000;

interface Holding {
  held: boolean;
  partition: Partition | undefined;
  life: Promise<void>;
  /** Ends the wait for a failure. */
  wake(error: unknown): void;
}

export function openOwner(options: OwnerOptions): Owner {
  const { clock, log, processId } = options;
  const holdings = new Map<string, Holding>();

  function gained(key: string, epoch: number): void {
    // A lease may be lost and won again while what it was lost from still ends.
    const before = holdings.get(key)?.life ?? Promise.resolve();
    const holding: Holding = {
      held: true,
      partition: undefined,
      life: Promise.resolve(),
      wake: () => {},
    };
    holdings.set(key, holding);
    holding.life = before.then(() => live(holding, Number(key), epoch));
  }

  async function live(holding: Holding, partition: number, epoch: number): Promise<void> {
    let pauseMs = PAUSE_MS_MIN;
    for (let life = 1; holding.held; life += 1) {
      const sinceMs = clock.monotonicMs();
      // With the epoch: under an id of its earlier frames the stream would take a frame for stored.
      const writerId = `${processId}-${partition}-${epoch}-${life}`;
      const error = await once(holding, partition, epoch, writerId);
      if (!holding.held) return;
      failedTotal.inc();
      log.error({ err: error, partition, epoch }, "owner failed, its state is read again");
      if (clock.monotonicMs() - sinceMs > SETTLED_MS) pauseMs = PAUSE_MS_MIN;
      await sleep(clock, pauseMs);
      pauseMs = Math.min(2 * pauseMs, PAUSE_MS_MAX);
    }
  }

  /** Owns the partition until it fails or is given up; returns why. */
  async function once(
    holding: Holding,
    partition: number,
    epoch: number,
    writerId: string,
  ): Promise<unknown> {
    const ended = new Promise<unknown>((resolve) => {
      holding.wake = resolve;
    });
    try {
      const open = { ...options, partition, epoch, writerId, failed: holding.wake };
      holding.partition = await openPartition(open);
      owned.inc();
    } catch (error) {
      return error;
    }
    const error = await ended;
    const { partition: opened } = holding;
    holding.partition = undefined;
    owned.dec();
    await opened?.stop(holding.held ? 0 : GRACE_MS);
    return error;
  }

  return {
    gained,
    async lost(key) {
      const holding = holdings.get(key);
      if (holding === undefined) return;
      holding.held = false;
      holding.wake(undefined);
      await holding.life;
      if (holdings.get(key) === holding) holdings.delete(key);
    },
    ready: () => [...holdings.values()].every(({ partition }) => partition !== undefined),
    partitions: () => [...holdings.values()].flatMap(({ partition }) => partition ?? []),
  };
}
