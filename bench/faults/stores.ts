/** Stores: F8 to F10 and F21, streams and ClickHouse that are full, away, silent or misconfigured. */
import { status as codes } from "@grpc/grpc-js";
import { SYSTEM_CLOCK, sleep } from "../../core/clock.js";
import { STREAMS } from "../../core/subjects.js";
import type { FaultTest } from "./test.js";

const bytesMaxOf = (name: string): number =>
  STREAMS.find((stream) => stream.name === name)!.bytesMax;

const full: FaultTest = {
  id: "F8",
  title: "REQUESTS is full",
  async run({ system, customers, short, note }) {
    const wrongs: string[] = [];
    await customers.send({ messages: 200, perSecond: 200 });
    // Nobody takes anything out, and little goes in.
    system.pause("dispatch");
    const { messages } = await system.client.state("REQUESTS");
    await system.streams.limit("REQUESTS", { max_bytes: 60_000 });
    const load = customers.send({ messages: short ? 1_500 : 4_000, perSecond: 300 });
    await sleep(SYSTEM_CLOCK, short ? 8_000 : 20_000);
    const refused = customers.answers.get(codes.RESOURCE_EXHAUSTED);
    await system.streams.limit("REQUESTS", { max_bytes: bytesMaxOf("REQUESTS") });
    system.resume("dispatch");
    await load;
    note(`${messages} frames before, ${refused?.times ?? 0} calls were told RESOURCE_EXHAUSTED`);
    if (refused === undefined) wrongs.push("no call was told RESOURCE_EXHAUSTED");
    else if (refused.withRetryInfo < refused.times) {
      wrongs.push(`${refused.times - refused.withRetryInfo} refusals came without RetryInfo`);
    }
    return wrongs;
  },
};

const database: FaultTest = {
  id: "F9",
  title: "ClickHouse killed between inserts and acks, then away",
  ci: true,
  system: { proxies: ["cdr clickhouse", "receipts clickhouse"] },
  async run({ system, customers, short, chance, note }) {
    const times = short ? 2 : 5;
    const awayMs = short ? 12_000 : 60_000;
    const load = customers.send({ messages: short ? 3_000 : 12_000, perSecond: 150 });
    for (let kill = 0; kill < times; kill += 1) {
      await sleep(SYSTEM_CLOCK, 2_000 + chance() * 1_500);
      const pid = system.pidOf("clickhouse");
      system.kill("clickhouse");
      await system.replaced("clickhouse", pid);
    }
    for (const way of ["cdr clickhouse", "receipts clickhouse"]) {
      system.proxy(way).set({ refuse: true });
      system.proxy(way).reset();
    }
    const awayFromMs = SYSTEM_CLOCK.nowMs();
    await sleep(SYSTEM_CLOCK, awayMs);
    // Nothing else may notice: carriers get their messages all the while.
    const since = (await system.taken()).filter(({ atMs }) => atMs > awayFromMs).length;
    note(`carriers took ${since} messages while ClickHouse was away`);
    system.heal();
    await load;
    return since > 0 ? [] : ["no message was submitted while ClickHouse was away"];
  },
};

const answers: FaultTest = {
  id: "F10",
  title: "inserts are committed and their answers lost",
  system: {
    proxies: ["cdr clickhouse"],
    environment: { FLOE_CDR_FLUSH_MS: "200", FLOE_CDR_FLUSH_MS_MAX: "300" },
  },
  async run({ system, customers, short, note }) {
    const proxy = system.proxy("cdr clickhouse");
    const load = customers.send({ messages: short ? 2_000 : 6_000, perSecond: 200 });
    for (let round = 0; round < (short ? 5 : 20); round += 1) {
      proxy.loseAnswers(2, (request) => /query=INSERT/i.test(request));
      await sleep(SYSTEM_CLOCK, 1_000);
    }
    proxy.loseAnswers(0, () => false);
    await load;
    note(`${proxy.lost()} answers were lost`);
    return proxy.lost() === 0 ? ["no answer was lost: the test tested nothing"] : [];
  },
};

const drift: FaultTest = {
  id: "F21",
  title: "a stream's configuration drifts: who starts then refuses to",
  async run({ system, customers, note }) {
    await customers.send({ messages: 200, perSecond: 200 });
    await system.streams.limit("DECISIONS", { max_bytes: bytesMaxOf("DECISIONS") - 1 });
    const pid = system.pidOf("dispatch");
    system.term("dispatch");
    const load = customers.send({ messages: 500, perSecond: 100 });
    await sleep(SYSTEM_CLOCK, 6_000);
    const refusals = system.complaints().filter((line) => line.includes("stream.config"));
    const decided = system.pidOf("dispatch") !== pid;
    await system.streams.limit("DECISIONS", { max_bytes: bytesMaxOf("DECISIONS") });
    await system.replaced("dispatch", pid);
    await load;
    note(`${refusals.length} kinds of refusal were logged`);
    return [
      ...(decided ? ["dispatch started on a stream that is not as declared"] : []),
      ...(refusals.length === 0 ? ["nothing said which stream differs"] : []),
    ];
  },
};

export const STORES: readonly FaultTest[] = [full, database, answers, drift];
