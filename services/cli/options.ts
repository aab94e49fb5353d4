/** Options that several commands share, and the settings behind them. */
import { Option } from "commander";
import { type Environment, loadSettings, type Settings } from "../../core/settings.js";
import { allSettings } from "./roles.js";
import { CLI_SETTINGS } from "./settings.js";

export const homeOption = () =>
  new Option("--home <folder>", "folder of the local system (default: FLOE_HOME or .floe)");
export const jsonOption = () => new Option("--json", "print JSON");

/** The settings of `floe`, home and key overridden by flags. */
export async function cliSettings(
  flags: { home?: string; key?: string },
  environment?: Environment,
): Promise<Settings<typeof CLI_SETTINGS>> {
  const tables = Object.values(await allSettings());
  const settings = loadSettings(CLI_SETTINGS, tables, environment);
  return { ...settings, home: flags.home ?? settings.home, key: flags.key ?? settings.key };
}
