/**
 * Submitting: what the simulated carrier does with a submit_sm.
 *
 * In the plain mode (no share of faults, no spread, no rules) a message costs about 1 us: it is
 * judged, answered and its receipt written, by offset. Else a plan is drawn for it and carried out.
 */
import { reserve } from "../../core/stream/frame.js";
import {
  beginPdu,
  COMMAND,
  endPdu,
  newSmPlaces,
  putHead,
  readSm,
  readUint32BE,
  SM,
} from "../../services/connectors/smpp/pdu.js";
import { STATUS } from "../../services/connectors/smpp/status.js";
import { type Carrier, latin1, type Wire } from "./carrier.js";
import { putId, textOf } from "./ids.js";
import type { CarrierOptions } from "./options.js";
import { type Fate, fateOf, OUTCOME, outcomeOf } from "./outcomes.js";
import { readPart } from "./parts.js";
import { befell, drawPlan, newPlan, type Plan } from "./plan.js";
import { newTrackPlaces } from "./track.js";

export interface Submitting {
  /** Answers the submit_sm in `bytes[at, end)`. @param isPlain nothing is drawn. */
  submit(bytes: Uint8Array, at: number, end: number, isPlain: boolean): void;
  /**
   * Takes a message that came in another PDU (submit_multi, data_sm), written as a submit_sm.
   * Nothing is answered. @returns the status; its receipts have the id given.
   */
  takeAs(bytes: Uint8Array, id: number): number;
}

const UNANSWERED = -1;
/** Added to a sequence number: nobody asks so much that an answer to it is expected. */
const STRAY = 0x4000_0000;
const NO_WORDS: readonly string[] = [];

