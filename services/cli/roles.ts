/**
 * Roles: what `floe serve` can run. The only place that knows all services; a role's code is loaded
 * when it is asked for, so that a connector does not load gRPC.
 */
import { COMMON_SETTINGS, type Serve } from "../../core/host.js";
import type { SettingsTable } from "../../core/settings.js";
import { CLI_SETTINGS } from "./settings.js";

export const ROLES = {
  gateway: {
    help: "takes messages over gRPC",
    main: () => import("../gateway/main.js"),
    settings: () => import("../gateway/settings.js"),
  },
  dispatch: {
    help: "routes, rates, decides and dispatches",
    main: () => import("../dispatch/main.js"),
    settings: () => import("../dispatch/settings.js"),
  },
  connector: {
    help: "submits to carriers and takes their receipts",
    main: () => import("../connectors/main.js"),
    settings: () => import("../connectors/settings.js"),
  },
  cdr: {
    help: "writes call detail records into ClickHouse",
    main: () => import("../cdr/main.js"),
    settings: () => import("../cdr/settings.js"),
  },
  receipts: {
    help: "places receipts of old messages, takes messages from phones",
    main: () => import("../receipts/main.js"),
    settings: () => import("../receipts/settings.js"),
  },
  admin: {
    help: "takes what operators configure over gRPC, and makes table sets of it",
    main: () => import("../admin/main.js"),
    settings: () => import("../admin/settings.js"),
  },
} as const satisfies Record<string, Role>;
export type RoleName = keyof typeof ROLES;

interface Role {
  readonly help: string;
  main(): Promise<{ serve: Serve }>;
  settings(): Promise<object>;
}

export const ROLE_NAMES = Object.keys(ROLES) as RoleName[];

export function isRole(name: string): name is RoleName {
  return Object.hasOwn(ROLES, name);
}

/** The settings that `floe` itself, every role, and all of them together know, by owner. */
export async function allSettings(): Promise<Record<string, SettingsTable>> {
  const found: Record<string, SettingsTable> = {
    floe: CLI_SETTINGS,
    "every role": COMMON_SETTINGS,
  };
  for (const name of ROLE_NAMES) found[name] = settingsIn(await ROLES[name].settings());
  return found;
}

/** What a settings module exports as tables, put together. */
function settingsIn(module: object): SettingsTable {
  const tables = Object.values(module).filter(isSettingsTable);
  return Object.assign({}, ...tables) as SettingsTable;
}

function isSettingsTable(value: unknown): value is SettingsTable {
  if (typeof value !== "object" || value === null) return false;
  const settings = Object.values(value) as { name?: unknown; schema?: unknown }[];
  return (
    settings.length > 0 &&
    settings.every((one) => typeof one?.name === "string" && one.name.startsWith("FLOE_"))
  );
}
