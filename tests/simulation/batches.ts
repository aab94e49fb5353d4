/**
 * Batches of writers, which are tens of megabytes each, used again in world after world: to make them
 * anew for each process took half of a run. What a killed process still has nobody else gets.
 */
import { type Batch, clearBatch, newBatch } from "../../services/cdr/batch.js";

const all: Batch[] = [];
let used = 0;

/** A world begins: of those before nothing goes on. */
export function takeBackBatches(): void {
  used = 0;
}

export function openBatch(): Batch {
  const batch = all[used] ?? newBatch();
  if (used === all.length) all.push(batch);
  else clearBatch(batch);
  used += 1;
  return batch;
}
