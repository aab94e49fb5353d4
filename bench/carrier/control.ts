/** Control interface of the simulated carrier, over HTTP: counters, options, faults. */
import { createServer, type Server } from "node:http";
import { setOption } from "./options.js";
import type { Smsc } from "./smsc.js";

/** Resolves with the port it listens on. */
export async function openControl(smsc: Smsc): Promise<{ port: number; close(): Promise<void> }> {
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? "/", "http://carrier");
    const { status, body } = answer(smsc, request.method ?? "GET", url);
    response.writeHead(status, { "content-type": "application/json" });
    response.end(`${JSON.stringify(body)}\n`);
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

function answer(smsc: Smsc, method: string, url: URL): { status: number; body: unknown } {
  const { password: _, ...options } = smsc.options;
  const route = `${method} ${url.pathname}`;
  if (route === "GET /stats") {
    return { status: 200, body: { name: options.name, ...smsc.stats() } };
  }
  if (route === "GET /options") return { status: 200, body: options };
  if (route === "POST /reset") smsc.reset();
  else if (route === "POST /cut") smsc.cut();
  else if (route === "POST /unbind") smsc.unbind();
  else if (route === "POST /set") {
    const changed = { ...smsc.options };
    try {
      for (const [name, value] of url.searchParams) setOption(changed, name, value);
    } catch (error) {
      return { status: 400, body: { error: error instanceof Error ? error.message : "" } };
    }
    Object.assign(smsc.options, changed);
  } else {
    return { status: 404, body: { error: "GET /stats /options, POST /reset /set /cut /unbind" } };
  }
  return { status: 200, body: { done: url.pathname.slice(1) } };
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
