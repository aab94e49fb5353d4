/** A role's `serve` inside the test's own process, on a client of the test's. */
import { SYSTEM_CLOCK } from "../../core/clock.js";
import type { CommonSettings, Host, Serve } from "../../core/host.js";
import { SILENT } from "../../core/log.js";
import { loadSettings } from "../../core/settings.js";
import type { StreamClient } from "../../core/stream/stream.js";
import { until } from "../until.js";

export interface RoleOptions {
  /** Unique to this start, as a process's is. */
  readonly processId: string;
  readonly client: StreamClient;
  readonly common: Partial<CommonSettings>;
  /** The role's own settings, by their FLOE_ names. */
  readonly environment: Record<string, string>;
  /** Parts that tell whether they are ready, once all of them do; default 1. */
  readonly readyParts?: number;
}

/** Resolves when the role is ready. The result stops it; a repeat is harmless. */
export async function startRole(serve: Serve, options: RoleOptions): Promise<() => Promise<void>> {
  const parts: (() => Promise<void> | void)[] = [];
  const ready: (() => boolean)[] = [];
  let stopped: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    stopped ??= (async () => {
      for (const close of parts.reverse()) await close();
    })();
    return stopped;
  };
  const host: Partial<Host> = {
    processId: options.processId,
    clock: SYSTEM_CLOCK,
    lifecycle: {
      onStop: (_: string, close: () => Promise<void> | void) => void parts.push(close),
      stop,
      stopping: () => stopped !== undefined,
    },
    common: options.common as CommonSettings,
    log: () => SILENT,
    settings: (table) => loadSettings(table, [], options.environment),
    stream: async () => options.client,
    listening: () => {},
    readiness: (_, isReady) => void ready.push(isReady),
  };
  await serve(host as Host);
  await until(
    () => ready.length >= (options.readyParts ?? 1) && ready.every((one) => one()),
    "the role is ready",
  );
  return stop;
}
