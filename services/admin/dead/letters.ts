/**
 * Letters: the dead letters of the stream DEAD, and what was done with each (bucket `floe_dead`).
 *
 * A letter's id is its sequence in the stream. What is done with it is claimed first, under its id,
 * so that two operators do not do it twice; a claim names the ids of the new messages, so that a
 * replay that was cut off can be repeated.
 */
import {
  type DeadEndConfig as End,
  encodeConfig,
  parseDeadEnd,
} from "../../../core/configuration.js";
import type { Logger } from "../../../core/log.js";
import { BuriedFrame } from "../../../core/proto/floe/v1/dead_letters.js";
import type { StreamClient } from "../../../core/stream/stream.js";
import { BUCKETS, DEAD_STAGES, DEAD_SUBJECTS, deadSubject } from "../../../core/subjects.js";

export type { End };

/** Longer than the stream keeps a letter. */
const END_TTL_SECONDS = 8 * 86_400;

export interface Letter {
  readonly id: number;
  readonly buried: BuriedFrame;
  readonly end: End | undefined;
}

export interface Letters {
  /** Those behind `afterId`, the oldest first, at most `size`; `all`: also those that are ended. */
  list(afterId: number, size: number, all: boolean): Promise<readonly Letter[]>;
  get(id: number): Promise<Letter | undefined>;
  /** @returns the claim, or undefined if somebody else has ended it meanwhile. */
  claim(id: number, wanted: End): Promise<boolean>;
  finish(id: number, done: End): Promise<void>;
}

export async function openLetters(client: StreamClient, log: Logger): Promise<Letters> {
  const bucket = await client.bucket(BUCKETS.dead, { keyTtl: true });

  async function endOf(id: number): Promise<End | undefined> {
    const entry = await bucket.get(String(id));
    return entry === undefined ? undefined : parseDeadEnd(entry.value);
  }

  function decoded(id: number, data: Uint8Array): BuriedFrame | undefined {
    try {
      return BuriedFrame.decode(data);
    } catch (err) {
      log.error({ err, id }, "a dead letter cannot be read");
      return undefined;
    }
  }

  return {
    async list(afterId, size, all) {
      const found: Letter[] = [];
      const ends = new Map<string, End>();
      for (const { key, value } of await bucket.entries()) ends.set(key, parseDeadEnd(value));
      let resolveRead = (): void => {};
      const isRead = new Promise<void>((resolve) => {
        resolveRead = resolve;
      });
      const reading = await client.read(
        "DEAD",
        DEAD_SUBJECTS,
        afterId + 1,
        ({ sequence, data }) => {
          const ended = ends.get(String(sequence));
          if (ended !== undefined && ended.state !== "replaying" && !all) return;
          const buried = found.length < size ? decoded(sequence, data) : undefined;
          if (buried !== undefined) found.push({ id: sequence, buried, end: ended });
          if (found.length >= size) resolveRead();
        },
        resolveRead,
      );
      await isRead;
      await reading.stop();
      return found;
    },
    async get(id) {
      const stored = await client.at("DEAD", id);
      const isLetter =
        stored !== undefined && DEAD_STAGES.some((stage) => deadSubject(stage) === stored.subject);
      const buried = isLetter ? decoded(id, stored.data) : undefined;
      return buried === undefined ? undefined : { id, buried, end: await endOf(id) };
    },
    async claim(id, wanted) {
      const value = encodeConfig(wanted);
      return (await bucket.compareAndSet(String(id), value, 0, END_TTL_SECONDS)) !== undefined;
    },
    async finish(id, done) {
      await bucket.put(String(id), encodeConfig(done), END_TTL_SECONDS);
    },
  };
}
