/**
 * Route and rate: a turn's request frames in, verdicts and dispatch records out (task.ts).
 *
 * The default export is what a pool thread runs for each task: synchronous, without clock, chance
 * or I/O, so the same task gives the same answer wherever and whenever it runs. It is total over
 * frames: whatever the bytes are, it answers. It throws only for what an operator must mend:
 * FloeError "tables.invalid" (damaged table set) and "keys.invalid" (a month without a data key).
 *
 * The answer is plain data. Its buffers have exactly the size that is used and are the caller's:
 * moving or cloning them is the business of who posts it (piscina's `move` is not for this room).
 */
import assert from "node:assert";
import { VALIDITY_SECONDS_DEFAULT } from "../core/limits.js";
import { LANE_BULK, LANE_HIGH, laneOfClass, REASON } from "../core/message.js";
import { BINARY, MESSAGE, REQUEST, REQUEST_FRAME } from "../core/stream/fields.js";
import {
  type Fields,
  fixed32Of,
  fixed64Of,
  found,
  has,
  newFields,
  nextField,
  RECORDS,
  readFields,
  varintOf,
} from "../core/stream/frame.js";
import { type Choice, clearChoice, newChoice } from "./choice.js";
import { clearDecision, type Decision, decide, newDecision, type Places } from "./decide.js";
import { number } from "./number.js";
import { ensure, newOutput, type Output } from "./output.js";
import { lookUp, newRecipients, RECIPIENTS_MAX, readRecipient } from "./recipients.js";
import {
  DISPATCH_TOK_AT,
  putDispatch,
  putVerdict,
  type Request,
  VERDICT_BYTES_MAX,
  VERDICT_ENC_AT,
  VERDICT_TOK_AT,
} from "./records.js";
import { newRoutingQuery, openRouting, type Routing } from "./routing.js";
import {
  addNumber,
  beginSealing,
  dropSealing,
  finishSealing,
  isAcceptedTime,
  sealingCount,
} from "./sealing.js";
import { openTables, planIndex } from "./tables.js";
import { INDEX, INDEX_STRIDE, type RouteResult, type RouteTask } from "./task.js";

// Everything below is a thread's own and used again for every task and record.
const verdicts = newOutput(256 * 1_024);
const dispatches = newOutput(256 * 1_024);
const choice = newChoice();
const query = newRoutingQuery();
const frame = newFields();
const tag = newFields();
const body = newFields();
const NOTHING = new Uint8Array(0);
const NO_VIEW = new DataView(NOTHING.buffer);
const places: Places = {
  bytes: NOTHING,
  view: NO_VIEW,
  idAt: 0,
  fromAt: 0,
  fromEnd: 0,
  textAt: 0,
  textEnd: 0,
  binary: false,
  headerOctets: 0,
};
/** Records that are read and wait for being looked up together (recipients.ts). */
interface Waiting {
  readonly request: Request;
  readonly decision: Decision;
  bytes: number;
}
const slots: readonly Waiting[] = Array.from({ length: RECIPIENTS_MAX }, () => ({
  request: { bytes: NOTHING, view: NO_VIEW, record: newFields(), message: newFields() },
  decision: newDecision(),
  bytes: 0,
}));
const recipients = newRecipients();
let waiting = 0;
/** Those of the slot at hand. */
let { request, decision } = slots[0]!;
let frames = NOTHING;
let framesView = NO_VIEW;
let index = new Int32Array(1_024 * INDEX_STRIDE);
let records = 0;
let anyNumber = false;
let explaining = false;
let opened: { image: SharedArrayBuffer; routing: Routing } | undefined;

