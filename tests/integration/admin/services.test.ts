/** What the admin service tells of itself: health, schema, and what it wants of TLS. */
import { Client, credentials } from "@grpc/grpc-js";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { found, newWriter, nextField, putText, written } from "../../../core/stream/frame.js";
import { withAdmins } from "./with-admin.js";

const services = suite("the admin service");

const HEALTH = "/grpc.health.v1.Health/Check";
const REFLECTION = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
const LIST_SERVICES = 7;
const SERVICES = 6;
const SERVING = 1;

const same = (bytes: Buffer): Buffer => bytes;

function health(client: Client, service: string): Promise<number | undefined> {
  const writer = newWriter();
  putText(writer, 1, service);
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(HEALTH, same, same, Buffer.from(written(writer)), (error, answer) => {
      if (error !== null) reject(error);
      else resolve(answer?.[1]);
    });
  });
}

async function listed(client: Client): Promise<string[]> {
  const writer = newWriter();
  putText(writer, LIST_SERVICES, "*");
  const call = client.makeBidiStreamRequest(REFLECTION, same, same);
  const answer = await new Promise<Buffer>((resolve, reject) => {
    call.on("data", resolve).on("error", reject);
    call.write(Buffer.from(written(writer)));
  });
  call.on("error", () => {});
  call.cancel();
  return fieldsOf(answer, SERVICES)
    .flatMap((part) => fieldsOf(part, 1))
    .map((service) => Buffer.from(fieldsOf(service, 1)[0]!).toString());
}

function fieldsOf(bytes: Uint8Array, field: number): Uint8Array[] {
  const parts: Uint8Array[] = [];
  for (let at = 0; nextField(bytes, at, bytes.length, field) === 1; at = found.end) {
    parts.push(bytes.subarray(found.at, found.end));
  }
  return parts;
}

services("tells health and schema of every service it has", async () => {
  await withAdmins(1, async ({ admin }) => {
    const client = new Client(admin.address, credentials.createInsecure());
    try {
      const names = await listed(client);
      for (const name of ["Carrier", "RoutingRule", "SenderRule", "Guard", "Plan", "Deck"]) {
        assert.ok(names.includes(`floe.v1.${name}Service`), name);
      }
      assert.ok(names.includes("floe.v1.TableSetService"));
      for (const name of ["", ...names]) assert.is(await health(client, name), SERVING, name);
    } finally {
      client.close();
    }
  });
});

services("wants certificate and key together, and readable", async () => {
  for (const env of [
    { FLOE_ADMIN_TLS_CERT_FILE: "/nowhere/cert.pem" },
    { FLOE_ADMIN_TLS_KEY_FILE: "/nowhere/key.pem" },
  ]) {
    const failed = await withAdmins(1, async () => {}, undefined, env).then(
      () => "",
      (error: Error) => error.message,
    );
    assert.match(failed, /settings\.invalid.*FLOE_ADMIN_TLS_/);
  }
});

services.run();
