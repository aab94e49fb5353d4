/**
 * Submits: every submit_sm with what became of it, in memory and in a file, so that checks can count
 * duplicates and losses. Plain numbers stand there: this is a tool for tests, never for customers.
 */
import { createWriteStream } from "node:fs";

export interface Submitted {
  readonly atMs: number;
  /** Number of the connection since the simulator started, and of the PDU. */
  readonly connection: number;
  readonly sequence: number;
  readonly source: string;
  readonly destination: string;
  readonly esmClass: number;
  readonly dataCoding: number;
  readonly registeredDelivery: number;
  /** Octets in hex, headers included; a message_payload where that is the text. */
  readonly content: string;
  /** Of recipient, sender and content without the reference of a part: what a repeat has again. */
  readonly hash: string;
  readonly part: number;
  readonly parts: number;
  readonly reference: number;
  /** command_status answered; -1: neither taken nor answered. */
  readonly status: number;
  /** The counter, and the id as it was answered; 0 and "" where it was not taken. */
  readonly id: number;
  readonly messageId: string;
  /** How often the carrier had taken the same before. */
  readonly before: number;
  /** What the carrier did with it in the end; "": not taken. */
  readonly fate: string;
  readonly befell: readonly string[];
}

export interface SubmitLog {
  readonly wanted: boolean;
  add(submit: Submitted): void;
  /** JSON lines of those numbered after `after`, at most `limit`. */
  lines(after: number, limit: number): string;
  clear(): void;
  close(): Promise<void>;
}

/** @param kept how many stay in memory; @param file "" for none. */
export function openSubmitLog(kept: number, file: string): SubmitLog {
  const ring: (Submitted | undefined)[] = [];
  const stream = file === "" ? undefined : createWriteStream(file, { flags: "a" });
  let count = 0;
  return {
    wanted: kept > 0 || file !== "",
    add(submit) {
      if (kept > 0) ring[count % kept] = submit;
      count += 1;
      stream?.write(`${JSON.stringify(submit)}\n`);
    },
    lines(after, limit) {
      const lines: string[] = [];
      const first = Math.max(after, count - kept);
      const end = Math.min(count, first + limit);
      for (let index = first; index < end; index += 1) {
        lines.push(`${JSON.stringify({ number: index + 1, ...ring[index % kept] })}\n`);
      }
      return lines.join("");
    },
    clear() {
      ring.length = 0;
      count = 0;
    },
    close: () =>
      stream === undefined
        ? Promise.resolve()
        : new Promise((resolve) => stream.end(() => resolve())),
  };
}
