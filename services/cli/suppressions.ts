/** `floe suppressions`: who asked whom to stop, in the local system. Numbers lie there as tokens only. */
import { join } from "node:path";
import type { Command } from "commander";
import { SYSTEM_CLOCK } from "../../core/clock.js";
import { encodeConfig } from "../../core/configuration.js";
import { FloeError } from "../../core/errors.js";
import { loadKeys } from "../../core/keys.js";
import { tokenOf } from "../../core/number-seal.js";
import { plainNumber } from "../../core/numbers.js";
import { type Cell, print, table } from "../../core/output.js";
import type { Bucket } from "../../core/stream/stream.js";
import { BUCKETS } from "../../core/subjects.js";
import {
  parseSuppression,
  readSuppressionKey,
  type Suppression,
  suppressionKey,
  suppressionSettingsKey,
} from "../../core/suppressions.js";
import { openLocalStream } from "./connect.js";
import { cliSettings, homeOption, jsonOption } from "./options.js";

interface Flags {
  home?: string;
  json?: boolean;
  account?: string;
  sender?: string;
  authentication?: string;
}

export function addSuppressions(program: Command): void {
  const all = program.command("suppressions").description("who asked whom to stop");
  all
    .command("list")
    .description("all entries; numbers as their tokens")
    .option("--account <number>", "only those of this account")
    .addOption(homeOption())
    .addOption(jsonOption())
    .action(list);
  for (const [name, state, help] of [
    ["stop", "stopped", "send nothing more to a number"],
    ["start", "started", "send to a number again"],
  ] as const) {
    all
      .command(name)
      .description(help)
      .argument("<number>", "whom")
      .requiredOption("--account <number>", "whose messages")
      .option("--sender <sender>", "from this sender only; default: from any")
      .addOption(homeOption())
      .action((number: string, flags: Flags) => say(number, flags, state));
  }
  all
    .command("settings")
    .description("what opt-outs mean for an account")
    .requiredOption("--account <number>", "which")
    .requiredOption("--authentication <on|off>", "whether they hold back authentication as well")
    .addOption(homeOption())
    .action(set);
}

async function list(flags: Flags): Promise<void> {
  const entries = await withBucket(flags, (bucket) => bucket.entries());
  const found = entries.flatMap(({ key, value }) => {
    const about = readSuppressionKey(key);
    if (about === undefined) return [];
    if (flags.account !== undefined && about.account !== Number(flags.account)) return [];
    const { state, atMs, by } = parseSuppression(value);
    const token = Buffer.from(about.token).toString("hex");
    const { account, sender } = about;
    return [{ account, token, sender, state, at: new Date(atMs).toISOString(), by }];
  });
  if (flags.json === true) {
    print(JSON.stringify(found, undefined, 2));
    return;
  }
  if (found.length === 0) print("Nobody asked anybody to stop.");
  else {
    const rows = found.map((one): Cell[] => [
      String(one.account),
      one.token,
      one.sender === "" ? "all" : one.sender,
      one.state,
      one.at,
      one.by,
    ]);
    print(table(["account", "number's token", "sender", "state", "at", "by"], rows));
  }
}

async function say(number: string, flags: Flags, state: Suppression["state"]): Promise<void> {
  const { home } = await cliSettings(flags);
  const token = tokenOf(plainNumber(number), loadKeys(join(home, "keys.json")).token);
  if (token === undefined) {
    throw new FloeError("settings.invalid", { problems: ["That is no telephone number."] });
  }
  const key = suppressionKey({ account: accountOf(flags), token, sender: flags.sender ?? "" });
  const value: Suppression = { state, atMs: SYSTEM_CLOCK.nowMs(), by: "operator" };
  await withBucket(flags, (bucket) => bucket.put(key, encodeConfig(value)));
  print(state === "stopped" ? "Nothing more goes there." : "Messages go there again.");
}

async function set(flags: Flags): Promise<void> {
  const { authentication } = flags;
  if (authentication !== "on" && authentication !== "off") {
    throw new FloeError("settings.invalid", { problems: ["--authentication must be on or off."] });
  }
  const key = suppressionSettingsKey(accountOf(flags));
  const value = encodeConfig({ authentication: authentication === "on" });
  await withBucket(flags, (bucket) => bucket.put(key, value));
  print(`Opt-outs ${authentication === "on" ? "hold back" : "let through"} authentication.`);
}

function accountOf({ account }: Flags): number {
  const number = Number(account);
  if (Number.isInteger(number) && number > 0 && number <= 0xffff_ffff) return number;
  throw new FloeError("settings.invalid", { problems: ["--account must be an account's number."] });
}

async function withBucket<T>(flags: Flags, work: (bucket: Bucket) => Promise<T>): Promise<T> {
  const { home } = await cliSettings(flags);
  const client = await openLocalStream(home);
  try {
    return await work(await client.bucket(BUCKETS.suppressions));
  } finally {
    await client.close();
  }
}
