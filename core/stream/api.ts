/**
 * JetStream's management requests (`$JS.API.>`), repeated until the server answers or time is up.
 *
 * All that is asked through here may be asked twice: reads, creations compared afterwards, deletions,
 * purges up to a sequence.
 */

import { sleep } from "../clock.js";
import { FloeError } from "../errors.js";
import type { Link } from "./link.js";

const ANSWER_MS_MAX = 2_000;
const GIVE_UP_MS = 10_000;
const PAUSE_MS = 100;

/** Errors of nats-server by number (server/errors.json). */
export const STREAM_NOT_FOUND = 10_059;
export const CONSUMER_NOT_FOUND = 10_014;
export const MESSAGE_NOT_FOUND = 10_037;
/** No leader, offline, not in the meta group yet: goes by. */
const NOT_NOW = [10_004, 10_007, 10_008, 10_009, 10_118, 10_119, 10_167];

export interface Api {
  /**
   * @returns the answer, or the error number where it is one of `expected`.
   * @throws FloeError "stream.unavailable" without an answer, "stream.config" on any other refusal.
   */
  ask<T>(request: string, body: object | undefined, ...expected: number[]): Promise<T | number>;
}

interface Answer {
  readonly error?: { readonly err_code?: number; readonly code: number; description: string };
}

export function openApi(link: Link): Api {
  async function once<T>(request: string, payload: string): Promise<T | Answer> {
    const timeout = ANSWER_MS_MAX;
    const message = await link.nats.request(`$JS.API.${request}`, payload, { timeout });
    return JSON.parse(message.string()) as T & Answer;
  }

  async function ask<T>(request: string, body: object | undefined, ...expected: number[]) {
    const payload = body === undefined ? "" : JSON.stringify(body);
    const endMs = link.clock.monotonicMs() + GIVE_UP_MS;
    let problem: unknown = "the stream server is away";
    for (;;) {
      // A request made while the connection is away is lost: wait for it instead.
      if (link.up()) {
        try {
          const answer = (await once<T>(request, payload)) as T & Answer;
          if (answer.error === undefined) return answer as T;
          const { err_code: code = answer.error.code, description } = answer.error;
          if (expected.includes(code)) return code;
          if (!NOT_NOW.includes(code)) {
            throw new FloeError("stream.config", { request, code, problem: description });
          }
          problem = description;
        } catch (error) {
          if (error instanceof FloeError) throw error;
          problem = error;
        }
      }
      if (link.closed() || link.clock.monotonicMs() >= endMs) {
        const details = { request, ...(typeof problem === "string" ? { problem } : {}) };
        throw new FloeError("stream.unavailable", details, problem);
      }
      await sleep(link.clock, PAUSE_MS);
    }
  }
  return { ask };
}
