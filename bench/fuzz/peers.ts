/**
 * Peers under fuzz: our session against a server that answers nonsense, and the simulated carrier
 * against a client that talks it. They run for as long as the readers do; an exception anywhere in
 * them is an uncaught one, which the runner takes for a finding.
 */
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { type Chance, type Clock, SYSTEM_CLOCK } from "../../core/clock.js";
import { SILENT } from "../../core/log.js";
import { COMMAND, writeUint32BE } from "../../services/connectors/smpp/pdu.js";
import { openSession } from "../../services/connectors/smpp/session.js";
import { DEFAULTS } from "../carrier/options.js";
import { openSmsc } from "../carrier/smsc.js";
import type { ByteSource } from "./bytes.js";

export interface Peers {
  /** Connections, PDUs answered and submitted so far. */
  counts(): Readonly<Record<string, number>>;
  /** Why something is wrong; undefined: nothing is. */
  wrong(): string | undefined;
  stop(): Promise<void>;
}

/** Pauses between two tries, which the session wants long. */
const PAUSE_MS_MAX = 5;
const HASTE = 50;
const WINDOW = 50;
/** A connection ends with the first wrong length, so most is right. */
const RIGHT_SHARE = 0.98;
const BIND_OK = Buffer.from("00000010800000090000000000000001", "hex");

export async function openPeers(source: ByteSource, chance: Chance): Promise<Peers> {
  const session = await openHostileServer(source, chance);
  const carrier = await openHostileClient(source, chance);
  return {
    counts: () => ({ ...session.counts(), ...carrier.counts() }),
    wrong: () => session.wrong() ?? carrier.wrong(),
    async stop() {
      await session.stop();
      await carrier.stop();
    },
  };
}

/** Time runs, and waits are short: thousands of connections in a minute. */
const hasty: Clock = {
  ...SYSTEM_CLOCK,
  monotonicMs: () => SYSTEM_CLOCK.monotonicMs() * HASTE,
  after: (delayMs, run) => SYSTEM_CLOCK.after(Math.min(delayMs, PAUSE_MS_MAX), run),
};

async function openHostileServer(source: ByteSource, chance: Chance): Promise<Peers> {
  const sockets = new Set<Socket>();
  const counts = {
    ...{ served: 0, submitted: 0, answered: 0, doubted: 0, late: 0 },
    ...{ unexpected: 0, delivered: 0 },
  };
  let outstanding = 0;
  let doubts = 0;
  let wrong: string | undefined;
  const server = createServer((socket) => {
    counts.served += 1;
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => {});
    socket.on("data", (data) => {
      // Most of the time a bind is answered well, or nothing would ever be bound.
      if (chance() < 0.9) socket.write(BIND_OK);
      if (chance() < 0.5 && data.length >= 16) socket.write(answersTo(data, chance));
      if (chance() < 0.6) socket.write(source.stream(RIGHT_SHARE));
      if (chance() < 0.05) socket.destroy();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const done = (): void => {
    outstanding -= 1;
    if (outstanding < 0) wrong = "a part has ended twice";
  };
  const session = openSession(
    {
      ...{ name: "fuzz", hosts: [{ host: "127.0.0.1", port }], tls: undefined, version: "3.4" },
      ...{ systemId: "floe", password: "secret" },
      ...{ systemType: "", mode: "transceiver", window: WINDOW, responseMs: 1_000 },
      ...{ enquireLinkMs: 1_000, clock: hasty, chance, log: SILENT },
    },
    {
      up: () => {},
      down: () => {
        if (outstanding > 0) wrong = `${outstanding} parts have no end though the session is down`;
      },
      answered(_ticket, _part, _status, bytes, at, end) {
        counts.answered += 1;
        if (!(at >= 0 && at <= end && end <= bytes.length)) wrong = `an id at ${at} to ${end}`;
        done();
      },
      unexpected() {
        counts.unexpected += 1;
      },
      doubted() {
        counts.doubted += 1;
        done();
      },
      late() {
        counts.late += 1;
        if (counts.late > counts.doubted) wrong = "more late answers than doubts";
      },
      nextDoubt() {
        doubts += 1;
        return doubts;
      },
      bindRefused: () => {},
      mayMove: () => true,
      delivered(epoch, sequence) {
        counts.delivered += 1;
        session.answer(epoch, sequence, 0);
      },
      readBegin: () => {},
      readEnd: () => {},
      room: () => {},
    },
  );
  let stopped = false;
  function submit(): void {
    if (stopped) return;
    const body = source.right().subarray(16);
    for (let room = session.room(); room > 0; room -= 1) {
      const writer = session.begin(room, 0, hasty.monotonicMs());
      writer.bytes.set(body.subarray(0, 40), writer.at);
      writer.at += Math.min(40, body.length);
      session.end();
      outstanding += 1;
      counts.submitted += 1;
      if (outstanding > WINDOW) wrong = `${outstanding} parts are out, the window is ${WINDOW}`;
    }
    session.flush();
    SYSTEM_CLOCK.after(PAUSE_MS_MAX, submit);
  }
  submit();
  return {
    counts: () => counts,
    wrong: () => wrong,
    async stop() {
      stopped = true;
      for (const socket of sockets) socket.destroy();
      await session.stop();
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** Answers to what came, with sequence numbers that are right, twice, or nobody's. */
function answersTo(data: Buffer, chance: Chance): Buffer {
  const answers: Buffer[] = [];
  for (let at = 0; at + 16 <= data.length; ) {
    const length = data.readUInt32BE(at);
    if (length < 16 || length > data.length - at) break;
    if (data.readUInt32BE(at + 4) === COMMAND.submit_sm) {
      const id = chance() < 0.8 ? "abc\0" : "x".repeat(Math.floor(chance() * 90));
      const pdu = Buffer.alloc(16 + id.length);
      pdu.write(id, 16, "latin1");
      writeUint32BE(pdu, 0, pdu.length);
      writeUint32BE(pdu, 4, chance() < 0.9 ? COMMAND.submit_sm_resp : COMMAND.generic_nack);
      writeUint32BE(pdu, 8, chance() < 0.8 ? 0 : Math.floor(chance() * 300));
      writeUint32BE(pdu, 12, data.readUInt32BE(at + 12) + (chance() < 0.9 ? 0 : 7));
      answers.push(pdu);
      if (chance() < 0.05) answers.push(pdu);
    }
    at += length;
  }
  return Buffer.concat(answers);
}

async function openHostileClient(source: ByteSource, chance: Chance): Promise<Peers> {
  const smsc = await openSmsc({ ...DEFAULTS, track: true });
  let socket: Socket | undefined;
  let stopped = false;
  function talk(): void {
    if (stopped) return;
    if (socket === undefined || socket.destroyed || chance() < 0.02) {
      socket?.destroy();
      socket = connect(smsc.port, "127.0.0.1");
      socket.on("error", () => {});
      socket.resume();
    }
    if (socket.writableLength < 1e6) socket.write(source.stream(RIGHT_SHARE));
    SYSTEM_CLOCK.after(PAUSE_MS_MAX, talk);
  }
  talk();
  return {
    counts: () => ({
      carrierConnections: smsc.stats().connections,
      carrierSubmits: smsc.stats().submits,
    }),
    wrong: () => undefined,
    async stop() {
      stopped = true;
      socket?.destroy();
      await smsc.close();
    },
  };
}
