/**
 * Goal: the codec gives back what it was given, agrees with npm `smpp` byte for byte, and answers
 * whatever the bytes are. A failure prints { seed, path }.
 */
import fc from "fast-check";
import smpp from "smpp";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { decode, encode, type Value } from "../../../services/connectors/smpp/codec.js";
import { COMMANDS, type Field } from "../../../services/connectors/smpp/commands.js";
import { decodePdu } from "../../../services/connectors/smpp/pdu-object.js";
import { TLVS } from "../../../services/connectors/smpp/tlvs.js";

const codec = suite("connectors: codec");

type Plain = Record<string, Value>;

/** Latin-1 without NUL. npm `smpp` writes ASCII, so what is compared with it is ASCII. */
const text = (octetsMax: number, codeMax: number) =>
  fc.string({
    unit: fc.integer({ min: 1, max: codeMax }).map((code) => String.fromCharCode(code)),
    maxLength: Math.min(12, octetsMax - 1),
  });
const hex = (max: number) =>
  fc.uint8Array({ maxLength: max }).map((octets) => Buffer.from(octets).toString("hex"));

const address = (codeMax: number) => ({
  dest_addr_ton: fc.integer({ min: 0, max: 255 }),
  dest_addr_npi: fc.integer({ min: 0, max: 255 }),
  destination_addr: text(21, codeMax),
});

function valuesOf(fields: readonly Field[], codeMax: number): fc.Arbitrary<Plain> {
  const counted = new Set(
    fields.flatMap((field) =>
      field.kind === "octets" ? [field.length] : field.kind === "list" ? [field.count] : [],
    ),
  );
  const model: Record<string, fc.Arbitrary<Value>> = {};
  for (const field of fields) {
    if (field.kind === "optional" || counted.has((field as { name: string }).name)) continue;
    if (field.kind === "integer") {
      model[field.name] = fc.integer({ min: 0, max: 256 ** field.octets - 1 });
    } else if (field.kind === "text") {
      model[field.name] = text(field.octetsMax, codeMax);
    } else if (field.kind === "octets") {
      model[`${field.name}_hex`] = hex(40);
    } else if (field.of === "unsuccess_sme") {
      const status = fc.integer({ min: 0, max: 0xffff_ffff });
      const one = fc.record({ ...address(codeMax), error_status_code: status });
      model[field.name] = fc.array(one as fc.Arbitrary<Value>, { maxLength: 4 });
    } else {
      const one = fc.oneof(
        fc.record({ dest_flag: fc.constant(1), ...address(codeMax) }),
        fc.record({ dest_flag: fc.constant(2), dl_name: text(21, codeMax) }),
      );
      model[field.name] = fc.array(one as fc.Arbitrary<Value>, { maxLength: 4 });
    }
  }
  return fc.record(model, { noNullPrototype: true }) as fc.Arbitrary<Plain>;
}

const tlvs = fc
  .array(
    fc.constantFrom(...TLVS).chain(({ name, type }): fc.Arbitrary<readonly [string, Value]> => {
      if (type.kind === "octets") return hex(20).map((value) => [`${name}_hex`, value]);
      if (type.kind === "text") return text(20, 127).map((value) => [name, value]);
      const max = 256 ** type.octets - 1;
      return fc.integer({ min: 0, max }).map((value) => [name, value]);
    }),
    { maxLength: 5 },
  )
  .map((entries) => Object.fromEntries(entries) as Plain);

const pdu = (codeMax: number) =>
  fc.constantFrom(...COMMANDS).chain((command) =>
    fc
      .tuple(
        valuesOf(command.fields, codeMax),
        tlvs,
        fc.integer({ min: 0, max: 0xffff_ffff }),
        fc.integer({ min: 1, max: 0x7fff_ffff }),
      )
      .map(([values, optional, command_status, sequence_number]) => ({
        command: command.name,
        command_status,
        sequence_number,
        ...values,
        tlvs: optional,
      })),
  );

codec("gives back what it encoded", () => {
  fc.assert(
    fc.property(pdu(255), (object) => {
      const encoded = encode(object);
      assert.ok(encoded.ok, JSON.stringify(encoded));
      const decoded = decode(encoded.bytes);
      assert.ok(decoded.ok, JSON.stringify(decoded));
      for (const [name, value] of Object.entries(object)) {
        assert.is(JSON.stringify(decoded.pdu[name]), JSON.stringify(value), name);
      }
      const again = encode(decoded.pdu);
      assert.ok(again.ok && Buffer.compare(again.bytes, encoded.bytes) === 0);
    }),
    { numRuns: 1_000 },
  );
});

