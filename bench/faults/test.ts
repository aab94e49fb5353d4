/** Test: what a fault test is, and what it is given. */
import type { Chance } from "../../core/clock.js";
import type { Bounds } from "./checks.js";
import type { Customers } from "./customers.js";
import type { FaultSystem, SystemOptions } from "./system.js";

export interface FaultTest {
  /** "F3"; as /docs name it. */
  readonly id: string;
  readonly title: string;
  /** Part of the shorter form (`--ci`). */
  readonly ci?: true;
  /** It tests what is not built: it runs and fails, and that is told apart from other failures. */
  readonly knownToFail?: string;
  readonly system?: SystemOptions;
  /**
   * Load and faults. What it starts it awaits; faults that still hold when it returns are lifted.
   * @returns what it found wrong by itself, in sentences.
   */
  run(context: Context): Promise<readonly string[]>;
  /** Checks of `floe verify` that it breaks on purpose. */
  readonly tolerates?: readonly string[];
  /** Default: `boundOf` of checks.ts. */
  readonly bounds?: (context: Context) => Bounds;
}

export interface Context {
  readonly system: FaultSystem;
  readonly customers: Customers;
  /** Decides everything that is left to chance. */
  readonly chance: Chance;
  /** A short form: fewer messages and kills. */
  readonly short: boolean;
  /** Noted beside the result. */
  note(text: string): void;
}
