/** Whole numbers of flags. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { isFloeError } from "../../../core/errors.js";
import { wholeOf } from "../../../services/cli/whole.js";

const whole = suite("whole numbers of flags");

whole("are read within their bounds", () => {
  assert.is(wholeOf("0", "--limit"), 0);
  assert.is(wholeOf("4294967295", "account", 1), 2 ** 32 - 1);
  assert.is(wholeOf("9007199254740991", "x", 1, Number.MAX_SAFE_INTEGER), 2 ** 53 - 1);
});

whole("are told by their name where they are none", () => {
  for (const text of ["0", "4294967296", "-1", "1.5", "1e3", " 1", "", "0x1", "9".repeat(30)]) {
    try {
      wholeOf(text, "account", 1);
      assert.unreachable(text);
    } catch (error) {
      assert.ok(isFloeError(error, "settings.invalid"), text);
      assert.equal(error.details["problems"], [
        "account must be a whole number from 1 to 4294967295.",
      ]);
    }
  }
});

whole.run();
