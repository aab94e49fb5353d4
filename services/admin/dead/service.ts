/** Dead letters as operators see them: DeadLetterService. */
import { status } from "@grpc/grpc-js";
import { fillRandom } from "../../../core/clock.js";
import { parseAccount, parsePartitions } from "../../../core/configuration.js";
import { isRefusal, type Refusal, refuse } from "../../../core/grpc/refuse.js";
import type { GrpcService } from "../../../core/grpc/server.js";
import { IDEMPOTENCY_WINDOW_MS } from "../../../core/limits.js";
import { formatId, parseId } from "../../../core/message.js";
import {
  type DeadLetter,
  DeadLetterServiceService,
  DeadLetterState,
  type DiscardDeadLetterRequest,
  type GetDeadLetterRequest,
  type GetDeadLetterResponse,
  type ListDeadLettersRequest,
  type ListDeadLettersResponse,
  type ReplayDeadLetterRequest,
} from "../../../core/proto/floe/v1/dead_letters.js";
import type { StreamClient } from "../../../core/stream/stream.js";
import { BUCKETS } from "../../../core/subjects.js";
import { type Desk, unary } from "../call.js";
import { BAD_TOKEN, pageSizeOf, pageToken, placeOf } from "../page.js";
import type { Staff } from "../staff.js";
import { type End, type Letter, type Letters, openLetters } from "./letters.js";
import { againOf, type GivenUp, givenUpOf, type Publication, requestOf } from "./replay.js";

const LIST = "dead-letters";
const STATES: Readonly<Record<End["state"], DeadLetterState>> = {
  replaying: DeadLetterState.DEAD_LETTER_STATE_WAITING,
  replayed: DeadLetterState.DEAD_LETTER_STATE_REPLAYED,
  discarded: DeadLetterState.DEAD_LETTER_STATE_DISCARDED,
};
const GONE = refuse(status.NOT_FOUND, "NOT_FOUND", "There is no dead letter with this id.");
const ENDED = refuse(
  status.FAILED_PRECONDITION,
  "ENDED",
  "This dead letter was replayed or discarded already.",
);
const BEING_REPLAYED = refuse(
  status.FAILED_PRECONDITION,
  "BEING_REPLAYED",
  "A replay of this dead letter was begun: finish it by replaying it again.",
);
const BEGUN_LONG_AGO = refuse(
  status.FAILED_PRECONDITION,
  "BEGUN_LONG_AGO",
  "A replay of this dead letter was begun about a day ago or earlier: nobody remembers any more " +
    "whether it was sent. Look for its messages (replayed_as), then discard it.",
);
/** So long owners surely know what was sent: their window for keys, less what clocks may differ. */
const AGAIN_MS_MAX = IDEMPOTENCY_WINDOW_MS - 3_600_000;
const UNREADABLE = refuse(
  status.FAILED_PRECONDITION,
  "UNREADABLE",
  "Its messages cannot be read, so there is nothing to send; discard it when it was looked at.",
);

