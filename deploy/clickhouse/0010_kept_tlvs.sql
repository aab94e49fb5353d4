-- TLVs of answers and receipts that the carrier's profile keeps: as written, a line for each, and as
-- a map from their names.
ALTER TABLE attempts ADD COLUMN IF NOT EXISTS kept String;
ALTER TABLE attempts ADD COLUMN IF NOT EXISTS tlvs Map(String, String) ALIAS
    CAST(
        arrayMap(
            line -> (substring(line, 1, position(line, '=') - 1), substring(line, position(line, '=') + 1)),
            arrayFilter(line -> line != '', splitByChar('\n', kept))
        ),
        'Map(String, String)'
    );
