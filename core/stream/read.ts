/**
 * Read: a subject in order, without acks, from a sequence on and further as more is stored.
 *
 * The server's consumer lives in memory and may be gone at any time; nothing depends on it. Its own
 * numbering shows gaps: after one, and after every lost session, another consumer begins behind the
 * last message that was given, so none comes twice and none is skipped.
 */
import { createInbox, type Msg } from "@nats-io/transport-node";
import { sleep } from "../clock.js";
import type { StreamName } from "../subjects.js";
import type { Api } from "./api.js";
import { CONSUMER_NOT_FOUND } from "./api.js";
import type { Link } from "./link.js";
import { type DeliveryInfo, openPull, type Pull, parseReply } from "./pull.js";
import type { Consumption } from "./stream.js";

const EXPIRES_MS = 5_000;
const AHEAD_MAX = 256;
const PAUSE_MS = 100;
const WARN_EVERY = 50;
/** The server forgets a reader that is silent for so long. */
const FORGET_MS = 30_000;
const NANOS = 1_000_000;

export interface ReadOptions {
  readonly stream: StreamName | string;
  readonly subject: string;
  /** First sequence; "last": the last message of each subject first. */
  readonly from: number | "last";
  receive(message: Msg, info: DeliveryInfo): void;
  /** Everything that was stored has been given. Called each time. */
  caughtUp(): void;
}

/** @throws FloeError "stream.config" if there is no such stream, "stream.unavailable". */
export async function openReader(link: Link, api: Api, options: ReadOptions): Promise<Consumption> {
  const { stream, subject } = options;
  let from = options.from;
  let pull: Pull | undefined;
  let name = "";
  let expected = 1;
  let paused = false;
  let stopped = false;

  async function begin(): Promise<void> {
    name = createInbox("floe-read").replaceAll(".", "-");
    const start =
      from === "last"
        ? { deliver_policy: "last_per_subject" }
        : { deliver_policy: "by_start_sequence", opt_start_seq: Math.max(1, from) };
    const config = {
      ...start,
      name,
      filter_subject: subject,
      ack_policy: "none",
      replay_policy: "instant",
      mem_storage: true,
      num_replicas: 1,
      inactive_threshold: FORGET_MS * NANOS,
    };
    const body = { stream_name: stream, config, action: "" };
    const path = `CONSUMER.CREATE.${stream}.${name}.${subject}`;
    const info = (await api.ask<{ num_pending: number }>(path, body)) as { num_pending: number };
    if (stopped) return forget(name);
    expected = 1;
    pull = openPull(link, {
      stream,
      consumer: name,
      expiresMs: EXPIRES_MS,
      message: take,
      expired: refill,
      broken: (reason) => void renew(reason),
    });
    if (info.num_pending === 0) options.caughtUp();
    refill();
  }

  function take(message: Msg, reply: string): void {
    const info = parseReply(reply);
    if (info.consumerSequence !== expected) {
      void renew("messages are missing");
      return;
    }
    expected += 1;
    if (from === "last" || info.sequence >= from) {
      from = info.sequence + 1;
      options.receive(message, info);
    }
    if (info.pending === 0) options.caughtUp();
    refill();
  }

  function refill(): void {
    if (pull === undefined || paused || stopped) return;
    const free = AHEAD_MAX - pull.asked();
    if (free >= AHEAD_MAX / 2) pull.ask(free);
  }

  async function renew(reason: string): Promise<void> {
    if (stopped || pull === undefined) return;
    link.log.warn({ stream, subject, reason }, "reading begins again");
    const old = pull;
    pull = undefined;
    await old.close(() => {}).catch(() => {});
    for (let tries = 1; !stopped; tries += 1) {
      await sleep(link.clock, PAUSE_MS);
      try {
        if (!link.up()) continue;
        await begin();
        return;
      } catch (err) {
        if (tries % WARN_EVERY === 1) link.log.warn({ err, stream, subject }, "cannot read");
      }
    }
  }

  async function forget(consumer: string): Promise<void> {
    if (!link.up()) return;
    await api.ask(`CONSUMER.DELETE.${stream}.${consumer}`, undefined, CONSUMER_NOT_FOUND);
  }

  await begin();
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
      const last = pull;
      pull = undefined;
      if (last === undefined) return;
      await last.close(() => {});
      // If it cannot be told, the server forgets it by itself.
      await forget(name).catch(() => {});
    },
  };
}
