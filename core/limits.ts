/**
 * Limits: every bound that is not a setting, beside its reason, and the relations between them.
 */
import assert from "node:assert";

/** Digits of a number, country code included, without "+" (ITU-T E.164). */
export const NUMBER_DIGITS_MAX = 15;
/** Fewer digits than any international number has. */
export const NUMBER_DIGITS_MIN = 7;
/** Alphanumeric sender (3GPP TS 23.040, 9.1.2.5: 11 septets fit the address field). */
export const SENDER_CHARACTERS_MAX = 11;

/** Body of one message in UTF-8. 12 UCS-2 segments are 804 characters, 2,412 bytes at most. */
export const TEXT_BYTES_MAX = 4_096;
/** Segments of one message: phones reassemble few more, and a typo must not cost a fortune. */
export const SEGMENTS_MAX = 12;
/** Body of octets: as many as SEGMENTS_MAX parts of 134 hold. */
export const BINARY_BYTES_MAX = SEGMENTS_MAX * 134;
/** User data header of a customer's: one part may be nothing else (3GPP TS 23.040, 9.2.3.24). */
export const UDH_BYTES_MAX = 140;
export const IDEMPOTENCY_KEY_BYTES_MAX = 255;
export const CLIENT_REFERENCE_BYTES_MAX = 128;
export const TAGS_MAX = 8;
export const TAG_KEY_BYTES_MAX = 32;
export const TAG_VALUE_BYTES_MAX = 64;
export const VALIDITY_SECONDS_DEFAULT = 86_400;
export const VALIDITY_SECONDS_MAX = 604_800;
/** A customer's message as it came, every field at its bound, unknown fields not welcome. */
export const MESSAGE_BYTES_MAX = 8_192;
/** Messages of one Quote call: they are rated in the gateway's own thread, 2 ms at most. */
export const QUOTES_MAX = 100;
/** Messages of one QuoteBatch call of staff. */
export const QUOTE_BATCH_MAX = 1_000;
/** Messages of one SendBatch call. */
export const BATCH_MESSAGES_MAX = 1_000;
/** One gRPC request. A batch of long messages is refused whole beyond it. */
export const CALL_BYTES_MAX = 8 * 1_024 * 1_024;
/** Messages that a SendStream caller may have unanswered. */
export const STREAM_CREDIT_MAX = 4_000;

/** Records of one frame. */
export const FRAME_RECORDS_MAX = 1_000;
/** Bytes of one frame. */
export const FRAME_BYTES_MAX = 256 * 1_024;
/** Largest message that the streams take; a decision frame over several request frames fits. */
export const STREAM_MESSAGE_BYTES_MAX = 1_024 * 1_024;

/** Carriers that a message is offered to before it is given up. */
export const CANDIDATES_MAX = 3;
/** Price or cost of one segment: a million units of any currency, so a message's is exact. */
export const SEGMENT_MICROS_MAX = 10 ** 12;
/** A balance or a sum: ledger records and ClickHouse columns are signed 64-bit integers. */
export const SUM_MICROS_MAX = 2n ** 63n - 1n;

/** Account slots: an account's slot is its number modulo this; partitions are sets of slots. */
export const ACCOUNT_SLOTS = 1_024;

/** What the stream remembers a Nats-Msg-Id for. */
export const DUPLICATE_WINDOW_MS = 120_000;
/** How long a gateway tries to publish a request frame before it answers UNAVAILABLE. */
export const REQUEST_PUBLISH_MS_MAX = 15_000;
/** A request frame stored later than this after its first publication is acked undecided. */
export const REQUEST_LATE_MS = 480_000;
/** A gateway whose clock differs more from the stream server's accepts nothing. */
export const CLOCK_SKEW_MS_MAX = 60_000;
/** After this the stream hands an unacknowledged frame to somebody again. */
export const ACK_WAIT_MS = 30_000;
/** How long the sweep waits for a receipt beyond a message's validity. */
export const RECEIPT_WAIT_MS = 600_000;
/** How long a limits stream keeps what no reader has purged. */
export const STREAM_AGE_MS_MAX = 7 * 24 * 3_600_000;

/** Request frames of one lane that an owner holds unacked; a work queue gives no more then. */
export const REQUEST_FRAMES_HELD_MAX = 128;
/** Decisions of one partition whose dispatch frames are not all stored; no request is taken then. */
export const UNDISPATCHED_DECISIONS_MAX = 64;
/** How long an idempotency key keeps its message, by the acceptance of both. */
export const IDEMPOTENCY_WINDOW_MS = 24 * 3_600_000;
/** Stream time of a lane for which Nats-Msg-Ids of decided request frames are remembered. */
export const PUBLISH_ID_WINDOW_MS = 600_000;
/** How long after its deadline a released message may still be charged by a late receipt. */
export const RELEASED_KEPT_MS = 72 * 3_600_000;
/** How long a settlement waits for company when no request is decided meanwhile. */
export const SETTLE_LINGER_MS = 25;
/** Settlements of one decision frame; those of one attempt frame stay together. */
export const SETTLEMENTS_MAX = 2 * FRAME_RECORDS_MAX;
/** A verdict is its request without text, plus at most this much. */
export const VERDICT_EXTRA_BYTES_MAX = 400;
/** A settlement with its currency. */
export const SETTLEMENT_BYTES_MAX = 100;

assert(REQUEST_PUBLISH_MS_MAX < DUPLICATE_WINDOW_MS, "a repeat must meet its id");
assert(DUPLICATE_WINDOW_MS < REQUEST_LATE_MS);
assert(REQUEST_PUBLISH_MS_MAX + CLOCK_SKEW_MS_MAX < REQUEST_LATE_MS, "what is accepted is decided");
assert(ACK_WAIT_MS * 2 < DUPLICATE_WINDOW_MS, "dispatch made again soon meets its id");
assert(MESSAGE_BYTES_MAX > TEXT_BYTES_MAX + IDEMPOTENCY_KEY_BYTES_MAX + CLIENT_REFERENCE_BYTES_MAX);
assert(FRAME_BYTES_MAX + MESSAGE_BYTES_MAX + 256 < STREAM_MESSAGE_BYTES_MAX);
assert(BATCH_MESSAGES_MAX <= STREAM_CREDIT_MAX);
assert(REQUEST_LATE_MS < PUBLISH_ID_WINDOW_MS, "a repeat that is still taken meets its id");
assert(
  FRAME_BYTES_MAX +
    FRAME_RECORDS_MAX * VERDICT_EXTRA_BYTES_MAX +
    SETTLEMENTS_MAX * SETTLEMENT_BYTES_MAX <
    STREAM_MESSAGE_BYTES_MAX,
  "a decision frame fits",
);
assert(SEGMENT_MICROS_MAX * SEGMENTS_MAX <= Number.MAX_SAFE_INTEGER);
