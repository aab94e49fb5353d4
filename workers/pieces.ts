/**
 * Pieces: encoded protobuf fields, made once for each row of a small table and copied into records.
 */
import { newWriter, written } from "../core/stream/frame.js";
import { copy, type Output } from "./output.js";

/** Piece n is `bytes[at[n], at[n + 1])`. */
export interface Pieces {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly at: Int32Array;
}

/** One piece for each row. */
export function encodePieces<Row>(
  rows: readonly Row[],
  put: (writer: ReturnType<typeof newWriter>, row: Row) => void,
): Pieces {
  const writer = newWriter();
  const at = new Int32Array(rows.length + 1);
  for (const [index, row] of rows.entries()) {
    put(writer, row);
    at[index + 1] = writer.at;
  }
  const bytes = written(writer).slice();
  return { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), at };
}

export function pieceBytes(pieces: Pieces, index: number): number {
  return pieces.at[index + 1]! - pieces.at[index]!;
}

export function putPiece(output: Output, pieces: Pieces, index: number): void {
  copy(output, pieces.view, pieces.at[index]!, pieces.at[index + 1]!);
}
