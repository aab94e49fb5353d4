/**
 * Strategy: which carriers a rule wants, in which order, as an expression and as a tree.
 *
 *   strategy = term { "else" term } [ "else" "block" ] | "block"
 *   term     = "cost" list | "quality" list | "priority" "(" part { "," part } ")"
 *            | "weight" "(" part ":" number { "," part ":" number } ")" | "(" term { "else" term } ")"
 *   list     = "(" "*" ")" | "(" carrier { "," carrier } ")"
 *   part     = carrier | term | "*" (of priority only: all carriers that no other part names)
 *
 * `cost` puts the cheapest first, `quality` the one that delivers most and fastest, `priority` keeps
 * the order written, `weight` draws for each message. After `else` come further candidates, for
 * when there are fewer than three. `block` gives none, and says why: BLOCKED_BY_RULE.
 * routing.ts walks the tree.
 */

export const NODE = { cost: 0, quality: 1, priority: 2, weight: 3, chain: 4, block: 5 } as const;

/** All nodes have all fields, so that the code that walks them sees one shape. */
export interface StrategyNode {
  readonly kind: number;
  /** Indices of carriers; of cost, quality and a priority of names alone. */
  readonly carriers: Int32Array;
  /** Of a weight or a chain, in the order written. */
  readonly children: readonly StrategyNode[];
  /** For each child of a weight. */
  readonly weights: Float64Array;
  /** By index of a carrier, 1 if it is among them; and whether they are in rising order. */
  readonly members: Uint8Array;
  readonly rising: boolean;
  /** For whoever walks: which children of a weight are drawn already. */
  readonly taken: Uint8Array;
}

export type ParsedStrategy =
  | { readonly node: StrategyNode }
  | {
      readonly problem: string;
      /** Character of the expression, from 0. */
      readonly at: number;
    };

const WEIGHT_MAX = 1_000_000;
const DEPTH_MAX = 8;
const NO_CARRIERS = new Int32Array(0);
const NO_MEMBERS = new Uint8Array(0);
const NO_WEIGHTS = new Float64Array(0);
const BLOCK: StrategyNode = {
  kind: NODE.block,
  carriers: NO_CARRIERS,
  children: [],
  weights: NO_WEIGHTS,
  members: NO_MEMBERS,
  rising: true,
  taken: new Uint8Array(0),
};
const LEAVES: Readonly<Record<string, number>> = { cost: NODE.cost, quality: NODE.quality };

class StrategyProblem extends Error {
  readonly at: number;
  constructor(problem: string, at: number) {
    super(problem);
    this.at = at;
  }
}

/**
 * Reads an expression.
 * @param carriers names by index: `*` is all of them, in this order.
 * @param isKept it was taken before, by whatever rules held then: what has a meaning is read.
 */
export function parseStrategy(
  text: string,
  carriers: readonly string[],
  isKept = false,
): ParsedStrategy {
  try {
    return { node: openParser(text, carriers, isKept)() };
  } catch (error) {
    if (error instanceof StrategyProblem) return { problem: error.message, at: error.at };
    throw error;
  }
}

interface Token {
  readonly text: string;
  readonly at: number;
}

function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  for (const match of text.matchAll(/[\w.-]+|[(),:*]|\S/g)) {
    tokens.push({ text: match[0], at: match.index });
  }
  tokens.push({ text: "", at: text.length });
  return tokens;
}

