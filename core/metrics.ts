/**
 * Metrics: counters, gauges and histograms of this process, through prom-client.
 *
 * Counted per frame, never per message. Names begin with `floe_` and end in their unit; labels are
 * few and bounded (stage, stream, carrier, code), never an account, a number or an id.
 */
import { createServer, type Server } from "node:http";
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";

const registry = new Registry();
let withDefaults = false;

type Labels = readonly string[];

export function counter(name: `floe_${string}_total`, help: string, labels: Labels = []) {
  return new Counter({ name, help, labelNames: [...labels], registers: [registry] });
}

export function gauge(name: `floe_${string}`, help: string, labels: Labels = []) {
  return new Gauge({ name, help, labelNames: [...labels], registers: [registry] });
}

export function histogram(
  name: `floe_${string}`,
  help: string,
  buckets: readonly number[],
  labels: Labels = [],
) {
  const shape = { name, help, buckets: [...buckets], labelNames: [...labels] };
  return new Histogram({ ...shape, registers: [registry] });
}

/** Frames and records by stream and direction: their quotient is how full frames are. */
export const framesTotal = counter("floe_frames_total", "Frames.", ["stream", "direction"]);
export const recordsTotal = counter("floe_records_total", "Records.", ["stream", "direction"]);
/** Everything that left the path, by stage and code. */
export const droppedTotal = counter("floe_dropped_total", "Records dropped.", ["stage", "code"]);

export function metricsText(): Promise<string> {
  return registry.metrics();
}

/** Serves /metrics and /healthz on `host:port` (0: any free port, see `address()`). */
export function serveMetrics(host: string, port: number, ready: () => boolean): Promise<Server> {
  if (!withDefaults) collectDefaultMetrics({ register: registry });
  withDefaults = true;
  const server = createServer((request, response) => {
    if (request.url === "/healthz") {
      response.statusCode = ready() ? 200 : 503;
      response.end(ready() ? "ready\n" : "not ready\n");
      return;
    }
    if (request.url !== "/metrics") {
      response.statusCode = 404;
      response.end("Try /metrics or /healthz.\n");
      return;
    }
    metricsText().then(
      (text) => response.setHeader("content-type", registry.contentType).end(text),
      () => response.writeHead(500).end(),
    );
  });
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => resolve(server));
  });
}
