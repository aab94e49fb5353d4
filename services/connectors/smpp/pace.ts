/**
 * Pace: how a bind slows down when its carrier says "too fast", and speeds up again.
 *
 * While a carrier complains, what it takes in a second is its limit: so the rate is set to a little
 * less than that (at most once in a second, since one burst brings many complaints, and never to
 * less than half at once). Then it rises, by more each second without complaint: by 1 % of the limit
 * after the first, 2 % after the second, to 10 %; so it comes back to the limit within some three
 * seconds, and to ten times the limit within half a minute, should the carrier have lifted it.
 * Where nothing is known yet (a complaint within the first second) the limit is looked for: from five
 * times what was taken, up by half each half second. A rate that is not used proves nothing and does
 * not rise. Where no rate is configured, a minute without complaint ends a limit that was learned.
 *
 * A complaint also pauses the bind: 100 ms; longer, up to 5 s, while nothing at all is taken between.
 */
import { newTokenBucket } from "./token-bucket.js";

export interface Pace {
  /** Takes the tokens of a message's parts, all or none. */
  take(parts: number, nowMs: number): boolean;
  /** Milliseconds until `take(parts)` may succeed. */
  waitMs(parts: number, nowMs: number): number;
  /** The carrier took a part. */
  accepted(): void;
  /** The carrier complained. */
  throttled(nowMs: number): void;
  /** What is configured has changed; what was learned stays, within it. */
  configure(partsPerSecond: number, nowMs: number): void;
  /** Parts a second now; 0: no limit. */
  rate(): number;
}

const PAUSE_MS_MIN = 100;
const PAUSE_MS_MAX = 5_000;
/** Between two cuts. */
const CUT_MS = 1_000;
/** Part of what was taken in the last second that is asked for after a complaint. */
const CUT = 0.97;
const CUT_MIN = 0.5;
/** In place of it while less than a second is known. */
const CUT_BLIND = 0.8;
/** The rate rises so often. */
const STEP_MS = 500;
/** Part of the limit by which it rises in a second, for each second without complaint, and at most. */
const RISE = 0.01;
const RISE_MAX = 0.1;
/** Factor by which it rises in a step while the limit is looked for. */
const SEARCH = 1.5;
const FIRST_FACTOR = 5;
const FIRST_MIN = 10;
/** A rate of which less than this part was used is not known to be good. */
const USED_MIN = 0.5;
/** Never below this part of what is configured: the carrier agreed to it. */
const CONFIGURED_PART_MIN = 0.01;
const RATE_MIN = 1;
/** A carrier that complained may count in smaller pieces than most. */
const LEARNED_BURST_MS = 40;
const FORGET_MS = 60_000;

