/**
 * Again: decided request frames that were delivered once more, after a restart of the owner or of
 * the server. None is decided again; what is open is whether it was dispatched.
 *
 * Request frames are acked only after all dispatch of their decision is stored. So if one of the
 * frames that a decision covers is gone from the stream, its dispatch was done, and the rest is
 * acked. Else the same dispatch frames are made and published again, under the same identities: the
 * stream drops what it knows. Where the decision is older than its memory, the dispatch subject is
 * looked through first, so that a frame that still lies there is not stored twice.
 */
import { type Clock, sleep } from "../../core/clock.js";
import { ACK_WAIT_MS, DUPLICATE_WINDOW_MS } from "../../core/limits.js";
import type { Logger } from "../../core/log.js";
import { counter } from "../../core/metrics.js";
import type { Consumption, StoredMessage, StreamClient } from "../../core/stream/stream.js";
import type { Dispatcher } from "./dispatcher.js";
import type { Outgoing } from "./plan.js";
import { type CoverOf, decidedAt, readCovers, rebuild } from "./rebuild.js";
import type { Held } from "./routed.js";

const answeredTotal = counter(
  "floe_dispatch_decisions_again_total",
  "Decisions whose requests came again, by what was found.",
  ["found"],
);

export interface Again {
  answer(held: Held, decision: number): void;
  /** Decisions that are being looked into. */
  open(): number;
  /** Resolves when nothing is being looked into; nothing is from then on. */
  stop(): Promise<void>;
}

export interface AgainOptions {
  readonly client: StreamClient;
  readonly clock: Clock;
  readonly log: Logger;
  readonly partition: number;
  readonly dispatcher: Dispatcher;
  done(held: Held): void;
}

interface Case {
  readonly helds: Held[];
  done: boolean;
}

/** Cases that are done are remembered for the frames of theirs that are still to come. */
const CASES_MAX = 1_024;
const PAUSE_MS = 1_000;
/** Decisions younger than this meet their identities: the window, less the time this may take. */
const YOUNG_MS = DUPLICATE_WINDOW_MS - ACK_WAIT_MS;

export function openAgain(options: AgainOptions): Again {
  const { client, clock, log, partition, dispatcher } = options;
  const cases = new Map<number, Case>();
  const queue: number[] = [];
  let running: Promise<void> | undefined;
  let stopped = false;

  function answer(held: Held, decision: number): void {
    const known = cases.get(decision);
    if (known?.done === true) {
      options.done(held);
      return;
    }
    if (known !== undefined) {
      known.helds.push(held);
      return;
    }
    cases.set(decision, { helds: [held], done: false });
    queue.push(decision);
    running ??= run();
  }

  async function run(): Promise<void> {
    for (let decision = queue[0]; decision !== undefined && !stopped; decision = queue[0]) {
      try {
        await look(decision);
        queue.shift();
      } catch (err) {
        log.warn({ err, decision }, "cannot look into a decision, trying again");
        await sleep(clock, PAUSE_MS);
      }
    }
    running = undefined;
  }

  async function look(decision: number): Promise<void> {
    const frame = await client.at("DECISIONS", decision);
    const covers = frame === undefined ? undefined : readCovers(frame.data);
    if (frame === undefined || covers === undefined) {
      // Never purged while a request of it is unacked: kept unacked, and told, for a person to see.
      answeredTotal.inc({ found: "nothing" });
      log.error({ decision }, "the decision about a request frame is gone");
      return;
    }
    const requests = await requestsOf(covers);
    if (requests === undefined) {
      answeredTotal.inc({ found: "dispatched" });
      conclude(decision);
      return;
    }
    const frames = rebuild(partition, decision, frame.data, covers, requests);
    if (frames === undefined) {
      answeredTotal.inc({ found: "mismatch" });
      log.error({ decision }, "a decision and its request frames do not fit");
      return;
    }
    const young = clock.nowMs() - decidedAt(frame.data) < YOUNG_MS;
    const missing = young ? frames : await missingOf(frames);
    answeredTotal.inc({ found: "undispatched" });
    log.info({ decision, frames: missing.length }, "dispatching a decision again");
    dispatcher.send(missing, clock.monotonicMs(), () => conclude(decision));
  }

  /** Data of all request frames; undefined if one is gone. */
  async function requestsOf(covers: readonly CoverOf[]): Promise<Uint8Array[] | undefined> {
    const requests: Uint8Array[] = [];
    for (const { sequence, publishId } of covers) {
      const message = await client.at("REQUESTS", sequence);
      if (message === undefined || message.id !== publishId) return undefined;
      requests.push(message.data);
    }
    return requests;
  }

  async function missingOf(frames: readonly Outgoing[]): Promise<Outgoing[]> {
    const missing: Outgoing[] = [];
    for (const frame of frames) {
      const ids = await idsOn(client, frame.subject);
      if (!ids.has(frame.id)) missing.push(frame);
    }
    return missing;
  }

  function conclude(decision: number): void {
    const known = cases.get(decision);
    if (known === undefined) return;
    known.done = true;
    for (const held of known.helds) options.done(held);
    known.helds.length = 0;
    if (cases.size <= CASES_MAX) return;
    for (const [oldest, one] of cases) {
      if (one.done) cases.delete(oldest);
      if (cases.size <= CASES_MAX / 2) break;
    }
  }

  return {
    answer,
    open: () => queue.length,
    async stop() {
      stopped = true;
      await running;
    },
  };
}

/** Ids of everything on a subject of a work queue. */
function idsOn(client: StreamClient, subject: string): Promise<Set<string>> {
  const ids = new Set<string>();
  return new Promise((resolve, reject) => {
    let reading: Promise<Consumption> | undefined;
    const caughtUp = (): void => {
      // Asked from within `read`, its promise is there only a moment later.
      queueMicrotask(
        () => void reading?.then((one) => one.stop()).then(() => resolve(ids), reject),
      );
    };
    const receive = (message: StoredMessage): void => void ids.add(message.id);
    reading = client.read("DISPATCH", subject, 1, receive, caughtUp);
    reading.catch(reject);
  });
}
