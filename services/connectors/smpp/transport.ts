/**
 * Transport: a connection to a carrier's host, by TCP or TLS, and why there is none.
 *
 * Where a profile asks for TLS there is TLS or nothing: the certificate must be of an authority that
 * we know (the system's, or the profile's own) and have the server's name, and no other way is
 * tried. TLS 1.2 at least.
 */
import { connect, isIP, type OnReadOpts, type Socket } from "node:net";
import {
  type ConnectionOptions,
  checkServerIdentity,
  createSecureContext,
  type SecureContext,
  connect as tlsConnect,
} from "node:tls";
import type { Clock } from "../../../core/clock.js";
import type { CarrierConfig } from "../../../core/configuration.js";

export interface HostAndPort {
  readonly host: string;
  readonly port: number;
}

export interface Transport {
  readonly secure: boolean;
  /**
   * Starts to connect. `ready` is called when bytes may be sent (with TLS: when the certificate was
   * found right), `read` with the count of octets in `buffer`: false stops reading until `resume`.
   * @throws Error if the profile's certificates cannot be read
   */
  open(
    to: HostAndPort,
    buffer: Buffer,
    ready: () => void,
    read: (count: number) => boolean,
  ): Socket;
  /** Whether a host can be connected to, and does not hang up at once. It hears nothing. */
  probe(to: HostAndPort, clock: Clock): Promise<boolean>;
}

/** Why a connection ended or was not made. */
export interface Failure {
  /** For people: what is wrong, and with what. */
  readonly reason: string;
  /** Only a change at one of both sides helps: a certificate. */
  readonly lasting: boolean;
}

/** How long one try to connect may take. */
export const CONNECT_MS_MAX = 10_000;
/** A balancer in front of a dead host takes a connection and drops it. */
const PROBE_HOLD_MS = 500;

/** @param tls of the carrier's profile; undefined: plain TCP. */
export function newTransport(tls: CarrierConfig["tls"]): Transport {
  let context: SecureContext | undefined;

  function openSecure(to: HostAndPort, onread: OnReadOpts): Socket {
    const name = tls?.serverName ?? to.host;
    context ??= createSecureContext({
      minVersion: "TLSv1.2",
      ...(tls?.authorities === undefined ? {} : { ca: tls.authorities }),
      ...(tls?.certificate === undefined ? {} : { cert: tls.certificate }),
      ...(tls?.key === undefined ? {} : { key: tls.key }),
    });
    const wanted: ConnectionOptions & { onread: OnReadOpts } = {
      ...{ ...to, secureContext: context, rejectUnauthorized: true, onread },
      // An address is no server name (RFC 6066, 3), but it may stand in a certificate.
      servername: isIP(name) === 0 ? name : "",
      checkServerIdentity: (_host, certificate) => checkServerIdentity(name, certificate),
    };
    return tlsConnect(wanted);
  }

  function open(
    to: HostAndPort,
    buffer: Buffer,
    ready: () => void,
    read: (count: number) => boolean,
  ): Socket {
    const onread = { buffer, callback: read };
    const socket = tls === undefined ? connect({ ...to, onread }) : openSecure(to, onread);
    socket.setNoDelay(true);
    socket.setKeepAlive(true);
    socket.once(tls === undefined ? "connect" : "secureConnect", ready);
    return socket;
  }

  return {
    secure: tls !== undefined,
    open,
    probe(to, clock) {
      return new Promise((resolve) => {
        let cancel = (): void => {};
        let socket: Socket | undefined;
        const end = (isGood: boolean): void => {
          cancel();
          socket?.destroy();
          resolve(isGood);
        };
        cancel = clock.after(CONNECT_MS_MAX, () => end(false));
        try {
          socket = open(
            to,
            Buffer.allocUnsafe(64),
            () => {
              cancel();
              cancel = clock.after(PROBE_HOLD_MS, () => end(true));
            },
            () => true,
          );
        } catch {
          // What is wrong with the certificates is told by the session, whose they are too.
          end(false);
          return;
        }
        socket.on("error", () => end(false));
        socket.on("close", () => end(false));
      });
    },
  };
}

/** OpenSSL's and Node's words for what an operator must change, in ours. */
const CERTIFICATES: Readonly<Record<string, string>> = {
  ERR_TLS_CERT_ALTNAME_INVALID: "the carrier's certificate is for another name",
  CERT_HAS_EXPIRED: "the carrier's certificate has expired",
  CERT_NOT_YET_VALID: "the carrier's certificate is not valid yet",
  DEPTH_ZERO_SELF_SIGNED_CERT: "the carrier's certificate is signed by itself",
  SELF_SIGNED_CERT_IN_CHAIN: "the carrier's certificate is of an authority that is not trusted",
  UNABLE_TO_GET_ISSUER_CERT: "the carrier's certificate is of an authority that is not known",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    "the carrier's certificate is of an authority that is not known",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "the carrier's certificate is of an authority that is not known",
  CERT_REVOKED: "the carrier's certificate was revoked",
  CERT_UNTRUSTED: "the carrier's certificate is not trusted",
  INVALID_CA: "the carrier's certificate is of an authority that is none",
  INVALID_PURPOSE: "the carrier's certificate is not for servers",
  CERT_SIGNATURE_FAILURE: "the carrier's certificate has a wrong signature",
  ERR_SSL_WRONG_VERSION_NUMBER: "the carrier does not speak TLS at this port",
  ERR_SSL_PACKET_LENGTH_TOO_LONG: "the carrier does not speak TLS at this port",
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: "the carrier asks for a certificate of ours",
  ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE: "the carrier does not take our certificate",
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED: "our certificate has expired",
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN: "the carrier does not take our certificate",
  ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE: "the carrier does not take our certificate or ciphers",
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: "the carrier does not know the authority of our certificate",
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: "the carrier's TLS is older than 1.2",
  ERR_SSL_UNSUPPORTED_PROTOCOL: "the carrier's TLS is older than 1.2",
};

/** What an error of a socket, or of `open`, means. */
export function failureOf(err: NodeJS.ErrnoException): Failure {
  const code = err.code ?? "";
  const known = CERTIFICATES[code];
  if (known !== undefined) return { reason: `${known} (${code})`, lasting: true };
  // What OpenSSL says of a PEM that it cannot read, or of a key of another certificate.
  if (code.startsWith("ERR_OSSL") || code.startsWith("ERR_TLS")) {
    return { reason: `the profile's certificates cannot be used (${code})`, lasting: true };
  }
  // Node's own words for a peer that hung up at our greeting, with a code that says less.
  if (err.message.includes("before secure TLS connection")) {
    return { reason: `the carrier hung up before TLS was agreed (${code})`, lasting: false };
  }
  return { reason: code === "" ? err.message : code, lasting: code.startsWith("ERR_SSL") };
}
