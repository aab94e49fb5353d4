/**
 * Holders: which connector has which dispatch frame, to know when the stream gave a frame that
 * somebody was still at work on to somebody else.
 */
import { DispatchFrame } from "../../core/proto/floe/v1/frames.js";
import type { Delivery, StreamClient } from "../../core/stream/stream.js";
import { SENSELESS } from "./poison.js";
import type { SimulatedProcess } from "./process.js";

export interface Holders {
  /** The process's client, watched. */
  watch(process: SimulatedProcess): StreamClient;
  /** Parts in frames that were given to another while their holder lived and had not let go. */
  contestedParts(): number;
}

export function openHolders(): Holders {
  const holders = new Map<number, SimulatedProcess>();
  let contested = 0;

  function given(process: SimulatedProcess, delivery: Delivery): Delivery {
    const { sequence, data, id } = delivery;
    const holder = holders.get(sequence);
    if (holder !== undefined && holder !== process && holder.alive() && !id.startsWith(SENSELESS)) {
      const { records } = DispatchFrame.decode(data);
      for (const { segments } of records) contested += Math.max(1, segments);
    }
    holders.set(sequence, process);
    const letGo = (): void => {
      if (holders.get(sequence) === process) holders.delete(sequence);
    };
    return {
      ...delivery,
      ack: () => after(delivery.ack, letGo),
      nak: (delayMs) => after(() => delivery.nak(delayMs), letGo),
      term: () => after(delivery.term, letGo),
      forget: () => after(() => delivery.forget?.(), letGo),
    };
  }

  return {
    watch(process) {
      const { client } = process;
      return {
        ...client,
        consume: (spec, options, receive) =>
          client.consume(spec, options, (one) => receive(given(process, one))),
      };
    },
    contestedParts: () => contested,
  };
}

function after(first: () => void, then: () => void): void {
  first();
  then();
}
