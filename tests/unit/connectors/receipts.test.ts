/** The receipts stage: what is joined, what waits, what is answered and when, what is learned. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { simulatedClock } from "../../../core/clock.js";
import { parseCarrier } from "../../../core/configuration.js";
import { FloeError } from "../../../core/errors.js";
import { SILENT } from "../../../core/log.js";
import { STATE } from "../../../core/message.js";
import { openSeal, tokenOf } from "../../../core/number-seal.js";
import {
  AttemptFrame,
  type AttemptRecord,
  InboundFrame,
  type InboundRecord,
  ReceiptFrame,
  type ReceiptRecord,
} from "../../../core/proto/floe/v1/frames.js";
import { ATTEMPT_SUBMITTED } from "../../../core/stream/fields.js";
import { beginNested, endNested, newWriter, written } from "../../../core/stream/frame.js";
import type { KeyOptions, Outbox, Settled } from "../../../core/stream/outbox.js";
import { openAttemptKeys } from "../../../services/connectors/attempts.js";
import type { DeliverySource } from "../../../services/connectors/link.js";
import { newRemembered, openMemory } from "../../../services/connectors/memory.js";
import { openReceipts } from "../../../services/connectors/receipts.js";
import { encodePdu, type SmPdu } from "../../../services/connectors/smpp/pdu-object.js";
import { SUBMIT, startOf } from "./kit.js";

const stage = suite("connectors: receipts stage");
const TOKEN_KEY = new Uint8Array(16).fill(5);
const TO = "447700900123";
const NOW_MS = Date.UTC(2026, 10, 24);

interface Stage {
  /** Remembers a submission: its ids, by part. */
  submitted(id: number, ids: readonly string[], to?: string): void;
  /** A read of the carrier that brings these. */
  read(...pdus: readonly Partial<SmPdu>[]): void;
  records(): AttemptRecord[];
  cold(): ReceiptRecord[];
  inbound(): InboundRecord[];
  /** What is in the outbox is durable, or is not. */
  settle(error?: FloeError): void;
  /** command_status by sequence number. */
  readonly answers: Map<number, number>;
  after(ms: number): Promise<void>;
  readonly receipts: ReturnType<typeof openReceipts>;
}

function openStage(config: object = {}, bind = "alpha.0"): Stage {
  const clock = simulatedClock(NOW_MS);
  const written_: { subject: string; bytes: Uint8Array }[] = [];
  let waiting: Settled[] = [];
  const answers = new Map<number, number>();
  const outbox: Outbox = {
    key: ({ subject, header }: KeyOptions) => {
      let writer = newWriter();
      let mark = 0;
      return {
        begin() {
          writer = newWriter();
          header(writer, NOW_MS);
          mark = beginNested(writer, 8);
          return writer;
        },
        end(settled) {
          endNested(writer, mark);
          written_.push({ subject, bytes: written(writer).slice() });
          if (settled !== undefined) waiting.push(settled);
        },
      };
    },
    waiting: () => waiting.length,
    drain: () => Promise.resolve(),
  };
  const base = { name: "alpha", link: "smpp", status: "active", host: "h", port: 1 };
  const login = { systemId: "s", password: "p" };
  const memory = openMemory(1_000, NOW_MS);
  const receipts = openReceipts({
    config: parseCarrier({ ...base, ...login, ...config }),
    ...{ clock, log: SILENT, outbox, memory, seal: openSeal(TOKEN_KEY) },
    keys: openAttemptKeys(outbox, "alpha", "writer"),
    bury: (_, done) => done(true),
    answer: (_, sequence, status) => void answers.set(sequence, status),
    answered: () => {},
  });
  const source: DeliverySource = { session: {}, epoch: 1, bind: Buffer.from(bind) };
  const of = (prefix: string) =>
    written_.flatMap(({ subject, bytes }) => (subject.startsWith(prefix) ? [bytes] : []));
  let sequence = 0;
  return {
    submitted(id, ids, to = TO) {
      memory.together(ids.length, NOW_MS);
      for (const [at, carrierId] of ids.entries()) {
        memory.add({
          ...newRemembered(),
          ...{ bytes: startOf(id, NOW_MS), token: tokenOf(to, TOKEN_KEY)!, tokenAt: 0 },
          ...{ kind: ATTEMPT_SUBMITTED, part: at + 1, parts: ids.length },
          carrierId: Buffer.from(carrierId, "latin1"),
          carrierIdEnd: carrierId.length,
        });
      }
    },
    read(...pdus) {
      for (const pdu of pdus) {
        sequence += 1;
        const bytes = encodePdu({ ...DELIVER, ...pdu, sequence });
        receipts.take(source, sequence, bytes, 0, bytes.length);
      }
      receipts.join();
    },
    records: () => of("attempt.").flatMap((bytes) => AttemptFrame.decode(bytes).records),
    cold: () => of("receipt.").flatMap((bytes) => ReceiptFrame.decode(bytes).records),
    inbound: () => of("inbound.").flatMap((bytes) => InboundFrame.decode(bytes).records),
    settle(error) {
      const settled = waiting;
      waiting = [];
      for (const tell of settled) tell(error, error === undefined ? ACK : undefined);
    },
    answers,
    after: (ms) => clock.until(() => false, ms).then(() => {}),
    receipts,
  };
}

