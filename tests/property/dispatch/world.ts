/**
 * A world around one partition, in simulated time: gateways, owners that die and overlap, a carrier
 * that is asked once for each message, and a stream that loses, repeats and delays.
 */
import assert from "node:assert";
import {
  type Chance,
  type Clock,
  type SimulatedClock,
  seededChance,
  simulatedClock,
  sleep,
} from "../../../core/clock.js";
import { isFloeError } from "../../../core/errors.js";
import { SILENT } from "../../../core/log.js";
import { STATE } from "../../../core/message.js";
import {
  DecisionFrame,
  DispatchFrame,
  type SettlementKind,
} from "../../../core/proto/floe/v1/frames.js";
import { OwnerAnswer, OwnerQuestion } from "../../../core/proto/floe/v1/owner.js";
import {
  ATTEMPT_RECEIPT,
  ATTEMPT_REFUSED,
  ATTEMPT_SUBMITTED,
  ATTEMPT_TIMED_OUT,
} from "../../../core/stream/fields.js";
import {
  type MemoryClient,
  type MemoryFaults,
  type MemoryServer,
  NO_FAULTS,
  openMemory,
} from "../../../core/stream/memory.js";
import {
  attemptSubject,
  dispatchConsumers,
  ownerSubject,
  requestSubject,
  STREAMS,
} from "../../../core/subjects.js";
import { type Owner, openOwner } from "../../../services/dispatch/owner.js";
import type { Partition } from "../../../services/dispatch/partition.js";
import { openTermsTable, type Terms } from "../../../services/dispatch/terms.js";
import { openWindow } from "../../../services/dispatch/window.js";
import {
  attemptFrame,
  idOf,
  LIMITS,
  NOW_MS,
  requestFrame,
  type TestAttempt,
  type TestMessage,
  testRouter,
} from "../../unit/dispatch/kit.js";

export const FAULTS: MemoryFaults = {
  publishAckLost: 0.05,
  publishLost: 0.05,
  publishLate: 0.03,
  deliveryRepeated: 0.05,
  deliveryLate: 0.05,
  ackLost: 0.05,
  lateMsMax: 400,
  wayMsMax: 3,
};

export interface World {
  readonly clock: SimulatedClock;
  readonly server: MemoryServer;
  readonly chance: Chance;
  /** A gateway publishes a frame until it is stored; it is accepted then. */
  send(messages: readonly TestMessage[], lane: number): void;
  /** Staff give or take money, and ask until they are answered. */
  credit(account: number, kind: number, amountMicros: number, reference: string): void;
  /** What they were told, by account and reference: each answer of each time. */
  readonly credited: ReadonlyMap<string, readonly OwnerAnswer[]>;
  /** Another owner comes; the one before is killed, or lives on and does not know. */
  own(before: "killed" | "stopped" | "zombie"): Promise<void>;
  /** Heals everything and lets time pass until all is done. */
  settle(): Promise<void>;
  decisions(): (DecisionFrame & { sequence: number })[];
  dispatches(): DispatchFrame[];
  /** Ids that were accepted. */
  readonly accepted: ReadonlySet<string>;
  /** How often the carrier was asked to send each message. */
  readonly sent: ReadonlyMap<string, number>;
  owner(): Partition;
}

interface Process {
  readonly client: MemoryClient;
  readonly clock: Clock & { stop(): void };
  readonly owner: Owner;
}

/** How far the balance of each account may fall below zero: account 1 is prepaid, 3 has no limit. */
export const CREDIT_LIMITS: Readonly<Record<number, number>> = { 1: 0, 2: 400_000 };
/** What account 3 may spend in a day. */
export const DAY_CAP = 900_000;

function worldTerms(): Terms {
  const terms = openTermsTable(async () => {});
  const base = { name: "A", plan: 1, status: "active" } as const;
  terms.set(1, { ...base, account: 1, payment: "prepaid" });
  terms.set(2, { ...base, account: 2, payment: "postpaid", creditLimitMicros: CREDIT_LIMITS[2] });
  terms.set(3, { ...base, account: 3, spendCapDayMicros: DAY_CAP });
  return terms;
}

