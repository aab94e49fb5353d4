/** Problems: what is wrong with fields of a request, as google.rpc.BadRequest tells it. */
import { status } from "@grpc/grpc-js";
import type { FieldProblem } from "../../core/entities.js";
import { type Refusal, refuse, type Violation } from "../../core/grpc/refuse.js";
import { joined } from "./call.js";

export interface Problems {
  /** @param field path as .proto spells it, below the entity: "min_margin". */
  add(field: string, description: string): void;
  readonly found: readonly Violation[];
}

/** @param root field of the request that holds the entity. */
export function openProblems(root: string): Problems {
  const found: Violation[] = [];
  return {
    found,
    add(field, description) {
      const path = field === "" ? root : `${root}.${field}`;
      // One for each field: what a wrong value entails is no news.
      if (found.some((one) => one.field === path)) return;
      found.push({ field: path, description, reason: "INVALID" });
    },
  };
}

const VIOLATIONS_CHARACTERS_MAX = 1_500;

export function invalid(violations: readonly Violation[]): Refusal {
  const text = joined(violations.map(({ field, description }) => `${field} ${description}`));
  let room = VIOLATIONS_CHARACTERS_MAX;
  const shown = violations.filter(({ field, description }) => {
    room -= field.length + description.length + 20;
    return room > 0;
  });
  return refuse(status.INVALID_ARGUMENT, "INVALID", `${text}.`, { violations: shown });
}

/** Path of a stored value as .proto spells it: `countries.GB`, `registered[2].sender`. */
export function fieldOf({ path }: FieldProblem, names: Readonly<Record<string, string>>): string {
  return path
    .map((part, at) => {
      if (typeof part === "number") return `[${part}]`;
      const name = names[part] ?? part.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
      return at === 0 ? name : `.${at === 1 && /^[A-Z]{2}$/.test(part) ? part : name}`;
    })
    .join("");
}
