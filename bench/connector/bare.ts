/**
 * Bare connector: the sockets and streams of the connector with the least between them. What it
 * costs is what reading dispatch frames, writing submit_sm, reading answers and receipts, and
 * writing attempts cost on this machine: the rest of the connector's cost is what it promises.
 *
 * It reads and writes real frames and PDUs, answers a receipt when its attempt is durable, and acks
 * a frame when all its answers are. It looks nothing up, seals no number, learns nothing, keeps no
 * memory but the places of the last 65,536 messages, and works with plain messages and ids in hex.
 */
import { connect } from "node:net";
import { SYSTEM_CLOCK } from "../../core/clock.js";
import { SILENT } from "../../core/log.js";
import { STATE } from "../../core/message.js";
import {
  ATTEMPT,
  ATTEMPT_FRAME,
  ATTEMPT_RECEIPT,
  ATTEMPT_SUBMITTED,
  DISPATCH,
  DISPATCH_FRAME,
  MESSAGE,
} from "../../core/stream/fields.js";
import {
  beginNested,
  endNested,
  fixed32Of,
  found,
  newFields,
  newWriter,
  nextField,
  putBytes,
  putFixed32,
  putFixed64,
  putRaw,
  putText,
  RECORDS,
  readFields,
  written,
} from "../../core/stream/frame.js";
import { openNats } from "../../core/stream/nats.js";
import type { Consumption, Delivery } from "../../core/stream/stream.js";
import {
  attemptSubject,
  attemptsOfCarrier,
  BUCKETS,
  dispatchConsumers,
} from "../../core/subjects.js";
import { putBind } from "../../services/connectors/smpp/bind-pdu.js";
import { newFramer } from "../../services/connectors/smpp/framing.js";
import {
  beginPdu,
  COMMAND,
  endPdu,
  putDeliverResp,
  readUint32BE,
} from "../../services/connectors/smpp/pdu.js";

interface Frame {
  readonly delivery: Delivery;
  readonly bytes: Uint8Array;
  readonly partition: number;
  readonly places: readonly number[];
  cursor: number;
  left: number;
}

/** Attempts of one partition that wait for the publish under way. */
interface Batch {
  writer: ReturnType<typeof newWriter>;
  frames: Frame[];
  receipts: number[];
  busy: boolean;
}

/** service_type; TON and NPI of the source; of the destination, with the NUL before. */
const BEFORE_SOURCE = Uint8Array.of(0, 5, 0);
const BEFORE_DESTINATION = Uint8Array.of(0, 1, 1);
/** NUL, eight fields to data_coding of which registered_delivery is 1, sm_default_msg_id, sm_length. */
const BEFORE_TEXT = Uint8Array.of(0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0);
const RING = 1 << 16;
const READ_BYTES = 64 * 1_024;
/** Where the id begins in a submit_sm_resp, and its length. */
const HEAD_BYTES = 16;
const ID_BYTES = 12;
const [natsUrl = "", port = "", windowText = "", carrier = ""] = process.argv.slice(2);
const window = Number(windowText);

const client = await openNats({
  ...{ servers: natsUrl, name: "bare", processId: "bare", clock: SYSTEM_CLOCK, log: SILENT },
});
const header = newFields();
const record = newFields();
const message = newFields();
/** By the low bits of a sequence number, and of an id: the frame, and the record's place in it. */
const sent: (Frame | undefined)[] = new Array(RING);
const sentAt = new Int32Array(RING);
const known: (Frame | undefined)[] = new Array(RING);
const knownAt = new Int32Array(RING);
/** Receipts that came before the answer to their message: sequence number, by the id's low bits. */
const early = new Map<number, number>();
const batches: Batch[] = [];
const waiting: Frame[] = [];
const out = newWriter(256 * 1_024);
let consumptions: Consumption[] = [];
let sequence = 1;
let unanswered = 0;

