/** Load process: starts the load generator (load.ts) and gives it orders. */
import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { LoadNews, LoadOrder, LoadResult, LoadSpec, LoadTarget } from "./load-spec.js";

export interface LoadProcess {
  readonly pid: number;
  /** @throws Error if the generator ends before it has a result. */
  run(spec: LoadSpec, progress: (answered: number) => void): Promise<LoadResult>;
  stop(): Promise<void>;
}

/** @throws Error if the target cannot be reached. */
export async function startLoad(target: LoadTarget): Promise<LoadProcess> {
  // Without the source maps that the bench itself may run with: they make each new Error dear, and
  // grpc-js makes one a call.
  const child = fork(fileURLToPath(new URL("./load.js", import.meta.url)), [], { execArgv: [] });
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  await order(child, { type: "connect", target }, (news) => news.type === "connected");
  return {
    pid: child.pid!,
    async run(spec, progress) {
      const news = await order(child, { type: "run", spec }, (told) => {
        if (told.type === "progress") progress(told.answered);
        return told.type === "result";
      });
      return (news as Extract<LoadNews, { type: "result" }>).result;
    },
    async stop() {
      if (child.connected) child.disconnect();
      await exited;
    },
  };
}

/** Gives an order, and waits until `done` says of some news that it is the answer. */
function order(
  child: ChildProcess,
  what: LoadOrder,
  done: (news: LoadNews) => boolean,
): Promise<LoadNews> {
  return new Promise((resolve, reject) => {
    const ended = (code: number | null): void => {
      child.off("message", hear);
      reject(new Error(`the load generator ended with code ${code}`));
    };
    const hear = (news: unknown): void => {
      if (!done(news as LoadNews)) return;
      child.off("message", hear);
      child.off("exit", ended);
      resolve(news as LoadNews);
    };
    child.on("message", hear);
    child.once("exit", ended);
    child.send(what);
  });
}
