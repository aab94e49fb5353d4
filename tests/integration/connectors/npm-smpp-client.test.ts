/** npm `smpp` as client of the simulated carrier: what it asks for, and how the carrier misbehaves. */
import smpp, { type PDU, type Session } from "smpp";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type CarrierOptions, DEFAULTS } from "../../../bench/carrier/options.js";
import { openSmsc, type Smsc } from "../../../bench/carrier/smsc.js";
import { until } from "../../until.js";

const clients = suite("carrier simulator: npm smpp as client");

interface Client {
  readonly smsc: Smsc;
  /** What the carrier delivered, each answered with ok. */
  readonly delivered: PDU[];
  /** Asks and waits for the answer. */
  ask(command: string, fields: Record<string, unknown>): Promise<PDU>;
  submit(to: string, fields?: Record<string, unknown>): Promise<PDU>;
}

async function withClient(
  options: Partial<CarrierOptions>,
  run: (client: Client) => Promise<void>,
): Promise<void> {
  const smsc = await openSmsc({ ...DEFAULTS, submits: 10_000, ...options });
  const delivered: PDU[] = [];
  let session: Session | undefined;
  try {
    session = smpp.connect({ url: `smpp://127.0.0.1:${smsc.port}` });
    session.on("error", () => {});
    const bound = session;
    bound.on("deliver_sm", (pdu: PDU) => {
      delivered.push(pdu);
      bound.send(pdu.response());
    });
    const ask = (command: string, fields: Record<string, unknown>): Promise<PDU> =>
      new Promise((resolve) => bound.send(new smpp.PDU(command, fields), resolve));
    const answer = await ask("bind_transceiver", { system_id: "floe", password: "secret" });
    assert.is(answer.command_status, 0);
    await run({
      smsc,
      delivered,
      ask,
      submit: (to, fields = {}) =>
        ask("submit_sm", { destination_addr: to, registered_delivery: 1, ...fields }),
    });
  } finally {
    session?.destroy();
    await smsc.close();
  }
}

function textOf(pdu: PDU): string {
  return String((pdu["short_message"] as { message: unknown }).message);
}

clients("query_sm, cancel_sm, replace_sm, submit_multi and data_sm are answered", () =>
  withClient({ receiptDelayMs: 3_600_000 }, async ({ ask, submit, smsc }) => {
    const { message_id } = await submit("447700900555", { short_message: "x" });
    const state = async () => (await ask("query_sm", { message_id }))["message_state"];
    assert.is(await state(), 1);
    assert.is((await ask("replace_sm", { message_id, short_message: "y" })).command_status, 0);
    assert.is((await ask("cancel_sm", { message_id })).command_status, 0);
    assert.is(await state(), 4);
    assert.is((await ask("cancel_sm", { message_id })).command_status, 0x11);
    assert.is((await ask("query_sm", { message_id: "nobody" })).command_status, 0x0c);
    const many = await ask("submit_multi", {
      dest_address: [
        { dest_addr_ton: 1, dest_addr_npi: 1, destination_addr: "447700900556" },
        { dest_addr_ton: 1, dest_addr_npi: 1, destination_addr: "447700900003" },
      ],
      short_message: "x",
    });
    assert.is(many.command_status, 0);
    assert.is((many["unsuccess_sme"] as unknown[]).length, 1);
    const data = await ask("data_sm", { destination_addr: "4477", message_payload: "x" });
    assert.is(data.command_status, 0);
    assert.is(smsc.stats().malformed, 0);
  }),
);

clients("receipts come in every form, with ids in every form", async () => {
  for (const [id, receiptId] of [
    ["hex", "other-base"],
    ["decimal", "padded"],
    ["upper", "lower"],
    ["padded", "stripped"],
    ["uuid", "upper"],
  ] as const) {
    await withClient(
      { id, receiptId, receiptForm: ["seconds", "long", "case", "short"] },
      async (c) => {
        const answers = await Promise.all(
          Array.from({ length: 30 }, (_, index) => c.submit(`4477009${1000 + index}`)),
        );
        await until(() => c.delivered.length === 30);
        const ids = c.delivered.map(
          (pdu) => /^id:(\S+) .*stat:deliv\w+ err:000/i.exec(textOf(pdu))![1]!,
        );
        assert.is(new Set(ids).size, 30);
        const [first] = answers.map((pdu) => String(pdu["message_id"]));
        const known = { hex: /^[0-9a-f]{12}$/, decimal: /^\d{10,15}$/, upper: /^[0-9A-F]{12}$/ };
        const more = { padded: /^\d{20}$/, uuid: /^[0-9a-f-]{36}$/ };
        assert.match(first!, { ...known, ...more }[id]);
      },
    );
  }
  await withClient({ receiptForm: ["tlv"] }, async ({ submit, delivered }) => {
    const { message_id } = await submit("447700900555");
    await until(() => delivered.length === 1);
    assert.is(String(delivered[0]!["receipted_message_id"]), message_id);
    assert.is(delivered[0]!["message_state"], 2);
  });
});

