/** Unit tests of message ids and key tags. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { formatId } from "../../../core/message.js";
import { Message } from "../../../core/proto/floe/v1/messaging.js";
import { type Identity, openIdentity } from "../../../services/gateway/identity.js";
import { check, seen } from "../../../services/gateway/validate.js";

const identity = suite("identity");

const ids = openIdentity(Uint8Array.from({ length: 16 }, (_, index) => index));

function plain(more: Partial<Message> = {}): Message {
  return {
    to: "+447700900123",
    from: "Floe",
    body: { $case: "text", text: "Hello." },
    trafficClass: 2,
    idempotencyKey: "order-1",
    clientReference: "ref",
    validitySeconds: 60,
    receipt: 1,
    tags: {},
    flash: false,
    ...more,
  };
}

/** Id and tag of encoded bytes, which stand somewhere inside a larger request. */
function ofBytes(
  message: Uint8Array,
  account = 7,
  by: Identity = ids,
): { id: string; tag: string } {
  const bytes = Buffer.concat([Buffer.from([1, 2, 3]), message, Buffer.from([4])]);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const end = bytes.length - 1;
  assert.is(check(bytes, view, 3, end), 0);
  const { keyAt, keyEnd, tags } = seen;
  const keyed = { account, bytes, view, at: 3, end, keyAt, keyEnd, tags };
  const id = new Uint8Array(16);
  const tag = new Int32Array(2);
  by.keyed(keyed, id, 0);
  by.tag(keyed, tag, 0);
  assert.ok(tag[0] !== 0 || tag[1] !== 0);
  return { id: formatId(id), tag: tag.join() };
}

const of = (message: Message, account = 7) => ofBytes(Message.encode(message).finish(), account);

identity("without a key is a UUID of version 7 that holds the time", () => {
  const into = new Uint8Array(20);
  ids.fresh(0x0123_4567_89ab, into, 4);
  assert.match(formatId(into, 4), /^01234567-89ab-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.equal([...into.subarray(0, 4)], [0, 0, 0, 0]);
});

identity("without a key rises, also within a millisecond and when the clock jumps back", () => {
  const fresh = openIdentity(new Uint8Array(16));
  const into = new Uint8Array(16);
  let last = "";
  for (let count = 0; count < 20_000; count += 1) {
    fresh.fresh(count < 10_000 ? 1_000_000 : 900_000, into, 0);
    const id = formatId(into);
    assert.ok(id > last);
    last = id;
  }
});

identity("with a key is a UUID of version 8, the same for the same request", () => {
  const { id, tag } = of(plain());
  assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.equal(of(plain()), { id, tag });
});

identity("with a key differs by every field, by the account and by the secret", () => {
  const others = [
    of(plain({ to: "+447700900124" })),
    of(plain({ from: "Floe2" })),
    of(plain({ body: { $case: "text", text: "Hello!" } })),
    of(plain({ trafficClass: 1 })),
    of(plain({ idempotencyKey: "order-2" })),
    of(plain({ clientReference: "fer" })),
    of(plain({ validitySeconds: 61 })),
    of(plain({ receipt: 2 })),
    of(plain({ tags: { a: "b" } })),
    of(plain({ tags: { a: "c" } })),
    of(plain({ tags: { a: "b", c: "d" } })),
    of(plain({ tags: { a: "d", c: "b" } })),
    of(plain(), 8),
    ofBytes(Message.encode(plain()).finish(), 7, openIdentity(new Uint8Array(16))),
  ];
  assert.is(new Set([of(plain()), ...others].map(({ id }) => id)).size, others.length + 1);
});

identity("tells keys apart by their tag, whatever the message", () => {
  const { tag } = of(plain());
  assert.is(of(plain({ to: "+447700900124" })).tag, tag);
  assert.is(of(plain({ tags: { a: "b" } })).tag, tag);
  assert.is.not(of(plain({ idempotencyKey: "order-2" })).tag, tag);
  assert.is.not(of(plain(), 8).tag, tag);
});

identity("does not depend on the order of tags", () => {
  const tags = { a: "1", b: "2", c: "3", d: "" };
  const turned = { d: "", c: "3", b: "2", a: "1" };
  assert.equal(of(plain({ tags: turned })), of(plain({ tags })));
});

identity.run();
