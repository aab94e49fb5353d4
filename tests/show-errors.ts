/**
 * Show errors: closes a trap of uvu 0.5.6, loaded before it by run.ts.
 *
 * uvu takes `details` of a thrown error for a text and splits it into lines. Those of a FloeError
 * are an object, so uvu itself throws there, prints nothing and skips the rest of the suite. In the
 * test process alone every object can therefore be split: into its one description.
 */
import { inspect } from "node:util";

Object.defineProperty(Object.prototype, "split", {
  value(this: unknown) {
    return [inspect(this)];
  },
  enumerable: false,
  configurable: true,
  writable: true,
});
