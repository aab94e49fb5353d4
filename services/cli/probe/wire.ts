/**
 * Wire: one connection of the probe to a carrier, as plain as it gets: a request and its answer, each
 * with its time. The connectors' session hides what is looked for here: the status of a bind, the
 * order of things, what a certificate says.
 *
 * What the carrier asks of us: enquire_link and unbind are answered; what it delivers is handed over,
 * and answered with the status that comes back. Receipts that are not the probe's own belong to a
 * running system: they are refused with a temporary error, so that the carrier keeps them.
 */
import { connect, isIP, type Socket } from "node:net";
import { type PeerCertificate, type TLSSocket, connect as tlsConnect } from "node:tls";
import type { Clock } from "../../../core/clock.js";
import type { CarrierConfig } from "../../../core/configuration.js";
import { type DecodedPdu, decode, encode } from "../../connectors/smpp/codec.js";
import { newFramer } from "../../connectors/smpp/framing.js";
import { readUint32BE } from "../../connectors/smpp/pdu.js";

export interface TlsFacts {
  readonly protocol: string;
  readonly cipher: string;
  readonly subject: string;
  readonly issuer: string;
  readonly names: string;
  readonly validTo: string;
  /** Why the certificate is not to be trusted; "": it is. */
  readonly problem: string;
}

export type Asked =
  | {
      readonly kind: "answer";
      readonly status: number;
      readonly pdu: DecodedPdu;
      readonly tookMs: number;
      readonly atMs: number;
      /** Place among all that came, over all connections of the probe. */
      readonly order: number;
    }
  | { readonly kind: "none"; readonly reason: string };

export interface WireOptions {
  readonly host: string;
  readonly port: number;
  readonly tls: CarrierConfig["tls"];
  readonly responseMs: number;
  readonly clock: Clock;
  nextOrder(): number;
  /** A deliver_sm or data_sm. @returns the status to answer it with. */
  delivered(pdu: DecodedPdu, atMs: number, order: number): number;
}

export interface Wire {
  readonly connectMs: number;
  readonly tls: TlsFacts | undefined;
  /** Why it is over; "": it is not. */
  closed(): string;
  ask(pdu: Readonly<Record<string, unknown>>): Promise<Asked>;
  /** Sends a whole PDU; its sequence number is written into it. */
  askBytes(bytes: Uint8Array): Promise<Asked>;
  /** What is asked until `uncork` leaves with one write. */
  cork(): void;
  uncork(): void;
  /** Says goodbye, then ends the connection. */
  leave(): Promise<void>;
}

const CONNECT_MS_MAX = 10_000;
const LEAVE_MS_MAX = 2_000;
const RINVCMDID = 0x03;
const RESPONSE = 0x8000_0000;

interface Pending {
  readonly sentMs: number;
  readonly cancel: () => void;
  readonly end: (asked: Asked) => void;
}

