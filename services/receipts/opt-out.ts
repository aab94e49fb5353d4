/**
 * Opt-out: what a message from a phone asks for, and the suppression that keeps it.
 *
 * The whole message is the word, or the word and a keyword of a shared number: "stop it please" is
 * an answer to somebody. Case, accents, marks and blanks do not matter.
 */
import { encodeConfig } from "../../core/configuration.js";
import { FloeError } from "../../core/errors.js";
import type { Bucket } from "../../core/stream/stream.js";
import {
  parseSuppression,
  type Suppression,
  type SuppressionKey,
  suppressionKey,
} from "../../core/suppressions.js";
import type { Assignments } from "./assignments.js";
import { OPT_OUT_WORDS, type OptOutAction } from "./opt-out-words.js";

const ACTIONS = new Map<string, OptOutAction>();
for (const { words } of OPT_OUT_WORDS) {
  for (const [action, list] of Object.entries(words)) {
    for (const word of list) ACTIONS.set(plainWord(word), action as OptOutAction);
  }
}

/** Longer than any of the words, keyword included: it is not looked at. */
const CHARACTERS_MAX = 80;

/** Capitals, without accents (of letters that have a plain form), marks and blanks. */
export function plainWord(text: string): string {
  const bare = text.normalize("NFKD").replaceAll(/[\u0300-\u036f\u0610-\u061a\u064b-\u065f]/gu, "");
  return bare
    .toUpperCase()
    .normalize("NFC")
    .replaceAll(/[^\p{L}\p{M}\p{N}]/gu, "");
}

/** What the text asks for; undefined: nothing of the kind. */
export function actionOf(text: string): OptOutAction | undefined {
  if (text.length > CHARACTERS_MAX) return undefined;
  return ACTIONS.get(plainWord(text));
}

export interface Asked {
  readonly action: OptOutAction;
  /** Whose messages it is about. */
  readonly accounts: readonly number[];
}

/**
 * What a message to `number` asks for. On a shared number "STOP" is said to all who share it, "STOP
 * KEYWORD" and "KEYWORD STOP" to one.
 */
export function askedOf(text: string, number: string, assignments: Assignments): Asked | undefined {
  const whole = actionOf(text);
  if (whole !== undefined) return { action: whole, accounts: assignments.accountsOf(number) };
  if (text.length > CHARACTERS_MAX) return undefined;
  const words = text.trim().split(/\s+/u);
  if (words.length < 2) return undefined;
  for (const [keyword, rest] of [
    [words.at(-1)!, words.slice(0, -1)],
    [words[0]!, words.slice(1)],
  ] as const) {
    const account = assignments.keyword(number, keyword);
    const action = account === undefined ? undefined : actionOf(rest.join(" "));
    if (account !== undefined && action !== undefined) return { action, accounts: [account] };
  }
  return undefined;
}

const TRIES_MAX = 10;

/**
 * Keeps it, unless something later is kept already: what is read again after a crash changes nothing.
 * @throws FloeError "stream.*"
 */
export async function keepAsked(
  bucket: Bucket,
  { action, accounts }: Asked,
  token: Uint8Array,
  number: string,
  atMs: number,
): Promise<void> {
  if (action === "HELP") return;
  const state = action === "STOP" || action === "STOPALL" ? "stopped" : "started";
  const sender = action === "STOPALL" || action === "STARTALL" ? "" : number;
  for (const account of accounts) {
    await keep(bucket, { account, token, sender }, { state, atMs, by: "phone" });
  }
}

async function keep(bucket: Bucket, about: SuppressionKey, said: Suppression): Promise<void> {
  const key = suppressionKey(about);
  for (let tries = 0; tries < TRIES_MAX; tries += 1) {
    const there = await bucket.get(key);
    if (there !== undefined && parseSuppression(there.value).atMs > said.atMs) return;
    const value = encodeConfig(said);
    if ((await bucket.compareAndSet(key, value, there?.revision ?? 0)) !== undefined) return;
  }
  throw new FloeError("stream.fenced", { bucket: "floe_suppressions" });
}
