/**
 * Covered: which request frames of one lane are decided, so that none is decided twice.
 *
 * A frame may come again under its sequence (redelivered, in any order), or under a new one (a
 * gateway's repeat that the server, restarted, did not recognise): known by its Nats-Msg-Id, which is
 * kept until the lane is decided 10 minutes beyond. Sequences up to `floor` are gone from the
 * stream; above it each covered frame is listed with its decision. One entry a frame, not a message.
 */
import { PUBLISH_ID_WINDOW_MS } from "../../core/limits.js";

export interface Covered {
  /**
   * Notes a decided frame. `acceptedAtMs`: when its first message was accepted (where its clock was
   * ahead, when it was decided), the lane's time;
   * `storedAtMs`: when it was stored, or where that is not known any more when it was decided.
   */
  add(
    sequence: number,
    publishId: string,
    decision: number,
    acceptedAtMs: number,
    storedAtMs: number,
  ): void;
  /**
   * What is known of a frame that was delivered: `decision` undefined: it is new. 0: decided,
   * under another sequence or long ago. `reborn`: its sequence is known of another frame, so the
   * stream was made anew; what is known by sequence means nothing then.
   */
  look(sequence: number, publishId: string, storedAtMs: number): CoveredFrame;
  /** Everything on the lane's subject below `sequence`, stored at `storedAtMs`, is gone. */
  raiseFloor(sequence: number, storedAtMs: number): void;
  /** The highest covered sequence, and when it was stored. */
  highest(): { readonly sequence: number; readonly storedAtMs: number };
  /** Frames listed above the floor. */
  listed(): number;
  /** Lowest decision that is listed; undefined: none. */
  oldestDecision(): number | undefined;
  floor(): number;
  sequences(): readonly number[];
  /** All of it as plain data, and back, into one that is new. */
  dump(): CoveredDump;
  restore(from: CoveredDump): void;
}

export interface CoveredDump {
  readonly floor: readonly [sequence: number, storedAtMs: number];
  readonly highest: readonly [sequence: number, storedAtMs: number];
  readonly listed: readonly (readonly [sequence: number, publishId: string, decision: number])[];
  readonly ids: readonly (readonly string[])[];
  readonly turnedAtMs: number;
  readonly newestAtMs: number;
}

export interface CoveredFrame {
  readonly decision: number | undefined;
  readonly reborn: boolean;
}

interface Listed {
  readonly publishId: string;
  readonly decision: number;
}

const NEW: CoveredFrame = { decision: undefined, reborn: false };
const REBORN: CoveredFrame = { decision: undefined, reborn: true };
const LONG_AGO: CoveredFrame = { decision: 0, reborn: false };

export function openCovered(): Covered {
  const list = new Map<number, Listed>();
  let floor = 0;
  let floorStoredAtMs = 0;
  let highest = 0;
  let highestStoredAtMs = 0;
  // Two sets that take turns: nothing is looked for to be removed.
  let recentIds = new Set<string>();
  let olderIds = new Set<string>();
  let turnedAtMs = 0;
  let newestAtMs = 0;

  function add(
    sequence: number,
    publishId: string,
    decision: number,
    acceptedAtMs: number,
    storedAtMs: number,
  ): void {
    if (sequence > floor) list.set(sequence, { publishId, decision });
    if (sequence > highest) {
      highest = sequence;
      highestStoredAtMs = storedAtMs;
    }
    newestAtMs = Math.max(newestAtMs, acceptedAtMs);
    if (newestAtMs - turnedAtMs > PUBLISH_ID_WINDOW_MS) {
      olderIds = newestAtMs - turnedAtMs > 2 * PUBLISH_ID_WINDOW_MS ? new Set() : recentIds;
      recentIds = new Set();
      turnedAtMs = newestAtMs;
    }
    if (publishId !== "") recentIds.add(publishId);
  }

  function look(sequence: number, publishId: string, storedAtMs: number): CoveredFrame {
    const known = list.get(sequence);
    if (known !== undefined) {
      if (known.publishId === publishId) return { decision: known.decision, reborn: false };
      return REBORN;
    }
    if (recentIds.has(publishId) || olderIds.has(publishId)) return LONG_AGO;
    if (sequence > floor) return NEW;
    return storedAtMs > floorStoredAtMs ? REBORN : LONG_AGO;
  }

  function raiseFloor(sequence: number, storedAtMs: number): void {
    if (sequence - 1 <= floor) return;
    floor = sequence - 1;
    floorStoredAtMs = storedAtMs;
    for (const covered of list.keys()) if (covered <= floor) list.delete(covered);
  }

  return {
    add,
    look,
    raiseFloor,
    highest: () => ({ sequence: highest, storedAtMs: highestStoredAtMs }),
    listed: () => list.size,
    oldestDecision() {
      let oldest: number | undefined;
      for (const { decision } of list.values()) {
        if (oldest === undefined || decision < oldest) oldest = decision;
      }
      return oldest;
    },
    floor: () => floor,
    dump: () => ({
      floor: [floor, floorStoredAtMs],
      highest: [highest, highestStoredAtMs],
      listed: [...list].map(([sequence, one]) => [sequence, one.publishId, one.decision]),
      ids: [[...recentIds], [...olderIds]],
      turnedAtMs,
      newestAtMs,
    }),
    restore(from) {
      [floor, floorStoredAtMs] = from.floor;
      [highest, highestStoredAtMs] = from.highest;
      for (const [sequence, publishId, decision] of from.listed) {
        list.set(sequence, { publishId, decision });
      }
      [recentIds, olderIds] = [new Set(from.ids[0]), new Set(from.ids[1])];
      ({ turnedAtMs, newestAtMs } = from);
    },
    sequences: () => [...list.keys()].sort((a, b) => a - b),
  };
}
