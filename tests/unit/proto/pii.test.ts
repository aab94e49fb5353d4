/** Every field of floe.v1 says what kind of personal data it holds (proto/floe/v1/options.proto). */
import { getOption } from "@bufbuild/protobuf";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { loadSchema, messagesOf } from "./schema.js";

const pii = suite("pii tags");
const registry = loadSchema();

pii("stand on every field of every message", () => {
  const tag = registry.getExtension("floe.v1.pii");
  assert.ok(tag);
  const fields = messagesOf(registry).flatMap(({ fields }) => fields);
  assert.ok(fields.length > 100);
  const untagged = fields.filter((field) => Number(getOption(field, tag)) === 0);
  assert.equal(
    untagged.map((field) => field.toString()),
    [],
  );
});

pii("say NESTED exactly on fields that hold a message of ours", () => {
  const tag = registry.getExtension("floe.v1.pii");
  const nested = registry.getEnum("floe.v1.Pii")?.value;
  assert.ok(tag !== undefined && nested !== undefined);
  for (const { fields } of messagesOf(registry)) {
    for (const field of fields) {
      const isMessage = field.fieldKind !== "map" && field.message !== undefined;
      assert.is(
        nested[Number(getOption(field, tag))]?.localName === "NESTED",
        isMessage,
        `${field}`,
      );
    }
  }
});

pii.run();
