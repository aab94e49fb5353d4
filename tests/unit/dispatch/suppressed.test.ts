/** Who asked whom to stop: the flat table, and what the owner makes of it. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Verdict } from "../../../core/proto/floe/v1/frames.js";
import { plainSender, readSuppressionKey, suppressionKey } from "../../../core/suppressions.js";
import { openSuppressed, VERDICT_TOK_AT } from "../../../services/dispatch/suppressed.js";
import { VERDICT_TOK_AT as WRITTEN_AT } from "../../../workers/records.js";

const suppressed = suite("dispatch: suppressed");

const tokenFor = (number: number): Buffer => {
  const token = Buffer.alloc(16, number & 255);
  token.writeUInt32LE(Math.imul(number, 0x85ebca6b) >>> 0, 0);
  token.writeUInt32LE(number, 12);
  return token;
};

/** As workers write it: fixed fields always, the sealed numbers behind them. */
function verdict(
  account: number,
  token: Buffer,
  sender: string,
  sentSender = "",
  trafficClass: 0 | 1 | 2 = 2,
): Buffer {
  const fixed = Buffer.alloc(85 - 2);
  fixed.set([0x0a, 16]);
  fixed[18] = 0x11;
  fixed[27] = 0x1d;
  fixed.writeUInt32LE(account, 28);
  for (const [at, tag] of [
    [32, 0x25],
    [37, 0x2d],
    [42, 0x35],
  ] as const)
    fixed[at] = tag;
  for (const [at, tag] of [
    [47, 0x39],
    [56, 0x41],
    [65, 0x49],
    [74, 0x51],
  ] as const)
    fixed[at] = tag;
  const rest = Verdict.encode(
    Verdict.fromPartial({
      toEnc: Buffer.alloc(16, 9),
      toTok: token,
      sender,
      sentSender,
      trafficClass,
    }),
  ).finish();
  return Buffer.concat([fixed, rest]);
}

const blocks = (table: ReturnType<typeof openSuppressed>, bytes: Buffer): boolean => {
  // Not at the beginning of its buffer: places count from there.
  const moved = Buffer.concat([Buffer.alloc(7), bytes]);
  return table.blocks(moved, 7, moved.length);
};

suppressed("stands where workers put the token", () => {
  assert.is(VERDICT_TOK_AT, WRITTEN_AT);
});

suppressed("one sender of one account to one number, and nobody else", () => {
  const table = openSuppressed();
  assert.not.ok(blocks(table, verdict(7, tokenFor(1), "+44123")));
  table.set({ account: 7, token: tokenFor(1), sender: "44123" }, true, 1);
  assert.ok(blocks(table, verdict(7, tokenFor(1), "+44123")));
  assert.ok(blocks(table, verdict(7, tokenFor(1), "44123")));
  assert.ok(blocks(table, verdict(7, tokenFor(1), "Floe", "+44123")), "the sender that is sent");
  assert.not.ok(blocks(table, verdict(7, tokenFor(1), "+44124")));
  assert.not.ok(blocks(table, verdict(7, tokenFor(1), "Floe")));
  assert.not.ok(blocks(table, verdict(8, tokenFor(1), "+44123")));
  assert.not.ok(blocks(table, verdict(7, tokenFor(2), "+44123")));
  table.set({ account: 7, token: tokenFor(1), sender: "44123" }, false, 2);
  assert.not.ok(blocks(table, verdict(7, tokenFor(1), "+44123")));
});

suppressed("all senders, but one that was asked to start again", () => {
  const table = openSuppressed();
  table.set({ account: 7, token: tokenFor(1), sender: "" }, true, 1);
  assert.ok(blocks(table, verdict(7, tokenFor(1), "+44123")));
  assert.ok(blocks(table, verdict(7, tokenFor(1), "Floe")));
  table.set({ account: 7, token: tokenFor(1), sender: "44123" }, false, 2);
  assert.not.ok(blocks(table, verdict(7, tokenFor(1), "+44123")));
  assert.ok(blocks(table, verdict(7, tokenFor(1), "Floe")));
});

suppressed("the later word, of one sender and of all", () => {
  const table = openSuppressed();
  const own = { account: 7, token: tokenFor(1), sender: "44123" };
  const all = { ...own, sender: "" };
  table.set(own, false, 5);
  table.set(all, true, 6);
  assert.ok(blocks(table, verdict(7, tokenFor(1), "+44123")));
  table.set(own, false, 7);
  assert.not.ok(blocks(table, verdict(7, tokenFor(1), "+44123")));
  table.set(own, true, 8);
  table.set(all, false, 9);
  assert.not.ok(blocks(table, verdict(7, tokenFor(1), "+44123")));
  // At the same moment to stop is the safer reading.
  table.set(own, true, 9);
  assert.ok(blocks(table, verdict(7, tokenFor(1), "+44123")));
  assert.not.ok(blocks(table, verdict(7, tokenFor(1), "Floe")));
});

suppressed("authentication only where the account wants it", () => {
  const table = openSuppressed();
  table.set({ account: 7, token: tokenFor(1), sender: "" }, true, 1);
  assert.not.ok(blocks(table, verdict(7, tokenFor(1), "Floe", "", 1)));
  table.setAuthentication(7, true);
  assert.ok(blocks(table, verdict(7, tokenFor(1), "Floe", "", 1)));
  table.setAuthentication(7, false);
  assert.not.ok(blocks(table, verdict(7, tokenFor(1), "Floe", "", 1)));
});

suppressed("as many as there are", () => {
  const table = openSuppressed();
  const COUNT = 3_000;
  for (let number = 0; number < COUNT; number += 1) {
    table.set({ account: number % 5, token: tokenFor(number), sender: "44123" }, true, 1);
    if (number % 3 === 0) {
      table.set(
        { account: number % 5, token: tokenFor(number), sender: "44999" },
        number % 2 === 0,
        1,
      );
    }
  }
  assert.is(table.count(), COUNT + COUNT / 3);
  for (let number = 0; number < COUNT; number += 1) {
    const to = (sender: string, account = number % 5) =>
      blocks(table, verdict(account, tokenFor(number), sender));
    assert.ok(to("44123"));
    assert.is(to("44999"), number % 6 === 0);
    assert.not.ok(to("44123", 5));
  }
});

suppressed("a verdict without a number, or cut short, blocks nothing", () => {
  const table = openSuppressed();
  table.set({ account: 7, token: tokenFor(1), sender: "" }, true, 1);
  const bytes = verdict(7, tokenFor(1), "Floe");
  for (let end = 0; end < VERDICT_TOK_AT + 16; end += 1) {
    assert.not.ok(table.blocks(bytes.subarray(0, end), 0, end));
  }
});

suppressed("keys say what they are about, and back", () => {
  for (const sender of ["", "44123", "Flöe", "all"]) {
    const key = { account: 7, token: tokenFor(1), sender };
    const read = readSuppressionKey(suppressionKey(key))!;
    assert.equal({ ...read, token: Buffer.from(read.token) }, key);
  }
  assert.is(
    suppressionKey({ account: 7, token: tokenFor(1), sender: "+44123" }),
    suppressionKey({ account: 7, token: tokenFor(1), sender: "44123" }),
  );
  assert.is(readSuppressionKey("settings.7"), undefined);
  assert.is(plainSender("+44x"), "+44x");
});

suppressed.run();
