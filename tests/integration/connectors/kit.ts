/**
 * Bracket: a nats-server, simulated carriers, and as many connector processes (in this one) as a
 * test starts, each with its own connection. Dispatch frames are made as owners make them.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type CarrierOptions, DEFAULTS } from "../../../bench/carrier/options.js";
import { openSmsc, type Smsc } from "../../../bench/carrier/smsc.js";
import { fillRandom, SYSTEM_CLOCK, sleep } from "../../../core/clock.js";
import { type CarrierConfig, encodeConfig, parseCarrier } from "../../../core/configuration.js";
import { extendKeys, loadKeys } from "../../../core/keys.js";
import { formatId } from "../../../core/message.js";
import { tokenOf } from "../../../core/number-seal.js";
import {
  AttemptFrame,
  type AttemptRecord,
  DispatchFrame,
  DispatchPolicy,
  type DispatchRecord,
  ReceiptFrame,
  type ReceiptRecord,
} from "../../../core/proto/floe/v1/frames.js";
import { Message } from "../../../core/proto/floe/v1/messaging.js";
import type { StreamClient } from "../../../core/stream/stream.js";
import {
  attemptsOfCarrier,
  BUCKETS,
  dispatchConsumers,
  dispatchSubject,
  receiptSubject,
  SLOTS,
  type Slot,
  STREAMS,
} from "../../../core/subjects.js";
import { serve } from "../../../services/connectors/main.js";
import {
  countBinary,
  countSegments,
  measured,
  nationalSegments,
} from "../../../workers/segments.js";
import { until } from "../../until.js";
import { stored } from "../dispatch/system.js";
import { startRole } from "../role.js";
import { type NatsBracket, withNats } from "../with-nats.js";

export { stored } from "../dispatch/system.js";

export const LOGIN = { systemId: "floe", password: "secret" } as const;

/** A message as a test words it. */
export interface Wanted {
  readonly to: string;
  readonly text?: string;
  /** Instead of a text: data and header. */
  readonly binary?: { readonly data: Uint8Array; readonly udh?: Uint8Array };
  readonly flash?: boolean;
  readonly tags?: Record<string, string>;
  readonly from?: string;
  readonly hop?: number;
  /** Carriers behind the first, and the sender that each of them gets if it is not the message's. */
  readonly candidates?: readonly (string | { readonly carrier: string; readonly sender: string })[];
  /** What sender rule, plan and carrier have made of the message. */
  readonly sender?: string;
  readonly smart?: boolean;
  readonly language?: number;
  readonly expiresAtMs?: number;
  readonly validitySeconds?: number;
  readonly receipt?: 0 | 1 | 2;
  /** Of its route; absent: the default. */
  readonly policy?: Partial<DispatchPolicy>;
  readonly retries?: number;
}

export interface PublishOptions {
  readonly lane?: number;
  readonly slot?: Slot;
  readonly again?: boolean;
  readonly causedAtMs?: number;
  readonly partition?: number;
  readonly id?: string;
  readonly atMostOnce?: boolean;
  readonly notBeforeMs?: number;
}

export interface Kit {
  readonly nats: NatsBracket;
  /** For a connector in a process of its own. */
  readonly keysFile: string;
  readonly client: StreamClient;
  /** A simulated carrier that listens. */
  simulate(options?: Partial<CarrierOptions>): Promise<Smsc>;
  configure(name: string, port: number, config?: Partial<CarrierConfig>): Promise<void>;
  /** Starts a connector; resolves when it is ready. Returns what stops it. */
  connect(name: string, environment?: Record<string, string>): Promise<() => Promise<void>>;
  /** Publishes one dispatch frame. Returns the message ids, as text. */
  publish(
    carrier: string,
    messages: readonly Wanted[],
    options?: PublishOptions,
  ): Promise<readonly string[]>;
  /** Publishes a frame once more, marked `again`, with the same records and `more` behind them. */
  again(carrier: string, id: string, more: readonly Wanted[]): Promise<{ added: string[] }>;
  attempts(carrier: string): Promise<readonly Attempt[]>;
  /** Waits until this many attempts of the kind are there. */
  waitFor(
    carrier: string,
    kind: number,
    count: number,
    withinMs?: number,
  ): Promise<readonly Attempt[]>;
  cold(carrier: string): Promise<readonly ReceiptRecord[]>;
  /** Frames of the carrier that are not acknowledged. */
  backlog(carrier: string): Promise<number>;
}

