/** Bare: its three streams and their consumers, made by start.ts before the processes start. */
import { AckPolicy, jetstreamManager, RetentionPolicy, StorageType } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";

export const BARE_STREAMS = ["REQ", "DSP", "EVT"] as const;

export async function setUpStreams(port: number): Promise<void> {
  const connection = await connect({ port });
  const manager = await jetstreamManager(connection);
  for (const name of BARE_STREAMS) {
    await manager.streams.add({
      name,
      subjects: [`${name.toLowerCase()}.>`],
      storage: StorageType.File,
      retention: name === "EVT" ? RetentionPolicy.Limits : RetentionPolicy.Workqueue,
      max_bytes: 4e9,
    });
    await manager.consumers.add(name, {
      durable_name: "c",
      ack_policy: AckPolicy.Explicit,
      max_ack_pending: 2_000,
      ack_wait: 60e9,
    });
  }
  await connection.close();
}
