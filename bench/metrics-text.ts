/** Metrics text: one metric's samples from what /metrics says (Prometheus text format 0.0.4). */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export function metricsOf(text: string, name: string): readonly Sample[] {
  const samples: Sample[] = [];
  for (const line of text.split("\n")) {
    const parsed = /^([A-Za-z_:][\w:]*)(?:\{(.*)\})? (\S+)/.exec(line);
    if (parsed === null || parsed[1] !== name) continue;
    const labels = [...(parsed[2] ?? "").matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)];
    samples.push({
      labels: Object.fromEntries(labels.map(([, label, value]) => [label, value])),
      value: Number(parsed[3]),
    });
  }
  return samples;
}
