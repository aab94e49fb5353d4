/** Pages and keys in the order in which lists tell them. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { pageOf, pageSizeOf, pageToken, placeOf } from "../../../services/admin/page.js";
import { compareKeys } from "../../../services/admin/store.js";

const pages = suite("pages");

const textOf = (one: string): string => one;

pages("order numbers by size and texts by characters, part by part", () => {
  const sorted = ["10", "9", "a.10", "a.9", "a", "b.1", "EUR.0", "100"].sort(compareKeys);
  assert.equal(sorted, ["9", "10", "100", "EUR.0", "a", "a.9", "a.10", "b.1"]);
});

pages("begin after a place, whether it is still there or not", () => {
  const all = ["a", "c", "d"];
  assert.equal(pageOf(all, textOf, compareKeys, undefined, 2), { page: ["a", "c"], end: "c" });
  assert.equal(pageOf(all, textOf, compareKeys, "b", 2), { page: ["c", "d"], end: undefined });
  assert.equal(pageOf(all, textOf, compareKeys, "d", 2), { page: [], end: undefined });
});

pages("have a size within bounds", () => {
  const sizes = [0, 1, 1_000, 4_000_000_000].map((pageSize) =>
    pageSizeOf({ pageSize, pageToken: "" }),
  );
  assert.equal(sizes, [100, 1, 1_000, 1_000]);
});

pages("have tokens of their own list", () => {
  const request = { pageSize: 0, pageToken: pageToken("plan", "7") };
  assert.is(placeOf("plan", request), "7");
  for (const token of [request.pageToken, "%%%", "x"]) {
    assert.type(placeOf("rule", { pageSize: 0, pageToken: token }), "object");
  }
  assert.is(placeOf("plan", { pageSize: 0, pageToken: "" }), undefined);
});

pages.run();
