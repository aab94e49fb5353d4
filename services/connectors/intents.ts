/**
 * Intents: who said first that it will submit the records of an at-most-once frame, by the frame's
 * identity, as `attempt.*.<carrier>` has them in order. Bounded: two generations of so many.
 */
export interface Intents {
  note(identity: string, writer: string, nowMs: number): void;
  /** Who was first; undefined: none is known. */
  first(identity: string): string | undefined;
  /** Intents stored since then are all here. */
  coversFromMs(): number;
}

export function openIntents(entriesMax: number, bornAtMs: number): Intents {
  let young = new Map<string, string>();
  let old: Map<string, string> | undefined;
  let youngBornAtMs = bornAtMs;
  let coversFromMs = 0;
  return {
    note(identity, writer, nowMs) {
      if (young.has(identity) || old?.has(identity)) return;
      if (young.size >= entriesMax) {
        if (old !== undefined) coversFromMs = youngBornAtMs;
        old = young;
        young = new Map();
        youngBornAtMs = nowMs;
      }
      young.set(identity, writer);
    },
    first: (identity) => old?.get(identity) ?? young.get(identity),
    coversFromMs: () => coversFromMs,
  };
}