/** A zombie learns from its lease that it is none any more, at the latest then. */
const LEASE_MS = 3_000;

export async function openWorld(seed: number, faults: MemoryFaults = FAULTS): Promise<World> {
  const chance = seededChance(seed);
  const clock = simulatedClock(NOW_MS);
  const server = openMemory({ clock, chance, faults: NO_FAULTS });
  const client = server.connect("world");
  await run(clock, client.declare(STREAMS));
  const accepted = new Set<string>();
  const sent = new Map<string, number>();
  const processes: Process[] = [];
  const credited = new Map<string, OwnerAnswer[]>();
  let asking = 0;
  let epoch = 0;
  let frames = 0;
  let sending = 0;

  function send(messages: readonly TestMessage[], lane: number): void {
    frames += 1;
    sending += 1;
    const id = `gateway-${frames}`;
    const publishedAtMs = clock.nowMs();
    const stamped = messages.map((one) => ({ acceptedAtMs: publishedAtMs, ...one }));
    const frame = requestFrame(stamped, { lane, publishedAtMs });
    const publish = client.publish(requestSubject(lane, 0), frame, { id, timeoutMs: 15_000 });
    void publish
      .then(() => {
        for (const one of messages) accepted.add(idOf(one.id).toString("hex"));
      })
      .catch((error: unknown) => assert.ok(isFloeError(error, "stream.unavailable")))
      .finally(() => {
        sending -= 1;
      });
    // Now and then a gateway's repeat is stored again, as after a restart of the server.
    if (chance() < 0.05) {
      clock.after(200_000, () => {
        client.publish(requestSubject(lane, 0), frame, { id }).catch(() => {});
      });
    }
  }

  function credit(account: number, kind: number, amountMicros: number, reference: string): void {
    asking += 1;
    const question = OwnerQuestion.encode({
      account,
      credit: {
        kind: kind as SettlementKind,
        amountMicros: BigInt(amountMicros),
        currency: "EUR",
        reference,
        note: "by hand",
      },
    }).finish();
    const name = `${account}/${reference}`;
    const ask = async (): Promise<void> => {
      for (;;) {
        try {
          const answer = OwnerAnswer.decode(await client.ask(ownerSubject(0), question, 1_000));
          credited.set(name, [...(credited.get(name) ?? []), answer]);
          return;
        } catch (error) {
          assert.ok(isFloeError(error, "stream.unavailable"));
          await sleep(clock, 50);
        }
      }
    };
    void ask().finally(() => {
      asking -= 1;
    });
  }

  async function own(before: "killed" | "stopped" | "zombie"): Promise<void> {
    const last = processes.at(-1);
    if (last !== undefined && before === "killed") {
      last.client.kill();
      last.clock.stop();
    } else if (last !== undefined && before === "stopped") {
      await run(clock, last.owner.lost("0"));
    } else if (last !== undefined) {
      last.clock.after(chance() * LEASE_MS, () => void last.owner.lost("0"));
    }
    epoch += 1;
    const one = openProcess(`owner-${epoch}`);
    processes.push(one);
    one.owner.gained("0", epoch);
  }

  function openProcess(name: string): Process {
    const own = clock.fork();
    const connection = server.connect(name, own);
    const owner = openOwner({
      processId: name,
      client: connection,
      clock: own,
      log: SILENT,
      router: testRouter(),
      window: openWindow(4),
      rateOf: () => 50,
      terms: worldTerms(),
      limits: { ...LIMITS, reservationsMax: 100_000 },
      snapshotEveryMs: 2_000,
      snapshotFramesMin: 3,
    });
    return { client: connection, clock: own, owner };
  }

  await openCarriers();

  /** Sends each message once, and says what became of it. */
  async function openCarriers(): Promise<void> {
    for (const carrier of ["alpha", "beta"]) {
      for (const spec of dispatchConsumers(carrier)) {
        await run(clock, client.declareConsumer(spec));
        await run(
          clock,
          client.consume(spec, { outstandingMax: 50 }, (delivery) => {
            const attempts: TestAttempt[] = [];
            for (const record of DispatchFrame.decode(delivery.data).records) {
              attempts.push(...attemptsOf(record.messageId, record.acceptedAtMs, record.account));
            }
            void attempted(carrier, attempts).then(() => delivery.ack());
          }),
        );
      }
    }
  }

  function attemptsOf(messageId: Buffer, acceptedAtMs: bigint, account: number): TestAttempt[] {
    const name = messageId.toString("hex");
    const times = sent.get(name) ?? 0;
    sent.set(name, times + 1);
    // Looked up: the carrier has it already.
    if (times > 0) return [];
    const about = { id: messageId.readUInt32BE(0), acceptedAtMs: Number(acceptedAtMs), account };
    const luck = chance();
    if (luck < 0.1) return [{ ...about, kind: ATTEMPT_REFUSED, final: true }];
    if (luck < 0.2)
      return [{ ...about, kind: ATTEMPT_TIMED_OUT, state: STATE.UNKNOWN }, ...late(about)];
    const state = luck < 0.4 ? STATE.UNDELIVERABLE : STATE.DELIVERED;
    return [
      { ...about, kind: ATTEMPT_SUBMITTED, state: STATE.SUBMITTED },
      { ...about, kind: ATTEMPT_RECEIPT, state },
      { ...about, kind: ATTEMPT_RECEIPT, state },
    ];
  }

  function late(about: { id: number; acceptedAtMs: number; account: number }): TestAttempt[] {
    if (chance() < 0.5) return [];
    return [{ ...about, kind: ATTEMPT_RECEIPT, state: STATE.DELIVERED }];
  }

  /** Attempts are published until they are stored, perhaps twice. */
  async function attempted(carrier: string, attempts: readonly TestAttempt[]): Promise<void> {
    if (attempts.length === 0) return;
    const frame = attemptFrame(attempts);
    for (;;) {
      try {
        await client.publish(attemptSubject(0, carrier), frame, {
          id: `attempt-${attempts[0]!.id}`,
        });
        return;
      } catch (error) {
        assert.ok(isFloeError(error, "stream.unavailable"));
      }
    }
  }

  const owned = (): Partition | undefined => processes.at(-1)?.owner.partitions()[0];
  server.setFaults(faults);
  return {
    clock,
    server,
    chance,
    send,
    own,
    async settle() {
      server.setFaults(NO_FAULTS);
      const quiet = (): boolean =>
        sending === 0 &&
        asking === 0 &&
        server.stored("REQUESTS").length === 0 &&
        server.stored("DISPATCH").length === 0 &&
        owned()?.state.reservations.held() === 0;
      // What lingers is appended; repeats that were still to come have come.
      await clock.advance(300_000);
      const done = await clock.until(quiet, 900_000);
      const left = {
        sending,
        requests: server.stored("REQUESTS").length,
        dispatch: server.stored("DISPATCH").length,
        held: owned()?.state.reservations.held(),
      };
      assert.ok(done && quiet(), `all is done in the end: ${JSON.stringify(left)}`);
    },
    decisions: () =>
      server.history("DECISIONS").map(({ data, sequence }) => ({
        ...DecisionFrame.decode(data),
        sequence,
      })),
    dispatches: () => server.history("DISPATCH").map(({ data }) => DispatchFrame.decode(data)),
    accepted,
    sent,
    credit,
    credited,
    owner: () => owned()!,
  };
}

/** Lets time pass until a promise is settled. */
export async function run<T>(clock: SimulatedClock, promise: Promise<T>): Promise<T> {
  let settled = false;
  const watched = promise.finally(() => {
    settled = true;
  });
  watched.catch(() => {});
  const done = await clock.until(() => settled, 600_000);
  assert.ok(done, "it ends in time");
  return await watched;
}
