/** Keeping a part running, on a clock that the test moves. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Clock } from "../../../core/clock.js";
import type { Running } from "../../../deploy/local/child.js";
import { keep } from "../../../deploy/local/keep.js";

const keeping = suite("keeping a part");

interface Stage {
  readonly clock: Clock;
  readonly tells: string[];
  readonly starts: number[];
  readonly stops: string[];
  gaveUp: string;
  changes: number;
  /** Ends the process that runs now. */
  end(how: string): Promise<void>;
  pass(ms: number): Promise<void>;
  options(fails?: (start: number) => boolean): Parameters<typeof keep>[0];
}

function stage(): Stage {
  let nowMs = 0;
  let timers: { atMs: number; run: () => void }[] = [];
  let endCurrent = (_how: string): void => {};
  const settle = () => new Promise<void>((resolve) => setImmediate(resolve));
  const self: Stage = {
    clock: {
      nowMs: () => nowMs,
      monotonicMs: () => nowMs,
      after(delayMs, run) {
        const timer = { atMs: nowMs + delayMs, run };
        timers.push(timer);
        return () => {
          timers = timers.filter((one) => one !== timer);
        };
      },
    },
    tells: [],
    starts: [],
    stops: [],
    gaveUp: "",
    changes: 0,
    async end(how) {
      endCurrent(how);
      await settle();
    },
    async pass(ms) {
      nowMs += ms;
      const due = timers.filter(({ atMs }) => atMs <= nowMs);
      timers = timers.filter(({ atMs }) => atMs > nowMs);
      for (const { run } of due) run();
      await settle();
    },
    options: (fails = () => false) => ({
      role: "part",
      clock: self.clock,
      tell: (line) => void self.tells.push(line),
      changed: () => {
        self.changes += 1;
      },
      gaveUp: (reason) => {
        self.gaveUp = reason;
      },
      async start() {
        self.starts.push(nowMs);
        if (fails(self.starts.length)) throw new Error("no port");
        const pid = self.starts.length;
        let end = (_how: string): void => {};
        const exited = new Promise<string>((resolve) => {
          end = resolve;
        });
        endCurrent = end;
        const stop = async (): Promise<void> => {
          self.stops.push(`stop ${pid}`);
          end("was ended by SIGTERM");
        };
        return { pid, exited, stop, signal: () => {} } satisfies Running;
      },
    }),
  };
  return self;
}

keeping("starts it again when it ends, later each time", async () => {
  const on = stage();
  const kept = await keep(on.options());
  for (const pauseMs of [500, 1_000, 2_000]) {
    await on.end("ended with code 1");
    await on.pass(pauseMs - 1);
    await on.pass(1);
  }
  assert.equal(on.starts, [0, 500, 1_500, 3_500]);
  assert.is(kept.restarts(), 3);
  assert.is(on.changes, 3);
  assert.is(kept.pid(), 4);
  assert.match(on.tells[0]!, /ended with code 1; it is started again in 0.5 s/);
  await kept.stop(0);
});

keeping("begins with short pauses again after it has run steadily", async () => {
  const on = stage();
  const kept = await keep(on.options());
  await on.end("ended with code 1");
  await on.pass(500);
  await on.pass(60_000);
  await on.end("ended with code 1");
  await on.pass(500);
  assert.equal(on.starts, [0, 500, 61_000]);
  await kept.stop(0);
});

keeping("gives up when it keeps ending, and tries no more", async () => {
  const on = stage();
  await keep(on.options());
  for (let times = 0; times < 6; times += 1) {
    await on.end("ended with code 1");
    await on.pass(10_000);
  }
  assert.is(on.gaveUp, "part ended with code 1, 6 times in a row");
  assert.is(on.starts.length, 6);
});

keeping("counts a start that fails as an end", async () => {
  const on = stage();
  const kept = await keep(on.options((start) => start === 2));
  await on.end("ended with code 1");
  await on.pass(500);
  await on.pass(1_000);
  assert.equal(on.starts, [0, 500, 1_500]);
  assert.is(kept.restarts(), 1);
  await kept.stop(0);
});

keeping("does not start it again once it is stopped, not even from a pause", async () => {
  const on = stage();
  const kept = await keep(on.options());
  await on.end("ended with code 1");
  await kept.stop(0);
  await on.pass(60_000);
  assert.is(on.starts.length, 1);
});

keeping("tells at once that the first start failed", async () => {
  const on = stage();
  const error = await keep(on.options(() => true)).catch((reason: unknown) => reason);
  assert.match(String(error), /no port/);
});

keeping.run();
