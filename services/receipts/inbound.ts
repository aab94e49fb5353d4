/**
 * Inbound: messages from phones, from the parts that connectors took to rows and suppressions.
 *
 * In: frames of INBOUND, read by one process (by lease), since the parts of a message may lie in any
 * frames. Out: `inbound_messages` in ClickHouse, opt-outs in the bucket of suppressions. A frame is
 * acknowledged when each of its parts is in a message that is stored; parts that wait for others hold
 * their frames, and are read again by whoever comes after a crash. What is not whole after a while is
 * stored as far as it came, and says so.
 */
import type { ClickHouse } from "../../core/clickhouse.js";
import type { Clock } from "../../core/clock.js";
import { buryFrame, type DeadLetters } from "../../core/dead-letters.js";
import { isFloeError } from "../../core/errors.js";
import type { Keys } from "../../core/keys.js";
import type { Logger } from "../../core/log.js";
import { counter, droppedTotal, framesTotal, recordsTotal } from "../../core/metrics.js";
import { tokenOf } from "../../core/number-seal.js";
import { plainNumber } from "../../core/numbers.js";
import { InboundFrame, type InboundRecord } from "../../core/proto/floe/v1/frames.js";
import type { Bucket, Delivery } from "../../core/stream/stream.js";
import type { Assignments } from "./assignments.js";
import { ALPHABET, type Decoded, decodeText } from "./decode.js";
import { placeOf, readHeader } from "./header.js";
import { type InboundMessage, type InboundRow, inboundId, insertInbound } from "./inbound-row.js";
import { askedOf, keepAsked } from "./opt-out.js";
import { type Gathered, openReassembly, type Part } from "./reassemble.js";

export interface InboundOptions {
  readonly clickhouse: ClickHouse;
  readonly dead: DeadLetters;
  readonly clock: Clock;
  readonly log: Logger;
  readonly assignments: Assignments;
  readonly suppressions: Bucket;
  readonly partsWaitMs: number;
  /** Read anew each time: a month's key may have been added. */
  keys(): Keys;
}

export interface Inbound {
  receive(delivery: Delivery): void;
  /** Resolves when nothing is under way; what is not stored comes again, to whoever reads on. */
  stop(): Promise<void>;
}

/** Long messages that wait for parts. With one frame each they hold fewer than may be outstanding. */
const GROUPS_MAX = 3_000;
export const INBOUND_OUTSTANDING_MAX = 4_000;
const BATCH_FRAMES_MAX = 500;
const TICK_MS = 500;
const AGAIN_MS = 1_000;
const WORKING_MS = 10_000;
/** User data header indicator (SMPP 3.4, 5.2.12). */
const UDHI = 0x40;

const messagesTotal = counter(
  "floe_receipts_inbound_total",
  "Messages from phones, by what they met.",
  ["carrier", "result"],
);
const actionsTotal = counter("floe_receipts_opt_outs_total", "Opt-out words from phones.", [
  "action",
]);
const framesIn = framesTotal.labels("INBOUND", "in");
const recordsIn = recordsTotal.labels("INBOUND", "in");

/** A frame in work. */
interface Work {
  /** The last one, if it came again while its parts wait. */
  delivery: Delivery;
  open: number;
}

/** Where a part came from, and what it said. */
interface Kept {
  readonly work: Work;
  readonly carrier: string;
  readonly record: InboundRecord;
  readonly sequence: number;
  readonly index: number;
  /** Octets behind the header, which had `headerOctets`. */
  readonly octets: Uint8Array;
  readonly headerOctets: number;
  readonly languages: number;
}

type Whole = Gathered<Kept>;

