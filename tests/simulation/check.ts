/**
 * Check: what must be true of a world that has come to rest (promises P1 to P3). Decoded from what
 * was ever stored on the streams by ts-proto, not by the code under test, and compared with the
 * carriers' own books and with the database.
 */
import { createHash } from "node:crypto";
import { formatId, partitionOf, STATE } from "../../core/message.js";
import {
  AttemptFrame,
  type AttemptRecord,
  DecisionFrame,
  DispatchFrame,
  ReceiptFrame,
  type Settlement,
  type Verdict,
} from "../../core/proto/floe/v1/frames.js";
import {
  ATTEMPT_IN_DOUBT,
  ATTEMPT_RECEIPT,
  ATTEMPT_REFUSED,
  ATTEMPT_SUBMITTED,
  ATTEMPT_TIMED_OUT,
  SETTLEMENT_ADJUST,
  SETTLEMENT_COMMIT,
  SETTLEMENT_RELEASE,
  SETTLEMENT_TOP_UP,
} from "../../core/stream/fields.js";
import { STREAMS } from "../../core/subjects.js";
import { isBalanced } from "../../services/dispatch/accounts.js";
import { applyFrame, openState } from "../../services/dispatch/state.js";
import { ONCE_ACCOUNTS } from "./accounts.js";
import { checkDead } from "./check-dead.js";
import { checkMoney } from "./check-money.js";
import type { Cdr } from "./clickhouse.js";
import { SENSELESS } from "./poison.js";
import { PARTITIONS, type World } from "./world.js";

export interface Findings {
  /** What is wrong, in sentences; none: all is well. */
  readonly wrongs: readonly string[];
  /** Of everything that was ever stored: the same seed gives the same. */
  readonly hash: string;
  readonly counts: Readonly<Record<string, number>>;
}

/** All that the streams say about one message. */
interface Story {
  readonly id: string;
  readonly verdicts: Verdict[];
  /** Hops for which a carrier's connectors were given it. */
  readonly dispatched: number[];
  readonly attempts: AttemptRecord[];
  readonly settlements: Settlement[];
}

export function check(world: World): Findings {
  const wrongs: string[] = [...world.database.wrongs];
  const wrong = (text: string): void => void wrongs.push(text);
  const stories = readStories(world);
  const cdrs = new Map<string, Cdr[]>();
  for (const cdr of world.database.cdrs()) cdrs.set(cdr.id, [...(cdrs.get(cdr.id) ?? []), cdr]);

  checkAccepted(world, cdrs, wrong);
  for (const story of stories.values()) checkStory(story, cdrs.get(story.id) ?? [], world, wrong);
  checkMoney(world, wrong);
  const letters = checkDead(world, wrong);
  checkOwners(world, wrong);
  checkReceipts(world, wrong);
  const duplicates = checkDuplicates(world, wrong);
  const once = checkOnce(world, stories, wrong);
  return {
    wrongs,
    hash: hashOf(world),
    counts: {
      accepted: world.customers.accepted.size,
      unknown: world.customers.unknown.size,
      refused: world.customers.refused.size,
      cdrs: cdrs.size,
      delivered: [...cdrs.values()].filter(([one]) => one!.state === STATE.DELIVERED).length,
      duplicates,
      once,
      letters,
      credits: world.operators.asked.size,
      crashes: world.connectorCrashes(),
      contested: world.contestedParts(),
      died: world.died.length,
    },
  };
}

/** P1: exactly one CDR with one terminal state for what was accepted, none for what was not offered. */
function checkAccepted(
  { customers, offered, database }: World,
  cdrs: ReadonlyMap<string, readonly Cdr[]>,
  wrong: (text: string) => void,
): void {
  const { accepted, refused, unknown } = customers;
  for (const id of accepted) {
    const found = cdrs.get(id) ?? [];
    if (found.length !== 1) wrong(`${id} was accepted and has ${found.length} CDRs`);
  }
  for (const [id, found] of cdrs) {
    if (!offered.has(id)) wrong(`${id} has a CDR and was never offered`);
    if (found.length > 1) wrong(`${id} has ${found.length} CDRs`);
    for (const { state } of found) {
      if (state < STATE.UNKNOWN) wrong(`${id} ended in state ${state}`);
    }
    const isDenied = refused.has(id) && !accepted.has(id) && !unknown.has(id);
    // A call that ended without an answer says nothing, so only what no other call held counts.
    if (isDenied && found.length > 1) wrong(`${id} was refused and has ${found.length} CDRs`);
    for (const { acceptedAtMs } of found) {
      const hour = Math.floor(acceptedAtMs / 3_600_000);
      if (!database.hours.has(hour)) wrong(`the hour of ${id} was not noted`);
    }
  }
}

