/**
 * Table images: table sets out of the object store into shared memory, for who quotes from them.
 *
 * In: the pointer to the table set in force, and the store. Out: images. Nothing is loaded until it
 * is wanted. From then on the pointer is watched: a new set is loaded beside the old one, which is
 * given out until the new one is there; one that cannot be had is logged and changes nothing.
 */
import { parseTables, type TablesConfig } from "./configuration.js";
import { FloeError } from "./errors.js";
import type { Logger } from "./log.js";
import type { Bucket, Consumption, Objects } from "./stream/stream.js";

export interface TableImage {
  readonly version: number;
  /** Of the object: versions of different systems have different ones. */
  readonly name: string;
  readonly bytes: SharedArrayBuffer;
}

export interface TableImages {
  /**
   * The set in force.
   * @throws FloeError "tables.invalid" if there is none or it cannot be had; "stream.unavailable".
   */
  inForce(): Promise<TableImage>;
  /** The set of that version, if it is still kept. */
  kept(version: number): Promise<TableImage | undefined>;
  close(): Promise<void>;
}

/** Beside the one in force: explanations of old decisions ask for the same one again and again. */
const OLD_KEPT_MAX = 1;

export function openTableImages(config: Bucket, objects: Objects, log: Logger): TableImages {
  let current: TableImage | undefined;
  let loading: Promise<void> | undefined;
  let watching: Consumption | undefined;
  let old: TableImage[] = [];

  async function load({ version, object: name }: TablesConfig): Promise<TableImage> {
    const bytes = await objects.getShared(name);
    if (bytes === undefined) {
      throw new FloeError("tables.invalid", { object: name, problem: "is not there" });
    }
    return { version, name, bytes };
  }

  async function change(value: Uint8Array): Promise<void> {
    const wanted = parseTables(value);
    if (current?.name === wanted.object) return;
    current = await load(wanted);
  }

  /** Resolves when the pointer is followed and what it names was tried. */
  async function follow(): Promise<void> {
    let last = Promise.resolve();
    watching = await config.watch((key, value) => {
      if (key !== "tables" || value === undefined) return;
      // One after another: the last one written is the last one loaded.
      last = last
        .then(() => change(value))
        .catch((err) => {
          log.error({ err }, "a table set cannot be loaded, the one before it stays");
        });
    });
    await last;
  }

  return {
    async inForce() {
      loading ??= follow().catch((error) => {
        // The next one who asks tries again.
        loading = undefined;
        throw error;
      });
      await loading;
      if (current === undefined) {
        const entry = await config.get("tables");
        if (entry !== undefined) await change(entry.value);
      }
      if (current === undefined) {
        const problem = "none is in force";
        throw new FloeError("tables.invalid", { problem });
      }
      return current;
    },
    async kept(version) {
      if (current?.version === version) return current;
      const found = old.find((one) => one.version === version);
      if (found !== undefined) return found;
      const names = await objects.list();
      const name = names.find((one) => one.startsWith(`tables-${version}-`));
      if (name === undefined) return undefined;
      const image = await load({ version, object: name });
      old = [image, ...old].slice(0, OLD_KEPT_MAX);
      return image;
    },
    async close() {
      await watching?.stop();
    },
  };
}
