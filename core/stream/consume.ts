/**
 * Consume: deliveries of a durable consumer, at most so many unacked at a time.
 *
 * Credit is `outstandingMax` less what is unacked and what is asked for; it is asked for when half
 * of it is free, so a request brings many frames and a slow receiver holds back by itself. After a
 * reconnect, missing heartbeats or a leader change a new session begins.
 *
 * The data of a delivery is a view of the socket's buffer, shared with its neighbours and not copied:
 * read it in place, copy it before it is kept for long or moved to another thread.
 */
import assert from "node:assert";
import type { Msg } from "@nats-io/transport-node";
import { sleep } from "../clock.js";
import { FloeError, isFloeError } from "../errors.js";
import type { ConsumerSpec } from "../subjects.js";
import { type Api, CONSUMER_NOT_FOUND } from "./api.js";
import type { Link } from "./link.js";
import { openPull, type Pull, parseReply, plainView } from "./pull.js";
import type { ConsumeOptions, Consumption, Delivery } from "./stream.js";

const EXPIRES_MS_DEFAULT = 5_000;
const WORKING_MS_MAX = 2_000;
/** Between two tries to begin a session. */
const PAUSE_MS = 100;
/** So often is a consumer that cannot be reached spoken of. */
const WARN_EVERY = 50;

const NO_DATA = new Uint8Array(0);
const ACK = Buffer.from("+ACK");
const NAK = Buffer.from("-NAK");
const TERM = Buffer.from("+TERM");
const WORKING = Buffer.from("+WPI");

/** @throws FloeError "stream.config" if there is no such consumer. */
export async function consume(
  link: Link,
  api: Api,
  spec: ConsumerSpec,
  options: ConsumeOptions,
  receive: (delivery: Delivery) => void,
): Promise<Consumption> {
  const { outstandingMax, expiresMs = EXPIRES_MS_DEFAULT } = options;
  const half = Math.ceil(outstandingMax / 2);
  let pull: Pull | undefined;
  let sessionSequence = Number.POSITIVE_INFINITY;
  let unacked = 0;
  let paused = false;
  let stopped = false;

  function begin(): void {
    sessionSequence = Number.POSITIVE_INFINITY;
    pull = openPull(link, {
      stream: spec.stream,
      consumer: spec.name,
      expiresMs,
      message: (message, reply, pulledAtMs) => {
        unacked += 1;
        receive(newDelivery(link, message, reply, pulledAtMs, sessionSequence, settled));
      },
      expired: refill,
      broken: (reason) => void renew(reason),
    });
    refill();
    void learnSequence(pull);
  }

  /** Asked when the pull is under way: what was stored before the answer may be of any session. */
  async function learnSequence(session: Pull): Promise<void> {
    while (pull === session && !stopped) {
      try {
        const reached = await lastSequence(api, spec.stream);
        if (pull === session) sessionSequence = reached;
        return;
      } catch (err) {
        if (!isFloeError(err)) throw err;
        link.log.warn({ err, stream: spec.stream }, "the stream's last sequence cannot be asked");
        await sleep(link.clock, PAUSE_MS);
      }
    }
  }

  function refill(): void {
    if (pull === undefined || paused || stopped) return;
    const asked = pull.asked();
    const free = outstandingMax - unacked - asked;
    if (free >= half || (asked === 0 && free > 0)) pull.ask(free);
  }

  function settled(): void {
    unacked -= 1;
    refill();
  }

  async function renew(reason: string): Promise<void> {
    link.log.warn({ consumer: spec.name, stream: spec.stream, reason }, "pull session ended");
    const old = pull;
    pull = undefined;
    if (old !== undefined) await old.close(giveBack).catch(() => {});
    for (let tries = 1; !stopped; tries += 1) {
      await sleep(link.clock, PAUSE_MS);
      try {
        if (!link.up()) continue;
        await findConsumer(api, spec);
        if (!stopped) begin();
        return;
      } catch (err) {
        if (tries % WARN_EVERY === 1) {
          link.log.warn({ err, consumer: spec.name }, "consumer cannot be reached");
        }
      }
    }
  }

  function giveBack(reply: string): void {
    link.answer(reply, NAK);
  }

  await findConsumer(api, spec);
  begin();
  return {
    pause() {
      paused = true;
    },
    resume() {
      paused = false;
      refill();
    },
    async stop() {
      stopped = true;
      await pull?.close(giveBack);
    },
  };
}

/** @throws FloeError "stream.config" if there is none. */
async function findConsumer(api: Api, { stream, name }: ConsumerSpec): Promise<void> {
  const path = `CONSUMER.INFO.${stream}.${name}`;
  const info = await api.ask<object>(path, undefined, CONSUMER_NOT_FOUND);
  if (typeof info === "number") {
    throw new FloeError("stream.config", { stream, consumer: name, problem: "no such consumer" });
  }
}

async function lastSequence(api: Api, stream: string): Promise<number> {
  const info = await api.ask<{ state: { last_seq: number } }>(`STREAM.INFO.${stream}`, undefined);
  assert(typeof info === "object", "no error is expected");
  return info.state.last_seq;
}

function newDelivery(
  link: Link,
  message: Msg,
  reply: string,
  pulledAtMs: number,
  sessionSequence: number,
  settled: () => void,
): Delivery {
  const { sequence, storedAtMs, deliveryCount } = parseReply(reply);
  const { subject } = message;
  let data = plainView(message.data);
  let held: Msg | undefined = message;
  let open = true;
  function settle(answer: Uint8Array): void {
    if (!open) return;
    open = false;
    link.answer(reply, answer);
    settled();
  }
  return {
    subject,
    sequence,
    get data() {
      return data;
    },
    // Parsed only where it is looked at: it costs as much as the rest of a delivery.
    get id() {
      return held?.headers?.get("Nats-Msg-Id") ?? "";
    },
    storedAtMs,
    deliveryCount,
    pulledAtMs,
    sessionSequence,
    ack: () => settle(ACK),
    nak(delayMs) {
      if (delayMs === undefined) settle(NAK);
      else settle(Buffer.from(`-NAK {"delay":${Math.round(delayMs * 1_000_000)}}`));
    },
    async working() {
      try {
        await link.nats.request(reply, WORKING, { timeout: WORKING_MS_MAX });
      } catch (cause) {
        throw new FloeError("stream.unavailable", { subject, sequence }, cause);
      }
    },
    term: () => settle(TERM),
    forget() {
      if (open) settled();
      open = false;
    },
    drop() {
      held = undefined;
      data = NO_DATA;
    },
  };
}
