/**
 * Net::SMPP of Perl, the second independent reading of SMPP: PDUs through its decoder and encoder,
 * it as client of the simulated carrier, and our connector as client of it.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { DEFAULTS } from "../../../bench/carrier/options.js";
import { openSmsc } from "../../../bench/carrier/smsc.js";
import { STATE } from "../../../core/message.js";
import { print } from "../../../core/output.js";
import { decode, encode } from "../../../services/connectors/smpp/codec.js";
import { COMMAND } from "../../../services/connectors/smpp/pdu.js";
import { until } from "../../until.js";
import { KIND, withKit } from "./kit.js";

const SCRIPT = fileURLToPath(
  new URL("../../../../tests/integration/connectors/net-smpp.pl", import.meta.url),
);
const peer = suite("connectors: Net::SMPP");
const isThere = spawnSync("perl", ["-MNet::SMPP", "-MJSON::PP", "-e", "1"]).status === 0;
if (!isThere) {
  print("Net::SMPP is not there, so it is not talked to: apt-get install libnet-smpp-perl");
}
const test = isThere ? peer : peer.skip;

interface Told {
  readonly command_id: number;
  readonly status: number;
  readonly [field: string]: unknown;
}

/** Runs the script to its end. @throws Error if it fails, or says something on standard error. */
function perl(args: readonly string[], input = ""): string[] {
  const run = spawnSync("perl", [SCRIPT, ...args], { input, encoding: "utf8", timeout: 60_000 });
  if (run.status !== 0 || run.stderr !== "") throw new Error(`perl: ${run.stderr}`);
  return run.stdout.split("\n").filter((line) => line !== "");
}

const SM = {
  service_type: "CMT",
  source_addr_ton: 5,
  source_addr: "Floe",
  dest_addr_ton: 1,
  dest_addr_npi: 1,
  destination_addr: "447700900123",
  esm_class: 0x40,
  protocol_id: 1,
  priority_flag: 2,
  schedule_delivery_time: "261124120000000+",
  validity_period: "000001000000000R",
  registered_delivery: 1,
  data_coding: 8,
  short_message_hex: "0500034d0201041f04400438",
};
const ADDRESS = { source_addr_ton: 1, source_addr_npi: 1, source_addr: "72345" };
const LOGIN_FIELDS = { system_id: "floe", password: "secret", system_type: "VMA" };
const VECTORS: readonly (readonly [string, Readonly<Record<string, unknown>>])[] = [
  ["bind_transceiver", { ...LOGIN_FIELDS, interface_version: 0x34, address_range: "^44" }],
  ["bind_transmitter", { ...LOGIN_FIELDS, interface_version: 0x34, addr_ton: 1, addr_npi: 1 }],
  ["bind_receiver", { ...LOGIN_FIELDS, interface_version: 0x34 }],
  ["bind_transceiver_resp", { system_id: "carrier", tlvs: { sc_interface_version: 0x34 } }],
  ["submit_sm", SM],
  ["submit_sm", { ...SM, short_message_hex: "", tlvs: { message_payload_hex: "41".repeat(300) } }],
  [
    "submit_sm",
    {
      ...SM,
      esm_class: 0,
      tlvs: { sar_msg_ref_num: 513, sar_total_segments: 3, sar_segment_seqnum: 2 },
    },
  ],
  ["submit_sm_resp", { message_id: "0123456789abcdef" }],
  ["deliver_sm", { ...SM, esm_class: 4, tlvs: { receipted_message_id: "77f", message_state: 2 } }],
  ["deliver_sm", { ...SM, esm_class: 4, tlvs: { network_error_code_hex: "030001" } }],
  ["deliver_sm_resp", { message_id: "" }],
  ["query_sm", { message_id: "77f", ...ADDRESS }],
  ["query_sm_resp", { message_id: "77f", final_date: "", message_state: 2, error_code: 9 }],
  ["replace_sm", { message_id: "77f", ...ADDRESS, short_message_hex: "4142" }],
  ["replace_sm_resp", {}],
  ["cancel_sm", { message_id: "77f", ...ADDRESS, destination_addr: "447700900123" }],
  ["cancel_sm_resp", { command_status: 0x11 }],
  [
    "submit_multi",
    {
      ...ADDRESS,
      dest_address: [
        { dest_flag: 1, dest_addr_ton: 1, dest_addr_npi: 1, destination_addr: "447700900123" },
        { dest_flag: 2, dl_name: "everybody" },
      ],
      short_message_hex: "4142",
    },
  ],
  [
    "submit_multi_resp",
    {
      message_id: "77f",
      unsuccess_sme: [
        { dest_addr_ton: 1, dest_addr_npi: 1, destination_addr: "4477", error_status_code: 11 },
      ],
    },
  ],
  ["data_sm", { ...ADDRESS, destination_addr: "4477", tlvs: { message_payload_hex: "4142" } }],
  ["data_sm_resp", { message_id: "77f" }],
  ["alert_notification", { ...ADDRESS, esme_addr_ton: 1, esme_addr: "4477" }],
  ["enquire_link", {}],
  ["enquire_link_resp", {}],
  ["unbind", {}],
  ["unbind_resp", {}],
  ["generic_nack", { command_status: 3 }],
];

