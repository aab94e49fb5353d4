/**
 * CSV: splits bytes into rows of cells (RFC 4180), as they come, without an object for a row.
 *
 * In: chunks of a file in UTF-8, cut anywhere. Out: `onRow` for the header and each row, the cells as
 * places in a buffer that the next row overwrites. Taken: quotes and doubled quotes, line ends CR LF,
 * LF and CR, a byte order mark, blanks around cells, lines that begin with # (remarks), empty lines,
 * and comma, semicolon or tab between cells, whichever the header has most of. Quotes out of place
 * and rows of another length than the header are problems; they end with their line.
 *
 * csv-parse makes an array of strings for each row: 1.9 s of CPU for a million rows of four cells where
 * this takes 0.2 s, and its garbage is looked through besides.
 */
export interface CsvRow {
  readonly bytes: Buffer;
  /** Place of each cell, without blanks and quotes around it. */
  readonly starts: Int32Array;
  readonly ends: Int32Array;
  count: number;
  /** Line on which the row begins, from 1. */
  line: number;
}

export interface CsvReader {
  /** Rows that are complete are told before it returns. `chunk` may be reused then. */
  push(chunk: Uint8Array): void;
  /** Tells the last row, if no line end follows it. */
  end(): void;
  /** Rows told so far, without the header. */
  rows(): number;
}

export type TellProblem = (line: number, column: string, problem: string) => void;

/** A row beyond this is a quote that nobody closed. */
export const ROW_BYTES_MAX = 65_536;
/** More columns than any deck has. */
export const CELLS_MAX = 256;

const TAB = 9;
const LF = 10;
const CR = 13;
const SPACE = 32;
const QUOTE = 34;
const HASH = 35;
const COMMA = 44;
const SEMICOLON = 59;
const INCOMPLETE = -1;