/** @throws Error whose message says why there is no connection. */
export async function openWire(options: WireOptions): Promise<Wire> {
  const { clock, responseMs } = options;
  const startMs = clock.monotonicMs();
  const socket = await opened(options);
  const connectMs = clock.monotonicMs() - startMs;
  const framer = newFramer();
  const pending = new Map<number, Pending>();
  let sequence = 0;
  let over = "";

  function end(reason: string): void {
    if (over !== "") return;
    over = reason;
    for (const one of pending.values()) {
      one.cancel();
      one.end({ kind: "none", reason });
    }
    pending.clear();
    socket.destroy();
  }

  function write(pdu: Readonly<Record<string, unknown>>): void {
    const encoded = encode(pdu);
    if (encoded.ok && over === "") socket.write(encoded.bytes);
  }

  function take(bytes: Uint8Array, at: number, endAt: number): boolean {
    const decoded = decode(bytes.slice(at, endAt));
    const number = readUint32BE(bytes, at + 12);
    const command = readUint32BE(bytes, at + 4);
    if (!decoded.ok) {
      if (command < RESPONSE) {
        write({ command: "generic_nack", command_status: RINVCMDID, sequence_number: number });
      } else answered(number, undefined, decoded.error.message);
      return over === "";
    }
    const { pdu } = decoded;
    if (command >= RESPONSE) answered(number, pdu, "");
    else requested(pdu);
    return over === "";
  }

  function answered(number: number, pdu: DecodedPdu | undefined, wrong: string): void {
    const one = pending.get(number);
    if (one === undefined) return;
    pending.delete(number);
    one.cancel();
    const atMs = clock.monotonicMs();
    if (pdu === undefined) one.end({ kind: "none", reason: `its answer cannot be read: ${wrong}` });
    else {
      const order = options.nextOrder();
      const tookMs = atMs - one.sentMs;
      one.end({ kind: "answer", status: pdu.command_status, pdu, tookMs, atMs, order });
    }
  }

  function requested(pdu: DecodedPdu): void {
    const { command, sequence_number } = pdu;
    const answer = { command: `${command}_resp`, sequence_number };
    if (command === "deliver_sm" || command === "data_sm") {
      const status = options.delivered(pdu, clock.monotonicMs(), options.nextOrder());
      write({ ...answer, command_status: status, message_id: "" });
    } else if (command === "enquire_link") write(answer);
    else if (command === "unbind") {
      write(answer);
      end("the carrier unbound");
    } else if (command !== "alert_notification" && command !== "outbind") {
      write({ command: "generic_nack", command_status: RINVCMDID, sequence_number });
    }
  }

  socket.on("data", (data: Buffer) => {
    const wrong = framer.push(data, 0, data.length, take);
    if (wrong !== undefined) end(wrong);
  });
  socket.on("error", (err: NodeJS.ErrnoException) => end(err.code ?? err.message));
  socket.on("close", () => end("the carrier closed the connection"));

  function askBytes(bytes: Uint8Array): Promise<Asked> {
    if (over !== "") return Promise.resolve({ kind: "none", reason: over });
    sequence += 1;
    const number = sequence;
    new DataView(bytes.buffer, bytes.byteOffset).setUint32(12, number);
    return new Promise((resolve) => {
      const cancel = clock.after(responseMs, () => {
        pending.delete(number);
        resolve({ kind: "none", reason: `no answer in ${responseMs} ms` });
      });
      pending.set(number, { sentMs: clock.monotonicMs(), cancel, end: resolve });
      socket.write(bytes);
    });
  }

  function ask(pdu: Readonly<Record<string, unknown>>): Promise<Asked> {
    const encoded = encode(pdu);
    if (!encoded.ok) {
      const [first] = encoded.problems;
      return Promise.resolve({ kind: "none", reason: `${first?.field} ${first?.problem}` });
    }
    return askBytes(encoded.bytes);
  }

  return {
    connectMs,
    tls: options.tls === undefined ? undefined : factsOf(socket as TLSSocket),
    closed: () => over,
    ask,
    askBytes,
    cork: () => socket.cork(),
    uncork: () => socket.uncork(),
    async leave() {
      if (over !== "") return;
      const cancel = clock.after(LEAVE_MS_MAX, () => end("left"));
      await ask({ command: "unbind" });
      cancel();
      end("left");
    },
  };
}

function opened({ host, port, tls, clock }: WireOptions): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const servername = tls?.serverName ?? (isIP(host) === 0 ? host : undefined);
    const socket =
      tls === undefined
        ? connect({ host, port, noDelay: true })
        : tlsConnect({
            ...{ host, port },
            // Looked at below: a certificate that is not trusted is told, and nothing is sent.
            rejectUnauthorized: false,
            ...(servername === undefined ? {} : { servername }),
            ...(tls.authorities === undefined ? {} : { ca: tls.authorities }),
            ...(tls.certificate === undefined ? {} : { cert: tls.certificate }),
            ...(tls.key === undefined ? {} : { key: tls.key }),
          });
    const cancel = clock.after(CONNECT_MS_MAX, () => fail("no connection in 10 s"));
    function fail(reason: string): void {
      cancel();
      socket.destroy();
      reject(new Error(reason));
    }
    socket.once("error", (err: NodeJS.ErrnoException) => fail(err.code ?? err.message));
    socket.once("close", () => fail("the carrier closed the connection"));
    socket.once(tls === undefined ? "connect" : "secureConnect", () => {
      cancel();
      socket.removeAllListeners("error");
      socket.removeAllListeners("close");
      socket.setNoDelay(true);
      resolve(socket);
    });
  });
}

function factsOf(socket: TLSSocket): TlsFacts {
  const certificate = socket.getPeerCertificate();
  const nameOf = (of: PeerCertificate["subject"] | undefined): string =>
    [of?.CN, of?.O].filter((part) => part !== undefined).join(", ");
  return {
    protocol: socket.getProtocol() ?? "",
    cipher: socket.getCipher()?.name ?? "",
    subject: nameOf(certificate.subject),
    issuer: nameOf(certificate.issuer),
    names: certificate.subjectaltname ?? "",
    validTo: certificate.valid_to ?? "",
    problem: socket.authorized ? "" : String(socket.authorizationError ?? "not trusted"),
  };
}
