/**
 * Load generator: a process of its own, so that its work is not taken for the system's.
 *
 * Its parent sends orders over IPC: connect to a target, run a load; it answers with progress and a
 * result. Several channels, one request buffer for each call under way. Calls that are told to come
 * back (RESOURCE_EXHAUSTED, UNAVAILABLE) do so after the delay of RetryInfo with the same
 * idempotency keys, as a client should; in an open loop they are errors, as a user would see them.
 */
import assert from "node:assert";
import {
  type Client,
  credentials,
  Metadata,
  makeGenericClientConstructor,
  type ServiceError,
  status,
} from "@grpc/grpc-js";
import { SYSTEM_CLOCK, sleep } from "../core/clock.js";
import { RetryInfo } from "../core/proto/google/rpc/error_details.js";
import { Status } from "../core/proto/google/rpc/status.js";
import { newHistogram, percentiles, record } from "./histogram.js";
import { closedLoop, openLoop } from "./load-loops.js";
import type { Tally } from "./load-messages.js";
import {
  addError,
  batchTemplate,
  checksumOf,
  newTally,
  readBatchAnswer,
  readUnaryAnswer,
  writeBatch,
} from "./load-messages.js";
import type { LoadNews, LoadOrder, LoadResult, LoadSpec, LoadTarget } from "./load-spec.js";

const CHANNELS_MAX = 4;
const CALL_MS_MAX = 120_000;
const CONNECT_MS_MAX = 15_000;
/** When RetryInfo is missing. */
const RETRY_MS = 100;
const PROGRESS_MS = 250;

interface Connection {
  readonly target: LoadTarget;
  readonly clients: readonly Client[];
  /** One for each account, with its API key. */
  readonly credentials: readonly Metadata[];
}

let connection: Connection | undefined;
/** Messages made since the process began: no two of them are alike. */
let made = 0;

async function connect(target: LoadTarget): Promise<Connection> {
  const Door = makeGenericClientConstructor({}, "Door");
  // What a client at this rate would turn off: traces of every call, copies kept for retries.
  const options = {
    "grpc.use_local_subchannel_pool": 1,
    "grpc.enable_channelz": 0,
    "grpc.enable_retries": 0,
  };
  const clients = Array.from(
    { length: CHANNELS_MAX },
    () => new Door(target.grpc, credentials.createInsecure(), options),
  );
  const deadline = SYSTEM_CLOCK.nowMs() + CONNECT_MS_MAX;
  await Promise.all(
    clients.map(
      (client) =>
        new Promise<void>((resolve, reject) =>
          client.waitForReady(deadline, (error) => (error ? reject(error) : resolve())),
        ),
    ),
  );
  const keys = target.apiKeys.length > 0 ? target.apiKeys : [""];
  const metadata = keys.map((key) => {
    const one = new Metadata();
    if (key !== "") one.set("authorization", `Bearer ${key}`);
    return one;
  });
  return { target, clients, credentials: metadata };
}

