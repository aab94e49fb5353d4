/** `floe numbers`: whose the numbers are that people write to, in the local system. */
import type { Command } from "commander";
import { SYSTEM_CLOCK } from "../../core/clock.js";
import { encodeConfig } from "../../core/configuration.js";
import { FloeError } from "../../core/errors.js";
import {
  assignmentKey,
  checkAssignment,
  type NumberAssignment,
  parseAssignment,
  plainKeyword,
  plainNumber,
} from "../../core/numbers.js";
import { type Cell, print, table } from "../../core/output.js";
import type { Bucket, StreamClient } from "../../core/stream/stream.js";
import { BUCKETS } from "../../core/subjects.js";
import { openLocalStream } from "./connect.js";
import { cliSettings, homeOption, jsonOption } from "./options.js";

interface Flags {
  home?: string;
  json?: boolean;
  account?: string;
  keyword?: string;
}

const NUMBERS = "one number, or the first and last of a range: 447700900000-447700900999";

export function addNumbers(program: Command): void {
  const numbers = program.command("numbers").description("numbers that people write to");
  numbers
    .command("assign")
    .description("give a number, a range, or a keyword on a shared number to an account")
    .argument("<number>", NUMBERS)
    .requiredOption("--account <number>", "whose it is from now on")
    .option("--keyword <word>", "only messages that begin with this word")
    .addOption(homeOption())
    .addOption(jsonOption())
    .action(assign);
  numbers
    .command("list")
    .description("all that are assigned")
    .option("--account <number>", "only those of this account")
    .addOption(homeOption())
    .addOption(jsonOption())
    .action(list);
  numbers
    .command("release")
    .description("take a number, a range, or a keyword from its account")
    .argument("<number>", NUMBERS)
    .option("--keyword <word>", "only this keyword of it")
    .addOption(homeOption())
    .action(release);
}

async function assign(number: string, flags: Flags): Promise<void> {
  const wanted = {
    ...rangeOf(number, flags.keyword),
    account: Number(flags.account),
    changedBy: "cli",
    changedAtMs: SYSTEM_CLOCK.nowMs(),
  };
  const checked = checkAssignment(wanted);
  if (!checked.success) {
    const problems = checked.error.issues.map((one) => `${one.path.join(".")} ${one.message}`);
    throw new FloeError("settings.invalid", { problems });
  }
  const { account } = checked.data;
  await withClient(flags, async (client) => {
    const accounts = await client.bucket(BUCKETS.accounts);
    if ((await accounts.get(String(account))) === undefined) {
      throw new FloeError("settings.invalid", { problems: [`There is no account ${account}.`] });
    }
    const bucket = await client.bucket(BUCKETS.numbers);
    await bucket.put(assignmentKey(checked.data), encodeConfig(checked.data));
  });
  if (flags.json === true) print(JSON.stringify(checked.data));
  else print(`${toldOf(checked.data)} belongs to account ${account}.`);
}

async function list(flags: Flags): Promise<void> {
  const found = await withBucket(flags, async (bucket) =>
    (await bucket.entries()).map(({ value }) => parseAssignment(value)),
  );
  const ours = found
    .filter(({ account }) => flags.account === undefined || account === Number(flags.account))
    .sort((a, b) => (a.from + a.keyword < b.from + b.keyword ? -1 : 1));
  if (flags.json === true) {
    print(JSON.stringify(ours, undefined, 2));
    return;
  }
  if (ours.length === 0) print("No number is assigned.");
  else {
    const rows = ours.map((one): Cell[] => [one.from, one.to, one.keyword, String(one.account)]);
    print(table(["from", "to", "keyword", "account"], rows));
  }
}

async function release(number: string, flags: Flags): Promise<void> {
  const about = rangeOf(number, flags.keyword);
  const was = await withBucket(flags, async (bucket) => {
    const key = assignmentKey(about);
    const there = await bucket.get(key);
    if (there !== undefined) await bucket.delete(key);
    return there;
  });
  if (was === undefined) {
    throw new FloeError("settings.invalid", { problems: [`${toldOf(about)} is not assigned.`] });
  }
  print(`${toldOf(about)} belongs to nobody now.`);
}

function rangeOf(text: string, keyword = ""): Pick<NumberAssignment, "from" | "to" | "keyword"> {
  const [from, to = from] = text.split("-").map(plainNumber);
  return { from: from ?? "", to: to ?? "", keyword: plainKeyword(keyword) };
}

function toldOf({ from, to, keyword }: Pick<NumberAssignment, "from" | "to" | "keyword">): string {
  const number = from === to ? from : `${from} to ${to}`;
  return keyword === "" ? number : `${keyword} on ${number}`;
}

function withBucket<T>(flags: Flags, work: (bucket: Bucket) => Promise<T>): Promise<T> {
  return withClient(flags, async (client) => work(await client.bucket(BUCKETS.numbers)));
}

async function withClient<T>(flags: Flags, work: (client: StreamClient) => Promise<T>): Promise<T> {
  const { home } = await cliSettings(flags);
  const client = await openLocalStream(home);
  try {
    return await work(client);
  } finally {
    await client.close();
  }
}
