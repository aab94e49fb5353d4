/**
 * Receipts: what carriers say later about a message, joined to the attempt that it is about.
 *
 * In: deliver_sm (or data_sm) from any bind of the carrier. Out: a RECEIPT attempt when the memory knows the
 * part, else a record on RECEIPTS; a message from a phone goes to INBOUND. The carrier's deliver_sm is
 * answered when that is durable, and refused with a temporary error when it could not be made so: the
 * carrier keeps it and tries again.
 *
 * All receipts of one socket read are taken together: their numbers are sealed in one cipher call,
 * since a receipt must name the recipient as well as the id. One that comes before the answer to its
 * submit_sm (it happens), or before the attempt of another connector was read, waits for a moment.
 *
 * Long messages: a receipt is about a part. Its record carries the part's own state in `part_state`,
 * and in `state` that of the whole as the receipts up to it decide it: SUBMITTED until each part has
 * a final one, or the part that the carrier's rule names (core/part-merge.ts). So the highest `state`
 * of a message's records is right at any time. If a part's state rises later, the whole is decided
 * anew. Where all parts have one id, a receipt is about the whole.
 */
import type { BindStatus } from "../../core/carrier-status.js";
import type { Clock } from "../../core/clock.js";
import type { CarrierConfig } from "../../core/configuration.js";
import type { Logger } from "../../core/log.js";
import { STATE } from "../../core/message.js";
import { counter, droppedTotal } from "../../core/metrics.js";
import { BLOCK_BYTES, type Seal } from "../../core/number-seal.js";
import { ATTEMPT, ATTEMPT_RECEIPT, RECEIPT, RECEIPT_FRAME } from "../../core/stream/fields.js";
import { putBytes, putFixed32, putFixed64, putVarint } from "../../core/stream/frame.js";
import type { Outbox, OutboxKey, Settled } from "../../core/stream/outbox.js";
import { receiptSubject } from "../../core/subjects.js";
import {
  ATTEMPT_BYTES,
  ATTEMPT_LINGER_MS,
  type AttemptKeys,
  newAttemptStart,
  putBind,
  putCarrierId,
  putStart,
  putToken,
} from "./attempts.js";
import { convertId } from "./carrier-id.js";
import { openInbound } from "./inbound.js";
import { NOTHING_KEPT, newKeeper } from "./kept.js";
import { NOTE_EVERY, openLearned } from "./learned.js";
import type { DeliverySource } from "./link.js";
import { entry, type Hit, type Memory, moveToPart } from "./memory.js";
import { mergeParts, sharesId } from "./merge.js";
import { START_BYTES } from "./record.js";
import { readDelivered } from "./smpp/data-sm.js";
import { newSmPlaces, SM } from "./smpp/pdu.js";
import { isReceipt, newReceipt, readDate, readReceipt } from "./smpp/receipt.js";
import { STATUS } from "./smpp/status.js";
import {
  take as keep,
  newTaken,
  OTHER_DESTINATION,
  OTHER_NONE,
  TAKEN,
  TAKEN_STRIDE,
  TEXT_BYTES,
} from "./taken.js";

/** How long a receipt whose message is not known yet is kept here before it goes to RECEIPTS. */
const HOLD_MS = 2_000;
const HOLD_LOOK_MS = 50;
const HELD_MAX = 10_000;
/** So many are looked for again as often as there is news. */
const HELD_FEW = 200;
/** A decision about a long message that could not be stored is tried again after so long. */
const DECIDE_AGAIN_MS = 1_000;

const receiptsTotal = counter("floe_connector_receipts_total", "Receipts, by what they met.", [
  "carrier",
  "result",
]);

export interface ReceiptsOptions {
  readonly config: CarrierConfig;
  readonly clock: Clock;
  readonly log: Logger;
  readonly outbox: Outbox;
  readonly keys: AttemptKeys;
  readonly memory: Memory;
  readonly seal: Seal;
  /** Keeps a deliver_sm that says it is a receipt and cannot be read; then calls `done`. */
  bury(bytes: Uint8Array, done: (stored: boolean) => void): void;
  answer(source: DeliverySource, sequence: number, status: number): void;
  /** Answers wait to be sent. */
  answered(): void;
}