async function run(to: Connection, spec: LoadSpec): Promise<LoadResult> {
  const { target, clients } = to;
  const prefix = Math.floor(SYSTEM_CLOCK.nowMs() / 1_000).toString(36);
  const template = batchTemplate(target.kind, spec.batch, prefix, spec.stamp, spec.validitySeconds);
  const unary = spec.batch === 1 && target.kind === "floe";
  const path = pathOf(target.kind, unary);
  const channels = Math.min(clients.length, spec.calls);
  const tally = newTally();
  const fromIntent = newHistogram();
  const fromCall = newHistogram();
  const buffers: Buffer[] = [];
  const originMs = SYSTEM_CLOCK.nowMs() - SYSTEM_CLOCK.monotonicMs();
  const total = Math.ceil(spec.messages / spec.batch);
  let retriedCalls = 0;
  let answered = 0;

  /** Sends call `index`, and again while it is told to; `intendedMs` is monotonic. */
  async function call(index: number, intendedMs: number): Promise<void> {
    const count = Math.min(spec.batch, spec.messages - index * spec.batch);
    const buffer = buffers.pop() ?? Buffer.from(template.bytes);
    const request = buffer.subarray(0, count * template.stride);
    writeBatch(template, request, made, originMs + intendedMs);
    made += count;
    const metadata = to.credentials[index % to.credentials.length]!;
    const client = clients[index % channels]!;
    for (;;) {
      const beganMs = SYSTEM_CLOCK.monotonicMs();
      const answer = await send(client, path, request, metadata);
      const endedMs = SYSTEM_CLOCK.monotonicMs();
      if (answer instanceof Uint8Array) {
        if (unary) readUnaryAnswer(answer, tally);
        else readBatchAnswer(target.kind, answer, tally);
        record(fromIntent, (endedMs - (spec.rate > 0 ? intendedMs : beganMs)) * 1_000, count);
        record(fromCall, (endedMs - beganMs) * 1_000, count);
        break;
      }
      const comeBack =
        answer.code === status.RESOURCE_EXHAUSTED || answer.code === status.UNAVAILABLE;
      if (spec.rate > 0 || !comeBack) {
        addError(tally, answer.code, count);
        break;
      }
      retriedCalls += 1;
      await sleep(SYSTEM_CLOCK, retryMs(answer));
    }
    buffers.push(buffer);
    answered += count;
  }

  const progress = setInterval(() => tell({ type: "progress", answered }), PROGRESS_MS);
  const beganMs = SYSTEM_CLOCK.monotonicMs();
  if (spec.rate > 0) await openLoop(SYSTEM_CLOCK, total, (1_000 * spec.batch) / spec.rate, call);
  else await closedLoop(SYSTEM_CLOCK, total, spec.calls, call);
  const endedMs = SYSTEM_CLOCK.monotonicMs();
  clearInterval(progress);
  return {
    accepted: tally.accepted,
    idsChecksum: checksumOf(tally),
    errors: errorNames(tally),
    retriedCalls,
    beganAtMs: originMs + beganMs,
    endedAtMs: originMs + endedMs,
    acceptMicros: percentiles(fromIntent),
    callMicros: percentiles(fromCall),
  };
}

function pathOf(kind: "floe" | "bare", unary: boolean): string {
  if (kind === "bare") return "/floe.bare.Messaging/SendBatch";
  return `/floe.v1.MessagingService/${unary ? "SendMessage" : "SendBatch"}`;
}

const asItIs = (bytes: Buffer): Buffer => bytes;

function send(
  client: Client,
  path: string,
  request: Buffer,
  metadata: Metadata,
): Promise<Buffer | ServiceError> {
  return new Promise((resolve) => {
    const deadline = SYSTEM_CLOCK.nowMs() + CALL_MS_MAX;
    client.makeUnaryRequest(
      path,
      asItIs,
      asItIs,
      request,
      metadata,
      { deadline },
      (error, answer) => resolve(error ?? answer ?? Buffer.alloc(0)),
    );
  });
}

/** How long the server asks to wait (google.rpc.RetryInfo in grpc-status-details-bin). */
function retryMs(error: ServiceError): number {
  const [details] = error.metadata.get("grpc-status-details-bin");
  if (!(details instanceof Uint8Array)) return RETRY_MS;
  const found = Status.decode(details).details.find((any) => any.typeUrl.endsWith("RetryInfo"));
  const delay = found === undefined ? undefined : RetryInfo.decode(found.value).retryDelay;
  if (delay === undefined) return RETRY_MS;
  return Number(delay.seconds) * 1_000 + delay.nanos / 1e6;
}

function errorNames(tally: Tally): Record<string, number> {
  const names = [...tally.errors].map(([code, count]) => [status[code] ?? `${code}`, count]);
  return Object.fromEntries(names) as Record<string, number>;
}

function tell(news: LoadNews): void {
  process.send?.(news);
}

async function obey(order: LoadOrder): Promise<void> {
  if (order.type === "connect") {
    connection = await connect(order.target);
    tell({ type: "connected" });
  } else {
    assert(connection !== undefined, "connect comes first");
    tell({ type: "result", result: await run(connection, order.spec) });
  }
}

// grpc-js notes where each call was made, for errors: 5 % of what a call costs here.
Error.stackTraceLimit = 0;

// A failed order ends the process: its parent sees that, and there is nothing to save.
process.on(
  "message",
  (order) =>
    void obey(order as LoadOrder).catch((error) => {
      setImmediate(() => {
        throw error;
      });
    }),
);
process.on("disconnect", () => process.exit());
