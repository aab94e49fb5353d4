/**
 * Fail-back: while a session is bound on a later host of its carrier, looks whether an earlier one
 * can be connected to again, and says when it is to be gone back to (hosts.ts says when that is).
 */
import type { Clock } from "../../../core/clock.js";
import type { Hosts } from "./hosts.js";
import type { HostAndPort, Transport } from "./transport.js";

export interface FailBackOptions {
  readonly clock: Clock;
  readonly hosts: Hosts;
  readonly transport: Transport;
  /** True: this session may leave its host now, no other of the carrier is on its way. */
  mayMove(): boolean;
  move(to: HostAndPort): void;
}

export interface FailBack {
  /** The session is bound. */
  start(): void;
  /** It is not any more. */
  stop(): void;
}

const PROBE_EVERY_MS = 15_000;

export function openFailBack(options: FailBackOptions): FailBack {
  const { clock, hosts, transport } = options;
  let cancel = (): void => {};
  let turn = 0;

  async function probe(mine: number): Promise<void> {
    // The first that is good is best: those behind it need no probe.
    for (const host of hosts.before()) {
      const isGood = await transport.probe(host, clock);
      if (mine !== turn) return;
      const isDue = hosts.probed(host, isGood, clock.monotonicMs());
      if (isDue && options.mayMove()) {
        options.move(host);
        return;
      }
      if (isGood) break;
    }
    later(mine);
  }

  function later(mine: number): void {
    cancel = clock.after(PROBE_EVERY_MS, () => void probe(mine));
  }

  function stop(): void {
    turn += 1;
    cancel();
  }

  return {
    start() {
      stop();
      if (hosts.before().length > 0) later(turn);
    },
    stop,
  };
}
