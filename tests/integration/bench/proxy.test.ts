/** The fault proxy between a client and a server that answers what it is told, in capitals. */
import { once } from "node:events";
import { type AddressInfo, createConnection, createServer, type Socket } from "node:net";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type FaultProxy, openProxy } from "../../../bench/faults/proxy.js";
import { SYSTEM_CLOCK, sleep } from "../../../core/clock.js";
import { until } from "../../until.js";

const proxies = suite("the fault proxy");

interface Peer {
  readonly socket: Socket;
  heard(): string;
  /** "": open; else how it ended. */
  ended(): string;
}

interface Stage {
  readonly proxy: FaultProxy;
  /** What the server has been told. */
  told(): string;
  connect(): Promise<Peer>;
}

async function withProxy(run: (stage: Stage) => Promise<void>): Promise<void> {
  let told = "";
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("data", (data) => {
      told += data.toString();
      socket.write(data.toString().toUpperCase());
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const proxy = await openProxy(() => port);
  try {
    await run({
      proxy,
      told: () => told,
      async connect() {
        const socket = createConnection(proxy.port, "127.0.0.1");
        sockets.add(socket);
        let heard = "";
        let ended = "";
        socket.on("data", (data) => {
          heard += data.toString();
        });
        socket.on("error", (error: NodeJS.ErrnoException) => {
          ended = error.code ?? "error";
        });
        socket.on("close", () => {
          ended ||= "closed";
        });
        // Refused at once, it may never be connected.
        await once(socket, "connect").catch(() => {});
        return { socket, heard: () => heard, ended: () => ended };
      },
    });
  } finally {
    for (const socket of sockets) socket.destroy();
    await proxy.close();
    server.close();
  }
}

proxies("passes what it gets, in both directions", async () => {
  await withProxy(async ({ proxy, connect }) => {
    const peer = await connect();
    peer.socket.write("one ");
    peer.socket.write("two");
    await until(async () => peer.heard() === "ONE TWO");
    assert.is(proxy.connections(), 1);
    peer.socket.end();
    await until(async () => proxy.connections() === 0);
  });
});

proxies("holds everything back while it stalls, and lets it flow on afterwards", async () => {
  await withProxy(async ({ proxy, connect, told }) => {
    const peer = await connect();
    proxy.set({ up: { stall: true } });
    peer.socket.write("kept");
    await sleep(SYSTEM_CLOCK, 60);
    assert.is(told(), "");
    assert.is(peer.ended(), "");
    proxy.set(undefined);
    await until(async () => peer.heard() === "KEPT");
  });
});

proxies("loses answers alone when only the way down stalls", async () => {
  await withProxy(async ({ proxy, connect, told }) => {
    const peer = await connect();
    proxy.set({ down: { stall: true } });
    peer.socket.write("half");
    await until(async () => told() === "half");
    assert.is(peer.heard(), "");
    proxy.set(undefined);
    await until(async () => peer.heard() === "HALF");
  });
});

proxies(
  "throws away what a black hole swallowed, and resets its connections at the end",
  async () => {
    await withProxy(async ({ proxy, connect, told }) => {
      const [lost, whole] = [await connect(), await connect()];
      proxy.set({ up: { swallow: true } });
      lost.socket.write("gone");
      await sleep(SYSTEM_CLOCK, 60);
      proxy.set(undefined);
      await until(async () => lost.ended() === "ECONNRESET");
      assert.is(told(), "");
      // Of this one nothing was lost.
      whole.socket.write("here");
      await until(async () => whole.heard() === "HERE");
    });
  },
);

proxies("delays, in order", async () => {
  await withProxy(async ({ proxy, connect }) => {
    const peer = await connect();
    proxy.set({ up: { delayMs: 80 } });
    const beganMs = SYSTEM_CLOCK.monotonicMs();
    peer.socket.write("a");
    await sleep(SYSTEM_CLOCK, 10);
    peer.socket.write("b");
    await until(async () => peer.heard() === "AB");
    assert.ok(SYSTEM_CLOCK.monotonicMs() - beganMs >= 79);
  });
});

proxies("cuts in the midst of what is sent", async () => {
  await withProxy(async ({ proxy, connect, told }) => {
    const peer = await connect();
    proxy.set({ up: { truncateAfterBytes: 4 } });
    peer.socket.write("truncated");
    await until(async () => peer.ended() !== "");
    assert.is(told(), "trun");
  });
});

proxies("refuses and resets", async () => {
  await withProxy(async ({ proxy, connect }) => {
    const peer = await connect();
    peer.socket.write("x");
    await until(async () => peer.heard() === "X");
    assert.is(proxy.reset(), 1);
    await until(async () => peer.ended() === "ECONNRESET");
    proxy.set({ refuse: true });
    const late = await connect();
    await until(async () => late.ended() === "ECONNRESET");
  });
});

proxies("lets a request arrive and loses its answer, of those that are meant alone", async () => {
  await withProxy(async ({ proxy, connect, told }) => {
    const [meant, other] = [await connect(), await connect()];
    proxy.loseAnswers(1, (request) => request.startsWith("insert"));
    other.socket.write("select");
    await until(async () => other.heard() === "SELECT");
    meant.socket.write("insert");
    await until(async () => meant.ended() === "ECONNRESET");
    assert.is(told(), "selectinsert");
    assert.is(meant.heard(), "");
    assert.is(proxy.lost(), 1);
    const again = await connect();
    again.socket.write("insert");
    await until(async () => again.heard() === "INSERT");
  });
});

proxies.run();
