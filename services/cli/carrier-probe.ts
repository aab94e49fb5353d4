/**
 * `floe carrier probe`: looks at a carrier as it is: connects, binds, measures, sends to test
 * numbers if it may, and tells what it found, what is wrong, and the profile that follows.
 *
 * Exit code 1 if something is wrong. With --json the profile alone is on standard output, as
 * `floe carriers create --file -` takes it, and everything else on standard error.
 */
import { readFileSync, writeFileSync } from "node:fs";
import type { Command } from "commander";
import { SYSTEM_CLOCK } from "../../core/clock.js";
import { type CarrierConfig, checkCarrier, parseCarrier } from "../../core/configuration.js";
import { problemsOf } from "../../core/entities.js";
import { FloeError } from "../../core/errors.js";
import { type Colour, paint, print, printError, table } from "../../core/output.js";
import { Carrier } from "../../core/proto/floe/v1/carriers.js";
import type { StreamClient } from "../../core/stream/stream.js";
import { BUCKETS } from "../../core/subjects.js";
import { CARRIER } from "../admin/entities/carriers.js";
import { fieldOf, openProblems } from "../admin/problems.js";
import { CARRIER_FIELDS } from "./carrier-fields.js";
import { openLocalStream } from "./connect.js";
import { messageOf, type Plain, plainOf } from "./entity-fields.js";
import { readLocal } from "./local-system.js";
import { cliSettings, homeOption, jsonOption } from "./options.js";
import { type Finding, findingsOf, learnedProfile, type Verdict } from "./probe/findings.js";
import { runProbe, type Sending } from "./probe/run.js";
import { type Slots, takeSlots } from "./probe/slots.js";
import { LOOK_AT, REST_MS, shown } from "./probe/submits.js";

interface Flags {
  profile?: string;
  passwordFile?: string;
  tlsKeyFile?: string;
  to?: string[];
  from?: string;
  tag?: string[];
  maxMessages: string;
  maxRate?: string;
  maxWindow?: string;
  seconds: string;
  yes?: boolean;
  dryRun?: boolean;
  json?: boolean;
  out?: string;
  home?: string;
}

const RATE_DEFAULT = 20;
const COLOURS: Readonly<Record<Verdict, Colour>> = {
  ok: "green",
  note: "grey",
  wrong: "red",
  unknown: "yellow",
};

/** Below `floe carriers`, which is `floe carrier` as well. */
export function addProbe(program: Command): void {
  program.commands
    .find((command) => command.name() === "carriers")!
    .alias("carrier")
    .command("probe")
    .description("find out how a carrier behaves: binds, window, rate, ids, receipts")
    .argument("[name]", "a configured carrier of the local system; or --profile")
    .option("--profile <file>", "of a carrier that is not configured, as carriers/*.json")
    .option("--password-file <path>", "file with the password, for --profile")
    .option("--tls-key-file <path>", "file with the key of the certificate, for --profile")
    .option("--to <number...>", "test numbers, E.164: nothing is sent without")
    .option("--from <sender>", "sender of the test messages")
    .option("--tag <key=value...>", "tags of the test messages, for TLVs taken from them")
    .option("--max-messages <number>", "at most so many are sent, parts of long ones too", "60")
    .option("--max-rate <number>", `a second, at most (default: the profile's, or ${RATE_DEFAULT})`)
    .option("--max-window <number>", "unanswered, at most (default: twice the profile's)")
    .option("--seconds <number>", "how long to wait for receipts", "60")
    .option("--yes", "send them: they cost money")
    .option("--dry-run", "say what would be done, and connect to nothing")
    .option("--out <file>", "write the profile that was learned")
    .addOption(homeOption())
    .addOption(jsonOption())
    .action(probe);
}

