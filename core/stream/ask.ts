/** Ask: a question to whoever answers on a subject, and answering, without any stream between. */
import { FloeError } from "../errors.js";
import type { Link } from "./link.js";

/** @throws FloeError "stream.unavailable": nobody answers there, or not in time. */
export async function ask(
  link: Link,
  subject: string,
  data: Uint8Array,
  timeoutMs: number,
): Promise<Uint8Array> {
  // A request made while the connection is away is lost.
  if (!link.up()) throw new FloeError("stream.unavailable", { subject });
  try {
    const { data: answer } = await link.nats.request(subject, data, { timeout: timeoutMs });
    return new Uint8Array(answer);
  } catch (cause) {
    throw new FloeError("stream.unavailable", { subject }, cause);
  }
}

/** The library subscribes again by itself after a reconnect. */
export function respond(
  link: Link,
  subject: string,
  answer: (data: Uint8Array) => Promise<Uint8Array>,
): { stop(): Promise<void> } {
  const subscription = link.nats.subscribe(subject, {
    callback(error, message) {
      if (error !== null) return;
      answer(new Uint8Array(message.data)).then(
        // Nobody waits for an answer that comes after a reconnect.
        (data) => void (link.up() && message.respond(data)),
        (err: unknown) => link.log.warn({ err, subject }, "a question was not answered"),
      );
    },
  });
  return {
    async stop() {
      subscription.unsubscribe();
    },
  };
}