export interface Receipts {
  /** Takes the deliver_sm at `bytes[at, end)`, which is lent for this call only. */
  take(source: DeliverySource, sequence: number, bytes: Uint8Array, at: number, end: number): void;
  /** All of one read was taken: joins them. */
  join(): void;
  /** The memory has new entries: those that wait may find theirs. */
  lookAgain(): void;
  /**
   * Two connectors that took receipts of one message at the same time have both left it open, as
   * each knew of its own only. Whoever reads the other's, and finds all parts at `memory.hit`
   * decided, says so; that several do changes nothing.
   */
  decide(): void;
  held(): number;
  /** What receipts have told of each bind. */
  status(): readonly BindStatus[];
  /** Gives those that wait to RECEIPTS. */
  stop(): void;
}

const NO_TOKEN = new Uint8Array(BLOCK_BYTES);

interface Held {
  readonly source: DeliverySource;
  readonly sequence: number;
  readonly id: Uint8Array;
  readonly error: number;
  readonly errorText: Uint8Array;
  readonly state: number;
  readonly token: Uint8Array;
  /** Token of the other address, NO_TOKEN if `otherIs` says that it is no number. */
  readonly other: Uint8Array;
  readonly otherIs: number;
  readonly doneAtMs: number;
  readonly untilMs: number;
  readonly tlvs: Uint8Array;
}

/** The answers to those receipts of one join that went into one key's frames. */
interface Group {
  readonly settled: Settled;
  readonly sources: DeliverySource[];
  readonly sequences: number[];
}

