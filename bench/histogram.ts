/** Histogram: HdrHistogram of microseconds, three significant digits, and its percentiles. */
import { build, type Histogram } from "hdr-histogram-js";
import type { Percentiles } from "./load-spec.js";

/** A minute: what takes longer counts as one. */
const MICROS_MAX = 60_000_000;

export type MicrosHistogram = Histogram;

export function newHistogram(): MicrosHistogram {
  return build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: MICROS_MAX,
    numberOfSignificantValueDigits: 3,
  });
}

export function record(histogram: MicrosHistogram, micros: number, times = 1): void {
  const value = Math.min(MICROS_MAX, Math.max(0, Math.round(micros)));
  histogram.recordValueWithCount(value, times);
}

export function percentiles(histogram: MicrosHistogram): Percentiles {
  return {
    count: histogram.totalCount,
    p50: histogram.getValueAtPercentile(50),
    p90: histogram.getValueAtPercentile(90),
    p99: histogram.getValueAtPercentile(99),
    p999: histogram.getValueAtPercentile(99.9),
    max: histogram.maxValue,
  };
}
