/** Columns of decks, networks and ported numbers: they come back as they were, or not at all. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { isFloeError } from "../../../core/errors.js";
import {
  decodeDeck,
  decodeNetworks,
  decodePorted,
  encodeDeck,
  encodeNetworks,
  encodePorted,
} from "../../../services/admin/columns.js";
import type { DeckSource } from "../../../workers/source.js";

const columns = suite("columns");

const DECK: DeckSource = {
  owner: { plan: 7 },
  channel: "sms",
  currency: "EUR",
  rows: {
    count: 3,
    kinds: Uint8Array.of(2, 3, 0),
    codes: Float64Array.of(447_700, 234_01, 0),
    lengths: Uint8Array.of(6, 5, 0),
    terms: Uint32Array.of(0, 1, 0),
  },
  terms: [5_000, 6_000].map((priceMicros) => ({
    effectiveFromMs: 1,
    effectiveToMs: 0,
    senderKind: 0,
    trafficClass: 0,
    unit: "segment",
    priceMicros,
    increment: 1,
    messageFeeMicros: 0,
    segmentFeeMicros: 0,
    minimumMicros: 0,
    chargeBasis: 0,
    rounding: 1,
    decimals: 6,
    tiers: { mode: 1, steps: [{ from: 0, priceMicros }] },
  })),
};
const IDS = [
  { country: "GB", mcc: "234", mnc: "01" },
  { country: "US", mcc: "", mnc: "" },
];
const NETWORKS = { prefixes: ["1", "447700900123456"], of: Uint32Array.of(1, 0), ids: IDS };
const PORTED = {
  numbers: Float64Array.of(447_700_900_123, 999_999_999_999_999),
  of: Uint16Array.of(0, 1),
  ids: IDS,
};

/** At an odd place of a larger buffer, as a socket's. */
function moved(bytes: Uint8Array): Uint8Array {
  const larger = new Uint8Array(bytes.length + 3);
  larger.set(bytes, 3);
  return larger.subarray(3);
}

columns("come back as they were, wherever their octets lie", () => {
  for (const place of [(bytes: Uint8Array) => bytes, moved]) {
    assert.equal(decodeDeck(place(encodeDeck(DECK).bytes)), DECK);
    assert.equal(decodeNetworks(place(encodeNetworks(NETWORKS).bytes)), NETWORKS);
    assert.equal(decodePorted(place(encodePorted(PORTED).bytes)), PORTED);
  }
});

columns("keep only the rows that count", () => {
  const grown = {
    ...DECK.rows,
    kinds: Uint8Array.of(2, 3, 0, 9, 9),
    codes: Float64Array.of(447_700, 234_01, 0, 9, 9),
    lengths: Uint8Array.of(6, 5, 0, 9, 9),
    terms: Uint32Array.of(0, 1, 0, 9, 9),
  };
  const encoded = encodeDeck({ ...DECK, rows: grown });
  assert.is(encoded.rows, 3);
  assert.equal(decodeDeck(encoded.bytes), DECK);
  assert.is(encoded.hash, encodeDeck(DECK).hash);
});

columns("of nothing are columns too", () => {
  const none = { prefixes: [], of: new Uint32Array(0), ids: [] };
  assert.equal(decodeNetworks(encodeNetworks(none).bytes), none);
});

columns("that are damaged, cut, or of another kind are refused", () => {
  const { bytes } = encodeDeck(DECK);
  const wrong = [
    bytes.subarray(0, bytes.length - 1),
    bytes.subarray(0, 10),
    new Uint8Array(0),
    ...Array.from({ length: bytes.length }, (_, at) => {
      const one = new Uint8Array(bytes);
      one[at]! ^= 1;
      return one;
    }),
    encodePorted(PORTED).bytes,
  ];
  for (const one of wrong) {
    try {
      decodeDeck(one);
      assert.unreachable("it was taken");
    } catch (error) {
      assert.ok(isFloeError(error, "tables.invalid"), String(error));
    }
  }
});

columns.run();