test("reads what our codec writes, and writes the same bytes again", () => {
  const written = VECTORS.map(([command, fields], index) => {
    const encoded = encode({ command, sequence_number: index + 1, ...fields });
    if (!encoded.ok) throw new Error(`${command}: ${JSON.stringify(encoded.problems)}`);
    return Buffer.from(encoded.bytes).toString("hex");
  });
  const lines = perl(["round-trip"], `${written.join("\n")}\n`);
  assert.is(lines.length, VECTORS.length);
  for (const [index, line] of lines.entries()) {
    const [command] = VECTORS[index]!;
    const { read, written: again } = JSON.parse(line) as { read: Told; written: string };
    assert.is(again, written[index], command);
    const ours = decode(Buffer.from(again, "hex"));
    if (!ours.ok) throw new Error(`${command}: ${ours.error.message}`);
    const names = Object.keys(read).filter((name) => typeof ours.pdu[name] !== "undefined");
    for (const name of names) assert.equal(read[name], ours.pdu[name], `${command}.${name}`);
    if (ours.pdu["short_message_hex"] !== undefined) {
      assert.is(read["short_message"], ours.pdu["short_message_hex"], command);
    }
  }
});

test("as a client is answered by the simulated carrier: every request, and receipts", async () => {
  const smsc = await openSmsc({ ...DEFAULTS, submits: 100 });
  try {
    // Under way for so long that it can be canceled.
    smsc.rules.set([{ prefix: "447700900123", "receipt-delay-ms": 3_600_000 }]);
    const lines = await told(["client", String(smsc.port)]);
    const answers = lines.flatMap(({ ask, answer }) =>
      ask === undefined ? [] : [{ ask, answer }],
    );
    const statusOf = answers.map(({ ask, answer }) => [ask, (answer as Told).status]);
    assert.equal(statusOf, [
      ["bind", 0],
      ...Array.from({ length: 4 }, () => ["submit_sm", 0]),
      ["submit_sm", 0x0b],
      ["query_sm", 0],
      ["query_sm", 0x0c],
      ["replace_sm", 0],
      ["cancel_sm", 0],
      ["query_sm", 0],
      ["submit_multi", 0],
      ["data_sm", 0],
      ["enquire_link", 0],
      ["unbind", 0],
    ]);
    const states = answers.filter(({ ask }) => ask === "query_sm").map(({ answer }) => answer);
    assert.equal(
      [(states[0] as Told)["message_state"], (states[2] as Told)["message_state"]],
      [1, 4],
    );
    const many = answers.find(({ ask }) => ask === "submit_multi")!.answer as Told;
    assert.equal(many["destination_addr"], ["447700910003"]);
    assert.equal(many["error_status_code"], [0x0b]);
    const receipts = lines.flatMap(({ receipt }) =>
      receipt === undefined ? [] : [receipt as Told],
    );
    assert.equal(receipts.map((one) => one["source_addr"]).sort(), [
      "447700900124",
      "447700900124",
      "447700900125",
      "447700900126",
      "447700900127",
    ]);
    const log = smsc
      .submits(0, 100)
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Told);
    assert.equal(
      log
        .filter((one) => one["destination"] === "447700900124")
        .map(({ part, parts }) => [part, parts]),
      [
        [1, 2],
        [2, 2],
      ],
    );
    const payload = log.find((one) => one["destination"] === "447700900125")!["content"];
    assert.is(payload, "78".repeat(300));
    await until(() => smsc.stats().receiptsAcked === 5);
    assert.is(smsc.stats().malformed, 0);
  } finally {
    await smsc.close();
  }
});

