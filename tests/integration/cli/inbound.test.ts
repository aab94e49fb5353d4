/** `floe numbers`, `inbound`, `suppressions`, `receipts`: on a local system, as an operator uses them. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { until, withLocal } from "../local/with-local.js";

const FLOE = fileURLToPath(new URL("../../../services/cli/main.js", import.meta.url));
const run = promisify(execFile);
const operator = suite("floe: what comes from phones");
const PHONE = "447700900123";
const OURS = "447786200111";

operator("numbers, messages, opt-outs and orphans", () =>
  withLocal(async ({ home, system }) => {
    const floe = async (...args: string[]): Promise<string> => {
      const { stdout } = await run(process.execPath, [FLOE, ...args, "--home", home]);
      return stdout;
    };
    const json = async (...args: string[]) => JSON.parse(await floe(...args, "--json"));
    const fails = async (...args: string[]): Promise<number> => {
      const failed = await floe(...args).then(
        () => ({ code: 0 }),
        (error: { code: number }) => error,
      );
      return failed.code;
    };
    await floe("numbers", "assign", `+${OURS}`, "--account", "1");
    await floe("numbers", "assign", "447786201000-447786201999", "--account", "1");
    await floe("numbers", "assign", "12345", "--account", "1", "--keyword", "pizza");
    assert.is(await fails("numbers", "assign", "12345", "--account", "99"), 2);
    assert.is(await fails("numbers", "assign", "12", "--account", "1"), 2);
    const assigned = await json("numbers", "list", "--account", "1");
    assert.equal(
      assigned.map((one: { from: string; keyword: string }) => [one.from, one.keyword]),
      [
        ["12345", "PIZZA"],
        [OURS, ""],
        ["447786201000", ""],
      ],
    );
    await floe("numbers", "release", "12345", "--keyword", "Pizza");
    assert.is(await fails("numbers", "release", "12345", "--keyword", "Pizza"), 2);
    assert.is((await json("numbers", "list")).length, 2);

    const control = `http://127.0.0.1:${system().carriers[0]!.control}`;
    for (const text of ["Hello there", "STOP"]) {
      const query = new URLSearchParams({ from: PHONE, to: OURS, text });
      await fetch(`${control}/mo?${query}`, { method: "POST" });
    }
    const listed = await until(
      () => json("inbound", "list", "--reveal"),
      (rows: unknown[]) => rows.length === 2,
    );
    const told = (listed as { from: string; text: string; action: string; account: number }[])
      .map(({ from, text, action, account }) => [from, text, action, account])
      .sort();
    assert.equal(told, [
      [PHONE, "Hello there", "", 1],
      [PHONE, "STOP", "STOP", 1],
    ]);
    // Without being asked for it says neither number nor text.
    assert.not.match(await floe("inbound", "list"), new RegExp(`${PHONE}|Hello`));
    const [kept] = await json("suppressions", "list", "--account", "1");
    assert.equal([kept.sender, kept.state, kept.by], [OURS, "stopped", "phone"]);

    await floe("suppressions", "start", PHONE, "--account", "1", "--sender", OURS);
    await floe("suppressions", "stop", PHONE, "--account", "1");
    await floe("suppressions", "settings", "--account", "1", "--authentication", "on");
    const after = await json("suppressions", "list");
    assert.equal(
      after.map((one: { sender: string; state: string }) => [one.sender, one.state]).sort(),
      [
        ["", "stopped"],
        [OURS, "started"],
      ],
    );
    assert.is(await fails("suppressions", "stop", "nobody", "--account", "1"), 2);
    assert.equal(await json("receipts", "orphans"), { counts: {}, orphans: [] });
  }),
);

operator.run();
