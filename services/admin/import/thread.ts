/**
 * Thread: what runs beside the admin service's own thread while a file is imported.
 *
 * In: chunks, then what is in force. Out: rows so far after each chunk, then the outcome. An error
 * here is a bug, and ends the thread; whoever started it hears of it.
 */
import { parentPort, workerData } from "node:worker_threads";
import { type ImportSpec, openComputation, type Present } from "./compute.js";
import type { ImportedTable, ImportOutcome } from "./outcome.js";

export type ToThread = { readonly chunk: Uint8Array } | { readonly present: Present };
export type FromThread = { readonly rows: number } | { readonly outcome: ImportOutcome };

const port = parentPort!;
const computation = openComputation(workerData as ImportSpec);

port.on("message", (message: ToThread) => {
  if ("chunk" in message) {
    computation.push(message.chunk);
    port.postMessage({ rows: computation.rows() } satisfies FromThread);
    return;
  }
  const outcome = computation.finish(message.present);
  port.postMessage({ outcome } satisfies FromThread, columnsOf(outcome.result));
  port.close();
});

/** They are handed over, not copied. */
function columnsOf(table: ImportedTable | undefined): ArrayBuffer[] {
  const columns =
    table?.kind === "deck"
      ? [
          table.deck.rows.kinds,
          table.deck.rows.codes,
          table.deck.rows.lengths,
          table.deck.rows.terms,
        ]
      : table?.kind === "networks"
        ? [table.networks.of]
        : table?.kind === "ported"
          ? [table.ported.numbers, table.ported.of]
          : [];
  return columns.map(({ buffer }) => buffer as ArrayBuffer);
}
