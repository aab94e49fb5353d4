/**
 * Receipt text: every field of a receipt's text, for people who read captures (`floe receipt parse`).
 *
 * The text that v3.4 proposes (appendix B) is no standard, and carriers leave fields out, add some,
 * write seconds, long words, other cases. What a field says is kept as it was sent; beside it stand
 * its state and times as Floe understands them. The hot path (receipt.ts) reads the same four fields
 * by offset; a property test holds the two together.
 */
import { STATE_NAMES } from "../../../core/message.js";
import { readDate, stateOfWord } from "./receipt.js";

export type ParsedReceipt =
  | { readonly receipt: false }
  | {
      readonly receipt: true;
      /** As sent; null: absent. */
      readonly id: string | null;
      readonly stat: string | null;
      /** Name of the state that `stat` proves; null: a word that nobody knows. */
      readonly state: string | null;
      readonly err: string | null;
      readonly submit_date: string | null;
      readonly done_date: string | null;
      readonly sub: string | null;
      readonly dlvrd: string | null;
      readonly text: string | null;
      /** RFC 3339, read as UTC since receipts name no zone; null: absent, or no date. */
      readonly submitted_at: string | null;
      readonly done_at: string | null;
    };

const KEYS = ["id", "sub", "dlvrd", "submit_date", "done_date", "stat", "err", "text"] as const;
type Key = (typeof KEYS)[number];

/** A key, its colon, up to two blanks. Two words may be joined by a blank, an underscore, or nothing. */
const KEY =
  /(?:^|[\s,;])(id|sub|dlvrd|submit[ _]?date|done[ _]?date|stat(?:e|us)?|err(?:or)?|text):[ ]{0,2}/giu;

export function parseReceipt(text: string): ParsedReceipt {
  const found = new Map<Key, string>();
  KEY.lastIndex = 0;
  for (let match = KEY.exec(text); match !== null; match = KEY.exec(text)) {
    const key = keyOf(match[1]!);
    const from = KEY.lastIndex;
    if (key === "text") {
      // What follows is the customer's, keys and all.
      const at = match.index + match[0].search(/text:/iu) + "text:".length;
      found.set(key, text.slice(at));
      break;
    }
    const value = /^[^\s,;]*/u.exec(text.slice(from))![0];
    if (!found.has(key) && value !== "") found.set(key, value);
    // The character after the value may be the one before the next key.
    KEY.lastIndex = from + value.length;
  }
  const stat = found.get("stat") ?? null;
  const rank = stat === null ? 0 : stateOf(stat);
  const others = KEYS.filter((key) => key !== "id" && key !== "text" && found.has(key)).length;
  if (!(rank > 0 || (found.has("id") && others > 0))) return { receipt: false };
  const get = (key: Key): string | null => found.get(key) ?? null;
  return {
    receipt: true,
    id: get("id"),
    stat,
    state: rank === 0 ? null : STATE_NAMES[rank]!,
    err: get("err"),
    submit_date: get("submit_date"),
    done_date: get("done_date"),
    sub: get("sub"),
    dlvrd: get("dlvrd"),
    text: get("text"),
    submitted_at: timeOf(get("submit_date")),
    done_at: timeOf(get("done_date")),
  };
}

function keyOf(word: string): Key {
  const plain = word.toLowerCase().replace(/[ _]/u, "");
  if (plain === "submitdate") return "submit_date";
  if (plain === "donedate") return "done_date";
  if (plain.startsWith("stat")) return "stat";
  return plain.startsWith("err") ? "err" : (plain as Key);
}

function stateOf(word: string): number {
  const bytes = Buffer.from(word, "latin1");
  return stateOfWord(bytes, 0, bytes.length);
}

function timeOf(date: string | null): string | null {
  if (date === null) return null;
  const bytes = Buffer.from(date, "latin1");
  const atMs = readDate(bytes, 0, bytes.length);
  return atMs === 0 ? null : new Date(atMs).toISOString();
}
