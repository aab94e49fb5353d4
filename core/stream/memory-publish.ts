/** Publishing in the memory form: tries, answers and their losses, as publish.ts does on NATS. */
import { FloeError } from "../errors.js";
import type { MemoryLine } from "./memory-line.js";
import type { StoreResult } from "./memory-stream.js";
import type { PublishAck, PublishOptions } from "./stream.js";

const TIMEOUT_MS_DEFAULT = 5_000;
const TRY_MS = 1_000;

export function publishTo(
  line: MemoryLine,
  subject: string,
  data: Uint8Array,
  options: PublishOptions = {},
): Promise<PublishAck> {
  const { core, clock } = line;
  // The caller fills its buffer anew once it has been told; a late try still has its bytes.
  const bytes = new Uint8Array(data);
  return new Promise((resolve, reject) => {
    let open = 0;
    let sent = false;
    let done = false;
    let cancelTry = (): void => {};
    const unlisten = line.onChange(send);
    const cancelEnd = clock.after(options.timeoutMs ?? TIMEOUT_MS_DEFAULT, () => {
      if (!done && line.alive()) fail("stream.unavailable");
    });

    function finish(): void {
      done = true;
      unlisten();
      cancelTry();
      cancelEnd();
    }

    function fail(code: "stream.fenced" | "stream.full" | "stream.unavailable"): void {
      finish();
      reject(new FloeError(code, { subject, client: line.name }));
    }

    /** Without an id it is sent once: a repeat could be stored twice. */
    function send(): void {
      if (done || !line.up() || (sent && options.id === undefined)) return;
      sent = true;
      open += 1;
      cancelTry();
      cancelTry = clock.after(TRY_MS, send);
      const { publishLost, publishLate } = core.faults();
      if (line.strikes(publishLost)) return;
      line.out(arrive, line.strikes(publishLate) ? line.lateMs() : 0);
    }

    function arrive(): void {
      // Nobody listens on the subject: the next try may find somebody.
      const isReplicated = core.chance() < 0.5;
      const result = core.streamOf(subject)?.store(subject, bytes, options, isReplicated);
      if (result === undefined || line.strikes(core.faults().publishAckLost)) return;
      line.into(() => answered(result));
    }

    function answered(result: StoreResult): void {
      if (done) return;
      open -= 1;
      if (result.kind === "fenced") fail("stream.fenced");
      else if (result.kind === "full") fail(open > 0 ? "stream.unavailable" : "stream.full");
      else {
        finish();
        resolve({ sequence: result.sequence, duplicate: result.kind === "duplicate" });
      }
    }

    send();
  });
}
