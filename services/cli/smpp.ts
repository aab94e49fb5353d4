/**
 * `floe smpp` and `floe receipt`: what operators meet in captures, in words. Nothing is connected to.
 *
 * `-` in place of the argument takes one input a line from standard input, and gives one JSON result
 * a line, in order. Exit code 1 if anything could not be read.
 */
import type { Command } from "commander";
import { bold, paint, print, printError, printTaken } from "../../core/output.js";
import { type Decoded, decode, type EncodeProblem, encode } from "../connectors/smpp/codec.js";
import { type ParsedReceipt, parseReceipt } from "../connectors/smpp/receipt-text.js";
import { linesOf } from "./lines.js";
import { jsonOption } from "./options.js";

const STDIN = "-";

interface Flags {
  json?: boolean;
}

export function addSmpp(program: Command): void {
  const smpp = program.command("smpp").description("PDUs of SMPP 3.4 and 5.0, in words and back");
  smpp
    .command("decode")
    .description("say what a PDU is, field by field")
    .argument("<hex>", "the PDU's bytes in hex (blanks and colons are passed over); - for lines")
    .addOption(jsonOption())
    .action((hex: string, flags: Flags) => answer(hex, decodeHex, flags, showPdu));
  smpp
    .command("encode")
    .description("make the PDU that an object describes, as `decode --json` gives it")
    .argument("<json>", 'such as {"command":"enquire_link","sequence_number":1}; - for lines')
    .addOption(jsonOption())
    .action((json: string, flags: Flags) => answer(json, encodeJson, flags, showEncoded));
  const receipt = program.command("receipt").description("delivery receipts, in words");
  receipt
    .command("parse")
    .description("say what the text of a receipt means")
    .argument("<text>", "the text; - for lines, each a JSON string")
    .addOption(jsonOption())
    .action((text: string, flags: Flags) => {
      const read = text === STDIN ? parseLine : (given: string): Receipt => parseReceipt(given);
      return answer(text, read, flags, showReceipt);
    });
}

/** One input, or one a line. */
async function answer<T extends object>(
  argument: string,
  read: (input: string) => T,
  flags: Flags,
  show: (result: T) => void,
): Promise<void> {
  if (argument !== STDIN) {
    const result = read(argument);
    if (isBad(result)) process.exitCode = 1;
    if (flags.json === true) print(JSON.stringify(result));
    else show(result);
    return;
  }
  for await (const lines of linesOf(STDIN)) {
    const results = lines.map((line) => read(line ?? ""));
    if (results.some(isBad)) process.exitCode = 1;
    const text = results.map((result) => `${JSON.stringify(result)}\n`).join("");
    if (!(await printTaken(text))) return;
  }
}

function isBad(result: object): boolean {
  return "ok" in result ? result.ok === false : "error" in result;
}

type DecodedHex =
  | Decoded
  | { ok: false; error: { code: "bad_hex"; message: string; offset: number } };

function decodeHex(text: string): DecodedHex {
  const digits: string[] = [];
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at]!;
    if (/[0-9a-f]/iu.test(character)) digits.push(character);
    else if (!/[\s:]/u.test(character)) {
      const message = `character ${at + 1} is no hex digit`;
      return {
        ok: false,
        error: { code: "bad_hex", message, offset: Math.floor(digits.length / 2) },
      };
    }
  }
  if (digits.length % 2 === 1) {
    const offset = (digits.length - 1) / 2;
    const message = `${digits.length} hex digits are no whole number of bytes`;
    return { ok: false, error: { code: "bad_hex", message, offset } };
  }
  return decode(Buffer.from(digits.join(""), "hex"));
}

type EncodedHex = { ok: true; hex: string } | { ok: false; problems: readonly EncodeProblem[] };

function encodeJson(text: string): EncodedHex {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { ok: false, problems: [{ field: "", problem: "is not JSON" }] };
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return { ok: false, problems: [{ field: "", problem: "must be a JSON object" }] };
  }
  const encoded = encode(value as Record<string, unknown>);
  if (!encoded.ok) return encoded;
  return { ok: true, hex: Buffer.from(encoded.bytes).toString("hex") };
}

type Receipt = ParsedReceipt | { readonly error: string };

function parseLine(line: string): Receipt {
  try {
    const text: unknown = JSON.parse(line);
    if (typeof text === "string") return parseReceipt(text);
  } catch {
    // Told below: what it is not.
  }
  return { error: "the line is no JSON string" };
}

function showPdu(result: DecodedHex): void {
  if (!result.ok) {
    const { code, message, offset } = result.error;
    printError(`floe: ${message} (${code}, at byte ${offset})`);
    return;
  }
  const { command, command_id, command_length, command_status, command_status_name, ...rest } =
    result.pdu;
  const { sequence_number, tlvs, ...fields } = rest;
  const id = `0x${command_id.toString(16).padStart(8, "0")}`;
  print(
    `${bold(command)} ${paint("grey", `${id}, ${command_length} bytes, sequence ${sequence_number}`)}`,
  );
  const colour = command_status === 0 ? "green" : "red";
  print(`  command_status ${paint(colour, `${command_status_name} (${command_status})`)}`);
  showFields(fields, "  ");
  if (Object.keys(tlvs).length > 0) {
    print("  tlvs");
    showFields(tlvs, "    ");
  }
}

function showFields(fields: Readonly<Record<string, unknown>>, indent: string): void {
  for (const [name, value] of Object.entries(fields)) {
    print(
      `${indent}${name} ${typeof value === "object" ? JSON.stringify(value) : shown(name, value)}`,
    );
  }
}

/** Octets that are text to the eye are shown as such, too. */
function shown(name: string, value: unknown): string {
  if (typeof value === "string" && name.endsWith("_hex")) {
    const octets = Buffer.from(value, "hex").toString("latin1");
    return /^[\x20-\x7e\r\n]+$/u.test(octets) ? `${value} ${JSON.stringify(octets)}` : value;
  }
  return typeof value === "string" ? JSON.stringify(value) : String(value);
}

function showEncoded(result: EncodedHex): void {
  if (result.ok) print(result.hex);
  else for (const { field, problem } of result.problems) printError(`floe: ${field} ${problem}`);
}

function showReceipt(result: Receipt): void {
  if ("error" in result) printError(`floe: ${result.error}`);
  else if (!result.receipt) print("This is no receipt.");
  else {
    const { receipt: _, ...fields } = result;
    for (const [name, value] of Object.entries(fields))
      if (value !== null) print(`${name} ${value}`);
  }
}
