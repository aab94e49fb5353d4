/** `floe status`: what runs locally, and what waits where. */
import type { Command } from "commander";
import { parsePartitions } from "../../core/configuration.js";
import { isFloeError } from "../../core/errors.js";
import { LANES } from "../../core/message.js";
import { bold, type Cell, paint, print, table } from "../../core/output.js";
import type { StreamClient } from "../../core/stream/stream.js";
import {
  BUCKETS,
  CDR_CONSUMERS,
  COLD_CONSUMER,
  type ConsumerSpec,
  dispatchConsumers,
  INBOUND_CONSUMER,
  requestConsumer,
} from "../../core/subjects.js";
import { openLocalStream } from "./connect.js";
import { requireLocal } from "./local-system.js";
import { cliSettings, homeOption, jsonOption } from "./options.js";

interface Waiting {
  readonly stream: string;
  readonly consumer: string;
  readonly subject: string;
  /** Frames that no reader was given yet. */
  readonly pending: number;
  /** Frames given and not acknowledged. */
  readonly ackPending: number;
}

export function addStatus(program: Command): void {
  program
    .command("status")
    .description("processes and backlog of the local system")
    .option("--all", "also consumers with nothing waiting")
    .addOption(homeOption())
    .addOption(jsonOption())
    .action(status);
}

async function status(flags: { home?: string; json?: boolean; all?: boolean }): Promise<void> {
  const { home } = await cliSettings(flags);
  const local = requireLocal(home);
  const processes = local.processes.map((one) => ({ ...one, alive: isAlive(one.pid) }));
  const client = await openLocalStream(home);
  const waiting = await backlog(client).finally(() => client.close());
  if (processes.some(({ alive }) => !alive)) process.exitCode = 1;
  if (flags.json === true) {
    print(JSON.stringify({ home, grpc: local.grpc, processes, backlog: waiting }, undefined, 2));
    return;
  }
  print(`${bold("gRPC")} ${local.grpc}\n`);
  const rows = processes.map(({ role, pid, alive }): Cell[] => [
    role,
    String(pid),
    alive ? paint("green", "runs") : paint("red", "is gone"),
  ]);
  print(`${table(["process", "pid", "state"], rows)}\n`);
  const shown = waiting.filter((one) => flags.all === true || one.pending + one.ackPending > 0);
  if (shown.length === 0) print(`Nothing waits in ${waiting.length} consumers.`);
  else print(table(["stream", "consumer", "pending", "in work"], shown.map(backlogRow)));
}

function backlogRow(one: Waiting): Cell[] {
  return [one.stream, one.consumer, one.pending, one.ackPending];
}

/** Of every consumer that exists; a carrier or partition that nobody has served yet has none. */
export async function backlog(client: StreamClient): Promise<readonly Waiting[]> {
  const waiting: Waiting[] = [];
  for (const spec of await consumers(client)) {
    try {
      const { pending, ackPending } = await client.backlog(spec);
      const { stream, name: consumer, subject } = spec;
      waiting.push({ stream, consumer, subject, pending, ackPending });
    } catch (error) {
      if (!isFloeError(error, "stream.config")) throw error;
    }
  }
  return waiting;
}

async function consumers(client: StreamClient): Promise<readonly ConsumerSpec[]> {
  const config = await client.bucket(BUCKETS.config);
  const partitions = await config.get("partitions");
  const count = partitions === undefined ? 0 : parsePartitions(partitions.value).count;
  const carriers = await (await client.bucket(BUCKETS.carriers)).entries();
  return [
    ...Array.from({ length: count }, (_, partition) =>
      LANES.map((lane) => requestConsumer(lane, partition)),
    ).flat(),
    ...carriers.flatMap(({ key }) => dispatchConsumers(key)),
    ...CDR_CONSUMERS,
    COLD_CONSUMER,
    INBOUND_CONSUMER,
  ];
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
