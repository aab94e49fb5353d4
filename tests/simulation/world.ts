/**
 * World: the whole pipeline in one process and in simulated time, and what befalls it, by seed.
 *
 * Two processes of each role, two partitions, two carriers. While it lives, chance kills, stops, cuts
 * off and puts to sleep; then everything heals, time passes until nothing is left to do, and the
 * books are compared (check.ts).
 */
import assert from "node:assert";
import {
  type Chance,
  type SimulatedClock,
  seededChance,
  simulatedClock,
} from "../../core/clock.js";
import { type AccountConfig, type CarrierConfig, parseCarrier } from "../../core/configuration.js";
import { isFloeError } from "../../core/errors.js";
import { type Logger, SILENT } from "../../core/log.js";
import { formatId } from "../../core/message.js";
import { openOwners } from "../../core/owners.js";
import { type MemoryServer, NO_FAULTS, openMemory } from "../../core/stream/memory.js";
import { CDR_CONSUMERS, STREAMS } from "../../core/subjects.js";
import { configure, termsOf } from "./accounts.js";
import { takeBackBatches } from "./batches.js";
import { CALM, openSimulatedCarrier, type SimulatedCarrier } from "./carrier.js";
import { DATABASE_WELL, type Database, openDatabase } from "./clickhouse.js";
import { type Customers, type Door, openCustomers } from "./customers.js";
import { openHolders } from "./holders.js";
import { type Operators, openOperators } from "./operators.js";
import { openPoisoner } from "./poison.js";
import { openProcess, type SimulatedProcess } from "./process.js";
import { type Profile, profileOf, ROLES, type Role } from "./profile.js";
import {
  type Gateway,
  openCdr,
  openConnector,
  openDispatch,
  openGateway,
  type Plan,
  type Stage,
} from "./stages.js";
import { settleTurns } from "./turns.js";

export const PARTITIONS = 2;
/** Half a minute before a day, and a month, ends. */
const START_MS = Date.UTC(2026, 10, 30, 23, 59, 40);
const RECEIPT_WAIT_MS = 20_000;
const OWNER_MS = 4_000;
const PROCESSES = 2;
/** Longer than this away, and others have its frames: counted as a crash. */
const AWAY_MS = 5_000;
const STOP_MS_MAX = 40_000;

export interface World {
  readonly profile: Profile;
  readonly clock: SimulatedClock;
  readonly server: MemoryServer;
  readonly carriers: ReadonlyMap<string, SimulatedCarrier>;
  readonly database: Database;
  readonly customers: Customers;
  readonly operators: Operators;
  readonly accounts: readonly AccountConfig[];
  /** Every id that a gateway made. */
  readonly offered: ReadonlySet<string>;
  /** Times that a connector was gone with what it had at a carrier. */
  connectorCrashes(): number;
  /** Parts in frames that were given to a connector while another one was at work on them. */
  contestedParts(): number;
  /** Processes that ended by themselves, with why. */
  readonly died: readonly string[];
  live(): Promise<void>;
  /** Heals everything and lets time pass. @returns what is not done in the end, if anything. */
  settle(): Promise<string | undefined>;
}

/** One of the processes that are wanted of a role; another takes its place when it ends. */
interface Place {
  readonly role: Role;
  readonly index: number;
  generation: number;
  process: SimulatedProcess | undefined;
  stage: Stage | undefined;
  /** It is being stopped, or nobody has started it again yet. */
  leaving: boolean;
}

