/** Threads that are asked: order, failures, a death, a bound. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { isFloeError } from "../../../core/errors.js";
import { openThread, type Thread } from "../../../core/thread.js";

const threads = suite("threads");
const THREAD = new URL("../../../core/thread.js", import.meta.url).href;

/** A thread whose code says what it makes of a question `q`. */
async function withThread(
  answer: string,
  run: (thread: Thread<unknown, unknown>) => Promise<void>,
  questionsMax = 16,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "floe-thread-"));
  const file = join(folder, "answers.mjs");
  writeFileSync(
    file,
    `import { answerQuestions } from ${JSON.stringify(THREAD)};\nanswerQuestions((q) => ${answer});\n`,
  );
  const thread = openThread<unknown, unknown>(pathToFileURL(file), questionsMax);
  try {
    await run(thread);
  } finally {
    await thread.close();
    rmSync(folder, { recursive: true });
  }
}

threads("answer in the order of the questions", async () => {
  await withThread("q * 2", async (thread) => {
    assert.equal(await Promise.all([1, 2, 3].map((one) => thread.ask(one))), [2, 4, 6]);
    assert.is(thread.waiting(), 0);
  });
});

threads("give what was thrown to whoever asked, and to nobody else", async () => {
  await withThread("{ if (q === 2) throw new Error('not two'); return q; }", async (thread) => {
    const asked = await Promise.allSettled([1, 2, 3].map((one) => thread.ask(one)));
    assert.equal(
      asked.map((one) => (one.status === "fulfilled" ? one.value : one.reason.message)),
      [1, "not two", 3],
    );
  });
});

threads("that end fail what they were asked, and the next question starts another", async () => {
  await withThread("q === 'end' ? process.exit(3) : q", async (thread) => {
    const asked = await Promise.allSettled([thread.ask("end"), thread.ask("later")]);
    assert.equal(
      asked.map(({ status }) => status),
      ["rejected", "rejected"],
    );
    assert.is(await thread.ask("again"), "again");
  });
});

threads("take so many questions and no more", async () => {
  await withThread(
    "q",
    async (thread) => {
      const first = [thread.ask(1), thread.ask(2)];
      const refused = await thread.ask(3).catch((error: unknown) => error);
      assert.ok(isFloeError(refused, "actor.full"));
      assert.equal(await Promise.all(first), [1, 2]);
      assert.is(await thread.ask(4), 4);
    },
    2,
  );
});

threads.run();
