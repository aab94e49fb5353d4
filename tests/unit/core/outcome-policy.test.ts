/** What of a rule's outcome policy travels, read by ts-proto and by the connector's own reader. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  DEFAULT_POLICY,
  type DispatchedPolicy,
  isDispatched,
  newDispatchedPolicy,
  type OutcomePolicy,
  policyOf,
  putPolicy,
  readPolicy,
} from "../../../core/outcome-policy.js";
import { DispatchPolicy } from "../../../core/proto/floe/v1/frames.js";
import { newWriter, written } from "../../../core/stream/frame.js";

const policies = suite("outcome policy");

function bytesOf(policy: OutcomePolicy): Uint8Array {
  const writer = newWriter(64);
  putPolicy(writer, policy);
  return written(writer).slice();
}

function read(bytes: Uint8Array, at = 0): DispatchedPolicy {
  const into = newDispatchedPolicy();
  readPolicy(bytes, at, bytes.length, into);
  return into;
}

policies("is read as it was written, by anybody", () => {
  const bytes = bytesOf({
    delivery: "at_most_once",
    failover: ["temporary"],
    failoverCostPercentMax: 120,
    retryTemporarySeconds: [5, 60, 86_400],
    retryRefusedSeconds: [600],
    submitTimeoutSeconds: 90,
  });
  assert.equal(DispatchPolicy.decode(bytes), {
    delivery: 1,
    failover: 2,
    submitTimeoutSeconds: 90,
    retryTemporarySeconds: [5, 60, 86_400],
    retryRefusedSeconds: [600],
  });
  assert.equal(read(bytes), {
    atMostOnce: true,
    failover: 2,
    submitTimeoutMs: 90_000,
    retryTemporarySeconds: [5, 60, 86_400],
    retryRefusedSeconds: [600],
  });
});

policies("no other carrier is one that is there and says nothing", () => {
  const never = policyOf({ failoverOn: [] });
  assert.ok(isDispatched(never));
  assert.is(read(bytesOf(never)).failover, 0);
});

policies("absent or damaged it is the default, whatever was read before", () => {
  const into = newDispatchedPolicy();
  const once = bytesOf(policyOf({ delivery: "at_most_once", submitTimeoutSeconds: 1 }));
  readPolicy(once, 0, once.length, into);
  readPolicy(once, -1, once.length, into);
  assert.equal(into, newDispatchedPolicy());
  assert.equal(read(Uint8Array.of(0x0a, 0x7f)), newDispatchedPolicy());
});

policies("travels only where it is not the default", () => {
  assert.not(isDispatched(DEFAULT_POLICY));
  assert.not(isDispatched(policyOf({})));
  // A cost cap is kept where carriers are chosen.
  assert.not(isDispatched(policyOf({ failoverCostPercentMax: 150 })));
  for (const fields of [
    { delivery: "at_most_once" },
    { failoverOn: ["refused"] },
    { retryTemporarySeconds: [1] },
    { retryRefusedSeconds: [1] },
    { submitTimeoutSeconds: 1 },
  ] as const) {
    assert.ok(isDispatched(policyOf(fields)), JSON.stringify(fields));
  }
});

policies.run();
