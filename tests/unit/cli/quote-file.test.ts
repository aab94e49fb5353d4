/** Files of quotes: lines however they are cut, results in order, and nobody hurried. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { isFloeError } from "../../../core/errors.js";
import { LINE_BYTES_MAX, linesOf, splitLines } from "../../../services/cli/lines.js";
import type { Asker, Placed, Told } from "../../../services/cli/quote-askers.js";
import { quoteLines } from "../../../services/cli/quote-file.js";
import { NO_REQUEST, type QuoteRequest } from "../../../workers/quote-request.js";

const files = suite("files of quotes");

async function* chunksOf(text: string, bytes: number): AsyncGenerator<Uint8Array> {
  const all = Buffer.from(text, "utf8");
  for (let at = 0; at < all.length; at += bytes) yield all.subarray(at, at + bytes);
}

async function linesIn(text: string, bytes: number): Promise<(string | undefined)[]> {
  const lines: (string | undefined)[] = [];
  for await (const some of splitLines(chunksOf(text, bytes))) lines.push(...some);
  return lines;
}

/** Answers after a turn of the event loop with each request's recipient and place. */
function openEcho(asked: number[] = []): Asker {
  return {
    source: "echo",
    async ask(requests: readonly Placed[]) {
      asked.push(requests.length);
      await new Promise((resolve) => setImmediate(resolve));
      return requests.map(({ request, place }) => ({ to: request.to, place }) as unknown as Told);
    },
    close() {},
  };
}

const line = (to: string): string => JSON.stringify({ to, from: "Floe", text: "x" });

async function* linesFrom(lines: readonly string[]): AsyncGenerator<readonly string[]> {
  yield lines;
}

files("are read line by line wherever chunks end, with either kind of end", async () => {
  const text = '\ufeff{"a":"é\u2028"}\r\n\n{"b":2}\nlast';
  for (const bytes of [1, 2, 3, 7, 1_000]) {
    assert.equal(await linesIn(text, bytes), ['{"a":"é\u2028"}', "", '{"b":2}', "last"]);
  }
  assert.equal(await linesIn("", 5), []);
});

files("keep nothing of a line that is too long", async () => {
  const text = `a\n${"x".repeat(LINE_BYTES_MAX + 1)}\nb\n${"y".repeat(LINE_BYTES_MAX)}\n`;
  const lines = await linesIn(text, 65_536);
  assert.equal(
    [lines[0], lines[1], lines[2], lines[3]?.length],
    ["a", undefined, "b", LINE_BYTES_MAX],
  );
});

files("give a result for each line, in order, blank ones left out", async () => {
  const lines = Array.from({ length: 2_000 }, (_, at) => (at % 5 === 3 ? " " : line(`+${at}`)));
  lines[10] = "nonsense";
  const told: unknown[] = [];
  const asked: number[] = [];
  const counts = await quoteLines(linesFrom(lines), openEcho(asked), async (some) => {
    told.push(...some);
    return true;
  });
  const wanted = lines
    .filter((one) => one.trim() !== "")
    .map((one, place) =>
      one === "nonsense"
        ? { error: { field: "", problem: "must be JSON" } }
        : { to: JSON.parse(one).to, place },
    );
  assert.equal(told, wanted);
  assert.equal(counts, { results: 1_600, errors: 1 });
  assert.ok(Math.max(...asked) <= 250 && asked.length >= 7, "in batches");
});

files("take from the flags what a line does not say", async () => {
  const asked: QuoteRequest[] = [];
  const asker: Asker = {
    ...openEcho(),
    ask(some) {
      asked.push(...some.map(({ request }) => request));
      return openEcho().ask(some);
    },
  };
  const absent = { ...NO_REQUEST, from: "Floe", plan: "2", atMs: 10 ** 12 };
  const lines = [
    { to: "+1", text: "a" },
    { to: "+1", text: "a", plan: 3, from: "B" },
    { to: "+1" },
  ];
  const { errors } = await quoteLines(
    linesFrom(lines.map((one) => JSON.stringify(one))),
    asker,
    async () => true,
    absent,
  );
  assert.equal(asked, [
    { ...absent, to: "+1", text: "a" },
    { ...absent, to: "+1", text: "a", plan: "3", from: "B" },
  ]);
  assert.is(errors, 1);
});

files("are read no faster than results are taken", async () => {
  let given = 0;
  async function* source(): AsyncGenerator<readonly string[]> {
    for (; given < 50; given += 1) yield Array.from({ length: 250 }, () => line("+1"));
  }
  let release = (): void => {};
  let written = 0;
  const done = quoteLines(source(), openEcho(), async (some) => {
    written += some.length;
    await new Promise<void>((resolve) => {
      release = resolve;
    });
    return true;
  });
  for (let turn = 0; turn < 100; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  assert.ok(given <= 5, `${given} chunks were read while nobody took results`);
  const timer = setInterval(() => release(), 1);
  const { results } = await done.finally(() => clearInterval(timer));
  assert.equal([results, written], [12_500, 12_500]);
});

files("end when nobody wants more, and fail as the asker fails", async () => {
  const lines = Array.from({ length: 2_000 }, () => line("+1"));
  const { results } = await quoteLines(linesFrom(lines), openEcho(), async () => false);
  assert.is(results, 250);
  const failing: Asker = { ...openEcho(), ask: () => Promise.reject(new Error("away")) };
  const failed = await quoteLines(linesFrom(lines), failing, async () => true).catch(
    (error: Error) => error.message,
  );
  assert.is(failed, "away");
});

files("that are not there are told by name", async () => {
  const folder = mkdtempSync(join(tmpdir(), "floe-lines-"));
  try {
    const path = join(folder, "some.ndjson");
    const read = async (): Promise<unknown> => {
      for await (const lines of linesOf(path)) return lines;
      return undefined;
    };
    const error = await read().catch((caught: unknown) => caught);
    assert.ok(isFloeError(error, "import.invalid"));
    assert.match(String(error.details["problems"]), /some\.ndjson cannot be read: ENOENT/);
    writeFileSync(path, "a\nb");
    assert.equal(await read(), ["a"]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

files.run();
