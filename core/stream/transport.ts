/**
 * Transport: the library's connection to a server, reading as frames want to be read.
 *
 * The library takes what each read brings and copies a message that lies in several of them into a
 * buffer that doubles as it goes: four times the bytes of a frame of 250 KB, all of it garbage that
 * V8 marks its heap for. Here the socket reads into slabs (slabs.ts), and whole messages are handed
 * on. What is to be sent the library copies into one new buffer for each write: frames are written
 * from where they lie, which is theirs until the server has answered. Everything else is the
 * library's: dialling, TLS (whose socket is another one, read and written as the library does), what
 * to do at the end of a connection.
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
export async function connect(options: ConnectionOptions): Promise<NatsConnection> {
  setTransportFactory({ factory: newTransport, dnsResolveFn: nodeResolveHost });
  const nats = await NatsConnectionImpl.connect(options);
  gather((nats as NatsConnectionImpl).protocol as unknown as Writing);
  return nats;
}

/** Less than this is copied: a buffer more in a write costs as much. */
const GATHER_BYTES_MIN = 4_096;

/** What of the library's protocol handler has to do with writing; part of it is private there. */
interface Writing {
  readonly transport: Pick<NodeTransport, "socket">;
  readonly connected: boolean;
  readonly outbound: { readonly buffers: Uint8Array[]; byteLength: number; size(): number };
  flushPending(): void;
}

/** Lets what waits to be sent leave in one write without being copied first. */
function gather(protocol: Writing): void {
  const { outbound } = protocol;
  const flushPacked = protocol.flushPending.bind(protocol);
  protocol.flushPending = () => {
    const { socket } = protocol.transport;
    const isSmall = outbound.size() < 2 * GATHER_BYTES_MIN;
    if (isSmall || !protocol.connected || socket === undefined || "encrypted" in socket) {
      flushPacked();
      return;
    }
    const buffers = outbound.buffers.splice(0);
    outbound.byteLength = 0;
    socket.cork();
    let from = 0;
    for (let index = 0; index <= buffers.length; index += 1) {
      const next = buffers[index];
      if (next !== undefined && next.length < GATHER_BYTES_MIN) continue;
      if (index > from) socket.write(Buffer.concat(buffers.slice(from, index)));
      if (next !== undefined) socket.write(next);
      from = index + 1;
    }
    socket.uncork();
  };
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
