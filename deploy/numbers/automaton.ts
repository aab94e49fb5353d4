/**
 * Automaton: many patterns at once, as one table of states over digits.
 *
 * In: patterns, each with a tag, and a function that makes a label of the tags that match a number
 * and of its length. Out: minimal deterministic states, shared by all roots: one step a digit, and
 * the label of where a number ends says everything that the patterns say of it.
 *
 * Thompson's construction, then subsets, then Moore's refinement over all roots together: the tails
 * (`\d{6}`) of two hundred plans become the same states.
 */
import type { Pattern } from "./patterns.js";

/** States know lengths up to here; longer numbers are as long as this. */
export const LENGTH_CAP = 18;
const ANY_DIGIT = 0x3ff;

export interface Tagged {
  readonly pattern: Pattern;
  readonly tag: string;
  /** Matches what begins so (but not by nothing), instead of what is so. */
  readonly prefix?: boolean;
}
export type LabelOf = (tags: ReadonlySet<string>, length: number) => number;

/** Ten successors a state, by digit; the label of each state; the state of each root. */
export interface Automaton {
  readonly next: Uint32Array;
  readonly labels: Uint16Array;
  readonly roots: readonly number[];
}

interface Nodes {
  /** Free steps of each node. */
  readonly free: number[][];
  /** Where the digits of `masks` lead; -1: nowhere. */
  readonly target: number[];
  readonly masks: number[];
  readonly tags: Map<number, string>;
  /** Where a prefix has been matched. */
  readonly sticky: Set<number>;
}

/** Collects roots, then gives the automaton of all. */
export function openAutomaton() {
  const next: number[] = [];
  const labels: number[] = [];
  const roots: number[] = [];

  /** Index of the root in `Automaton.roots`. */
  function add(patterns: readonly Tagged[], labelOf: LabelOf): number {
    const nodes: Nodes = { free: [], target: [], masks: [], tags: new Map(), sticky: new Set() };
    const starts = patterns.map((tagged) => addPattern(nodes, tagged));
    const known = new Map<string, number>();
    const open: { state: number; set: readonly number[]; length: number }[] = [];
    roots.push(stateOf(starts, 0));
    for (let item = open.pop(); item !== undefined; item = open.pop()) {
      for (let digit = 0; digit < 10; digit += 1) {
        const reached = item.set
          .filter((node) => nodes.target[node]! >= 0 && nodes.masks[node]! & (1 << digit))
          .map((node) => nodes.target[node]!);
        next[item.state * 10 + digit] = stateOf(reached, Math.min(item.length + 1, LENGTH_CAP));
      }
    }
    return roots.length - 1;

    function stateOf(reached: readonly number[], length: number): number {
      // Before the first digit no prefix has been matched, though its pattern may match nothing.
      const set = closure(nodes, reached).filter((node) => length > 0 || !nodes.sticky.has(node));
      const key = `${length} ${set.join(" ")}`;
      const found = known.get(key);
      if (found !== undefined) return found;
      const state = labels.length;
      known.set(key, state);
      const tags = new Set(set.flatMap((node) => nodes.tags.get(node) ?? []));
      labels.push(labelOf(tags, length));
      open.push({ state, set, length });
      return state;
    }
  }

  return { add, finish: () => minimise(next, labels, roots) };
}

function addPattern(nodes: Nodes, { pattern, tag, prefix = false }: Tagged): number {
  const start = addNode(nodes);
  for (const option of pattern.kind === "choice" ? pattern.options : [pattern]) {
    const atEnd = option.kind === "sequence" && option.parts.at(-1)?.kind === "end";
    const last = expand(nodes, withoutEnd(option), start);
    const accept = addNode(nodes);
    nodes.free[last]!.push(accept);
    nodes.tags.set(accept, tag);
    if (prefix && !atEnd) {
      nodes.sticky.add(accept);
      nodes.masks[accept] = ANY_DIGIT;
      nodes.target[accept] = accept;
    }
  }
  return start;
}

function withoutEnd(option: Pattern): Pattern {
  if (option.kind !== "sequence" || option.parts.at(-1)?.kind !== "end") return option;
  return { kind: "sequence", parts: option.parts.slice(0, -1) };
}

function addNode(nodes: Nodes): number {
  nodes.free.push([]);
  nodes.target.push(-1);
  nodes.masks.push(0);
  return nodes.free.length - 1;
}

/** Adds nodes for `pattern` after node `from`; the node where it is matched. */
function expand(nodes: Nodes, pattern: Pattern, from: number): number {
  switch (pattern.kind) {
    case "end":
      throw new Error("A pattern has its end elsewhere than at the end of an alternative.");
    case "digit": {
      const step = addNode(nodes);
      nodes.free[from]!.push(step);
      nodes.masks[step] = pattern.mask;
      nodes.target[step] = addNode(nodes);
      return nodes.target[step];
    }
    case "sequence":
      return pattern.parts.reduce((at, part) => expand(nodes, part, at), from);
    case "choice": {
      const last = addNode(nodes);
      for (const option of pattern.options) {
        const begin = addNode(nodes);
        nodes.free[from]!.push(begin);
        nodes.free[expand(nodes, option, begin)]!.push(last);
      }
      return last;
    }
    case "repeat": {
      const last = addNode(nodes);
      let at = from;
      for (let count = 0; count < pattern.max; count += 1) {
        if (count >= pattern.min) nodes.free[at]!.push(last);
        at = expand(nodes, pattern.part, at);
      }
      nodes.free[at]!.push(last);
      return last;
    }
  }
}

/** Every node that is reached without a digit, in order; those that matter only. */
function closure(nodes: Nodes, reached: readonly number[]): readonly number[] {
  const seen = new Set<number>();
  const open = [...reached];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if (seen.has(node)) continue;
    seen.add(node);
    open.push(...nodes.free[node]!);
  }
  return [...seen]
    .filter((node) => nodes.target[node]! >= 0 || nodes.tags.has(node))
    .sort((a, b) => a - b);
}

/** Moore: states are the same until their labels, or the classes of their successors, differ. */
function minimise(
  next: readonly number[],
  labels: readonly number[],
  roots: readonly number[],
): Automaton {
  let classes = Uint32Array.from(labels);
  let count = new Set(labels).size;
  for (;;) {
    const known = new Map<string, number>();
    const refined = new Uint32Array(labels.length);
    for (let state = 0; state < labels.length; state += 1) {
      let key = `${classes[state]}`;
      for (let digit = 0; digit < 10; digit += 1) key += `,${classes[next[state * 10 + digit]!]}`;
      const number = known.get(key) ?? known.size;
      known.set(key, number);
      refined[state] = number;
    }
    classes = refined;
    if (known.size === count) break;
    count = known.size;
  }
  return compact(next, labels, roots, classes, count);
}

/** One state a class, numbered as they are met: the states of a root lie together. */
function compact(
  next: readonly number[],
  labels: readonly number[],
  roots: readonly number[],
  classes: Uint32Array,
  count: number,
): Automaton {
  const successors = new Uint32Array(count * 10);
  const classLabels = new Uint16Array(count);
  for (let state = 0; state < labels.length; state += 1) {
    const number = classes[state]!;
    classLabels[number] = labels[state]!;
    for (let digit = 0; digit < 10; digit += 1) {
      successors[number * 10 + digit] = classes[next[state * 10 + digit]!]!;
    }
  }
  return { next: successors, labels: classLabels, roots: roots.map((state) => classes[state]!) };
}
