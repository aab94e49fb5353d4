/** `floe dead`: what stages could not read, or what crashed them: looked at, replayed, discarded. */
import type { Command } from "commander";
import { FloeError } from "../../core/errors.js";
import { type Cell, print, table } from "../../core/output.js";
import {
  type DeadLetter,
  DeadLetterServiceService,
  DeadLetterState,
} from "../../core/proto/floe/v1/dead_letters.js";
import {
  AttemptFrame,
  DecisionFrame,
  DispatchFrame,
  InboundFrame,
  ReceiptFrame,
  RequestFrame,
} from "../../core/proto/floe/v1/frames.js";
import { wordsOf } from "./entity-fields.js";
import { addOperatorOptions, allPages, type OperatorFlags, operate } from "./operator.js";

export function addDead(program: Command): void {
  const dead = program
    .command("dead")
    .description("dead letters: records that a stage could not read, or that crashed it");
  addOperatorOptions(
    dead
      .command("list")
      .description("the oldest first; kept for a week")
      .option("--all", "also those that were replayed or discarded"),
  ).action(list);
  addOperatorOptions(
    dead
      .command("show")
      .description("one of them")
      .argument("<id>", "as list tells it")
      .option("--frame", "also what was buried: numbers and texts (who asks is logged)"),
  ).action(show);
  addOperatorOptions(
    dead
      .command("replay")
      .description("send its message as a new one, or have its stage read it again")
      .argument("<id>", "as list tells it"),
  ).action((id: string, flags: OperatorFlags) => end("replayDeadLetter", id, flags));
  addOperatorOptions(
    dead
      .command("discard")
      .description("it was looked at, and nothing is to be done")
      .argument("<id>", "as list tells it"),
  ).action((id: string, flags: OperatorFlags) => end("discardDeadLetter", id, flags));
}

async function list(flags: OperatorFlags & { all?: boolean }): Promise<void> {
  const all = flags.all === true;
  const letters = await operate(flags, (operator) =>
    allPages<DeadLetter>(operator, DeadLetterServiceService, "listDeadLetters", "deadLetters", {
      all,
    }),
  );
  if (flags.json === true) {
    print(JSON.stringify(letters.map(plain), undefined, 2));
    return;
  }
  const rows = letters.map((one): Cell[] => [
    String(one.id),
    one.buriedAt?.toISOString() ?? "",
    one.stage,
    one.reason,
    one.stream,
    String(one.sequence),
    one.account === 0 ? "" : one.account,
    one.messageId,
    stateOf(one),
  ]);
  const heads = [
    "id",
    "at",
    "stage",
    "reason",
    "stream",
    "sequence",
    "account",
    "message",
    "state",
  ];
  if (rows.length > 0) print(`${table(heads, rows)}\n`);
  const waiting = letters.filter((one) => stateOf(one) === "waiting").length;
  print(
    waiting === 0 ? "None waits for a look." : `${waiting} wait for a look: floe dead show ID.`,
  );
}

async function show(id: string, flags: OperatorFlags & { frame?: boolean }): Promise<void> {
  const withFrame = flags.frame === true;
  const { deadLetter, frame } = await operate(flags, (operator) =>
    operator.call<{ deadLetter: DeadLetter; frame: Buffer }>(
      DeadLetterServiceService,
      "getDeadLetter",
      { id: idOf(id), withFrame },
    ),
  );
  const told = withFrame ? { frame: frame.toString("hex"), read: readOf(deadLetter, frame) } : {};
  if (flags.json === true) {
    print(JSON.stringify({ ...plain(deadLetter), ...told }, undefined, 2));
    return;
  }
  const rows = Object.entries(plain(deadLetter))
    .filter(([, value]) => value !== "" && value !== undefined && !isEmpty(value))
    .map(([name, value]): Cell[] => [name, wordOf(value)]);
  print(table(["field", "value"], rows));
  if (!withFrame) return;
  print(`\n${JSON.stringify(told.read ?? "It cannot be read.", undefined, 2)}\n\n${told.frame}`);
  if (deadLetter.stage === "connector" && deadLetter.stream === "RECEIPTS") {
    print("\nIt is a PDU of a carrier: floe smpp decode HEX tells its fields.");
  }
}

async function end(call: string, id: string, flags: OperatorFlags): Promise<void> {
  const { deadLetter } = await operate(flags, (operator) =>
    operator.call<{ deadLetter: DeadLetter }>(DeadLetterServiceService, call, { id: idOf(id) }),
  );
  if (flags.json === true) {
    print(JSON.stringify(plain(deadLetter), undefined, 2));
    return;
  }
  const { replayedAs, stage } = deadLetter;
  if (stateOf(deadLetter) === "discarded") print(`Dead letter ${id} is discarded.`);
  else if (replayedAs.length > 0) print(`Sent again as ${replayedAs.join(", ")}.`);
  else print(`${stage} reads it again.`);
}

function idOf(text: string): bigint {
  if (/^[1-9]\d{0,15}$/.test(text)) return BigInt(text);
  throw new FloeError("settings.invalid", { problems: ["The id must be a whole number above 0."] });
}

function stateOf({ state }: DeadLetter): string {
  return wordsOf(DeadLetterState)[state] ?? "";
}

function wordOf(value: unknown): string {
  if (value instanceof Date) return value.toISOString();
  return Array.isArray(value) ? value.join(" ") : String(value);
}

function isEmpty(value: unknown): boolean {
  return value === 0 || (Array.isArray(value) && value.length === 0);
}

function plain(letter: DeadLetter): Readonly<Record<string, unknown>> {
  return {
    ...letter,
    id: Number(letter.id),
    sequence: Number(letter.sequence),
    state: stateOf(letter),
  };
}

const CODECS: Readonly<Record<string, { decode(bytes: Uint8Array): object }>> = {
  REQUESTS: RequestFrame,
  DECISIONS: DecisionFrame,
  DISPATCH: DispatchFrame,
  ATTEMPTS: AttemptFrame,
  RECEIPTS: ReceiptFrame,
  INBOUND: InboundFrame,
};

/** The frame's fields, as far as they can be read; octets in hex. */
function readOf({ stream }: DeadLetter, frame: Uint8Array): unknown {
  try {
    const fields = CODECS[stream]?.decode(frame);
    return fields === undefined ? undefined : JSON.parse(JSON.stringify(fields, asText));
  } catch {
    return undefined;
  }
}

function asText(_: string, value: unknown): unknown {
  if (typeof value === "bigint") return String(value);
  // Buffers come here as what their own toJSON made of them.
  const { type, data } = (value ?? {}) as { type?: unknown; data?: unknown };
  return type === "Buffer" ? Buffer.from(data as number[]).toString("hex") : value;
}