/** State and money of one message follow from what was stored about it, by an obvious fold. */
function checkStory(
  story: Story,
  cdrs: readonly Cdr[],
  world: World,
  wrong: (text: string) => void,
): void {
  const { id, verdicts, attempts, settlements } = story;
  const decided = verdicts.filter(({ state }) => state !== 0);
  // A redirect says the same message's verdict again; a second decision would reserve twice.
  if (decided.length !== 1) wrong(`${id} has ${decided.length} verdicts`);
  const verdict = decided.at(-1);
  if (verdict === undefined) return;
  checkWay(story, verdict, world, wrong);
  const state = Math.max(...decided.map((one) => one.state), ...attempts.map(rankOf));
  for (const cdr of cdrs) {
    if (cdr.state !== state) wrong(`${id} has state ${cdr.state}, its attempts prove ${state}`);
    const charged = sumOf(settlements, SETTLEMENT_COMMIT) + sumOf(settlements, SETTLEMENT_ADJUST);
    if (cdr.chargedMicros !== charged) wrong(`${id}: CDR and settlements differ`);
    if (cdr.releasedMicros !== sumOf(settlements, SETTLEMENT_RELEASE)) {
      wrong(`${id}: CDR and settlements differ in what was released`);
    }
  }
  for (const whole of decidedByParts(attempts)) {
    if (state < whole) wrong(`${id} has state ${state}, the receipts of its parts prove ${whole}`);
  }
  const kinds = settlements.map(({ kind }) => kind).join();
  const expected = expectedKinds(verdict, attempts).join();
  if (kinds !== expected) wrong(`${id} has settlements ${kinds}, not ${expected}`);
  for (const { kind, amountMicros } of settlements) {
    if (amountMicros !== verdict.priceMicros) wrong(`${id} settles another amount than its price`);
    if (kind !== SETTLEMENT_RELEASE && !wasTaken(world, id)) {
      wrong(`${id} was charged and no carrier took it`);
    }
  }
}

/** Nothing is lost on its way: what is routed is dispatched, and what is dispatched is attempted. */
function checkWay(
  { id, dispatched, attempts }: Story,
  { state }: Verdict,
  world: World,
  wrong: (text: string) => void,
): void {
  if (state !== STATE.ROUTED && wasTaken(world, id)) wrong(`${id} was refused and submitted`);
  if ((state === STATE.ROUTED) !== dispatched.includes(0)) {
    wrong(`${id} was decided as ${state} and dispatched ${dispatched.length} times`);
  }
  const hops = new Set(attempts.flatMap(({ kind, hop }) => (isAttempt(kind) ? [hop] : [])));
  for (const hop of new Set(dispatched)) {
    if (!hops.has(hop)) wrong(`${id} was dispatched for hop ${hop} and not attempted`);
  }
}

function isAttempt(kind: number): boolean {
  return kind === ATTEMPT_SUBMITTED || kind === ATTEMPT_REFUSED || kind === ATTEMPT_IN_DOUBT;
}

/** What the receipts of a long message's parts say of the whole, for each try of which all are final. */
function decidedByParts(attempts: readonly AttemptRecord[]): number[] {
  const tries = new Map<number, { parts: number; states: Map<number, number> }>();
  const submitted = attempts.filter(({ kind }) => kind === ATTEMPT_SUBMITTED);
  for (const { kind, hop, part, parts, partState } of attempts) {
    if (kind !== ATTEMPT_RECEIPT || parts < 2) continue;
    // Of a message that went out twice each copy is decided by its own parts.
    if (submitted.filter((one) => one.hop === hop).length > 1) continue;
    const one = tries.get(hop) ?? { parts, states: new Map() };
    one.states.set(part, Math.max(one.states.get(part) ?? 0, partState));
    tries.set(hop, one);
  }
  return [...tries.values()].flatMap(({ parts, states }) => {
    const all = [...states.values()];
    if (states.size < parts || all.some((one) => one < STATE.UNKNOWN)) return [];
    const delivered = all.filter((one) => one === STATE.DELIVERED).length;
    if (delivered === parts) return [STATE.DELIVERED];
    return [delivered > 0 ? STATE.PARTIALLY_DELIVERED : Math.max(...all)];
  });
}

