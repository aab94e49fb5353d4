/** ImportService: imports of operators over gRPC, two at a time. */
import { type ServerDuplexStream, status } from "@grpc/grpc-js";
import { isRefusal, refuse } from "../../../core/grpc/refuse.js";
import type { GrpcService } from "../../../core/grpc/server.js";
import {
  type ImportRequest,
  type ImportResponse,
  ImportServiceService,
} from "../../../core/proto/floe/v1/import.js";
import { answer, type Desk } from "../call.js";
import type { ImportStore } from "./import-store.js";
import { requestsOf } from "./requests.js";
import { runImport } from "./run-import.js";

/** Each has a thread, and a deck of a million rows twice in memory. */
const IMPORTS_MAX = 2;
/** A caller that sends nothing for so long is cut off. */
const IDLE_MS_MAX = 60_000;
const METHOD = "ImportService/Import";

const BUSY = refuse(
  status.RESOURCE_EXHAUSTED,
  "IMPORTS",
  `${IMPORTS_MAX} imports are running; try again when one has ended.`,
  { retryMs: 5_000 },
);

export function importService(desk: Desk, store: ImportStore): GrpcService {
  let running = 0;

  async function take(call: ServerDuplexStream<ImportRequest, ImportResponse>): Promise<void> {
    const requests = requestsOf<ImportRequest>(call, desk.clock, IDLE_MS_MAX);
    const given = await answer(desk, METHOD, call.metadata, async (staff) => {
      if (running >= IMPORTS_MAX) return BUSY;
      running += 1;
      try {
        const tell = (response: ImportResponse["response"]): void => void call.write({ response });
        return await runImport({ ...desk, store }, requests, tell, staff.keyId);
      } finally {
        running -= 1;
      }
    });
    if (isRefusal(given)) call.emit("error", given);
    else call.end();
  }

  return {
    name: "floe.v1.ImportService",
    definition: ImportServiceService,
    implementation: {
      import: (call: ServerDuplexStream<ImportRequest, ImportResponse>) => void take(call),
    },
  };
}
