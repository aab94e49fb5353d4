/** A process with its roles: settings, readiness, order of starting and ending. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { SYSTEM_CLOCK, seededChance } from "../../../core/clock.js";
import type { Serve } from "../../../core/host.js";
import { integer } from "../../../core/settings.js";
import { NO_FAULTS, openMemory } from "../../../core/stream/memory.js";
import { STREAMS } from "../../../core/subjects.js";
import { openHost } from "../../../services/cli/host.js";

const hosts = suite("host");

const ENVIRONMENT = { FLOE_LOG_LEVEL: "silent" };
const TABLE = { size: integer("FLOE_TEST_SIZE", { min: 1, max: 9, default: 4 }, "A size.") };

function open(environment: Record<string, string> = {}) {
  const clock = SYSTEM_CLOCK;
  const server = openMemory({ clock, chance: seededChance(1), faults: NO_FAULTS });
  return openHost({
    roles: ["one", "two"],
    tables: [TABLE],
    environment: { ...ENVIRONMENT, ...environment },
    openStream: async () => server.connect("host"),
  });
}

hosts("is ready once every role is at work and every part says so", async () => {
  let partReady = false;
  const { host, ready, start } = await open();
  const seen: boolean[] = [];
  const role: Serve = async (given) => {
    seen.push(ready());
    given.readiness("part", () => partReady);
  };
  await start([role]);
  seen.push(ready());
  partReady = true;
  seen.push(ready());
  await host.lifecycle.stop("test");
  seen.push(ready());
  assert.equal(seen, [false, false, true, false]);
});

hosts("serves health and metrics until everything else has ended", async () => {
  const { host, start, metricsPort } = await open();
  const ask = (path: string) => fetch(`http://127.0.0.1:${metricsPort}${path}`);
  assert.is((await ask("/healthz")).status, 503);
  await start([]);
  assert.is((await ask("/healthz")).status, 200);
  assert.match(await (await ask("/metrics")).text(), /^# HELP floe_frames_total/m);
  let whileEnding = 0;
  host.lifecycle.onStop("part", async () => {
    whileEnding = (await ask("/healthz")).status;
  });
  await host.lifecycle.stop("test");
  assert.is(whileEnding, 503);
  const after = await ask("/healthz").catch(() => "refused");
  assert.is(after, "refused");
});

hosts("starts roles in order and ends their parts in reverse, the stream after them", async () => {
  const told: string[] = [];
  const role =
    (name: string): Serve =>
    async (host) => {
      const stream = await host.stream();
      await stream.state("REQUESTS");
      told.push(`start ${name}`);
      host.lifecycle.onStop(name, () => void told.push(`end ${name} ${stream.connected()}`));
    };
  const { host, start } = await open();
  await start([role("one"), role("two")]);
  await host.lifecycle.stop("test");
  assert.equal(told, ["start one", "start two", "end two true", "end one true"]);
});

hosts("opens one connection, with the streams declared", async () => {
  const { host } = await open();
  const [first, second] = await Promise.all([host.stream(), host.stream()]);
  assert.is(first, second);
  for (const { name } of STREAMS) assert.is((await first.state(name)).messages, 0);
  await host.lifecycle.stop("test");
});

hosts("ends everything when a role cannot start", async () => {
  const told: string[] = [];
  const { start } = await open();
  const good: Serve = async (host) => host.lifecycle.onStop("good", () => void told.push("ended"));
  const bad: Serve = () => Promise.reject(new Error("no carrier"));
  const error = await start([good, bad]).catch((reason: unknown) => reason);
  assert.match(String(error), /no carrier/);
  assert.equal(told, ["ended"]);
});

hosts("reads a role's settings and names those that nobody knows", async () => {
  const { host } = await open({ FLOE_TEST_SIZE: "7" });
  assert.is(host.settings(TABLE).size, 7);
  await host.lifecycle.stop("test");
  const error = await open({ FLOE_TEST_SIZES: "7" }).catch((reason: unknown) => reason);
  assert.match(String(error), /FLOE_TEST_SIZES is not a setting/);
});

hosts("has an id that no other process has", async () => {
  const [one, two] = [await open(), await open()];
  assert.match(one.host.processId, /^one-two-[0-9a-f]{16}$/);
  assert.is.not(one.host.processId, two.host.processId);
  await one.host.lifecycle.stop("test");
  await two.host.lifecycle.stop("test");
});

hosts.run();
