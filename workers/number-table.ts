/**
 * Number table: the numbering plans of the world, as the build compiled them, and how they lie in
 * a file.
 *
 * In: workers/numbers.bin, which `npm run generate` makes of libphonenumber's metadata
 * (deploy/numbers/). Out: typed arrays that number.ts walks, one step a digit.
 *
 * The file: bytes of the head, states (each 32 bits, little-endian); the head, JSON; then the ten
 * successors of each state and the labels, 16 bits each, little-endian.
 */
import assert from "node:assert";
import { readFileSync } from "node:fs";
import { endianness } from "node:os";

/** Kinds of numbers; `number.type` is an index into this. */
export const NUMBER_TYPES = [
  "unknown",
  "mobile",
  "fixed",
  "fixed_or_mobile",
  "toll_free",
  "premium",
  "shared_cost",
  "voip",
  "personal",
  "pager",
  "uan",
  "voicemail",
  "short_code",
] as const;
export type NumberType = (typeof NUMBER_TYPES)[number];

/** The label of a state: what is known of a national number that ends there. */
export const LABEL = {
  /** Index into NUMBER_TYPES. */
  typeMask: 15,
  valid: 16,
  /** Matches the general pattern of the plan. */
  general: 32,
  /** Begins with what may be a national prefix. */
  prefix: 64,
  /** Then the place of its country among those of the calling code, from 1; 0: none of them. */
  countryShift: 7,
} as const;

/** What national numbers of a country may begin with: texts, first match first, or an expression. */
export interface PrefixRule {
  readonly texts: readonly string[];
  /** Regular expression, without "^"; "" if there are texts, or no prefix at all. */
  readonly expression: string;
  /** Digits and a group, "9$1": replaces the match where the group took part; "" for none. */
  readonly transform: string;
}
interface CountryPlan {
  /** ISO 3166-1 alpha-2; "" for a plan that belongs to no country. */
  readonly code: string;
  readonly callingCode: string;
  /** Bit n: a national number may have n digits. */
  readonly lengths: number;
  readonly root: number;
  readonly national: PrefixRule;
  readonly international: PrefixRule;
}
interface CodePlan {
  readonly callingCode: string;
  /** Its first country, as an index from 1; 0 if it belongs to none. */
  readonly first: number;
  /** The plan, as an index from 1, that speaks for it while the country is unknown. */
  readonly plan: number;
  readonly root: number;
}
export interface NumberPlans {
  /** Countries, those of one calling code side by side; then plans of no country. */
  readonly countries: readonly CountryPlan[];
  readonly geographic: number;
  readonly codes: readonly CodePlan[];
  /** Successors of each state by digit, ten a state. */
  readonly next: Uint16Array | Uint32Array;
  readonly labels: Uint16Array;
}

const FILE = new URL("../../workers/numbers.bin", import.meta.url);
const SIZES_BYTES = 8;

/** @throws Error if the file is missing or is not whole: the installation is broken. */
export function loadPlans(): NumberPlans {
  return decodePlans(readFileSync(FILE));
}

export function encodePlans(plans: NumberPlans): Uint8Array {
  const { next, labels, ...rest } = plans;
  assert(labels.length <= 0xffff, "more states than 16 bits can name");
  const head = Buffer.from(JSON.stringify(rest), "utf8");
  const bytes = Buffer.alloc(SIZES_BYTES + head.length + 2 * (next.length + labels.length));
  bytes.writeUInt32LE(head.length, 0);
  bytes.writeUInt32LE(labels.length, 4);
  bytes.set(head, SIZES_BYTES);
  let at = SIZES_BYTES + head.length;
  for (const half of [...next, ...labels]) at = bytes.writeUInt16LE(half, at);
  return bytes;
}

function decodePlans(bytes: Buffer): NumberPlans {
  const headBytes = bytes.readUInt32LE(0);
  const states = bytes.readUInt32LE(4);
  const at = SIZES_BYTES + headBytes;
  assert.equal(bytes.length, at + 22 * states, "numbers.bin is not whole");
  const head = JSON.parse(bytes.toString("utf8", SIZES_BYTES, at)) as Omit<
    NumberPlans,
    "next" | "labels"
  >;
  // A copy of its own begins at an even place, which the file's words need not.
  const words = new Uint8Array(bytes.subarray(at));
  if (endianness() === "BE") Buffer.from(words.buffer).swap16();
  const next = new Uint16Array(words.buffer, 0, states * 10);
  const labels = new Uint16Array(words.buffer, states * 20, states);
  return { ...head, next, labels };
}
