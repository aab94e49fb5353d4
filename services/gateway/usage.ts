/**
 * Usage: a record of every call (on a stream: of every request), also of refused ones, on its way
 * to ClickHouse.
 *
 * In: what a call was and how it ended. Out: UsageRecords on USAGE, in frames of up to a second.
 * A call begins only if there is room for its record, so none is lost in silence: what the stream
 * does not take is published again until it does, and meanwhile calls are refused. The record of a
 * call that was refused for that very reason is the only one that is dropped, and it is counted.
 * A repeat is harmless: records are keyed by their call id.
 */
import type { Clock } from "../../core/clock.js";
import type { Logger } from "../../core/log.js";
import { droppedTotal } from "../../core/metrics.js";
import { USAGE, USAGE_FRAME } from "../../core/stream/fields.js";
import {
  type FrameWriter,
  putBytes,
  putFixed32,
  putFixed64,
  putText,
  putVarint,
} from "../../core/stream/frame.js";
import type { Outbox } from "../../core/stream/outbox.js";
import { USAGE_SUBJECT } from "../../core/subjects.js";
import type { Identity } from "./identity.js";

/** A call that came to its end. */
export interface CallFacts {
  readonly atMs: number;
  /** 0 and "": the key was not accepted. */
  readonly account: number;
  readonly keyId: string;
  readonly method: string;
  /** Without the port. */
  readonly peer: string;
  readonly accepted: number;
  readonly refused: number;
  /** google.rpc.Code. */
  readonly code: number;
  readonly requestBytes: number;
  readonly durationMicros: number;
}

export interface Usage {
  /** Room for one record: `record` must follow. False: there is none, refuse the call. */
  admit(): boolean;
  /** Takes the place that `admit` gave. */
  record(facts: CallFacts): void;
  /** A call that got no place. */
  refused(): void;
  /** Resolves when all records are stored; gives up at the deadline, telling how many are lost. */
  drain(deadlineMs: number): Promise<void>;
}

export interface UsageOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly outbox: Outbox;
  readonly identity: Identity;
  readonly recordsMax: number;
}

const LINGER_MS = 1_000;
const AGAIN_MS = 1_000;
const RECORD_BYTES = 192;
const DRAIN_TICK_MS = 20;

export function openUsage(options: UsageOptions): Usage {
  const { clock, log, outbox, identity } = options;
  const key = outbox.key({
    subject: USAGE_SUBJECT,
    lingerMs: LINGER_MS,
    header: (writer, nowMs) => void putFixed64(writer, USAGE_FRAME.publishedAtMs, nowMs),
  });
  const id = new Uint8Array(16);
  /** Places that are taken: by calls, records that wait, records to publish again. */
  let held = 0;
  let again: CallFacts[] = [];
  let retrying = false;

  function admit(): boolean {
    if (held >= options.recordsMax) return false;
    held += 1;
    return true;
  }

  function record(facts: CallFacts): void {
    const writer = key.begin(RECORD_BYTES);
    if (writer === undefined) {
      later(facts);
      return;
    }
    identity.fresh(facts.atMs, id, 0);
    writeRecord(writer, id, facts);
    key.end((error) => {
      if (error === undefined) held -= 1;
      else later(facts);
    });
  }

  function later(facts: CallFacts): void {
    again.push(facts);
    if (retrying) return;
    retrying = true;
    log.warn("usage records are not stored yet");
    clock.after(AGAIN_MS, () => {
      retrying = false;
      const due = again;
      again = [];
      for (const one of due) record(one);
    });
  }

  async function drain(deadlineMs: number): Promise<void> {
    const drained = outbox.drain();
    // A frame that failed is due again later, so the outbox alone does not say that all is stored.
    const bound = clock.monotonicMs() + deadlineMs;
    while (held > 0 && clock.monotonicMs() < bound) {
      await new Promise<void>((resolve) => clock.after(DRAIN_TICK_MS, resolve));
    }
    if (held === 0) return drained;
    droppedTotal.inc({ stage: "usage", code: "stopped" }, held);
    log.error({ records: held }, "usage records were lost at the stop");
  }

  return {
    admit,
    record,
    refused: () => droppedTotal.inc({ stage: "usage", code: "full" }),
    drain,
  };
}

function writeRecord(writer: FrameWriter, id: Uint8Array, facts: CallFacts): void {
  putBytes(writer, USAGE.callId, id);
  putFixed64(writer, USAGE.atMs, facts.atMs);
  putFixed32(writer, USAGE.account, facts.account);
  putText(writer, USAGE.keyId, facts.keyId);
  putText(writer, USAGE.method, facts.method);
  putText(writer, USAGE.peer, facts.peer);
  putFixed32(writer, USAGE.accepted, facts.accepted);
  putFixed32(writer, USAGE.refused, facts.refused);
  putVarint(writer, USAGE.code, facts.code);
  putVarint(writer, USAGE.requestBytes, facts.requestBytes);
  putVarint(writer, USAGE.durationMicros, Math.min(facts.durationMicros, 0xffff_ffff));
}
