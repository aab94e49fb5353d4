/**
 * Requests of a streaming call, one after another, as many as are asked for.
 *
 * grpc-js's own iterator never ends if the caller goes away between two requests; this one ends
 * then, and when nothing comes for long, so that no thread waits for ever.
 */
import type { Clock } from "../../../core/clock.js";

/** What is used of grpc-js's ServerDuplexStream. */
export interface RequestCall<Request> {
  on(event: "data", listen: (request: Request) => void): unknown;
  on(event: "end" | "cancelled", listen: () => void): unknown;
  pause(): unknown;
  resume(): unknown;
}

export function requestsOf<Request>(
  call: RequestCall<Request>,
  clock: Clock,
  idleMsMax: number,
): AsyncIterable<Request> {
  const queue: Request[] = [];
  let ended = false;
  let wake: (() => void) | undefined;
  const end = (): void => {
    ended = true;
    wake?.();
  };
  call.on("data", (request) => {
    queue.push(request);
    call.pause();
    wake?.();
  });
  call.on("end", end);
  call.on("cancelled", end);

  async function next(): Promise<IteratorResult<Request>> {
    if (queue.length === 0 && !ended) {
      const cancel = clock.after(idleMsMax, end);
      call.resume();
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
      wake = undefined;
      cancel();
    }
    const value = queue.shift();
    return value === undefined ? { done: true, value } : { done: false, value };
  }
  return { [Symbol.asyncIterator]: () => ({ next }) };
}
