/**
 * Import call: sends a file to the admin service, as fast as that reads it, and waits for its result.
 */
import { createReadStream } from "node:fs";
import { type ClientDuplexStream, credentials, Metadata, type ServiceError } from "@grpc/grpc-js";
import { SYSTEM_CLOCK } from "../../core/clock.js";
import { FloeError, isFloeError } from "../../core/errors.js";
import {
  type ImportOptions,
  type ImportProgress,
  type ImportRequest,
  type ImportResponse,
  type ImportResult,
  ImportServiceClient,
} from "../../core/proto/floe/v1/import.js";
import { TableSetServiceClient } from "../../core/proto/floe/v1/table_sets.js";
import { failure } from "./grpc.js";

export interface Importer {
  /**
   * @param path of the file; "-": standard input.
   * @throws FloeError "settings.invalid" if the file cannot be read, "stream.unavailable" if the call
   *   failed: nothing was stored.
   */
  send(
    path: string,
    options: ImportOptions,
    progress: (at: ImportProgress) => void,
  ): Promise<ImportResult>;
  /** Resolves with the version of the table set that has all changes so far, when it is in force. */
  waitForTables(): Promise<number>;
  close(): void;
}

const CHUNK_BYTES = 256 * 1_024;
/** A gigabyte at 300 KiB a second. */
const CALL_MS_MAX = 3_600_000;
const BUILD_MS_MAX = 600_000;

/** @param target host:port of the admin role. */
export function openImporter(target: string, key: string): Importer {
  const imports = new ImportServiceClient(target, credentials.createInsecure());
  const sets = new TableSetServiceClient(target, credentials.createInsecure());
  const metadata = new Metadata();
  metadata.set("authorization", `Bearer ${key}`);
  return {
    async send(path, options, progress) {
      const deadline = SYSTEM_CLOCK.nowMs() + CALL_MS_MAX;
      const call = imports.import(metadata, { deadline });
      const result = resultOf(call, target, progress);
      // Whoever answers early (refused) is listened to; the file is then not read on.
      const sent = sendFile(call, path, options).catch((error: unknown) => {
        call.cancel();
        throw error;
      });
      // A file that cannot be read is the reason of the call's end, not its consequence.
      const [answered, read] = await Promise.allSettled([result, sent]);
      if (read.status === "rejected" && isFloeError(read.reason)) throw read.reason;
      if (answered.status === "rejected") throw answered.reason;
      return answered.value;
    },
    waitForTables: () =>
      new Promise((resolve, reject) => {
        const deadline = SYSTEM_CLOCK.nowMs() + BUILD_MS_MAX;
        sets.buildTableSet({}, metadata, { deadline }, (error, response) => {
          if (error === null) resolve(Number(response.tableSet?.version ?? 0));
          else reject(failure(error, target));
        });
      }),
    close() {
      imports.close();
      sets.close();
    },
  };
}

type Call = ClientDuplexStream<ImportRequest, ImportResponse>;

function resultOf(
  call: Call,
  target: string,
  progress: (at: ImportProgress) => void,
): Promise<ImportResult> {
  return new Promise((resolve, reject) => {
    let result: ImportResult | undefined;
    call.on("data", ({ response }: ImportResponse) => {
      if (response?.$case === "progress") progress(response.progress);
      if (response?.$case === "result") result = response.result;
    });
    call.on("error", (error: ServiceError) => reject(failure(error, target)));
    // Comes after all answers, and after the error if there is one.
    call.on("status", () => {
      if (result !== undefined) resolve(result);
      else reject(new FloeError("stream.unavailable", { problem: "the answer holds no result." }));
    });
  });
}

async function sendFile(call: Call, path: string, options: ImportOptions): Promise<void> {
  let over = false;
  let wake: (() => void) | undefined;
  const end = (): void => {
    over = true;
    wake?.();
  };
  call.on("error", end);
  call.on("end", end);
  call.on("drain", () => wake?.());
  const write = async (request: NonNullable<ImportRequest["request"]>): Promise<void> => {
    if (over || call.write({ request })) return;
    await new Promise<void>((resolve) => {
      wake = resolve;
    });
  };
  await write({ $case: "options", options });
  let bytes = 0;
  try {
    const file =
      path === "-" ? process.stdin : createReadStream(path, { highWaterMark: CHUNK_BYTES });
    for await (const chunk of file as AsyncIterable<Buffer>) {
      if (over) return;
      bytes += chunk.length;
      await write({ $case: "chunk", chunk });
    }
  } catch (cause) {
    const problem = `${path} cannot be read.`;
    throw new FloeError("settings.invalid", { problems: [problem] }, cause);
  }
  await write({ $case: "end", end: { bytes: BigInt(bytes) } });
  call.end();
}
