/** Binds: what the connectors tell of a carrier's sessions, for operators. */
import { carrierOfStatusKey, parseCarrierStatus } from "../../core/carrier-status.js";
import type { Logger } from "../../core/log.js";
import type { Bind, ListBindsResponse } from "../../core/proto/floe/v1/carriers.js";
import type { Bucket } from "../../core/stream/stream.js";

/** @param carrier empty: of all. */
export async function bindsOf(
  carrier: string,
  status: Bucket,
  log: Logger,
): Promise<ListBindsResponse> {
  const binds: Bind[] = [];
  for (const { key, value } of await status.entries()) {
    const of = carrierOfStatusKey(key);
    if (carrier !== "" && carrier !== of) continue;
    try {
      const { atMs, binds: told } = parseCarrierStatus(value);
      for (const one of told) {
        binds.push({
          carrier: of,
          name: one.bind,
          process: key.slice(of.length + 1),
          state: one.state ?? "",
          host: one.host ?? "",
          tls: one.tls ?? false,
          boundSince: timeOf(one.boundSinceMs),
          rate: one.rate ?? 0,
          window: one.window ?? 0,
          version: one.version ?? "",
          problem: one.problem ?? "",
          idForm: one.idForm ?? "",
          recipient: one.recipient ?? "",
          lastReceiptAt: timeOf(one.lastReceiptAtMs),
          toldAt: timeOf(atMs),
        });
      }
    } catch (err) {
      log.error({ err, entry: key }, "the status of a carrier cannot be read");
    }
  }
  const order = (one: Bind): string => `${one.name} ${one.process}`;
  return { binds: binds.sort((a, b) => (order(a) < order(b) ? -1 : 1)) };
}

function timeOf(ms: number | undefined): Date | undefined {
  return ms === undefined || ms === 0 ? undefined : new Date(ms);
}
