/**
 * Object bytes: the content of objects in a NATS object store (ADR-20), written and read by us.
 *
 * The library hashes in JavaScript, 20 MB a second: a snapshot of 450 MB took 20 s of the owner's own
 * thread, and as long at a start. Here node's own hash is used (400 MB a second and more), chunks are
 * larger, and what comes is put where it belongs at once. What is stored is the same: each can read
 * what the other wrote.
 */
import { createHash } from "node:crypto";
import { FloeError } from "../errors.js";
import type { Api } from "./api.js";
import { getMessage } from "./bucket.js";
import type { Link } from "./link.js";
import type { Publisher } from "./publish.js";
import { openReader } from "./read.js";

export interface ObjectBytes {
  /** @throws FloeError "stream.unavailable", "stream.full": it may be repeated. */
  put(name: string, data: Uint8Array): Promise<void>;
  /**
   * Reads an object into what `make` gives for its size; undefined: there is none.
   * @throws FloeError "stream.unavailable" also where pieces are missing or the digest differs.
   */
  get<T extends ArrayBuffer | SharedArrayBuffer>(
    name: string,
    make: (bytes: number) => T,
  ): Promise<T | undefined>;
}

/** Below the servers' max_payload of 1 MiB. */
const CHUNK_BYTES = 512 * 1_024;
const DIGEST_TYPE = "SHA-256=";

/** As it stands in the message that names an object. */
interface Info {
  readonly name: string;
  readonly bucket: string;
  readonly nuid: string;
  readonly size: number;
  readonly chunks: number;
  readonly mtime: string;
  readonly digest: string;
  readonly deleted?: boolean;
  readonly options?: { readonly max_chunk_size: number };
}

/** Of the process: ids of chunks are never used again. */
let writes = 0;

export function openObjectBytes(
  link: Link,
  api: Api,
  publisher: Publisher,
  bucket: string,
): ObjectBytes {
  const stream = `OBJ_${bucket}`;
  const infoSubject = (name: string): string => `$O.${bucket}.M.${objectName(name)}`;
  const chunkSubject = (nuid: string): string => `$O.${bucket}.C.${nuid}`;

  async function infoOf(name: string): Promise<Info | undefined> {
    const found = await getMessage(api, stream, { last_by_subj: infoSubject(name) });
    if (found === undefined || found.data.length === 0) return undefined;
    const info = JSON.parse(Buffer.from(found.data).toString("utf8")) as Info;
    return info.deleted === true ? undefined : info;
  }

  async function purge(nuid: string): Promise<void> {
    await api.ask(`STREAM.PURGE.${stream}`, { filter: chunkSubject(nuid) });
  }

  async function put(name: string, data: Uint8Array): Promise<void> {
    const old = await infoOf(name);
    writes += 1;
    const nuid = `${link.processId}-${writes}`.replaceAll(/[^A-Za-z0-9_-]/g, "-");
    const hash = createHash("sha256");
    let chunks = 0;
    try {
      // One after another: chunks are read in the order in which they were stored.
      for (let at = 0; at < data.length; at += CHUNK_BYTES) {
        const chunk = data.subarray(at, at + CHUNK_BYTES);
        hash.update(chunk);
        chunks += 1;
        await publisher.publish(chunkSubject(nuid), chunk, { id: `${bucket}-${nuid}-${chunks}` });
      }
      const info: Info = {
        name,
        bucket,
        nuid,
        size: data.length,
        chunks,
        mtime: new Date(link.clock.nowMs()).toISOString(),
        digest: DIGEST_TYPE + padded(hash.digest("base64url")),
        deleted: false,
        options: { max_chunk_size: CHUNK_BYTES },
      };
      const bytes = Buffer.from(JSON.stringify(info), "utf8");
      await publisher.publish(infoSubject(name), bytes, {
        id: `${bucket}-${nuid}-info`,
        rollup: true,
      });
    } catch (error) {
      // Nothing names what was stored; where it cannot be removed now it only takes room.
      await purge(nuid).catch(() => {});
      throw error;
    }
    if (old !== undefined) await purge(old.nuid);
  }

  async function get<T extends ArrayBuffer | SharedArrayBuffer>(
    name: string,
    make: (bytes: number) => T,
  ): Promise<T | undefined> {
    const info = await infoOf(name);
    if (info === undefined) return undefined;
    const whole = make(info.size);
    const bytes = new Uint8Array(whole);
    const hash = createHash("sha256");
    let at = 0;
    let tooLong = false;
    if (info.size > 0) {
      await new Promise<void>((resolve, reject) => {
        const reading = openReader(link, api, {
          stream,
          subject: chunkSubject(info.nuid),
          from: 1,
          receive({ data }) {
            tooLong ||= at + data.length > bytes.length;
            if (tooLong) return;
            hash.update(data);
            bytes.set(data, at);
            at += data.length;
          },
          caughtUp: () => void reading.then((one) => one.stop()).then(resolve, reject),
        });
        reading.catch(reject);
      });
    }
    const problem =
      tooLong || at !== info.size
        ? `${at} of ${info.size} bytes came`
        : DIGEST_TYPE + padded(hash.digest("base64url")) === info.digest
          ? undefined
          : "its digest differs";
    if (problem !== undefined) {
      throw new FloeError("stream.unavailable", { store: bucket, object: name, problem });
    }
    return whole;
  }

  return { put, get };
}

/** As subjects of an object store name it (ADR-20): padded base64 for URLs. */
export function objectName(key: string): string {
  return Buffer.from(key, "utf8").toString("base64").replaceAll("+", "-").replaceAll("/", "_");
}

/** Base64 for URLs with the padding that it needs not have; ADR-20 wants it. */
function padded(text: string): string {
  return text.padEnd(Math.ceil(text.length / 4) * 4, "=");
}
