/**
 * Block: rows of a few columns in ClickHouse's Native format, for what comes seldom. cdr, whose rows
 * are many, fills columns in place instead (services/cdr/column.ts).
 */

/** How the values of a column are written. */
export type ColumnType = keyof typeof WRITERS;
export interface Column<Row> {
  readonly name: string;
  readonly type: ColumnType;
  of(row: Row): string | number | Uint8Array;
}

type Value = string | number | Uint8Array;
const WRITERS = {
  String: (value: Value) => {
    const bytes = typeof value === "string" ? Buffer.from(value, "utf8") : (value as Uint8Array);
    return Buffer.concat([varint(bytes.length), bytes]);
  },
  UInt8: (value: Value) => Buffer.of(value as number),
  UInt16: (value: Value) => {
    const bytes = Buffer.alloc(2);
    bytes.writeUInt16LE(value as number);
    return bytes;
  },
  UInt32: (value: Value) => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(value as number);
    return bytes;
  },
  /** Milliseconds since 1970. */
  "DateTime64(3, 'UTC')": (value: Value) => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(BigInt(value as number));
    return bytes;
  },
  "FixedString(16)": (value: Value) => Buffer.from(value as Uint8Array),
  /** 16 bytes, most significant first; ClickHouse keeps two little-endian halves. */
  UUID: (value: Value) => {
    const bytes = Buffer.from(value as Uint8Array);
    return Buffer.concat([bytes.subarray(0, 8).reverse(), bytes.subarray(8, 16).reverse()]);
  },
} as const;

/** The parts of one block, as `ClickHouse.insertNative` takes them. */
export function blockOf<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): Uint8Array[] {
  const parts: Uint8Array[] = [varint(columns.length), varint(rows.length)];
  for (const { name, type, of } of columns) {
    parts.push(WRITERS.String(name), WRITERS.String(type));
    for (const row of rows) parts.push(WRITERS[type](of(row)));
  }
  return [Buffer.concat(parts)];
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 127) {
    bytes.push((rest & 127) | 128);
    rest >>>= 7;
  }
  bytes.push(rest);
  return Buffer.from(bytes);
}
