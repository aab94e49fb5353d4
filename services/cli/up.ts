/** `floe up`: the local system, as `npm start` runs it. */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Command } from "commander";

const LOCAL_MAIN = fileURLToPath(new URL("../../deploy/local/main.js", import.meta.url));

export function addUp(program: Command): void {
  program
    .command("up")
    .description('start a whole system on this machine (what "npm start" does)')
    .helpOption(false)
    .argument("[flags...]", "as for npm start: --once, --empty, --fresh, --json, --help")
    .allowUnknownOption()
    .passThroughOptions()
    .action((flags: string[]) => up(flags));
}

/** A process of its own, so that its end is the end of everything that it started. */
function up(flags: readonly string[]): Promise<void> {
  const child = spawn(process.execPath, ["--enable-source-maps", LOCAL_MAIN, ...flags], {
    stdio: "inherit",
  });
  // The terminal gives Ctrl-C to both: the local start stops, and this process waits for it.
  process.on("SIGINT", () => {});
  process.on("SIGTERM", () => child.kill("SIGTERM"));
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => {
      process.exitCode = code ?? 1;
      resolve();
    });
  });
}
