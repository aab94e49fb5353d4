/**
 * Quote file: `floe quote --file`, a request a line in, a result a line out, in the same order.
 *
 * What has come is asked as one batch, so that a person who types lines is answered at once and a
 * file costs a call for a few hundred lines. A few batches are under way at a time; more lines are
 * read only when one of them has been answered and taken by whoever reads the results.
 */
import {
  NO_REQUEST,
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
 * @param absent what a line has where it says nothing.
 * @param write what a batch gave; its promise holds back reading. False: nobody wants more.
 * @throws what `ask` throws.
 */
export async function quoteLines(
  chunks: AsyncIterable<readonly (string | undefined)[]>,
  asker: Asker,
  write: (told: readonly Told[]) => Promise<boolean>,
  absent: QuoteRequest = NO_REQUEST,
): Promise<Counts> {
  const input = chunks[Symbol.asyncIterator]();
  const underWay: Promise<readonly Told[]>[] = [];
  let batches: Iterator<readonly Parsed[]> = batchesOf([], absent);
  let incoming: Promise<IteratorResult<readonly (string | undefined)[]>> | undefined;
  let ended = false;
  let [place, results, errors] = [0, 0, 0];

  /** False: none is left of what has come. */
  function askNext(): boolean {
    const { done, value: batch } = batches.next();
    if (done === true) return false;
    const asked = askBatch(batch, asker, place);
    // It is waited for in its turn; until then its failure is no surprise.
    asked.catch(() => {});
    underWay.push(asked);
    place += batch.length;
    return true;
  }

  async function takeChunk(): Promise<void> {
    const { done, value } = await incoming!;
    incoming = undefined;
    if (done === true) ended = true;
    else batches = batchesOf(value, absent);
  }

  async function writeOldest(): Promise<boolean> {
    const told = await underWay.shift()!;
    for (const one of told) if (isError(one)) errors += 1;
    results += told.length;
    return await write(told);
  }

  for (;;) {
    while (underWay.length < BATCHES_UNDER_WAY_MAX && askNext());
    const full = underWay.length >= BATCHES_UNDER_WAY_MAX;
    if (!full && !ended && incoming === undefined) {
      incoming = input.next();
      incoming.catch(() => {});
    }
    if (underWay.length === 0) {
      if (ended) return { results, errors };
      await takeChunk();
    } else if (full || ended || !(await isFirst(incoming!, underWay[0]!))) {
      if (!(await writeOldest())) return { results, errors };
    } else await takeChunk();
  }
}

/** Whether `one` comes to its end before `other`. */
function isFirst(one: Promise<unknown>, other: Promise<unknown>): Promise<boolean> {
  return Promise.race([
    one.then(
      () => true,
      () => true,
    ),
    other.then(
      () => false,
      () => false,
    ),
  ]);
}

type Parsed = QuoteRequest | QuoteProblem;

function* batchesOf(
  lines: readonly (string | undefined)[],
  absent: QuoteRequest,
): Generator<readonly Parsed[]> {
  let batch: Parsed[] = [];
  let characters = 0;
  for (const line of lines) {
    if (line !== undefined && line.trim() === "") continue;
    batch.push(line === undefined ? TOO_LONG : parseQuoteLine(line, absent));
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
