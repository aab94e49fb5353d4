/** Unit tests of reading metrics, on text as prom-client writes it. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { metricsOf } from "../../../bench/metrics-text.js";

const metrics = suite("metrics text");

metrics("gives the samples of one metric with their labels", () => {
  const text = [
    "# HELP floe_records_total Records.",
    "# TYPE floe_records_total counter",
    'floe_records_total{stream="REQUESTS",direction="out"} 1200',
    'floe_records_total{stream="REQUESTS",direction="in"} 7',
    'floe_records_totals{stream="REQUESTS"} 3',
    "floe_up 1",
  ].join("\n");
  assert.equal(metricsOf(text, "floe_records_total"), [
    { labels: { stream: "REQUESTS", direction: "out" }, value: 1_200 },
    { labels: { stream: "REQUESTS", direction: "in" }, value: 7 },
  ]);
  assert.equal(metricsOf(text, "floe_up"), [{ labels: {}, value: 1 }]);
});

metrics.run();
