/**
 * Connector: serves carriers. Watches their configuration (`floe_carriers`), opens what is active
 * and meant for this process, and opens anew what changed.
 */
import { type CarrierConfig, parseCarrier } from "../../core/configuration.js";
import type { Host, Serve } from "../../core/host.js";
import { loadKeys } from "../../core/keys.js";
import { FRAME_BYTES_MAX } from "../../core/limits.js";
import { openSeal } from "../../core/number-seal.js";
import { watchSkew } from "../../core/skew.js";
import { openOutbox } from "../../core/stream/outbox.js";
import type { StreamClient } from "../../core/stream/stream.js";
import { BUCKETS } from "../../core/subjects.js";
import { type Carrier, openCarrier } from "./carrier.js";
import { CONNECTOR_SETTINGS, type ConnectorSettings, servedCarriers } from "./settings.js";

/** Records that may wait for the stream: what is at the carriers, and as many receipts. */
const OUTBOX_RECORDS_MAX = 400_000;
const OUTBOX_RECORDS_HIGH = 100_000;
const OUTBOX_BYTES_MAX = 256 * FRAME_BYTES_MAX;
/** One publish is tried for so long; its records are then written again, as often as it takes. */
const PUBLISH_MS_MAX = 60_000;
/** How long readiness waits for carriers that cannot be reached. */
const FIRST_BIND_MS = 10_000;
/** Between two tries to open a carrier. */
const OPEN_AGAIN_MS = 1_000;

export const serve: Serve = async (host) => {
  const settings = host.settings(CONNECTOR_SETTINGS);
  const client = await host.stream();
  const { lifecycle } = host;
  const log = host.log("connector");
  // What is refused here as expired is not told of twice: the own clock alone must not decide it.
  const skew = await watchSkew(host.clock, client, log);
  const clock = skew.streamClock;
  const served = servedCarriers(settings);
  /** What is wanted, and what is open: one carrier after another is brought from this to that. */
  const wanted = new Map<string, CarrierConfig>();
  const open = new Map<string, Carrier>();
  /** Active carriers, served here or elsewhere: failover may go there. */
  const configured = new Set<string>();
  const opener = await openerOf({ ...host, clock }, settings, client, (name) =>
    configured.has(name),
  );
  const startedAtMs = clock.monotonicMs();
  let stopping = false;
  let settling: Promise<void> = Promise.resolve();

  async function settle(name: string): Promise<void> {
    const config = wanted.get(name);
    const carrier = open.get(name);
    if (stopping || carrier?.config === config) return;
    try {
      if (carrier !== undefined) {
        open.delete(name);
        await carrier.stop();
      }
      if (config !== undefined) open.set(name, await opener(config));
    } catch (err) {
      log.error({ err, carrier: name }, "carrier cannot be opened, trying again");
      clock.after(OPEN_AGAIN_MS, () => settleSoon(name));
    }
  }

  function settleSoon(name: string): void {
    settling = settling.then(() => settle(name));
  }

  const watching = await (await client.bucket(BUCKETS.carriers)).watch((name, value) => {
    const config = value === undefined ? undefined : parsed(name, value);
    if (config === null) return;
    const isActive = config?.status === "active";
    if (isActive) configured.add(name);
    else configured.delete(name);
    const isOurs = isActive && (served === undefined || served.has(name));
    // What did not change keeps its sessions.
    if (isOurs && JSON.stringify(wanted.get(name)) === JSON.stringify(config)) return;
    if (isOurs) wanted.set(name, config);
    else wanted.delete(name);
    settleSoon(name);
  });

  /** null: what lies there is wrong, the last good one stays in force. */
  function parsed(name: string, value: Uint8Array): CarrierConfig | null {
    try {
      return parseCarrier(value);
    } catch (err) {
      log.error({ err, carrier: name }, "carrier configuration is wrong");
      return null;
    }
  }

  host.readiness("connector", () => {
    if (!client.connected()) return false;
    const all = [...wanted.keys()].every((name) => open.get(name)?.wasUp() === true);
    return all || clock.monotonicMs() - startedAtMs > FIRST_BIND_MS;
  });
  lifecycle.onStop("connector", async () => {
    stopping = true;
    await watching.stop();
    await settling;
    await Promise.all([...open.values()].map((carrier) => carrier.stop()));
    skew.stop();
  });
};

async function openerOf(
  host: Host,
  settings: ConnectorSettings,
  client: StreamClient,
  known: (carrier: string) => boolean,
): Promise<(config: CarrierConfig) => Promise<Carrier>> {
  const { clock, processId, common } = host;
  const seal = openSeal(loadKeys(common.keysFile).token);
  const leases = await client.bucket(BUCKETS.leases, { keyTtl: true });
  const health = await client.bucket(BUCKETS.health, { keyTtl: true });
  const status = await client.bucket(BUCKETS.carrierStatus, { keyTtl: true });
  const outbox = openOutbox({
    client,
    clock,
    stage: "connector",
    window: 1,
    framesPerSecond: settings.framesPerSecond,
    recordsMax: OUTBOX_RECORDS_MAX,
    bytesMax: OUTBOX_BYTES_MAX,
    publishMsMax: PUBLISH_MS_MAX,
    writerId: processId,
  });
  return (config) =>
    openCarrier({
      ...{ client, clock, config, outbox, seal, leases, health, status, processId, known },
      log: host.log("connector"),
      outboxRecordsHigh: OUTBOX_RECORDS_HIGH,
      leaseSeconds: settings.leaseSeconds,
      memoryEntriesMax: settings.memoryRecords,
    });
}
