-- One row per call of the API (on a stream: per request), refused ones too. Read it with FINAL.
CREATE TABLE IF NOT EXISTS api_calls
(
    -- 0: the key was not accepted.
    account UInt32,
    call_id UUID,
    at DateTime64(3, 'UTC'),
    key_id LowCardinality(String),
    method LowCardinality(String),
    peer String,
    accepted UInt32,
    refused UInt32,
    -- gRPC status code.
    code UInt8,
    request_bytes UInt32,
    duration_micros UInt32
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(at)
ORDER BY (account, toDate(at), call_id)
-- Few and wide merges: each costs 3-4 us a row, and tens of parts are nothing to FINAL.
SETTINGS min_parts_to_merge_at_once = 20;
