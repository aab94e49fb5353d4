/**
 * Timeline: what held for one match, sender kind and class, and what will, as periods in time.
 *
 * Periods are [fromMs, toMs), rising, without overlap. What they cost is a number of its own (`core`:
 * equal terms apart from their times), so that a file that repeats what is in force changes nothing,
 * whatever times it writes beside it.
 */
export interface Period {
  readonly fromMs: number;
  /** Infinity: no end. */
  readonly toMs: number;
  readonly core: number;
  /** Line of the file; 0: of the deck in force. */
  readonly line: number;
}

/** From `fromMs` on something else holds. -1: nothing. */
export interface Step {
  readonly fromMs: number;
  readonly before: number;
  readonly after: number;
  /** That says so; 0: none, a period ended. */
  readonly line: number;
}

/**
 * The file in place of what is in force. Before its first period what was in force stays, as
 * messages accepted then are rated by it; `merge`: between and after its periods too.
 */
export function overlay(
  present: readonly Period[],
  fresh: readonly Period[],
  merge: boolean,
): readonly Period[] {
  const holes = merge ? fresh : [{ fromMs: fresh[0]!.fromMs, toMs: Number.POSITIVE_INFINITY }];
  let kept = present;
  for (const hole of holes) kept = cut(kept, hole.fromMs, hole.toMs);
  return join([...kept, ...fresh].sort((a, b) => a.fromMs - b.fromMs));
}

/** Without [fromMs, toMs). */
export function cut(periods: readonly Period[], fromMs: number, toMs: number): readonly Period[] {
  return periods.flatMap((one) => {
    if (one.toMs <= fromMs || one.fromMs >= toMs) return [one];
    const before = one.fromMs < fromMs ? [{ ...one, toMs: fromMs }] : [];
    const after = one.toMs > toMs ? [{ ...one, fromMs: toMs }] : [];
    return [...before, ...after];
  });
}

/** Equal neighbours are one period. */
function join(periods: readonly Period[]): readonly Period[] {
  const joined: Period[] = [];
  for (const one of periods) {
    const last = joined.at(-1);
    if (last !== undefined && last.toMs === one.fromMs && last.core === one.core) {
      joined[joined.length - 1] = { ...last, toMs: one.toMs, line: one.line || last.line };
    } else joined.push(one);
  }
  return joined;
}

/** Where the two differ, by time; a difference that goes on is told where it begins and changes. */
export function stepsOf(present: readonly Period[], next: readonly Period[]): readonly Step[] {
  const times = new Set<number>();
  for (const { fromMs, toMs } of [...present, ...next]) times.add(fromMs).add(toMs);
  const steps: Step[] = [];
  let last = { before: -1, after: -1 };
  for (const fromMs of [...times].sort((a, b) => a - b)) {
    if (fromMs === Number.POSITIVE_INFINITY) continue;
    const before = at(present, fromMs)?.core ?? -1;
    const period = at(next, fromMs);
    const after = period?.core ?? -1;
    const goesOn = before === last.before && after === last.after;
    if (before !== after && !goesOn) steps.push({ fromMs, before, after, line: period?.line ?? 0 });
    last = { before, after };
  }
  return steps;
}

function at(periods: readonly Period[], ms: number): Period | undefined {
  return periods.find(({ fromMs, toMs }) => fromMs <= ms && ms < toMs);
}
