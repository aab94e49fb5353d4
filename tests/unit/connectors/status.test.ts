/** What an answer of the carrier means. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { STATUS_CLASSES } from "../../../core/configuration.js";
import {
  isKnownStatus,
  newStatusClasses,
  statusClass,
  statusName,
  statusRows,
} from "../../../services/connectors/smpp/status.js";

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
    [0xff, "ambiguous"],
    [0x102, "temporary"],
    [0x112, "permanent"],
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

status("a carrier's own classes count more than the table, for it alone", () => {
  const classOf = newStatusClasses({ "0x00000008": "permanent", "0x00000411": "throttled" });
  assert.is(classOf(0x08), "permanent");
  assert.is(classOf(0x411), "throttled");
  assert.is(classOf(0x58), "throttled");
  assert.is(classOf(0x412), "permanent");
  assert.is(statusClass(0x08), "temporary");
  assert.is(newStatusClasses(undefined), statusClass);
});

status("every class has a status, and the table all of SMPP 5.0", () => {
  const rows = statusRows();
  assert.equal(new Set(rows.map(([, , kind]) => kind)), new Set(STATUS_CLASSES));
  // v5.0, table 4-45: the ranges without a gap, and those that stand alone.
  for (let one = 0x100; one <= 0x112; one += 1) assert.ok(isKnownStatus(one), one.toString(16));
  for (let one = 0xc0; one <= 0xc4; one += 1) assert.ok(isKnownStatus(one), one.toString(16));
  for (const one of [0x11, 0x13, 0x33, 0x34, 0x40, 0x42, 0x44, 0x67, 0xfe, 0xff]) {
    assert.ok(isKnownStatus(one), one.toString(16));
  }
  assert.not.ok(isKnownStatus(0x400));
});

status.run();
