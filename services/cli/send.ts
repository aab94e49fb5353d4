/** `floe send`: one or more messages through the gRPC API, and what became of each call. */
import { type Command, Option } from "commander";
import { FloeError } from "../../core/errors.js";
import { print, printError } from "../../core/output.js";
import {
  type Message,
  ReceiptRequest,
  type SendResult,
  TrafficClass,
} from "../../core/proto/floe/v1/messaging.js";
import { openSender, toldStatus, violations } from "./grpc.js";
import { requireLocal } from "./local-system.js";
import { cliSettings, homeOption, jsonOption } from "./options.js";
import { wholeOf } from "./whole.js";

const CLASSES = {
  authentication: TrafficClass.TRAFFIC_CLASS_AUTHENTICATION,
  transactional: TrafficClass.TRAFFIC_CLASS_TRANSACTIONAL,
  promotional: TrafficClass.TRAFFIC_CLASS_PROMOTIONAL,
} as const;

interface Flags {
  to: string[];
  from: string;
  text?: string;
  binary?: string;
  udh?: string;
  flash?: boolean;
  class: keyof typeof CLASSES;
  idempotencyKey?: string;
  reference?: string;
  validity?: string;
  receipt: boolean;
  target?: string;
  key?: string;
  home?: string;
  json?: boolean;
}

export function addSend(program: Command): void {
  program
    .command("send")
    .description("send a message")
    .requiredOption("--to <number...>", "recipients, in E.164 with a leading +")
    .requiredOption("--from <sender>", "number, short code or up to 11 characters")
    .option("--text <text>", "what is sent")
    .option("--binary <hex>", "octets in place of a text")
    .option("--udh <hex>", "user data header before them, its length octet included")
    .option("--flash", "shown at once, and kept by few phones (message class 0)")
    .addOption(
      new Option("--class <class>", "decides the lane")
        .choices(Object.keys(CLASSES))
        .default("transactional"),
    )
    .option("--idempotency-key <key>", "makes a repeat harmless for 24 hours")
    .option("--reference <text>", "yours, kept in the call detail record")
    .option("--validity <seconds>", "not sent later than this after acceptance")
    .option("--no-receipt", "ask the carrier for no delivery receipt")
    .option("--target <host:port>", "gateway (default: that of the local system)")
    .option("--key <key>", "API key (default: FLOE_KEY or that of the local system)")
    .addOption(homeOption())
    .addOption(jsonOption())
    .action(send);
}

async function send(flags: Flags): Promise<void> {
  const settings = await cliSettings(flags);
  const local =
    flags.target !== undefined && settings.key !== "" ? undefined : requireLocal(settings.home);
  const sender = openSender(
    flags.target ?? local?.grpc ?? "",
    settings.key === "" ? (local?.apiKey ?? "") : settings.key,
  );
  try {
    const results = await sender.sendBatch(flags.to.map((to) => messageTo(to, flags)));
    if (results.some((one) => one.result?.$case !== "messageId")) process.exitCode = 1;
    if (flags.json === true) print(JSON.stringify(results.map(plain), undefined, 2));
    else for (const [at, one] of results.entries()) tell(one, at, results.length);
  } finally {
    sender.close();
  }
}

function messageTo(to: string, flags: Flags): Message {
  const validitySeconds = wholeOf(flags.validity ?? "0", "--validity");
  return {
    to,
    from: flags.from,
    body: bodyOf(flags),
    trafficClass: CLASSES[flags.class],
    idempotencyKey: flags.idempotencyKey ?? "",
    clientReference: flags.reference ?? "",
    validitySeconds,
    receipt: flags.receipt
      ? ReceiptRequest.RECEIPT_REQUEST_FINAL
      : ReceiptRequest.RECEIPT_REQUEST_NONE,
    tags: {},
    flash: flags.flash === true,
  };
}

/** @throws FloeError "settings.invalid" */
function bodyOf({ text, binary, udh }: Flags): NonNullable<Message["body"]> {
  const isBinary = binary !== undefined || udh !== undefined;
  if (isBinary === (text !== undefined)) {
    throw new FloeError("settings.invalid", {
      problems: ["Give either --text, or --binary, --udh or both."],
    });
  }
  if (text !== undefined) return { $case: "text", text };
  return {
    $case: "binary",
    binary: { data: octetsOf("--binary", binary), udh: octetsOf("--udh", udh) },
  };
}

/** @throws FloeError "settings.invalid" */
function octetsOf(flag: string, hex = ""): Buffer {
  if (/^(?:[0-9A-Fa-f]{2})*$/.test(hex)) return Buffer.from(hex, "hex");
  throw new FloeError("settings.invalid", {
    problems: [`${flag} must be octets as pairs of hexadecimal digits.`],
  });
}

function tell({ result }: SendResult, at: number, of: number): void {
  const which = of === 1 ? "" : `recipient ${at + 1}: `;
  if (result?.$case === "messageId") print(`${which}accepted as ${result.messageId}`);
  else printError(`${which}refused: ${toldStatus(result?.error)}`);
}

function plain({ result }: SendResult): object {
  if (result?.$case === "messageId") return { messageId: result.messageId };
  const { code = 2, message = "no result" } = result?.error ?? {};
  return { error: { code, message, fields: violations(result?.error) } };
}
