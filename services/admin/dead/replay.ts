/**
 * Replay: what a dead letter becomes when it is to go its way once more.
 *
 * In: the buried frame, and the ids that its messages get. Out: what is published, always the same
 * for the same letter and ids, so that a replay that was cut off is repeated without a second
 * message: within the day for which owners remember keys. A message that a stage gave up has its verdict, and money was settled by it: it is sent
 * as a new message, whose tag names the old one. A frame that could not be read goes to its stage
 * as it is: a later version may be able to read it.
 */
import { createHash } from "node:crypto";
import { formatId, laneOfClass, partitionOf } from "../../../core/message.js";
import type { BuriedFrame } from "../../../core/proto/floe/v1/dead_letters.js";
import { DispatchFrame, type Lane, RequestFrame } from "../../../core/proto/floe/v1/frames.js";
import type { Message } from "../../../core/proto/floe/v1/messaging.js";
import {
  DEAD_STAGES,
  type DeadStage,
  replaySubject,
  requestSubject,
  STREAMS,
  type StreamName,
} from "../../../core/subjects.js";

/** Where the id of the message that was given up stands. */
export const REPLAY_TAG = "floe.replay_of";

/** A message of a letter, to be sent as a new one. */
export interface GivenUp {
  readonly messageId: Uint8Array;
  readonly account: number;
  readonly message: Message;
}

export interface Publication {
  readonly subject: string;
  readonly data: Uint8Array;
}

/** Messages of a letter of REQUESTS or DISPATCH; undefined: it cannot be read still. */
export function givenUpOf({ stream, frame }: BuriedFrame): readonly GivenUp[] | undefined {
  try {
    const codec = stream === "REQUESTS" ? RequestFrame : DispatchFrame;
    const { records } = codec.decode(frame);
    const readable = records.every(
      ({ messageId, account, message }) =>
        messageId.length === 16 && account > 0 && message !== undefined && message.to !== "",
    );
    return readable && records.length > 0 ? (records as readonly GivenUp[]) : undefined;
  } catch {
    return undefined;
  }
}

/** The request frame of a message that is sent again, as the gateway would have written it. */
export function requestOf(
  { message, messageId, account }: GivenUp,
  plan: number,
  partitions: number,
  identity: { readonly id: Uint8Array; readonly acceptedAtMs: number },
  nowMs: number,
): Publication {
  const partition = partitionOf(account, partitions);
  const lane = laneOfClass(message.trafficClass);
  const data = RequestFrame.encode({
    partition,
    lane: lane as Lane,
    publishedAtMs: BigInt(nowMs),
    records: [
      {
        messageId: Buffer.from(identity.id),
        acceptedAtMs: BigInt(identity.acceptedAtMs),
        ...{ account, plan },
        // The key belongs to the message that was given up. This one is of the new id alone: the owner
        // does not decide it twice when a replay that was cut off is repeated after its settlement.
        keyTag: keyTagOf(identity.id),
        message: {
          ...message,
          idempotencyKey: "",
          tags: { ...message.tags, [REPLAY_TAG]: formatId(messageId) },
        },
      },
    ],
  }).finish();
  return { subject: requestSubject(lane, partition), data };
}

/** Never 0, which is none. */
function keyTagOf(id: Uint8Array): bigint {
  const tag = createHash("sha256").update("replay/").update(id).digest().readBigUInt64LE(0);
  return tag === 0n ? 1n : tag;
}

/** A frame that goes to its stage once more, as it is; undefined: nobody would read it. */
export function againOf(letter: BuriedFrame): Publication | undefined {
  const { stage, stream, subject, frame: data } = letter;
  const isKnown =
    (DEAD_STAGES as readonly string[]).includes(stage) &&
    STREAMS.some(({ name }) => name === stream);
  // What a connector buried of receipts is a PDU that meant nothing to it: no frame of any stream.
  if (!isKnown || stage === "connector") return undefined;
  // Logs are read by others, too, for whom the frame is there: the stage has a subject of its own.
  if (stage === "cdr") {
    return { subject: replaySubject(stage as DeadStage, stream as StreamName), data };
  }
  return { subject, data };
}
