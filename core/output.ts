/**
 * Output: the only file that prints. The CLI, the supervisor, the bench and the test runner use it;
 * services log instead (core/log.ts).
 */
const COLOURS = { red: 31, green: 32, yellow: 33, blue: 34, magenta: 35, cyan: 36, grey: 90 };
export type Colour = keyof typeof COLOURS;

export const isTerminal = process.stdout.isTTY === true;
const withColour =
  process.env["FORCE_COLOR"] !== undefined || (isTerminal && process.env["NO_COLOR"] === undefined);

/**
 * Who reads may stop (`| head`): what is under way, such as an import, goes on to its end, in
 * silence. Without a listener the error would end the process.
 */
export function outliveReader(): void {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
  });
}

export function print(text = ""): void {
  process.stdout.write(`${text}\n`);
}

/** Without a line end. */
export function printRaw(text: string | Uint8Array): void {
  process.stdout.write(text);
}

/**
 * Prints and waits until it is taken, so that a fast writer does not fill memory for a slow reader.
 * @returns false if nobody reads any more (`| head`), which is no failure.
 */
export function printTaken(text: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    // Without a listener the same error would end the process.
    if (process.stdout.listenerCount("error") === 0) process.stdout.on("error", () => {});
    process.stdout.write(text, (error) => {
      if (error === null || error === undefined) resolve(true);
      else if ((error as NodeJS.ErrnoException).code === "EPIPE") resolve(false);
      else reject(error);
    });
  });
}

export function printError(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** `text` in colour where a person looks; unchanged in files, pipes and under NO_COLOR. */
export function paint(colour: Colour, text: string): string {
  return withColour ? `\u001b[${COLOURS[colour]}m${text}\u001b[39m` : text;
}

export function bold(text: string): string {
  return withColour ? `\u001b[1m${text}\u001b[22m` : text;
}

export type Cell = string | number;

/** Rows under their heads; numbers to the right. */
export function table(heads: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const shown = rows.map((row) =>
    row.map((cell) => (typeof cell === "number" ? cell.toLocaleString("en-GB") : cell)),
  );
  const widths = heads.map((head, at) =>
    Math.max(head.length, ...shown.map((row) => (row[at] ?? "").length)),
  );
  const line = (cells: readonly string[], right: (at: number) => boolean): string =>
    cells
      .map((cell, at) => (right(at) ? cell.padStart(widths[at]!) : cell.padEnd(widths[at]!)))
      .join("  ")
      .trimEnd();
  const isNumber = (at: number): boolean =>
    rows.length > 0 &&
    rows.every((row) => typeof row[at] === "number" || /^-?[\d.,]+$/.test(`${row[at]}`));
  return [
    bold(line(heads, isNumber)),
    line(
      widths.map((width) => "-".repeat(width)),
      () => false,
    ),
    ...shown.map((row) => line(row, isNumber)),
  ].join("\n");
}

/** A bar that redraws itself on a terminal, and prints a line every tenth part elsewhere. */
export function progress(label: string, total: number): { at(done: number): void; end(): void } {
  let lastTenth = -1;
  const draw = (done: number): void => {
    const part = total === 0 ? 1 : Math.min(1, done / total);
    const text = `${label} [${"#".repeat(Math.round(part * 30)).padEnd(30, ".")}] ${done}/${total}`;
    if (isTerminal) printRaw(`\r${text}`);
    else if (Math.floor(part * 10) > lastTenth) print(text);
    lastTenth = Math.max(lastTenth, Math.floor(part * 10));
  };
  return { at: draw, end: () => (isTerminal ? print() : undefined) };
}
