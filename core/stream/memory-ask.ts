/** Asking and answering in the memory form: both ways through both connections, or lost with one. */
import { FloeError } from "../errors.js";
import type { Responder } from "./memory.js";
import type { MemoryLine } from "./memory-line.js";

export function askOf(
  line: MemoryLine,
  subject: string,
  data: Uint8Array,
  timeoutMs: number,
): Promise<Uint8Array> {
  const copy = new Uint8Array(data);
  return new Promise((resolve, reject) => {
    let done = false;
    const fail = (): void => {
      if (done) return;
      done = true;
      cancel();
      reject(new FloeError("stream.unavailable", { subject, client: line.name }));
    };
    const cancel = line.clock.after(timeoutMs, fail);
    if (!line.up()) {
      fail();
      return;
    }
    line.out(() => {
      const there = [...(line.core.responders.get(subject) ?? [])];
      if (there.length === 0) line.into(fail);
      for (const one of there) {
        one.hear(copy, (answer) =>
          line.into(() => {
            if (done) return;
            done = true;
            cancel();
            resolve(answer);
          }),
        );
      }
    });
  });
}

export function respondTo(
  line: MemoryLine,
  subject: string,
  answer: (data: Uint8Array) => Promise<Uint8Array>,
): { stop(): Promise<void> } {
  const responder: Responder = {
    hear(data, answered) {
      line.into(() => {
        answer(new Uint8Array(data)).then(
          (told) => line.out(() => answered(new Uint8Array(told))),
          // Not answered: who asked will see by the time that passes.
          () => {},
        );
      });
    },
  };
  const { responders } = line.core;
  const all = responders.get(subject) ?? new Set();
  responders.set(subject, all);
  all.add(responder);
  return {
    async stop() {
      all.delete(responder);
    },
  };
}
