/**
 * Server: the gRPC server with its services: messages, health, reflection.
 *
 * Requests and answers are bytes here: the generated definitions give names and paths, and their
 * (de)serialisers are replaced, because objects for messages would cost more than all the rest.
 * grpc-js's defaults that are changed, and why, stand at OPTIONS.
 */
import { readFileSync } from "node:fs";
import { Server, ServerCredentials, type UntypedServiceImplementation } from "@grpc/grpc-js";
import { HealthImplementation } from "grpc-health-check";
import { FloeError } from "../../core/errors.js";
import { CALL_BYTES_MAX } from "../../core/limits.js";
import { MessagingServiceService } from "../../core/proto/floe/v1/messaging_service.js";
import { found, nextField } from "../../core/stream/frame.js";
import type { Door } from "./call.js";
import { sendStream } from "./send-stream.js";
import type { GatewaySettings } from "./settings.js";
import { sendBatch, sendMessage } from "./unary.js";

export interface GatewayServer {
  readonly port: number;
  /** What the health service says, for '' and for the service by name. */
  serving(yes: boolean): void;
  /**
   * Takes no more connections, sends GOAWAY on those that are there, and resolves when their calls
   * have ended; what is left after `graceMs` is cut off.
   */
  close(graceMs: number): Promise<void>;
}

export const SERVICE = "floe.v1.MessagingService";
/** All .proto files, compiled; from dist/services/gateway up to the package. */
const DESCRIPTORS = new URL("../../../proto/floe.binpb", import.meta.url);
const DESCRIPTOR_SET_FILE = 1;
const KEEPALIVE_MS = 30_000;
const KEEPALIVE_ANSWER_MS = 10_000;

/** @throws FloeError "settings.invalid" if a TLS file cannot be read or the port cannot be had. */
export async function openServer(
  door: Door,
  settings: GatewaySettings,
  host: string,
): Promise<GatewayServer> {
  const server = new Server(optionsOf(settings));
  server.addService(bytesOnly(), {
    sendMessage: sendMessage(door),
    sendBatch: sendBatch(door),
    sendStream: sendStream(door),
  } as unknown as UntypedServiceImplementation);
  const health = new HealthImplementation({ "": "NOT_SERVING", [SERVICE]: "NOT_SERVING" });
  health.addToServer(server);
  if (settings.reflection === "on") await addReflection(server);
  const port = await bind(server, host, settings);

  function close(graceMs: number): Promise<void> {
    return new Promise((resolve) => {
      // Not forceShutdown: without channelz it knows no sessions and would leave them open.
      server.drain(addressOf(host, port), graceMs);
      server.tryShutdown(() => resolve());
    });
  }

  let told = false;
  return {
    port,
    serving(yes) {
      if (yes === told) return;
      told = yes;
      for (const name of ["", SERVICE]) health.setStatus(name, yes ? "SERVING" : "NOT_SERVING");
    },
    close,
  };
}

function optionsOf(settings: GatewaySettings) {
  return {
    // Unlimited by default: one client could open calls without end.
    "grpc.max_concurrent_streams": settings.callsMax,
    "grpc-node.max_session_memory": settings.sessionMemoryMb,
    "grpc.max_receive_message_length": CALL_BYTES_MAX,
    // Off by default: a dead peer would be kept for ever.
    "grpc.keepalive_time_ms": KEEPALIVE_MS,
    "grpc.keepalive_timeout_ms": KEEPALIVE_ANSWER_MS,
    // Unlimited by default: clients would not find new gateways.
    "grpc.max_connection_age_ms": settings.connectionAgeMs,
    "grpc.max_connection_age_grace_ms": settings.connectionGraceMs,
    // On by default: bookkeeping for each call that nobody reads.
    "grpc.enable_channelz": 0,
  };
}

function bytesOnly() {
  const same = (bytes: Buffer): Buffer => bytes;
  const raw = { requestDeserialize: same, responseSerialize: same };
  const { sendMessage, sendBatch, sendStream } = MessagingServiceService;
  return {
    sendMessage: { ...sendMessage, ...raw },
    sendBatch: { ...sendBatch, ...raw },
    sendStream: { ...sendStream, ...raw },
  };
}

/**
 * Loaded only when wanted: it brings protobufjs with it. It is given the files as buf wrote them;
 * by way of @grpc/proto-loader they would be put together anew, one for each package.
 */
async function addReflection(server: Server): Promise<void> {
  const { ReflectionService } = await import("@grpc/reflection");
  const files = { fileDescriptorProtos: filesOf(readFileSync(DESCRIPTORS)) };
  type Definition = ConstructorParameters<typeof ReflectionService>[0];
  const definition = { files } as unknown as Definition;
  new ReflectionService(definition, { services: [SERVICE] }).addToServer(server);
}

/** The files of a google.protobuf.FileDescriptorSet, encoded. */
function filesOf(set: Buffer): Buffer[] {
  const files: Buffer[] = [];
  for (let at = 0; nextField(set, at, set.length, DESCRIPTOR_SET_FILE) === 1; at = found.end) {
    files.push(set.subarray(found.at, found.end));
  }
  return files;
}

function bind(server: Server, host: string, settings: GatewaySettings): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(addressOf(host, settings.port), credentialsOf(settings), (cause, port) => {
      if (cause === null) resolve(port);
      else {
        const problems = [`FLOE_GATEWAY_PORT ${settings.port} on ${host} cannot be had.`];
        reject(new FloeError("settings.invalid", { problems }, cause));
      }
    });
  });
}

function addressOf(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

function credentialsOf({ tlsCertFile, tlsKeyFile }: GatewaySettings): ServerCredentials {
  if (tlsCertFile === "" && tlsKeyFile === "") return ServerCredentials.createInsecure();
  const [cert, key] = [
    ["FLOE_GATEWAY_TLS_CERT_FILE", tlsCertFile],
    ["FLOE_GATEWAY_TLS_KEY_FILE", tlsKeyFile],
  ].map(([name, path]) => {
    try {
      return readFileSync(path!);
    } catch (cause) {
      const problems = [`${name} cannot be read; certificate and key belong together.`];
      throw new FloeError("settings.invalid", { problems }, cause);
    }
  });
  return ServerCredentials.createSsl(null, [{ cert_chain: cert!, private_key: key! }]);
}
