/**
 * Customers: they call gateways, lose patience, and try again under the same idempotency key. What
 * they were told about each id is what the pipeline is held to.
 */
import type { Chance, Clock } from "../../core/clock.js";
import { formatId } from "../../core/message.js";
import type { Message, TrafficClass } from "../../core/proto/floe/v1/messaging.js";
import type { AccountState } from "../../services/gateway/authenticate.js";
import { newPace } from "../../services/gateway/pace.js";
import { FATE, type Taken } from "../../services/gateway/taken.js";
import { encodeBatch, message } from "../unit/gateway/messages.js";
import { ACCOUNTS, planOf, STOPPED_NUMBER } from "./accounts.js";
import { CRASHES_LINK, CRASHES_POOL } from "./poison.js";
import type { SimulatedProcess } from "./process.js";
import type { Profile } from "./profile.js";
import type { Gateway } from "./stages.js";

export interface Door {
  readonly process: SimulatedProcess;
  readonly gateway: Gateway;
  readonly accounts: Map<number, AccountState>;
}

export interface Customers {
  /** A customer begins a call, and follows it up. */
  call(): void;
  /** Calls that somebody still follows up. */
  busy(): number;
  /** By id in text form: it was confirmed; refused for good; or a call ended without saying. */
  readonly accepted: ReadonlySet<string>;
  readonly refused: ReadonlySet<string>;
  readonly unknown: ReadonlySet<string>;
  /** Seconds that messages may be valid. */
  readonly validitySecondsMax: number;
}

interface Call {
  readonly account: number;
  readonly messages: readonly Message[];
  tries: number;
}

const TRIES_MAX = 6;
const VALIDITY_SECONDS_MAX = 40;

export function openCustomers(
  clock: Clock,
  chance: Chance,
  doors: () => readonly Door[],
  /** Fractions of messages that crash whoever routes, or sends, them. */
  { poolPoison, linkPoison }: Pick<Profile, "poolPoison" | "linkPoison">,
): Customers {
  const accepted = new Set<string>();
  const refused = new Set<string>();
  const unknown = new Set<string>();
  let busy = 0;
  let keys = 0;
  const pick = <T>(all: readonly T[]): T => all[Math.floor(chance() * all.length)]!;
  const digits = (count: number): string =>
    Array.from({ length: count }, () => Math.floor(chance() * 10)).join("");

  function newMessage(key: string): Message {
    const luck = chance();
    const to =
      luck < 0.03
        ? STOPPED_NUMBER
        : luck < 0.06
          ? `+1202555${digits(4)}`
          : luck < 0.65
            ? `+447700${digits(6)}`
            : `+49151${digits(8)}`;
    const isLong = chance() < 0.08;
    const bad = chance();
    const text =
      bad < poolPoison
        ? CRASHES_POOL
        : bad < poolPoison + linkPoison
          ? CRASHES_LINK
          : isLong
            ? "long ".repeat(40 + Math.floor(chance() * 60))
            : `code ${digits(4)}`;
    return message({
      to,
      body: { $case: "text", text },
      trafficClass: Math.floor(chance() * 4) as TrafficClass,
      idempotencyKey: key,
      clientReference: chance() < 0.2 ? `ref-${digits(3)}` : "",
      // Until it has come often enough to be found out.
      validitySeconds:
        text === CRASHES_LINK
          ? 300
          : chance() < 0.1
            ? 2
            : 20 + Math.floor(chance() * (VALIDITY_SECONDS_MAX - 20)),
      tags: chance() < 0.1 ? { campaign: digits(2) } : {},
    });
  }

  function newCall(): Call {
    const count = 1 + Math.floor(chance() ** 3 * 12);
    const messages = Array.from({ length: count }, () => {
      // Now and then a key comes again, with another message.
      if (chance() > 0.04) keys += 1;
      return newMessage(`key-${keys}`);
    });
    return { account: pick(ACCOUNTS), messages, tries: 0 };
  }

  /** Tries a call once; `ended` says whether all of it is accepted. */
  function attempt(call: Call, ended: (good: boolean) => void): void {
    const door = pick(doors());
    if (door === undefined) {
      clock.after(200, () => ended(false));
      return;
    }
    const patienceMs = chance() < 0.2 ? 300 : 2_000 + chance() * 20_000;
    let open = true;
    const end = (good: boolean): void => {
      if (!open) return;
      open = false;
      giveUp();
      ended(good);
    };
    const giveUp = clock.after(patienceMs, () => end(false));
    const { process, gateway, accounts } = door;
    process.soon(() => {
      if (gateway.clockOff()) {
        clock.after(1, () => end(false));
        return;
      }
      const { account, messages } = call;
      const state = accounts.get(account) ?? {
        account,
        plan: planOf(account),
        status: "active",
        waiting: 0,
        waitingBytes: 0,
        pace: newPace(),
      };
      accounts.set(account, state as AccountState);
      const answerByMs = process.clock.monotonicMs() + patienceMs;
      const bytes = encodeBatch(messages);
      const refusal = gateway.acceptor.take(
        bytes,
        1,
        messages.length,
        state as AccountState,
        answerByMs,
        (taken) => {
          const answers = copy(taken);
          clock.after(chance() * 2, () => {
            if (open) for (const { id, fate } of answers) note(id, fate);
            end(answers.every(({ fate }) => fate === FATE.stored || fate === FATE.conflict));
          });
        },
      );
      if (refusal !== undefined) clock.after(1, () => end(false));
    });
  }

  function note(id: string, fate: number): void {
    if (fate === FATE.stored) accepted.add(id);
    else if (fate === FATE.unconfirmed) unknown.add(id);
    else if (fate !== FATE.invalid) refused.add(id);
  }

  function follow(call: Call): void {
    call.tries += 1;
    attempt(call, (good) => {
      if (good || call.tries >= TRIES_MAX) busy -= 1;
      else clock.after(100 + chance() * 1_000 * call.tries, () => follow(call));
    });
  }

  return {
    call() {
      busy += 1;
      follow(newCall());
    },
    busy: () => busy,
    accepted,
    refused,
    unknown,
    validitySecondsMax: VALIDITY_SECONDS_MAX,
  };
}

/** What is taken is valid only until the answer returns. */
function copy({ count, fates, ids }: Taken): { id: string; fate: number }[] {
  return Array.from({ length: count }, (_, index) => ({
    id: formatId(ids, 16 * index),
    fate: fates[index]!,
  }));
}
