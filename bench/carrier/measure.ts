/**
 * Measure: what a message costs in the connector and in the simulated carrier, CPU time per message
 * with its receipt, each a process of its own, over a real stream. Dispatch frames are there before.
 *
 *   node dist/bench/carrier/measure.js [--messages 300000] [--records 1000] [--window 2000]
 *     [--prof DIR] (a CPU profile of the connector) [--track] [--steady]
 *
 * With --steady it waits a minute before the second part, as everything is looked up in the first.
 * Boot is left out: frames come in two parts, the first warms both processes up and is not counted.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { fillRandom, SYSTEM_CLOCK, sleep } from "../../core/clock.js";
import { encodeConfig, parseCarrier } from "../../core/configuration.js";
import { extendKeys, loadKeys } from "../../core/keys.js";
import { SILENT } from "../../core/log.js";
import { BLOCK_BYTES, openSeal, putTokenBlock } from "../../core/number-seal.js";
import { print, table } from "../../core/output.js";
import { environment } from "../../core/settings.js";
import { DISPATCH, DISPATCH_FRAME, MESSAGE } from "../../core/stream/fields.js";
import {
  beginNested,
  endNested,
  newWriter,
  putBytes,
  putFixed32,
  putFixed64,
  putText,
  putVarint,
  RECORDS,
  written,
} from "../../core/stream/frame.js";
import { openNats } from "../../core/stream/nats.js";
import type { StreamClient } from "../../core/stream/stream.js";
import { BUCKETS, dispatchSubject, STREAMS } from "../../core/subjects.js";
import { findNatsServer, startNatsServer } from "../../deploy/local/nats-server.js";
import { cpuBetween, usageOf } from "../processes.js";

const CARRIER = "alpha";
const WARM_UP_PART = 0.2;
/** A pull session is old enough for its frames to be trusted. */
const STEADY_AFTER_MS = 65_000;

const { values } = parseArgs({
  options: {
    messages: { type: "string", default: "300000" },
    records: { type: "string", default: "1000" },
    window: { type: "string", default: "2000" },
    prof: { type: "string", default: "" },
    track: { type: "boolean", default: false },
    steady: { type: "boolean", default: false },
  },
});
const messages = Number(values.messages);
const recordsMax = Number(values.records);
const folder = mkdtempSync(join(tmpdir(), "floe-measure-"));
const children: ChildProcess[] = [];
/** Frames made so far. */
let made = 0;
try {
  await measure();
} finally {
  for (const child of children) child.kill("SIGTERM");
  rmSync(folder, { recursive: true, force: true });
}

async function measure(): Promise<void> {
  const keysFile = join(folder, "keys.json");
  writeFileSync(keysFile, extendKeys(undefined, SYSTEM_CLOCK.nowMs(), 2));
  const { path } = await findNatsServer({ wanted: environment()["FLOE_NATS_SERVER"], tell: print });
  const nats = await startNatsServer({ path, storeDir: join(folder, "nats") });
  const names = { name: "measure", processId: "measure" };
  const [clock, log] = [SYSTEM_CLOCK, SILENT];
  const client = await openNats({ servers: nats.url, ...names, clock, log });
  try {
    await client.declare(STREAMS);
    const carrier = await start("main.js", [
      "--name",
      CARRIER,
      ...(values.track ? ["--track"] : []),
    ]);
    const { port, control } = carrier.told;
    const config = { systemId: "floe", password: "secret", host: "127.0.0.1", port };
    const bucket = await client.bucket(BUCKETS.carriers);
    const window = Number(values.window);
    const named = { name: CARRIER, link: "smpp", status: "active", ...config, window };
    await bucket.put(CARRIER, encodeConfig(parseCarrier(named)));
    const connector = startConnector(nats.url, keysFile);
    const warmUp = Math.round(messages * WARM_UP_PART);
    await fill(client, warmUp, keysFile);
    await until(async () => (await statsOf(control)).receiptsAcked >= warmUp);
    await sleep(clock, 1_000);

    const processes = [
      { role: "connector", pid: connector.pid! },
      { role: "carrier", pid: carrier.child.pid! },
      { role: "nats-server", pid: nats.pid },
    ];
    const before = await client.state("ATTEMPTS");
    if (values.steady) await sleep(clock, STEADY_AFTER_MS);
    else {
      await bucket.put(CARRIER, encodeConfig(parseCarrier({ ...named, status: "stopped" })));
      await sleep(clock, 2_000);
      await fill(client, messages, keysFile);
    }
    const used = usageOf(processes);
    const beganAtMs = clock.monotonicMs();
    if (values.steady) await fill(client, messages, keysFile);
    else await bucket.put(CARRIER, encodeConfig(parseCarrier(named)));
    await until(async () => (await statsOf(control)).receiptsAcked >= warmUp + messages);
    const tookMs = clock.monotonicMs() - beganAtMs;
    await sleep(clock, 500);
    const micros = cpuBetween(used, usageOf(processes));
    const after = await client.state("ATTEMPTS");
    const rows = Object.entries(micros).map(([role, cpu]) => [role, (cpu / messages).toFixed(2)]);
    print(table(["process", "CPU us/message"], rows));
    const frames = after.lastSequence - before.lastSequence;
    print(`${Math.round(messages / (tookMs / 1_000))} messages/s, ${frames} attempt frames`);
    print(JSON.stringify(await statsOf(control)));
  } finally {
    for (const child of children.splice(0)) await ended(child);
    await client.close();
    await nats.stop();
  }
}

