/** The example profiles in carriers/: each is one that would be taken. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { checkCarrier } from "../../../core/configuration.js";
import { Carrier } from "../../../core/proto/floe/v1/carriers.js";
import { CARRIER } from "../../../services/admin/entities/carriers.js";
import { openProblems } from "../../../services/admin/problems.js";
import { CARRIER_FIELDS } from "../../../services/cli/carrier-fields.js";
import { messageOf, type Plain, plainOf } from "../../../services/cli/entity-fields.js";

const profiles = suite("example profiles");

const FOLDER = fileURLToPath(new URL("../../../../carriers", import.meta.url));
const files = readdirSync(FOLDER).filter((name) => name.endsWith(".json"));
const read = (file: string) => JSON.parse(readFileSync(join(FOLDER, file), "utf8")) as Plain;

function entityOf(plain: Plain) {
  const problems = openProblems("carrier");
  const message = Carrier.fromPartial(messageOf(CARRIER_FIELDS, { ...plain, name: "example" }));
  const entity = CARRIER.toEntity(message, undefined, problems);
  assert.equal(problems.found, []);
  return entity;
}

profiles("are there, and none is forgotten in the README", () => {
  assert.ok(files.length >= 6);
  const told = readFileSync(join(FOLDER, "README.md"), "utf8");
  for (const file of files) assert.ok(told.includes(`\`${file}\``), file);
  for (const field of Object.keys(CARRIER_FIELDS)) {
    if (field !== "name" && field !== "link") assert.ok(told.includes(`\`${field}\``), field);
  }
});

for (const file of files) {
  profiles(`${file} is taken, and told as it was`, () => {
    const plain = read(file);
    const entity = entityOf(plain);
    const checked = checkCarrier(entity);
    assert.equal(checked.error?.issues ?? [], []);
    const told = plainOf(CARRIER_FIELDS, CARRIER.toMessage(checked.data!) as unknown as Plain);
    const same = Object.fromEntries(Object.keys(plain).map((name) => [name, told[name] ?? ""]));
    assert.equal(JSON.parse(JSON.stringify(same)), plain);
    assert.not.ok("password" in plain || "key" in ((plain["tls"] ?? {}) as Plain));
    assert.match(plain["host"] as string, /\.example$/);
  });
}

profiles("that say something else are refused", () => {
  const plain = { ...read("plain-smpp34.json"), window: 10_001 };
  assert.equal(checkCarrier(entityOf(plain)).success, false);
});

profiles.run();
