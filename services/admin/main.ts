/**
 * Admin: the operators' door. gRPC in, entities in KV and table sets in the object store out.
 *
 * Any number of replicas may run: each answers calls, and one of them, by lease, makes table sets.
 * Health says SERVING while the stream is there and no stop has begun.
 */

import { clickHouseOptions, openClickHouse } from "../../core/clickhouse.js";
import { openGrpcServer } from "../../core/grpc/server.js";
import type { Serve } from "../../core/host.js";
import { openOwners } from "../../core/owners.js";
import { BUCKETS } from "../../core/subjects.js";
import { apiKeyService } from "./accounts/keys.js";
import { accountServices } from "./accounts/service.js";
import type { Desk } from "./call.js";
import { deadLetterService } from "./dead/service.js";
import { carrierService } from "./entities/carriers.js";
import { deckService } from "./entities/decks.js";
import { exchangeRateService } from "./entities/exchange-rates.js";
import { guardService } from "./entities/guards.js";
import { networkService } from "./entities/networks.js";
import { planService } from "./entities/plans.js";
import { routingRuleService } from "./entities/rules.js";
import { senderRuleService } from "./entities/sender-rules.js";
import { openRoutingService } from "./explain.js";
import { follow } from "./followed.js";
import { openImportStore } from "./import/import-store.js";
import { importService } from "./import/service.js";
import { ADMIN_SETTINGS } from "./settings.js";
import { openStaffKeys } from "./staff.js";
import { compareKeys, openStore } from "./store.js";
import { openBuilder } from "./tables/builder.js";
import { tableSetService } from "./tables/service.js";
import { openTableSets } from "./tables/sets.js";

/** Operators' calls are few; what a connection may hold is not worth settings. */
const CONNECTION = {
  callsMax: 1_000,
  sessionMemoryMb: 128,
  connectionAgeMs: 600_000,
  connectionGraceMs: 60_000,
} as const;
const LOOK_MS = 250;
/** Longer than a partition is without an owner after its process was killed. */
const OWNER_MS = 15_000;

export const serve: Serve = async (host) => {
  const settings = host.settings(ADMIN_SETTINGS);
  const log = host.log("admin");
  const { clock, common, lifecycle } = host;
  const client = await host.stream();
  const staff = await openStaffKeys(await client.bucket(BUCKETS.keys), clock, log);
  lifecycle.onStop("staff keys", staff.stop);
  const store = await openStore({ client, clock, log });
  lifecycle.onStop("entities", store.stop);

  const desk: Desk = { clock, log, staff };
  const clickhouse = openClickHouse(clickHouseOptions(common));
  lifecycle.onStop("clickhouse", clickhouse.close);
  const { keysFile } = common;
  const routing = await openRoutingService({ desk, client, clickhouse, keysFile });
  lifecycle.onStop("quotes", routing.close);
  const imports = importService(desk, openImportStore(store));
  const sets = await openTableSets(client, log);
  lifecycle.onStop("table sets", sets.stop);
  const builder = await openBuilder({
    ...{ store, sets, clock, log },
    leases: await client.bucket(BUCKETS.leases, { keyTtl: true }),
    processId: host.processId,
    leaseSeconds: settings.leaseSeconds,
    quietMs: settings.quietMs,
    setsKept: settings.tableSetsKept,
  });
  lifecycle.onStop("builder", builder.stop);
  const accounts = await follow(await client.bucket(BUCKETS.accounts), compareKeys);
  lifecycle.onStop("accounts", accounts.stop);
  const keys = await follow(await client.bucket(BUCKETS.keys), compareIds);
  lifecycle.onStop("keys", keys.stop);
  const owners = openOwners(client, clock, OWNER_MS);
  const services = [
    carrierService(desk, store, await client.bucket(BUCKETS.carrierStatus, { keyTtl: true })),
    routingRuleService(desk, store),
    senderRuleService(desk, store),
    guardService(desk, store),
    planService(desk, store),
    deckService(desk, store),
    exchangeRateService(desk, store),
    networkService(desk, store),
    tableSetService(desk, store, sets),
    imports,
    routing.service,
    await deadLetterService(desk, client),
    ...accountServices({ desk, store, accounts, keys, owners }),
    apiKeyService({ desk, keys, accounts }),
  ];
  const server = await openGrpcServer(
    services,
    { ...settings, ...CONNECTION },
    common.bindHost,
    "FLOE_ADMIN",
  );
  let stopping = false;
  const serving = (): boolean => !stopping && client.connected();
  let cancel = (): void => {};
  const look = (): void => {
    server.serving(serving());
    if (!stopping) cancel = clock.after(LOOK_MS, look);
  };
  look();
  host.readiness("admin", serving);
  lifecycle.onStop("admin", async () => {
    stopping = true;
    cancel();
    server.serving(false);
    await server.close(settings.drainMs);
  });
  host.listening("admin", common.bindHost, server.port);
};

function compareIds(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
