/**
 * Field numbers of proto/floe/v1 that the hot path reads and writes by.
 * tests/unit/core/fields.test.ts holds them against the compiled schema.
 */
export const MESSAGE = {
  to: 1,
  from: 2,
  text: 3,
  binary: 4,
  trafficClass: 8,
  idempotencyKey: 9,
  clientReference: 10,
  validitySeconds: 11,
  receipt: 12,
  tags: 13,
  flash: 14,
} as const;

export const BINARY = { data: 1, udh: 2 } as const;

export const TAG = { key: 1, value: 2 } as const;

export const REQUEST_FRAME = { partition: 1, lane: 2, publishedAtMs: 3, records: 8 } as const;

export const REQUEST = {
  messageId: 1,
  acceptedAtMs: 2,
  account: 3,
  plan: 4,
  keyTag: 5,
  message: 6,
} as const;

export const DECISION_FRAME = {
  partition: 1,
  decidedAtMs: 2,
  previousSequence: 3,
  attemptsThrough: 4,
  epoch: 5,
  counter: 6,
  covers: 7,
  records: 8,
  settlements: 9,
} as const;

export const COVER = { lane: 1, sequence: 2, publishId: 3, count: 4 } as const;

export const VERDICT = {
  messageId: 1,
  acceptedAtMs: 2,
  account: 3,
  state: 4,
  reason: 5,
  place: 6,
  priceMicros: 7,
  costMicros: 8,
  keyTag: 9,
  expiresAtMs: 10,
  carrier: 11,
  toEnc: 12,
  toTok: 13,
  toPrefix: 14,
  country: 15,
  mcc: 16,
  mnc: 17,
  sender: 18,
  trafficClass: 19,
  encoding: 20,
  segments: 21,
  currency: 22,
  costCurrency: 23,
  chargeBasis: 24,
  tablesVersion: 25,
  plan: 26,
  clientReference: 27,
  receipt: 28,
  tags: 29,
  candidates: 30,
  rule: 31,
  flags: 32,
  sentSender: 33,
  languages: 34,
  policy: 35,
} as const;

/** floe.v1.VerdictFlag. */
export const FLAG = {
  smartEncoded: 1,
  senderReplaced: 2,
  monitored: 4,
  ported: 8,
  tiered: 16,
} as const;

export const CANDIDATE = { carrier: 1, costMicros: 2, costCurrency: 3, sender: 4 } as const;

export const SETTLEMENT = {
  messageId: 1,
  acceptedAtMs: 2,
  account: 3,
  kind: 4,
  amountMicros: 5,
  ledgerSequence: 6,
  atMs: 7,
  currency: 8,
  balanceAfterMicros: 9,
  reference: 10,
  note: 11,
} as const;
export const SETTLEMENT_COMMIT = 1;
export const SETTLEMENT_RELEASE = 2;
export const SETTLEMENT_ADJUST = 3;
export const SETTLEMENT_TOP_UP = 4;
export const SETTLEMENT_CREDIT = 5;
export const SETTLEMENT_DEBIT = 6;

export const DISPATCH_FRAME = {
  carrier: 1,
  lane: 2,
  slot: 3,
  causedAtMs: 4,
  identity: 5,
  again: 6,
  partition: 7,
  records: 8,
  atMostOnce: 9,
  notBeforeMs: 10,
} as const;

export const DISPATCH = {
  messageId: 1,
  acceptedAtMs: 2,
  account: 3,
  hop: 4,
  expiresAtMs: 5,
  encoding: 6,
  segments: 7,
  toTok: 8,
  plain: 9,
  message: 10,
  candidates: 11,
  sender: 12,
  smart: 13,
  languages: 14,
  policy: 15,
  retries: 16,
} as const;

export const ATTEMPT_FRAME = {
  partition: 1,
  carrier: 2,
  publishedAtMs: 3,
  identity: 4,
  writer: 5,
  records: 8,
} as const;

export const ATTEMPT = {
  messageId: 1,
  acceptedAtMs: 2,
  account: 3,
  kind: 4,
  hop: 5,
  atMs: 6,
  state: 7,
  carrierIds: 8,
  toTok: 9,
  error: 10,
  errorText: 11,
  part: 12,
  parts: 13,
  final: 14,
  nextCarrier: 15,
  nextPlace: 16,
  bind: 17,
  partState: 18,
  tlvs: 19,
} as const;
export const ATTEMPT_INTENT = 1;
export const ATTEMPT_SUBMITTED = 2;
export const ATTEMPT_REFUSED = 3;
export const ATTEMPT_IN_DOUBT = 4;
export const ATTEMPT_RECEIPT = 5;
export const ATTEMPT_TIMED_OUT = 6;
export const ATTEMPT_MARKER = 7;

export const RECEIPT_FRAME = { carrier: 1, publishedAtMs: 3, records: 8 } as const;

export const RECEIPT = {
  carrierId: 1,
  atMs: 2,
  state: 3,
  error: 4,
  errorText: 5,
  toTok: 6,
  bind: 7,
  doneAtMs: 8,
  tlvs: 9,
} as const;

export const INBOUND_FRAME = { carrier: 1, publishedAtMs: 3, records: 8 } as const;

export const INBOUND = {
  atMs: 1,
  bind: 2,
  from: 3,
  fromTon: 4,
  to: 5,
  toTon: 6,
  esmClass: 7,
  dataCoding: 8,
  alphabet: 9,
  content: 10,
  sarReference: 11,
  sarTotal: 12,
  sarPart: 13,
} as const;

export const USAGE_FRAME = { publishedAtMs: 3, records: 8 } as const;

export const USAGE = {
  callId: 1,
  atMs: 2,
  account: 3,
  keyId: 4,
  method: 5,
  peer: 6,
  accepted: 7,
  refused: 8,
  code: 9,
  requestBytes: 10,
  durationMicros: 11,
} as const;

export const ENCODING_GSM7 = 1;
export const ENCODING_UCS2 = 2;
export const ENCODING_BINARY = 3;
export const CHARGE_ON_SUBMIT = 1;
export const CHARGE_ON_DELIVERED = 2;
export const RECEIPT_REQUEST_NONE = 2;
