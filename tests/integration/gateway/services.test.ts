/** Health and reflection, as load balancers, grpcurl and the like ask for them; settings of TLS. */
import {
  Client,
  credentials,
  makeGenericClientConstructor,
  type ServiceDefinition,
  type ServiceError,
  status,
} from "@grpc/grpc-js";
import { service as healthService } from "grpc-health-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { FileDescriptorProto } from "../../../core/proto/google/protobuf/descriptor.js";
import { found, newWriter, nextField, putText, written } from "../../../core/stream/frame.js";
import { openFakeStream } from "../../unit/gateway/fake-stream.js";
import { until } from "../../until.js";
import { withGateway } from "./with-gateway.js";

const services = suite("gateway, health and reflection");

type Check = (
  request: { service: string },
  done: (error: ServiceError | null, response: { status: string }) => void,
) => void;

async function healthOf(address: string, names: readonly string[]): Promise<string[]> {
  const Health = makeGenericClientConstructor(
    healthService as unknown as ServiceDefinition,
    "Health",
  );
  const client = new Health(address, credentials.createInsecure());
  const check = (client as unknown as { check: Check }).check.bind(client);
  try {
    const asked = names.map(
      (service) =>
        new Promise<string>((resolve) => {
          check({ service }, (error, response) => {
            resolve(error === null ? response.status : `error ${error.code}`);
          });
        }),
    );
    return await Promise.all(asked);
  } finally {
    client.close();
  }
}

services("say SERVING while the stream is there, NOT_SERVING while it is away", async () => {
  const stream = openFakeStream();
  await withGateway(stream, async ({ address, ready }) => {
    const names = ["", "floe.v1.MessagingService", "floe.v1.Nonsense"];
    assert.equal(await healthOf(address, names), ["SERVING", "SERVING", "error 5"]);
    assert.ok(ready());
    stream.here = false;
    await until(() => !ready());
    assert.equal(await healthOf(address, names.slice(0, 2)), ["NOT_SERVING", "NOT_SERVING"]);
    stream.here = true;
    await until(ready);
    assert.equal(await healthOf(address, [""]), ["SERVING"]);
  });
});

services("say NOT_SERVING during the wait before connections are closed", async () => {
  await withGateway(
    openFakeStream(),
    async ({ address, stop }) => {
      const stopped = stop();
      assert.equal(await healthOf(address, [""]), ["NOT_SERVING"]);
      await stopped;
    },
    { FLOE_GATEWAY_DRAIN_WAIT_MS: "1000" },
  );
});

const PATH = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
/** Fields of ServerReflectionRequest and ServerReflectionResponse (grpc/reflection/v1). */
const CONTAINING_SYMBOL = 4;
const LIST_SERVICES = 7;
const FILES = 4;
const SERVICES = 6;

/** Asks one question; the parts that stand in field 1 of field `answer` of the response. */
async function reflect(
  address: string,
  question: number,
  about: string,
  answer: number,
): Promise<Uint8Array[]> {
  const writer = newWriter();
  putText(writer, question, about);
  const client = new Client(address, credentials.createInsecure());
  const same = (bytes: Buffer): Buffer => bytes;
  const call = client.makeBidiStreamRequest(PATH, same, same);
  try {
    const response = await new Promise<Buffer>((resolve, reject) => {
      call.on("data", resolve).on("error", reject);
      call.write(Buffer.from(written(writer)));
    });
    return fieldsOf(response, answer).flatMap((part) => fieldsOf(part, 1));
  } finally {
    call.on("error", () => {});
    call.cancel();
    client.close();
  }
}

function fieldsOf(bytes: Uint8Array, field: number): Uint8Array[] {
  const parts: Uint8Array[] = [];
  for (let at = 0; nextField(bytes, at, bytes.length, field) === 1; at = found.end) {
    parts.push(bytes.subarray(found.at, found.end));
  }
  return parts;
}

services("tell the schema by reflection", async () => {
  await withGateway(openFakeStream(), async ({ address }) => {
    const listed = await reflect(address, LIST_SERVICES, "*", SERVICES);
    const names = listed.map((service) => Buffer.from(fieldsOf(service, 1)[0]!).toString());
    assert.equal(names, ["floe.v1.BalanceService", "floe.v1.MessagingService"]);
    const symbol = "floe.v1.MessagingService.SendBatch";
    const files = (await reflect(address, CONTAINING_SYMBOL, symbol, FILES)).map((bytes) =>
      FileDescriptorProto.decode(bytes),
    );
    const messaging = files.find(({ name }) => name === "floe/v1/messaging.proto");
    const message = messaging?.messageType.find(({ name }) => name === "Message");
    const fields = message?.field.map(({ name, number }) => `${name}=${number}`);
    assert.ok(fields?.includes("to=1") && fields.includes("tags=13"), fields?.join());
  });
});

services("tell nothing by reflection when it is off", async () => {
  await withGateway(
    openFakeStream(),
    async ({ address }) => {
      const failed = await reflect(address, LIST_SERVICES, "*", SERVICES).then(
        () => undefined,
        (error: ServiceError) => error.code,
      );
      assert.is(failed, status.UNIMPLEMENTED);
    },
    { FLOE_GATEWAY_REFLECTION: "off" },
  );
});

services("want certificate and key together, and readable", async () => {
  const cases = [
    { FLOE_GATEWAY_TLS_CERT_FILE: "/nowhere/cert.pem" },
    { FLOE_GATEWAY_TLS_KEY_FILE: "/nowhere/key.pem" },
  ];
  for (const env of cases) {
    const failed = await withGateway(openFakeStream(), async () => {}, env).then(
      () => "",
      (error: Error) => error.message,
    );
    assert.match(failed, /settings\.invalid.*FLOE_GATEWAY_TLS_/);
  }
});

services.run();
