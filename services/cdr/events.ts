/**
 * Events: rows that stay as they came: attempts, ledger entries, API calls.
 */
import {
  type BlockColumn,
  clearDictionary,
  type Dictionary,
  dictionaryColumn,
  fixedColumn,
  newDictionary,
  newTextColumn,
  type TextColumn,
  textColumn,
} from "./column.js";

/** More than twice ROWS_MAX: a message has a submission and a receipt, and some have several. */
export const ATTEMPTS_MAX = 160_000;
export const ENTRIES_MAX = 64_000;
export const CALLS_MAX = 32_000;
const TIME = "DateTime64(3, 'UTC')";

/** Rows of `attempts`. Wide ones have two words a row. */
export interface Attempts {
  count: number;
  readonly carrierId: TextColumn;
  readonly kept: TextColumn;
  readonly id: Uint32Array;
  readonly acceptedAt: Uint32Array;
  readonly hop: Uint16Array;
  readonly kind: Uint8Array;
  readonly part: Uint8Array;
  readonly state: Uint8Array;
  readonly parts: Uint8Array;
  readonly partState: Uint8Array;
  readonly account: Uint32Array;
  readonly at: Uint32Array;
  readonly recordedAt: Uint32Array;
  /** Four words a row. */
  readonly toTok: Uint32Array;
  readonly error: Uint32Array;
  readonly final: Uint8Array;
  readonly carrier: Uint16Array;
  readonly errorText: Uint16Array;
  readonly nextCarrier: Uint16Array;
  readonly bind: Uint16Array;
  readonly dictionaries: Readonly<
    Record<"carrier" | "errorText" | "nextCarrier" | "bind", Dictionary>
  >;
}

export function newAttempts(): Attempts {
  const octets = (): Uint8Array => new Uint8Array(ATTEMPTS_MAX);
  const numbers = (): Uint16Array => new Uint16Array(ATTEMPTS_MAX);
  const wide = (): Uint32Array => new Uint32Array(2 * ATTEMPTS_MAX);
  return {
    count: 0,
    carrierId: newTextColumn(16 * ATTEMPTS_MAX),
    kept: newTextColumn(2 * ATTEMPTS_MAX),
    id: new Uint32Array(4 * ATTEMPTS_MAX),
    acceptedAt: wide(),
    hop: numbers(),
    kind: octets(),
    part: octets(),
    state: octets(),
    parts: octets(),
    partState: octets(),
    account: new Uint32Array(ATTEMPTS_MAX),
    at: wide(),
    recordedAt: wide(),
    toTok: new Uint32Array(4 * ATTEMPTS_MAX),
    error: new Uint32Array(ATTEMPTS_MAX),
    final: octets(),
    carrier: numbers(),
    errorText: numbers(),
    nextCarrier: numbers(),
    bind: numbers(),
    dictionaries: {
      carrier: newDictionary(),
      errorText: newDictionary(),
      nextCarrier: newDictionary(),
      bind: newDictionary(),
    },
  };
}

/** Every fixed column is written for each row, so only what grows is to be reset. */
export function clearAttempts(attempts: Attempts): void {
  attempts.count = 0;
  attempts.carrierId.at = 0;
  attempts.kept.at = 0;
  for (const dictionary of Object.values(attempts.dictionaries)) clearDictionary(dictionary);
}

export function attemptColumns(attempts: Attempts): BlockColumn[] {
  const { count, dictionaries } = attempts;
  const octets = (name: string, values: Uint8Array, type = "UInt8") =>
    fixedColumn(name, type, values, count);
  const wide = (name: string, values: Uint32Array) => fixedColumn(name, TIME, values, 2 * count);
  return [
    dictionaryColumn("carrier", dictionaries.carrier, attempts.carrier, count),
    textColumn("carrier_id", attempts.carrierId),
    fixedColumn("message_id", "UUID", attempts.id, 4 * count),
    wide("accepted_at", attempts.acceptedAt),
    fixedColumn("hop", "UInt16", attempts.hop, count),
    octets("kind", attempts.kind, "Int8"),
    octets("part", attempts.part),
    octets("state", attempts.state),
    octets("parts", attempts.parts),
    octets("part_state", attempts.partState),
    fixedColumn("account", "UInt32", attempts.account, count),
    wide("at", attempts.at),
    wide("recorded_at", attempts.recordedAt),
    fixedColumn("to_tok", "FixedString(16)", attempts.toTok, 4 * count),
    fixedColumn("error", "UInt32", attempts.error, count),
    dictionaryColumn("error_text", dictionaries.errorText, attempts.errorText, count),
    octets("final", attempts.final),
    dictionaryColumn("next_carrier", dictionaries.nextCarrier, attempts.nextCarrier, count),
    dictionaryColumn("bind", dictionaries.bind, attempts.bind, count),
    textColumn("kept", attempts.kept),
  ];
}