const buffer = Buffer.allocUnsafeSlow(READ_BYTES);
const framer = newFramer();
const socket = connect({
  ...{ port: Number(port), host: "127.0.0.1", noDelay: true },
  onread: {
    buffer,
    callback(count) {
      framer.push(buffer, 0, count, take);
      submit();
      publish();
      return true;
    },
  },
});

function flush(): void {
  if (out.at === 0) return;
  socket.write(Buffer.from(written(out)));
  out.at = 0;
}

// ---- dispatch frames to submit_sm

function receive(delivery: Delivery): void {
  const bytes = delivery.data;
  readFields(bytes, 0, bytes.length, header);
  const places: number[] = [];
  for (let at = 0; nextField(bytes, at, bytes.length, DISPATCH_FRAME.records) === 1; at = found.end)
    places.push(found.at, found.end);
  const partition = fixed32Of(bytes, header, DISPATCH_FRAME.partition);
  waiting.push({ delivery, bytes, partition, places, cursor: 0, left: places.length / 2 });
  submit();
}

function submit(): void {
  while (unanswered < window && waiting.length > 0) {
    const frame = waiting[0]!;
    putSubmit(frame, frame.places[frame.cursor]!, frame.places[frame.cursor + 1]!);
    frame.cursor += 2;
    if (frame.cursor === frame.places.length) waiting.shift();
  }
  flush();
}

function putSubmit(frame: Frame, at: number, end: number): void {
  const { bytes } = frame;
  readFields(bytes, at, end, record);
  const from = record[2 * DISPATCH.message]!;
  readFields(bytes, from, from + record[2 * DISPATCH.message + 1]!, message);
  sequence += 1;
  const mark = beginPdu(out, COMMAND.submit_sm, 0, sequence);
  const fieldAt = (field: number): number => message[2 * field]!;
  const endOf = (field: number): number => message[2 * field]! + message[2 * field + 1]!;
  putRaw(out, BEFORE_SOURCE, 0, BEFORE_SOURCE.length);
  putRaw(out, bytes, fieldAt(MESSAGE.from), endOf(MESSAGE.from));
  putRaw(out, BEFORE_DESTINATION, 0, BEFORE_DESTINATION.length);
  putRaw(out, bytes, fieldAt(MESSAGE.to) + 1, endOf(MESSAGE.to));
  putRaw(out, BEFORE_TEXT, 0, BEFORE_TEXT.length);
  out.bytes[out.at - 1] = message[2 * MESSAGE.text + 1]!;
  putRaw(out, bytes, fieldAt(MESSAGE.text), endOf(MESSAGE.text));
  endPdu(out, mark);
  sent[sequence % RING] = frame;
  sentAt[sequence % RING] = at;
  unanswered += 1;
}

// ---- answers and receipts to attempts

function take(bytes: Uint8Array, at: number): boolean {
  const command = readUint32BE(bytes, at + 4);
  const number = readUint32BE(bytes, at + 12);
  if (command === COMMAND.submit_sm_resp) {
    unanswered -= 1;
    const place = number % RING;
    const frame = sent[place]!;
    const idAt = at + HEAD_BYTES;
    const id = lowOf(bytes, idAt);
    known[id] = frame;
    knownAt[id] = sentAt[place]!;
    putAttempt(frame, sentAt[place]!, ATTEMPT_SUBMITTED, bytes, idAt).frames.push(frame);
    const receipt = early.get(id);
    if (receipt === undefined) return true;
    early.delete(id);
    putAttempt(frame, sentAt[place]!, ATTEMPT_RECEIPT, bytes, idAt).receipts.push(receipt);
  } else if (command === COMMAND.deliver_sm) {
    // id: is the first that its text says.
    let idAt = at + HEAD_BYTES;
    while (bytes[idAt] !== 0x69 || bytes[idAt + 1] !== 0x64 || bytes[idAt + 2] !== 0x3a) idAt += 1;
    idAt += 3;
    const id = lowOf(bytes, idAt);
    const frame = known[id];
    if (frame === undefined) early.set(id, number);
    else putAttempt(frame, knownAt[id]!, ATTEMPT_RECEIPT, bytes, idAt).receipts.push(number);
  }
  return true;
}

