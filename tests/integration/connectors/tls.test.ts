/** Sessions over TLS: whom they trust, what they say when they do not, and that nothing goes plain. */
import type { AddressInfo } from "node:net";
import smpp, { type PDU } from "smpp";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { CarrierConfig } from "../../../core/configuration.js";
import { until } from "../../until.js";
import { AUTHORITY, CLIENT, EXPIRED, OTHER, SERVER } from "./certificates.js";
import { KIND, numbers, withKit } from "./kit.js";
import { type Certificate, withCarrier, withTold } from "./session-kit.js";

const secured = suite("connectors: TLS");

type Tls = NonNullable<CarrierConfig["tls"]>;
const TRUSTED: Tls = { authorities: AUTHORITY.certificate };

/** A session that wants TLS is not bound, and says why; the carrier hears nothing that it can read. */
function refuses(
  what: string,
  certificate: Certificate | undefined,
  tls: Tls,
  why: RegExp,
  clients = "",
  host = "localhost",
): void {
  secured(`is not bound to ${what}, says why, and tries no other way`, () =>
    withCarrier({ tlsClients: clients }, certificate, (smsc) =>
      withTold({ hosts: [{ host, port: smsc.port }], tls }, async ({ session, told }) => {
        await until(() => session.told().problem !== "");
        assert.match(session.told().problem, why);
        assert.is(session.told().state, "waiting");
        assert.is(told.up, 0);
        const { binds, bindsRefused } = smsc.stats();
        assert.equal([binds, bindsRefused], [0, 0]);
      }),
    ),
  );
}

/** It is bound, and 100 messages are answered. */
async function isBoundBy(port: number, tls: Tls, host = "localhost"): Promise<void> {
  await withTold({ hosts: [{ host, port }], tls, window: 100 }, async (opened) => {
    const { session, told, submit } = opened;
    await until(() => session.bound(), "it is bound", 10_000);
    for (let ticket = 0; ticket < 100; ticket += 1) submit(ticket);
    session.flush();
    await until(() => told.answered.length === 100);
    assert.ok(told.answered.every(([, status, id]) => status === 0 && id !== ""));
    assert.is(session.told().problem, "");
  });
}

secured("is bound to whom its own authority signed, by the host's name or by another", () =>
  withCarrier({}, SERVER, async ({ port }) => {
    await isBoundBy(port, TRUSTED);
    await isBoundBy(port, TRUSTED, "127.0.0.1");
    await isBoundBy(port, { ...TRUSTED, serverName: "smsc.example" }, "127.0.0.1");
  }),
);

secured("shows its certificate to a carrier that asks for one", () =>
  withCarrier({ tlsClients: "yes" }, SERVER, ({ port }) =>
    isBoundBy(port, { ...TRUSTED, certificate: CLIENT.certificate, key: CLIENT.key }),
  ),
);

refuses("a certificate of another name", OTHER, TRUSTED, /for another name/);
const strange = { ...TRUSTED, serverName: "smsc.invalid" };
refuses("a name that the certificate does not have", SERVER, strange, /for another name/);
refuses("a certificate of an authority that it does not know", SERVER, {}, /authority .* not/);
refuses("a certificate that has expired", EXPIRED, TRUSTED, /has expired/);
refuses("a carrier that asks for a certificate, without one", SERVER, TRUSTED, /of ours/, "yes");
refuses("a carrier that speaks plain SMPP", undefined, TRUSTED, /TLS/);
refuses("anyone with an authority that is no PEM", SERVER, { authorities: "x" }, /authority/);
const mixed = { ...TRUSTED, certificate: CLIENT.certificate, key: SERVER.key };
refuses("anyone with a key of another certificate", SERVER, mixed, /certificates cannot be used/);

secured("a carrier that speaks TLS is told to a session that does not", () =>
  withCarrier({}, SERVER, (smsc) =>
    withTold({ hosts: [{ host: "127.0.0.1", port: smsc.port }] }, async ({ session, told }) => {
      await until(() => session.told().problem !== "");
      assert.is(told.up, 0);
    }),
  ),
);

secured("what it writes is what arrives, much at a time, and so are the answers and receipts", () =>
  withCarrier({ latencyMs: 2 }, SERVER, async (smsc) => {
    const hosts = [{ host: "localhost", port: smsc.port }];
    await withTold({ hosts, tls: TRUSTED, window: 2_000 }, async (opened) => {
      const { session, told, submit } = opened;
      await until(() => session.bound());
      let ticket = 0;
      while (told.answered.length < 20_000) {
        while (session.room() > 0 && ticket < 20_000) {
          submit(ticket);
          ticket += 1;
        }
        session.flush();
        // It stops reading now and then, as while receipts wait for the stream.
        session.pause(ticket % 3 === 0);
        await new Promise((resolve) => setTimeout(resolve, 1));
        session.pause(false);
      }
      const tickets = told.answered.map(([one]) => one).sort((a, b) => a - b);
      assert.equal(
        tickets,
        Array.from({ length: 20_000 }, (_, index) => index),
      );
      await until(() => told.delivered.length === 20_000);
      await until(() => smsc.stats().receiptsAcked === 20_000);
      assert.is(smsc.stats().malformed, 0);
      assert.equal([told.doubted.length, told.unexpected.length], [0, 0]);
    });
  }),
);

secured("a connector and npm smpp as server understand each other over TLS", async () => {
  const submits: PDU[] = [];
  const server = smpp.createServer({ key: SERVER.key, cert: SERVER.certificate }, (session) => {
    session.on("error", () => {});
    session.on("bind_transceiver", (pdu: PDU) => session.send(pdu.response()));
    session.on("unbind", (pdu: PDU) => session.send(pdu.response()));
    session.on("submit_sm", (pdu: PDU) => {
      submits.push(pdu);
      session.send(pdu.response({ message_id: `id${submits.length}` }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  try {
    await withKit(async (kit) => {
      await kit.configure("alpha", port, { tls: { ...TRUSTED, serverName: "smsc.example" } });
      await kit.connect("one");
      await kit.publish(
        "alpha",
        numbers(20).map((to) => ({ to })),
      );
      await kit.waitFor("alpha", KIND.submitted, 20);
      assert.is(submits.length, 20);
    });
  } finally {
    for (const session of server.sessions) session.destroy();
    await new Promise((resolve) => server.close(resolve));
  }
});

secured("npm smpp as client and the simulated carrier understand each other over TLS", () =>
  withCarrier({}, SERVER, async ({ port }) => {
    const url = `ssmpp://localhost:${port}`;
    const session = smpp.connect({ url, ca: AUTHORITY.certificate });
    session.on("error", () => {});
    const ask = (command: string, fields: Record<string, unknown>): Promise<PDU> =>
      new Promise((resolve) => session.send(new smpp.PDU(command, fields), resolve));
    try {
      const bound = await ask("bind_transceiver", { system_id: "floe", password: "secret" });
      assert.is(bound.command_status, 0);
      const to = { destination_addr: "447700900555", short_message: "x" };
      assert.is((await ask("submit_sm", to)).command_status, 0);
    } finally {
      session.destroy();
    }
  }),
);

secured.run();