export function openSubmitting(carrier: Carrier, wire: Wire): Submitting {
  const { options, track, tries, draws, rules, known } = carrier;
  const places = newSmPlaces();
  const trackPlaces = newTrackPlaces();
  const part = { part: 0, parts: 1, reference: -1 };
  const plan = newPlan();
  const subject = { bytes: new Uint8Array(0) as Uint8Array, id: 0 };
  const ends = { source: 0, sourceEnd: 0, destination: 0, destinationEnd: 0 };
  const about = { ...subject, ...ends };
  let outcome: number = OUTCOME.delivered;
  let stats = carrier.stats();
  let of: CarrierOptions = options;

  /** What is answered by the rules of the carrier; the number's outcome is in `outcome`. */
  function judge(bytes: Uint8Array, at: number, end: number): number {
    outcome = OUTCOME.delivered;
    if (!wire.submits()) return STATUS.RINVBNDSTS;
    if (!readSm(bytes, at, end, places)) {
      stats.malformed += 1;
      return STATUS.RSYSERR;
    }
    if (options.window > 0 && wire.unanswered() >= options.window) {
      stats.windowExceeded += 1;
      return STATUS.RTHROTTLED;
    }
    if (!carrier.mayTake(wire.nowMs())) {
      const { throttleWith } = options;
      return throttleWith[stats.submits % throttleWith.length]!;
    }
    const destination = places[SM.destination]!;
    const destinationEnd = places[SM.destinationEnd]!;
    outcome = outcomeOf(bytes, destination, destinationEnd);
    return outcome === OUTCOME.delivered ? 0 : statusOf(bytes, destination, destinationEnd);
  }

  function statusOf(bytes: Uint8Array, from: number, end: number): number {
    if (outcome === OUTCOME.invalid) return STATUS.RINVDSTADR;
    if (
      outcome !== OUTCOME.temporary &&
      outcome !== OUTCOME.throttled &&
      outcome !== OUTCOME.unanswered
    ) {
      return 0;
    }
    if (!carrier.firstTry(outcome, latin1(bytes, from, end))) return 0;
    if (outcome === OUTCOME.unanswered) return UNANSWERED;
    return outcome === OUTCOME.temporary ? STATUS.RSYSERR : STATUS.RTHROTTLED;
  }

  function submit(bytes: Uint8Array, at: number, end: number, isPlain: boolean): void {
    stats = carrier.stats();
    stats.submits += 1;
    of = options;
    const sequence = readUint32BE(bytes, at + 12);
    const status = options.mute === 1 ? UNANSWERED : judge(bytes, at, end);
    if (status !== 0) refuse(bytes, sequence, status);
    else if (isPlain) accept(bytes, sequence);
    else carryOut(bytes, sequence);
  }

  function refuse(bytes: Uint8Array, sequence: number, status: number): void {
    if (status === UNANSWERED) stats.unanswered += 1;
    else {
      stats.rejected += 1;
      stats.byStatus[status] = (stats.byStatus[status] ?? 0) + 1;
      putHead(wire.answers(options.latencyMs), COMMAND.submit_sm_resp, status, sequence);
    }
    if (carrier.submits.wanted && status !== STATUS.RINVBNDSTS) {
      log(bytes, sequence, status, 0, 0, "", NO_WORDS);
    }
  }

  // ---- the plain mode

  function accept(bytes: Uint8Array, sequence: number): void {
    const id = carrier.nextId();
    const before = count(bytes);
    const isAsked = (bytes[places[SM.registeredDelivery]!]! & 3) > 0;
    const fate = fateOf(outcome);
    const hasReceipt = isAsked && outcome !== OUTCOME.silent;
    const delayMs = options.latencyMs + options.receiptDelayMs;
    known.add(id, fate, wire.nowMs() + delayMs);
    if (carrier.submits.wanted) log(bytes, sequence, 0, id, before, fate, NO_WORDS);
    if (hasReceipt && outcome === OUTCOME.early) {
      receipt(bytes, id, fate, 0);
      wire.sendFresh();
    }
    answer(sequence, id, options.latencyMs);
    if (!hasReceipt || outcome === OUTCOME.early) return;
    if (outcome === OUTCOME.enroute) receipt(bytes, id, "enroute", options.latencyMs);
    receipt(bytes, id, fate, delayMs);
    if (outcome === OUTCOME.twice) receipt(bytes, id, fate, delayMs);
  }

  /** Counts what was taken. Returns how often it was taken before. */
  function count(bytes: Uint8Array): number {
    const mayBePart = (bytes[places[SM.esmClass]!]! & 0x40) > 0;
    const hasTlvs = places[SM.tlvs]! < places[SM.tlvsEnd]!;
    const wanted = options.track || carrier.submits.wanted;
    if (wanted || mayBePart || hasTlvs) readPart(bytes, places, trackPlaces, part);
    else part.part = 0;
    stats.parts += 1;
    if (part.part <= 1) stats.messages += 1;
    if (!wanted) return 0;
    const before = track.add(bytes, trackPlaces);
    if (before === 0) stats.unique += 1;
    else stats.duplicates += 1;
    return before;
  }

  function answer(sequence: number, id: number, delayMs: number): void {
    const writer = wire.answers(delayMs);
    const mark = beginPdu(writer, COMMAND.submit_sm_resp, 0, sequence);
    putId(writer, id, of.id);
    reserve(writer, 1);
    writer.bytes[writer.at] = 0;
    writer.at += 1;
    endPdu(writer, mark);
  }

  function receipt(bytes: Uint8Array, id: number, fate: Fate, delayMs: number): void {
    turnTo(bytes, id);
    const batch = (delayMs === 0 ? wire.fresh() : undefined) ?? wire.later(delayMs);
    carrier.receipts.put(batch, about, fate);
  }

  function turnTo(bytes: Uint8Array, id: number): void {
    about.bytes = bytes;
    about.source = places[SM.sourceTon]!;
    about.sourceEnd = places[SM.sourceEnd]!;
    about.destination = places[SM.destinationTon]!;
    about.destinationEnd = places[SM.destinationEnd]!;
    about.id = id;
  }

  // ---- by plan

  function draw(bytes: Uint8Array): void {
    of = rules.optionsOf(bytes, places[SM.destination]!, places[SM.destinationEnd]!);
    readPart(bytes, places, trackPlaces, part);
    const attempt = tries.add(bytes, trackPlaces);
    draws.begin(tries.last.high, tries.last.low, attempt);
    drawPlan(plan, of, outcome, draws.next);
  }

  function carryOut(bytes: Uint8Array, sequence: number): void {
    draw(bytes);
    if (of.mute === 1 || plan.ignored) refuse(bytes, sequence, UNANSWERED);
    else if (plan.nacked) nack(bytes, sequence);
    else if (plan.status !== 0) refuse(bytes, sequence, plan.status);
    else carryOutTaken(bytes, sequence);
  }

  function nack(bytes: Uint8Array, sequence: number): void {
    stats.nacked += 1;
    putHead(wire.answers(plan.latencyMs), COMMAND.generic_nack, STATUS.RSYSERR, sequence);
    log(bytes, sequence, STATUS.RSYSERR, 0, 0, "", ["generic_nack"]);
  }

  function carryOutTaken(bytes: Uint8Array, sequence: number): void {
    const id = carrier.nextId();
    const before = count(bytes);
    const isAsked = (bytes[places[SM.registeredDelivery]!]! & 3) > 0;
    if (!isAsked) plan.receipt = false;
    known.add(id, plan.fate, wire.nowMs() + plan.latencyMs + plan.receiptDelayMs);
    log(bytes, sequence, 0, id, before, plan.fate, befell(plan));
    if (plan.receipt && plan.first) {
      sendReceipts(bytes, id, plan, 0);
      wire.sendFresh();
    }
    planAnswer(sequence, id);
    if (plan.receipt && !plan.first) {
      sendReceipts(bytes, id, plan, plan.latencyMs + plan.receiptDelayMs);
    }
  }

  function planAnswer(sequence: number, id: number): void {
    if (plan.stray) answer((sequence + STRAY) & 0x7fff_ffff, id, plan.latencyMs);
    if (plan.answer === "lost") {
      stats.lostAnswers += 1;
    } else if (plan.answer === "closed-before" || plan.answer === "closed-after") {
      stats.closed += 1;
      if (plan.answer === "closed-after") answer(sequence, id, 0);
      wire.end();
    } else {
      answer(sequence, id, plan.latencyMs);
      if (plan.answer === "twice") answer(sequence, id, plan.latencyMs);
    }
  }

  function sendReceipts(bytes: Uint8Array, id: number, drawn: Plan, delayMs: number): void {
    const put = (of_: number, fate: Fate, at: number): void => {
      turnTo(bytes, of_);
      const batch = (at === 0 ? wire.fresh() : undefined) ?? wire.later(at);
      carrier.receipts.putForm(batch, about, fate, drawn.form, of);
    };
    if (drawn.enroute) put(id, "enroute", delayMs / 2);
    put(id, drawn.fate, delayMs);
    if (drawn.twice) put(id, drawn.fate, delayMs);
    // An id from far ahead of the counter: it will not be given out.
    if (drawn.stranger) {
      stats.strangers += 1;
      put(id + 2 ** 40, drawn.fate, delayMs);
    }
  }

  function log(
    bytes: Uint8Array,
    sequence: number,
    status: number,
    id: number,
    before: number,
    fate: string,
    words: readonly string[],
  ): void {
    if (!carrier.submits.wanted) return;
    if (status !== 0) readPart(bytes, places, trackPlaces, part);
    carrier.submits.add({
      atMs: carrier.clock.nowMs(),
      connection: wire.number,
      sequence,
      source: latin1(bytes, places[SM.source]!, places[SM.sourceEnd]!),
      destination: latin1(bytes, places[SM.destination]!, places[SM.destinationEnd]!),
      esmClass: bytes[places[SM.esmClass]!]!,
      dataCoding: bytes[places[SM.dataCoding]!]!,
      registeredDelivery: bytes[places[SM.registeredDelivery]!]!,
      content: Buffer.from(bytes.subarray(trackPlaces.content, trackPlaces.contentEnd)).toString(
        "hex",
      ),
      hash: status === 0 ? hex64(track.last.high, track.last.low) : "",
      ...part,
      status,
      id,
      messageId: id === 0 ? "" : textOf(id, of.id),
      before,
      fate,
      befell: words,
    });
  }

  return {
    submit,
    takeAs(bytes, id) {
      stats = carrier.stats();
      stats.submits += 1;
      of = options;
      const status = judge(bytes, 0, bytes.length);
      if (status !== 0) {
        stats.rejected += 1;
        return status === UNANSWERED ? STATUS.RSYSERR : status;
      }
      draw(bytes);
      if (plan.status !== 0) return plan.status;
      const before = count(bytes);
      const isAsked = (bytes[places[SM.registeredDelivery]!]! & 3) > 0;
      const delayMs = plan.latencyMs + plan.receiptDelayMs;
      known.add(id, plan.fate, wire.nowMs() + delayMs);
      log(bytes, 0, 0, id, before, plan.fate, befell(plan));
      if (plan.receipt && isAsked) sendReceipts(bytes, id, plan, Math.max(1, delayMs));
      return 0;
    },
  };
}

function hex64(high: number, low: number): string {
  return high.toString(16).padStart(8, "0") + low.toString(16).padStart(8, "0");
}