/** @param partsPerSecond configured; 0: no limit. */
export function newPace(partsPerSecond: number, startMs: number): Pace {
  const bucket = newTokenBucket(partsPerSecond, startMs);
  const recent = newRecent(startMs);
  let configured = partsPerSecond;
  let pauseMs = 0;
  let pausedUntilMs = Number.NEGATIVE_INFINITY;
  let throttledAtMs = Number.NEGATIVE_INFINITY;
  let cutAtMs = Number.NEGATIVE_INFINITY;
  let steppedAtMs = startMs;
  /** Parts taken from the bucket since the last step. */
  let used = 0;
  let searching = false;
  let accepted = 0;
  let acceptedBefore = 0;

  /** Raises the rate, twice a second. */
  function step(nowMs: number): void {
    const rate = bucket.rate();
    const sinceMs = nowMs - steppedAtMs;
    if (rate === configured || sinceMs < STEP_MS) return;
    const isUsed = used >= (rate * USED_MIN * sinceMs) / 1_000;
    steppedAtMs = nowMs;
    used = 0;
    const quietMs = nowMs - throttledAtMs;
    if (configured === 0 && quietMs > FORGET_MS) {
      searching = false;
      bucket.setRate(0, nowMs);
      return;
    }
    if (!isUsed) return;
    const rise = Math.min(RISE_MAX, (RISE * quietMs) / 1_000) * (STEP_MS / 1_000);
    const raised = rate * (searching ? SEARCH : 1 + rise);
    if (configured > 0 && raised >= configured) bucket.setRate(configured, nowMs);
    else bucket.setRate(raised, nowMs, LEARNED_BURST_MS);
  }

  function cut(nowMs: number): void {
    const rate = bucket.rate();
    const known = recent.perSecond(accepted, nowMs);
    steppedAtMs = nowMs;
    used = 0;
    if (rate === 0) {
      searching = known === undefined;
      const first = searching ? recent.count(accepted) * FIRST_FACTOR : known! * CUT;
      bucket.setRate(Math.max(FIRST_MIN, first), nowMs, LEARNED_BURST_MS);
      cutAtMs = nowMs;
      return;
    }
    if (nowMs - cutAtMs < CUT_MS) return;
    cutAtMs = nowMs;
    searching = false;
    const wanted = known === undefined ? rate * CUT_BLIND : known * CUT;
    const next = Math.max(rate * CUT_MIN, Math.min(rate * CUT, wanted));
    const least = Math.max(RATE_MIN, configured * CONFIGURED_PART_MIN);
    bucket.setRate(Math.max(least, next), nowMs, LEARNED_BURST_MS);
  }

  return {
    take(parts, nowMs) {
      if (nowMs < pausedUntilMs) return false;
      recent.roll(accepted, nowMs);
      step(nowMs);
      if (!bucket.take(parts, nowMs)) return false;
      used += parts;
      return true;
    },
    waitMs(parts, nowMs) {
      return Math.max(pausedUntilMs - nowMs, bucket.waitMs(parts, nowMs));
    },
    accepted() {
      accepted += 1;
    },
    throttled(nowMs) {
      // What is complained about while the bind pauses was on its way before.
      if (nowMs < pausedUntilMs) return;
      const isStuck = accepted === acceptedBefore;
      pauseMs = isStuck
        ? Math.min(PAUSE_MS_MAX, Math.max(PAUSE_MS_MIN, pauseMs * 2))
        : PAUSE_MS_MIN;
      acceptedBefore = accepted;
      pausedUntilMs = nowMs + pauseMs;
      recent.roll(accepted, nowMs);
      cut(nowMs);
      throttledAtMs = nowMs;
    },
    configure(next, nowMs) {
      const isLearned = bucket.rate() !== configured;
      configured = next;
      if (!isLearned) bucket.setRate(next, nowMs);
      else if (next > 0 && bucket.rate() > next) bucket.setRate(next, nowMs);
    },
    rate: () => bucket.rate(),
  };
}

const SLICES = 10;
const SLICE_MS = 100;

/** How many parts were accepted in the last second, in slices of a tenth. */
function newRecent(startMs: number) {
  /** The total at the start of each slice, a ring. */
  const totals = new Float64Array(SLICES);
  let slice = Math.floor(startMs / SLICE_MS);
  /** Slices that are known, the one that runs not counted. */
  let known = 0;

  return {
    /** Goes on to the slice of this time. */
    roll(total: number, nowMs: number): void {
      const now = Math.floor(nowMs / SLICE_MS);
      if (now === slice) return;
      const gone = Math.min(SLICES, now - slice);
      for (let index = gone - 1; index >= 0; index -= 1) totals[(now - index) % SLICES] = total;
      slice = now;
      known = Math.min(SLICES - 1, known + gone);
    },
    /** Accepted in the last second; undefined: less than that is known. */
    perSecond(total: number, nowMs: number): number | undefined {
      if (known < SLICES - 1) return undefined;
      const oldest = slice - SLICES + 1;
      const spanMs = nowMs - oldest * SLICE_MS;
      return ((total - totals[(slice + 1) % SLICES]!) * 1_000) / spanMs;
    },
    /** Accepted in what is known of it. */
    count: (total: number): number => total - totals[(slice + SLICES - known) % SLICES]!,
  };
}
