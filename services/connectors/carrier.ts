/**
 * Carrier: all that this process does for one carrier: its delivery stage, and the bind slots that
 * it holds by lease, so that all connectors together never have more sessions than agreed.
 */
import type { Clock } from "../../core/clock.js";
import type { CarrierConfig } from "../../core/configuration.js";
import type { Logger } from "../../core/log.js";
import type { Seal } from "../../core/number-seal.js";
import { holdLeases } from "../../core/stream/lease.js";
import type { Outbox } from "../../core/stream/outbox.js";
import type { Bucket, StreamClient } from "../../core/stream/stream.js";
import { openDeliver } from "./deliver.js";
import { openHealth } from "./health.js";
import type { Link, LinkEvents } from "./link.js";
import { openSmppLink } from "./smpp/link.js";
import { statusOf, tellStatus } from "./told.js";

export interface CarrierOptions {
  readonly client: StreamClient;
  readonly clock: Clock;
  readonly log: Logger;
  readonly config: CarrierConfig;
  readonly outbox: Outbox;
  readonly outboxRecordsHigh: number;
  readonly seal: Seal;
  readonly leases: Bucket;
  readonly health: Bucket;
  readonly status: Bucket;
  readonly leaseSeconds: number;
  readonly processId: string;
  readonly memoryEntriesMax: number;
  known(carrier: string): boolean;
  /** In place of the link that the configuration names: for simulation. */
  openLink?(events: LinkEvents): Link;
}

export interface Carrier {
  readonly config: CarrierConfig;
  /** It was bound at least once, or holds no slot to bind. */
  wasUp(): boolean;
  stop(): Promise<void>;
}

export async function openCarrier(options: CarrierOptions): Promise<Carrier> {
  const { client, clock, config, outbox, seal, processId } = options;
  const log = options.log.child({ carrier: config.name });
  const deliver = await openDeliver({
    ...{ client, clock, log, config, outbox, seal },
    outboxRecordsHigh: options.outboxRecordsHigh,
    writer: processId,
    memoryEntriesMax: options.memoryEntriesMax,
    known: options.known,
    openLink: (events) =>
      options.openLink?.(events) ?? openSmppLink({ config, clock, log: options.log }, events),
  });
  // A lease that was lost and won again at once finds its slot still leaving: one after the other.
  const slots: Promise<void>[] = [];
  const inTurn = (slot: number, run: () => Promise<void> | void): Promise<void> => {
    const done = (slots[slot] ?? Promise.resolve()).then(run);
    slots[slot] = done;
    return done;
  };
  const leases = await holdLeases({
    bucket: options.leases,
    clock,
    group: `bind.${config.name}`,
    keys: Array.from({ length: config.binds }, (_, slot) => String(slot)),
    member: processId,
    ttlSeconds: options.leaseSeconds,
    gained: (slot) => void inTurn(Number(slot), () => deliver.link.openSlot(Number(slot))),
    lost: (slot) => inTurn(Number(slot), () => deliver.link.closeSlot(Number(slot))),
  });
  const health = openHealth({
    bucket: options.health,
    ...{ clock, log, carrier: config.name, processId },
    state() {
      if (leases.owned().length === 0) return undefined;
      return deliver.link.up() ? "up" : "down";
    },
  });
  const told = tellStatus({
    bucket: options.status,
    ...{ clock, log, carrier: config.name, processId },
    status: () => statusOf(deliver.link.binds?.() ?? [], deliver.learned()),
  });
  return {
    config,
    wasUp: () => deliver.wasUp() || leases.owned().length === 0,
    async stop() {
      await health.stop();
      await told.stop();
      await deliver.stop();
      await leases.stop();
    },
  };
}
