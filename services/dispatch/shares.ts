/**
 * Shares: which slot of a carrier's dispatch a message goes to, so that an account with many messages
 * waiting there delays itself and nobody else.
 *
 * Everybody goes to slot 0, while few of an account's messages wait at the carrier: frames of many
 * accounts are full. Who has more than a quarter of a second of the carrier's rate waiting (or 250,
 * where no rate is agreed or it is higher) goes to one of slots 1 to 3, until half of that is left.
 * Connectors serve slots in turn.
 *
 * What waits is counted from the verdict to the first attempt at that carrier, in memory only: after
 * a restart a flood is a newcomer for as long as it takes to count 250. A count that lost an attempt
 * (or is one too many) is a matter of slots, never of messages.
 */
import { accountSlot } from "../../core/message.js";
import type { RateOf } from "./plan.js";

export interface Shares {
  /** The number of a carrier, for the calls below. */
  carrier(name: string): number;
  /** A message goes to the carrier: the slot that it goes to. */
  sent(account: number, carrier: number): number;
  /** It was submitted there, refused, or is in doubt. */
  ended(account: number, carrier: number): void;
  /** Messages of the account that wait there. */
  waiting(account: number, carrier: number): number;
}

const WAITING_MAX = 250;
const SECONDS = 0.25;
/** One window of the smallest carrier is no flood. */
const WAITING_MIN = 10;
/** Slots of accounts with more than their share: 1 to 3. */
const FLOOD_SLOTS = 3;
/** Pairs of account and carrier that are counted; further ones stay in slot 0. A power of two. */
const PLACES = 65_536;
const PLACES_USED_MAX = PLACES / 2;

export function openShares(rateOf: RateOf): Shares {
  const carriers = new Map<string, number>();
  const names: string[] = [];
  const accounts = new Uint32Array(PLACES);
  /** Number of the carrier plus one; 0: the place is free. */
  const keys = new Uint16Array(PLACES);
  const counts = new Int32Array(PLACES);
  const floods = new Uint8Array(PLACES);
  let used = 0;

  /** Place of the pair, or the free place where it would be. */
  function find(account: number, carrier: number): number {
    let place = (Math.imul(account, 0x9e3779b1) ^ Math.imul(carrier + 1, 0x85ebca6b)) >>> 0;
    for (place &= PLACES - 1; keys[place] !== 0; place = (place + 1) & (PLACES - 1)) {
      if (accounts[place] === account && keys[place] === carrier + 1) return place;
    }
    return place;
  }

  function homeOf(place: number): number {
    const mixed = Math.imul(accounts[place]!, 0x9e3779b1) ^ Math.imul(keys[place]!, 0x85ebca6b);
    return (mixed >>> 0) & (PLACES - 1);
  }

  /** Frees a place, and moves up what was pushed behind it. */
  function free(at: number): void {
    used -= 1;
    let hole = at;
    for (
      let place = (at + 1) & (PLACES - 1);
      keys[place] !== 0;
      place = (place + 1) & (PLACES - 1)
    ) {
      // Distances from home, around the end of the table.
      if (((place - homeOf(place)) & (PLACES - 1)) < ((place - hole) & (PLACES - 1))) continue;
      accounts[hole] = accounts[place]!;
      keys[hole] = keys[place]!;
      counts[hole] = counts[place]!;
      floods[hole] = floods[place]!;
      hole = place;
    }
    keys[hole] = 0;
  }

  function limitOf(carrier: number): number {
    const rate = rateOf(names[carrier]!);
    return Math.max(WAITING_MIN, Math.min(WAITING_MAX, rate * SECONDS));
  }

  return {
    carrier(name) {
      const known = carriers.get(name);
      if (known !== undefined) return known;
      carriers.set(name, names.length);
      names.push(name);
      return names.length - 1;
    },
    sent(account, carrier) {
      const place = find(account, carrier);
      if (keys[place] === 0) {
        if (used >= PLACES_USED_MAX) return 0;
        used += 1;
        accounts[place] = account;
        keys[place] = carrier + 1;
        counts[place] = 0;
        floods[place] = 0;
      }
      counts[place] = counts[place]! + 1;
      if (floods[place] === 0 && counts[place]! > limitOf(carrier)) floods[place] = 1;
      return floods[place] === 0 ? 0 : 1 + (accountSlot(account) % FLOOD_SLOTS);
    },
    ended(account, carrier) {
      const place = find(account, carrier);
      if (keys[place] === 0) return;
      const left = counts[place]! - 1;
      counts[place] = left;
      if (left <= 0) free(place);
      else if (floods[place] === 1 && 2 * left < limitOf(carrier)) floods[place] = 0;
    },
    waiting(account, carrier) {
      const place = find(account, carrier);
      return keys[place] === 0 ? 0 : counts[place]!;
    },
  };
}
