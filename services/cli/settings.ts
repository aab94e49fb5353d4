/** Settings of the `floe` command and of the local start: where its system is, and how it asks. */
import { choice, optional, type SettingsTable, text } from "../../core/settings.js";

export const CLI_SETTINGS = {
  home: text("FLOE_HOME", "Folder of the local system: its state and local.json.", ".floe"),
  key: optional("FLOE_KEY", "API key for calls; empty: that of the local system."),
  natsServer: optional("FLOE_NATS_SERVER", "nats-server to use locally; empty: find or fetch one."),
  sync: choice(
    "FLOE_SYNC",
    ["os", "disk"],
    "What the local streams survive: os, the end of a process; disk, a power cut too, at a price.",
  ),
} satisfies SettingsTable;

/** Names that are for `floe` alone: what it starts must not be given them. */
export const CLI_ONLY = Object.values(CLI_SETTINGS).map(({ name }) => name);
