/**
 * Suppressions: who asked whom to stop, in the bucket `floe_suppressions`.
 *
 * Key `s.<account>.<token of the number, hex>.<sender, hex>`, "all" in place of the sender for all
 * senders of the account; of the two that are about a message the later word counts. An entry is
 * never deleted: that a number asked to start again is what keeps an older "stop", which is read again
 * after a crash, from undoing it. Numbers are tokens only (promise P7).
 *
 * Key `settings.<account>`: what opt-outs mean for an account.
 */
import { z } from "zod";
import { parser } from "./configuration.js";

const suppression = z.strictObject({
  state: z.enum(["stopped", "started"]),
  /** When it was asked for, milliseconds since 1970. */
  atMs: z.int().min(0),
  /** The phone's own word, or an operator. */
  by: z.enum(["phone", "operator"]),
});
export type Suppression = z.output<typeof suppression>;

const settings = z.strictObject({
  /** Whether messages of class authentication are held back as well: who asks for a code wants it. */
  authentication: z.boolean(),
});
export type SuppressionSettings = z.output<typeof settings>;

export const parseSuppression = parser("suppression", suppression);
export const parseSuppressionSettings = parser("suppression settings", settings);

const ALL = "all";

/** What a suppression is about; sender "": all senders of the account. */
export interface SuppressionKey {
  readonly account: number;
  /** 16 bytes (core/number-seal.ts). */
  readonly token: Uint8Array;
  readonly sender: string;
}

export function suppressionKey({ account, token, sender }: SuppressionKey): string {
  const name = sender === "" ? ALL : Buffer.from(plainSender(sender), "utf8").toString("hex");
  return `s.${account}.${Buffer.from(token).toString("hex")}.${name}`;
}

/** What `suppressionKey` made, undefined for any other key of the bucket. */
export function readSuppressionKey(key: string): SuppressionKey | undefined {
  const found = /^s\.(\d{1,10})\.([0-9a-f]{32})\.(all|(?:[0-9a-f]{2})+)$/.exec(key);
  if (found === null) return undefined;
  const [, account, token, name] = found;
  const sender = name === ALL ? "" : Buffer.from(name!, "hex").toString("utf8");
  return { account: Number(account), token: Buffer.from(token!, "hex"), sender };
}

export function suppressionSettingsKey(account: number): string {
  return `settings.${account}`;
}

/** The account that a key of settings is about, undefined for any other key. */
export function accountOfSettingsKey(key: string): number | undefined {
  const found = /^settings\.(\d{1,10})$/.exec(key);
  return found === null ? undefined : Number(found[1]);
}

/** A sender as suppressions name it: a number by its digits alone. */
export function plainSender(sender: string): string {
  return /^\+\d+$/.test(sender) ? sender.slice(1) : sender;
}
