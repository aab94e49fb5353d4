/** Unit tests of the profile summary, on profiles that are drawn by hand. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type CpuProfile, threadTimes } from "../../../bench/profile.js";

const profile = suite("profile");
const ROOT = new URL("../../../../", import.meta.url).href;
const OURS = `${ROOT}dist/services/gateway/accept.js`;
const PACKAGE = `${ROOT}node_modules/@grpc/grpc-js/build/src/server.js`;

/** root -> serve (a package) -> accept (ours) -> accept again; idle beside. */
const NODES: CpuProfile["nodes"] = [
  { id: 1, callFrame: { functionName: "(root)", url: "", lineNumber: -1 }, children: [2, 5] },
  { id: 2, callFrame: { functionName: "serve", url: PACKAGE, lineNumber: 9 }, children: [3] },
  { id: 3, callFrame: { functionName: "accept", url: OURS, lineNumber: 41 }, children: [4] },
  { id: 4, callFrame: { functionName: "accept", url: OURS, lineNumber: 41 } },
  { id: 5, callFrame: { functionName: "(idle)", url: "", lineNumber: -1 } },
];

function times(samples: number[], timeDeltas: number[], toMicros = 1_000_000) {
  const drawn = { nodes: NODES, startTime: 1_000, samples, timeDeltas };
  return threadTimes(drawn, { fromMicros: 1_000, toMicros });
}

profile("gives each sample the time until the next", () => {
  const { busyMicros, idleMicros, self } = times([2, 5, 3, 2], [0, 10, 20, 30]);
  assert.is(idleMicros, 20);
  assert.is(busyMicros, 40);
  assert.equal(self, [
    { name: "accept services/gateway/accept.js:42", micros: 30 },
    { name: "serve @grpc/grpc-js/build/src/server.js:10", micros: 10 },
  ]);
});

profile("counts a recursion once in the whole time, and only what is ours there", () => {
  const { total } = times([3, 4, 2, 2], [0, 10, 20, 40]);
  assert.equal(total, [{ name: "accept services/gateway/accept.js:42", micros: 30 }]);
});

profile("names owners: packages whole, our files by their folder", () => {
  const { owners } = times([2, 3, 3], [0, 5, 7]);
  assert.equal(owners, [
    { name: "services/gateway", micros: 7 },
    { name: "@grpc/grpc-js", micros: 5 },
  ]);
});

profile("leaves out what lies outside the window", () => {
  const { busyMicros } = times([2, 2, 2, 2], [0, 10, 10, 10], 1_015);
  assert.is(busyMicros, 20);
});

profile.run();
