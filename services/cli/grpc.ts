/** gRPC client of the command line: calls MessagingService and tells errors in words. */
import { status as codes, credentials, Metadata, type ServiceError } from "@grpc/grpc-js";
import { FloeError } from "../../core/errors.js";
import { CALL_BYTES_MAX } from "../../core/limits.js";
import type { Message, SendBatchResponse, SendResult } from "../../core/proto/floe/v1/messaging.js";
import { MessagingServiceClient } from "../../core/proto/floe/v1/messaging_service.js";
import { BadRequest } from "../../core/proto/google/rpc/error_details.js";
import type { Status } from "../../core/proto/google/rpc/status.js";

const CALL_MS_MAX = 60_000;
const BAD_REQUEST = "type.googleapis.com/google.rpc.BadRequest";

export interface Sender {
  /**
   * One result for each message, in order.
   * @throws FloeError "stream.unavailable" if the call as a whole failed; `status` is the gRPC code.
   */
  sendBatch(messages: Message[]): Promise<readonly SendResult[]>;
  close(): void;
}

/** @param target host:port of a gateway, in clear text: a local one, or a proxy that adds TLS. */
export function openSender(target: string, key: string): Sender {
  const client = new MessagingServiceClient(target, credentials.createInsecure(), {
    "grpc.max_receive_message_length": CALL_BYTES_MAX,
  });
  const metadata = new Metadata();
  metadata.set("authorization", `Bearer ${key}`);
  return {
    sendBatch: (messages) =>
      new Promise((resolve, reject) => {
        const done = (error: ServiceError | null, response: SendBatchResponse): void => {
          if (error === null) resolve(response.results);
          else reject(failure(error, target));
        };
        // From now, not from the start of the client: each call has its own.
        const deadline = performance.timeOrigin + performance.now() + CALL_MS_MAX;
        client.sendBatch({ messages }, metadata, { deadline }, done);
      }),
    close: () => client.close(),
  };
}

/** What a failed call is told as. */
export function failure(error: ServiceError, target: string): FloeError {
  const status = codes[error.code] ?? String(error.code);
  const hint =
    error.code === codes.UNAUTHENTICATED
      ? " Give a valid key by --key or FLOE_KEY."
      : error.code === codes.UNAVAILABLE
        ? ` Does Floe listen at ${target}?`
        : "";
  const problem = `${status}: ${error.details}${hint}`;
  return new FloeError("stream.unavailable", { status, problem }, error);
}

/** What a refused message is told: the message, then which fields. */
export function toldStatus(status: Status | undefined): string {
  if (status === undefined) return "the answer holds no result.";
  const fields = violations(status).map(({ field, description }) => `${field}: ${description}`);
  return [`${codes[status.code] ?? status.code}: ${status.message}`, ...fields].join("\n  ");
}

export function violations(
  status: Status | undefined,
): readonly { field: string; description: string }[] {
  return (status?.details ?? [])
    .filter(({ typeUrl }) => typeUrl === BAD_REQUEST)
    .flatMap(({ value }) => BadRequest.decode(value).fieldViolations)
    .map(({ field, description }) => ({ field, description }));
}