/** The first row that `onRow` gets is the header. */
export function openCsv(onRow: (row: CsvRow) => void, tell: TellProblem): CsvReader {
  const row = {
    bytes: Buffer.alloc(ROW_BYTES_MAX * 2),
    starts: new Int32Array(CELLS_MAX),
    ends: new Int32Array(CELLS_MAX),
    count: 0,
    line: 1,
  };
  let held = 0;
  let line = 1;
  let separator = 0;
  let cells = 0;
  let rows = 0;
  let begun = false;
  let dead = false;

  /** Reads whole rows from the buffer; returns the place of the first byte that is left. */
  function read(end: number, final: boolean): number {
    let at = 0;
    if (!begun) {
      if (end < 3 && !final) return 0;
      at = readMark(end);
      begun = true;
    }
    while (at < end && !dead) {
      const next = readLine(at, end, final);
      if (next === INCOMPLETE) {
        if (end - at >= ROW_BYTES_MAX) {
          tell(line, "row", `is longer than ${ROW_BYTES_MAX} bytes: is a quote not closed?`);
          dead = true;
        }
        break;
      }
      at = next;
    }
    return dead ? end : at;
  }

  function readMark(end: number): number {
    const { bytes } = row;
    if (end >= 3 && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) return 3;
    const wide =
      (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff);
    if (end >= 2 && wide) {
      tell(1, "file", "is UTF-16: save it as UTF-8");
      dead = true;
    }
    return 0;
  }

  function readLine(at: number, end: number, final: boolean): number {
    const byte = row.bytes[at]!;
    if (byte === LF || byte === CR) return afterLine(at, end, final);
    if (byte === HASH) return skipLine(at, end, final);
    if (separator === 0) {
      const lineEnd = endOfLine(at, end);
      if (lineEnd === end && !final) return INCOMPLETE;
      separator = separatorOf(row.bytes, at, lineEnd);
    }
    return readRow(at, end, final);
  }

  function readRow(from: number, end: number, final: boolean): number {
    const { bytes, starts, ends } = row;
    const firstLine = line;
    let inner = 0;
    let doubled = false;
    let count = 0;
    let at = from;
    for (;;) {
      while (at < end && isBlank(bytes[at]!, separator)) at += 1;
      let start = at;
      let stop: number;
      if (at < end && bytes[at] === QUOTE) {
        start = at + 1;
        at = start;
        for (;;) {
          if (at >= end) return final ? unclosed(firstLine, end) : INCOMPLETE;
          const byte = bytes[at]!;
          if (byte === QUOTE) {
            if (at + 1 >= end && !final) return INCOMPLETE;
            if (at + 1 >= end || bytes[at + 1] !== QUOTE) break;
            doubled = true;
            at += 1;
          } else if (byte === LF || (byte === CR && bytes[at + 1] !== LF)) inner += 1;
          at += 1;
        }
        stop = at;
        at += 1;
        while (at < end && isBlank(bytes[at]!, separator)) at += 1;
        if (at < end && bytes[at] !== separator && bytes[at] !== LF && bytes[at] !== CR) {
          return misquoted(at, end, final, firstLine, inner);
        }
      } else {
        while (at < end) {
          const byte = bytes[at]!;
          if (byte === separator || byte === LF || byte === CR) break;
          if (byte === QUOTE) return misquoted(at, end, final, firstLine, inner);
          at += 1;
        }
        stop = at;
        while (stop > start && isBlank(bytes[stop - 1]!, separator)) stop -= 1;
      }
      if (at >= end && !final) return INCOMPLETE;
      if (count < CELLS_MAX) {
        starts[count] = start;
        ends[count] = stop;
      }
      count += 1;
      if (at >= end || bytes[at] !== separator) break;
      at += 1;
    }
    if (at < end && bytes[at] === CR && at + 1 >= end && !final) return INCOMPLETE;
    row.line = firstLine;
    row.count = count;
    line += inner;
    const next = at < end ? afterLine(at, end, final) : end;
    // Only now that the row is whole: what is read again must be as it came.
    if (doubled) for (let cell = 0; cell < Math.min(count, CELLS_MAX); cell += 1) undouble(cell);
    give();
    return next;
  }

  function give(): void {
    if (row.count > CELLS_MAX) {
      tell(row.line, "row", `has ${row.count} cells, at most ${CELLS_MAX} are read`);
    } else if (cells === 0) {
      cells = row.count;
      onRow(row);
    } else if (!isEmpty(row)) {
      rows += 1;
      if (row.count === cells) onRow(row);
      else tell(row.line, "row", `has ${row.count} cells, the header ${cells}`);
    }
  }

  function misquoted(
    at: number,
    end: number,
    final: boolean,
    first: number,
    inner: number,
  ): number {
    const next = skipLine(at, end, final);
    if (next === INCOMPLETE) return INCOMPLETE;
    line += inner;
    // Without a header no row can be read.
    if (cells === 0) dead = true;
    else rows += 1;
    tell(first, "row", "has a quote out of place: quote the whole cell, and double quotes within");
    return next;
  }

  function unclosed(first: number, end: number): number {
    tell(first, "row", "has a quote that is not closed");
    return end;
  }

  function endOfLine(from: number, end: number): number {
    let at = from;
    while (at < end && row.bytes[at] !== LF && row.bytes[at] !== CR) at += 1;
    return at;
  }

  function skipLine(from: number, end: number, final: boolean): number {
    const at = endOfLine(from, end);
    if (at === end) return final ? end : INCOMPLETE;
    return afterLine(at, end, final);
  }

  /** `at` is a line end; CR LF is one. */
  function afterLine(at: number, end: number, final: boolean): number {
    const { bytes } = row;
    if (bytes[at] === CR && at + 1 >= end && !final) return INCOMPLETE;
    line += 1;
    return bytes[at] === CR && at + 1 < end && bytes[at + 1] === LF ? at + 2 : at + 1;
  }

  /** Doubled quotes become one, in place. A quote within a cell is always a doubled one. */
  function undouble(cell: number): void {
    const { bytes, starts, ends } = row;
    let to = starts[cell]!;
    for (let at = to; at < ends[cell]!; at += 1) {
      if (bytes[at] === QUOTE) at += 1;
      bytes[to] = bytes[at]!;
      to += 1;
    }
    ends[cell] = to;
  }

  function take(chunk: Uint8Array): void {
    let from = 0;
    while (from < chunk.length && !dead) {
      const some = Math.min(chunk.length - from, row.bytes.length - held);
      row.bytes.set(chunk.subarray(from, from + some), held);
      from += some;
      const end = held + some;
      const at = read(end, false);
      row.bytes.copyWithin(0, at, end);
      held = end - at;
    }
  }

  return {
    push: take,
    end() {
      if (!dead) read(held, true);
      held = 0;
    },
    rows: () => rows,
  };
}

function isBlank(byte: number, separator: number): boolean {
  return byte === SPACE || (byte === TAB && separator !== TAB);
}

function isEmpty({ starts, ends, count }: CsvRow): boolean {
  for (let cell = 0; cell < count; cell += 1) if (starts[cell] !== ends[cell]) return false;
  return true;
}

function separatorOf(bytes: Uint8Array, start: number, end: number): number {
  const counts = new Uint32Array(256);
  let quoted = false;
  for (let at = start; at < end; at += 1) {
    if (bytes[at] === QUOTE) quoted = !quoted;
    else if (!quoted) counts[bytes[at]!]! += 1;
  }
  let best = COMMA;
  for (const one of [SEMICOLON, TAB]) if (counts[one]! > counts[best]!) best = one;
  return best;
}
