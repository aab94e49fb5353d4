/** Unit tests of what is read from /proc. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  bytesOf,
  cpuBetween,
  cpuMicrosOf,
  threadsBetween,
  usageOf,
} from "../../../bench/processes.js";

const processes = suite("processes");

processes("read user and system time behind a name that holds parentheses and spaces", () => {
  const stat = "42 (odd) name) S 1 42 42 0 -1 4194560 9 0 0 0 123 45 0 0 20 0 11 0 77 1000 5 18";
  assert.is(cpuMicrosOf(stat), 1_680_000);
});

processes("read memory by its name", () => {
  const status = "Name:\tnode\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\n";
  assert.is(bytesOf(status, "VmRSS"), 1_048_576);
  assert.is(bytesOf(status, "VmHWM"), 2_097_152);
});

processes("find this process, and none that is gone", () => {
  const found = usageOf([
    { role: "tests", pid: process.pid },
    { role: "gone", pid: 2 ** 22 + 1 },
  ]);
  assert.equal(
    found.map(({ role }) => role),
    ["tests"],
  );
  assert.ok(found[0]!.cpuMicros > 0 && found[0]!.residentBytes > 0);
});

processes("add up those of one role", () => {
  const none = { residentBytes: 0, residentPeakBytes: 0, threadMicros: {} };
  const at = (pid: number, cpuMicros: number) => ({ role: "gateway", pid, cpuMicros, ...none });
  assert.equal(cpuBetween([at(1, 10), at(2, 20)], [at(1, 15), at(2, 30)]), { gateway: 15 });
});

processes("tell threads apart by name, those of other roles left out", () => {
  const none = { cpuMicros: 0, residentBytes: 0, residentPeakBytes: 0 };
  const before = [{ role: "cdr", pid: 1, ...none, threadMicros: { node: 5, libuv: 1 } }];
  const after = [
    { role: "cdr", pid: 1, ...none, threadMicros: { node: 9, libuv: 1, new: 2 } },
    { role: "gateway", pid: 2, ...none, threadMicros: { node: 100 } },
  ];
  assert.equal(threadsBetween(before, after, "cdr"), { node: 4, libuv: 0, new: 2 });
});

processes.run();
