/**
 * Patterns: the regular expressions of numbering plans, read into a tree.
 *
 * In: the subset that libphonenumber's metadata uses: digits, `\d`, classes, groups, alternation,
 * `?`, `{n}`, `{n,m}`, and `$` at the end of an alternative. Out: a tree, from which automaton.ts
 * makes states, and the texts that a small pattern matches, in the order it would try them.
 * Anything else is an error, so that new metadata cannot be misread.
 */

export type Pattern =
  | { readonly kind: "digit" /** Bit 0 for digit 0, to bit 9. */; readonly mask: number }
  | { readonly kind: "sequence"; readonly parts: readonly Pattern[] }
  | { readonly kind: "choice"; readonly options: readonly Pattern[] }
  | {
      readonly kind: "repeat";
      readonly part: Pattern;
      readonly min: number;
      readonly max: number;
    }
  | { readonly kind: "end" };

const ANY_DIGIT = 0x3ff;

/** @throws Error if the pattern uses more than the subset. */
export function parsePattern(source: string): Pattern {
  let at = 0;
  const pattern = parseChoice();
  if (at !== source.length) fail();
  return pattern;

  function parseChoice(): Pattern {
    const options = [parseSequence()];
    while (source[at] === "|") {
      at += 1;
      options.push(parseSequence());
    }
    return options.length === 1 ? options[0]! : { kind: "choice", options };
  }

  function parseSequence(): Pattern {
    const parts: Pattern[] = [];
    while (at < source.length && source[at] !== "|" && source[at] !== ")") {
      parts.push(parseQuantifier(parseAtom()));
    }
    return { kind: "sequence", parts };
  }

  function parseAtom(): Pattern {
    const start = source[at]!;
    at += 1;
    if (start >= "0" && start <= "9") return { kind: "digit", mask: 1 << Number(start) };
    if (start === "$") return { kind: "end" };
    if (start === "\\" && source[at] === "d") {
      at += 1;
      return { kind: "digit", mask: ANY_DIGIT };
    }
    if (start === "[") return { kind: "digit", mask: parseClass() };
    if (start !== "(") return fail();
    if (source.startsWith("?:", at)) at += 2;
    else if (source[at] === "?") return fail();
    const inner = parseChoice();
    if (source[at] !== ")") return fail();
    at += 1;
    return inner;
  }

  function parseClass(): number {
    let mask = 0;
    while (source[at] !== "]") {
      const first = digitHere();
      let last = first;
      if (source[at] === "-") {
        at += 1;
        last = digitHere();
      }
      for (let digit = first; digit <= last; digit += 1) mask |= 1 << digit;
    }
    at += 1;
    return mask;
  }

  function digitHere(): number {
    const character = source[at] ?? "";
    if (!/^\d$/.test(character)) fail();
    at += 1;
    return Number(character);
  }

  function parseQuantifier(part: Pattern): Pattern {
    if (source[at] === "?") {
      at += 1;
      return { kind: "repeat", part, min: 0, max: 1 };
    }
    if (source[at] !== "{") return part;
    const bounds = /^\{(\d+)(?:,(\d+))?\}/.exec(source.slice(at));
    if (bounds === null) return fail();
    at += bounds[0].length;
    const min = Number(bounds[1]);
    return { kind: "repeat", part, min, max: Number(bounds[2] ?? min) };
  }

  function fail(): never {
    throw new Error(`Pattern not understood at ${at}: ${source}`);
  }
}

/**
 * The texts that `pattern` matches at the beginning of a text, in the order in which a backtracking
 * matcher tries them: the first that fits is its match. `undefined` if there are more than `max`,
 * or if it asks for the end of the text.
 */
export function textsOf(pattern: Pattern, max: number): readonly string[] | undefined {
  switch (pattern.kind) {
    case "end":
      return undefined;
    case "digit":
      return [..."0123456789"].filter((digit) => pattern.mask & (1 << Number(digit)));
    case "sequence":
      return pattern.parts.reduce<readonly string[] | undefined>(
        (texts, part) => followed(texts, textsOf(part, max), max),
        [""],
      );
    case "choice": {
      const options = pattern.options.map((option) => textsOf(option, max));
      return options.some((texts) => texts === undefined)
        ? undefined
        : bounded(
            options.flatMap((texts) => texts ?? []),
            max,
          );
    }
    case "repeat": {
      let texts: readonly string[] | undefined = [""];
      const part = textsOf(pattern.part, max);
      for (let count = 0; count < pattern.max; count += 1) {
        const optional = count >= pattern.min;
        // Greedy: with one more first, then without.
        texts = followed(texts, optional && part !== undefined ? [...part, ""] : part, max);
      }
      return texts;
    }
  }
}

function followed(
  heads: readonly string[] | undefined,
  tails: readonly string[] | undefined,
  max: number,
): readonly string[] | undefined {
  if (heads === undefined || tails === undefined) return undefined;
  return bounded(
    heads.flatMap((head) => tails.map((tail) => head + tail)),
    max,
  );
}

function bounded(texts: readonly string[], max: number): readonly string[] | undefined {
  return texts.length > max ? undefined : texts;
}