export type Attempt = AttemptRecord & { readonly id: string; readonly partition: number };

export const KIND = { submitted: 2, refused: 3, doubted: 4, receipt: 5, marker: 7 } as const;

export async function withKit(run: (kit: Kit) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "floe-connector-"));
  const keysFile = join(folder, "keys.json");
  writeFileSync(keysFile, extendKeys(undefined, SYSTEM_CLOCK.nowMs(), 2));
  const { token } = loadKeys(keysFile);
  const smscs: Smsc[] = [];
  const stops: (() => Promise<void>)[] = [];
  try {
    await withNats(async (nats) => {
      const client = await nats.client("test");
      await client.declare(STREAMS);
      const carriers = await client.bucket(BUCKETS.carriers);
      let frames = 0;
      const published = new Map<string, DispatchFrame>();

      async function attempts(carrier: string): Promise<Attempt[]> {
        const all = await stored(client, "ATTEMPTS", attemptsOfCarrier(carrier));
        return all.flatMap(({ data }) => {
          const { records, partition } = AttemptFrame.decode(data);
          return records.map((record) => {
            const id = record.messageId.length === 16 ? formatId(record.messageId) : "";
            return { ...record, id, partition };
          });
        });
      }

      try {
        await run({
          nats,
          keysFile,
          client,
          async simulate(options = {}) {
            const smsc = await openSmsc({ ...DEFAULTS, ...LOGIN, track: true, ...options });
            smscs.push(smsc);
            return smsc;
          },
          async configure(name, port, config = {}) {
            const base = {
              name,
              link: "smpp",
              status: "active",
              host: "127.0.0.1",
              port,
              ...LOGIN,
            };
            await carriers.put(name, encodeConfig(parseCarrier({ ...base, ...config })));
          },
          async connect(name, environment = {}) {
            const stop = await startConnector(nats, name, keysFile, environment);
            stops.push(stop);
            return stop;
          },
          async publish(carrier, messages, options = {}) {
            const { lane = 2, slot = "0", partition = 0, again = false } = options;
            const causedAtMs = options.causedAtMs ?? SYSTEM_CLOCK.nowMs();
            frames += 1;
            const subject = dispatchSubject(carrier, lane, slot);
            const identity = options.id ?? `${partition}/${frames}/${subject}/0`;
            const records = messages.map((message) => recordOf(message, token));
            const frame: DispatchFrame = {
              ...{ carrier, lane: lane as 1 | 2 | 3, slot: SLOTS.indexOf(slot), identity },
              ...{ causedAtMs: BigInt(causedAtMs), again, partition, records },
              atMostOnce: options.atMostOnce ?? false,
              notBeforeMs: BigInt(options.notBeforeMs ?? 0),
            };
            published.set(identity, frame);
            await client.publish(subject, DispatchFrame.encode(frame).finish(), { id: identity });
            return records.map(({ messageId }) => formatId(messageId));
          },
          async again(carrier, id, more) {
            const before = published.get(id)!;
            const added = more.map((message) => recordOf(message, token));
            const frame = { ...before, again: true, records: [...before.records, ...added] };
            const subject = dispatchSubject(carrier, before.lane, SLOTS[before.slot]!);
            await client.publish(subject, DispatchFrame.encode(frame).finish());
            return { added: added.map(({ messageId }) => formatId(messageId)) };
          },
          attempts,
          async waitFor(carrier, kind, count, withinMs = 15_000) {
            let found: Attempt[] = [];
            await until(
              async () => {
                found = (await attempts(carrier)).filter((one) => one.kind === kind);
                return found.length >= count;
              },
              `${count} attempts`,
              withinMs,
            );
            return found;
          },
          async cold(carrier) {
            const all = await stored(client, "RECEIPTS", receiptSubject(carrier));
            return all.flatMap(({ data }) => ReceiptFrame.decode(data).records);
          },
          async backlog(carrier) {
            const all = dispatchConsumers(carrier).map((spec) => client.backlog(spec));
            const each = await Promise.all(all);
            return each.reduce((sum, { pending, ackPending }) => sum + pending + ackPending, 0);
          },
        });
      } finally {
        for (const stop of stops.reverse()) await stop();
      }
    });
  } finally {
    for (const smsc of smscs) await smsc.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A record as workers make it. */
function recordOf(wanted: Wanted, token: Uint8Array): DispatchRecord {
  const { to, from = "Floe", text = "Hello", hop = 0, candidates = [], receipt = 0 } = wanted;
  const bytes = Buffer.from(text, "utf8");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const { sender = "", smart = false, language = 0 } = wanted;
  const { binary, flash = false, tags = {} } = wanted;
  let segments = countSegments(bytes, view, 0, bytes.length, smart);
  if (binary !== undefined) segments = countBinary(binary.data.length, binary.udh?.length ?? 0);
  if (language !== 0) segments = nationalSegments(bytes, view, 0, bytes.length, language);
  const messageId = Buffer.alloc(16);
  fillRandom(messageId);
  const nowMs = SYSTEM_CLOCK.nowMs();
  const { validitySeconds = 0, expiresAtMs = nowMs + 600_000 } = wanted;
  const message = Message.fromPartial({
    ...{ to, from, validitySeconds, receipt, flash, tags },
    body:
      binary === undefined
        ? { $case: "text", text }
        : { $case: "binary", binary: { data: Buffer.from(binary.data), udh: udhOf(binary) } },
  });
  return {
    ...{ messageId, acceptedAtMs: BigInt(nowMs), account: 7, hop, segments },
    expiresAtMs: BigInt(expiresAtMs),
    encoding: measured.encoding as 1 | 2 | 3,
    plain: measured.plain,
    toTok: Buffer.from(tokenOf(to, token)!),
    message,
    candidates: candidates.map((one) => ({
      carrier: typeof one === "string" ? one : one.carrier,
      ...{ costMicros: 1n, costCurrency: "EUR" },
      sender: typeof one === "string" ? "" : one.sender,
    })),
    ...{ sender, smart: measured.smart, languages: measured.languages },
    policy: wanted.policy === undefined ? undefined : DispatchPolicy.fromPartial(wanted.policy),
    retries: wanted.retries ?? 0,
  };
}

function udhOf({ udh = new Uint8Array(0) }: NonNullable<Wanted["binary"]>): Buffer {
  return Buffer.from(udh);
}

async function startConnector(
  nats: NatsBracket,
  name: string,
  keysFile: string,
  environment: Record<string, string>,
): Promise<() => Promise<void>> {
  return startRole(serve, {
    processId: `${name}-${SYSTEM_CLOCK.nowMs()}`,
    client: await nats.client(name),
    common: { keysFile },
    environment: { FLOE_CONNECTOR_LEASE_SECONDS: "2", ...environment },
  });
}

/** Distinct numbers that end as given. */
export function numbers(count: number, suffix = "5555"): string[] {
  return Array.from(
    { length: count },
    (_, index) => `+4477${String(index).padStart(4, "0")}${suffix}`,
  );
}

/** Lets `delayMs` go by. */
export function pause(delayMs: number): Promise<void> {
  return sleep(SYSTEM_CLOCK, delayMs);
}
