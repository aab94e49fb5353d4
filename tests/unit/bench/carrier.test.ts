/** The simulated carrier's pieces: options, spread, draws, the delay line, repeats. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { newDelayLine } from "../../../bench/carrier/delay-line.js";
import { newDraws, spread } from "../../../bench/carrier/draws.js";
import { countersOf, textOf } from "../../../bench/carrier/ids.js";
import {
  DEFAULTS,
  ID_FORMS,
  isPlain,
  parseCarrierOptions,
  SHAPES,
  setOption,
} from "../../../bench/carrier/options.js";
import { newTrack, newTrackPlaces } from "../../../bench/carrier/track.js";
import { seededChance, simulatedClock } from "../../../core/clock.js";

const carrier = suite("bench: carrier simulator");

carrier("reads its options, and names what is wrong with one", () => {
  const options = parseCarrierOptions([
    ...["--faults", "0.05", "--refused", "0", "--refuse-with", "ESME_RMSGQFUL,0x0b"],
    ...["--receipt-form", "tlv,short", "--track"],
  ])!;
  assert.equal(options.refuseWith, [0x14, 0x0b]);
  assert.equal([options.refused, options.lostAnswers, options.closedBefore], [0, 0.05, 0.0005]);
  assert.equal([options.receiptForm, options.track], [["tlv", "short"], true]);
  assert.is(isPlain(options), false);
  assert.is(isPlain({ ...DEFAULTS, latencyMs: 10, partsPerSecond: 5, track: true }), true);
  assert.throws(
    () => parseCarrierOptions(["--refused", "2"]),
    /refused must be a number from 0 to 1/,
  );
  assert.throws(() => parseCarrierOptions(["--refuse-with", "ESME_RNOTHING"]), /by name or number/);
  assert.throws(() => setOption({}, "port", "1"), /not an option that can be set/);
});

carrier("spreads times around their mean", () => {
  for (const shape of SHAPES) {
    const chance = seededChance(7);
    let sum = 0;
    for (let index = 0; index < 20_000; index += 1) sum += spread(10, shape, chance);
    const mean = sum / 20_000;
    assert.ok(mean > 9.5 && mean < 10.5, `${shape}: ${mean}`);
  }
});

carrier("draws the same for a message and its try, whatever was drawn before", () => {
  const draws = newDraws(3);
  const drawn = (high: number, low: number, attempt: number): number[] => {
    draws.begin(high, low, attempt);
    return [draws.next(), draws.next()];
  };
  const first = drawn(1, 2, 0);
  assert.not.equal(drawn(1, 2, 1), first);
  assert.not.equal(drawn(2, 1, 0), first);
  assert.equal(drawn(1, 2, 0), first);
});

carrier("lets each leave in its own time, however they were put in", async () => {
  const clock = simulatedClock(0);
  const left: number[][] = [];
  const line = newDelayLine<number[]>(
    clock,
    () => [],
    (item) => void left.push(item),
  );
  for (const delayMs of [50, 10, 30, 10, 90, 20])
    line.item(clock.monotonicMs(), delayMs).push(delayMs);
  await clock.advance(60);
  assert.equal(left, [[10, 10], [20], [30], [50]]);
  assert.equal(line.clear(), [[90]]);
  await clock.advance(100);
  assert.is(left.length, 4);
});

carrier("knows a message again, whatever the reference of its part", () => {
  const track = newTrack();
  const places = { ...newTrackPlaces(), destinationEnd: 3, content: 3, contentEnd: 8 };
  const bytes = Buffer.from("abc12345");
  for (let times = 0; times < 300; times += 1) assert.is(track.add(bytes, places), times);
  assert.is(track.add(Buffer.from("abc12344"), places), 0);
  const part = { ...places, reference: 4, referenceEnd: 6 };
  track.add(bytes, part);
  assert.is(track.add(Buffer.from("abc1xx45"), part), 1);
  // It grows, and forgets nothing.
  for (let index = 0; index < 100_000; index += 1) {
    bytes.writeUInt32BE(index, 3);
    track.add(bytes, places);
  }
  bytes.writeUInt32BE(4_711, 3);
  assert.is(track.add(bytes, places), 1);
});

carrier("finds the counter in an id of every form", () => {
  for (const form of ID_FORMS)
    assert.ok(countersOf(textOf(229_812_345_678, form)).includes(229_812_345_678), form);
  assert.equal(countersOf("nobody's"), []);
});

carrier.run();
