/** The whole system: every process, from the API to the call detail record. */
import { existsSync, statSync } from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Message, SendResult } from "../../../core/proto/floe/v1/messaging.js";
import { localPath, readLocal } from "../../../services/cli/local-system.js";
import { type LocalBracket, until, withLocal } from "./with-local.js";

const system = suite("a local system");

function message(to: string): Message {
  return {
    to,
    from: "Floe",
    body: { $case: "text", text: "Hello" },
    trafficClass: 0,
    idempotencyKey: "",
    clientReference: "",
    validitySeconds: 0,
    receipt: 0,
    tags: {},
    flash: false,
  };
}

function idOf({ result }: SendResult): string {
  return result?.$case === "messageId" ? result.messageId : "";
}

/** Ids by state, of those that are terminal. */
function states(local: LocalBracket): Promise<Record<string, readonly string[]>> {
  return local.clickhouse(async (clickhouse) => {
    const rows = await clickhouse.query<{ state: string; ids: string[] }>(
      "SELECT state, groupArray(toString(message_id)) AS ids FROM cdr WHERE terminal GROUP BY state",
    );
    return Object.fromEntries(rows.map(({ state, ids }) => [state, ids]));
  });
}

const count = (found: Record<string, readonly string[]>) => Object.values(found).flat().length;

system("brings messages to their ends, refuses at the door, and keeps its state", async () => {
  await withLocal(async (local) => {
    const note = readLocal(local.home);
    assert.equal(note, local.system().local);
    assert.is(statSync(localPath(local.home)).mode & 0o777, 0o600);
    assert.equal(note!.processes.map(({ role }) => role).sort(), [
      "admin",
      "carrier-alpha",
      "carrier-beta",
      "cdr",
      "clickhouse",
      "connector",
      "dispatch",
      "gateway",
      "nats",
      "receipts",
    ]);

    // Delivered, undeliverable by its last digits, without a route, and malformed.
    const numbers = ["+447700900123", "+447700900001", "+999000000123", "0123"];
    const sent = await local.send(numbers.map(message));
    const [delivered, undeliverable, unroutable, malformed] = sent.map(idOf);
    assert.is(malformed, "");
    assert.is(sent[3]!.result?.$case === "error" && sent[3]!.result.error.code, 3);
    const ends = await until(
      () => states(local),
      (found) => count(found) === 3,
    );
    assert.equal(ends, {
      DELIVERED: [delivered],
      UNDELIVERABLE: [undeliverable],
      REJECTED: [unroutable],
    });

    await local.restart();
    const { grpc, apiKey } = local.system().local;
    assert.equal({ grpc, apiKey }, { grpc: note!.grpc, apiKey: note!.apiKey });
    assert.is(count(await states(local)), 3);
    await local.send([message("+447700900124")]);
    await until(
      () => states(local),
      (found) => found["DELIVERED"]?.length === 2,
    );
    assert.is(local.system().restarts(), 0);
    await local.system().stop();
    assert.is(existsSync(localPath(local.home)), false);
  });
});

system("starts parts again that are killed, and loses nothing", async () => {
  await withLocal(async (local) => {
    const before = new Map(local.system().processes.map(({ role, pid }) => [role, pid]));
    const roles = ["dispatch", "connector", "receipts", "cdr"];
    const sent = await local.send(
      Array.from({ length: 100 }, (_, at) => message(`+4477009001${String(at).padStart(2, "0")}`)),
    );
    for (const role of roles) process.kill(before.get(role)!, "SIGKILL");
    const ends = await until(
      () => states(local),
      (found) => count(found) === 100,
    );
    assert.equal(Object.values(ends).flat().sort(), sent.map(idOf).sort());
    await until(
      async () => local.system().restarts(),
      (restarts) => restarts === roles.length,
    );
    const after = new Map(readLocal(local.home)!.processes.map(({ role, pid }) => [role, pid]));
    for (const [role, pid] of before) assert.is(after.get(role) !== pid, roles.includes(role));
  });
});

system.run();
