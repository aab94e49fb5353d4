/** Quote desk: opened by the first who asks for a quote; a gateway that nobody asks has none. */
import type { Logger } from "../../core/log.js";
import type { StreamClient } from "../../core/stream/stream.js";
import { BUCKETS, TABLES_STORE } from "../../core/subjects.js";
import { openTableImages } from "../../core/table-images.js";
import type { openQuoteDesk as OpenQuoteDesk, QuoteDesk } from "../../workers/quote-desk.js";
import type { openQuoteInputs as OpenQuoteInputs } from "../../workers/quote-inputs.js";

export interface LazyDesk {
  /** One that cannot be opened is tried again by the next who asks. */
  desk(): Promise<QuoteDesk>;
  close(): Promise<void>;
}

/** By its place: no file of a service imports the code of workers. */
const DESK = new URL("../../workers/quote-desk.js", import.meta.url);
const INPUTS = new URL("../../workers/quote-inputs.js", import.meta.url);

export function openLazyDesk(client: StreamClient, log: Logger): LazyDesk {
  let opening: Promise<QuoteDesk> | undefined;

  async function open(): Promise<QuoteDesk> {
    const module = (await import(DESK.href)) as { openQuoteDesk: typeof OpenQuoteDesk };
    const config = await client.bucket(BUCKETS.config);
    const objects = await client.objects(TABLES_STORE);
    const inputs = (await import(INPUTS.href)) as { openQuoteInputs: typeof OpenQuoteInputs };
    const health = await client.bucket(BUCKETS.health, { keyTtl: true });
    return module.openQuoteDesk(
      openTableImages(config, objects, log),
      inputs.openQuoteInputs(health, config, log),
    );
  }

  return {
    desk() {
      opening ??= open().catch((error: unknown) => {
        opening = undefined;
        throw error;
      });
      return opening;
    },
    async close() {
      // One that never opened has said so to whoever asked for it.
      const desk = await opening?.catch(() => undefined);
      await desk?.close();
    },
  };
}