async function probe(name: string | undefined, flags: Flags): Promise<void> {
  const { home } = await cliSettings(flags);
  const say = flags.json === true ? printError : print;
  if ((name === undefined) === (flags.profile === undefined)) {
    throw wrong("name a configured carrier, or a file by --profile.");
  }
  if (name === undefined) {
    const config = profileIn(flags);
    if (flags.dryRun !== true && readLocal(home) !== undefined) {
      say("If a running system is bound with this login, its sessions count as well.");
    }
    await probeAs(config, flags, say, { own: config.binds, held: 0, stop: async () => {} });
    return;
  }
  const client = await openLocalStream(home);
  try {
    const config = await configured(client, name);
    const none: Slots = { own: config.binds, held: 0, stop: async () => {} };
    const slots = flags.dryRun === true ? none : await takeSlots(client, SYSTEM_CLOCK, config);
    try {
      await probeAs(config, flags, say, slots);
    } finally {
      await slots.stop();
    }
  } finally {
    await client.close();
  }
}

type Say = (line: string) => void;

async function probeAs(
  config: CarrierConfig,
  flags: Flags,
  say: Say,
  { own, held }: Slots,
): Promise<void> {
  const { sending, unsent } = sendingOf(config, flags);
  for (const line of planOf(config, own, sending, unsent, flags)) say(line);
  if (flags.dryRun === true) return;
  const results = await runProbe({
    ...{ config, binds: own, held, sending, unsent, clock: SYSTEM_CLOCK },
    waitSeconds: wholeOf(flags.seconds, "--seconds", 0, 86_400),
    progress: (line) => say(paint("grey", `  ${line}`)),
  });
  const findings = findingsOf(results);
  say("");
  say(tableOf(findings));
  if (sending !== undefined) {
    say("");
    say(`Look at the phone of ${shown(sending.numbers[0]!)}. It should show, letter by letter:`);
    for (const text of LOOK_AT) say(`  ${text}`);
    say(
      'and one message that begins with "Floe probe, long" and is whole. If letters of the first',
    );
    say("are wrong, try another alphabet; if the long one came in two, another longMessages.");
  }
  const profile = toldOf(learnedProfile(results));
  const text = JSON.stringify(profile, undefined, 2);
  if (flags.out !== undefined) {
    writeFileSync(flags.out, `${text}\n`);
    say(`The profile is in ${flags.out}: floe carriers create NAME --file ${flags.out}`);
  }
  if (flags.json === true) print(text);
  else if (flags.out === undefined) {
    say("");
    say("The profile that follows (--out FILE writes it):");
    say(text);
  }
  if (findings.some(({ verdict }) => verdict === "wrong")) process.exitCode = 1;
}

function tableOf(findings: readonly Finding[]): string {
  return table(
    ["what", "", "found"],
    findings.map(({ what, verdict, found }) => [what, paint(COLOURS[verdict], verdict), found]),
  );
}

function planOf(
  config: CarrierConfig,
  binds: number,
  sending: Sending | undefined,
  unsent: string,
  flags: Flags,
): string[] {
  const hosts = [config, ...(config.fallbackHosts ?? [])].map(
    ({ host, port }) => `${host}:${port}`,
  );
  const sends =
    sending === undefined
      ? `Sends nothing: ${unsent}.`
      : `Sends up to ${sending.messagesMax} messages to ${sending.numbers.map(shown).join(", ")}, ` +
        `at up to ${sending.rateMax} a second, and waits ${flags.seconds} s for receipts. They cost money.`;
  const tls = config.tls === undefined ? "" : " by TLS";
  return [
    `Binds to ${hosts.join(", ")}${tls} as ${config.systemId}, then ${binds} times (${config.bind}).`,
    sends,
  ];
}

