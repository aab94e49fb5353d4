/** Compile thread: columns are read, the source is put together and compiled. One task, then its end. */
import assert from "node:assert";
import { parentPort, workerData } from "node:worker_threads";
import { isFloeError } from "../../../core/errors.js";
import { compileTables } from "../../../workers/compile.js";
import { beginsMs, currenciesWithoutRate } from "../../../workers/exchange.js";
import type { NetworkColumns, PortedColumns, TableSource } from "../../../workers/source.js";
import { decodeDeck, decodeNetworks, decodePorted } from "../columns.js";
import type { SmallTables } from "./collect.js";

export interface CompileTask {
  readonly version: number;
  /** The time whose prices most messages will meet. */
  readonly atMs: number;
  readonly small: SmallTables;
  readonly decks: readonly Uint8Array[];
  readonly networks: Uint8Array | undefined;
  readonly ported: Uint8Array | undefined;
}
export type CompileAnswer =
  | { readonly image: Uint8Array }
  | { readonly problems: readonly string[] };

const NO_NETWORKS: NetworkColumns = { prefixes: [], of: new Uint32Array(0), ids: [] };
const NONE_PORTED: PortedColumns = {
  numbers: new Float64Array(0),
  of: new Uint16Array(0),
  ids: [],
};

assert(parentPort !== null, "runs in a thread");
const answer = compile(workerData as CompileTask);
if ("image" in answer) {
  const image = new Uint8Array(answer.image);
  parentPort.postMessage({ image }, [image.buffer]);
} else parentPort.postMessage(answer);

function compile(task: CompileTask): CompileAnswer {
  try {
    const source = sourceOf(task);
    const decks = source.decks.map((deck) => ({ ...deck, fromMs: beginsMs(deck) }));
    const unrated = currenciesWithoutRate(decks, source.exchangeRates, task.atMs);
    if (unrated.length > 0) {
      return { problems: unrated.map(({ currency, problem }) => `${problem}${toDo(currency)}`) };
    }
    return { image: compileTables(source, task.atMs) };
  } catch (error) {
    if (!isFloeError(error)) throw error;
    const { problems, problem } = error.details;
    if (Array.isArray(problems)) return { problems: problems as string[] };
    return { problems: [typeof problem === "string" ? problem : error.message] };
  }
}

function toDo(currency: string): string {
  return ` (mend it by "floe rates create ${currency} --rate <number>")`;
}

function sourceOf({ version, small, decks, networks, ported }: CompileTask): TableSource {
  return {
    version,
    ...small,
    decks: decks.map(decodeDeck),
    networks: networks === undefined ? NO_NETWORKS : decodeNetworks(networks),
    ported: ported === undefined ? NONE_PORTED : decodePorted(ported),
  };
}
