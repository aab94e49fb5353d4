/** Control interface of the simulated carrier, over HTTP: counters, options, rules, faults. */
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { FromPhone } from "./mobile.js";
import { PART_WAYS } from "./mobile.js";
import { setOption } from "./options.js";
import type { Smsc } from "./smsc.js";

/** Resolves with the port it listens on. */
export async function openControl(smsc: Smsc): Promise<{ port: number; close(): Promise<void> }> {
  const server = createServer((request, response) => {
    void answerOf(smsc, request).then(({ status, body, type = "application/json" }) => {
      response.writeHead(status, { "content-type": type });
      response.end(typeof body === "string" ? body : `${JSON.stringify(body)}\n`);
    });
  });
  const port = await listen(server, smsc.options.host, smsc.options.control);
  return {
    port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

interface Answer {
  readonly status: number;
  readonly body: unknown;
  readonly type?: string;
}

const BODY_BYTES_MAX = 1_048_576;
const SUBMITS_MAX = 10_000;

/** What the user did wrong is answered as a sentence. */
async function answerOf(smsc: Smsc, request: IncomingMessage): Promise<Answer> {
  const url = new URL(request.url ?? "/", "http://carrier");
  try {
    const route = `${request.method ?? "GET"} ${url.pathname}`;
    const answer = route.startsWith("GET ")
      ? read(smsc, route, url.searchParams)
      : await act(smsc, route, url.searchParams, await bodyOf(request));
    if (answer !== undefined) return answer;
    const error =
      "GET /stats /options /rules /submits, " +
      "POST /reset /set /rules /mo /cut /unbind /half-open /host";
    return { status: 404, body: { error } };
  } catch (error) {
    return { status: 400, body: { error: error instanceof Error ? error.message : "" } };
  }
}

function read(smsc: Smsc, route: string, query: URLSearchParams): Answer | undefined {
  const { password: _, ...options } = smsc.options;
  if (route === "GET /stats") {
    return { status: 200, body: { name: options.name, ...smsc.stats() } };
  }
  if (route === "GET /options") return { status: 200, body: options };
  if (route === "GET /rules") return { status: 200, body: smsc.rules.list() };
  if (route === "GET /submits") {
    if (options.submits === 0) throw new Error("none are kept: start it with --submits N");
    const limit = Math.min(SUBMITS_MAX, Number(query.get("limit") ?? SUBMITS_MAX));
    const body = smsc.submits(Number(query.get("after") ?? 0), limit);
    return { status: 200, body, type: "application/x-ndjson" };
  }
  return undefined;
}

async function act(
  smsc: Smsc,
  route: string,
  query: URLSearchParams,
  body: string,
): Promise<Answer | undefined> {
  if (route === "POST /reset") smsc.reset();
  else if (route === "POST /cut") smsc.cut();
  else if (route === "POST /unbind") smsc.unbind();
  else if (route === "POST /half-open") smsc.halfOpen();
  else if (route === "POST /host") {
    const number = Number(query.get("number") ?? 1);
    if (smsc.ports[number - 1] === undefined) throw new Error("there is no such host");
    await smsc.serve(number - 1, query.get("up") !== "false");
  } else if (route === "POST /rules") smsc.rules.set(JSON.parse(body));
  else if (route === "POST /mo") smsc.receive(fromPhone(query));
  else if (route === "POST /set") {
    // All or nothing.
    const changed = { ...smsc.options };
    for (const [name, value] of query) setOption(changed, name, value);
    Object.assign(smsc.options, changed);
  } else return undefined;
  return { status: 200, body: { done: route.slice("POST /".length) } };
}

function fromPhone(query: URLSearchParams): FromPhone {
  const [from, to] = [query.get("from") ?? "", query.get("to") ?? ""];
  if (from === "" || to === "") throw new Error("from and to are wanted");
  const parts = PART_WAYS.find((way) => way === (query.get("parts") ?? "udh"));
  if (parts === undefined) throw new Error(`parts must be one of ${PART_WAYS.join(", ")}`);
  const reference = Number(query.get("reference") ?? 1);
  if (!(reference >= 0 && reference <= 0xffff)) throw new Error("reference: 0 to 65535");
  return { from, to, text: query.get("text") ?? "", parts, reference };
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > BODY_BYTES_MAX) throw new Error("the body is too large");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : port);
    });
  });
}
