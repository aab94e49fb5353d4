-- Every movement of an account's money, in the order of its ledger sequence (1, 2, 3, ...): what
-- invoices are made of. Read it with FINAL.
CREATE TABLE IF NOT EXISTS ledger
(
    account UInt32,
    ledger_sequence UInt64,
    kind Enum8('COMMIT' = 1, 'RELEASE' = 2, 'ADJUST' = 3),
    amount_micros Int64,
    currency LowCardinality(String),
    message_id UUID,
    accepted_at DateTime64(3, 'UTC'),
    at DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(at)
ORDER BY (account, ledger_sequence)
-- Few and wide merges: each costs 3-4 us a row, and tens of parts are nothing to FINAL.
SETTINGS min_parts_to_merge_at_once = 20;