function openParser(text: string, names: readonly string[], isKept: boolean): () => StrategyNode {
  const tokens = tokensOf(text);
  const indices = new Map(names.map((name, index) => [name, index]));
  let next = 0;

  const peek = (ahead = 0): string => tokens[next + ahead]?.text ?? "";
  function fail(problem: string): never {
    throw new StrategyProblem(problem, tokens[next]!.at);
  }
  function take(wanted: string): void {
    if (peek() !== wanted) fail(`"${wanted}" is missing`);
    next += 1;
  }
  function carrier(): number {
    const index = indices.get(peek());
    if (index === undefined) fail(peek() === "" ? "a carrier is missing" : "is no carrier");
    next += 1;
    return index;
  }
  function listOf<Item>(item: () => Item): Item[] {
    take("(");
    const items = [item()];
    while (peek() === ",") {
      next += 1;
      items.push(item());
    }
    take(")");
    return items;
  }
  function carriers(): Int32Array {
    if (peek() !== "(" || peek(1) !== "*") return once(listOf(carrier));
    next += 2;
    take(")");
    return Int32Array.from(names.keys());
  }
  /** A carrier twice in one list is a slip of the pen. */
  function once(list: readonly number[]): Int32Array {
    if (new Set(list).size < list.length) fail("a carrier is named twice");
    return Int32Array.from(list);
  }

  function chain(depth: number): StrategyNode {
    const children = [term(depth)];
    while (peek() === "else" && !(depth === 0 && peek(1) === "block")) {
      next += 1;
      children.push(term(depth));
    }
    return children.length === 1 ? children[0]! : nodeOf(NODE.chain, NO_CARRIERS, children);
  }
  function term(depth: number): StrategyNode {
    if (depth > DEPTH_MAX) fail("is nested too deep");
    const name = peek();
    if (name === "(") {
      next += 1;
      const inner = chain(depth + 1);
      take(")");
      return inner;
    }
    if (name === "block") fail("block stands alone or at the end, after else");
    if (peek(1) !== "(") fail("cost, quality, priority, weight or block is missing");
    next += 1;
    if (Object.hasOwn(LEAVES, name)) return nodeOf(LEAVES[name]!, carriers());
    if (name === "priority") return priority(depth);
    if (name === "weight") return weight(depth);
    next -= 1;
    return fail("is no strategy");
  }
  /** A carrier by itself, or a strategy. */
  function part(depth: number): StrategyNode {
    const nested = peek() === "(" || peek(1) === "(";
    return nested ? term(depth + 1) : nodeOf(NODE.priority, Int32Array.of(carrier()));
  }
  function priority(depth: number): StrategyNode {
    if (peek(1) === "*" && peek(2) === ")") return nodeOf(NODE.priority, carriers());
    let star = -1;
    let count = 0;
    const parts = listOf(() => {
      count += 1;
      if (peek() !== "*") return part(depth);
      if (star >= 0) fail("* is there twice");
      star = count - 1;
      next += 1;
      return nodeOf(NODE.priority, NO_CARRIERS);
    });
    if (star >= 0) {
      const named = new Set(parts.flatMap(carriersOf));
      const others = [...names.keys()].filter((index) => !named.has(index));
      const own = others.map((index) => nodeOf(NODE.priority, Int32Array.of(index)));
      parts.splice(star, 1, ...own);
    }
    if (parts.every(isOne))
      return nodeOf(NODE.priority, once(parts.map(({ carriers: own }) => own[0]!)));
    return nodeOf(NODE.chain, NO_CARRIERS, parts);
  }
  function weight(depth: number): StrategyNode {
    const weights: number[] = [];
    const parts = listOf(() => {
      const node = part(depth);
      take(":");
      if (!/^\d{1,7}$/.test(peek()) || Number(peek()) > WEIGHT_MAX) {
        fail(`a weight is a whole number from 0 to ${WEIGHT_MAX}`);
      }
      weights.push(Number(peek()));
      next += 1;
      return node;
    });
    if (weights.every((one) => one === 0)) fail("all weights are 0");
    // Of two weights of one carrier, the one that was meant is anybody's guess; but tables that were
    // compiled before this was refused draw by both, and must still open.
    if (!isKept) once(parts.filter(isOne).map(({ carriers: own }) => own[0]!));
    return nodeOf(NODE.weight, NO_CARRIERS, parts, Float64Array.from(weights));
  }

  return () => {
    if (peek() === "block" && peek(1) === "") return BLOCK;
    let node = chain(0);
    if (peek() === "else") {
      next += 2;
      node = nodeOf(NODE.chain, NO_CARRIERS, [node, BLOCK]);
    }
    if (peek() !== "") fail("is not expected here");
    return node;
  };
}

/** A carrier by itself. */
function isOne({ kind, carriers }: StrategyNode): boolean {
  return kind === NODE.priority && carriers.length === 1;
}

function carriersOf({ carriers, children }: StrategyNode): number[] {
  return [...carriers, ...children.flatMap(carriersOf)];
}

function nodeOf(
  kind: number,
  carriers: Int32Array,
  children: readonly StrategyNode[] = [],
  weights: Float64Array = NO_WEIGHTS,
): StrategyNode {
  const members = new Uint8Array(Math.max(-1, ...carriers) + 1);
  for (const carrier of carriers) members[carrier] = 1;
  const rising = carriers.every((carrier, at) => at === 0 || carrier > carriers[at - 1]!);
  const taken = new Uint8Array(weights.length);
  return { kind, carriers, children, weights, members, rising, taken };
}
