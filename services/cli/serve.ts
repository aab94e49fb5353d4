/** `floe serve <role...>`: runs roles in this process until a signal ends it. */
import { Argument, type Command } from "commander";
import { letHeapGrow } from "../../core/heap.js";
import type { Serve } from "../../core/host.js";
import { bold, print, table } from "../../core/output.js";
import { openHost } from "./host.js";
import { allSettings, isRole, ROLE_NAMES, ROLES } from "./roles.js";

export function addServe(program: Command): void {
  const roles = ROLE_NAMES.map((name) => `  ${name.padEnd(10)} ${ROLES[name].help}`).join("\n");
  program
    .command("serve")
    .description("run one or more roles in this process; settings come from the environment")
    .addArgument(new Argument("<role...>", "what to run").choices(ROLE_NAMES))
    .option("--settings", "print the settings of these roles and leave")
    .addHelpText("after", `\nRoles:\n${roles}\n\nSIGTERM drains and stops.`)
    .action((names: string[], options: { settings?: boolean }) =>
      options.settings === true ? printSettings(names) : serve(names),
    );
}

async function serve(names: readonly string[]): Promise<void> {
  const unique = [...new Set(names)].filter(isRole);
  const tables = Object.values(await allSettings());
  const { start, host } = await openHost({ roles: unique, tables });
  host.lifecycle.onStop("heap", letHeapGrow(host.clock));
  // State after an unforeseen error is unknown: leave at once, the stream redelivers.
  process.on("uncaughtException", (err) => {
    host.log("host").fatal({ err }, "unforeseen error");
    process.exit(1);
  });
  // A supervisor that was killed cannot stop us: its end closes the channel it started us with.
  if (process.connected) {
    process.once("disconnect", () => {
      host.lifecycle.stop("the supervisor is gone").then(
        () => process.exit(1),
        () => process.exit(1),
      );
    });
  }
  const serves: Serve[] = [];
  for (const name of unique) serves.push((await ROLES[name].main()).serve);
  try {
    await start(serves);
  } catch {
    // Logged and stopped by the host; what a half-started role left open must not keep us.
    process.exit(1);
  }
}

async function printSettings(names: readonly string[]): Promise<void> {
  for (const [owner, settings] of Object.entries(await allSettings())) {
    if (isRole(owner) && !names.includes(owner)) continue;
    if (owner === "floe") continue;
    print(bold(owner));
    const rows = Object.values(settings).map(({ name, help, schema }) => {
      const absent = schema.safeParse(undefined);
      return [name, absent.success ? String(absent.data) : "required", help];
    });
    print(`${table(["setting", "default", "meaning"], rows)}\n`);
  }
}
