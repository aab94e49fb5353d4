/** Objects: large immutable values (binary table sets) in a NATS object store, by @nats-io/obj. */
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { Objm } from "@nats-io/obj";
import { FloeError } from "../errors.js";
import type { Link } from "./link.js";
import type { Objects } from "./stream.js";

/** @throws FloeError "stream.unavailable", from each call too: all may be repeated. */
export async function openObjects(link: Link, name: string, replicas = 1): Promise<Objects> {
  async function attempt<T>(what: string, run: () => Promise<T>): Promise<T> {
    try {
      return await run();
    } catch (cause) {
      throw new FloeError("stream.unavailable", { store: name, what }, cause);
    }
  }
  const manager = new Objm(jetstream(link.nats));
  const store = await attempt("create", () => manager.create(name, { replicas }));
  return {
    put: (key, data) =>
      attempt("put", async () => {
        await store.putBlob({ name: key }, data);
      }),
    get: (key) => attempt("get", async () => (await store.getBlob(key)) ?? undefined),
    getShared: (key) =>
      attempt("get", async () => {
        const found = await store.get(key);
        if (found === null) return undefined;
        const shared = new SharedArrayBuffer(found.info.size);
        const bytes = new Uint8Array(shared);
        let at = 0;
        const reader = found.data.getReader();
        for (;;) {
          const { done, value } = await reader.read();
          if (done) break;
          bytes.set(value, at);
          at += value.length;
        }
        // Where the digest differs from what was stored, or a piece is missing.
        const error = await found.error;
        if (error instanceof Error) throw error;
        if (at !== bytes.length) throw new Error(`${at} of ${bytes.length} bytes came`);
        return shared;
      }),
    list: () =>
      attempt("list", async () => {
        const infos = await store.list();
        return infos.filter((info) => !info.deleted).map((info) => info.name);
      }),
    delete: (key) =>
      attempt("delete", async () => {
        await store.delete(key);
        // What the library leaves is a mark of the deletion for ever, which every list reads.
        const streams = (await jetstreamManager(link.nats)).streams;
        await streams.purge(`OBJ_${name}`, { filter: `$O.${name}.M.${objectName(key)}` });
      }),
  };
}

/** As subjects of an object store name it (ADR-20): padded base64 for URLs. */
function objectName(key: string): string {
  return Buffer.from(key, "utf8").toString("base64").replaceAll("+", "-").replaceAll("/", "_");
}
