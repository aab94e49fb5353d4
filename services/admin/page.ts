/** Pages: sizes and tokens of lists. A token says after what the next page begins. */
import { status } from "@grpc/grpc-js";
import { type Refusal, refuse } from "../../core/grpc/refuse.js";

export const PAGE_SIZE_DEFAULT = 100;
export const PAGE_SIZE_MAX = 1_000;
const TOKEN_CHARACTERS_MAX = 1_024;

export interface PageRequest {
  readonly pageSize: number;
  readonly pageToken: string;
}

export function pageSizeOf({ pageSize }: PageRequest): number {
  return pageSize === 0 ? PAGE_SIZE_DEFAULT : Math.min(pageSize, PAGE_SIZE_MAX);
}

/** @param list which list it is of: a token of another is refused. */
export function pageToken(list: string, place: string): string {
  return Buffer.from(`${list} ${place}`, "utf8").toString("base64url");
}

/** The place that a token names; undefined: the first page. */
export function placeOf(
  list: string,
  { pageToken: token }: PageRequest,
): string | undefined | Refusal {
  if (token === "") return undefined;
  const written = Buffer.from(token.slice(0, TOKEN_CHARACTERS_MAX), "base64url").toString("utf8");
  return written.startsWith(`${list} `) ? written.slice(list.length + 1) : BAD_TOKEN;
}

const WANTED = "must be a next_page_token of the same list";
export const BAD_TOKEN = refuse(status.INVALID_ARGUMENT, "PAGE_TOKEN", `page_token ${WANTED}.`, {
  violations: [{ field: "page_token", description: WANTED, reason: "PAGE_TOKEN" }],
});

/** The page after `place` of what is sorted by `keyOf` as `compare` says; and the place of its end. */
export function pageOf<T>(
  sorted: readonly T[],
  keyOf: (one: T) => string,
  compare: (a: string, b: string) => number,
  place: string | undefined,
  size: number,
): { readonly page: readonly T[]; readonly end: string | undefined } {
  const rest =
    place === undefined ? sorted : sorted.filter((one) => compare(keyOf(one), place) > 0);
  const page = rest.slice(0, size);
  return { page, end: rest.length > size ? keyOf(page[page.length - 1]!) : undefined };
}
