/**
 * Intake: how many frames of each dispatch subject this process takes at a time.
 *
 * Enough to keep the window full while answers become durable, and no more than about two seconds of
 * what the carrier takes: what lies here no other connector can send. Frames hold one record or a
 * thousand, so the number of frames follows from what they held lately, and a consumption is begun
 * anew when it is far off: seldom, since each begins a session, whose first frames are looked up.
 */
import type { Clock } from "../../core/clock.js";
import type { CarrierConfig } from "../../core/configuration.js";
import { isFloeError } from "../../core/errors.js";
import type { Consumption, Delivery, StreamClient } from "../../core/stream/stream.js";
import { type ConsumerSpec, dispatchConsumers, SLOTS } from "../../core/subjects.js";

export interface IntakeOptions {
  readonly client: StreamClient;
  readonly clock: Clock;
  readonly config: CarrierConfig;
  /** Sessions that this process has, for the size of the window. */
  slots(): number;
  receive(delivery: Delivery, place: number): void;
  failed(error: unknown): void;
}

export interface Intake {
  /** Takes frames from now on, or asks for no more. */
  run(isRunning: boolean): void;
  /** A frame of this place is in work, or out of it. */
  taken(place: number, records: number): void;
  done(place: number, records: number): void;
  /** Looks at sizes and rates; once a second. */
  tick(): void;
  stop(): Promise<void>;
}

const PULL_EXPIRES_MS = 5_000;
const FRAMES_MIN = 2;
const FRAMES_MAX = 64;
/** Windows of records in work: one at the carrier, one becoming durable, and their successors. */
const WINDOWS = 4;
/** Where a rate is agreed. */
const SECONDS_LIMITED = 2;
/** Weight of the newest in the average. */
const NEWEST = 0.3;
/** A consumption lasts so long at least; one that is too wide waits longer than one too narrow. */
const GROW_AFTER_MS = 2_000;
const SHRINK_AFTER_MS = 60_000;

/** Frames that wait for their time, of one lane: each counts as unacked until then. */
const RETRIES_WAITING_MAX = 200_000;

/** What waits for its time is given back again and again: many frames may be on their way. */
async function declare(client: StreamClient, spec: ConsumerSpec, place: number): Promise<void> {
  if (SLOTS[place % SLOTS.length] !== "r") {
    await client.declareConsumer(spec);
    return;
  }
  const options = { ackPendingMax: RETRIES_WAITING_MAX };
  try {
    await client.declareConsumer(spec, options);
  } catch (err) {
    // As it was made before there were retries. What lies there is looked up when it comes again.
    if (!isFloeError(err) || err.code !== "stream.config") throw err;
    await client.recreateConsumer(spec, options);
  }
}

interface Source {
  readonly spec: ConsumerSpec;
  readonly place: number;
  consumption: Consumption | undefined;
  changing: boolean;
  /** Unacked frames that the consumption allows. */
  frames: number;
  paused: boolean;
  /** Records in work. */
  records: number;
  recordsPerFrame: number;
  begunAtMs: number;
}

export async function openIntake(options: IntakeOptions): Promise<Intake> {
  const { client, clock, config } = options;
  let running = false;
  let stopped = false;

  const sources: Source[] = dispatchConsumers(config.name).map((spec, place) => ({
    ...{ spec, place, consumption: undefined, changing: false, paused: false },
    ...{ records: 0, recordsPerFrame: 100, begunAtMs: 0, frames: 0 },
  }));
  // Before there is a session: what waits for a carrier is to be seen from outside.
  await Promise.all(sources.map(({ spec, place }) => declare(client, spec, place)));

  /** Records of a subject that this process may have in work. */
  function recordsWanted(): number {
    const windows = WINDOWS * config.window * Math.max(1, options.slots());
    const { partsPerSecond } = config;
    return partsPerSecond > 0 ? Math.min(windows, partsPerSecond * SECONDS_LIMITED) : windows;
  }

  function framesWanted(source: Source): number {
    const frames = Math.ceil(recordsWanted() / source.recordsPerFrame);
    return Math.min(FRAMES_MAX, Math.max(FRAMES_MIN, frames));
  }

  async function begin(source: Source): Promise<void> {
    if (source.changing || stopped) return;
    source.changing = true;
    const old = source.consumption;
    source.consumption = undefined;
    await old?.stop();
    source.frames = framesWanted(source);
    source.begunAtMs = clock.monotonicMs();
    source.paused = false;
    const wanted = { outstandingMax: source.frames, expiresMs: PULL_EXPIRES_MS };
    const begun = await client.consume(source.spec, wanted, (delivery) =>
      options.receive(delivery, source.place),
    );
    source.consumption = begun;
    source.changing = false;
    if (stopped) await begun.stop();
    else hold(source);
  }

  /** Pauses or resumes, as what is in work says. */
  function hold(source: Source): void {
    if (source.consumption === undefined) return;
    const shouldPause = !running || source.records >= 2 * recordsWanted();
    if (shouldPause === source.paused) return;
    source.paused = shouldPause;
    if (shouldPause) source.consumption.pause();
    else source.consumption.resume();
  }

  function beginSoon(source: Source): void {
    begin(source).catch((error: unknown) => {
      source.changing = false;
      options.failed(error);
    });
  }

  return {
    run(isRunning) {
      if (running === isRunning) return;
      running = isRunning;
      for (const source of sources) {
        if (running && source.consumption === undefined) beginSoon(source);
        else hold(source);
      }
    },
    taken(place, records) {
      const source = sources[place]!;
      source.records += records;
      source.recordsPerFrame += (records - source.recordsPerFrame) * NEWEST;
      hold(source);
    },
    done(place, records) {
      const source = sources[place]!;
      source.records -= records;
      if (source.paused) hold(source);
    },
    tick() {
      for (const source of sources) {
        const wanted = framesWanted(source);
        const sinceMs = clock.monotonicMs() - source.begunAtMs;
        const isOff =
          (wanted >= 2 * source.frames && sinceMs > GROW_AFTER_MS) ||
          (4 * wanted <= source.frames && sinceMs > SHRINK_AFTER_MS);
        // What failed to begin is begun again here, too.
        if (running && (source.consumption === undefined || isOff)) beginSoon(source);
      }
    },
    async stop() {
      stopped = true;
      running = false;
      await Promise.all(sources.map(({ consumption }) => consumption?.stop()));
    },
  };
}
