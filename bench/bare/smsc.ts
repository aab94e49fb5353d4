/** Bare SMSC: answers every submit_sm and sends a receipt for it at once. */
import { type AddressInfo, createServer } from "node:net";
import { ready } from "./common.js";

let lastId = 0;
const server = createServer((socket) => {
  socket.setNoDelay(true);
  let rest: Buffer | undefined;
  let sequence = 0;
  socket.on("data", (chunk: Buffer) => {
    const data = rest ? Buffer.concat([rest, chunk]) : chunk;
    const out = Buffer.allocUnsafe(((data.length / 40) | 0) * 260 + 1_024);
    let at = 0;
    let put = 0;
    while (data.length - at >= 4) {
      const length = data.readUInt32BE(at);
      if (data.length - at < length) break;
      const command = data.readUInt32BE(at + 4);
      const number = data.readUInt32BE(at + 12);
      if (command === 9) {
        put = head(out, put, 17, 0x80000009, number);
        out[put++] = 0;
      } else if (command === 4) {
        lastId += 1;
        const id = lastId.toString(16).padStart(8, "0");
        put = head(out, put, 25, 0x80000004, number);
        put += out.latin1Write(id, put);
        out[put++] = 0;
        sequence += 1;
        put = receipt(out, put, id, sequence);
      }
      at += length;
    }
    rest = at < data.length ? Buffer.from(data.subarray(at)) : undefined;
    if (put) socket.write(out.subarray(0, put));
  });
  socket.on("error", () => {});
});

function head(out: Buffer, at: number, length: number, command: number, number: number): number {
  out.writeUInt32BE(length, at);
  out.writeUInt32BE(command, at + 4);
  out.writeUInt32BE(0, at + 8);
  out.writeUInt32BE(number, at + 12);
  return at + 16;
}

/** deliver_sm with a receipt in its text; the length is known at the end. */
function receipt(out: Buffer, start: number, id: string, sequence: number): number {
  const text = `id:${id} sub:001 dlvrd:001 submit date:2611232000 done date:2611232000 stat:DELIVRD err:000 text:`;
  let at = head(out, start, 0, 5, sequence);
  out[at++] = 0;
  out[at++] = 1;
  out[at++] = 1;
  at += out.latin1Write("447700900123", at);
  out[at++] = 0;
  out[at++] = 5;
  out[at++] = 0;
  at += out.latin1Write("Floe", at);
  out[at++] = 0;
  out[at++] = 4;
  out.fill(0, at, at + 8);
  at += 8;
  out[at++] = text.length;
  at += out.latin1Write(text, at);
  out.writeUInt32BE(at - start, start);
  return at;
}

server.listen(0, "127.0.0.1", () => ready((server.address() as AddressInfo).port));