/** Rows of `ledger`. */
export interface Entries {
  count: number;
  readonly account: Uint32Array;
  readonly sequence: Uint32Array;
  readonly kind: Uint8Array;
  readonly amount: Uint32Array;
  readonly id: Uint32Array;
  readonly acceptedAt: Uint32Array;
  readonly at: Uint32Array;
  readonly currency: Uint16Array;
  readonly currencies: Dictionary;
  readonly balanceAfter: Uint32Array;
  /** Of what was done by hand; else "". */
  readonly reference: TextColumn;
  readonly note: TextColumn;
}

export function newEntries(): Entries {
  const wide = (): Uint32Array => new Uint32Array(2 * ENTRIES_MAX);
  return {
    count: 0,
    account: new Uint32Array(ENTRIES_MAX),
    sequence: wide(),
    kind: new Uint8Array(ENTRIES_MAX),
    amount: wide(),
    id: new Uint32Array(4 * ENTRIES_MAX),
    acceptedAt: wide(),
    at: wide(),
    currency: new Uint16Array(ENTRIES_MAX),
    currencies: newDictionary(),
    balanceAfter: wide(),
    // Nearly all are empty: one byte each.
    reference: newTextColumn(ENTRIES_MAX + 1_024),
    note: newTextColumn(ENTRIES_MAX + 1_024),
  };
}

export function clearEntries(entries: Entries): void {
  entries.count = 0;
  entries.reference.at = 0;
  entries.note.at = 0;
  clearDictionary(entries.currencies);
}

export function entryColumns(entries: Entries): BlockColumn[] {
  const { count } = entries;
  return [
    fixedColumn("account", "UInt32", entries.account, count),
    fixedColumn("ledger_sequence", "UInt64", entries.sequence, 2 * count),
    fixedColumn("kind", "Int8", entries.kind, count),
    fixedColumn("amount_micros", "Int64", entries.amount, 2 * count),
    dictionaryColumn("currency", entries.currencies, entries.currency, count),
    fixedColumn("message_id", "UUID", entries.id, 4 * count),
    fixedColumn("accepted_at", TIME, entries.acceptedAt, 2 * count),
    fixedColumn("at", TIME, entries.at, 2 * count),
    fixedColumn("balance_after_micros", "Int64", entries.balanceAfter, 2 * count),
    textColumn("reference", entries.reference),
    textColumn("note", entries.note),
  ];
}

/** Rows of `api_calls`. */
export interface Calls {
  count: number;
  readonly account: Uint32Array;
  readonly id: Uint32Array;
  readonly at: Uint32Array;
  readonly accepted: Uint32Array;
  readonly refused: Uint32Array;
  readonly code: Uint8Array;
  readonly requestBytes: Uint32Array;
  readonly durationMicros: Uint32Array;
  readonly peer: TextColumn;
  readonly keyId: Uint16Array;
  readonly method: Uint16Array;
  readonly dictionaries: Readonly<Record<"keyId" | "method", Dictionary>>;
}

export function newCalls(): Calls {
  const narrow = (): Uint32Array => new Uint32Array(CALLS_MAX);
  return {
    count: 0,
    account: narrow(),
    id: new Uint32Array(4 * CALLS_MAX),
    at: new Uint32Array(2 * CALLS_MAX),
    accepted: narrow(),
    refused: narrow(),
    code: new Uint8Array(CALLS_MAX),
    requestBytes: narrow(),
    durationMicros: narrow(),
    peer: newTextColumn(16 * CALLS_MAX),
    keyId: new Uint16Array(CALLS_MAX),
    method: new Uint16Array(CALLS_MAX),
    dictionaries: { keyId: newDictionary(), method: newDictionary() },
  };
}

export function clearCalls(calls: Calls): void {
  calls.count = 0;
  calls.peer.at = 0;
  for (const dictionary of Object.values(calls.dictionaries)) clearDictionary(dictionary);
}

export function callColumns(calls: Calls): BlockColumn[] {
  const { count, dictionaries } = calls;
  return [
    fixedColumn("account", "UInt32", calls.account, count),
    fixedColumn("call_id", "UUID", calls.id, 4 * count),
    fixedColumn("at", TIME, calls.at, 2 * count),
    dictionaryColumn("key_id", dictionaries.keyId, calls.keyId, count),
    dictionaryColumn("method", dictionaries.method, calls.method, count),
    textColumn("peer", calls.peer),
    fixedColumn("accepted", "UInt32", calls.accepted, count),
    fixedColumn("refused", "UInt32", calls.refused, count),
    fixedColumn("code", "UInt8", calls.code, count),
    fixedColumn("request_bytes", "UInt32", calls.requestBytes, count),
    fixedColumn("duration_micros", "UInt32", calls.durationMicros, count),
  ];
}