export async function openWorld(
  seed: number,
  tell: (text: string) => void,
  log: Logger = SILENT,
): Promise<World> {
  takeBackBatches();
  const chance = seededChance(seed);
  const profile = profileOf(chance);
  const clock = simulatedClock(START_MS, settleTurns);
  const server = openMemory({ clock, chance, faults: NO_FAULTS });
  const carriers = openCarriers(clock, chance);
  const database = openDatabase(clock, chance);
  const plan: Plan = {
    partitions: PARTITIONS,
    carriers: [...carriers.keys()].map((name) => carrierConfig(name, profile)),
    receiptWaitMs: RECEIPT_WAIT_MS,
    memoryEntriesMax: profile.memoryEntriesMax,
    log,
  };
  const offered = new Set<string>();
  const died: string[] = [];
  const places: Place[] = ROLES.flatMap((role) =>
    Array.from({ length: PROCESSES }, (_, index) => {
      const nothing = { process: undefined, stage: undefined, leaving: false };
      return { role, index, generation: 0, ...nothing };
    }),
  );
  const doors = new Map<Place, Door>();
  const customers = openCustomers(clock, chance, () => [...doors.values()], profile);
  const holders = openHolders();
  const setup = openProcess("setup", clock, server);
  const poison = openPoisoner(setup.client, clock, chance, PARTITIONS);
  const accounts = termsOf(chance);
  const operators = openOperators(clock, chance, openOwners(setup.client, clock, OWNER_MS));
  let crashes = 0;
  let healing = false;

  const say = (text: string): void => tell(`${(clock.monotonicMs() / 1_000).toFixed(3)} ${text}`);

  async function open(place: Place, process: SimulatedProcess): Promise<Stage> {
    switch (place.role) {
      case "gateway": {
        const gateway: Gateway = await openGateway(process, plan, chance, (id) =>
          offered.add(formatId(id)),
        );
        doors.set(place, { process, gateway, accounts: new Map() });
        return gateway;
      }
      case "dispatch":
        return openDispatch(process, plan);
      case "connector":
        return openConnector(process, plan, carriers, holders, () => {
          if (place.process === process) kill(place);
        });
      case "cdr":
        return openCdr(process, plan, database);
    }
  }

  function start(place: Place): void {
    place.generation += 1;
    place.leaving = false;
    const process = openProcess(`${place.role}-${place.index}-${place.generation}`, clock, server);
    place.process = process;
    place.stage = undefined;
    say(`${process.name} starts`);
    open(place, process).then(
      (stage) => {
        if (place.process === process) place.stage = stage;
      },
      (error: unknown) => {
        // As a process that cannot start: it ends, and its supervisor starts another.
        if (!isFloeError(error)) throw error;
        died.push(`${process.name} ${String(error)}`);
        end(place, "could not start");
      },
    );
  }

  /** Ends it at once; another is started after a while. */
  function end(place: Place, why: string): void {
    const { process } = place;
    if (process === undefined) return;
    say(`${process.name} ${why}`);
    place.process = undefined;
    place.stage = undefined;
    doors.delete(place);
    process.kill();
    clock.after(healing ? 100 : chance() * 8_000, () => start(place));
  }

  function kill(place: Place): void {
    if (place.process === undefined) return;
    if (place.role === "connector") crashes += 1;
    end(place, "is killed");
  }

  /** Kills it around the moment at which its next frame is stored, or answered. */
  function killPublishing(place: Place): void {
    const { process } = place;
    process?.onPublish(() => {
      const withinMs = 1 + 3 * profile.stream.wayMsMax;
      clock.after(chance() * withinMs, () => {
        if (place.process === process) kill(place);
      });
    });
  }

  function stop(place: Place): void {
    const { process, stage } = place;
    if (process === undefined || stage === undefined || place.leaving) return;
    place.leaving = true;
    doors.delete(place);
    say(`${process.name} stops`);
    const cancel = clock.after(STOP_MS_MAX, () => {
      if (place.process !== process) return;
      if (place.role === "connector") crashes += 1;
      end(place, "did not stop in time");
    });
    void stage
      .stop()
      .then(() => process.client.close())
      .then(() => {
        cancel();
        if (place.process === process) end(place, "has stopped");
      });
  }

  function away(place: Place, how: "sleep" | "cut off", forMs: number): void {
    const { process } = place;
    if (process === undefined) return;
    say(`${process.name} ${how} for ${Math.round(forMs)} ms`);
    if (place.role === "connector" && forMs > AWAY_MS) crashes += 1;
    if (how === "sleep") process.sleep(forMs);
    else {
      process.disconnect();
      clock.after(forMs, () => process.reconnect());
    }
  }

  /** What chance has for one process within `seconds`. */
  function befall(place: Place, seconds: number): void {
    const luck = (rate: number): boolean => rate > 0 && chance() < rate * seconds;
    const forMs = (): number => chance() ** 3 * 60_000;
    if (luck(profile.killed[place.role])) {
      if (chance() < 0.5) kill(place);
      else killPublishing(place);
    }
    if (luck(profile.stopped[place.role])) stop(place);
    if (luck(profile.asleep)) away(place, "sleep", forMs());
    if (luck(profile.cutOff)) away(place, "cut off", forMs());
    if (luck(profile.clockSet)) {
      const byMs = Math.round((2 * chance() - 1) * profile.clockSetMsMax);
      say(`${place.process?.name}'s clock is set by ${byMs} ms`);
      place.process?.setClock(byMs);
    }
  }

  function befallAll(seconds: number): void {
    const luck = (rate: number): boolean => rate > 0 && chance() < rate * seconds;
    for (const place of places) befall(place, seconds);
    if (luck(profile.serverRestart)) {
      const downMs = chance() ** 2 * 15_000;
      say(`the stream's server restarts, ${Math.round(downMs)} ms`);
      if (downMs > AWAY_MS) crashes += PROCESSES;
      void server.restart(downMs);
    }
    if (luck(profile.databaseDown)) {
      const forMs = chance() ** 2 * 20_000;
      say(`the database is down for ${Math.round(forMs)} ms`);
      database.goDown(forMs);
    }
    if (luck(profile.carrierDown)) {
      const carrier = [...carriers.values()][Math.floor(chance() * carriers.size)]!;
      const forMs = chance() ** 2 * 20_000;
      say(`${carrier.name} is down for ${Math.round(forMs)} ms`);
      carrier.goDown(forMs);
    }
  }

  async function live(): Promise<void> {
    server.setFaults(profile.stream);
    database.setFaults(profile.database);
    for (const carrier of carriers.values()) carrier.setMood(profile.mood);
    const endMs = clock.monotonicMs() + profile.liveMs;
    operators.begin(profile.firstCreditMicrosMax);
    while (clock.monotonicMs() < endMs) {
      const stepMs = 10 + chance() * 190;
      if (chance() < (profile.callsPerSecond * stepMs) / 1_000) customers.call();
      if (chance() < (profile.creditsPerSecond * stepMs) / 1_000) operators.act();
      if (chance() < (profile.senselessPerSecond * stepMs) / 1_000) poison();
      befallAll(stepMs / 1_000);
      await clock.advance(stepMs);
    }
  }

  async function settle(): Promise<string | undefined> {
    say("everything heals");
    healing = true;
    server.setFaults(NO_FAULTS);
    database.setFaults(DATABASE_WELL);
    for (const carrier of carriers.values()) carrier.setMood(CALM);
    for (const { process } of places) {
      process?.wake();
      process?.reconnect();
    }
    let left = "";
    for (let seconds = 0; seconds < 1_200; seconds += 10) {
      await clock.advance(10_000);
      left = await undone();
      if (left !== "") continue;
      // Whatever still comes late, comes.
      await clock.advance(60_000);
      left = await undone();
      if (left === "") return undefined;
    }
    return left;
  }

  async function undone(): Promise<string> {
    const backlogs: string[] = [];
    for (const spec of CDR_CONSUMERS) {
      const { pending, ackPending } = await run(clock, setup.client.backlog(spec));
      if (pending + ackPending > 0) backlogs.push(`${spec.stream} ${pending}+${ackPending}`);
    }
    const ended = new Set(database.cdrs().flatMap(({ id, state }) => (state >= 5 ? [id] : [])));
    const open = [...customers.accepted].filter((id) => !ended.has(id));
    const counts = {
      calls: customers.busy(),
      credits: operators.busy(),
      requests: server.stored("REQUESTS").length,
      dispatch: server.stored("DISPATCH").length,
      receipts: [...carriers.values()].reduce((sum, one) => sum + one.unconfirmed(), 0),
      open: open.length,
    };
    const left = Object.entries(counts).filter(([, count]) => count > 0);
    const names = left.map(([name, count]) => `${name} ${count}`);
    return [...names, ...backlogs, ...open.slice(0, 3)].join(", ");
  }

  const streams = STREAMS.map((spec) =>
    spec.name === "REQUESTS" || spec.name === "DISPATCH"
      ? { ...spec, subjectFramesMax: Math.min(spec.subjectFramesMax, profile.subjectFramesMax) }
      : spec,
  );
  await run(clock, setup.client.declare(streams));
  await run(clock, configure(setup.client, clock, PARTITIONS, accounts));
  for (const place of places) start(place);
  return {
    profile,
    clock,
    server,
    carriers,
    database,
    customers,
    operators,
    accounts,
    offered,
    connectorCrashes: () => crashes,
    contestedParts: holders.contestedParts,
    died,
    live,
    settle,
  };
}

function openCarriers(clock: SimulatedClock, chance: Chance): Map<string, SimulatedCarrier> {
  return new Map(
    ["alpha", "beta"].map((name) => [
      name,
      openSimulatedCarrier({ name, clock, chance, decimal: name === "beta" }),
    ]),
  );
}

function carrierConfig(name: string, { window, partsPerSecond }: Profile): CarrierConfig {
  const place = { link: "smpp", status: "active", host: "none", port: 1 };
  const rates = { window, partsPerSecond, binds: 2, responseMs: 3_000 };
  return parseCarrier({ name, ...place, systemId: "floe", password: "", ...rates });
}

/** Lets time pass until a promise is settled. */
async function run<T>(clock: SimulatedClock, promise: Promise<T>): Promise<T> {
  let settled = false;
  const watched = promise.finally(() => {
    settled = true;
  });
  watched.catch(() => {});
  assert.ok(await clock.until(() => settled, 60_000), "it ends in time");
  return await watched;
}