/** @throws FloeError "tables.invalid", "keys.invalid" */
export default function routeAndRate(task: RouteTask): RouteResult {
  if (opened?.image !== task.tables) {
    // Hashing a large image takes half a second, in which this thread would do nothing else.
    opened = { image: task.tables, routing: openRouting(openTables(task.tables, true)) };
  }
  const { routing } = opened;
  query.health = task.health;
  query.quality = task.quality;
  query.explain = explaining;
  anyNumber = task.anyNumber === true;
  frames = new Uint8Array(task.frames);
  framesView = new DataView(task.frames);
  verdicts.at = 0;
  dispatches.at = 0;
  records = 0;
  beginSealing();

  const counts: number[] = [];
  let at = 0;
  for (const end of task.ends) {
    assert(end >= at && end <= task.frames.byteLength, "frames end in order, in their buffer");
    counts.push(routeFrame(at, end, routing));
    at = end;
  }
  finishSealing(task.keys, verdicts.view, dispatches.view);

  frames = NOTHING;
  framesView = NO_VIEW;
  for (const slot of slots) {
    slot.request.bytes = NOTHING;
    slot.request.view = NO_VIEW;
  }
  return {
    verdicts: exactly(verdicts),
    verdictsEnd: verdicts.at,
    dispatches: exactly(dispatches),
    dispatchesEnd: dispatches.at,
    index: index.slice(0, records * INDEX_STRIDE),
    counts,
    carriers: routing.tables.carriers,
    tablesVersion: routing.tables.version,
  };
}

export interface Explained {
  readonly result: RouteResult;
  /** By carrier of the tables; the thread's own, as the next two: read them before the next task. */
  readonly choice: Choice;
  readonly decision: Decision;
  readonly routing: Routing;
}

/**
 * Answers a task of one message, and tells what became of each carrier.
 * @throws FloeError "tables.invalid", "keys.invalid"
 */
export function explain(task: RouteTask): Explained {
  explaining = true;
  try {
    const result = routeAndRate(task);
    assert(opened !== undefined);
    return { result, choice, decision, routing: opened.routing };
  } finally {
    explaining = false;
  }
}

function exactly(output: Output): ArrayBuffer {
  return output.bytes.buffer.slice(0, output.at) as ArrayBuffer;
}

/** @returns the number of its records; -1, and no trace of it, if the frame is malformed. */
function routeFrame(at: number, end: number, routing: Routing): number {
  if (!readFields(frames, at, end, frame)) return -1;
  const lane = varintOf(frame, REQUEST_FRAME.lane);
  const before = records;
  const verdictsBefore = verdicts.at;
  const dispatchesBefore = dispatches.at;
  const sealingBefore = sealingCount();
  waiting = 0;
  while (nextField(frames, at, end, RECORDS) === 1) {
    at = found.end;
    if (readRecord(found.at, found.end, lane, routing)) continue;
    // A record without an id cannot be told of; taken record by record it will be the only one.
    records = before;
    verdicts.at = verdictsBefore;
    dispatches.at = dispatchesBefore;
    dropSealing(sealingBefore);
    return -1;
  }
  routeWaiting(routing);
  return records - before;
}

/** Reads a record into the next slot. @returns false if not even its message id can be read. */
function readRecord(at: number, end: number, lane: number, routing: Routing): boolean {
  const slot = slots[waiting]!;
  ({ request, decision } = slot);
  slot.bytes = end - at;
  request.bytes = frames;
  request.view = framesView;
  const readable = readFields(frames, at, end, request.record);
  if (!isBytes(request.record, REQUEST.messageId, end, 16)) return false;
  readRequest(readable, end, lane);
  decision.planIndex = planIndex(routing.tables, decision.plan);
  clearDecision(decision);
  const { message } = request;
  // An absent field is an empty one, and that is no number.
  const toAt = Math.max(message[2 * MESSAGE.to]!, 0);
  readRecipient(recipients, waiting, frames, toAt, endOf(message, MESSAGE.to), anyNumber);
  waiting += 1;
  if (waiting === RECIPIENTS_MAX) routeWaiting(routing);
  return true;
}

