/**
 * Rules: options by prefix of the recipient, the longest prefix counts. What a rule does not name is
 * as it is for all, also when that changes later.
 */
import { type CarrierOptions, setOption } from "./options.js";

export interface Rules {
  isEmpty(): boolean;
  /** Options for the recipient whose digits are `bytes[from, end)`. */
  optionsOf(bytes: Uint8Array, from: number, end: number): CarrierOptions;
  /** Replaces all. @throws Error with a sentence for the user; the rules are then as they were. */
  set(rules: unknown): void;
  /** As they were given. */
  list(): readonly unknown[];
}

/** These are of the carrier or of a session, not of a message. */
const NOT_BY_PREFIX = new Set([
  ...["parts-per-second", "throttle-with", "window", "binds", "bind-refused", "bind-refuse-with"],
  ...["flap-ms", "flap", "half-open-ms", "track"],
]);

interface Rule {
  readonly digits: Buffer;
  readonly options: CarrierOptions;
}

export function newRules(options: CarrierOptions): Rules {
  let rules: readonly Rule[] = [];
  let given: readonly unknown[] = [];
  return {
    isEmpty: () => rules.length === 0,
    optionsOf(bytes, from, end) {
      for (const { digits, options: own } of rules) {
        let index = 0;
        while (index < digits.length && bytes[from + index] === digits[index]) index += 1;
        if (index === digits.length && from + index <= end) return own;
      }
      return options;
    },
    set(wanted) {
      if (!Array.isArray(wanted)) throw new Error("rules are a list of objects");
      const parsed = wanted.map((rule, index) => ruleOf(rule, index, options));
      rules = parsed.sort((a, b) => b.digits.length - a.digits.length);
      given = wanted;
    },
    list: () => given,
  };
}

function ruleOf(rule: unknown, index: number, options: CarrierOptions): Rule {
  const where = `rule ${index + 1}`;
  if (typeof rule !== "object" || rule === null) throw new Error(`${where} is no object`);
  const { prefix, ...settings } = rule as Record<string, unknown>;
  if (typeof prefix !== "string" || !/^\d{1,20}$/.test(prefix)) {
    throw new Error(`${where} has no prefix of digits`);
  }
  const own: Partial<CarrierOptions> = {};
  for (const [name, value] of Object.entries(settings)) {
    if (NOT_BY_PREFIX.has(name)) throw new Error(`${where}: ${name} cannot be set by prefix`);
    setOption(own, name, Array.isArray(value) ? value.join(",") : String(value));
  }
  // The prototype: what is set for all later is seen through it.
  return {
    digits: Buffer.from(prefix, "latin1"),
    options: Object.assign(Object.create(options), own) as CarrierOptions,
  };
}
