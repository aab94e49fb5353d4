/**
 * Strategies, the slow way: an expression is read into a tree of plain objects, and a tree is made a
 * list of groups. Carriers of an earlier group go before those of a later one.
 */
import assert from "node:assert";

export type Term =
  | { readonly kind: "cost" | "quality" | "order"; readonly carriers: readonly string[] }
  | { readonly kind: "priority"; readonly parts: readonly Term[] }
  | {
      readonly kind: "weight";
      readonly parts: readonly Term[];
      readonly weights: readonly number[];
    }
  | { readonly kind: "else"; readonly parts: readonly Term[] }
  | { readonly kind: "block" };

/** Carriers that are compared with each other, by what. */
export interface Group {
  readonly by: "cost" | "quality" | "order" | "block";
  readonly carriers: readonly string[];
  /** The same, those of earlier groups included. */
  readonly named: readonly string[];
}

/** @param all names that `*` stands for. */
export function readStrategy(text: string, all: readonly string[]): Term {
  const words = text.match(/[a-z0-9-]+|[()*:,]/g) ?? [];
  let at = 0;
  const take = (wanted?: string): string => {
    const word = words[at];
    assert(word !== undefined && (wanted === undefined || word === wanted), text);
    at += 1;
    return word;
  };

  function readChain(): Term {
    const parts = [readTerm()];
    while (words[at] === "else") {
      take("else");
      parts.push(readTerm());
    }
    return parts.length === 1 ? parts[0]! : { kind: "else", parts };
  }

  function readTerm(): Term {
    if (words[at] === "(") {
      take("(");
      const inner = readChain();
      take(")");
      return inner;
    }
    const kind = take();
    if (kind === "block") return { kind };
    assert(kind === "cost" || kind === "quality" || kind === "priority" || kind === "weight", text);
    take("(");
    const parts: Term[] = [];
    const weights: number[] = [];
    for (;;) {
      parts.push(readPart());
      if (words[at] === ":") {
        take(":");
        weights.push(Number(take()));
      }
      if (take() === ")") break;
    }
    if (kind === "weight") return { kind, parts, weights };
    if (kind === "priority") return { kind, parts };
    const carriers = parts.flatMap((part) => (part.kind === "order" ? part.carriers : []));
    return { kind, carriers };
  }

  /** A name is a list of itself. */
  function readPart(): Term {
    const word = words[at]!;
    if (words[at + 1] === "(" || word === "(") return readTerm();
    take();
    return { kind: "order", carriers: word === "*" ? all : [word] };
  }

  const term = readChain();
  assert(at === words.length, text);
  return term;
}

/** In which order the parts of the weights of a tree are drawn, one after another. */
export type Draw = (parts: number, weights: readonly number[]) => readonly number[];

/** Groups in order; a carrier is in the first that names it. */
export function groupsOf(term: Term, draw: Draw): Group[] {
  const seen = new Set<string>();
  return flatten(term, draw).map(({ by, carriers }) => {
    const fresh = carriers.filter((name) => !seen.has(name));
    for (const name of fresh) seen.add(name);
    return { by, carriers: fresh, named: carriers };
  });
}

function flatten(term: Term, draw: Draw): Pick<Group, "by" | "carriers">[] {
  switch (term.kind) {
    case "cost":
    case "quality":
    case "order":
      return [{ by: term.kind, carriers: term.carriers }];
    case "block":
      return [{ by: "block", carriers: [] }];
    case "weight":
      return draw(term.parts.length, term.weights).flatMap((part) =>
        flatten(term.parts[part]!, draw),
      );
    case "priority":
    case "else":
      return term.parts.flatMap((part) => flatten(part, draw));
  }
}