function routeWaiting(routing: Routing): void {
  lookUp(routing.tables, recipients, waiting);
  for (let slot = 0; slot < waiting; slot += 1) {
    const { bytes } = slots[slot]!;
    ({ request, decision } = slots[slot]!);
    if (decision.reason === REASON.NONE) {
      place();
      decide(routing, places, decision, query, choice, recipients, slot);
    } else {
      clearChoice(choice, query.explain, routing.tables.carriers.length);
    }
    write(routing, bytes);
  }
  waiting = 0;
}

/** Fills `decision` with what the request says; its reason is INTERNAL if that is not enough. */
function readRequest(readable: boolean, end: number, lane: number): void {
  const { bytes, record, message } = request;
  const acceptedAtMs = isBytes(record, REQUEST.acceptedAtMs, end, 8)
    ? fixed64Of(bytes, record, REQUEST.acceptedAtMs)
    : 0;
  decision.acceptedAtMs = isAcceptedTime(acceptedAtMs) ? acceptedAtMs : 0;
  decision.account = isBytes(record, REQUEST.account, end, 4)
    ? fixed32Of(bytes, record, REQUEST.account)
    : 0;
  decision.plan = isBytes(record, REQUEST.plan, end, 4)
    ? fixed32Of(bytes, record, REQUEST.plan)
    : 0;
  // A tag of another size is none; `putVerdict` copies eight octets.
  if (!isBytes(record, REQUEST.keyTag, end, 8)) record[2 * REQUEST.keyTag] = -1;
  decision.expiresAtMs = decision.acceptedAtMs;
  decision.lane = lane >= LANE_HIGH && lane <= LANE_BULK ? lane : 0;
  decision.reason = REASON.INTERNAL;
  const whole = readable && readMessage(end);
  if (!whole) message.fill(-1);
  decision.trafficClass = varintOf(message, MESSAGE.trafficClass);
  if (decision.lane === 0) decision.lane = laneOfClass(decision.trafficClass);
  if (!whole || decision.acceptedAtMs === 0) return;

  decision.reason = REASON.NONE;
  const validitySeconds = varintOf(message, MESSAGE.validitySeconds);
  decision.expiresAtMs += (validitySeconds || VALIDITY_SECONDS_DEFAULT) * 1_000;
}

/** Reads the message and checks that what is copied or walked by offset lies within it. */
function readMessage(end: number): boolean {
  const { bytes, record, message } = request;
  if (!isWithin(record, REQUEST.message, end)) return false;
  const at = record[2 * REQUEST.message]!;
  const messageEnd = at + record[2 * REQUEST.message + 1]!;
  return (
    readFields(bytes, at, messageEnd, message) &&
    (isWithin(message, MESSAGE.text, messageEnd) || isBinary(messageEnd)) &&
    (!has(message, MESSAGE.to) || isWithin(message, MESSAGE.to, messageEnd)) &&
    (!has(message, MESSAGE.from) || isWithin(message, MESSAGE.from, messageEnd)) &&
    (!has(message, MESSAGE.clientReference) ||
      isWithin(message, MESSAGE.clientReference, messageEnd)) &&
    (!has(message, MESSAGE.tags) || areTags(at, messageEnd))
  );
}

/** Whether the message is one of octets, and what is within can be read. */
function isBinary(messageEnd: number): boolean {
  const { bytes, message } = request;
  if (has(message, MESSAGE.text) || !isWithin(message, MESSAGE.binary, messageEnd)) return false;
  const at = message[2 * MESSAGE.binary]!;
  const end = endOf(message, MESSAGE.binary);
  return (
    readFields(bytes, at, end, body) &&
    (!has(body, BINARY.data) || isWithin(body, BINARY.data, end)) &&
    (!has(body, BINARY.udh) || isWithin(body, BINARY.udh, end))
  );
}

/** Whether the message's tags can be read: they are copied into the verdict as they are. */
function areTags(at: number, end: number): boolean {
  const { bytes } = request;
  while (nextField(bytes, at, end, MESSAGE.tags) === 1) {
    at = found.end;
    if (!readFields(bytes, found.at, found.end, tag)) return false;
  }
  return true;
}

