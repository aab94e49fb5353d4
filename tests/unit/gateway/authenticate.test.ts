/** Unit tests of authentication. */
import { status } from "@grpc/grpc-js";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { newApiKey } from "../../../core/api-key.js";
import { type AccountConfig, encodeConfig, type KeyConfig } from "../../../core/configuration.js";
import { isRefusal } from "../../../core/grpc/refuse.js";
import { SILENT } from "../../../core/log.js";
import { ErrorInfo } from "../../../core/proto/google/rpc/error_details.js";
import { Status } from "../../../core/proto/google/rpc/status.js";
import { follow, openAuthenticator } from "../../../services/gateway/authenticate.js";
import { openFakeStream } from "./fake-stream.js";

const authenticate = suite("authenticate");

const NOW_MS = 1_800_000_000_000;

function open() {
  const authenticator = openAuthenticator(SILENT);
  const made = newApiKey("test");
  const account: AccountConfig = { account: 7, name: "A", plan: 3, status: "active" };
  const key: KeyConfig = {
    keyId: made.keyId,
    account: 7,
    secretHash: made.secretHash,
    scope: "customer",
    status: "active",
    expiresAtMs: 0,
  };
  const putKey = (more: Partial<KeyConfig> = {}): void =>
    authenticator.keyChanged(made.keyId, encodeConfig({ ...key, ...more }));
  const putAccount = (more: Partial<AccountConfig> = {}): void =>
    authenticator.accountChanged("7", encodeConfig({ ...account, ...more }));
  putAccount();
  putKey();
  const header = `Bearer ${made.key}`;
  const reason = (text: string | undefined = header, nowMs = NOW_MS): string => {
    const checked = authenticator.check(text, nowMs);
    if (!isRefusal(checked)) return `account ${checked.account.account}`;
    const info = Status.decode(checked.status).details[0]!;
    const code = status[checked.code];
    return `${code} ${ErrorInfo.decode(info.value).reason}`;
  };
  return { authenticator, made, header, reason, putKey, putAccount };
}

authenticate("knows a caller by his key, with his plan, time after time", () => {
  const { authenticator, header, made } = open();
  for (let time = 0; time < 3; time += 1) {
    const caller = authenticator.check(header, NOW_MS);
    assert.not(isRefusal(caller));
    if (isRefusal(caller)) return;
    assert.is(caller.account.account, 7);
    assert.is(caller.account.plan, 3);
    assert.is(caller.keyId, made.keyId);
  }
});

authenticate("takes the word Bearer in any case", () => {
  const { reason, made } = open();
  for (const word of ["Bearer", "bearer", "BEARER "]) {
    assert.is(reason(`${word} ${made.key}`), "account 7");
  }
});

authenticate("says what is wrong with a header", () => {
  const { authenticator, reason, made } = open();
  const missing = authenticator.check(undefined, NOW_MS);
  assert.ok(isRefusal(missing) && missing.details.includes("authorization"));
  assert.is(reason(""), "UNAUTHENTICATED API_KEY_MISSING");
  assert.is(reason(made.key), "UNAUTHENTICATED API_KEY_MALFORMED");
  assert.is(reason(`Basic ${made.key}`), "UNAUTHENTICATED API_KEY_MALFORMED");
  assert.is(reason("Bearer floe_test_nonsense"), "UNAUTHENTICATED API_KEY_MALFORMED");
  assert.is(reason(`Bearer ${made.key.slice(0, -1)}`), "UNAUTHENTICATED API_KEY_MISTYPED");
});

authenticate(
  "tells an unknown key, a wrong secret and a revoked key by one and the same text",
  () => {
    const { authenticator, header, putKey } = open();
    const unknown = authenticator.check(`Bearer ${newApiKey("test").key}`, NOW_MS);
    putKey({ secretHash: "0".repeat(64) });
    const wrong = authenticator.check(header, NOW_MS);
    putKey({ status: "revoked" });
    const revoked = authenticator.check(header, NOW_MS);
    assert.ok(isRefusal(unknown));
    assert.is(unknown, wrong);
    assert.is(unknown, revoked);
  },
);

authenticate("refuses an unknown key even if its secret hashes to nothing", () => {
  const { authenticator, header, made } = open();
  authenticator.keyChanged(made.keyId, undefined);
  assert.ok(isRefusal(authenticator.check(header, NOW_MS)));
});

authenticate(
  "refuses a key as soon as it is revoked, deleted, expired, or its account suspended",
  () => {
    const { authenticator, made, reason, putKey, putAccount } = open();
    assert.is(reason(), "account 7");
    putAccount({ status: "suspended" });
    assert.is(reason(), "PERMISSION_DENIED ACCOUNT_INACTIVE");
    putAccount({ status: "active" });
    assert.is(reason(), "account 7");
    putKey({ expiresAtMs: NOW_MS + 1 });
    assert.is(reason(), "account 7");
    assert.is(reason(undefined, NOW_MS + 1), "UNAUTHENTICATED API_KEY_EXPIRED");
    putKey({ status: "revoked" });
    assert.is(reason(), "UNAUTHENTICATED API_KEY_INVALID");
    putKey();
    authenticator.accountChanged("7", undefined);
    assert.is(reason(), "PERMISSION_DENIED ACCOUNT_INACTIVE");
    putAccount();
    authenticator.keyChanged(made.keyId, undefined);
    assert.is(reason(), "UNAUTHENTICATED API_KEY_INVALID");
  },
);

authenticate("gives a remembered caller his account's new plan", () => {
  const { authenticator, header, putAccount } = open();
  authenticator.check(header, NOW_MS);
  putAccount({ plan: 9 });
  const caller = authenticator.check(header, NOW_MS);
  assert.ok(!isRefusal(caller) && caller.account.plan === 9);
});

authenticate("lets no operator's key send", () => {
  const { reason, putKey } = open();
  putKey({ scope: "staff", account: 0 });
  assert.is(reason(), "PERMISSION_DENIED API_KEY_SCOPE");
});

authenticate("keeps the last good value of what cannot be read", () => {
  const { authenticator, made, reason } = open();
  authenticator.keyChanged(made.keyId, Buffer.from("{"));
  authenticator.accountChanged("7", Buffer.from("{}"));
  authenticator.accountChanged(
    "7",
    encodeConfig({ account: 8, name: "B", plan: 1, status: "closed" }),
  );
  assert.is(reason(), "account 7");
});

authenticate("follows a bucket from what is there to every change, the newest last", async () => {
  const bucket = await openFakeStream().bucket("b");
  await bucket.put("a", Buffer.from("1"));
  await bucket.put("b", Buffer.from("2"));
  const told: string[] = [];
  const following = await follow(bucket, (key, value) => {
    told.push(`${key}=${value === undefined ? "" : Buffer.from(value).toString()}`);
  });
  assert.equal(told, ["a=1", "b=2"]);
  await bucket.put("a", Buffer.from("3"));
  await bucket.delete("b");
  assert.equal(told.slice(2), ["a=3", "b="]);
  await following.stop();
});

authenticate.run();
