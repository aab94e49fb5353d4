/**
 * Child: one process of the local system, started, heard and ended.
 *
 * Children speak one JSON line an event on standard output. `{"msg":"listening","service","port"}`,
 * there or on the channel that node opens between processes, says where a part can be reached. Each
 * has a process group of its own, so that Ctrl-C reaches the supervisor alone and the order of
 * stopping is the supervisor's.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { type Clock, SYSTEM_CLOCK } from "../../core/clock.js";
import { FloeError } from "../../core/errors.js";

/** What a running part of the system is to whoever keeps it. */
export interface Running {
  readonly pid: number;
  /** How it ended, in words; never rejects. */
  readonly exited: Promise<string>;
  /** Harmless once it has ended. */
  signal(name: "SIGTERM" | "SIGKILL"): void;
  /** Asks it to stop, ends it by force after `graceMs`, and waits for its end. */
  stop(graceMs: number): Promise<void>;
}

export interface Child extends Running {
  /**
   * Where it has said that `service` listens.
   * @throws FloeError "local.failed" if it ends first, or says nothing within `waitMs`.
   */
  listening(service: string, waitMs?: number): Promise<Place>;
}

export interface Place {
  /** "" where the process has one service only. */
  readonly service: string;
  readonly port: number;
  /** Port of a carrier simulator's control interface; 0: none. */
  readonly control: number;
}

export interface ChildOptions {
  readonly role: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  /** Each line that it prints, on either output. */
  line(text: string): void;
  /** Told of it at once. */
  born(child: Child): void;
}

const LISTENING_MS_MAX = 60_000;
/** A line beyond this is cut: a bound on what a mad child can make us hold. */
const LINE_CHARACTERS_MAX = 16_384;

export function startChild(options: ChildOptions, clock: Clock = SYSTEM_CLOCK): Child {
  const { role, command, args, env, cwd } = options;
  // The fourth channel tells a role by its closing that its supervisor is gone (services/cli).
  const child = spawn(command, args, {
    env,
    detached: true,
    stdio: ["ignore", "pipe", "pipe", "ipc"],
    ...(cwd === undefined ? {} : { cwd }),
  });
  const places = new Map<string, Place>();
  let heard: (() => void)[] = [];
  const note = (place: Place | undefined): void => {
    if (place === undefined) return;
    places.set(place.service, place);
    for (const wake of heard) wake();
    heard = [];
  };
  const hear = (text: string): void => {
    const line = text.slice(0, LINE_CHARACTERS_MAX);
    if (line.includes('"listening"')) note(listeningIn(line));
    options.line(line);
  };
  child.on("message", (message) => note(placeIn(message)));
  eachLine(child.stdout, hear);
  eachLine(child.stderr, hear);
  const exited = untilExit(child);

  const running: Child = {
    pid: child.pid ?? 0,
    exited,
    signal: (name) => void child.kill(name),
    stop: (graceMs) => endProcess(child, exited, graceMs, clock),
    async listening(service, waitMs = LISTENING_MS_MAX) {
      const failed = exited.then((how) => failure(role, how));
      const late = failure(role, `does not listen after ${waitMs / 1_000} s`);
      let cancel = (): void => {};
      const timeout = new Promise<FloeError>((resolve) => {
        cancel = clock.after(waitMs, () => resolve(late));
      });
      try {
        for (;;) {
          const place = places.get(service);
          if (place !== undefined) return place;
          const said = new Promise<undefined>((resolve) => heard.push(() => resolve(undefined)));
          const ended = await Promise.race([said, failed, timeout]);
          if (ended !== undefined) throw ended;
        }
      } finally {
        cancel();
      }
    },
  };
  options.born(running);
  return running;
}

function failure(role: string, how: string): FloeError {
  return new FloeError("local.failed", { role, problem: `${role} ${how}.` });
}

function untilExit(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once("error", (error) => resolve(`cannot be started (${error.message})`));
    child.once("exit", (code, signal) =>
      resolve(signal === null ? `ended with code ${code}` : `was ended by ${signal}`),
    );
  });
}

/** SIGTERM, then SIGKILL; by the handle, so that a pid used again by another is never hit. */
async function endProcess(
  child: ChildProcess,
  exited: Promise<string>,
  graceMs: number,
  clock: Clock,
): Promise<void> {
  child.kill("SIGTERM");
  const cancel = clock.after(graceMs, () => child.kill("SIGKILL"));
  await exited;
  cancel();
  if (child.connected) child.disconnect();
}

function eachLine(stream: Readable | null, take: (line: string) => void): void {
  if (stream !== null) createInterface({ input: stream }).on("line", take);
}

function listeningIn(line: string): Place | undefined {
  try {
    return placeIn(JSON.parse(line));
  } catch {
    // Not JSON: some other line that holds the word.
    return undefined;
  }
}

/** Where a part listens, if that is what it says. */
function placeIn(said: unknown): Place | undefined {
  if (typeof said !== "object" || said === null) return undefined;
  const { msg, service, port, control } = said as Record<string, unknown>;
  if (msg !== "listening" || typeof port !== "number") return undefined;
  return {
    service: typeof service === "string" ? service : "",
    port,
    control: typeof control === "number" ? control : 0,
  };
}
