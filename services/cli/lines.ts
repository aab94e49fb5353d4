/**
 * Lines: the lines of a file or of standard input, as they come.
 *
 * In: a path, or "-". Out: the whole lines that each chunk completes, together, so that who writes
 * line by line is answered line by line, and a file is taken in bulk. Only "\n" (and "\r\n") ends a
 * line: node's readline also splits at U+2028, which may stand in JSON as it is.
 */
import { createReadStream } from "node:fs";
import { FloeError } from "../../core/errors.js";

/** A line beyond this is not kept: its place is taken by `undefined`. */
export const LINE_BYTES_MAX = 1_048_576;
const CHUNK_BYTES = 262_144;
const LINE_END = 0x0a;
const RETURN = 0x0d;
const BYTE_ORDER_MARK = "\ufeff";

/** @throws FloeError "import.invalid" if the file cannot be read. */
export async function* linesOf(path: string): AsyncGenerator<readonly (string | undefined)[]> {
  const input =
    path === "-" ? process.stdin : createReadStream(path, { highWaterMark: CHUNK_BYTES });
  try {
    yield* splitLines(input);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).syscall === undefined) throw error;
    const reason = (error as NodeJS.ErrnoException).code ?? "";
    throw new FloeError("import.invalid", { problems: [`${path} cannot be read: ${reason}.`] });
  }
}

/** The lines of chunks, without their ends. A last line needs none. */
export async function* splitLines(
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<readonly (string | undefined)[]> {
  let pieces: Uint8Array[] = [];
  let kept = 0;
  let tooLong = false;
  let first = true;

  function take(piece: Uint8Array): void {
    kept += piece.length;
    tooLong ||= kept > LINE_BYTES_MAX;
    if (tooLong) pieces = [];
    else pieces.push(piece);
  }

  function line(): string | undefined {
    const bytes = pieces.length === 1 ? Buffer.from(pieces[0]!) : Buffer.concat(pieces);
    const end = bytes.at(-1) === RETURN ? bytes.length - 1 : bytes.length;
    const text = tooLong ? undefined : bytes.toString("utf8", 0, end);
    pieces = [];
    kept = 0;
    tooLong = false;
    const marked = first && text?.startsWith(BYTE_ORDER_MARK) === true;
    first = false;
    return marked ? text?.slice(1) : text;
  }

  for await (const chunk of chunks) {
    const lines: (string | undefined)[] = [];
    let at = 0;
    for (;;) {
      const end = chunk.indexOf(LINE_END, at);
      if (end < 0) break;
      take(chunk.subarray(at, end));
      lines.push(line());
      at = end + 1;
    }
    if (at < chunk.length) take(chunk.subarray(at));
    if (lines.length > 0) yield lines;
  }
  if (kept > 0) yield [line()];
}
