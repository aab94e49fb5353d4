/**
 * Compile: a collected source into an image, in a thread of its own, which a million rows keep busy
 * for seconds; it ends afterwards, and its memory with it.
 */
import { Worker } from "node:worker_threads";
import { FloeError } from "../../../core/errors.js";
import type { Store } from "../store.js";
import type { Collected } from "./collect.js";
import type { CompileAnswer, CompileTask } from "./compile-thread.js";

export type Compiled =
  | { readonly image: Uint8Array; readonly problems?: undefined }
  | { readonly problems: readonly string[]; readonly image?: undefined };

/** How many problems are told. */
const PROBLEMS_MAX = 20;
const THREAD = new URL("./compile-thread.js", import.meta.url);

/** @throws FloeError "stream.unavailable"; Error if the thread dies. */
export async function compileCollected(
  store: Store,
  collected: Collected,
  version: number,
): Promise<Compiled> {
  const lost: string[] = [];
  const load = async (object: string): Promise<Uint8Array> => {
    const bytes = await store.columns.get(object);
    if (bytes !== undefined) return own(bytes);
    lost.push(`object ${object} is not there`);
    return new Uint8Array(0);
  };
  const decks: Uint8Array[] = [];
  for (const object of collected.decks) decks.push(await load(object));
  const networks = collected.networks === undefined ? undefined : await load(collected.networks);
  const ported = collected.ported === undefined ? undefined : await load(collected.ported);
  if (lost.length > 0) return { problems: lost };
  const answer = await run({
    ...{ version, atMs: store.clock.nowMs(), small: collected.small },
    ...{ decks, networks, ported },
  });
  if ("image" in answer) return answer;
  const problems = answer.problems.map((one) => named(one, collected));
  const more = problems.length - PROBLEMS_MAX;
  return {
    problems:
      more > 0 ? [...problems.slice(0, PROBLEMS_MAX), `and ${more} more problems`] : problems,
  };
}

function run(task: CompileTask): Promise<CompileAnswer> {
  const moved = [...task.decks, task.networks, task.ported].flatMap((one) =>
    one === undefined ? [] : [one.buffer as ArrayBuffer],
  );
  const thread = new Worker(THREAD, { workerData: task, transferList: moved });
  return new Promise((resolve, reject) => {
    thread.once("message", resolve);
    thread.once("error", reject);
    thread.once("exit", (code) => {
      // After an answer this changes nothing.
      reject(new FloeError("tables.invalid", { problem: `the compiling thread ended: ${code}` }));
    });
  });
}

/** Octets that share their memory with nothing, so that they can be moved. */
function own(bytes: Uint8Array): Uint8Array {
  return bytes.byteLength === bytes.buffer.byteLength ? bytes : new Uint8Array(bytes);
}

/** "rules[2] strategy: ..." as "rule low-cost: strategy: ... (mend it by ...)". */
function named(problem: string, collected: Collected): string {
  const parts = /^(\w+)\[(\d+)\][ .]?(.*)$/s.exec(problem);
  if (parts === null) return problem;
  const [table, row, what] = [parts[1]!, Number(parts[2]), parts[3]!];
  const name = collected.nameOf(table, row);
  if (name === undefined) return problem;
  const key = collected.keyOf(table, row)!;
  const toDo = MENDED[table]?.(key, what);
  return `${name}: ${what}${toDo === undefined ? "" : ` (mend it by ${toDo})`}`;
}

/**
 * What puts it right. Mostly it is what two operators did at the same time: one deleted what the other
 * began to name; or what an older release took and this one does not.
 */
const MENDED: Readonly<Record<string, (key: string, problem: string) => string | undefined>> = {
  rules: (key, problem) =>
    /^strategy/.test(problem)
      ? `"floe rules update ${key} --strategy <strategy>" or "floe rules delete ${key}"`
      : `"floe rules update ${key}" or "floe rules delete ${key}"`,
  senderRules: (key) => `"floe senders update ${key}" or "floe senders delete ${key}"`,
  guards: (key) => `"floe guards update ${key}" or "floe guards delete ${key}"`,
  decks(key, problem) {
    const [kind, owner, channel] = key.split(".");
    const gone = /is not among the (?:carriers|plans)/.test(problem);
    const back = gone ? `, or have the ${kind} again by "floe ${kind}s create ${owner}"` : "";
    return `"floe decks delete --${kind} ${owner} --channel ${channel}"${back}`;
  },
};