/** The last four hex digits of an id. */
function lowOf(bytes: Uint8Array, idAt: number): number {
  let value = 0;
  for (let index = idAt + ID_BYTES - 4; index < idAt + ID_BYTES; index += 1) {
    const byte = bytes[index]!;
    value = (value << 4) | (byte > 0x39 ? byte - 0x57 : byte - 0x30);
  }
  return value;
}

function putAttempt(
  { bytes, partition }: Frame,
  at: number,
  kind: number,
  ids: Uint8Array,
  idAt: number,
): Batch {
  batches[partition] ??= { writer: newBatchWriter(), frames: [], receipts: [], busy: false };
  const batch = batches[partition];
  const { writer } = batch;
  const mark = beginNested(writer, RECORDS);
  // Fields 1 to 3 stand first in a dispatch record, and the token where these end (frames.ts).
  putRaw(writer, bytes, at, at + 32);
  putFixed32(writer, ATTEMPT.kind, kind);
  putFixed64(writer, ATTEMPT.atMs, SYSTEM_CLOCK.nowMs());
  putFixed32(writer, ATTEMPT.state, kind === ATTEMPT_RECEIPT ? STATE.DELIVERED : STATE.SUBMITTED);
  putBytes(writer, ATTEMPT.carrierIds, ids, idAt, idAt + ID_BYTES);
  putBytes(writer, ATTEMPT.toTok, bytes, at + 48, at + 64);
  endNested(writer, mark);
  return batch;
}

function newBatchWriter() {
  return newWriter(256 * 1_024);
}

function publish(): void {
  batches.forEach((batch, partition) => {
    const { writer, frames, receipts } = batch;
    if (batch.busy || writer.at === 0) return;
    batch.busy = true;
    putFixed32(writer, ATTEMPT_FRAME.partition, partition);
    putText(writer, ATTEMPT_FRAME.carrier, carrier);
    batch.writer = spare.pop() ?? newBatchWriter();
    batch.frames = [];
    batch.receipts = [];
    void client.publish(attemptSubject(partition, carrier), written(writer)).then(() => {
      writer.at = 0;
      spare.push(writer);
      batch.busy = false;
      for (const number of receipts) putDeliverResp(out, 0, number);
      for (const frame of frames) {
        frame.left -= 1;
        if (frame.left === 0) frame.delivery.ack();
      }
      flush();
      publish();
    });
  });
}
const spare: Batch["writer"][] = [];

// ---- begin

async function run(isRunning: boolean): Promise<void> {
  const old = consumptions;
  consumptions = [];
  for (const consumption of old) await consumption.stop();
  if (!isRunning) return;
  const specs = dispatchConsumers(carrier);
  consumptions = await Promise.all(
    specs.map((spec) => client.consume(spec, { outstandingMax: 4 }, receive)),
  );
}

for (const spec of dispatchConsumers(carrier)) await client.declareConsumer(spec);
await client.read("ATTEMPTS", attemptsOfCarrier(carrier), 1, () => {});
const login = {
  systemId: "floe",
  password: "secret",
  systemType: "",
  mode: "transceiver" as const,
};
putBind(out, { ...login, version: "3.4" }, 1);
flush();
let isRunning = false;
let changing = Promise.resolve();
const bucket = await client.bucket(BUCKETS.carriers);
await bucket.watch((_key, value) => {
  const status = value === undefined ? "" : JSON.parse(Buffer.from(value).toString()).status;
  if ((status === "active") === isRunning) return;
  isRunning = status === "active";
  const next = isRunning;
  changing = changing.then(() => run(next));
});
