/**
 * Declare: streams and consumers as this version of Floe wants them, compared field by field with
 * what the server made of them. Servers ignore what they do not know and an operator may have
 * changed what they do, so a difference stops the process instead of weakening a promise.
 */
import { FloeError } from "../errors.js";
import { ACK_WAIT_MS, DUPLICATE_WINDOW_MS, STREAM_MESSAGE_BYTES_MAX } from "../limits.js";
import type { ConsumerSpec, StreamSpec } from "../subjects.js";
import { type Api, CONSUMER_NOT_FOUND, STREAM_NOT_FOUND } from "./api.js";
import type { ConsumerOptions } from "./stream.js";

const ACK_PENDING_MAX_DEFAULT = 5_000;
/** Stream or consumer name in use with another configuration: somebody was faster. */
const IN_USE = [10_058, 10_148, 10_013];
const NANOS = 1_000_000;

type Config = Readonly<Record<string, unknown>>;
interface Info {
  readonly config: Config;
}

/** @throws FloeError "stream.config": `differences` names every field of every stream that differs. */
export async function declareStreams(
  api: Api,
  specs: readonly StreamSpec[],
  replicas: number,
): Promise<void> {
  const differences: string[] = [];
  for (const spec of specs) {
    const wanted = streamConfig(spec, replicas);
    const ask = `STREAM.INFO.${spec.name}`;
    let info = await api.ask<Info>(ask, undefined, STREAM_NOT_FOUND);
    if (typeof info === "number") {
      info = await api.ask<Info>(`STREAM.CREATE.${spec.name}`, wanted, ...IN_USE);
    }
    if (typeof info === "number") info = (await api.ask<Info>(ask, undefined)) as Info;
    differences.push(...compare(`stream ${spec.name}`, { ...wanted, ...FORBIDDEN }, info.config));
  }
  if (differences.length > 0) throw new FloeError("stream.config", { differences });
}

/** @throws FloeError "stream.config" naming every difference. */
export async function declareConsumer(
  api: Api,
  spec: ConsumerSpec,
  options: ConsumerOptions = {},
): Promise<void> {
  const wanted = consumerConfig(spec, options);
  const ask = `CONSUMER.INFO.${spec.stream}.${spec.name}`;
  let info = await api.ask<Info>(ask, undefined, CONSUMER_NOT_FOUND);
  if (typeof info === "number") info = await createConsumer(api, spec, wanted);
  if (typeof info === "number") info = (await api.ask<Info>(ask, undefined)) as Info;
  const differences = compare(`consumer ${spec.stream}/${spec.name}`, wanted, info.config);
  if (differences.length > 0) throw new FloeError("stream.config", { differences });
}

export async function recreateConsumer(
  api: Api,
  spec: ConsumerSpec,
  options: ConsumerOptions = {},
): Promise<void> {
  const path = `${spec.stream}.${spec.name}`;
  await api.ask(`CONSUMER.DELETE.${path}`, undefined, CONSUMER_NOT_FOUND);
  await declareConsumer(api, spec, options);
}

function createConsumer(api: Api, spec: ConsumerSpec, config: Config): Promise<Info | number> {
  const body = { stream_name: spec.stream, config, action: "create" };
  const path = `${spec.stream}.${spec.name}.${spec.subject}`;
  return api.ask<Info>(`CONSUMER.CREATE.${path}`, body, ...IN_USE);
}

function streamConfig(spec: StreamSpec, replicas: number): Config {
  return {
    name: spec.name,
    subjects: spec.subjects,
    retention: spec.retention === "work" ? "workqueue" : "limits",
    storage: "file",
    discard: "new",
    discard_new_per_subject: true,
    max_msgs_per_subject: spec.subjectFramesMax,
    max_msgs: -1,
    max_bytes: spec.bytesMax,
    max_age: spec.ageMsMax * NANOS,
    max_msg_size: STREAM_MESSAGE_BYTES_MAX,
    max_consumers: -1,
    duplicate_window: DUPLICATE_WINDOW_MS * NANOS,
    num_replicas: replicas,
  };
}

/** What would break a promise if somebody had set it; absent counts as false. */
const FORBIDDEN: Config = {
  no_ack: false,
  sealed: false,
  mirror: false,
  sources: false,
  subject_transform: false,
  persist_mode: false,
};

function consumerConfig(spec: ConsumerSpec, options: ConsumerOptions): Config {
  return {
    durable_name: spec.name,
    filter_subject: spec.subject,
    deliver_policy: "all",
    replay_policy: "instant",
    ack_policy: options.ackPolicy ?? "explicit",
    ack_wait: (options.ackWaitMs ?? ACK_WAIT_MS) * NANOS,
    max_ack_pending: options.ackPendingMax ?? ACK_PENDING_MAX_DEFAULT,
    // It would count the crashes of innocents (docs/ARCHITECTURE.md, "Poison").
    max_deliver: -1,
  };
}

function compare(what: string, wanted: Config, found: Config): string[] {
  return Object.entries(wanted).flatMap(([field, value]) => {
    const is = JSON.stringify(found[field] ?? (value === 0 || value === false ? value : null));
    const should = JSON.stringify(value);
    return is === should ? [] : [`${what}: ${field} is ${is}, must be ${should}`];
  });
}
