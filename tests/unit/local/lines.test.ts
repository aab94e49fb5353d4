/** Log lines, made readable. */
import { stripVTControlCharacters } from "node:util";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { prettyLines, readable } from "../../../deploy/local/lines.js";

const lines = suite("readable lines");
const plain = (event: object | string) =>
  stripVTControlCharacters(readable(typeof event === "string" ? event : JSON.stringify(event)));

lines("show time, message and facts, and leave out what the prefix says", () => {
  const event = {
    level: "info",
    time: "2026-11-24T09:51:39.123Z",
    role: "gateway",
    pid: 7,
    service: "metrics",
    port: 9_000,
    msg: "listening",
  };
  assert.is(plain(event), "09:51:39.123  listening  service=metrics port=9000");
});

lines("show an error by its message", () => {
  const err = { type: "FloeError", message: "stream.full: The stream is full.", stack: "..." };
  assert.is(
    plain({ level: "error", msg: "stopped", err }),
    "stopped  stream.full: The stream is full.",
  );
});

lines("leave alone what is not JSON", () => {
  assert.is(plain("Segmentation fault"), "Segmentation fault");
  assert.is(plain("{not json"), "{not json");
  assert.is(plain("7"), "7");
});

lines("begin with the part's name", () => {
  const told: string[] = [];
  prettyLines("cdr", 0, (line) => void told.push(stripVTControlCharacters(line)))("hello");
  assert.equal(told, ["cdr        hello"]);
});

lines.run();