export function openReceipts(options: ReceiptsOptions): Receipts {
  const { config, clock, log, outbox, keys, memory, seal } = options;
  const carrier = config.name;
  const rule = config.partReceipts ?? "all";
  const places = newSmPlaces();
  const receipt = newReceipt();
  const start = newAttemptStart();
  const converted = new Uint8Array(32);
  const batch = newTaken();
  const keeper = newKeeper(config.keepTlvs);
  /** TLVs that are kept of those in the batch, where any are. */
  const kept: Uint8Array[] = [];
  const learned = openLearned(carrier, log, config.idForm);
  const fromPhones = openInbound(outbox, config);
  const counts = new Map(
    ["joined", "held", "cold", "refused", "unreadable", "inbound", "merged"].map((result) => [
      result,
      receiptsTotal.labels(carrier, result),
    ]),
  );
  const coldKey = openColdKey(outbox, carrier);
  const groups = new Map<OutboxKey, Group>();
  let held: Held[] = [];
  let looked = 0;
  let cancelLook: (() => void) | undefined;
  let lookedAtMs = Number.NEGATIVE_INFINITY;

  function count(result: string, by = 1): void {
    counts.get(result)!.inc(by);
  }

  /** A message from a phone. */
  function keepInbound(source: DeliverySource, sequence: number, bytes: Uint8Array): void {
    const { key } = fromPhones;
    const writer = key.begin(fromPhones.bytesOf(places));
    if (writer === undefined) {
      refuse(source, sequence);
      return;
    }
    fromPhones.put(writer, bytes, places, source.bind, clock.nowMs());
    key.end(answerLater(key, source, sequence));
    count("inbound");
  }

  function take(
    source: DeliverySource,
    sequence: number,
    bytes: Uint8Array,
    at: number,
    end: number,
  ): void {
    const isRead = readDelivered(bytes, at, end, places);
    if (isRead && !isReceipt(bytes, places)) {
      keepInbound(source, sequence, bytes);
      return;
    }
    if (!isRead || !readReceipt(bytes, places, receipt)) {
      droppedTotal.inc({ stage: "connector", code: "receipt.unreadable" });
      count("unreadable");
      if (!isRead) {
        options.answer(source, sequence, STATUS.RX_P_APPN);
        return;
      }
      // It names no message, or no state that we know: an operator may know what it means.
      options.bury(bytes.slice(at, end), (stored) => {
        options.answer(source, sequence, stored ? STATUS.ROK : STATUS.RX_T_APPN);
        options.answered();
      });
      return;
    }
    const { isSwapped } = learned.of(source.bind);
    if (keeper !== undefined) {
      kept[batch.count] = keeper.read(bytes, places[SM.tlvs]!, places[SM.tlvsEnd]!);
    }
    keep(batch, source, sequence, bytes, places, receipt, isSwapped);
  }

  function join(): void {
    if (batch.count > 0) joinBatch();
    groups.clear();
  }

  function joinBatch(): void {
    const tokens = seal(batch.blocks.subarray(0, batch.count * BLOCK_BYTES));
    const nowMs = clock.nowMs();
    let joined = 0;
    for (let place = 0; place < batch.count; place += 1) {
      const base = place * TAKEN_STRIDE;
      const { numbers, texts } = batch;
      const idAt = place * TEXT_BYTES;
      const idEnd = numbers[base + TAKEN.idEnd]!;
      const textEnd = numbers[base + TAKEN.textEnd]!;
      const sequence = numbers[base + TAKEN.sequence]! >>> 0;
      const state = numbers[base + TAKEN.state]!;
      const error = numbers[base + TAKEN.error]! >>> 0;
      const source = batch.sources[place]!;
      const hasToken = numbers[base + TAKEN.hasToken] === 1;
      if (hasToken && find(source, texts, idAt, idEnd, tokens, place * BLOCK_BYTES, nowMs)) {
        joined += 1;
        const tlvs = kept[place] ?? NOTHING_KEPT;
        put(source, sequence, texts, idAt, idEnd, textEnd, state, error, nowMs, tlvs);
        continue;
      }
      hold({
        source,
        sequence,
        id: texts.slice(idAt, idEnd),
        error,
        errorText: texts.slice(idEnd, textEnd),
        state,
        token: hasToken ? tokens.slice(place * BLOCK_BYTES, (place + 1) * BLOCK_BYTES) : NO_TOKEN,
        other: otherToken(place),
        otherIs: numbers[base + TAKEN.other]!,
        doneAtMs: readDate(texts, textEnd, numbers[base + TAKEN.dateEnd]!),
        untilMs: clock.monotonicMs() + HOLD_MS,
        tlvs: kept[place] ?? NOTHING_KEPT,
      });
    }
    batch.count = 0;
    batch.sources.length = 0;
    kept.length = 0;
    if (joined > 0) {
      count("joined", joined);
      learned.count();
    }
  }

  /** Sealed for those alone that did not find their message: the others need none. */
  function otherToken(place: number): Uint8Array {
    if (batch.numbers[place * TAKEN_STRIDE + TAKEN.other] === OTHER_NONE) return NO_TOKEN;
    return seal(batch.others.subarray(place * BLOCK_BYTES, (place + 1) * BLOCK_BYTES));
  }

  /** Looks for the id in each form, the one that worked last at this bind first. */
  function find(
    source: DeliverySource,
    id: Uint8Array,
    at: number,
    end: number,
    token: Uint8Array,
    tokenAt: number,
    nowMs: number,
  ): boolean {
    const bind = learned.of(source.bind);
    const { forms } = bind;
    const { hit } = memory;
    for (let index = 0; index < forms.length; index += 1) {
      const form = forms[index]!;
      let isFound: boolean;
      if (form === "same") {
        isFound = memory.findCarrierId(id, at, end, token, tokenAt);
      } else {
        const length = convertId(id, at, end, form, converted);
        isFound = length > 0 && memory.findCarrierId(converted, 0, length, token, tokenAt);
      }
      if (!isFound) continue;
      bind.lastMs = nowMs;
      looked += 1;
      if (index === 0 && bind.shown !== undefined && looked % NOTE_EVERY !== 0) {
        bind.unlooked += 1;
        return true;
      }
      const from = entry.carrierIdAt(hit);
      learned.note(bind, index, id, at, end, hit.texts, from, entry.carrierIdEnd(hit), nowMs);
      return true;
    }
    return false;
  }

  /** Writes the RECEIPT attempt of the entry at `memory.hit`, and answers when it is durable. */
  function put(
    source: DeliverySource,
    sequence: number,
    texts: Uint8Array,
    idAt: number,
    idEnd: number,
    textEnd: number,
    state: number,
    error: number,
    nowMs: number,
    tlvs: Uint8Array,
  ): void {
    const { hit } = memory;
    const key = keys.of(entry.partition(hit));
    const writer = key.begin(2 * ATTEMPT_BYTES + TEXT_BYTES + tlvs.length);
    if (writer === undefined) {
      refuse(source, sequence);
      return;
    }
    const parts = entry.parts(hit) > 1 && sharesId(hit) ? 1 : entry.parts(hit);
    const part = entry.part(hit);
    startOf(hit, parts > 1 ? mergeParts(hit, state, rule) : state, nowMs);
    putStart(writer, start);
    putCarrierId(writer, texts, idAt, idEnd);
    putToken(writer, start);
    if (error !== 0) putFixed32(writer, ATTEMPT.error, error);
    putBytes(writer, ATTEMPT.errorText, texts, idEnd, textEnd);
    if (parts > 1) {
      putFixed32(writer, ATTEMPT.part, part);
      putFixed32(writer, ATTEMPT.parts, parts);
    }
    putBind(writer, source.bind);
    if (parts > 1) putVarint(writer, ATTEMPT.partState, state);
    if (tlvs.length > 0) putBytes(writer, ATTEMPT.tlvs, tlvs);
    key.end(answerLater(key, source, sequence));
  }

  function decide(): void {
    const { hit } = memory;
    const part = entry.part(hit);
    const hop = entry.hop(hit);
    const partState = entry.partState(hit);
    const state = mergeParts(hit, partState, rule);
    if (state <= STATE.SUBMITTED) return;
    const key = keys.of(entry.partition(hit));
    const from = entry.startAt(hit);
    const attempt = hit.bytes.slice(from, from + START_BYTES);
    const again = (): void => {
      clock.after(DECIDE_AGAIN_MS, () => {
        if (!memory.findAttempt(attempt, 0, hop)) return;
        moveToPart(memory.hit, part);
        decide();
      });
    };
    const writer = key.begin(2 * ATTEMPT_BYTES);
    if (writer === undefined) {
      again();
      return;
    }
    startOf(hit, state, clock.nowMs());
    putStart(writer, start);
    putCarrierId(writer, hit.texts, entry.carrierIdAt(hit), entry.carrierIdEnd(hit));
    putToken(writer, start);
    putFixed32(writer, ATTEMPT.part, part);
    putFixed32(writer, ATTEMPT.parts, entry.parts(hit));
    putVarint(writer, ATTEMPT.partState, partState);
    key.end((failure) => (failure === undefined ? undefined : again()));
    count("merged");
  }

  /** What every RECEIPT says of the entry at `hit`. */
  function startOf(hit: Hit, state: number, nowMs: number): void {
    start.bytes = hit.bytes;
    start.startAt = entry.startAt(hit);
    start.token = hit.bytes;
    start.tokenAt = entry.tokenAt(hit);
    start.hop = entry.hop(hit);
    start.kind = ATTEMPT_RECEIPT;
    start.atMs = nowMs;
    start.state = state;
  }

  function answerLater(key: OutboxKey, source: DeliverySource, sequence: number): Settled {
    let group = groups.get(key);
    if (group === undefined) {
      const sources: DeliverySource[] = [];
      const sequences: number[] = [];
      let told = 0;
      // A key's records are settled in the order in which they were written.
      const settled: Settled = (failure) => {
        const of = sources[told]!;
        const number = sequences[told]!;
        told += 1;
        if (failure === undefined) options.answer(of, number, STATUS.ROK);
        else refuse(of, number);
        if (told === sequences.length) options.answered();
      };
      group = { settled, sources, sequences };
      groups.set(key, group);
    }
    group.sources.push(source);
    group.sequences.push(sequence);
    return group.settled;
  }

  function refuse(source: DeliverySource, sequence: number): void {
    count("refused");
    options.answer(source, sequence, STATUS.RX_T_APPN);
    options.answered();
  }

  function hold(one: Held): void {
    if (held.length >= HELD_MAX) {
      putCold(one);
      return;
    }
    held.push(one);
    count("held");
    cancelLook ??= clock.after(HOLD_LOOK_MS, look);
  }

  function look(): void {
    cancelLook = undefined;
    lookAgain();
    if (held.length > 0) cancelLook ??= clock.after(HOLD_LOOK_MS, look);
  }

  function lookAgain(): void {
    if (held.length === 0) return;
    const nowMs = clock.monotonicMs();
    // Thousands of receipts that nobody waits for must not be looked for with every answer.
    if (held.length > HELD_FEW && nowMs - lookedAtMs < HOLD_LOOK_MS) return;
    lookedAtMs = nowMs;
    const wallMs = clock.nowMs();
    const waiting = held;
    held = [];
    for (const one of waiting) {
      const { id, token, errorText } = one;
      const { source } = one;
      const isFound =
        token !== NO_TOKEN &&
        (find(source, id, 0, id.length, token, 0, wallMs) || findByOther(one, wallMs));
      if (isFound) {
        const texts = Buffer.concat([id, errorText]);
        const { sequence, state, error, tlvs } = one;
        put(source, sequence, texts, 0, id.length, texts.length, state, error, wallMs, tlvs);
        count("joined");
      } else if (nowMs >= one.untilMs) putCold(one);
      else held.push(one);
    }
    learned.count();
    groups.clear();
  }

  /** Whether the other address is the recipient's: then it is so at this bind from now on. */
  function findByOther({ source, id, other, otherIs }: Held, nowMs: number): boolean {
    if (otherIs === OTHER_NONE) return false;
    if (!find(source, id, 0, id.length, other, 0, nowMs)) return false;
    const bind = learned.of(source.bind);
    const isSwapped = otherIs === OTHER_DESTINATION;
    if (bind.isSwapped !== isSwapped)
      log.info({ isSwapped }, "the recipient of receipts is elsewhere");
    bind.isSwapped = isSwapped;
    return true;
  }

  /** The receipts service joins it against ClickHouse. */
  function putCold(one: Held): void {
    const { source, sequence, id, error, errorText, state, token, doneAtMs, tlvs } = one;
    const writer = coldKey.begin(2 * ATTEMPT_BYTES + TEXT_BYTES + tlvs.length);
    if (writer === undefined) {
      refuse(source, sequence);
      return;
    }
    putBytes(writer, RECEIPT.carrierId, id);
    putFixed64(writer, RECEIPT.atMs, clock.nowMs());
    putFixed32(writer, RECEIPT.state, state);
    putFixed32(writer, RECEIPT.error, error);
    putBytes(writer, RECEIPT.errorText, errorText);
    if (token !== NO_TOKEN) putBytes(writer, RECEIPT.toTok, token);
    putBytes(writer, RECEIPT.bind, source.bind);
    putFixed64(writer, RECEIPT.doneAtMs, doneAtMs);
    if (tlvs.length > 0) putBytes(writer, RECEIPT.tlvs, tlvs);
    coldKey.end(answerLater(coldKey, source, sequence));
    count("cold");
  }

  return {
    take,
    join,
    lookAgain,
    decide,
    held: () => held.length,
    status: learned.status,
    stop() {
      cancelLook?.();
      cancelLook = undefined;
      for (const one of held.splice(0)) putCold(one);
      groups.clear();
    },
  };
}

function openColdKey(outbox: Outbox, carrier: string): OutboxKey {
  const name = Buffer.from(carrier, "utf8");
  return outbox.key({
    subject: receiptSubject(carrier),
    lingerMs: ATTEMPT_LINGER_MS,
    header(writer, nowMs) {
      putBytes(writer, RECEIPT_FRAME.carrier, name);
      putFixed64(writer, RECEIPT_FRAME.publishedAtMs, nowMs);
    },
  });
}
