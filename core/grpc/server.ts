/**
 * Server: a gRPC server with its services, health, and reflection, as gateway and admin have it.
 *
 * grpc-js's defaults that are changed, and why, stand at OPTIONS.
 */
import { readFileSync } from "node:fs";
import {
  Server,
  ServerCredentials,
  type ServiceDefinition,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import { HealthImplementation } from "grpc-health-check";
import { FloeError } from "../errors.js";
import { CALL_BYTES_MAX } from "../limits.js";
import { found, nextField } from "../stream/frame.js";

export interface GrpcServer {
  readonly port: number;
  /** What the health service says, for '' and for each service by name. */
  serving(yes: boolean): void;
  /**
   * Takes no more connections, sends GOAWAY on those that are there, and resolves when their calls
   * have ended; what is left after `graceMs` is cut off.
   */
  close(graceMs: number): Promise<void>;
}

export interface GrpcService {
  /** Full: "floe.v1.MessagingService". */
  readonly name: string;
  readonly definition: ServiceDefinition;
  readonly implementation: UntypedServiceImplementation;
}

export interface GrpcServerSettings {
  readonly port: number;
  readonly tlsCertFile: string;
  readonly tlsKeyFile: string;
  readonly reflection: "on" | "off";
  readonly callsMax: number;
  readonly sessionMemoryMb: number;
  readonly connectionAgeMs: number;
  readonly connectionGraceMs: number;
}

/** All .proto files, compiled; from dist/core/grpc up to the package. */
const DESCRIPTORS = new URL("../../../proto/floe.binpb", import.meta.url);
const DESCRIPTOR_SET_FILE = 1;
const KEEPALIVE_MS = 30_000;
const KEEPALIVE_ANSWER_MS = 10_000;

/**
 * @param prefix of the settings' names, for what is said of them: "FLOE_GATEWAY".
 * @throws FloeError "settings.invalid" if a TLS file cannot be read or the port cannot be had.
 */
export async function openGrpcServer(
  services: readonly GrpcService[],
  settings: GrpcServerSettings,
  host: string,
  prefix: string,
): Promise<GrpcServer> {
  const server = new Server(optionsOf(settings));
  for (const { definition, implementation } of services) {
    server.addService(definition, implementation);
  }
  const names = services.map(({ name }) => name);
  const all = ["", ...names];
  const health = new HealthImplementation(
    Object.fromEntries(all.map((name) => [name, "NOT_SERVING"] as const)),
  );
  health.addToServer(server);
  if (settings.reflection === "on") await addReflection(server, names);
  const port = await bind(server, host, settings, prefix);

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
      for (const name of all) health.setStatus(name, yes ? "SERVING" : "NOT_SERVING");
    },
    close,
  };
}

function optionsOf(settings: GrpcServerSettings) {
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

/**
 * Loaded only when wanted: it brings protobufjs with it. It is given the files as buf wrote them;
 * by way of @grpc/proto-loader they would be put together anew, one for each package.
 */
async function addReflection(server: Server, services: readonly string[]): Promise<void> {
  const { ReflectionService } = await import("@grpc/reflection");
  const files = { fileDescriptorProtos: filesOf(readFileSync(DESCRIPTORS)) };
  type Definition = ConstructorParameters<typeof ReflectionService>[0];
  const definition = { files } as unknown as Definition;
  new ReflectionService(definition, { services: [...services] }).addToServer(server);
}

/** The files of a google.protobuf.FileDescriptorSet, encoded. */
function filesOf(set: Buffer): Buffer[] {
  const files: Buffer[] = [];
  for (let at = 0; nextField(set, at, set.length, DESCRIPTOR_SET_FILE) === 1; at = found.end) {
    files.push(set.subarray(found.at, found.end));
  }
  return files;
}

function bind(
  server: Server,
  host: string,
  settings: GrpcServerSettings,
  prefix: string,
): Promise<number> {
  const credentials = credentialsOf(settings, prefix);
  return new Promise((resolve, reject) => {
    server.bindAsync(addressOf(host, settings.port), credentials, (cause, port) => {
      if (cause === null) resolve(port);
      else {
        const problems = [`${prefix}_PORT ${settings.port} on ${host} cannot be had.`];
        reject(new FloeError("settings.invalid", { problems }, cause));
      }
    });
  });
}

function addressOf(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

function credentialsOf(
  { tlsCertFile, tlsKeyFile }: GrpcServerSettings,
  prefix: string,
): ServerCredentials {
  if (tlsCertFile === "" && tlsKeyFile === "") return ServerCredentials.createInsecure();
  const [cert, key] = [
    [`${prefix}_TLS_CERT_FILE`, tlsCertFile],
    [`${prefix}_TLS_KEY_FILE`, tlsKeyFile],
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
