/** Bare pool thread: decodes a frame, looks each prefix up, counts septets, encodes it again. */
import { move } from "piscina";
import { SYSTEM_CHANCE } from "../../core/clock.js";
import { SendBatchRequest } from "./proto/bare.js";

const nodes = new Int32Array(10 * 1_000_000);
const values = new Int32Array(1_000_000).fill(-1);
let nodeCount = 1;

function insert(prefix: string, value: number): void {
  let node = 0;
  for (let i = 0; i < prefix.length; i += 1) {
    const slot = node * 10 + prefix.charCodeAt(i) - 48;
    if (!nodes[slot]) {
      nodes[slot] = nodeCount;
      nodeCount += 1;
    }
    node = nodes[slot]!;
  }
  values[node] = value;
}

for (let i = 0; i < 20_000; i += 1) insert(String(1 + Math.floor(SYSTEM_CHANCE() * 99_999)), i);
insert("44", 1);
insert("447", 2);

const septets = new Uint8Array(65_536);
for (let i = 32; i < 123; i += 1) septets[i] = 1;
septets[10] = 1;

export default function route(bytes: Uint8Array) {
  const frame = SendBatchRequest.decode(bytes);
  let total = 0;
  for (const message of frame.messages) {
    const { to, body } = message;
    let node = 0;
    let value = -1;
    for (let j = 1; j < to.length; j += 1) {
      node = nodes[node * 10 + to.charCodeAt(j) - 48]!;
      if (!node) break;
      if (values[node]! >= 0) value = values[node]!;
    }
    let count = 0;
    for (let j = 0; j < body.length; j += 1) count += septets[body.charCodeAt(j)]!;
    const segments = count <= 160 ? 1 : Math.ceil(count / 153);
    total += segments * 31_200;
    message.validitySeconds = value;
  }
  routedMicros += total;
  const out = SendBatchRequest.encode(frame).finish();
  return move(out.buffer.slice(out.byteOffset, out.byteOffset + out.byteLength) as ArrayBuffer);
}

/** Keeps the engine from dropping the price as dead code. */
export let routedMicros = 0;
