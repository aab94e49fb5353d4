/** Quote flags: one hypothetical message as flags of `floe quote` and `floe explain` say it. */
import { type Command, Option } from "commander";
import { FloeError } from "../../core/errors.js";
import {
  CLASSES,
  isProblem,
  parseQuoteRequest,
  type QuoteRequest,
} from "../../workers/quote-request.js";

export interface MessageFlags {
  to?: string;
  from?: string;
  text?: string;
  binary?: string;
  udh?: string;
  account?: string;
  plan?: string;
  class?: string;
  region?: string;
  at?: string;
  validate?: boolean;
  monthSegments?: string;
  messageId?: string;
}

export function addMessageOptions(command: Command): Command {
  return command
    .option("--to <number>", "recipient: international, or national with --region")
    .option("--from <sender>", "number, short code or up to 11 characters")
    .option("--text <text>", "what would be sent")
    .option("--binary <hex>", "octets that would be sent in place of a text")
    .option("--udh <hex>", "user data header before them, its length octet included")
    .option("--account <number>", "whose message it would be (default: nobody's)")
    .option(
      "--plan <plan>",
      "number or name of a price plan (default: the account's, else the first)",
    )
    .addOption(new Option("--class <class>", "traffic class").choices(CLASSES.slice(1)))
    .option("--region <country>", "whose national numbers are understood: two letters")
    .option("--at <time>", "rate at this time, such as 2026-11-24T09:30:00Z (default: now)")
    .option("--no-validate", "take the number by its prefix even if it is not valid")
    .option("--month-segments <count>", "segments that the account has sent in the month")
    .option("--message-id <uuid>", "which message it would be, for routes by weight");
}

/** Names of flags by the names of a request's fields. */
const FLAG_NAMES: Readonly<Record<string, string>> = {
  trafficClass: "class",
  defaultRegion: "region",
  monthSegments: "month-segments",
  messageId: "message-id",
};

/**
 * What the flags say of lines of a file that do not say it themselves.
 * @throws FloeError "settings.invalid" naming the flag.
 */
export function readSomeFlags(flags: MessageFlags): QuoteRequest {
  return readFlags({
    ...{ to: "", from: "" },
    ...(flags.binary === undefined && flags.udh === undefined ? { text: "" } : {}),
    ...flags,
  });
}

/** @throws FloeError "settings.invalid" naming the flag. */
export function readFlags(flags: MessageFlags): QuoteRequest {
  const request = parseQuoteRequest({
    to: flags.to,
    from: flags.from,
    text: flags.text,
    binary: flags.binary,
    udh: flags.udh,
    account: flags.account,
    plan: flags.plan,
    trafficClass: flags.class,
    defaultRegion: flags.region,
    at: flags.at,
    validate: flags.validate,
    monthSegments: flags.monthSegments,
    messageId: flags.messageId,
  });
  if (!isProblem(request)) return request;
  const name = FLAG_NAMES[request.field] ?? request.field;
  throw new FloeError("settings.invalid", { problems: [`--${name} ${request.problem}.`] });
}
