/**
 * Explain: RoutingService, why messages go as they do.
 *
 * In: a message that nobody sends, or the id of one that was. Out: quotes with carriers and costs;
 * of one message also what became of every carrier. A past message is told from its record, and
 * evaluated again as of its acceptance: with its table set if that is still kept, its number if the
 * key of its month is still there, its own id (which draws the weights), and in place of its text,
 * which is gone, one of as many segments. What is not known any more is how well carriers were then.
 */
import { status } from "@grpc/grpc-js";
import type { ClickHouse } from "../../core/clickhouse.js";
import { parseAccount } from "../../core/configuration.js";
import { type Refusal, refuse } from "../../core/grpc/refuse.js";
import type { GrpcService } from "../../core/grpc/server.js";
import { dataMonth, loadKeys } from "../../core/keys.js";
import { QUOTE_BATCH_MAX } from "../../core/limits.js";
import { parseId } from "../../core/message.js";
import { openNumber } from "../../core/number-seal.js";
import {
  type ExplainRequest,
  ExplainResponse,
  type QuoteBatchRequest,
  type QuoteBatchResponse,
  type RoutedQuote,
  type RoutedQuoteOutcome,
} from "../../core/proto/floe/v1/routing.js";
import { RoutingServiceService } from "../../core/proto/floe/v1/routing_service.js";
import { Status } from "../../core/proto/google/rpc/status.js";
import type { StreamClient } from "../../core/stream/stream.js";
import { BUCKETS, TABLES_STORE } from "../../core/subjects.js";
import { openTableImages } from "../../core/table-images.js";
import type {
  openQuoteDesk as OpenQuoteDesk,
  QuoteDesk,
  requestOfHypothetical as RequestOfHypothetical,
} from "../../workers/quote-desk.js";
import type { openQuoteInputs as OpenQuoteInputs } from "../../workers/quote-inputs.js";
import type { QuoteProblem, QuoteRequest } from "../../workers/quote-request.js";
import { type Desk, unary } from "./call.js";
import { type Decided, readDecided } from "./decided.js";
import { invalid } from "./problems.js";
import { standIn } from "./stand-in.js";

export interface ExplainOptions {
  readonly desk: Desk;
  readonly client: StreamClient;
  /** Asked for past messages. */
  readonly clickhouse: ClickHouse;
  /** Whose data keys open the numbers of past messages; read anew each time, since keys go. */
  readonly keysFile: string;
}

export interface RoutingService {
  readonly service: GrpcService;
  close(): Promise<void>;
}

/** By its place: no file of a service imports the code of workers. */
const DESK = new URL("../../workers/quote-desk.js", import.meta.url);
const INPUTS = new URL("../../workers/quote-inputs.js", import.meta.url);
interface DeskModule {
  readonly openQuoteDesk: typeof OpenQuoteDesk;
  readonly requestOfHypothetical: typeof RequestOfHypothetical;
}
interface InputsModule {
  readonly openQuoteInputs: typeof OpenQuoteInputs;
}
const SIZE_WANTED = `must be 1 to ${QUOTE_BATCH_MAX} messages`;
const NOT_FOUND = refuse(
  status.NOT_FOUND,
  "MESSAGE_UNKNOWN",
  "There is no record of that message, or none yet.",
);

/** Loads no table set before the first call. */
export async function openRoutingService(options: ExplainOptions): Promise<RoutingService> {
  const { desk, client } = options;
  const { openQuoteDesk, requestOfHypothetical } = (await import(DESK.href)) as DeskModule;
  const { openQuoteInputs } = (await import(INPUTS.href)) as InputsModule;
  const config = await client.bucket(BUCKETS.config);
  const images = openTableImages(config, await client.objects(TABLES_STORE), desk.log);
  const health = await client.bucket(BUCKETS.health, { keyTtl: true });
  const quotes = openQuoteDesk(images, openQuoteInputs(health, config, desk.log));
  const plans = await followPlans(client, desk);
  const planOf = (account: number): number => plans.of.get(account) ?? 0;

  async function quoteBatch(request: QuoteBatchRequest): Promise<QuoteBatchResponse | Refusal> {
    const { messages, tablesVersion } = request;
    if (messages.length < 1 || messages.length > QUOTE_BATCH_MAX) {
      return invalid([{ field: "messages", description: SIZE_WANTED, reason: "BATCH_SIZE" }]);
    }
    const nowMs = desk.clock.nowMs();
    const quoted = await quotes.quoteRouted(messages, planOf, nowMs, tablesVersion);
    return { outcomes: quoted.map((one, at) => outcomeOf(one, `messages[${at}]`)) };
  }

  async function explain({
    subject,
    tablesVersion,
  }: ExplainRequest): Promise<ExplainResponse | Refusal> {
    if (subject?.$case === "messageId") {
      return await explainPast(options, quotes, subject.messageId, tablesVersion);
    }
    if (subject === undefined) {
      const description = "must be a message or a message_id";
      return invalid([{ field: "subject", description, reason: "MISSING" }]);
    }
    const request = requestOfHypothetical(subject.message, planOf);
    if ("problem" in request) return invalid([violationOf(request, "message")]);
    const explained = await quotes.explain(request, desk.clock.nowMs(), tablesVersion, false);
    if ("problem" in explained) return invalid([violationOf(explained, "message")]);
    return ExplainResponse.fromPartial({ ...explained, notEvaluated: "" });
  }

  const implementation = {
    quoteBatch: unary(desk, "RoutingService/QuoteBatch", quoteBatch),
    explain: unary(desk, "RoutingService/Explain", explain),
  };
  return {
    service: {
      name: "floe.v1.RoutingService",
      definition: RoutingServiceService,
      implementation,
    },
    async close() {
      await plans.stop();
      await quotes.close();
    },
  };
}

