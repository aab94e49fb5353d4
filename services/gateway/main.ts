/**
 * Gateway: the customers' door. gRPC in, request frames on REQUESTS out (core/subjects.ts).
 *
 * Wiring: keys and accounts are followed, partitions are awaited, two outboxes are opened
 * (requests, usage), the server listens. Health says SERVING while partitions are known, the stream
 * is there, the clock is right and no stop has begun. A stop: NOT_SERVING, a wait for load balancers, GOAWAY, calls
 * finish, outboxes drain.
 */
import { type Clock, sleep } from "../../core/clock.js";
import { parsePartitions } from "../../core/configuration.js";
import type { GrpcServer } from "../../core/grpc/server.js";
import type { Host, Serve } from "../../core/host.js";
import { loadKeys } from "../../core/keys.js";
import { REQUEST_PUBLISH_MS_MAX } from "../../core/limits.js";
import { openOwners } from "../../core/owners.js";
import { watchSkew } from "../../core/skew.js";
import { type Outbox, openOutbox } from "../../core/stream/outbox.js";
import type { StreamClient } from "../../core/stream/stream.js";
import { BUCKETS } from "../../core/subjects.js";
import { type Acceptor, openAcceptor } from "./accept.js";
import { type Authenticator, follow, openAuthenticator } from "./authenticate.js";
import type { Door } from "./call.js";
import { type Identity, openIdentity } from "./identity.js";
import { joinPeers } from "./peers.js";
import { watchPresence } from "./presence.js";
import { openLazyDesk } from "./quote-desk.js";
import { openRememberedKeys } from "./remembered.js";
import { openServer } from "./server.js";
import { GATEWAY_SETTINGS, type GatewaySettings } from "./settings.js";
import { openUsage, type Usage } from "./usage.js";

/** Idempotency keys remembered: 16 bytes each. */
const REMEMBERED_KEYS = 131_072;
/** Above one usage frame a second the outbox lets records linger, up to a second. */
const USAGE_FRAMES_PER_SECOND = 1;
const USAGE_RECORD_BYTES = 512;
/** Longer than a partition is without an owner after its process was killed. */
const OWNER_MS = 15_000;
/** Then its records come back and are published under another id, which does no harm. */
const USAGE_PUBLISH_MS_MAX = 60_000;
/** Usage has so long at a stop even if the calls have used up all of their time. */
const USAGE_DRAIN_MS_MIN = 1_000;
/** Of the time that calls have at a stop: kept for telling those that are not confirmed by then. */
const CUT_PART = 0.1;

export const serve: Serve = async (host) => {
  const settings = host.settings(GATEWAY_SETTINGS);
  const log = host.log("gateway");
  const { clock, common, lifecycle } = host;
  const client = await host.stream();
  const identity = openIdentity(loadKeys(common.keysFile).idempotency);
  const authenticator = openAuthenticator(log);
  await followCustomers(client, authenticator);
  const skew = await watchSkew(clock, client, log);
  const outbox = openRequests(host, settings, client, skew.clock);
  const usage = openUsageOf(host, settings, client, identity);

  const leases = await client.bucket(BUCKETS.leases, { keyTtl: true });
  const peers = await joinPeers(leases, clock, host.processId, host.log("peers"));
  lifecycle.onStop("peers", peers.stop);
  let acceptor: Acceptor | undefined;
  await follow(await client.bucket(BUCKETS.config), (key, value) => {
    // Fixed at the first start, so the first word counts; it may come after this process.
    if (key !== "partitions" || value === undefined || acceptor !== undefined) return;
    try {
      const { count: partitions } = parsePartitions(value);
      const remembered = openRememberedKeys(REMEMBERED_KEYS);
      const parts = { clock: skew.clock, outbox, identity, remembered, partitions };
      acceptor = openAcceptor({ ...settings, ...parts, gateways: peers.count });
      log.info({ partitions }, "partitions are known");
    } catch (err) {
      log.error({ err }, "the partitions cannot be read");
    }
  });

  let server: GrpcServer | undefined;
  const serving = (): boolean => presence.here() && acceptor !== undefined && !skew.off();
  const presence = watchPresence(clock, client, () => server?.serving(serving()));
  const door: Door = {
    clock,
    log,
    authenticator,
    usage,
    acceptor: () => acceptor,
    away: presence.away,
    clockOff: skew.off,
    streams: new Set(),
  };
  const quotes = openLazyDesk(client, log);
  const opened = await openServer(door, settings, common.bindHost, quotes.desk, {
    owners: openOwners(client, clock, OWNER_MS),
    accounts: () => client.bucket(BUCKETS.accounts),
  });
  server = opened;
  opened.serving(serving());
  host.readiness("gateway", serving);
  lifecycle.onStop("gateway", async () => {
    presence.stop();
    skew.stop();
    opened.serving(false);
    await drain(clock, settings, { server: opened, door, outbox, usage });
    await quotes.close();
  });
  host.listening("gateway", common.bindHost, opened.port);
};

async function followCustomers(client: StreamClient, authenticator: Authenticator): Promise<void> {
  // Accounts first: a key that is known finds its account.
  await follow(await client.bucket(BUCKETS.accounts), authenticator.accountChanged);
  await follow(await client.bucket(BUCKETS.keys), authenticator.keyChanged);
}

function openRequests(
  host: Host,
  settings: GatewaySettings,
  client: StreamClient,
  clock: Clock,
): Outbox {
  return openOutbox({
    client,
    clock,
    stage: "gateway",
    window: settings.requestsWindow,
    framesPerSecond: settings.framesPerSecond,
    recordsMax: settings.recordsMax,
    bytesMax: settings.bytesMax,
    publishMsMax: REQUEST_PUBLISH_MS_MAX,
    writerId: `${host.processId}-request`,
  });
}

function openUsageOf(
  host: Host,
  settings: GatewaySettings,
  client: StreamClient,
  identity: Identity,
): Usage {
  const recordsMax = settings.usageRecordsMax;
  const outbox = openOutbox({
    client,
    clock: host.clock,
    stage: "usage",
    window: 1,
    framesPerSecond: USAGE_FRAMES_PER_SECOND,
    recordsMax,
    bytesMax: recordsMax * USAGE_RECORD_BYTES,
    publishMsMax: USAGE_PUBLISH_MS_MAX,
    writerId: `${host.processId}-usage`,
  });
  return openUsage({ clock: host.clock, log: host.log("usage"), outbox, identity, recordsMax });
}

interface Parts {
  readonly server: GrpcServer;
  readonly door: Door;
  readonly outbox: Outbox;
  readonly usage: Usage;
}

/** Calls finish, then what they left is stored; all of it within `drainMs` after the wait. */
async function drain(clock: Clock, settings: GatewaySettings, parts: Parts): Promise<void> {
  await sleep(clock, settings.drainWaitMs);
  const endMs = clock.monotonicMs() + settings.drainMs;
  const leftMs = (): number => Math.max(0, endMs - clock.monotonicMs());
  for (const end of [...parts.door.streams]) end();
  // Whoever still waits near the end is told that it is unknown, instead of being cut off.
  const cancel = clock.after(leftMs() * (1 - CUT_PART), () => parts.door.acceptor()?.answerAll());
  await parts.server.close(leftMs());
  cancel();
  // A call is answered when its records are stored, so this waits for what nobody awaits any more.
  await Promise.race([parts.outbox.drain(), sleep(clock, leftMs())]);
  await parts.usage.drain(Math.max(USAGE_DRAIN_MS_MIN, leftMs()));
}