/** Runs the script beside this process, which serves it. */
async function told(args: readonly string[]): Promise<Record<string, unknown>[]> {
  const child = spawn("perl", [SCRIPT, ...args], { stdio: ["ignore", "pipe", "inherit"] });
  const lines: Record<string, unknown>[] = [];
  for await (const line of createInterface(child.stdout)) {
    lines.push(JSON.parse(line) as Record<string, unknown>);
  }
  return lines;
}

test("as a server takes what our connector submits, and its receipts are joined", () =>
  withKit(async (kit) => {
    const child = spawn("perl", [SCRIPT, "server"], { stdio: ["ignore", "pipe", "inherit"] });
    try {
      const got: Told[] = [];
      const port = await listening(child, got);
      await kit.configure("alpha", port);
      const stop = await kit.connect("one");
      const [plain, greek, long, refused] = await kit.publish("alpha", [
        { to: "+447700900123", text: "plain" },
        { to: "+447700900124", text: "Привет", from: "72345" },
        { to: "+447700900125", text: "long ".repeat(50), from: "+447700900000" },
        { to: "+447700900003", text: "refused" },
      ]);
      const receipts = await kit.waitFor("alpha", KIND.receipt, 4);
      // The receipt of a part says of the whole message what is known of it so far.
      for (const message of [plain, greek, long]) {
        const states = receipts.filter(({ id }) => id === message).map(({ state }) => state);
        assert.is(Math.max(...states), STATE.DELIVERED);
      }
      assert.equal(receipts.map(({ id }) => id).sort(), [plain, greek, long, long].sort());
      const [no] = await kit.waitFor("alpha", KIND.refused, 1);
      assert.equal([no!.id, no!.error], [refused, 0x0b]);
      assert.equal(await kit.cold("alpha"), []);
      await stop();
      await until(() => got.at(-1)?.command_id === COMMAND.unbind);
      const submits = got.filter(({ command_id }) => command_id === COMMAND.submit_sm);
      const texts = submits.map((one) => Buffer.from(String(one["short_message"]), "hex"));
      assert.is(texts[0]!.toString("latin1"), "plain");
      assert.is(texts[1]!.swap16().toString("utf16le"), "Привет");
      assert.equal([...texts[2]!.subarray(0, 3)], [5, 0, 3]);
      assert.equal([submits[1]!["source_addr_ton"], submits[1]!["data_coding"]], [3, 8]);
      assert.equal([submits[2]!["source_addr_ton"], submits[2]!["esm_class"]], [1, 0x40]);
      const answers = got.filter(({ command_id }) => command_id === COMMAND.deliver_sm_resp);
      assert.equal(
        answers.map(({ status }) => status),
        [0, 0, 0, 0],
      );
    } finally {
      child.kill("SIGTERM");
    }
  }));

/** Resolves with the port; what comes after is put into `got`. */
function listening(child: ChildProcess, got: Told[]): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once("exit", () => reject(new Error("the Perl server ended before it listened")));
    createInterface(child.stdout!).on("line", (line) => {
      const told = JSON.parse(line) as Told & { port?: number };
      if (told.port === undefined) got.push(told);
      else resolve(told.port);
    });
  });
}

peer.run();