clients("faults are those of the seed and the message, in whatever order they come", async () => {
  const shares = { refused: 0.3, receiptTwice: 0.3, receiptNever: 0.3, delivered: 0.5 };
  const numbers = Array.from({ length: 60 }, (_, index) => `4477009${1000 + index}`);
  const fates: string[] = [];
  for (const order of [numbers, numbers.toReversed(), numbers]) {
    await withClient({ ...shares, seed: 5 + Math.floor(fates.length / 2) }, async (client) => {
      await Promise.all(order.map((to) => client.submit(to, { short_message: "same" })));
      const lines = client.smsc.submits(0, 1_000).trim().split("\n");
      const told = lines
        .map((line) => JSON.parse(line) as Record<string, unknown>)
        .map(({ destination, status, fate, befell }) =>
          JSON.stringify([destination, status, fate, befell]),
        );
      fates.push(told.sort().join("\n"));
    });
  }
  assert.is(fates[0], fates[1]);
  assert.is.not(fates[0], fates[2]);
});

clients("rules by prefix count more than what is set for all, the longest most", () =>
  withClient({}, async ({ submit, smsc }) => {
    smsc.rules.set([
      { prefix: "4477", refused: 1, "refuse-with": "ESME_RMSGQFUL" },
      { prefix: "44778", refused: 0 },
      { prefix: "49", refused: 1, "refuse-with": ["0x0b"] },
    ]);
    assert.is((await submit("447700900555")).command_status, 0x14);
    assert.is((await submit("447780900555")).command_status, 0);
    assert.is((await submit("4915100000555")).command_status, 0x0b);
    assert.is((await submit("33100000555")).command_status, 0);
    assert.throws(() => smsc.rules.set([{ prefix: "x" }]), /prefix/);
    assert.throws(() => smsc.rules.set([{ prefix: "1", window: 5 }]), /cannot be set by prefix/);
    assert.is(smsc.rules.list().length, 3);
  }),
);

clients("a phone's message comes, in parts where it is long", () =>
  withClient({}, async ({ smsc, delivered }) => {
    const base = { from: "447700900555", to: "72345", reference: 77 };
    smsc.receive({ ...base, text: "STOP", parts: "udh" });
    smsc.receive({ ...base, text: "Привет ".repeat(20), parts: "udh" });
    smsc.receive({ ...base, text: "long ".repeat(50), parts: "sar" });
    smsc.receive({ ...base, text: "long ".repeat(50), parts: "payload" });
    await until(() => smsc.stats().moAcked === 7);
    // One, three with a header, two by sar_*, one payload.
    const [stop, first, , , , second, payload] = delivered as [PDU, PDU, PDU, PDU, PDU, PDU, PDU];
    assert.equal([textOf(stop), stop["source_addr"]], ["STOP", base.from]);
    assert.is(first["esm_class"], 0x40);
    assert.equal([second["sar_msg_ref_num"], second["sar_segment_seqnum"]], [77, 2]);
    assert.is((payload["message_payload"] as { message: string }).message, "long ".repeat(50));
    assert.is(smsc.stats().receiptsSent, 0);
  }),
);

clients("above its rate it refuses as it is told, and counts what comes again", () =>
  withClient({ partsPerSecond: 5, throttleWith: [0x14] }, async ({ submit, smsc }) => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => submit("447700900555", { short_message: "same" })),
    );
    const refused = answers.filter(({ command_status }) => command_status === 0x14).length;
    assert.ok(refused >= 10 && refused < 20, `${refused} refused`);
    assert.is(smsc.stats().duplicates, 20 - refused - 1);
  }),
);

clients("a half-open connection stays and says nothing", () =>
  withClient({ halfOpenMs: 3_600_000 }, async ({ submit, smsc }) => {
    await submit("447700900555");
    smsc.halfOpen();
    let answered = false;
    void submit("447700900556").then(() => {
      answered = true;
    });
    await until(() => smsc.stats().halfOpened === 1);
    assert.equal([answered, smsc.stats().submits, smsc.stats().bound], [false, 1, 1]);
  }),
);

clients.run();
