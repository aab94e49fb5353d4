/** Dispatch frames for the bench of the connector, made as owners make them: full ones, by offset. */
import { fillRandom, SYSTEM_CLOCK } from "../../core/clock.js";
import { loadKeys } from "../../core/keys.js";
import { BLOCK_BYTES, openSeal, putTokenBlock } from "../../core/number-seal.js";
import { DISPATCH, DISPATCH_FRAME, MESSAGE } from "../../core/stream/fields.js";
import {
  beginNested,
  endNested,
  newWriter,
  putBytes,
  putFixed32,
  putFixed64,
  putText,
  putVarint,
  RECORDS,
  written,
} from "../../core/stream/frame.js";
import type { StreamClient } from "../../core/stream/stream.js";
import { dispatchSubject } from "../../core/subjects.js";

const TEXT = "Your code is 481516. It is valid for ten minutes; do not tell it to anyone.";
const VALID_MS = 86_400_000;
const NORMAL_LANE = 2;
/** All have as many digits. */
const FIRST_NUMBER = 100_000_000;

export interface FrameMaker {
  /** Publishes `count` different messages to the carrier, `records` a frame. */
  publish(count: number, records: number): Promise<void>;
}

export function newFrameMaker(client: StreamClient, carrier: string, keysFile: string): FrameMaker {
  const seal = openSeal(loadKeys(keysFile).token);
  const message = newWriter(256);
  const id = new Uint8Array(16);
  const block = new Uint8Array(BLOCK_BYTES);
  const subject = dispatchSubject(carrier, NORMAL_LANE, "0");
  let frames = 0;
  let numbers = 0;

  function putRecord(writer: ReturnType<typeof newWriter>, nowMs: number): void {
    // It ends in 5: a plain one to the simulated carrier.
    const to = `+4477${FIRST_NUMBER + numbers}5`;
    numbers += 1;
    const digits = Buffer.from(to.slice(1), "latin1");
    putTokenBlock(block, 0, digits, 0, digits.length);
    fillRandom(id);
    message.at = 0;
    putText(message, MESSAGE.to, to);
    putText(message, MESSAGE.from, "Floe");
    putText(message, MESSAGE.text, TEXT);
    const mark = beginNested(writer, RECORDS);
    putBytes(writer, DISPATCH.messageId, id);
    putFixed64(writer, DISPATCH.acceptedAtMs, nowMs);
    putFixed32(writer, DISPATCH.account, 1);
    putFixed32(writer, DISPATCH.hop, 0);
    putFixed64(writer, DISPATCH.expiresAtMs, nowMs + VALID_MS);
    putBytes(writer, DISPATCH.toTok, seal(block));
    putVarint(writer, DISPATCH.encoding, 1);
    putVarint(writer, DISPATCH.segments, 1);
    putVarint(writer, DISPATCH.plain, 1);
    putBytes(writer, DISPATCH.message, written(message));
    endNested(writer, mark);
  }

  return {
    async publish(count, records) {
      for (let left = count; left > 0; left -= Math.min(left, records)) {
        const writer = newWriter(256 * 1_024);
        const nowMs = SYSTEM_CLOCK.nowMs();
        frames += 1;
        putText(writer, DISPATCH_FRAME.carrier, carrier);
        putVarint(writer, DISPATCH_FRAME.lane, NORMAL_LANE);
        putFixed32(writer, DISPATCH_FRAME.slot, 0);
        putFixed64(writer, DISPATCH_FRAME.causedAtMs, nowMs);
        putText(writer, DISPATCH_FRAME.identity, `0/${frames}/${subject}/0`);
        putFixed32(writer, DISPATCH_FRAME.partition, frames % 2);
        for (let index = Math.min(left, records); index > 0; index -= 1) putRecord(writer, nowMs);
        await client.publish(subject, written(writer));
      }
    },
  };
}
