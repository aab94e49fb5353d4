/**
 * Output: a query's result on its way to the client, at the client's pace.
 *
 * The first megabyte is held back, so that most errors still change the status and short answers
 * have a length and a summary. With `wait_end_of_query` everything is held back, up to a bound.
 */
import type { ServerResponse } from "node:http";
import type { Transform } from "node:stream";
import type { chooseEncoder } from "./body.js";
import { fail } from "./exception.js";

const HELD_BYTES_MAX = 1_024 * 1_024;
const WHOLE_BYTES_MAX = 256 * 1_024 * 1_024;

export interface Output {
  /** Resolves when more is welcome; to false when the client has gone. */
  write(bytes: Uint8Array): Promise<boolean>;
  /** Ends the answer. `summary` goes into X-ClickHouse-Summary if the headers are not out yet. */
  end(summary: string): void;
}

export function openOutput(
  response: ServerResponse,
  encoder: ReturnType<typeof chooseEncoder>,
  whole: boolean,
): Output {
  const held: Uint8Array[] = [];
  let heldBytes = 0;
  let target: Transform | ServerResponse | undefined;

  function begin(): Transform | ServerResponse {
    let sink: Transform | ServerResponse = response;
    if (encoder !== undefined) {
      response.setHeader("Content-Encoding", encoder.name);
      sink = encoder.create() as Transform;
      sink.pipe(response);
    }
    for (const bytes of held.splice(0)) sink.write(bytes);
    target = sink;
    return sink;
  }

  async function write(bytes: Uint8Array): Promise<boolean> {
    if (response.destroyed) return false;
    let sink = target;
    if (sink === undefined) {
      held.push(bytes);
      heldBytes += bytes.length;
      if (heldBytes <= HELD_BYTES_MAX) return true;
      if (whole) {
        if (heldBytes <= WHOLE_BYTES_MAX) return true;
        const limit = `result exceeds ${WHOLE_BYTES_MAX} bytes, which wait_end_of_query=1 holds back`;
        throw fail(396, "TOO_MANY_ROWS_OR_BYTES", `Limit for result exceeded: ${limit}`);
      }
      sink = begin();
    } else {
      sink.write(bytes);
    }
    if (sink.writableNeedDrain) await drained(sink, response);
    return !response.destroyed;
  }

  function end(summary: string): void {
    if (!response.headersSent) response.setHeader("X-ClickHouse-Summary", summary);
    if (target === undefined && encoder === undefined) {
      response.setHeader("Content-Length", heldBytes);
    }
    (target ?? begin()).end();
  }

  return { write, end };
}

function drained(sink: Transform | ServerResponse, response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      sink.off("drain", done);
      response.off("close", done);
      resolve();
    };
    sink.on("drain", done);
    response.on("close", done);
  });
}