/** Where npm `smpp` has another name or type, or reads a list because v5.0 lets it be repeated. */
const OTHERWISE = new Set([
  ...["destination_port", "callback_num", "callback_num_atag", "broadcast_area_identifier"],
  ...["source_subaddress", "dest_subaddress", "network_error_code", "ms_validity"],
  ...["alert_on_message_delivery", "its_session_info", "dest_addr_np_country"],
  ...["additional_status_info_text", "source_network_id", "dest_network_id"],
  ...["dest_addr_np_information", "source_node_id", "dest_node_id", "ussd_service_op"],
  ...["broadcast_content_type", "broadcast_content_type_info", "broadcast_frequency_interval"],
  ...["broadcast_service_group", "billing_identification", "broadcast_error_status"],
  ...["receipted_message_id", "broadcast_end_time", "message_payload"],
  ...["callback_num_pres_ind", "source_telematics_id"],
]);

codec("npm smpp reads what we encode, and encodes what we read", () => {
  fc.assert(
    fc.property(pdu(127), (object) => {
      const kept = Object.entries(object.tlvs).filter(
        // It keeps fields and TLVs side by side, under one name one value.
        ([name]) => !OTHERWISE.has(name.replace(/_hex$/, "")) && !(name in object),
      );
      const plain = {
        ...(object as unknown as Plain),
        tlvs: Object.fromEntries(kept),
        // Its filters read times and message bodies as dates and texts.
        ...("validity_period" in object ? { validity_period: "" } : {}),
        ...("schedule_delivery_time" in object ? { schedule_delivery_time: "" } : {}),
        ...("final_date" in object ? { final_date: "" } : {}),
      } as Plain;
      const encoded = encode(plain);
      assert.ok(encoded.ok, JSON.stringify(encoded));
      const Other = smpp.PDU as unknown as {
        fromBuffer?(bytes: Buffer): Plain;
        new (bytes: Buffer | string, fields?: Plain): Plain & { toBuffer(): Buffer };
      };
      const read = new Other(Buffer.from(encoded.bytes));
      assert.is(read["command"], plain["command"]);
      assert.is(read["sequence_number"], plain["sequence_number"]);
      for (const [name, value] of Object.entries(plain)) {
        if (name === "tlvs" || name === "command_status") continue;
        if (name.endsWith("_hex") || typeof value === "object") continue;
        assert.is(read[name], value, name);
      }
      for (const [name, value] of kept) assert.equal(read[name], value, name);
    }),
    { numRuns: 500 },
  );
});

codec("any bytes get an answer, whole PDUs with changed bytes as well", () => {
  const changed = fc
    .tuple(pdu(255), fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { maxLength: 4 }), fc.nat(200))
    .map(([object, changes, cut]) => {
      const encoded = encode(object);
      assert.ok(encoded.ok);
      const bytes = Uint8Array.from(encoded.bytes);
      for (const [at, octet] of changes) if (at < bytes.length) bytes[at] = octet;
      return cut < 100 ? bytes : bytes.subarray(0, cut);
    });
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), changed), (bytes) => {
      const decoded = decode(bytes);
      if (decoded.ok) return;
      assert.ok(decoded.error.message.length > 0);
      assert.ok(decoded.error.offset >= 0 && decoded.error.offset <= bytes.length);
    }),
    { numRuns: 3_000 },
  );
});

codec("says the same as the objects that tests use", () => {
  const usual = pdu(255).filter(({ command }) => /^(submit|deliver)_sm$|^bind_/.test(command));
  fc.assert(
    fc.property(usual, (object) => {
      const encoded = encode(object);
      assert.ok(encoded.ok);
      const other = decodePdu(encoded.bytes);
      assert.not("error" in other);
      const same: Plain = object as unknown as Plain;
      if ("source" in other) assert.is(other.source, same["source_addr"]);
      if ("content" in other) {
        assert.is(Buffer.from(other.content).toString("hex"), same["short_message_hex"]);
      }
      if ("systemId" in other) assert.is(other.systemId, same["system_id"]);
    }),
    { numRuns: 200 },
  );
});

codec.run();