const ACK = { sequence: 1, duplicate: false };
const DELIVER: SmPdu = {
  ...SUBMIT,
  ...{ command: "deliver_sm", esmClass: 4, source: TO, sourceTon: 1, destination: "Floe" },
};
const about = (id: string, stat = "DELIVRD"): Partial<SmPdu> => ({
  content: Buffer.from(`id:${id} sub:001 dlvrd:001 stat:${stat} err:000 text:`),
});
const statesOf = (all: readonly AttemptRecord[]) => all.map(({ state }) => state);

stage("answers a receipt when it is durable, and refuses it for now when it cannot be", () => {
  const one = openStage();
  one.submitted(1, ["a1"]);
  one.read(about("a1"));
  assert.equal(one.records()[0]?.carrierIds, ["a1"]);
  assert.is(one.answers.size, 0);
  one.settle();
  assert.is(one.answers.get(1), 0);
  one.read(about("a1"));
  one.settle(new FloeError("stream.unavailable"));
  assert.is(one.answers.get(2), 0x64);
  // The same again says the same again: states only rise.
  one.read(about("a1"), about("a1", "ENROUTE"), about("a1", "EXPIRED"));
  const { DELIVERED, SUBMITTED, EXPIRED } = STATE;
  assert.equal(statesOf(one.records()), [DELIVERED, DELIVERED, DELIVERED, SUBMITTED, EXPIRED]);
});

stage(
  "waits for the answer to its submit_sm, then gives the receipt to those who look further",
  async () => {
    const one = openStage();
    one.read(about("b1"), about("b2"));
    assert.is(one.receipts.held(), 2);
    one.submitted(1, ["b1"]);
    one.receipts.lookAgain();
    assert.is(one.receipts.held(), 1);
    assert.equal(one.records()[0]?.carrierIds, ["b1"]);
    await one.after(2_500);
    assert.is(one.receipts.held(), 0);
    const [cold] = one.cold();
    assert.equal([cold?.carrierId, cold?.state], ["b2", STATE.DELIVERED]);
    assert.equal(Buffer.from(cold!.toTok), Buffer.from(tokenOf(TO, TOKEN_KEY)!));
    assert.is(one.answers.size, 0);
    one.settle();
    assert.equal([...one.answers.keys()].sort(), [1, 2]);
  },
);

stage(
  "demands the recipient too, and finds it in whichever address the carrier puts it",
  async () => {
    const one = openStage();
    one.submitted(1, ["c1"]);
    one.submitted(2, ["c2"]);
    one.submitted(3, ["c3"]);
    one.read({ ...about("c1"), source: "4477009999", destination: "4477008888" });
    await one.after(2_500);
    assert.is(one.records().length, 0);
    assert.is(one.cold().length, 1);
    // The addresses as submit_sm had them: found a moment later, and at once from then on.
    const swapped = { source: "447786200111", destination: `+${TO}` };
    one.read({ ...about("c1"), ...swapped }, { ...about("c2"), ...swapped });
    assert.is(one.receipts.held(), 2);
    one.receipts.lookAgain();
    assert.is(one.records().length, 2);
    assert.is(one.receipts.status()[0]?.recipient, "destination");
    one.read({ ...about("c3"), ...swapped });
    assert.is(one.receipts.held(), 0);
    assert.is(one.records().length, 3);
    // A name is never the recipient.
    one.read({ ...about("c3"), source: "Floe", sourceTon: 5, destination: TO });
    one.read({ ...about("c3"), source: TO, destination: "Floe" });
    assert.is(one.records().length, 5);
  },
);