function sendingOf(
  config: CarrierConfig,
  flags: Flags,
): { sending: Sending | undefined; unsent: string } {
  const { to: numbers = [], from } = flags;
  const messagesMax = wholeOf(flags.maxMessages, "--max-messages", 0, 1_000_000);
  const rateMax = wholeOf(
    flags.maxRate ?? String(config.partsPerSecond || RATE_DEFAULT),
    ...(["--max-rate", 1, 1_000_000] as const),
  );
  const windowMax = wholeOf(
    flags.maxWindow ?? String(Math.min(10_000, 2 * config.window)),
    ...(["--max-window", 1, 10_000] as const),
  );
  for (const number of numbers) {
    if (!/^\+[1-9]\d{6,14}$/.test(number)) throw wrong("--to takes numbers as in +447700900123.");
  }
  const none = (unsent: string) => ({ sending: undefined, unsent });
  if (numbers.length === 0) return none("there are no test numbers (--to)");
  if (from === undefined) return none("there is no sender (--from)");
  if (messagesMax === 0) return none("--max-messages is 0");
  if (flags.yes !== true && flags.dryRun !== true) {
    return none(`up to ${messagesMax} messages would cost money; --yes sends them`);
  }
  const tags = Object.fromEntries(
    (flags.tag ?? []).map((one) => {
      const at = one.indexOf("=");
      if (at < 1) throw wrong("--tag takes KEY=VALUE.");
      return [one.slice(0, at), one.slice(at + 1)];
    }),
  );
  return {
    sending: { from, numbers, tags, messagesMax, rateMax, windowMax, restMs: REST_MS },
    unsent: "",
  };
}

async function configured(client: StreamClient, name: string): Promise<CarrierConfig> {
  const entry = /^[a-z0-9-]{1,32}$/.test(name)
    ? await (await client.bucket(BUCKETS.carriers)).get(name)
    : undefined;
  if (entry === undefined) throw wrong(`there is no carrier ${JSON.stringify(name)}.`);
  return parseCarrier(entry.value);
}

/** The profile of a file, through the same checks as a carrier that is created. */
function profileIn(flags: Flags): CarrierConfig {
  const path = flags.profile!;
  let plain: Plain;
  try {
    plain = JSON.parse(readText(path)) as Plain;
  } catch (cause) {
    if (cause instanceof FloeError) throw cause;
    throw wrong(`${path} is not JSON.`);
  }
  if (typeof plain !== "object" || plain === null || Array.isArray(plain)) {
    throw wrong(`${path} is not a JSON object.`);
  }
  const given: Plain = { ...plain, name: "probe" };
  if (flags.passwordFile !== undefined) given["password"] = readText(flags.passwordFile).trim();
  if (flags.tlsKeyFile !== undefined) {
    given["tls"] = { ...(plain["tls"] as Plain | undefined), key: readText(flags.tlsKeyFile) };
  }
  const problems = openProblems("");
  const message = Carrier.fromPartial(messageOf(CARRIER_FIELDS, given));
  const checked = checkCarrier(CARRIER.toEntity(message, undefined, problems));
  for (const one of problemsOf(checked)) problems.add(fieldOf(one, {}), one.problem);
  if (checked.success && problems.found.length === 0) return checked.data;
  throw new FloeError("settings.invalid", {
    problems: problems.found.map(
      ({ field, description }) => `${path}: ${field.slice(1)} ${description}.`,
    ),
  });
}

/** As `floe carriers get --json` tells it, without what is of one system. */
function toldOf(config: CarrierConfig): Plain {
  const told = plainOf(CARRIER_FIELDS, CARRIER.toMessage(config) as unknown as Plain);
  const { name: _name, status: _status, link: _link, ...profile } = told;
  return profile;
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw new FloeError("settings.invalid", { problems: [`${path} cannot be read.`] }, cause);
  }
}

function wholeOf(text: string, name: string, min: number, max: number): number {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : -1;
  if (value >= min && value <= max) return value;
  throw wrong(`${name} must be a whole number from ${min} to ${max}.`);
}

function wrong(problem: string): FloeError {
  return new FloeError("settings.invalid", { problems: [problem] });
}