function ended(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.once("exit", () => resolve());
    child.kill("SIGTERM");
  });
}

async function start(file: string, args: readonly string[]) {
  const script = fileURLToPath(new URL(file, import.meta.url));
  const child = spawn(process.execPath, [script, ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  children.push(child);
  const line = await new Promise<string>((resolve) => {
    createInterface(child.stdout!).once("line", resolve);
  });
  return { child, told: JSON.parse(line) as { port: number; control: number } };
}

function startConnector(natsUrl: string, keysFile: string): ChildProcess {
  const script = fileURLToPath(new URL("../../services/cli/main.js", import.meta.url));
  const prof = values.prof === "" ? [] : ["--cpu-prof", "--cpu-prof-dir", values.prof];
  const child = spawn(process.execPath, [...prof, script, "serve", "connector"], {
    stdio: ["ignore", "ignore", "inherit"],
    env: {
      ...environment(),
      FLOE_NATS_URL: natsUrl,
      FLOE_KEYS_FILE: keysFile,
      FLOE_LOG_LEVEL: "warn",
    },
  });
  children.push(child);
  return child;
}

/** Publishes dispatch frames as owners do, full ones. */
async function fill(client: StreamClient, count: number, keysFile: string): Promise<void> {
  const seal = openSeal(loadKeys(keysFile).token);
  const text = "Your code is 481516. It is valid for ten minutes; do not tell it to anyone.";
  const message = newWriter(256);
  const id = new Uint8Array(16);
  const block = new Uint8Array(BLOCK_BYTES);
  for (let left = count; left > 0; ) {
    const writer = newWriter(256 * 1_024);
    const records = Math.min(left, recordsMax);
    const nowMs = SYSTEM_CLOCK.nowMs();
    const subject = dispatchSubject(CARRIER, 2, "0");
    made += 1;
    putText(writer, DISPATCH_FRAME.carrier, CARRIER);
    putVarint(writer, DISPATCH_FRAME.lane, 2);
    putFixed32(writer, DISPATCH_FRAME.slot, 0);
    putFixed64(writer, DISPATCH_FRAME.causedAtMs, nowMs);
    putText(writer, DISPATCH_FRAME.identity, `0/${made}/${subject}/0`);
    putFixed32(writer, DISPATCH_FRAME.partition, made % 2);
    for (let index = 0; index < records; index += 1) {
      const to = `+4477${String(made * recordsMax + index).padStart(9, "1")}5`;
      const digits = Buffer.from(to.slice(1), "latin1");
      putTokenBlock(block, 0, digits, 0, digits.length);
      fillRandom(id);
      message.at = 0;
      putText(message, MESSAGE.to, to);
      putText(message, MESSAGE.from, "Floe");
      putText(message, MESSAGE.text, text);
      const mark = beginNested(writer, RECORDS);
      putBytes(writer, DISPATCH.messageId, id);
      putFixed64(writer, DISPATCH.acceptedAtMs, nowMs);
      putFixed32(writer, DISPATCH.account, 1);
      putFixed32(writer, DISPATCH.hop, 0);
      putFixed64(writer, DISPATCH.expiresAtMs, nowMs + 86_400_000);
      putBytes(writer, DISPATCH.toTok, seal(block));
      putVarint(writer, DISPATCH.encoding, 1);
      putVarint(writer, DISPATCH.segments, 1);
      putVarint(writer, DISPATCH.plain, 1);
      putBytes(writer, DISPATCH.message, written(message));
      endNested(writer, mark);
    }
    await client.publish(subject, written(writer));
    left -= records;
  }
}

interface Stats {
  readonly receiptsAcked: number;
}

async function statsOf(control: number): Promise<Stats> {
  return (await (await fetch(`http://127.0.0.1:${control}/stats`)).json()) as Stats;
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await sleep(SYSTEM_CLOCK, 100);
}
