/**
 * Transport: the library's connection to a server, reading as frames want to be read.
 *
 * The library takes what each read brings and copies a message that lies in several of them into a
 * buffer that doubles as it goes: four times the bytes of a frame of 250 KB, all of it garbage that
 * V8 marks its heap for. Here the socket reads into slabs (slabs.ts), and whole messages are handed
 * on. Everything else is the library's: dialling, TLS (whose socket is another one and read as the
 * library reads), what to do at the end of a connection.
 */
import { createConnection } from "node:net";
import {
  type ConnectionOptions,
  deferred,
  type NatsConnection,
  NatsConnectionImpl,
  setTransportFactory,
} from "@nats-io/transport-node";
import { NodeTransport, nodeResolveHost } from "@nats-io/transport-node/lib/node_transport.js";
import { newSlabs } from "./slabs.js";

/** Connects as the library's `connect` does. */
export function connect(options: ConnectionOptions): Promise<NatsConnection> {
  setTransportFactory({ factory: newTransport, dnsResolveFn: nodeResolveHost });
  return NatsConnectionImpl.connect(options);
}

function newTransport(): NodeTransport {
  const transport = new NodeTransport();
  const setupHandlers = transport.setupHandlers.bind(transport);
  const slabs = newSlabs();
  let socket: ReturnType<typeof createConnection> | undefined;
  let isPlain = false;

  /** Until it is known whether TLS follows, reads are events, as the library expects them. */
  function filled(count: number): boolean {
    const whole = slabs.filled(count);
    if (whole === undefined) return true;
    if (isPlain) {
      transport.yields.push(whole);
      transport.signal.resolve();
    } else {
      socket?.emit("data", Buffer.from(whole));
    }
    return true;
  }

  transport.dial = ({ hostname, port }) => {
    const connected = deferred<NonNullable<typeof socket>>();
    let failure: Error | undefined;
    const dialled = createConnection({
      ...{ host: hostname, port, noDelay: true },
      onread: { buffer: slabs.room, callback: filled },
    });
    socket = dialled;
    dialled.once("connect", () => {
      dialled.removeAllListeners();
      connected.resolve(dialled);
    });
    dialled.on("error", (error) => {
      failure = error;
    });
    dialled.on("close", () => {
      dialled.removeAllListeners();
      connected.reject(failure);
    });
    return connected;
  };

  transport.setupHandlers = () => {
    setupHandlers();
    if (transport.socket !== socket) return;
    isPlain = true;
    socket.removeAllListeners("data");
  };
  return transport;
}
