/** Messages and time: F13 clocks that jump, F15 repeats by customers, F16 poison. */
import { fileURLToPath, pathToFileURL } from "node:url";
import { SYSTEM_CLOCK, sleep } from "../../core/clock.js";
import { formatId } from "../../core/message.js";
import { RequestFrame, RequestRecord } from "../../core/proto/floe/v1/frames.js";
import { REQUEST } from "../../core/stream/fields.js";
import { RECORDS } from "../../core/stream/frame.js";
import {
  attemptSubject,
  dispatchSubject,
  inboundSubject,
  receiptSubject,
  requestSubject,
  USAGE_SUBJECT,
} from "../../core/subjects.js";
import type { Context, FaultTest } from "./test.js";

const SKEWED = pathToFileURL(fileURLToPath(new URL("./skewed-clock.js", import.meta.url))).href;
const CLOCKED = ["gateway", "dispatch", "connector", "receipts", "cdr", "admin"];

const clocks: FaultTest = {
  id: "F13",
  title: "wall clocks jump two hours ahead, behind and back, role by role",
  system: {
    nodeArgs: (role) => (CLOCKED.includes(role) ? ["--import", SKEWED] : []),
  },
  async run({ system, customers, short, chance }) {
    let done = false;
    const load = customers.send({ messages: 100_000, perSecond: 80, until: () => done });
    try {
      for (const role of short ? ["gateway", "dispatch", "connector", "cdr"] : CLOCKED) {
        for (let step = 0; step < 3; step += 1) {
          system.skew(role);
          await sleep(SYSTEM_CLOCK, 3_000 + chance() * 1_000);
        }
      }
    } finally {
      done = true;
      await load;
    }
    return [];
  },
  // A connector whose clock jumped still knows what it sent.
  bounds: () => ({ duplicatesMax: 0 }),
};

const repeats: FaultTest = {
  id: "F15",
  title: "customers repeat their calls after the streams have forgotten them",
  async run({ system, customers, short, note }) {
    const sent = await customers.send({ messages: short ? 300 : 1_000, perSecond: 200, keyed: 1 });
    await sleep(SYSTEM_CLOCK, 4_000);
    const before = (await system.taken()).length;
    // A server that comes back knows the ids of what it still holds, and no others.
    const pid = system.pidOf("nats");
    system.kill("nats");
    await system.replaced("nats", pid);
    const wrongs = [...(await customers.repeat(sent.slice(0, 200)))];
    if (!short) {
      note("waited until the window of 120 s was over");
      await sleep(SYSTEM_CLOCK, 125_000);
      wrongs.push(...(await customers.repeat(sent.slice(0, 200))));
    }
    await sleep(SYSTEM_CLOCK, 3_000);
    const after = (await system.taken()).length;
    if (after > before) wrongs.push(`${after - before} submits followed the repeats`);
    return wrongs;
  },
  bounds: () => ({ duplicatesMax: 0 }),
};

/** A frame whose one record is an accepted message, the content of which cannot be read. */
function poisoned({ customers, chance }: Context, account: number, partition: number): Uint8Array {
  const nowMs = BigInt(SYSTEM_CLOCK.nowMs());
  const id = Buffer.from(Array.from({ length: 16 }, () => Math.floor(chance() * 256)));
  id[6] = (id[6]! & 0x0f) | 0x70;
  id[8] = (id[8]! & 0x3f) | 0x80;
  customers.adopt(formatId(id), account);
  const header = RequestFrame.fromPartial({ partition, lane: 2, publishedAtMs: nowMs });
  const record = RequestRecord.fromPartial({
    ...{ messageId: id, acceptedAtMs: nowMs, account, plan: 1 },
  });
  // Field 6, the message: three octets that are no message.
  const bytes = Buffer.concat([RequestRecord.encode(record).finish(), POISON]);
  const head = Buffer.from([(RECORDS << 3) | 2, bytes.length]);
  return Buffer.concat([RequestFrame.encode(header).finish(), head, bytes]);
}

const POISON = Buffer.from([(REQUEST.message << 3) | 2, 3, 0xff, 0xff, 0xff]);

const poison: FaultTest = {
  id: "F16",
  title: "records that nobody can read, on every stream",
  ci: true,
  tolerates: ["frames-readable"],
  async run(context) {
    const { system, customers, short, note, chance } = context;
    const load = customers.send({ messages: short ? 2_000 : 5_000, perSecond: 150 });
    const bytes = (length: number): Uint8Array =>
      Uint8Array.from({ length }, () => Math.floor(chance() * 256));
    const subjects = [0, 1].flatMap((partition) => [
      ...[requestSubject(1, partition), requestSubject(2, partition)],
      ...[attemptSubject(partition, "alpha"), attemptSubject(partition, "beta")],
    ]);
    subjects.push(dispatchSubject("alpha", 2, "0"), dispatchSubject("beta", 1, "0"));
    subjects.push(receiptSubject("alpha"), inboundSubject("beta"), USAGE_SUBJECT);
    const before = await counted(context);
    await sleep(SYSTEM_CLOCK, 1_500);
    for (const [at, subject] of subjects.entries()) {
      const id = `poison-${Math.floor(chance() * 1e9)}-${at}`;
      await system.client.publish(subject, bytes(5 + Math.floor(chance() * 200)), { id });
    }
    const { account } = system.local.accounts[0]!;
    for (const partition of [0, 1]) {
      const frame = poisoned(context, account, partition);
      const id = `poison-${Math.floor(chance() * 1e9)}-record-${partition}`;
      await system.client.publish(requestSubject(2, partition), frame, { id });
    }
    await load;
    await sleep(SYSTEM_CLOCK, 5_000);
    const after = await counted(context);
    const restarts = system.local.restarts();
    note(`${after - before} counted as dropped or buried, ${restarts} parts ended and came back`);
    return [
      ...(after - before < subjects.length
        ? [`${subjects.length} frames were garbage, ${after - before} are counted`]
        : []),
      ...(restarts > 0 ? [`${restarts} parts ended by it`] : []),
    ];
  },
};

/** What left the path, by the roles' own counters. */
async function counted({ system }: Context): Promise<number> {
  const names = ["floe_dropped_total", "floe_dead_letters_total"];
  const sums = await Promise.all(names.map((name) => system.metric(name)));
  return sums.reduce((sum, one) => sum + one, 0);
}

export const MESSAGES: readonly FaultTest[] = [clocks, repeats, poison];
