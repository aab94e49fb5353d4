-- One row per event at a carrier; a message of several parts has one for each part's carrier id.
-- The key begins with what a receipt knows of its message, and ends with what tells events apart, so
-- an event that is written twice is one.
CREATE TABLE IF NOT EXISTS attempts
(
    carrier LowCardinality(String),
    -- As the carrier wrote it.
    carrier_id String,
    message_id UUID,
    accepted_at DateTime64(3, 'UTC'),
    hop UInt16,
    kind Enum8('INTENT' = 1, 'SUBMITTED' = 2, 'REFUSED' = 3, 'IN_DOUBT' = 4, 'RECEIPT' = 5, 'TIMED_OUT' = 6),
    -- 1 to `parts`; 0 and 0: of the whole message.
    part UInt8,
    -- State rank that it proves, 0 for none.
    state UInt8,
    parts UInt8,
    -- RECEIPT of one part: the state rank of that part by itself.
    part_state UInt8,
    account UInt32,
    -- When it happened by the clock of who saw it, and when Floe published it.
    at DateTime64(3, 'UTC'),
    recorded_at DateTime64(3, 'UTC'),
    to_tok FixedString(16) CODEC(NONE),
    error UInt32,
    error_text LowCardinality(String),
    final UInt8,
    next_carrier LowCardinality(String),
    bind LowCardinality(String)
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(accepted_at)
ORDER BY (carrier, carrier_id, message_id, accepted_at, hop, kind, part, state, part_state)
-- Few and wide merges: each costs 3-4 us a row, and tens of parts are nothing to FINAL.
SETTINGS min_parts_to_merge_at_once = 20;
