/** Bare cdr: event frames as RowBinary rows into the embedded ClickHouse, with a view that counts. */
import { mkdirSync, writeFileSync } from "node:fs";
import { createClient } from "@clickhouse/client";
import type { JsMsg } from "@nats-io/jetstream";
import { createChdbConnection } from "chdb/connection";
import { SYSTEM_CLOCK } from "../../core/clock.js";
import { print } from "../../core/output.js";
import { nats, ready, spec } from "./common.js";
import { SendBatchRequest } from "./proto/bare.js";

mkdirSync(spec.directory, { recursive: true });
// chDB's declarations name an older form of the client's own; at run time they fit.
type Options = NonNullable<Parameters<typeof createClient>[0]>;
const connection: unknown = createChdbConnection({ path: `${spec.directory}/ch` });
const client = createClient({ connection } as Options);
await client.command({
  query: `CREATE TABLE ev (id String, ref String, ts DateTime64(3), dest String,
    src LowCardinality(String), state UInt8)
    ENGINE=MergeTree PARTITION BY toYYYYMM(ts) ORDER BY (id)`,
});
await client.command({
  query: `CREATE TABLE agg (src LowCardinality(String), hour DateTime, state UInt8, n UInt64)
    ENGINE=SummingMergeTree ORDER BY (src,hour,state)`,
});
await client.command({
  query: `CREATE MATERIALIZED VIEW mv TO agg AS
    SELECT src,toStartOfHour(ts) hour,state,count() n FROM ev GROUP BY 1,2,3`,
});

let rows = Buffer.allocUnsafe(8 << 20);
let spare = Buffer.allocUnsafe(8 << 20);
let put = 0;
let count = 0;
let frames: JsMsg[] = [];
let busy = false;

function text(value: string): void {
  rows[put++] = value.length;
  put += rows.latin1Write(value, put);
}

async function flush(): Promise<void> {
  if (busy || !count) return;
  busy = true;
  const full = rows.subarray(0, put);
  const done = frames;
  const current = rows;
  rows = spare;
  spare = current;
  put = 0;
  count = 0;
  frames = [];
  const file = `${spec.directory}/ev.bin`;
  writeFileSync(file, full);
  await client.command({ query: `INSERT INTO ev FROM INFILE '${file}' FORMAT RowBinary` });
  for (const frame of done) frame.ack();
  busy = false;
}
setInterval(() => void flush(), 250);

// Asked by start.ts, outside what is measured: messages that were submitted, and receipts.
process.on("SIGUSR2", () => {
  void (async () => {
    const query =
      "SELECT uniqExactIf(id, state=1) submitted, uniqExactIf(id, state=2) receipts, count() n FROM ev";
    const found = await (await client.query({ query, format: "JSONEachRow" })).json();
    print(JSON.stringify({ counts: found[0] }));
  })();
});

const { js } = await nats();
const consumer = await js.consumers.get("EVT", "c");
const deliveries = await consumer.consume({ max_messages: 400 });
ready();
for await (const delivery of deliveries) {
  const frame = SendBatchRequest.decode(delivery.data);
  const now = BigInt(SYSTEM_CLOCK.nowMs());
  for (const event of frame.messages) {
    if (put > rows.length - 512) await flush();
    text(event.idempotencyKey);
    text(event.clientRef);
    rows.writeBigInt64LE(now, put);
    put += 8;
    text(event.to);
    text(event.from);
    rows[put++] = event.validitySeconds;
    count += 1;
  }
  frames.push(delivery);
  if (count > 30_000) await flush();
}
