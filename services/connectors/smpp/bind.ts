/**
 * Bind: one of a carrier's bind slots: its session (or a transmitter and a receiver), its window and
 * its rate. What the carrier answers becomes one of the four things that the stage knows.
 */
import type { Chance, Clock } from "../../../core/clock.js";
import type { CarrierConfig } from "../../../core/configuration.js";
import type { Logger } from "../../../core/log.js";
import type { BindState, DeliverySource, LinkEvents } from "../link.js";
import { newBindCounts } from "./metrics.js";
import { newPace, type Pace } from "./pace.js";
import { nameOf, openSession, type Session, type SessionEvents } from "./session.js";
import { newStatusClasses, type StatusClass } from "./status.js";

export interface BindOptions {
  readonly config: CarrierConfig;
  readonly slot: number;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly log: Logger;
  /** Parts a second that it may send at most; 0: no limit. */
  readonly partsPerSecond: number;
  /** A name for a doubt, never given before. */
  nextDoubt(): number;
  /** May the session leave the host where it is bound, for a better one? */
  mayMove(): boolean;
}

export interface Bind {
  readonly slot: number;
  /** The session that submits. */
  readonly session: Session;
  readonly pace: Pace;
  /** Parts written; the count leaves with the next batch. */
  submitted(parts: number): void;
  flush(): void;
  pause(isPaused: boolean): void;
  told(): BindState;
  stop(): Promise<void>;
}

/** @param changed the submitting session came up or went down. */
export function openBind(
  options: BindOptions,
  events: LinkEvents,
  changed: (isUp: boolean) => void,
): Bind {
  const { config, slot, clock, chance } = options;
  const name = `${config.name}.${slot}`;
  const bind = Buffer.from(name, "latin1");
  const log = options.log.child({ carrier: config.name, slot });
  const counts = newBindCounts(config.name);
  const pace = newPace(options.partsPerSecond, clock.monotonicMs());
  const classOf = newStatusClasses(config.statusClasses);

  function answered(
    ticket: number,
    part: number,
    status: number,
    bytes: Uint8Array,
    at: number,
    end: number,
  ): void {
    if (status === 0) {
      counts.accepted += 1;
      pace.accepted();
      events.accepted(ticket, part, bytes, at, end, bind);
      return;
    }
    const kind = classOf(status);
    if (kind === "throttled") {
      counts.throttled += 1;
      pace.throttled(clock.monotonicMs());
      events.returned(ticket, part);
    } else if (kind === "bind") {
      counts.returned += 1;
      events.returned(ticket, part);
      submitter.rebind(status);
    } else if (kind === "ambiguous") {
      counts.ambiguous += 1;
      events.doubted(ticket, part, "ambiguous", bind, 0);
    } else {
      counts.refused += 1;
      events.refused(ticket, part, status, kind === "temporary", bind);
    }
  }

  const sessionOptions = {
    name,
    hosts: [{ host: config.host, port: config.port }, ...(config.fallbackHosts ?? [])],
    tls: config.tls,
    version: config.version ?? "3.4",
    systemId: config.systemId,
    password: config.password,
    systemType: config.systemType,
    window: config.window,
    responseMs: config.responseMs,
    enquireLinkMs: config.enquireLinkMs,
    clock,
    chance,
    log,
  };

  function eventsOf(submits: boolean): SessionEvents {
    let source: DeliverySource = { session: {}, epoch: -1, bind };
    return {
      up() {
        counts.bound(1);
        if (submits) changed(true);
      },
      down() {
        counts.bound(-1);
        if (submits) changed(false);
      },
      answered,
      unexpected: () => {
        counts.unexpected += 1;
      },
      doubted(ticket, part, reason, doubt) {
        counts[reason] += 1;
        events.doubted(ticket, part, reason, bind, doubt);
      },
      late(doubt, status, bytes, at, end) {
        counts.late += 1;
        // Too fast, or it does not say: what is in doubt stays so.
        if (status !== 0 && !isRefusal(classOf(status))) return;
        events.late?.(doubt, status, bytes, at, end, bind);
      },
      nextDoubt: options.nextDoubt,
      mayMove: options.mayMove,
      bindRefused: counts.bindRefused,
      delivered(epoch, sequence, bytes, at, end) {
        // One object a connection: what is answered late must find the connection that it is for.
        if (source.epoch !== epoch) {
          source = { session: submits ? submitter : (receiver as Session), epoch, bind };
        }
        events.delivered(source, sequence, bytes, at, end);
      },
      readBegin: events.readBegin,
      readEnd() {
        events.readEnd();
        counts.flush();
      },
      room: () => events.room(),
    };
  }

  const isPair = config.bind === "transmitter_receiver";
  const submitter = openSession(
    { ...sessionOptions, mode: isPair ? "transmitter" : "transceiver" },
    eventsOf(true),
  );
  const receiver = isPair
    ? openSession({ ...sessionOptions, mode: "receiver" }, eventsOf(false))
    : undefined;

  return {
    slot,
    session: submitter,
    pace,
    submitted(parts) {
      counts.submitted += parts;
    },
    flush() {
      submitter.flush();
      receiver?.flush();
    },
    told() {
      // A pair is bound where it submits; what keeps either of them away is its problem.
      const { state, host, boundSinceMs, version, problem } = submitter.told();
      return {
        ...{ bind: name, state, host: nameOf(host), tls: config.tls !== undefined, boundSinceMs },
        ...{ rate: pace.rate(), window: config.window, version },
        problem: problem === "" ? (receiver?.told().problem ?? "") : problem,
      };
    },
    pause(isPaused) {
      submitter.pause(isPaused);
      receiver?.pause(isPaused);
    },
    async stop() {
      // The receiver goes last: receipts of what was just answered may still come.
      await submitter.stop();
      await receiver?.stop();
      counts.flush();
    },
  };
}

function isRefusal(kind: StatusClass): boolean {
  return kind === "permanent" || kind === "temporary";
}
