/** What routing learns from call detail records about carriers. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { SYSTEM_CLOCK } from "../../../core/clock.js";
import { parseQuality, QUALITY_KEY } from "../../../core/route-inputs.js";
import { BUCKETS } from "../../../core/subjects.js";
import { keyOf, OURS, verdictOf } from "../../unit/cdr/kit.js";
import { until } from "../../until.js";
import { withCdr } from "./with-cdr.js";

const quality = suite("quality of carriers");

quality("is the share of messages delivered and how long it took, by country and in all", () =>
  withCdr(async (cdr) => {
    await cdr.start({ FLOE_CDR_QUALITY_MS: "200" });
    const acceptedAtMs = SYSTEM_CLOCK.nowMs() - 60_000;
    // 40 to GB, every fourth undelivered; 10 to FR are too few; 5 without a receipt count nowhere.
    const keys = Array.from({ length: 55 }, (_, number) => keyOf(number, acceptedAtMs));
    const country = (number: number): string => (number < 40 ? "GB" : "FR");
    const verdicts = keys.map((key, number) =>
      verdictOf(key, { country: country(number), receipt: number < 50 ? 1 : 2 }),
    );
    await cdr.decisions(OURS.decisions(verdicts, []));
    const submitted = keys.map((key) => ({
      ...{ ...key, kind: 2, state: 4, carrierIds: ["a"], bind: "b/0" },
      atMs: key.acceptedAtMs + 100n,
    }));
    await cdr.attempts(OURS.attempts("carrier-a", acceptedAtMs + 100, submitted));
    const receipts = keys.slice(0, 50).map((key, number) => ({
      ...{ ...key, kind: 5, carrierIds: ["a"], errorText: "000" },
      state: number % 4 === 3 ? 9 : 11,
      atMs: key.acceptedAtMs + 1_100n,
    }));
    await cdr.attempts(OURS.attempts("carrier-a", acceptedAtMs + 1_100, receipts));
    await cdr.settled();
    const config = await cdr.client.bucket(BUCKETS.config);
    let rows: readonly unknown[] = [];
    await until(async () => {
      const entry = await config.get(QUALITY_KEY);
      rows = entry === undefined ? [] : parseQuality(entry.value).rows;
      return rows.length === 2;
    }, "what was learned");
    assert.equal(rows, [
      { carrier: "carrier-a", country: "", deliveredRate: 7_600, p95Ms: 1_000 },
      { carrier: "carrier-a", country: "GB", deliveredRate: 7_500, p95Ms: 1_000 },
    ]);
  }),
);

quality.run();