export function openInbound(options: InboundOptions): Inbound {
  const { clickhouse, clock, log, assignments, suppressions } = options;
  const reassembly = openReassembly<Kept>(GROUPS_MAX);
  /** By stream sequence. */
  const held = new Map<number, Work>();
  let queue: Delivery[] = [];
  let running: Promise<void> | undefined;
  let stopped = false;
  let workingAtMs = clock.monotonicMs();

  function wake(): void {
    if (running !== undefined || stopped) return;
    running = run().finally(() => {
      running = undefined;
    });
  }

  async function run(): Promise<void> {
    do {
      const taken = queue.slice(0, BATCH_FRAMES_MAX);
      queue = queue.slice(taken.length);
      const wholes = taken.flatMap(take);
      wholes.push(...reassembly.end(clock.nowMs() - options.partsWaitMs));
      if (wholes.length > 0) await storeUntilDone(wholes);
    } while (queue.length > 0 && !stopped);
  }

  /** Messages that are whole with the parts of this frame. */
  function take(delivery: Delivery): Whole[] {
    framesIn.inc();
    const known = held.get(delivery.sequence);
    if (known !== undefined) {
      known.delivery = delivery;
      return [];
    }
    let frame: InboundFrame;
    try {
      frame = InboundFrame.decode(delivery.data);
    } catch {
      droppedTotal.inc({ stage: "receipts", code: "frame.malformed" });
      void buryFrame(options.dead, "INBOUND", delivery, log);
      return [];
    }
    recordsIn.inc(frame.records.length);
    const work: Work = { delivery, open: frame.records.length };
    held.set(delivery.sequence, work);
    const wholes = frame.records.flatMap((record, index) => {
      const kept = keptOf(work, frame.carrier, record, delivery.sequence, index);
      const place = placeIn(record);
      if (place === undefined) {
        const part = {
          ...partOf(kept),
          place: { kind: "sar" as const, reference: 0, total: 1, part: 1 },
        };
        return [{ parts: [part], total: 1 }];
      }
      const { gathered, isRepeat } = reassembly.add({ ...partOf(kept), place });
      if (isRepeat) {
        messagesTotal.inc({ carrier: frame.carrier, result: "repeated part" });
        done(work);
      }
      return gathered;
    });
    if (frame.records.length === 0) finish(work);
    return wholes;
  }

  function done(work: Work): void {
    work.open -= 1;
    if (work.open === 0) finish(work);
  }

  function finish(work: Work): void {
    held.delete(work.delivery.sequence);
    work.delivery.ack();
  }

  /** What is gathered exists nowhere else in this process: it is stored, or comes again as a whole. */
  async function storeUntilDone(wholes: readonly Whole[]): Promise<void> {
    const messages = wholes.map(messageOf);
    for (;;) {
      try {
        await store(messages);
        break;
      } catch (err) {
        if (!isFloeError(err)) throw err;
        log.warn({ err, count: messages.length }, "messages from phones cannot be stored now");
        if (stopped) return;
        await new Promise<void>((resolve) => clock.after(AGAIN_MS, resolve));
        if (stopped) return;
      }
    }
    for (const { parts } of wholes) for (const { kept } of parts) done(kept.work);
  }

  async function store(messages: readonly InboundMessage[]): Promise<void> {
    const keys = options.keys();
    const rows: InboundRow[] = [];
    for (const message of messages) {
      const text = message.text ?? "";
      const owner = assignments.ownerOf(message.to, text);
      const asked = askedOf(text, message.to, assignments);
      const token = tokenOf(plainNumber(message.from), keys.token);
      if (asked !== undefined && token !== undefined) {
        await keepAsked(suppressions, asked, token, message.to, message.atMs);
      }
      rows.push({ ...message, ...owner, action: asked?.action ?? "" });
    }
    await insertInbound(clickhouse, rows, keys, clock.nowMs());
    for (const { carrier, account, parts, total, action } of rows) {
      const result = account === 0 ? "nobody's number" : parts < total ? "incomplete" : "stored";
      messagesTotal.inc({ carrier, result });
      if (action !== "") actionsTotal.inc({ action });
    }
    const incomplete = rows.filter(({ parts, total }) => parts < total);
    if (incomplete.length > 0) {
      log.warn({ count: incomplete.length }, "messages from phones lack parts that never came");
    }
  }

  let cancelTick = clock.after(TICK_MS, tick);
  function tick(): void {
    cancelTick = clock.after(TICK_MS, tick);
    wake();
    const nowMs = clock.monotonicMs();
    if (nowMs - workingAtMs < WORKING_MS) return;
    workingAtMs = nowMs;
    for (const { delivery } of held.values()) {
      delivery.working().catch((err: unknown) => {
        log.debug({ err, sequence: delivery.sequence }, "ack wait was not started anew");
      });
    }
    for (const delivery of queue) delivery.working().catch(() => {});
  }

  return {
    receive(delivery) {
      queue.push(delivery);
      wake();
    },
    async stop() {
      stopped = true;
      cancelTick();
      await running;
      for (const { delivery } of held.values()) delivery.nak();
      for (const delivery of queue) delivery.nak();
    },
  };
}

