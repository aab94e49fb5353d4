/**
 * Run of the probe: hosts, binds, round trips, submits, then the wait for receipts. What fails ends
 * what depends on it and nothing else, so that the findings say all that could be learned.
 */
import { type Clock, sleep } from "../../../core/clock.js";
import type { CarrierConfig } from "../../../core/configuration.js";
import { STATUS } from "../../connectors/smpp/status.js";
import {
  type BindTools,
  type HostResult,
  measureLink,
  type Opened,
  openBinds,
  tryHost,
} from "./binds.js";
import type { Results } from "./findings.js";
import { habitOf, type Received, readReceived, type Taken } from "./habit.js";
import { newMessageWriter } from "./messages.js";
import { runSubmits, type Submits } from "./submits.js";
import { openWire } from "./wire.js";

export interface ProbeOptions {
  readonly config: CarrierConfig;
  readonly clock: Clock;
  /** Binds that may be opened; `held`: those of the profile that a running system has. */
  readonly binds: number;
  readonly held: number;
  /** Undefined: nothing is sent. */
  readonly sending: Sending | undefined;
  /** Why not. */
  readonly unsent: string;
  readonly waitSeconds: number;
  progress(line: string): void;
}

export interface Sending {
  readonly from: string;
  readonly numbers: readonly string[];
  readonly tags: Readonly<Record<string, string>>;
  readonly messagesMax: number;
  readonly rateMax: number;
  readonly windowMax: number;
  readonly restMs: number;
}

const LINK_TIMES = 50;
const LOOK_MS = 100;
/** After all receipts came, those that come again are waited for as many rests. */
const RESTS_AFTER = 2;

export async function runProbe(options: ProbeOptions): Promise<Results> {
  const { config, clock, sending, progress } = options;
  const received: Received[] = [];
  const numbers = sending?.numbers ?? [];
  let [order, strangers] = [0, 0];
  const nextOrder = (): number => {
    order += 1;
    return order;
  };
  const tools: BindTools = {
    config,
    open: (host, port) =>
      openWire({
        ...{ host, port, tls: config.tls, responseMs: config.responseMs, clock, nextOrder },
        delivered(pdu, atMs, at) {
          const receipt = readReceived(pdu, numbers, atMs, at);
          if (receipt === undefined) strangers += 1;
          else received.push(receipt);
          return receipt === undefined ? STATUS.RX_T_APPN : STATUS.ROK;
        },
      }),
  };

  const hosts: HostResult[] = [];
  if (options.binds > 0) {
    for (const place of [config, ...(config.fallbackHosts ?? [])]) {
      progress(`host ${place.host}:${place.port}`);
      hosts.push(await tryHost(tools, place));
    }
  }
  const host = hosts.find(({ problem }) => problem === "");
  const none: Opened = { submitters: [], all: [], problem: "no host to bind to", status: 0 };
  const opened = host === undefined ? none : await openBinds(tools, host, options.binds);
  const bound = opened.submitters.length;
  progress(`${bound} of ${options.binds} bound`);
  let submits: Submits | undefined;
  let unsent = options.unsent;
  let linkMs: number[] = [];
  try {
    if (bound > 0) linkMs = await measureLink(opened.submitters[0]!, LINK_TIMES);
    if (bound > 0 && sending !== undefined) {
      submits = await runSubmits({
        ...sending,
        ...{ config, clock, progress, wires: opened.submitters },
        writer: newMessageWriter(config, sending.from, sending.tags),
      });
      await waitForReceipts(options, submits.taken, received, RESTS_AFTER * sending.restMs);
    } else if (bound === 0) unsent = "no session";
  } finally {
    await Promise.all(opened.all.map((wire) => wire.leave()));
  }
  const { problem, status } = opened;
  return {
    ...{ config, hosts, linkMs, submits, unsent, strangers },
    binds: { wanted: options.binds, bound, problem, status, held: options.held },
    habit: submits === undefined ? undefined : habitOf(submits.taken, received),
    waitedSeconds: options.waitSeconds,
  };
}

/** Until each part has its final receipt, or the time is over. */
async function waitForReceipts(
  { clock, waitSeconds, progress }: ProbeOptions,
  taken: readonly Taken[],
  received: readonly Received[],
  afterMs: number,
): Promise<void> {
  if (taken.length === 0) return;
  const untilMs = clock.monotonicMs() + waitSeconds * 1_000;
  progress(`waiting for receipts, up to ${waitSeconds} s`);
  while (clock.monotonicMs() < untilMs && habitOf(taken, received).confirmed < taken.length) {
    await sleep(clock, LOOK_MS);
  }
  const restMs = untilMs - clock.monotonicMs();
  if (restMs > 0) await sleep(clock, Math.min(afterMs, restMs));
}
