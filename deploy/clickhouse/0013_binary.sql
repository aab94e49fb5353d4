-- Messages of octets have an encoding by name; else the view is as before.
CREATE OR REPLACE VIEW cdr AS
WITH
    toUInt8(bitShiftRight(r.verdict, 56)) AS verdict_rank,
    multiIf(r.submit = '', 0, substring(r.submit, 1, 1) = char(2), 4, 0) AS submit_rank,
    if(r.outcome = '', 0, reinterpretAsUInt8(substring(r.outcome, 1, 1))) AS outcome_rank,
    splitByChar(':', r.route) AS route_parts,
    splitByChar('|', r.destination) AS destination_parts,
    splitByChar('\0', substring(r.submit, 10)) AS submit_parts,
    splitByChar('|', r.decided) AS decided_parts,
    toUInt32OrZero(decided_parts[2]) AS flags
SELECT
    account,
    accepted_day,
    message_id,
    -- While parts of a message are in and its verdict is not, only the day is known.
    if(r.verdict = 0, toDateTime64(r.accepted_day, 3, 'UTC'), r.accepted_at) AS accepted_at,
    CAST(
        greatest(verdict_rank, submit_rank, outcome_rank),
        'Enum8(\'\' = 0, \'ACCEPTED\' = 1, \'SCHEDULED\' = 2, \'ROUTED\' = 3, \'SUBMITTED\' = 4, \'UNKNOWN\' = 5, \'EXPIRED\' = 6, \'CANCELED\' = 7, \'REJECTED\' = 8, \'UNDELIVERABLE\' = 9, \'PARTIALLY_DELIVERED\' = 10, \'DELIVERED\' = 11)'
    ) AS state,
    state >= 'UNKNOWN' AS terminal,
    [
        '', 'NO_ROUTE', 'NO_PRICE', 'NUMBER_INVALID', 'TOO_MANY_SEGMENTS', 'IDEMPOTENCY_CONFLICT',
        'IDEMPOTENCY_FULL', 'ACCOUNT_UNKNOWN', 'NO_CREDIT', 'EXPIRED', 'INTERNAL', 'NO_RECEIPT',
        'CARRIER_REFUSED', 'BELOW_COST', 'COUNTRY_BLOCKED', 'PRICE_CEILING', 'CLASS_BLOCKED',
        'SENDER_REFUSED', 'BLOCKED_BY_RULE', 'OPTED_OUT', 'NOT_SUBMITTED', '', '', '', '',
        'INSUFFICIENT_BALANCE', 'CREDIT_LIMIT', 'SPEND_CAP_DAY', 'SPEND_CAP_MONTH', 'ACCOUNT_INACTIVE', 'TOO_MANY_OUTSTANDING',
        'RATE_EXCEEDED'
    ][bitAnd(bitShiftRight(r.verdict, 48), 255) + 1] AS reason,
    ['', 'high', 'normal', 'bulk'][bitAnd(bitShiftRight(r.verdict, 40), 255) + 1] AS lane,
    ['', 'authentication', 'transactional', 'promotional'][bitAnd(bitShiftRight(r.verdict, 32), 255) + 1]
        AS traffic_class,
    ['', 'GSM7', 'UCS2', 'BINARY'][bitAnd(bitShiftRight(r.verdict, 24), 255) + 1] AS encoding,
    toUInt8(bitAnd(bitShiftRight(r.verdict, 16), 255)) AS segments,
    ['', 'submit', 'delivered'][bitAnd(bitShiftRight(r.verdict, 8), 255) + 1] AS charge_basis,
    toUInt8(bitAnd(r.verdict, 255)) AS receipt,
    if(r.verdict = 0, NULL, r.accepted_at + toIntervalMillisecond(r.validity_ms)) AS expires_at,
    splitByChar(',', route_parts[3]) AS carriers,
    if(submit_parts[1] != '', submit_parts[1], carriers[1]) AS carrier,
    submit_parts[2] AS carrier_id,
    substring(r.submit, 1, 1) = char(1) AS in_doubt,
    if(r.submit = '', NULL, reinterpretAsUInt16(reverse(substring(r.submit, 2, 2)))) AS hop,
    if(r.submit = '', NULL, fromUnixTimestamp64Milli(reinterpretAsInt64(reverse(substring(r.submit, 4, 6))), 'UTC'))
        AS submitted_at,
    if(outcome_rank < 5, NULL, fromUnixTimestamp64Milli(reinterpretAsInt64(reverse(substring(r.outcome, 2, 6))), 'UTC'))
        AS done_at,
    if(r.outcome = '', 0, reinterpretAsUInt32(reverse(substring(r.outcome, 10, 4)))) AS error,
    substring(r.outcome, 14) AS error_text,
    destination_parts[1] AS to_prefix,
    destination_parts[2] AS country,
    destination_parts[3] AS mcc,
    destination_parts[4] AS mnc,
    lower(hex(r.to_enc)) AS to_enc,
    lower(hex(r.to_tok)) AS to_tok,
    sender,
    client_reference,
    tags,
    currency,
    price_micros,
    toDecimal128(price_micros, 6) / 1000000 AS price,
    route_parts[2] AS cost_currency,
    toInt64(bitAnd(r.cost, 0x00ffffffffffffff)) AS cost_micros,
    toDecimal128(cost_micros, 6) / 1000000 AS cost,
    r.charged_micros + r.adjusted_micros AS charged_micros,
    toDecimal128(charged_micros, 6) / 1000000 AS charged,
    released_micros,
    adjusted_micros,
    ledger_sequence,
    tables_version,
    plan,
    -- Which routing rule decided, and what was changed or noted on the way (floe.v1.VerdictFlag).
    decided_parts[1] AS rule,
    bitAnd(flags, 1) != 0 AS smart_encoded,
    bitAnd(flags, 2) != 0 AS sender_replaced,
    arrayStringConcat(arraySlice(decided_parts, 4), '|') AS sent_sender,
    bitAnd(flags, 4) != 0 AS monitored,
    bitAnd(flags, 8) != 0 AS ported,
    bitAnd(flags, 16) != 0 AS tiered,
    -- National language tables: single shift in the low 8 bits, locking shift above.
    toUInt16OrZero(decided_parts[3]) AS languages
FROM cdr_rows AS r FINAL;