function rankOf({ kind, state, final }: AttemptRecord): number {
  if (kind === ATTEMPT_SUBMITTED) return STATE.SUBMITTED;
  if (kind === ATTEMPT_REFUSED) return final ? state : 0;
  return kind === ATTEMPT_RECEIPT || kind === ATTEMPT_TIMED_OUT ? state : 0;
}

/** The settlements that a message's attempts, in the order of the stream, lead to. */
function expectedKinds(verdict: Verdict, attempts: readonly AttemptRecord[]): number[] {
  if (verdict.state !== STATE.ROUTED) return [];
  const onDelivery = verdict.chargeBasis === 2;
  const kinds: number[] = [];
  for (const { kind, state, final } of attempts) {
    const isReceipt = kind === ATTEMPT_RECEIPT;
    const isDelivered = isReceipt && state >= STATE.PARTIALLY_DELIVERED;
    const commits = onDelivery ? isDelivered : isReceipt || kind === ATTEMPT_SUBMITTED;
    const releases =
      (kind === ATTEMPT_REFUSED && final) ||
      kind === ATTEMPT_TIMED_OUT ||
      (onDelivery && isReceipt && state >= STATE.UNKNOWN);
    if (kinds.length === 0 && commits) kinds.push(SETTLEMENT_COMMIT);
    else if (kinds.length === 0 && releases) kinds.push(SETTLEMENT_RELEASE);
    else if (kinds.length === 1 && kinds[0] === SETTLEMENT_RELEASE && isDelivered) {
      kinds.push(SETTLEMENT_ADJUST);
    }
  }
  // Every reservation is settled in the end.
  return kinds.length === 0 ? [Number.NaN] : kinds;
}

function sumOf(settlements: readonly Settlement[], kind: number): bigint {
  return settlements.reduce((sum, one) => (one.kind === kind ? sum + one.amountMicros : sum), 0n);
}

function wasTaken({ carriers }: World, id: string): boolean {
  const hex = id.replaceAll("-", "");
  for (const { taken } of [...carriers.values()].map(({ book }) => ({ taken: book }))) {
    for (let part = 0; part < 12; part += 1) {
      if ((taken.get(`${hex}/${part}`)?.taken ?? 0) > 0) return true;
    }
  }
  return false;
}

/** A new owner reads the log: it is whole, its sums balance, nothing is reserved any more. */
function checkOwners({ server }: World, wrong: (text: string) => void): void {
  for (let partition = 0; partition < PARTITIONS; partition += 1) {
    const state = openState({ keysMax: 10_000, accountKeysMax: 5_000 });
    for (const { subject, data, sequence } of server.history("DECISIONS")) {
      if (subject !== `decision.${partition}`) continue;
      const fault = applyFrame(state, data, sequence);
      if (fault !== undefined) wrong(`decision ${sequence} of ${subject}: ${fault}`);
    }
    if (state.reservations.held() > 0) {
      wrong(`${state.reservations.held()} reservations of partition ${partition} are pending`);
    }
    for (let place = 0; place < state.accounts.count(); place += 1) {
      const account = state.accounts.number(place);
      if (!isBalanced(state.accounts.sums(place))) wrong(`account ${account} is not balanced`);
      if (partitionOf(account, PARTITIONS) !== partition) wrong(`account ${account} is elsewhere`);
    }
  }
}

/** What a carrier was told to be stored, is: a receipt that it need not send again. */
function checkReceipts({ server, carriers }: World, wrong: (text: string) => void): void {
  const stored = new Set<string>();
  for (const { data } of server.history("ATTEMPTS")) {
    const { carrier, records } = AttemptFrame.decode(data);
    for (const { kind, carrierIds } of records) {
      if (kind === ATTEMPT_RECEIPT) stored.add(`${carrier}/${carrierIds[0]}`);
    }
  }
  for (const { data } of server.history("RECEIPTS")) {
    const { carrier, records } = ReceiptFrame.decode(data);
    for (const { carrierId } of records) stored.add(`${carrier}/${carrierId}`);
  }
  for (const { name, confirmed } of carriers.values()) {
    for (const { carrierId } of confirmed) {
      if (!stored.has(`${name}/${carrierId}`)) wrong(`receipt ${name}/${carrierId} is lost`);
    }
  }
}

