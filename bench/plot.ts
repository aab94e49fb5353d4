/**
 * Plot: lines over a logarithmic x axis as one SVG file, with title, units, legend and every value
 * named. Self-contained: no script, no font of its own, readable on light and dark paper.
 */
export interface Series {
  readonly name: string;
  /** In rising order of x, all above 0. */
  readonly points: readonly { readonly x: number; readonly y: number }[];
}

export interface Plot {
  readonly title: string;
  /** A line below the title, such as the machine. */
  readonly subtitle: string;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly series: readonly Series[];
  /** A horizontal line that must not be passed. */
  readonly limit?: { readonly y: number; readonly label: string };
}

const WIDTH = 880;
const HEIGHT = 500;
const LEFT = 76;
const RIGHT = 220;
const TOP = 78;
const BOTTOM = 64;
/** Told apart by colour-blind readers, too (Okabe and Ito). */
const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000"];
const GRID = "#dddddd";
const INK = "#222222";

/** @returns the text of an SVG file. Needs one series with one point at least. */
export function plotSvg(plot: Plot): string {
  const all = plot.series.flatMap(({ points }) => points);
  const xs = all.map(({ x }) => x);
  const lowest = Math.log10(Math.min(...xs));
  const highest = Math.max(Math.log10(Math.max(...xs)), lowest + 1e-9);
  const yTop = niceTop(Math.max(...all.map(({ y }) => y), plot.limit?.y ?? 0));
  const right = WIDTH - RIGHT;
  const bottom = HEIGHT - BOTTOM;
  const xAt = (x: number): number =>
    LEFT + ((Math.log10(x) - lowest) / (highest - lowest)) * (right - LEFT);
  const yAt = (y: number): number => bottom - (y / yTop.value) * (bottom - TOP);
  const ticks = [...new Set(xs)].sort((a, b) => a - b);
  const parts = [
    text(LEFT, 32, plot.title, 'font-size="18" font-weight="bold"'),
    text(LEFT, 54, plot.subtitle, 'font-size="12" fill="#555555"'),
    ...Array.from({ length: yTop.steps + 1 }, (_, step) => {
      const y = (yTop.value / yTop.steps) * step;
      return (
        line(LEFT, yAt(y), right, yAt(y), `stroke="${GRID}"`) +
        text(LEFT - 8, yAt(y) + 4, shortNumber(y), 'text-anchor="end"')
      );
    }),
    ...ticks.map(
      (x) =>
        line(xAt(x), TOP, xAt(x), bottom, `stroke="${GRID}"`) +
        text(xAt(x), bottom + 20, shortNumber(x), 'text-anchor="middle"'),
    ),
    line(LEFT, bottom, right, bottom, `stroke="${INK}"`),
    line(LEFT, TOP, LEFT, bottom, `stroke="${INK}"`),
    text((LEFT + right) / 2, HEIGHT - 18, plot.xLabel, 'text-anchor="middle"'),
    text(0, 0, plot.yLabel, `text-anchor="middle" transform="${upright((TOP + bottom) / 2)}"`),
    ...limitParts(plot, yAt, right),
    ...plot.series.flatMap((series, index) => seriesParts(series, index, xAt, yAt, right)),
  ];
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" ` +
    `height="${HEIGHT}" font-family="system-ui, sans-serif" font-size="13" fill="${INK}">\n` +
    `<rect width="100%" height="100%" fill="#ffffff"/>\n${parts.join("\n")}\n</svg>\n`
  );
}

function seriesParts(
  { name, points }: Series,
  index: number,
  xAt: (x: number) => number,
  yAt: (y: number) => number,
  right: number,
): string[] {
  const colour = COLOURS[index % COLOURS.length]!;
  const places = points.map(({ x, y }) => `${round(xAt(x))},${round(yAt(y))}`).join(" ");
  const legendY = TOP + 14 + index * 24;
  return [
    `<polyline points="${places}" fill="none" stroke="${colour}" stroke-width="2"/>`,
    ...points.map(
      ({ x, y }) =>
        `<circle cx="${round(xAt(x))}" cy="${round(yAt(y))}" r="3.5" fill="${colour}">` +
        `<title>${escaped(`${name}: ${shortNumber(y)} at ${shortNumber(x)}`)}</title></circle>` +
        text(
          xAt(x),
          yAt(y) - 8,
          shortNumber(y),
          `font-size="11" fill="${colour}" ${middle(points, x)}`,
        ),
    ),
    line(right + 16, legendY - 4, right + 36, legendY - 4, `stroke="${colour}" stroke-width="3"`),
    text(right + 42, legendY, name),
  ];
}

/** Labels of the outermost points lean inwards. */
function middle(points: Series["points"], x: number): string {
  if (points.length > 1 && x === points[0]!.x) return 'text-anchor="start"';
  return `text-anchor="${points.length > 1 && x === points.at(-1)!.x ? "end" : "middle"}"`;
}

function limitParts({ limit }: Plot, yAt: (y: number) => number, right: number): string[] {
  if (limit === undefined) return [];
  return [
    line(LEFT, yAt(limit.y), right, yAt(limit.y), 'stroke="#b00020" stroke-dasharray="6 4"'),
    text(right + 6, yAt(limit.y) + 4, limit.label, 'font-size="11" fill="#b00020"'),
  ];
}

/** The axis ends at a round number above, in so many steps. */
function niceTop(value: number): { value: number; steps: number } {
  if (!(value > 0)) return { value: 1, steps: 5 };
  const power = 10 ** Math.floor(Math.log10(value / 5));
  const step = [1, 2, 2.5, 5, 10].map((one) => one * power).find((one) => one * 5 >= value);
  return { value: (step ?? 10 * power) * 5, steps: 5 };
}

/** 1000000 is "1M", 1.2345 is "1.23". */
export function shortNumber(value: number): string {
  if (value >= 1e6) return `${trim(value / 1e6)}M`;
  if (value >= 1e3) return `${trim(value / 1e3)}k`;
  return trim(value);
}

function trim(value: number): string {
  return String(Number(value.toPrecision(3)));
}

function upright(y: number): string {
  return `translate(22 ${round(y)}) rotate(-90)`;
}

function text(x: number, y: number, content: string, more = ""): string {
  return `<text x="${round(x)}" y="${round(y)}" ${more}>${escaped(content)}</text>`;
}

function line(x1: number, y1: number, x2: number, y2: number, more: string): string {
  return `<line x1="${round(x1)}" y1="${round(y1)}" x2="${round(x2)}" y2="${round(y2)}" ${more}/>`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escaped(content: string): string {
  return content.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
