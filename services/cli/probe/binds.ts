/**
 * Binds of the probe: to each host once, then as many sessions as the profile says (or as it may
 * take of a running system), until the carrier allows no more.
 */
import type { CarrierConfig } from "../../../core/configuration.js";
import { STATUS, statusName } from "../../connectors/smpp/status.js";
import type { Asked, TlsFacts, Wire } from "./wire.js";

export interface HostResult {
  readonly host: string;
  readonly port: number;
  /** Why there is no session; "": there is. */
  readonly problem: string;
  /** command_status of the bind; 0 where it was taken or none came. */
  readonly status: number;
  readonly connectMs: number;
  readonly bindMs: number;
  readonly tls: TlsFacts | undefined;
  /** system_id of the carrier, and its sc_interface_version ("0x34"); "": not told. */
  readonly systemId: string;
  readonly version: string;
}

export interface Opened {
  /** What submits, one for each bind. */
  readonly submitters: readonly Wire[];
  readonly all: readonly Wire[];
  /** Why the next one was not bound; "": all that were asked for are. */
  readonly problem: string;
  readonly status: number;
}

export interface BindTools {
  readonly config: CarrierConfig;
  open(host: string, port: number): Promise<Wire>;
}

type Mode = "transceiver" | "transmitter" | "receiver";

const VERSIONS = { "3.4": 0x34, "5.0": 0x50 } as const;

function bindOf(config: CarrierConfig, mode: Mode): Record<string, unknown> {
  return {
    command: `bind_${mode}`,
    system_id: config.systemId,
    password: config.password,
    system_type: config.systemType,
    interface_version: VERSIONS[config.version ?? "3.4"],
  };
}

function modesOf({ bind }: CarrierConfig): readonly Mode[] {
  return bind === "transceiver" ? ["transceiver"] : ["transmitter", "receiver"];
}

function problemOf(asked: Asked): string {
  if (asked.kind === "none") return asked.reason;
  return asked.status === 0 ? "" : statusName(asked.status);
}

/** Connects, looks at the certificate, binds one session and leaves again. */
export async function tryHost(
  tools: BindTools,
  { host, port }: { host: string; port: number },
): Promise<HostResult> {
  const none = {
    ...{ host, port, status: 0, connectMs: 0, bindMs: 0, tls: undefined },
    ...{ systemId: "", version: "" },
  };
  let wire: Wire;
  try {
    wire = await tools.open(host, port);
  } catch (error) {
    return { ...none, problem: (error as Error).message };
  }
  const { connectMs, tls } = wire;
  try {
    if (tls !== undefined && tls.problem !== "") {
      // No password to whom is not who he says.
      return { ...none, connectMs, tls, problem: `certificate: ${tls.problem}` };
    }
    const asked = await wire.ask(bindOf(tools.config, modesOf(tools.config)[0]!));
    const problem = problemOf(asked);
    if (asked.kind === "none") return { ...none, connectMs, tls, problem };
    const { pdu, status, tookMs } = asked;
    const version = pdu.tlvs["sc_interface_version"];
    return {
      ...{ host, port, problem, status, connectMs, bindMs: tookMs, tls },
      systemId: String(pdu["system_id"] ?? ""),
      version: typeof version === "number" ? `0x${version.toString(16)}` : "",
    };
  } finally {
    await wire.leave();
  }
}

/** @param count of sessions, or pairs of them. */
export async function openBinds(
  tools: BindTools,
  { host, port }: { host: string; port: number },
  count: number,
): Promise<Opened> {
  const submitters: Wire[] = [];
  const all: Wire[] = [];
  let [problem, status] = ["", 0];
  for (let bind = 0; bind < count && problem === ""; bind += 1) {
    const pair: Wire[] = [];
    for (const mode of modesOf(tools.config)) {
      const wire = await tools.open(host, port).catch((error: Error) => error);
      if (wire instanceof Error) {
        problem = wire.message;
        break;
      }
      const asked = await wire.ask(bindOf(tools.config, mode));
      problem = problemOf(asked);
      if (problem !== "") {
        status = asked.kind === "answer" ? asked.status : 0;
        await wire.leave();
        break;
      }
      pair.push(wire);
    }
    if (problem === "") {
      submitters.push(pair[0]!);
      all.push(...pair);
    } else await Promise.all(pair.map((wire) => wire.leave()));
  }
  return { submitters, all, problem, status };
}

export function isTooMany(status: number): boolean {
  return status === STATUS.RALYBND || status === STATUS.RBINDFAIL;
}

/** Round trips of enquire_link, one after the other. */
export async function measureLink(wire: Wire, count: number): Promise<number[]> {
  const tooks: number[] = [];
  for (let index = 0; index < count; index += 1) {
    const asked = await wire.ask({ command: "enquire_link" });
    if (asked.kind === "none") break;
    tooks.push(asked.tookMs);
  }
  return tooks;
}
