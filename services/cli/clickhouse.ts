/** `floe clickhouse "SELECT ..."`: asks the local system's ClickHouse and prints what it answers. */
import type { Command } from "commander";
import { FloeError } from "../../core/errors.js";
import { printRaw } from "../../core/output.js";
import { requireLocal, splitUrl } from "./local-system.js";
import { cliSettings, homeOption, jsonOption } from "./options.js";

interface Flags {
  home?: string;
  json?: boolean;
  format?: string;
}

export function addClickhouse(program: Command): void {
  program
    .command("clickhouse")
    .description("run a query on the local system's ClickHouse")
    .argument("<query>", 'for example "SELECT state, count() FROM cdr GROUP BY state"')
    .addOption(homeOption())
    .addOption(jsonOption())
    .option("--format <name>", "any output format of ClickHouse", "PrettyCompactNoEscapes")
    .action(async (query: string, flags: Flags) => {
      const { home } = await cliSettings(flags);
      const format = flags.json === true ? "JSON" : (flags.format ?? "");
      printRaw(await ask(requireLocal(home).clickhouse, query, format));
    });
}

/**
 * What ClickHouse answers, in `format` unless the query names one.
 * @param base URL with user and password.
 * @throws FloeError "clickhouse.failed" with its own words, "clickhouse.unavailable".
 */
export async function ask(base: string, query: string, format: string): Promise<string> {
  const { url, user, password } = splitUrl(base);
  const target = new URL(url);
  target.searchParams.set("database", target.searchParams.get("database") ?? "floe");
  target.searchParams.set("default_format", format);
  const authorization = `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
  const response = await fetch(target, { method: "POST", body: query, headers: { authorization } })
    // The address is told, never the URL: it holds a password.
    .catch((cause: unknown) => {
      const problem = `ClickHouse does not answer at ${target.host}.`;
      throw new FloeError("clickhouse.unavailable", { problem }, cause);
    });
  const answer = await response.text();
  if (response.ok) return answer;
  throw new FloeError("clickhouse.failed", { problem: answer.trim() });
}
