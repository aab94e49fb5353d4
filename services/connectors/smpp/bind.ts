/**
 * Bind: one of a carrier's bind slots: its session (or a transmitter and a receiver), its window and
 * its rate. What the carrier answers becomes one of the four things that the stage knows.
 */
import type { Chance, Clock } from "../../../core/clock.js";
import type { CarrierConfig } from "../../../core/configuration.js";
import type { Logger } from "../../../core/log.js";
import type { DeliverySource, LinkEvents } from "../link.js";
import { newBindCounts } from "./metrics.js";
import { newPace, type Pace } from "./pace.js";
import { openSession, type Session, type SessionEvents } from "./session.js";
import { statusClass } from "./status.js";

export interface BindOptions {
  readonly config: CarrierConfig;
  readonly slot: number;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly log: Logger;
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
  // The carrier's rate is over all its binds, wherever they are held: each has its share.
  const pace = newPace(config.partsPerSecond / config.binds, clock.monotonicMs());

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
    const kind = statusClass(status);
    if (kind === "throttled") {
      counts.throttled += 1;
      pace.throttled(clock.monotonicMs());
      events.returned(ticket, part);
    } else if (kind === "bind") {
      counts.returned += 1;
      events.returned(ticket, part);
      submitter.rebind(status);
    } else {
      counts.refused += 1;
      events.refused(ticket, part, status, kind === "temporary", bind);
    }
  }

  const sessionOptions = {
    name,
    host: config.host,
    port: config.port,
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
      doubted(ticket, part, reason) {
        counts.doubted += 1;
        events.doubted(ticket, part, reason, bind);
      },
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
