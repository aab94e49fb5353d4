-- Messages by hour of acceptance, for dashboards; invoices come from `ledger`. An hour that changed
-- is computed again as a whole: its groups get a higher version, those that are no more get zeros.
CREATE TABLE IF NOT EXISTS cdr_hourly_rows
(
    hour DateTime('UTC'),
    account UInt32,
    carrier LowCardinality(String),
    country LowCardinality(String),
    state UInt8,
    currency LowCardinality(String),
    cost_currency LowCardinality(String),
    messages UInt64,
    segments UInt64,
    price_micros Int64,
    charged_micros Int64,
    cost_micros Int64,
    version DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(hour)
ORDER BY (hour, account, carrier, country, state, currency, cost_currency);

CREATE OR REPLACE VIEW cdr_hourly AS
SELECT
    hour,
    account,
    carrier,
    country,
    CAST(
        state,
        'Enum8(\'\' = 0, \'ACCEPTED\' = 1, \'SCHEDULED\' = 2, \'ROUTED\' = 3, \'SUBMITTED\' = 4, \'UNKNOWN\' = 5, \'EXPIRED\' = 6, \'CANCELED\' = 7, \'REJECTED\' = 8, \'UNDELIVERABLE\' = 9, \'PARTIALLY_DELIVERED\' = 10, \'DELIVERED\' = 11)'
    ) AS state,
    currency,
    cost_currency,
    messages,
    segments,
    price_micros,
    charged_micros,
    cost_micros
FROM cdr_hourly_rows FINAL
WHERE messages > 0;

-- Which hours got rows, and which of that is computed.
CREATE TABLE IF NOT EXISTS cdr_hours
(
    hour DateTime('UTC'),
    touched_at SimpleAggregateFunction(max, DateTime64(3, 'UTC')),
    computed_at SimpleAggregateFunction(max, DateTime64(3, 'UTC'))
)
ENGINE = AggregatingMergeTree
ORDER BY hour;