/**
 * P3: how often a carrier took a part more often than doubt entitles to; at most two windows, over
 * all binds, for each crash of a connector. A stream that gives a frame to a second connector while
 * the first is at work, which no real one does without a crash of its own, may double that frame.
 */
function checkDuplicates(world: World, wrong: (text: string) => void): number {
  let duplicates = 0;
  for (const { name, book } of world.carriers.values()) {
    let here = 0;
    // Doubt about a part is doubt about its message: whoever goes on may send the whole once more.
    const doubts = new Map<string, number>();
    for (const { messageId, doubted } of book.values()) {
      doubts.set(messageId, Math.max(doubts.get(messageId) ?? 0, doubted));
    }
    for (const { messageId, taken } of book.values()) {
      here += Math.max(0, taken - 1 - doubts.get(messageId)!);
    }
    const windows = world.connectorCrashes() * 2 * 2 * world.profile.window;
    const bound = windows + world.contestedParts();
    if (here > bound) wrong(`${name} got ${here} duplicates, at most ${bound} are allowed`);
    duplicates += here;
  }
  return duplicates;
}

/** What goes out at most once was taken once at most, over all carriers, whatever crashed. */
function checkOnce(
  { carriers }: World,
  stories: ReadonlyMap<string, Story>,
  wrong: (text: string) => void,
): number {
  const isOnce = (id: string): boolean =>
    stories.get(id)?.verdicts.some(({ account }) => ONCE_ACCOUNTS.includes(account)) === true;
  const taken = new Map<string, number>();
  for (const { book } of carriers.values()) {
    for (const [key, entry] of book) taken.set(key, (taken.get(key) ?? 0) + entry.taken);
  }
  const ids = new Map([...stories.keys()].map((id) => [id.replaceAll("-", ""), id]));
  let count = 0;
  for (const [key, times] of taken) {
    const hex = key.slice(0, key.indexOf("/")).replaceAll("-", "");
    if (!isOnce(ids.get(hex) ?? "")) continue;
    count += 1;
    if (times > 1) wrong(`${key} was to go out at most once and was taken ${times} times`);
  }
  return count;
}

function readStories({ server }: World): Map<string, Story> {
  const stories = new Map<string, Story>();
  const storyOf = (messageId: Uint8Array): Story => {
    const id = formatId(messageId);
    const story = stories.get(id) ?? {
      id,
      verdicts: [],
      dispatched: [],
      attempts: [],
      settlements: [],
    };
    stories.set(id, story);
    return story;
  };
  for (const { data } of server.history("DECISIONS")) {
    const { records, settlements } = DecisionFrame.decode(data);
    for (const one of records) storyOf(one.messageId).verdicts.push(one);
    for (const one of settlements) {
      // By hand: about no message.
      if (one.kind < SETTLEMENT_TOP_UP) storyOf(one.messageId).settlements.push(one);
    }
  }
  for (const { data, id } of server.history("DISPATCH")) {
    if (id.startsWith(SENSELESS)) continue;
    for (const { messageId, hop } of DispatchFrame.decode(data).records) {
      storyOf(messageId).dispatched.push(hop);
    }
  }
  for (const { data } of server.history("ATTEMPTS")) {
    for (const one of AttemptFrame.decode(data).records) {
      if (one.messageId.length === 16) storyOf(one.messageId).attempts.push(one);
    }
  }
  return stories;
}

function hashOf({ server, carriers }: World): string {
  const hash = createHash("sha256");
  for (const { name } of STREAMS) {
    for (const { subject, sequence, id, storedAtMs, data } of server.history(name)) {
      hash.update(`${subject} ${sequence} ${id} ${storedAtMs} `).update(data);
    }
  }
  for (const { book } of carriers.values()) hash.update(JSON.stringify([...book]));
  return hash.digest("hex").slice(0, 16);
}