stage("learns in which form a bind's receipts write ids", () => {
  const formOf = (answered: string, received: string) => {
    const one = openStage();
    one.submitted(1, [answered]);
    one.read(about(received));
    assert.is(one.records().length, 1, `${answered} ${received}`);
    // As received, never changed.
    assert.equal(one.records()[0]?.carrierIds, [received]);
    const [bind] = one.receipts.status();
    assert.is(bind?.bind, "alpha.0");
    assert.is(bind?.idForms?.[bind.idForm!], 1);
    return bind?.idForm;
  };
  assert.is(formOf("0A1b", "0A1b"), "same");
  assert.is(formOf("0A1b", "0a1B"), "case");
  assert.is(formOf("00012", "12"), "zeros");
  assert.is(formOf("a1b2c3d4", "2712847316"), "decimalToHex");
  assert.is(formOf("2712847316", "A1B2C3D4"), "hexToDecimal");
});

stage("tries the form of ids that the profile names first, until receipts teach another", () => {
  // Both messages have an id that the receipt may mean.
  const meets = (idForm?: string) => {
    const one = openStage(idForm === undefined ? {} : { idForm });
    one.submitted(1, ["1234"]);
    one.submitted(2, ["4d2"]);
    one.read(about("1234"));
    return one.records()[0]?.messageId.readUInt32LE(12);
  };
  const [plain, named] = [meets(), meets("decimalToHex")];
  assert.not.equal(plain, named);
  assert.is(meets("same"), plain);
});

stage("keeps the TLVs that the profile names, of receipts that wait as well", async () => {
  const one = openStage({ keepTlvs: ["0x1403"] });
  const tlvs = [{ tag: 0x1403, value: Buffer.from("310260\0") }];
  one.submitted(1, ["c1"]);
  one.read({ ...about("c1"), tlvs }, about("c1"), { ...about("c2"), tlvs });
  assert.equal(
    one.records().map((record) => record.tlvs),
    ["0x1403=310260", ""],
  );
  one.read({ ...about("c3"), tlvs });
  one.submitted(2, ["c2"]);
  one.receipts.lookAgain();
  assert.is(one.records()[2]?.tlvs, "0x1403=310260");
  one.receipts.stop();
  assert.equal(
    one.cold().map((record) => record.tlvs),
    ["0x1403=310260"],
  );
  const none = openStage();
  none.submitted(1, ["c1"]);
  none.read({ ...about("c1"), tlvs });
  assert.is(none.records()[0]?.tlvs, "");
});

stage("decides a long message by the carrier's rule", () => {
  const { SUBMITTED, DELIVERED, EXPIRED } = STATE;
  const wholes = (rule: string, ...pdus: readonly Partial<SmPdu>[]) => {
    const one = openStage({ partReceipts: rule });
    one.submitted(1, ["p1", "p2", "p3"]);
    for (const pdu of pdus) one.read(pdu);
    return statesOf(one.records());
  };
  assert.equal(wholes("all", about("p1"), about("p2"), about("p3")), [
    SUBMITTED,
    SUBMITTED,
    DELIVERED,
  ]);
  assert.equal(wholes("first", about("p2"), about("p1")), [SUBMITTED, DELIVERED]);
  assert.equal(wholes("last", about("p1"), about("p3", "EXPIRED")), [SUBMITTED, EXPIRED]);
});

stage("takes a receipt for the whole where all parts have one id", () => {
  const one = openStage();
  one.submitted(1, ["same", "same", "same"]);
  one.read(about("same"));
  const [record] = one.records();
  assert.equal([record?.state, record?.part, record?.parts], [STATE.DELIVERED, 0, 0]);
});

stage("hands on what a phone sent as it came, and answers when that is durable", () => {
  const one = openStage({ alphabet: "latin1" });
  const text = Buffer.from([5, 0, 3, 7, 2, 1, 0x48, 0x69]);
  one.read({ esmClass: 0x40, dataCoding: 3, content: text, destination: "447786200111" });
  const payload = { tag: 0x0424, value: Buffer.from("long") };
  const sar = [
    { tag: 0x020c, value: Buffer.of(1, 2) },
    { tag: 0x020e, value: Buffer.of(3) },
    { tag: 0x020f, value: Buffer.of(2) },
  ];
  one.read({ esmClass: 0, content: Buffer.alloc(0), tlvs: [payload, ...sar] });
  const [first, second] = one.inbound();
  assert.equal(
    [first?.from, first?.to, first?.esmClass, first?.dataCoding, first?.alphabet, first?.bind],
    [TO, "447786200111", 0x40, 3, 2, "alpha.0"],
  );
  assert.equal(Buffer.from(first!.content), text);
  assert.is(Buffer.from(second!.content).toString(), "long");
  assert.equal([second?.sarReference, second?.sarTotal, second?.sarPart], [0x102, 3, 2]);
  assert.is(one.answers.size, 0);
  one.settle();
  assert.equal(
    [...one.answers],
    [
      [1, 0],
      [2, 0],
    ],
  );
});

stage.run();
