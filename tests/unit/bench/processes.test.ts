/** Unit tests of what is read from /proc. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { bytesOf, cpuBetween, cpuMicrosOf, usageOf } from "../../../bench/processes.js";

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
  const memory = { residentBytes: 0, residentPeakBytes: 0 };
  const at = (pid: number, cpuMicros: number) => ({ role: "gateway", pid, cpuMicros, ...memory });
  assert.equal(cpuBetween([at(1, 10), at(2, 20)], [at(1, 15), at(2, 30)]), { gateway: 15 });
});

processes.run();
