-- Receipts whose message could not be found: joined again later, listed, counted.
CREATE TABLE IF NOT EXISTS orphan_receipts
(
    carrier LowCardinality(String),
    carrier_id String,
    at DateTime64(3, 'UTC'),
    state UInt8,
    error UInt32,
    error_text String,
    to_tok FixedString(16),
    bind LowCardinality(String),
    done_at DateTime64(3, 'UTC'),
    recorded_at DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(at)
ORDER BY (carrier, carrier_id, at, state);
