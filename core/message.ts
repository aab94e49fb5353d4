/**
 * Messages: their states and the order of these, reasons, lanes, ids, and where an account lives.
 */
import { ACCOUNT_SLOTS } from "./limits.js";

/**
 * States by rank: the highest wins, everywhere (owner, CDR, events). Terminal from UNKNOWN on,
 * and even a terminal state is raised by a higher one that comes late.
 */
export const STATE = {
  ACCEPTED: 1,
  SCHEDULED: 2,
  ROUTED: 3,
  SUBMITTED: 4,
  UNKNOWN: 5,
  EXPIRED: 6,
  CANCELED: 7,
  REJECTED: 8,
  UNDELIVERABLE: 9,
  PARTIALLY_DELIVERED: 10,
  DELIVERED: 11,
} as const;
export type StateName = keyof typeof STATE;
export type StateRank = (typeof STATE)[StateName];

/** Name by rank; index 0 is no state. */
export const STATE_NAMES: readonly string[] = ["", ...Object.keys(STATE)];

export function isTerminal(rank: number): boolean {
  return rank >= STATE.UNKNOWN;
}

/** Why a message ended without a carrier's word. Numbers are stored: never change one. */
export const REASON = {
  NONE: 0,
  NO_ROUTE: 1,
  NO_PRICE: 2,
  NUMBER_INVALID: 3,
  TOO_MANY_SEGMENTS: 4,
  IDEMPOTENCY_CONFLICT: 5,
  IDEMPOTENCY_FULL: 6,
  ACCOUNT_UNKNOWN: 7,
  NO_CREDIT: 8,
  EXPIRED: 9,
  INTERNAL: 10,
  NO_RECEIPT: 11,
  CARRIER_REFUSED: 12,
  BELOW_COST: 13,
  COUNTRY_BLOCKED: 14,
  PRICE_CEILING: 15,
  CLASS_BLOCKED: 16,
  SENDER_REFUSED: 17,
  BLOCKED_BY_RULE: 18,
  /** The recipient has asked this sender, or the whole account, to stop. */
  OPTED_OUT: 19,
  /** A prepaid account has less than it costs. */
  INSUFFICIENT_BALANCE: 25,
  /** A postpaid account would owe more than it may. */
  CREDIT_LIMIT: 26,
  SPEND_CAP_DAY: 27,
  SPEND_CAP_MONTH: 28,
  /** Suspended or closed since the message was accepted. */
  ACCOUNT_INACTIVE: 29,
  /** The account has as many messages without an outcome as it may. */
  TOO_MANY_OUTSTANDING: 30,
  /** More messages a second than the account may submit got past the gateways. */
  RATE_EXCEEDED: 31,
  /** Its carrier was not offered it in the time that the route gives; never final. */
  NOT_SUBMITTED: 32,
} as const;
export type ReasonName = keyof typeof REASON;
/** Name by number; "" where there is none. */
export const REASON_NAMES: readonly string[] = namesByNumber(REASON);

function namesByNumber(of: Readonly<Record<string, number>>): string[] {
  const names: string[] = new Array(Math.max(...Object.values(of)) + 1).fill("");
  for (const [name, number] of Object.entries(of)) names[number] = name;
  return names;
}

/** Lanes as in subjects; the number is floe.v1.Lane. The higher lane is taken first. */
export const LANES = ["high", "normal", "bulk"] as const;
export type LaneName = (typeof LANES)[number];
export const LANE_HIGH = 1;
export const LANE_NORMAL = 2;
export const LANE_BULK = 3;

/** floe.v1.TrafficClass to floe.v1.Lane: 0 (unspecified) counts as transactional. */
export function laneOfClass(trafficClass: number): number {
  return trafficClass === 1 ? LANE_HIGH : trafficClass === 3 ? LANE_BULK : LANE_NORMAL;
}

export function laneName(lane: number): LaneName {
  return LANES[lane - 1] ?? "normal";
}

/** The slot of an account, 0 to ACCOUNT_SLOTS - 1. Fixed for ever. */
export function accountSlot(account: number): number {
  // Neighbouring numbers spread over all slots, and an odd multiplier loses none.
  return (Math.imul(account, 0x9e3779b1) >>> 0) % ACCOUNT_SLOTS;
}

/** The partition of an account, while slots are dealt out evenly over `partitions`. */
export function partitionOf(account: number, partitions: number): number {
  return accountSlot(account) % partitions;
}

const HEX = Array.from({ length: 256 }, (_, octet) => octet.toString(16).padStart(2, "0"));

/** The text form of the UUID at `bytes[at..at+16]` (RFC 9562, section 4). */
export function formatId(bytes: Uint8Array, at = 0): string {
  let text = "";
  for (let index = 0; index < 16; index += 1) {
    if (index === 4 || index === 6 || index === 8 || index === 10) text += "-";
    text += HEX[bytes[at + index]!];
  }
  return text;
}

/** The 16 bytes of a UUID's text form, or undefined if it is none. */
export function parseId(text: string): Uint8Array | undefined {
  if (!/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i.test(text)) {
    return undefined;
  }
  return Buffer.from(text.replaceAll("-", ""), "hex");
}

const DAY_MS = 86_400_000;

/** Days since 1970-01-01 UTC. Records are keyed by message id and the day of acceptance. */
export function acceptedDay(acceptedAtMs: number): number {
  return Math.floor(acceptedAtMs / DAY_MS);
}
