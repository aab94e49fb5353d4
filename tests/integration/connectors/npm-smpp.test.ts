/** The connector against npm `smpp`, which other people wrote: an independent reading of SMPP. */
import type { AddressInfo } from "node:net";
import smpp, { type PDU, type Session } from "smpp";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { STATE } from "../../../core/message.js";
import { InboundFrame } from "../../../core/proto/floe/v1/frames.js";
import { until } from "../../until.js";
import { KIND, type Kit, LOGIN, numbers, stored, withKit } from "./kit.js";

const peers = suite("connectors: npm smpp");

interface Server {
  readonly port: number;
  readonly submits: PDU[];
  readonly receiptAnswers: PDU[];
  readonly unbinds: PDU[];
  readonly receivers: Session[];
}

/** An SMPP server that takes everything and sends a receipt for it. */
async function withServer(run: (kit: Kit, server: Server) => Promise<void>): Promise<void> {
  const submits: PDU[] = [];
  const receiptAnswers: PDU[] = [];
  const unbinds: PDU[] = [];
  const receivers: Session[] = [];
  let ids = 0;
  const server = smpp.createServer((session) => {
    session.on("error", () => {});
    for (const mode of ["transceiver", "transmitter", "receiver"]) {
      session.on(`bind_${mode}`, (pdu: PDU) => {
        const isKnown = pdu["system_id"] === LOGIN.systemId && pdu["password"] === LOGIN.password;
        session.send(pdu.response({ command_status: isKnown ? 0 : 0x0e }));
        if (isKnown && mode !== "transmitter") receivers.push(session);
      });
    }
    session.on("enquire_link", (pdu: PDU) => session.send(pdu.response()));
    session.on("unbind", (pdu: PDU) => {
      unbinds.push(pdu);
      session.send(pdu.response());
    });
    session.on("submit_sm", (pdu: PDU) => {
      submits.push(pdu);
      ids += 1;
      const id = ids.toString(16).padStart(8, "0");
      session.send(pdu.response({ message_id: id }));
      const receiver = receivers.includes(session) ? session : receivers.at(-1);
      receiver?.deliver_sm(
        {
          source_addr: pdu["destination_addr"],
          destination_addr: pdu["source_addr"],
          esm_class: 4,
          short_message: `id:${id.toUpperCase()} sub:001 dlvrd:001 submit date:2611241200 done date:2611241201 stat:DELIVRD err:000 text:`,
        },
        (answer) => receiptAnswers.push(answer),
      );
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  try {
    await withKit((kit) => run(kit, { port, submits, receiptAnswers, unbinds, receivers }));
  } finally {
    for (const session of server.sessions) session.destroy();
    await new Promise((resolve) => server.close(resolve));
  }
}

for (const bind of ["transceiver", "transmitter_receiver"] as const) {
  peers(`binds as ${bind}, submits, takes receipts, unbinds`, () =>
    withServer(async (kit, server) => {
      await kit.configure("alpha", server.port, { bind });
      const stop = await kit.connect("one");
      const sent = await kit.publish(
        "alpha",
        numbers(50).map((to) => ({ to })),
      );
      const receipts = await kit.waitFor("alpha", KIND.receipt, 50);
      assert.equal(receipts.map(({ id }) => id).sort(), [...sent].sort());
      assert.ok(receipts.every(({ state }) => state === STATE.DELIVERED));
      await until(() => server.receiptAnswers.length === 50);
      assert.ok(server.receiptAnswers.every(({ command_status }) => command_status === 0));
      assert.equal(await kit.cold("alpha"), []);
      await stop();
      assert.is(server.unbinds.length, bind === "transceiver" ? 1 : 2);
    }),
  );
}

peers("is read as it was meant: addresses, alphabets, parts", () =>
  withServer(async (kit, server) => {
    await kit.configure("alpha", server.port);
    await kit.connect("one");
    await kit.publish("alpha", [
      { to: "+447700900123", text: "plain" },
      { to: "+447700900124", text: "@£€ ü", from: "+447700900000" },
      { to: "+447700900125", text: "Привет", from: "72345" },
      { to: "+447700900126", text: "long ".repeat(50) },
    ]);
    await kit.waitFor("alpha", KIND.submitted, 4);
    const [plain, gsm, unicode, first, second] = server.submits as [PDU, PDU, PDU, PDU, PDU];
    const messageOf = (pdu: PDU) => (pdu["short_message"] as { message: string }).message;
    assert.is(messageOf(plain), "plain");
    assert.equal([plain["source_addr_ton"], plain["dest_addr_ton"]], [5, 1]);
    assert.is(plain["destination_addr"], "447700900123");
    // Its decoder takes the default alphabet for ASCII, so the octets are what is compared.
    assert.is(gsm["data_coding"], 0);
    assert.equal([gsm["source_addr_ton"], gsm["source_addr"]], [1, "447700900000"]);
    assert.equal([unicode["data_coding"], messageOf(unicode)], [8, "Привет"]);
    assert.equal([unicode["source_addr_ton"], unicode["source_addr"]], [3, "72345"]);
    assert.is((messageOf(first) + messageOf(second)).length, 250);
    assert.is(first["esm_class"], 0x40);
    const udh = (first["short_message"] as { udh: Buffer[] }).udh;
    assert.is(udh.length, 1);
  }),
);

peers("is read as dispatch decided it: sender, replaced characters, national tables", () =>
  withServer(async (kit, server) => {
    await kit.configure("alpha", server.port);
    await kit.connect("one");
    await kit.publish("alpha", [
      { to: "+447700900123", text: "plain", from: "Customer", sender: "72345" },
      { to: "+447700900124", text: "It’s “here”…", smart: true },
      { to: "+447700900125", text: "şifreniz 1234", language: 1 },
      { to: "+447700900126", text: "नमस्ते ".repeat(25), language: 6 },
    ]);
    await kit.waitFor("alpha", KIND.submitted, 4);
    const [plain, smart, single, first, second] = server.submits as [PDU, PDU, PDU, PDU, PDU];
    assert.equal([plain["source_addr_ton"], plain["source_addr"]], [3, "72345"]);
    const bodyOf = (pdu: PDU) => pdu["short_message"] as { message: string; udh?: Buffer[] };
    assert.is(smart["data_coding"], 0);
    assert.equal(bodyOf(smart).message, `It's "here"...`);
    const headerOf = (pdu: PDU) => (bodyOf(pdu).udh ?? []).map((one) => one.toString("hex"));
    assert.equal([single["esm_class"], single["data_coding"]], [0x40, 0]);
    assert.equal(headerOf(single), ["240101"]);
    assert.equal([first["esm_class"], second["esm_class"]], [0x40, 0x40]);
    assert.equal(headerOf(first)[1], "250106");
    assert.match(headerOf(first)[0]!, /^0003..0201$/);
    assert.match(headerOf(second)[0]!, /^0003..0202$/);
  }),
);

peers("a refused message goes to its next carrier with that carrier's sender", () =>
  withServer(async (kit, server) => {
    // The simulated carrier refuses numbers that end so; the server takes what comes to it then.
    const alpha = await kit.simulate();
    await kit.configure("alpha", alpha.port);
    await kit.configure("beta", server.port);
    await kit.connect("one");
    const own = { carrier: "beta", sender: "72345" };
    await kit.publish("alpha", [
      { to: "+447700900003", from: "Customer", sender: "Alpha", candidates: ["gone", own] },
      { to: "+447700910003", from: "Customer", sender: "Alpha", candidates: ["beta"] },
      { to: "+447700920003", from: "Customer", candidates: [own], text: "It’s…", smart: true },
    ]);
    await kit.waitFor("beta", KIND.submitted, 3);
    const told = server.submits.map((pdu) => [
      pdu["destination_addr"],
      pdu["source_addr"],
      (pdu["short_message"] as { message: string }).message,
    ]);
    assert.equal(told.sort(), [
      ["447700900003", "72345", "Hello"],
      ["447700910003", "Customer", "Hello"],
      ["447700920003", "72345", "It's..."],
    ]);
  }),
);

interface Body {
  readonly message: string | Buffer;
  readonly udh?: Buffer[];
}

const payloadOf = (pdu: PDU) => (pdu["message_payload"] as Body).message;
const bodyOf = (pdu: PDU) => (pdu["short_message"] as Body).message;
const udhOf = (pdu: PDU) =>
  ((pdu["short_message"] as Body).udh ?? []).map((one) => one.toString("hex"));

peers("long messages are read in each way of joining them, with one receipt for each PDU", () =>
  withServer(async (kit, server) => {
    const text = "Привет ".repeat(15);
    for (const longMessages of ["udh16", "sar", "payload"] as const) {
      await kit.configure(longMessages, server.port, { longMessages });
    }
    await kit.connect("one");
    await kit.publish("udh16", [{ to: "+447700900123", text }]);
    await kit.publish("sar", [{ to: "+447700900124", text }]);
    await kit.publish("payload", [{ to: "+447700900125", text }]);
    await kit.waitFor("udh16", KIND.receipt, 2);
    await kit.waitFor("sar", KIND.receipt, 2);
    const [submitted] = await kit.waitFor("payload", KIND.submitted, 1);
    const [whole] = await kit.waitFor("payload", KIND.receipt, 1);
    assert.equal(
      [submitted?.carrierIds.length, whole?.parts, whole?.state],
      [1, 0, STATE.DELIVERED],
    );
    const to = (number: string) =>
      server.submits.filter(({ destination_addr }) => destination_addr === number);
    const [first, second] = to("447700900123") as [PDU, PDU];
    assert.is(`${bodyOf(first)}${bodyOf(second)}`, text);
    assert.match(udhOf(first)[0]!, /^0804....0201$/);
    assert.match(udhOf(second)[0]!, /^0804....0202$/);
    const sar = to("447700900124");
    assert.is(sar.map(bodyOf).join(""), text);
    assert.equal(
      sar.map((pdu) => [pdu["esm_class"], pdu["sar_total_segments"], pdu["sar_segment_seqnum"]]),
      [
        [0, 2, 1],
        [0, 2, 2],
      ],
    );
    assert.is(sar[0]!["sar_msg_ref_num"], sar[1]!["sar_msg_ref_num"]);
    const payload = to("447700900125");
    assert.equal(payload.map(payloadOf), [text]);
  }),
);

peers("flash, octets with their header, and a carrier's own parameters are read as meant", () =>
  withServer(async (kit, server) => {
    await kit.configure("alpha", server.port, {
      serviceType: "VMA",
      addressing: { sourceTon: 6, destinationNpi: 8 },
      tlvs: [
        { tag: "0x0204", type: "int16", value: "513" },
        { tag: "0x020a", type: "int16", from: "tag:port" },
      ],
    });
    await kit.connect("one");
    const data = Uint8Array.from({ length: 200 }, (_, index) => index);
    const binary = { data, udh: Buffer.from("0605040b8423f0", "hex") };
    await kit.publish("alpha", [
      { to: "+447700900123", text: "now", flash: true, tags: { port: "2948" } },
      { to: "+447700900124", binary },
    ]);
    await kit.waitFor("alpha", KIND.submitted, 2);
    const [flash, first, second] = server.submits as [PDU, PDU, PDU];
    assert.equal([flash["data_coding"], flash["service_type"]], [0x10, "VMA"]);
    assert.equal([flash["source_addr_ton"], flash["dest_addr_npi"]], [6, 8]);
    assert.equal([flash["user_message_reference"], flash["source_port"]], [513, 2_948]);
    assert.equal([first["data_coding"], first["source_port"]], [4, undefined]);
    assert.is(udhOf(first)[1], "05040b8423f0");
    assert.match(udhOf(second)[0]!, /^0003..0202$/);
    const octets = [first, second].map((pdu) => bodyOf(pdu) as Buffer);
    assert.ok(Buffer.concat(octets).equals(data));
  }),
);

peers("data_sm is taken for a receipt and for a message from a phone, and answered as one", () =>
  withServer(async (kit, server) => {
    await kit.configure("alpha", server.port);
    await kit.connect("one");
    await kit.publish("alpha", [{ to: "+447700900123" }]);
    await kit.waitFor("alpha", KIND.submitted, 1);
    const [session] = server.receivers;
    const answers: PDU[] = [];
    const addresses = { source_addr: "447700900123", destination_addr: "Floe" };
    session!.send(
      new smpp.PDU("data_sm", {
        ...addresses,
        ...{ esm_class: 4, receipted_message_id: "00000001", message_state: 2 },
        message_payload: "id:00000001 stat:DELIVRD err:000",
      }),
      (answer) => answers.push(answer),
    );
    session!.send(
      new smpp.PDU("data_sm", { ...addresses, message_payload: "Hello from a phone" }),
      (answer) => answers.push(answer),
    );
    await until(() => answers.length === 2);
    const receipts = await kit.waitFor("alpha", KIND.receipt, 2);
    assert.ok(receipts.every(({ state }) => state === STATE.DELIVERED));
    assert.equal(await kit.cold("alpha"), []);
    assert.equal(
      answers.map(({ command, command_status }) => [command, command_status]),
      [
        ["data_sm_resp", 0],
        ["data_sm_resp", 0],
      ],
    );
    const inbound = await stored(kit.client, "INBOUND", "inbound.alpha");
    const [phone] = inbound.flatMap(({ data }) => InboundFrame.decode(data).records);
    assert.equal(
      [phone?.from, phone?.to, phone?.content.toString()],
      ["447700900123", "Floe", "Hello from a phone"],
    );
  }),
);

peers("a wrong password: nothing is sent, and nothing fails", () =>
  withServer(async (kit, server) => {
    await kit.configure("alpha", server.port, { password: "wrong" });
    await kit.connect("one");
    await kit.publish("alpha", [{ to: "+447700900123" }]);
    assert.is(server.submits.length, 0);
    assert.ok((await kit.attempts("alpha")).every(({ kind }) => kind === KIND.marker));
    assert.is(await kit.backlog("alpha"), 1);
    // Corrected: it is bound at once, and the message goes.
    await kit.configure("alpha", server.port);
    await kit.waitFor("alpha", KIND.submitted, 1);
  }),
);

peers.run();