export async function deadLetterService(desk: Desk, client: StreamClient): Promise<GrpcService> {
  const letters = await openLetters(client, desk.log);
  const config = await client.bucket(BUCKETS.config);
  const accounts = await client.bucket(BUCKETS.accounts);

  async function list(request: ListDeadLettersRequest): Promise<ListDeadLettersResponse | Refusal> {
    const place = placeOf(LIST, request);
    if (typeof place === "object") return place;
    const after = Number(place ?? 0);
    if (!Number.isSafeInteger(after)) return BAD_TOKEN;
    const size = pageSizeOf(request);
    const found = await letters.list(after, size + 1, request.all);
    const page = found.slice(0, size);
    const more = found.length > size;
    return {
      deadLetters: page.map(told),
      nextPageToken: more ? pageToken(LIST, String(page[page.length - 1]!.id)) : "",
    };
  }

  async function get(
    { id, withFrame }: GetDeadLetterRequest,
    staff: Staff,
  ): Promise<GetDeadLetterResponse | Refusal> {
    const letter = await letters.get(Number(id));
    if (letter === undefined) return GONE;
    if (withFrame) desk.log.info({ id: letter.id, keyId: staff.keyId }, "a dead letter was read");
    return { deadLetter: told(letter), frame: withFrame ? letter.buried.frame : Buffer.alloc(0) };
  }

  async function replay({ id }: ReplayDeadLetterRequest, staff: Staff) {
    const letter = await letters.get(Number(id));
    if (letter === undefined) return GONE;
    const { buried } = letter;
    const sendsAgain = buried.stream === "REQUESTS" || buried.stream === "DISPATCH";
    const messages = sendsAgain ? givenUpOf(buried) : [];
    const again = sendsAgain ? undefined : againOf(buried);
    if (messages === undefined || (!sendsAgain && again === undefined)) return UNREADABLE;
    const plans = await plansOf(messages);
    if (isRefusal(plans)) return plans;
    const claim = await claimOf(letter, messages.length, staff);
    if (isRefusal(claim)) return claim;
    const publications = again === undefined ? await requests(messages, plans, claim) : [again];
    for (const [at, { subject, data }] of publications.entries()) {
      await client.publish(subject, data, { id: `replay/${letter.id}/${at}` });
    }
    return { deadLetter: told(await ended(letters, letter, { ...claim, state: "replayed" })) };
  }

  /** What is to be done, under the letter's id: begun now, or by who was cut off in it. */
  async function claimOf(letter: Letter, count: number, staff: Staff): Promise<End | Refusal> {
    if (letter.end !== undefined) {
      if (letter.end.state !== "replaying") return ENDED;
      return isLongAgo(letter.end) ? BEGUN_LONG_AGO : letter.end;
    }
    const atMs = desk.clock.nowMs();
    const messageIds = Array.from({ length: count }, () => formatId(newId(atMs)));
    const claim: End = { state: "replaying", by: staff.keyId, atMs, messageIds };
    return (await letters.claim(letter.id, claim)) ? claim : BEING_REPLAYED;
  }

  /** The plan of each message's account. */
  async function plansOf(messages: readonly GivenUp[]): Promise<readonly number[] | Refusal> {
    const plans: number[] = [];
    for (const { account } of messages) {
      const entry = await accounts.get(String(account));
      const found = entry === undefined ? undefined : parseAccount(entry.value);
      if (found?.status !== "active") {
        const facts = { account: String(account) };
        const told = `Account ${account} is not active: nothing is sent for it.`;
        return refuse(status.FAILED_PRECONDITION, "ACCOUNT", told, { facts });
      }
      plans.push(found.plan);
    }
    return plans;
  }

  async function requests(
    messages: readonly GivenUp[],
    plans: readonly number[],
    { messageIds, atMs }: End,
  ): Promise<readonly Publication[]> {
    const entry = messages.length === 0 ? undefined : await config.get("partitions");
    const { count } = entry === undefined ? { count: 1 } : parsePartitions(entry.value);
    return messages.map((message, at) => {
      const identity = { id: parseId(messageIds[at]!)!, acceptedAtMs: atMs };
      return requestOf(message, plans[at]!, count, identity, desk.clock.nowMs());
    });
  }

  async function discard({ id }: DiscardDeadLetterRequest, staff: Staff) {
    const letter = await letters.get(Number(id));
    if (letter === undefined) return GONE;
    const begun = letter.end?.state === "replaying" ? letter.end : undefined;
    if (letter.end !== undefined && begun === undefined) return ENDED;
    if (begun !== undefined && !isLongAgo(begun)) return BEING_REPLAYED;
    const end: End = {
      ...{ state: "discarded", by: staff.keyId, atMs: desk.clock.nowMs() },
      // What may have been sent stays findable.
      messageIds: begun?.messageIds ?? [],
    };
    if (begun !== undefined) return { deadLetter: told(await ended(letters, letter, end)) };
    if (!(await letters.claim(letter.id, end))) return ENDED;
    return { deadLetter: told({ ...letter, end }) };
  }

  const isLongAgo = ({ atMs }: End): boolean => desk.clock.nowMs() - atMs > AGAIN_MS_MAX;

  const name = "DeadLetterService";
  return {
    name: `floe.v1.${name}`,
    definition: DeadLetterServiceService,
    implementation: {
      listDeadLetters: unary(desk, `${name}/ListDeadLetters`, list),
      getDeadLetter: unary(desk, `${name}/GetDeadLetter`, get),
      replayDeadLetter: unary(desk, `${name}/ReplayDeadLetter`, replay),
      discardDeadLetter: unary(desk, `${name}/DiscardDeadLetter`, discard),
    },
  };
}

async function ended(letters: Letters, letter: Letter, end: End): Promise<Letter> {
  await letters.finish(letter.id, end);
  return { ...letter, end };
}

function told({ id, buried, end }: Letter): DeadLetter {
  const { stage, stream, subject, sequence, record, reason, account, messageId } = buried;
  return {
    ...{ id: BigInt(id), stage, stream, subject, sequence, record, reason, account },
    state: end === undefined ? DeadLetterState.DEAD_LETTER_STATE_WAITING : STATES[end.state],
    storedAt: new Date(Number(buried.storedAtMs)),
    buriedAt: new Date(Number(buried.buriedAtMs)),
    messageId: messageId.length === 16 ? formatId(messageId) : "",
    bytes: buried.frame.length,
    endedBy: end?.by ?? "",
    endedAt: end === undefined ? undefined : new Date(end.atMs),
    replayedAs: end?.messageIds ?? [],
  };
}

/** A UUID of version 7 (RFC 9562, section 5.7). */
function newId(nowMs: number): Uint8Array {
  const id = Buffer.alloc(16);
  fillRandom(id);
  id.writeUIntBE(nowMs, 0, 6);
  id[6] = (id[6]! & 0x0f) | 0x70;
  id[8] = (id[8]! & 0x3f) | 0x80;
  return id;
}
