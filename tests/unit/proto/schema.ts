/** The compiled schema (proto/floe.binpb), for tests that hold code against it. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import {
  createFileRegistry,
  type DescMessage,
  type FileRegistry,
  fromBinary,
} from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";

/** Tests run from dist/, the descriptor set lies beside the sources. */
const FILE = fileURLToPath(new URL("../../../../proto/floe.binpb", import.meta.url));

export function loadSchema(): FileRegistry {
  return createFileRegistry(fromBinary(FileDescriptorSetSchema, readFileSync(FILE)));
}

/** All messages of floe.v1, nested ones too; map entries are none of ours. */
export function messagesOf(registry: FileRegistry): DescMessage[] {
  return [...registry].filter(
    (type): type is DescMessage =>
      type.kind === "message" &&
      type.typeName.startsWith("floe.v1.") &&
      type.proto.options?.mapEntry !== true,
  );
}

export function messageOf(registry: FileRegistry, name: string): DescMessage {
  const found = registry.getMessage(`floe.v1.${name}`);
  if (found === undefined) throw new Error(`floe.v1.${name} is not in the schema`);
  return found;
}