/** The price plan of every account, as the bucket says it. */
async function followPlans(client: StreamClient, { log }: Desk) {
  const of = new Map<number, number>();
  const bucket = await client.bucket(BUCKETS.accounts);
  const watching = await bucket.watch((key, value) => {
    try {
      if (value === undefined) of.delete(Number(key));
      else of.set(Number(key), parseAccount(value).plan);
    } catch (err) {
      log.error({ err, account: key }, "an account cannot be read");
    }
  });
  return { of, stop: () => watching.stop() };
}

async function explainPast(
  options: ExplainOptions,
  quotes: QuoteDesk,
  messageId: string,
  tablesVersion: number,
): Promise<ExplainResponse | Refusal> {
  const id = parseId(messageId);
  if (id === undefined) {
    return invalid([{ field: "message_id", description: "must be a UUID", reason: "INVALID" }]);
  }
  const decided = await readDecided(options.clickhouse, id);
  if (decided === undefined) return NOT_FOUND;
  const told = { decided: decided.told };
  const version = tablesVersion === 0 ? decided.told.tablesVersion : tablesVersion;
  const request = await again(options, quotes, id, decided, version);
  if (typeof request === "string") {
    return ExplainResponse.fromPartial({ ...told, notEvaluated: request });
  }
  const explained = await quotes.explain(request, decided.acceptedAtMs, version, true);
  if ("problem" in explained) {
    const notEvaluated = `${explained.field} ${explained.problem}`;
    return ExplainResponse.fromPartial({ ...told, notEvaluated });
  }
  const { quote, carriers, strategy } = explained;
  // A stand-in's text is nobody's.
  const bare = { ...quote, quote: { ...quote.quote!, parts: [], units: 0 } };
  return ExplainResponse.fromPartial({ ...told, quote: bare, carriers, strategy });
}

/** The message as it was decided about, or why it cannot be again. */
async function again(
  { keysFile }: ExplainOptions,
  quotes: QuoteDesk,
  messageId: Uint8Array,
  { told, acceptedAtMs, toEnc }: Decided,
  version: number,
): Promise<QuoteRequest | string> {
  if (version === 0) return "the record does not say by which table set it was decided";
  if (!(await quotes.isKept(version))) return `table set ${version} is not kept any more`;
  const key = loadKeys(keysFile).data[dataMonth(acceptedAtMs)];
  if (key === undefined) return "the key that opens its number is gone";
  const digits = openNumber(toEnc, messageId, key);
  if (digits === undefined) return "its record holds no number that can be read";
  return {
    to: `+${digits}`,
    from: told.sender,
    ...standIn(told.encoding, told.segments),
    account: told.account,
    plan: "",
    accountPlan: told.plan,
    trafficClass: CLASSES.indexOf(told.trafficClass),
    defaultRegion: "",
    atMs: acceptedAtMs,
    // It was let pass then, whatever the numbering plans say now.
    validate: told.reason === "NUMBER_INVALID",
    monthSegments: 0,
    messageId,
  };
}
/** By floe.v1.TrafficClass, as records name them. */
const CLASSES = ["", "authentication", "transactional", "promotional"];

function outcomeOf(quoted: RoutedQuote | QuoteProblem, path: string): RoutedQuoteOutcome {
  if (!("problem" in quoted)) return { outcome: { $case: "quote", quote: quoted } };
  const error = Status.decode(invalid([violationOf(quoted, path)]).status);
  return { outcome: { $case: "error", error } };
}

/** As proto spells the field. */
function violationOf({ field, problem }: QuoteProblem, path: string) {
  const name = field.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  return { field: name === "" ? path : `${path}.${name}`, description: problem, reason: "INVALID" };
}
