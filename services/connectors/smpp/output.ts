/**
 * Output: what one session will send, collected in one buffer that leaves with one write.
 *
 * Where the kernel does not take it at once the buffer is left to the socket and another one is
 * used. TLS never does: it gets a copy of what there is, which is less than a new buffer.
 */
import type { Socket } from "node:net";
import { type FrameWriter, newWriter, written } from "../../../core/stream/frame.js";

export interface Output {
  /** Where PDUs are written; another one after each `flush`. */
  writer(): FrameWriter;
  /** More waits in the socket than it wants, until it drains. */
  stalled(): boolean;
  flush(socket: Socket): void;
  drained(): void;
  /** For a new connection: nothing of the last one is sent. */
  clear(): void;
}

export const OUTPUT_BYTES = 64 * 1_024;

/** @param secure the socket speaks TLS. */
export function newOutput(secure: boolean): Output {
  let out = newWriter(OUTPUT_BYTES);
  let stalled = false;
  return {
    writer: () => out,
    stalled: () => stalled,
    flush(socket) {
      if (out.at === 0) return;
      socket.write(secure ? Buffer.from(written(out)) : written(out));
      if (socket.writableLength === 0) {
        out.at = 0;
        return;
      }
      // What the kernel took at once may be written over. If it did not, the bytes are the socket's.
      if (secure) out.at = 0;
      else out = newWriter(OUTPUT_BYTES);
      stalled = socket.writableNeedDrain;
    },
    drained() {
      stalled = false;
    },
    clear() {
      out.at = 0;
      stalled = false;
    },
  };
}
