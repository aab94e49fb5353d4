/** Sessions against a server that does what it is told, byte by byte. */
import { type AddressInfo, createServer, type Socket } from "node:net";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { SYSTEM_CLOCK, sleep } from "../../../core/clock.js";
import { newFramer } from "../../../services/connectors/smpp/framing.js";
import { decodePdu, encodePdu, type Pdu } from "../../../services/connectors/smpp/pdu-object.js";
import type { SessionOptions } from "../../../services/connectors/smpp/session.js";
import { until } from "../../until.js";
import {
  hurried,
  openTold,
  SUBMIT,
  type ToldSession,
  withCarrier,
  withTold,
} from "./session-kit.js";

const sessions = suite("connectors: session");

interface Peer {
  /** PDUs in the order in which they came, over all connections. */
  readonly got: Pdu[];
  readonly errors: string[];
  connections(): number;
  send(pdu: object): void;
  raw(bytes: Uint8Array): void;
  /** Reads nothing from its socket, or reads again. */
  deaf(isDeaf: boolean): void;
  end(): void;
}

interface Bracket extends ToldSession {
  readonly peer: Peer;
}

/** A server whose answers `answer` makes, and a session that talks to it. */
async function withSession(
  settings: Partial<SessionOptions>,
  answer: (pdu: Pdu, peer: Peer) => void,
  run: (bracket: Bracket) => Promise<void>,
): Promise<void> {
  const sockets = new Set<Socket>();
  let last: Socket | undefined;
  let connections = 0;
  const peer: Peer = {
    got: [],
    errors: [],
    connections: () => connections,
    send(pdu) {
      const whole: unknown = { status: 0, sequence: 1, tlvs: [], ...pdu };
      last?.write(encodePdu(whole as Pdu));
    },
    raw: (bytes) => void last?.write(bytes),
    deaf: (isDeaf) => void (isDeaf ? last?.pause() : last?.resume()),
    end: () => last?.destroy(),
  };
  const server = createServer((socket) => {
    connections += 1;
    last = socket;
    sockets.add(socket);
    const framer = newFramer();
    socket.on("error", () => {});
    socket.on("data", (data: Buffer) => {
      framer.push(data, 0, data.length, (bytes, at, end) => {
        const pdu = decodePdu(bytes.slice(at, end));
        if ("error" in pdu) peer.errors.push(pdu.error);
        else {
          peer.got.push(pdu);
          answer(pdu, peer);
        }
        return true;
      });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const opened = openTold({ hosts: [{ host: "127.0.0.1", port }], ...settings });
  const { session } = opened;
  try {
    await run({ peer, ...opened });
  } finally {
    const stopped = session.stop();
    for (const socket of sockets) socket.destroy();
    await stopped;
    await new Promise((resolve) => server.close(resolve));
  }
}

/** Answers binds, and nothing else. */
function binds(pdu: Pdu, peer: Peer): void {
  if (pdu.command !== "bind_transceiver") return;
  peer.send({ command: "bind_transceiver_resp", sequence: pdu.sequence, text: "peer" });
}

const submitsIn = ({ got }: Peer): Pdu[] => got.filter(({ command }) => command === "submit_sm");

sessions("binds with what it was given, and is up", () =>
  withSession({}, binds, async ({ peer, session, told }) => {
    await until(() => session.bound());
    const [bind] = peer.got;
    assert.ok(bind !== undefined && "systemId" in bind);
    assert.equal([bind.systemId, bind.password, bind.interfaceVersion], ["floe", "secret", 0x34]);
    assert.is(session.room(), 10);
    assert.is(told.up, 1);
  }),
);

sessions("an answer frees its place, a second one is unexpected, so is one to nothing", () =>
  withSession({ window: 3 }, binds, async ({ peer, session, told, submit }) => {
    await until(() => session.bound());
    for (const ticket of [11, 12, 13]) submit(ticket);
    session.flush();
    assert.is(session.room(), 0);
    await until(() => submitsIn(peer).length === 3);
    const [first, second] = submitsIn(peer).map(({ sequence }) => sequence);
    peer.send({ command: "submit_sm_resp", sequence: second, text: "id-2" });
    peer.send({ command: "submit_sm_resp", sequence: second, text: "id-2" });
    peer.send({ command: "submit_sm_resp", sequence: 99_999, text: "id-9" });
    peer.send({ command: "submit_sm_resp", sequence: first, status: 0x0b, text: "" });
    await until(() => told.answered.length === 2);
    assert.equal(told.answered, [
      [12, 0, "id-2"],
      [11, 0x0b, ""],
    ]);
    assert.equal(told.unexpected, [0, 0]);
    assert.is(session.room(), 2);
  }),
);

sessions("a generic_nack is the answer to the PDU that it names", () =>
  withSession({}, binds, async ({ peer, session, told, submit }) => {
    await until(() => session.bound());
    submit(5);
    session.flush();
    await until(() => submitsIn(peer).length === 1);
    peer.send({ command: "generic_nack", sequence: submitsIn(peer)[0]!.sequence, status: 2 });
    peer.send({ command: "generic_nack", sequence: 0, status: 3 });
    await until(() => told.unexpected.length === 1);
    assert.equal(told.answered, [[5, 2, ""]]);
    assert.ok(session.bound());
  }),
);

sessions("no answer in time is in doubt, which a late one ends, once", () =>
  withSession({ responseMs: 300 }, binds, async ({ peer, session, told, submit }) => {
    await until(() => session.bound());
    submit(5);
    session.flush();
    await until(() => told.doubted.length === 1);
    assert.equal(told.doubted, [[5, "expired", 1]]);
    assert.is(session.unanswered(), 0);
    // Its ticket goes to another before the answer comes.
    submit(5);
    session.flush();
    const { sequence } = submitsIn(peer)[0]!;
    peer.send({ command: "submit_sm_resp", sequence, text: "late" });
    peer.send({ command: "submit_sm_resp", sequence, text: "later" });
    await until(() => told.unexpected.length === 1);
    assert.equal(told.late, [[1, 0, "late"]]);
    assert.equal(told.answered, []);
    assert.is(session.unanswered(), 1);
  }),
);

sessions("a cut connection puts what is unanswered in doubt, and a new one is bound", () =>
  withSession({}, binds, async ({ peer, session, told, submit }) => {
    await until(() => session.bound());
    for (const ticket of [1, 2]) submit(ticket);
    session.flush();
    await until(() => submitsIn(peer).length === 2);
    peer.end();
    await until(() => told.down === 1);
    assert.equal(told.doubted, [
      [1, "closed", 0],
      [2, "closed", 0],
    ]);
    await until(() => session.bound());
    assert.is(peer.connections(), 2);
    // An answer from before says nothing about what is sent now.
    submit(3);
    session.flush();
    await until(() => submitsIn(peer).length === 3);
    const [before] = submitsIn(peer);
    peer.send({ command: "submit_sm_resp", sequence: before!.sequence, text: "old" });
    await until(() => told.unexpected.length === 1);
    assert.is(session.unanswered(), 1);
  }),
);

sessions(
  "asks whether the peer is there, answers when it is asked, and gives up without answer",
  () =>
    withSession({ responseMs: 300, enquireLinkMs: 200 }, binds, async ({ peer, session, told }) => {
      await until(() => session.bound());
      peer.send({ command: "enquire_link", sequence: 77 });
      await until(() => peer.got.some(({ command }) => command === "enquire_link_resp"));
      assert.is(peer.got.find(({ command }) => command === "enquire_link_resp")!.sequence, 77);
      await until(() => peer.got.some(({ command }) => command === "enquire_link"));
      await until(() => told.down === 1);
      await until(() => peer.connections() >= 2);
    }),
);

sessions("a peer that speaks HTTP, or sends a length that lies, costs its connection only", () =>
  withSession({}, binds, async ({ peer, session, told }) => {
    for (const bytes of [Buffer.from("HTTP/1.1 400 Bad\r\n\r\n"), Buffer.alloc(16, 0xff)]) {
      await until(() => session.bound());
      const before = told.down;
      peer.raw(bytes);
      await until(() => told.down === before + 1);
    }
    await until(() => session.bound());
  }),
);

sessions("a command that it does not know is nacked, and the session goes on", () =>
  withSession({}, binds, async ({ peer, session }) => {
    await until(() => session.bound());
    const unknown = Buffer.alloc(16);
    unknown.writeUInt32BE(16);
    unknown.writeUInt32BE(0x03, 4);
    unknown.writeUInt32BE(41, 12);
    peer.raw(unknown);
    await until(() => peer.got.some(({ command }) => command === "generic_nack"));
    const nack = peer.got.find(({ command }) => command === "generic_nack")!;
    assert.equal([nack.sequence, nack.status], [41, 3]);
    assert.ok(session.bound());
  }),
);

sessions("what a peer sends in single bytes is understood, and answered", () =>
  withSession({}, binds, async ({ peer, session, told }) => {
    await until(() => session.bound());
    const deliver = encodePdu({ ...SUBMIT, command: "deliver_sm", sequence: 9 } as Pdu);
    for (let at = 0; at < deliver.length; at += 1) {
      peer.raw(deliver.subarray(at, at + 1));
      if (at % 8 === 0) await sleep(SYSTEM_CLOCK, 1);
    }
    await until(() => told.delivered.length === 1);
    await until(() => peer.got.some(({ command }) => command === "deliver_sm_resp"));
    assert.equal(told.delivered, [9]);
  }),
);

sessions("a refused bind is tried again, later where it was for already being bound", () => {
  let refusals = 0;
  return withSession(
    {},
    (pdu, peer) => {
      if (pdu.command !== "bind_transceiver") return;
      refusals += 1;
      const status = refusals === 1 ? 0x08 : refusals === 2 ? 0x05 : 0;
      peer.send({ command: "bind_transceiver_resp", sequence: pdu.sequence, status, text: "" });
    },
    async ({ session, peer }) => {
      // 125 ms after the first, several seconds after the second.
      await until(() => refusals === 2);
      await sleep(SYSTEM_CLOCK, 500);
      assert.is(peer.connections(), 2);
      assert.not.ok(session.bound());
    },
  );
});

sessions("stops when all is answered: takes no more, waits, unbinds, leaves", () =>
  withSession(
    {},
    (pdu, peer) => {
      binds(pdu, peer);
      if (pdu.command === "unbind") peer.send({ command: "unbind_resp", sequence: pdu.sequence });
    },
    async ({ peer, session, told, submit }) => {
      await until(() => session.bound());
      submit(1);
      session.flush();
      await until(() => submitsIn(peer).length === 1);
      let isStopped = false;
      const stopping = session.stop().then(() => {
        isStopped = true;
      });
      assert.is(session.room(), 0);
      await sleep(SYSTEM_CLOCK, 100);
      assert.not.ok(isStopped);
      assert.not.ok(peer.got.some(({ command }) => command === "unbind"));
      peer.send({ command: "submit_sm_resp", sequence: submitsIn(peer)[0]!.sequence, text: "x" });
      await stopping;
      assert.equal(told.answered, [[1, 0, "x"]]);
      assert.equal(told.doubted, []);
      assert.ok(peer.got.some(({ command }) => command === "unbind"));
    },
  ),
);

sessions("a peer that does not read: there is no room long before the window is full", () =>
  withSession({ window: 400_000 }, binds, async ({ session, peer, submit }) => {
    await until(() => session.bound());
    peer.deaf(true);
    let sent = 0;
    while (session.room() > 0) {
      submit(sent);
      sent += 1;
      if (sent % 100 === 0) session.flush();
    }
    assert.ok(sent < 400_000, `${sent} were written`);
    assert.is(session.unanswered(), sent);
    peer.deaf(false);
    await until(() => session.room() > 0);
  }),
);

sessions("binds as 3.4 or 5.0, and tells which version the carrier speaks", async () => {
  for (const version of ["3.4", "5.0"] as const) {
    await withSession(
      { version },
      (pdu, { raw }) => {
        if (pdu.command !== "bind_transceiver") return;
        // system_id "peer", sc_interface_version 0x50
        const body = Buffer.from("70656572000210000150", "hex");
        const head = Buffer.alloc(16);
        for (const [at, value] of [26, 0x8000_0009, 0, pdu.sequence].entries()) {
          head.writeUInt32BE(value, 4 * at);
        }
        raw(Buffer.concat([head, body]));
      },
      async ({ peer, session }) => {
        await until(() => session.bound());
        const [bind] = peer.got;
        assert.ok(bind !== undefined && "interfaceVersion" in bind);
        assert.is(bind.interfaceVersion, version === "5.0" ? 0x50 : 0x34);
        assert.is(session.told().version, "5.0");
      },
    );
  }
});

sessions("an outbind and an alert_notification are taken note of, and have no answer", () =>
  withSession({}, binds, async ({ peer, session }) => {
    await until(() => session.bound());
    for (const [command, body] of [
      [0x0b, "706565720073656372657400"],
      [0x102, "01013434373730300001016100"],
    ] as const) {
      const pdu = Buffer.concat([Buffer.alloc(16), Buffer.from(body, "hex")]);
      pdu.writeUInt32BE(pdu.length);
      pdu.writeUInt32BE(command, 4);
      pdu.writeUInt32BE(7, 12);
      peer.raw(pdu);
    }
    peer.send({ command: "enquire_link", sequence: 78 });
    await until(() => peer.got.some(({ command }) => command === "enquire_link_resp"));
    assert.not.ok(peer.got.some(({ command }) => command === "generic_nack"));
    assert.ok(session.bound());
  }),
);

sessions("a generic_nack that says OK is no acceptance", () =>
  withSession({}, binds, async ({ peer, session, told, submit }) => {
    await until(() => session.bound());
    submit(5);
    session.flush();
    await until(() => submitsIn(peer).length === 1);
    peer.send({ command: "generic_nack", sequence: submitsIn(peer)[0]!.sequence, status: 0 });
    await until(() => told.answered.length === 1);
    assert.equal(told.answered, [[5, 0xff, ""]]);
  }),
);

sessions("each late answer ends the doubt that it belongs to, and a late refusal says so", () =>
  withSession({ responseMs: 300 }, binds, async ({ peer, session, told, submit }) => {
    await until(() => session.bound());
    for (const ticket of [1, 2, 3]) submit(ticket);
    session.flush();
    await until(() => told.doubted.length === 3);
    assert.equal(
      told.doubted.map(([, , doubt]) => doubt),
      [1, 2, 3],
    );
    const [first, second, third] = submitsIn(peer).map(({ sequence }) => sequence);
    peer.send({ command: "submit_sm_resp", sequence: third, text: "id-3" });
    peer.send({ command: "submit_sm_resp", sequence: first, status: 0x0b, text: "" });
    peer.send({ command: "generic_nack", sequence: second, status: 3 });
    await until(() => told.late.length === 3);
    assert.equal(told.late, [
      [3, 0, "id-3"],
      [1, 0x0b, ""],
      [2, 3, ""],
    ]);
    assert.equal([told.answered, told.unexpected], [[], []]);
  }),
);

sessions(
  "a peer that vanished is found, though its connection stands, and what it had is in doubt",
  () =>
    withCarrier({}, undefined, async (smsc) => {
      const hosts = [{ host: "127.0.0.1", port: smsc.port }];
      const times = { responseMs: 400, enquireLinkMs: 200 };
      await withTold({ hosts, ...times }, async ({ session, told, submit }) => {
        await until(() => session.bound());
        smsc.halfOpen();
        submit(1);
        session.flush();
        await until(() => told.down === 1);
        assert.equal(told.doubted[0]?.slice(0, 2), [1, "expired"]);
        assert.match(session.told().problem, /enquire_link/);
        await until(() => session.bound());
      });
    }),
);

sessions("a wrong password is told, with the status, and tried again seldom", () =>
  withCarrier({ password: "other" }, undefined, async (smsc) => {
    const hosts = [{ host: "127.0.0.1", port: smsc.port }];
    await withTold({ hosts, clock: hurried(20) }, async ({ session, told }) => {
      await until(() => told.refused.length === 1);
      assert.equal(told.refused, [0x0e]);
      assert.match(session.told().problem, /ESME_RINVPASWD/);
      // Within 30 s of its time: after 5, and 10 more, and not after 20 more.
      await sleep(SYSTEM_CLOCK, 1_500);
      assert.ok(told.refused.length <= 3, `${told.refused.length} tries`);
      assert.is(smsc.stats().bindsRefused, told.refused.length);
    });
  }),
);

sessions("a carrier that asks without end and does not read is let go, not written for", () =>
  withSession({}, binds, async ({ peer, session, told }) => {
    await until(() => session.bound());
    peer.deaf(true);
    const many = Buffer.concat(
      Array.from({ length: 20_000 }, (_, sequence) => {
        const pdu: unknown = { command: "enquire_link", status: 0, sequence, tlvs: [] };
        return encodePdu(pdu as Pdu);
      }),
    );
    // The kernel takes some of the answers, too.
    for (let round = 0; round < 100 && told.down === 0; round += 1) {
      peer.raw(many);
      await sleep(SYSTEM_CLOCK, 10);
    }
    await until(() => told.down === 1);
    assert.is(session.told().problem, "the carrier does not read our answers");
  }),
);

sessions("a carrier that rejects enquire_link is there all the same", () => {
  const answer = (pdu: Pdu, peer: Peer): void => {
    binds(pdu, peer);
    if (pdu.command !== "enquire_link") return;
    peer.send({ command: "generic_nack", status: 3, sequence: pdu.sequence });
  };
  return withSession(
    { enquireLinkMs: 100, responseMs: 300 },
    answer,
    async ({ peer, session, told }) => {
      await until(() => session.bound());
      await until(() => peer.got.filter(({ command }) => command === "enquire_link").length > 5);
      assert.equal([told.down, told.unexpected], [0, []]);
    },
  );
});

sessions("goodbyes out of turn: before the bind is answered, and to an unbind never sent", () => {
  let turn = 0;
  const answer = (pdu: Pdu, peer: Peer): void => {
    if (pdu.command !== "bind_transceiver") return;
    turn += 1;
    if (turn === 1) peer.send({ command: "unbind", sequence: 7 });
    else binds(pdu, peer);
    if (turn === 2) peer.send({ command: "unbind_resp", sequence: 8 });
  };
  return withSession({}, answer, async ({ session, told }) => {
    await until(() => turn === 3 && session.bound());
    // It never was up the first time, so it did not go down.
    assert.equal([told.up, told.down], [2, 1]);
  });
});

sessions.run();
