/**
 * Column pages: rows of what is kept as columns, page by page, of one state: a page token names the
 * object, and objects do not change, so a reader who began with one goes on with it.
 */
import { status } from "@grpc/grpc-js";
import { type Refusal, refuse } from "../../../core/grpc/refuse.js";
import { BAD_TOKEN, type PageRequest, pageSizeOf, pageToken, placeOf } from "../page.js";
import type { Store } from "../store.js";

const REPLACED = refuse(
  status.ABORTED,
  "REPLACED",
  "It was replaced, and the state that the page token is of is gone: begin with the first page.",
);
/** Decoded columns that are kept: a million rows are 18 MB. */
const OPENED_MAX = 4;

export interface ColumnPages<C> {
  /**
   * @param object of the first page.
   * @param next the first row at or after `row` that is wanted, or -1.
   */
  page<R>(
    request: PageRequest,
    object: string,
    next: (columns: C, row: number) => number,
    rowOf: (columns: C, row: number) => R,
  ): Promise<Refusal | { readonly rows: R[]; readonly nextPageToken: string }>;
}

/** @param list begins the names of its objects, and tells its tokens from others'. */
export function openColumnPages<C>(
  store: Store,
  list: string,
  decode: (bytes: Uint8Array) => C,
): ColumnPages<C> {
  const opened = new Map<string, C>();

  async function open(object: string): Promise<C | undefined> {
    const known = opened.get(object);
    if (known !== undefined) return known;
    const bytes = await store.columns.get(object);
    if (bytes === undefined) return undefined;
    const columns = decode(bytes);
    // The oldest leaves: a Map keeps the order in which keys came.
    if (opened.size >= OPENED_MAX) opened.delete(opened.keys().next().value!);
    opened.set(object, columns);
    return columns;
  }

  return {
    async page(request, first, next, rowOf) {
      const place = placeOf(list, request);
      if (typeof place === "object") return place;
      const [object = "", from = "0"] = place?.split("@") ?? [first];
      // Tokens come from outside: only objects of this list may be named.
      if (!object.startsWith(`${list}.`) || !/^\d{1,10}$/.test(from)) return BAD_TOKEN;
      const columns = await open(object);
      if (columns === undefined) return REPLACED;
      const rows = [];
      const size = pageSizeOf(request);
      let row = next(columns, Number(from));
      while (row >= 0 && rows.length < size) {
        rows.push(rowOf(columns, row));
        row = next(columns, row + 1);
      }
      return { rows, nextPageToken: row < 0 ? "" : pageToken(list, `${object}@${row}`) };
    },
  };
}
