/**
 * Objects: large immutable values (table sets, snapshots) in a NATS object store. Stores are made and
 * listed by @nats-io/obj; their content is ours (object-bytes.ts).
 */
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { Objm } from "@nats-io/obj";
import { FloeError, isFloeError } from "../errors.js";
import type { Api } from "./api.js";
import type { Link } from "./link.js";
import { objectName, openObjectBytes } from "./object-bytes.js";
import type { Publisher } from "./publish.js";
import type { Objects } from "./stream.js";

/** @throws FloeError "stream.unavailable", from each call too: all may be repeated. */
export async function openObjects(
  link: Link,
  api: Api,
  publisher: Publisher,
  name: string,
  replicas = 1,
): Promise<Objects> {
  async function attempt<T>(what: string, run: () => Promise<T>): Promise<T> {
    try {
      return await run();
    } catch (cause) {
      if (isFloeError(cause)) throw cause;
      throw new FloeError("stream.unavailable", { store: name, what }, cause);
    }
  }
  const manager = new Objm(jetstream(link.nats));
  const store = await attempt("create", () => manager.create(name, { replicas }));
  const content = openObjectBytes(link, api, publisher, name);
  return {
    put: (key, data) => attempt("put", () => content.put(key, data)),
    get: (key) =>
      attempt("get", async () => {
        const found = await content.get(key, (bytes) => new ArrayBuffer(bytes));
        return found === undefined ? undefined : new Uint8Array(found);
      }),
    getShared: (key) =>
      attempt("get", () => content.get(key, (bytes) => new SharedArrayBuffer(bytes))),
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
