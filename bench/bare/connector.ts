/** Bare connector: dispatch frames into submit_sm, answers and receipts into event frames. */
import { connect } from "node:net";
import type { JsMsg } from "@nats-io/jetstream";
import { nats, ready, spec } from "./common.js";
import { SendBatchRequest } from "./proto/bare.js";

const WINDOW = 2_000;
type Frame = { message: JsMsg; left: number };
type Event = {
  id: string;
  to: string;
  from: string;
  ref: string;
  state: number;
  frame: Frame | undefined;
};
type Sent = { id: string; to: string; from: string; frame: Frame };

const { js } = await nats();
const inFlight = new Map<number, Sent>();
const hot = new Map<string, string>();
let events: Event[] = [];
let timer: NodeJS.Timeout | undefined;
let rest: Buffer | undefined;
let sequence = 1;
let windowUsed = 0;
let resume: (() => void) | undefined;

function flush(): void {
  timer = undefined;
  const batch = events;
  events = [];
  if (batch.length === 0) return;
  const messages = batch.map((event) => ({
    to: event.to,
    from: event.from,
    body: "",
    idempotencyKey: event.id,
    clientRef: event.ref,
    validitySeconds: event.state,
    receipt: false,
  }));
  void js.publish("evt.x", SendBatchRequest.encode({ messages }).finish()).then(() => {
    for (const { frame } of batch) {
      if (!frame) continue;
      frame.left -= 1;
      if (frame.left === 0) frame.message.ack();
    }
  });
}

function emit(event: Event): void {
  events.push(event);
  if (events.length >= 400) {
    if (timer) clearTimeout(timer);
    flush();
  } else if (!timer) timer = setTimeout(flush, 5);
}

const socket = connect(spec.smpp, "127.0.0.1");
socket.setNoDelay(true);
socket.on("data", (chunk: Buffer) => {
  const data = rest ? Buffer.concat([rest, chunk]) : chunk;
  const out = Buffer.allocUnsafe(((data.length / 60) | 0) * 17 + 64);
  let at = 0;
  let put = 0;
  while (data.length - at >= 4) {
    const length = data.readUInt32BE(at);
    if (data.length - at < length) break;
    const command = data.readUInt32BE(at + 4);
    const number = data.readUInt32BE(at + 12);
    if (command === 0x80000004) answered(data, at, number);
    else if (command === 5) {
      receipt(data.latin1Slice(at + 16, at + length));
      out.writeUInt32BE(17, put);
      out.writeUInt32BE(0x80000005, put + 4);
      out.writeUInt32BE(0, put + 8);
      out.writeUInt32BE(number, put + 12);
      out[put + 16] = 0;
      put += 17;
    }
    at += length;
  }
  rest = at < data.length ? Buffer.from(data.subarray(at)) : undefined;
  if (put) socket.write(out.subarray(0, put));
});

function answered(data: Buffer, at: number, number: number): void {
  const sent = inFlight.get(number)!;
  inFlight.delete(number);
  const ref = data.latin1Slice(at + 16, at + 24);
  hot.set(ref, sent.id);
  emit({ id: sent.id, to: sent.to, from: sent.from, ref, state: 1, frame: sent.frame });
  windowUsed -= 1;
  if (resume && windowUsed < WINDOW / 2) {
    const go = resume;
    resume = undefined;
    go();
  }
}

function receipt(text: string): void {
  const at = text.indexOf("id:");
  const ref = text.slice(at + 3, at + 11);
  const id = hot.get(ref);
  if (!id) return;
  hot.delete(ref);
  emit({ id, to: "", from: "", ref, state: 2, frame: undefined });
}

const bind = Buffer.alloc(16 + 20);
bind.writeUInt32BE(36, 0);
bind.writeUInt32BE(9, 4);
bind.writeUInt32BE(sequence, 12);
sequence += 1;
socket.write(bind);

const consumer = await js.consumers.get("DSP", "c");
const frames = await consumer.consume({ max_messages: 32 });
ready();
for await (const message of frames) {
  const { messages } = SendBatchRequest.decode(message.data);
  const frame = { message, left: messages.length };
  const out = Buffer.allocUnsafe(messages.length * 320);
  let put = 0;
  for (const one of messages) {
    const start = put;
    const number = sequence;
    sequence += 1;
    out.writeUInt32BE(4, put + 4);
    out.writeUInt32BE(0, put + 8);
    out.writeUInt32BE(number, put + 12);
    put += 16;
    out[put++] = 0;
    out[put++] = 5;
    out[put++] = 0;
    put += out.latin1Write(one.from, put);
    out[put++] = 0;
    out[put++] = 1;
    out[put++] = 1;
    put += out.latin1Write(one.to.slice(1), put);
    out[put++] = 0;
    out.fill(0, put, put + 5);
    put += 5;
    out[put++] = 1;
    out.fill(0, put, put + 3);
    put += 3;
    out[put++] = one.body.length;
    put += out.latin1Write(one.body, put);
    out.writeUInt32BE(put - start, start);
    inFlight.set(number, { id: one.idempotencyKey, to: one.to, from: one.from, frame });
    windowUsed += 1;
  }
  socket.write(out.subarray(0, put));
  if (windowUsed >= WINDOW) {
    await new Promise<void>((go) => {
      resume = go;
    });
  }
}
