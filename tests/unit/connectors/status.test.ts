/** What an answer of the carrier means. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { statusClass, statusName, statusRows } from "../../../services/connectors/smpp/status.js";

const status = suite("connectors: command_status");

status("the classes that decide what happens to a message", () => {
  const expected = [
    [0x00, "ok"],
    [0x58, "throttled"],
    [0x14, "throttled"],
    [0x08, "temporary"],
    [0x64, "temporary"],
    [0xfe, "temporary"],
    [0x04, "bind"],
    [0x05, "bind"],
    [0x0d, "bind"],
    [0x0e, "bind"],
    [0x0f, "bind"],
    [0x53, "bind"],
    [0x01, "permanent"],
    [0x0a, "permanent"],
    [0x0b, "permanent"],
    [0x43, "permanent"],
    [0x48, "permanent"],
    [0x51, "permanent"],
    [0x61, "permanent"],
    [0x62, "permanent"],
    [0x65, "permanent"],
    [0x66, "permanent"],
    [0xc0, "permanent"],
    [0xc4, "permanent"],
    [0x101, "permanent"],
    [0x104, "permanent"],
    [0x45, "permanent"],
    [0xff, "permanent"],
    [0x400, "permanent"],
    [0xffffffff, "permanent"],
  ] as const;
  for (const [number, kind] of expected) assert.is(statusClass(number), kind, statusName(number));
});

status("every row has a number and a name of its own", () => {
  const rows = statusRows();
  assert.is(new Set(rows.map(([number]) => number)).size, rows.length);
  assert.is(new Set(rows.map(([, name]) => name)).size, rows.length);
  assert.is(statusName(0x0b), "ESME_RINVDSTADR");
  assert.is(statusName(0x999), "0x00000999");
});

status.run();
