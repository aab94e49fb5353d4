/** nats-server as a part of the local system: how it is ended, and which of its lines are of interest. */
import type { Running } from "./child.js";
import type { NatsServer } from "./nats-server.js";
import type { PartContext } from "./running-parts.js";

export function runningNats(server: NatsServer, { born }: PartContext): Running {
  const running: Running = {
    pid: server.pid,
    exited: server.exited,
    signal: (name) => void (name === "SIGKILL" ? server.kill() : server.stop()),
    stop: server.stop,
  };
  born(running);
  return running;
}

/**
 * Its banner is forty lines; only warnings and errors are for people who look at a whole system. That
 * the password stands in its configuration file is known: the file is its owner's alone.
 */
export function natsLines(line: (text: string) => void): (text: string) => void {
  return (text) => {
    const said = /^\[\d+\] \S+ \S+ \[(WRN|ERR|FTL)\] (.*)$/.exec(text);
    if (said === null || said[2]?.startsWith("Plaintext passwords")) return;
    const level = said[1] === "WRN" ? "warn" : "error";
    line(JSON.stringify({ level, msg: said[2] }));
  };
}