function keptOf(
  work: Work,
  carrier: string,
  record: InboundRecord,
  sequence: number,
  index: number,
): Kept {
  const hasHeader = (record.esmClass & UDHI) !== 0;
  const header = hasHeader ? readHeader(record.content) : undefined;
  const headerOctets = header?.octets ?? 0;
  return {
    ...{ work, carrier, record, sequence, index, headerOctets },
    octets: record.content.subarray(headerOctets),
    languages: header?.languages ?? 0,
  };
}

function partOf(kept: Kept): Omit<Part<Kept>, "place"> {
  const { carrier, record } = kept;
  return {
    conversation: `${carrier}/${record.from}/${record.to}`,
    content: record.content,
    atMs: Number(record.atMs),
    kept,
  };
}

/** From the header, or from optional parameters. */
function placeIn(record: InboundRecord) {
  const header = record.esmClass & UDHI ? readHeader(record.content).place : undefined;
  const { sarReference, sarTotal, sarPart } = record;
  return header ?? placeOf("sar", sarReference, sarTotal, sarPart);
}

function messageOf({ parts, total }: Whole): InboundMessage {
  const first = parts.reduce((one, other) =>
    other.kept.sequence < one.kept.sequence ||
    (other.kept.sequence === one.kept.sequence && other.kept.index < one.kept.index)
      ? other
      : one,
  );
  const { carrier, record, sequence, index } = first.kept;
  const atMs = Number(record.atMs);
  const { encoding, text } = textOf(parts.map(({ kept }) => kept));
  return {
    id: inboundId(atMs, sequence, index),
    ...{ atMs, carrier, bind: record.bind, encoding, text },
    // What is no number stays as it was written.
    from: /^[+\d][\d\s().-]*$/.test(record.from) ? plainNumber(record.from) : record.from,
    to: plainNumber(record.to),
    data: Buffer.concat(parts.map(({ kept }) => kept.octets)),
    parts: parts.length,
    total,
  };
}

/** Of one piece where octets may be put together: phones cut between the two of an emoji. */
function textOf(parts: readonly Kept[]): Decoded {
  const { record, languages, headerOctets } = parts[0]!;
  const isOne =
    record.alphabet !== ALPHABET.gsm7Packed &&
    parts.every(
      (part) => part.record.dataCoding === record.dataCoding && part.languages === languages,
    );
  if (isOne) {
    const octets = Buffer.concat(parts.map((part) => part.octets));
    return decodeText(octets, record.dataCoding, record.alphabet, languages, headerOctets);
  }
  const decoded = parts.map((part) =>
    decodeText(
      part.octets,
      part.record.dataCoding,
      part.record.alphabet,
      part.languages,
      part.headerOctets,
    ),
  );
  const isText = decoded.every(({ text }) => text !== undefined);
  return {
    encoding: decoded[0]!.encoding,
    text: isText ? decoded.map(({ text }) => text).join("") : undefined,
  };
}
