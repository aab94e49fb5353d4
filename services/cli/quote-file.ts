/**
 * Quote file: `floe quote --file`, a request a line in, a result a line out, in the same order.
 *
 * What has come is asked as one batch, so that a person who types lines is answered at once and a
 * file costs a call for a few hundred lines. A few batches are under way at a time; more lines are
 * read only when the oldest one's results have been taken by whoever reads them.
 */
import {
  parseQuoteLine,
  type QuoteProblem,
  type QuoteRequest,
} from "../../workers/quote-request.js";
import { LINE_BYTES_MAX } from "./lines.js";
import { type Asker, isError, type Placed, type Told, toldProblem } from "./quote-askers.js";

const BATCH_LINES_MAX = 250;
/** As many bytes of texts, by their characters: a call has a bound. */
const BATCH_CHARACTERS_MAX = 1_048_576;
const BATCHES_UNDER_WAY_MAX = 4;
const TOO_LONG: QuoteProblem = { field: "", problem: `must be at most ${LINE_BYTES_MAX} bytes` };

export interface Counts {
  readonly results: number;
  readonly errors: number;
}

/**
 * Asks for every line that is not blank.
 * @param write what a batch gave; its promise holds back reading. False: nobody wants more.
 * @throws what `ask` throws.
 */
export async function quoteLines(
  chunks: AsyncIterable<readonly (string | undefined)[]>,
  asker: Asker,
  write: (told: readonly Told[]) => Promise<boolean>,
): Promise<Counts> {
  const underWay: Promise<readonly Told[]>[] = [];
  let [place, results, errors] = [0, 0, 0];

  async function writeOldest(): Promise<boolean> {
    const told = await underWay.shift()!;
    for (const one of told) if (isError(one)) errors += 1;
    results += told.length;
    return await write(told);
  }

  try {
    for await (const lines of chunks) {
      for (const batch of batchesOf(lines)) {
        underWay.push(askBatch(batch, asker, place));
        place += batch.length;
        if (underWay.length < BATCHES_UNDER_WAY_MAX) continue;
        if (!(await writeOldest())) return { results, errors };
      }
      // Whoever waits for an answer before the next line gets it.
      while (underWay.length > 0) if (!(await writeOldest())) return { results, errors };
    }
    return { results, errors };
  } finally {
    // After a failure of one, the others' failures are nobody's surprise.
    for (const left of underWay) left.catch(() => {});
  }
}

type Parsed = QuoteRequest | QuoteProblem;

function* batchesOf(lines: readonly (string | undefined)[]): Generator<readonly Parsed[]> {
  let batch: Parsed[] = [];
  let characters = 0;
  for (const line of lines) {
    if (line !== undefined && line.trim() === "") continue;
    batch.push(line === undefined ? TOO_LONG : parseQuoteLine(line));
    characters += line?.length ?? 0;
    if (batch.length < BATCH_LINES_MAX && characters < BATCH_CHARACTERS_MAX) continue;
    yield batch;
    batch = [];
    characters = 0;
  }
  if (batch.length > 0) yield batch;
}

async function askBatch(
  batch: readonly Parsed[],
  asker: Asker,
  firstPlace: number,
): Promise<readonly Told[]> {
  const told = batch.map((one) => toldProblem(one));
  const asked: Placed[] = [];
  for (const [index, one] of batch.entries()) {
    if (told[index] === undefined) {
      asked.push({ request: one as QuoteRequest, place: firstPlace + index });
    }
  }
  const answers = asked.length === 0 ? [] : await asker.ask(asked);
  let next = 0;
  return told.map((one) => one ?? answers[next++]!);
}