/** Where the message's parts lie; `readMessage` has looked at them. */
function place(): void {
  const { message } = request;
  places.bytes = request.bytes;
  places.view = request.view;
  places.idAt = request.record[2 * REQUEST.messageId]!;
  places.fromAt = Math.max(message[2 * MESSAGE.from]!, 0);
  places.fromEnd = endOf(message, MESSAGE.from);
  places.binary = !has(message, MESSAGE.text);
  if (places.binary) {
    placeBinary();
    return;
  }
  places.textAt = message[2 * MESSAGE.text]!;
  places.textEnd = endOf(message, MESSAGE.text);
}

function placeBinary(): void {
  const { bytes, message } = request;
  readFields(bytes, message[2 * MESSAGE.binary]!, endOf(message, MESSAGE.binary), body);
  places.textAt = Math.max(body[2 * BINARY.data]!, 0);
  places.textEnd = endOf(body, BINARY.data);
  places.headerOctets = has(body, BINARY.udh) ? body[2 * BINARY.udh + 1]! : 0;
}

/** An absent field is an empty one. */
function endOf(fields: Fields, field: number): number {
  const at = fields[2 * field]!;
  return at < 0 ? 0 : at + fields[2 * field + 1]!;
}

function write(routing: Routing, requestBytes: number): void {
  const routed = decision.reason === REASON.NONE;
  // What a verdict copies of a request may grow by a longer tag for each of the customer's tags.
  ensure(verdicts, VERDICT_BYTES_MAX + 2 * requestBytes);
  const verdictAt = putVerdict(verdicts, request, decision, choice, routing);
  let dispatchAt = 0;
  let dispatchEnd = 0;
  let dispatchTokAt = 0;
  if (routed) {
    ensure(dispatches, VERDICT_BYTES_MAX + requestBytes);
    dispatchAt = dispatches.at;
    dispatchTokAt = putDispatch(dispatches, request, decision, choice, routing) + DISPATCH_TOK_AT;
    dispatchEnd = dispatches.at;
  }
  if (decision.digits > 0) {
    addNumber(
      number.digits,
      request.view,
      0,
      decision.digits,
      request.record[2 * REQUEST.messageId]!,
      decision.acceptedAtMs,
      verdictAt + VERDICT_ENC_AT,
      verdictAt + VERDICT_TOK_AT,
      dispatchTokAt,
    );
  }

  if ((records + 1) * INDEX_STRIDE > index.length) {
    const larger = new Int32Array(index.length * 2);
    larger.set(index);
    index = larger;
  }
  const entry = records * INDEX_STRIDE;
  index[entry + INDEX.verdictAt] = verdictAt;
  index[entry + INDEX.verdictEnd] = verdicts.at;
  index[entry + INDEX.dispatchAt] = dispatchAt;
  index[entry + INDEX.dispatchEnd] = dispatchEnd;
  index[entry + INDEX.carrier] = routed ? choice.carriers[0]! : -1;
  index[entry + INDEX.lane] = decision.lane;
  index[entry + INDEX.segments] = decision.segments;
  index[entry + INDEX.chargeBasis] = decision.chargeBasis;
  index[entry + INDEX.tier] = routed ? decision.tier : 0;
  index[entry + INDEX.once] = routed ? routing.rules.once[choice.rule]! : 0;
  records += 1;
}

/** Whether a field is there with `size` octets before `end`. */
function isBytes(fields: Fields, field: number, end: number, size: number): boolean {
  const at = fields[2 * field]!;
  return at >= 0 && fields[2 * field + 1] === size && at + size <= end;
}

/** Whether a field's octets end by `end`: one that came as a number has a value for its size. */
function isWithin(fields: Fields, field: number, end: number): boolean {
  const at = fields[2 * field]!;
  const size = fields[2 * field + 1]!;
  return at >= 0 && size >= 0 && size <= end - at;
}
