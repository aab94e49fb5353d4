/** Unit tests of ordered reading, over a server that answers as it is told. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { simulatedClock } from "../../../../core/clock.js";
import { FloeError } from "../../../../core/errors.js";
import { SILENT } from "../../../../core/log.js";
import type { Api } from "../../../../core/stream/api.js";
import type { Link } from "../../../../core/stream/link.js";
import { openReader } from "../../../../core/stream/read.js";

const read = suite("read");

/** A connection that is up, and over which nothing comes. */
function silentLink(): Link {
  const subscription = { drain: async () => {}, unsubscribe: () => {} };
  const nats = { subscribe: () => subscription, publish: () => {}, isClosed: () => false };
  const link = {
    nats,
    clock: simulatedClock(0),
    log: SILENT,
    inbox: () => "inbox.",
    up: () => true,
    onTick: () => () => {},
    onChange: () => () => {},
  };
  return link as unknown as Link;
}

read(
  "stops though the server does not take its consumer back: it forgets it by itself",
  async () => {
    const asked: string[] = [];
    const api = {
      async ask(request: string) {
        asked.push(request.split(".")[1]!);
        if (request.startsWith("CONSUMER.DELETE")) throw new FloeError("stream.unavailable");
        return { num_pending: 0 };
      },
    } as unknown as Api;
    const options = {
      stream: "ATTEMPTS" as const,
      subject: "attempt.0.*",
      from: 1,
      receive: () => {},
      caughtUp: () => {},
    };
    const reading = await openReader(silentLink(), api, options);
    // Whoever stops after a failed append would fail again here, and with it its process.
    await reading.stop();
    assert.equal(asked, ["CREATE", "DELETE"]);
  },
);

read.run();
