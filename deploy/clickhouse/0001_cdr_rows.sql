-- One row per message (account, day of acceptance, message id), written in parts: the verdict, what
-- was seen of submissions, the outcome, settlements. Parts come late, repeated and regrouped, so
-- every column is a lattice: max() of what was written, with the type's zero for "nothing yet".
-- Merges and FINAL then give one row whatever the order was. Read it through the view `cdr`.
--
-- A merge costs 0.05-0.2 us per row and column, so what is always read together is packed (see the
-- view for the way back), and nothing is Nullable (it doubles a column's cost).
CREATE TABLE IF NOT EXISTS cdr_rows
(
    account UInt32,
    accepted_day Date,
    message_id UUID,

    -- The verdict. State rank << 56, reason << 48, lane << 40, traffic class << 32, encoding << 24,
    -- segments << 16, charge basis << 8, receipt request. 0: no verdict yet.
    verdict SimpleAggregateFunction(max, UInt64),
    accepted_at SimpleAggregateFunction(max, DateTime64(3, 'UTC')),
    validity_ms SimpleAggregateFunction(max, UInt32),
    -- "<9 - carriers to come>:<cost currency>:<carrier>,<carriers to come>". Of a message that was
    -- redirected the last route is the greatest.
    route SimpleAggregateFunction(max, LowCardinality(String)),
    -- "<prefix>|<country>|<mcc>|<mnc>"
    destination SimpleAggregateFunction(max, LowCardinality(String)),
    sender SimpleAggregateFunction(max, LowCardinality(String)),
    currency SimpleAggregateFunction(max, LowCardinality(String)),
    price_micros SimpleAggregateFunction(max, Int64),
    -- The route's first character << 56, what its first carrier charges in the low 56 bits.
    cost SimpleAggregateFunction(max, UInt64),
    -- AES block of number and id bits under the month's data key; of the number under the token key.
    to_enc SimpleAggregateFunction(max, FixedString(16)) CODEC(NONE),
    to_tok SimpleAggregateFunction(max, FixedString(16)) CODEC(NONE),
    client_reference SimpleAggregateFunction(max, String),
    -- JSON object, "" for none.
    tags SimpleAggregateFunction(max, String),
    tables_version SimpleAggregateFunction(max, UInt32),
    plan SimpleAggregateFunction(max, UInt32),

    -- Settlements, one record each.
    charged_micros SimpleAggregateFunction(max, Int64),
    released_micros SimpleAggregateFunction(max, Int64),
    adjusted_micros SimpleAggregateFunction(max, Int64),
    ledger_sequence SimpleAggregateFunction(max, UInt64),

    -- Big endian, so that strings sort as their numbers. Certainty (1 in doubt, 2 submitted), hop
    -- (2 bytes), time (6 bytes), carrier, NUL, carrier id.
    submit SimpleAggregateFunction(max, String),
    -- State rank, time (6 bytes), hop (2 bytes), error (4 bytes), the carrier's words.
    outcome SimpleAggregateFunction(max, String)
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(accepted_day)
ORDER BY (account, accepted_day, message_id)
-- Few and wide merges: each costs 3-4 us a row, and tens of parts are nothing to FINAL.
SETTINGS min_parts_to_merge_at_once = 20;
