/** What tests of sessions share: a session that writes down what it tells, and time that runs fast. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type CarrierOptions, DEFAULTS } from "../../../bench/carrier/options.js";
import { openSmsc, type Smsc } from "../../../bench/carrier/smsc.js";
import { type Clock, SYSTEM_CLOCK } from "../../../core/clock.js";
import { SILENT } from "../../../core/log.js";
import { encodePdu, type Pdu } from "../../../services/connectors/smpp/pdu-object.js";
import {
  openSession,
  type Session,
  type SessionOptions,
} from "../../../services/connectors/smpp/session.js";
import { AUTHORITY } from "./certificates.js";

/** What a session has told, in the order in which it did. */
export interface Told {
  readonly up: number;
  readonly down: number;
  readonly answered: [ticket: number, status: number, id: string][];
  readonly late: [doubt: number, status: number, id: string][];
  readonly unexpected: number[];
  readonly doubted: [ticket: number, reason: string, doubt: number][];
  readonly refused: number[];
  readonly delivered: number[];
}

export interface ToldSession {
  readonly session: Session;
  readonly told: Told;
  submit(ticket: number): void;
}

export const SUBMIT: Pdu = {
  ...{ command: "submit_sm", status: 0, sequence: 1, serviceType: "", sourceTon: 5, sourceNpi: 0 },
  ...{ source: "Floe", destinationTon: 1, destinationNpi: 1, destination: "447700900123" },
  ...{ esmClass: 0, protocolId: 0, priority: 0, scheduleTime: "", validityPeriod: "" },
  ...{ registeredDelivery: 1, replaceIfPresent: 0, dataCoding: 0, defaultMessageId: 0 },
  ...{ content: Buffer.from("hi"), tlvs: [] },
};

/** @param mayMove whether it may go back to a better host. */
export function openTold(
  wanted: Pick<SessionOptions, "hosts"> & Partial<SessionOptions>,
  mayMove: () => boolean = () => true,
): ToldSession {
  const told = {
    ...{ up: 0, down: 0 },
    answered: [] as [number, number, string][],
    late: [] as [number, number, string][],
    refused: [] as number[],
    doubted: [] as [number, string, number][],
    unexpected: [] as number[],
    delivered: [] as number[],
  };
  const options: SessionOptions = {
    ...{ name: "peer.0", tls: undefined, version: "3.4", mode: "transceiver" },
    ...{ systemId: "floe", password: "secret", systemType: "", window: 10 },
    ...{ responseMs: 2_000, enquireLinkMs: 30_000, clock: SYSTEM_CLOCK, chance: () => 0 },
    log: SILENT,
    ...wanted,
  };
  const textIn = (bytes: Uint8Array, at: number, end: number): string =>
    Buffer.from(bytes.subarray(at, end)).toString();
  let doubts = 0;
  const session = openSession(options, {
    up() {
      told.up += 1;
    },
    down() {
      told.down += 1;
    },
    answered(ticket, _part, status, bytes, at, end) {
      told.answered.push([ticket, status, textIn(bytes, at, end)]);
    },
    late: (doubt, status, bytes, at, end) =>
      void told.late.push([doubt, status, textIn(bytes, at, end)]),
    unexpected: (status) => void told.unexpected.push(status),
    doubted: (ticket, _part, reason, doubt) => void told.doubted.push([ticket, reason, doubt]),
    nextDoubt() {
      doubts += 1;
      return doubts;
    },
    bindRefused: (status) => void told.refused.push(status),
    mayMove,
    delivered(epoch, sequence) {
      told.delivered.push(sequence);
      session.answer(epoch, sequence, 0);
    },
    readBegin() {},
    readEnd() {},
    room() {},
  });
  return {
    session,
    told,
    submit(ticket) {
      const writer = session.begin(ticket, 0, options.clock.monotonicMs());
      const body = encodePdu(SUBMIT).subarray(16);
      writer.bytes.set(body, writer.at);
      writer.at += body.length;
      session.end();
    },
  };
}

/** Time that runs so many times as fast, over sockets that do not. */
export function hurried(times: number): Clock {
  return {
    nowMs: () => SYSTEM_CLOCK.nowMs(),
    monotonicMs: () => SYSTEM_CLOCK.monotonicMs() * times,
    after: (delayMs, run) => SYSTEM_CLOCK.after(delayMs / times, run),
  };
}

export interface Certificate {
  readonly certificate: string;
  readonly key: string;
}

/** A simulated carrier, with TLS where a certificate is given; clients need one of the authority. */
export async function withCarrier(
  options: Partial<CarrierOptions>,
  certificate: Certificate | undefined,
  run: (smsc: Smsc) => Promise<void>,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "floe-tls-"));
  const fileOf = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const tls: Partial<CarrierOptions> = {};
  if (certificate !== undefined) {
    tls.tlsCertificate = fileOf("certificate.pem", certificate.certificate);
    tls.tlsKey = fileOf("key.pem", certificate.key);
  }
  // "yes" in place of a file: of the tests' authority.
  if (options.tlsClients === "yes") {
    options.tlsClients = fileOf("clients.pem", AUTHORITY.certificate);
  }
  const smsc = await openSmsc({ ...DEFAULTS, submits: 100_000, ...options, ...tls });
  try {
    await run(smsc);
  } finally {
    await smsc.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Runs with a session and stops it. */
export async function withTold(
  wanted: Parameters<typeof openTold>[0],
  run: (opened: ToldSession) => Promise<void>,
): Promise<void> {
  const opened = openTold(wanted);
  try {
    await run(opened);
  } finally {
    await opened.session.stop();
  }
}
