/**
 * Server: the customers' gRPC server (core/grpc/server.ts) with MessagingService.
 *
 * Requests and answers are bytes here: the generated definitions give names and paths, and their
 * (de)serialisers are replaced, because objects for messages would cost more than all the rest.
 */
import type { UntypedServiceImplementation } from "@grpc/grpc-js";
import { type GrpcServer, openGrpcServer } from "../../core/grpc/server.js";
import { MessagingServiceService } from "../../core/proto/floe/v1/messaging_service.js";
import type { QuoteDesk } from "../../workers/quote-desk.js";
import { type BalanceDesk, balanceService } from "./balance.js";
import type { Door } from "./call.js";
import { quote } from "./quote.js";
import { sendStream } from "./send-stream.js";
import type { GatewaySettings } from "./settings.js";
import { sendBatch, sendMessage } from "./unary.js";

const SERVICE = "floe.v1.MessagingService";

/** @throws FloeError "settings.invalid" if a TLS file cannot be read or the port cannot be had. */
export function openServer(
  door: Door,
  settings: GatewaySettings,
  host: string,
  deskOf: () => Promise<QuoteDesk>,
  balances: BalanceDesk,
): Promise<GrpcServer> {
  const implementation = {
    sendMessage: sendMessage(door),
    sendBatch: sendBatch(door),
    sendStream: sendStream(door),
    quote: quote(door, deskOf),
  } as unknown as UntypedServiceImplementation;
  const service = { name: SERVICE, definition: bytesOnly(), implementation };
  return openGrpcServer([service, balanceService(door, balances)], settings, host, "FLOE_GATEWAY");
}

function bytesOnly() {
  const same = (bytes: Buffer): Buffer => bytes;
  const raw = { requestDeserialize: same, responseSerialize: same };
  const { sendMessage, sendBatch, sendStream, quote } = MessagingServiceService;
  return {
    sendMessage: { ...sendMessage, ...raw },
    sendBatch: { ...sendBatch, ...raw },
    sendStream: { ...sendStream, ...raw },
    quote: { ...quote, ...raw },
  };
}
