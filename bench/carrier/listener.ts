/**
 * Listener: one host of the simulated carrier, plain or TLS. It can be taken out of service, with
 * its connections, and put back at the port that it had, as when a site of a carrier is lost.
 */
import { readFileSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import type { CarrierOptions } from "./options.js";

export interface Listener {
  readonly port: number;
  /** True: it listens. */
  serve(isServed: boolean): Promise<void>;
}

/** @throws Error if the port is taken or a file of --tls-* cannot be read. */
export async function openListener(
  options: CarrierOptions,
  host: string,
  wantedPort: number,
  connected: (socket: Socket) => void,
): Promise<Listener> {
  const sockets = new Set<Socket>();
  let server: Server | undefined = newServer(options, (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    connected(socket);
  });
  const known = server;
  const port = await listen(known, host, wantedPort);
  return {
    port,
    async serve(isServed) {
      if (isServed === (server !== undefined)) return;
      if (isServed) {
        server = known;
        await listen(known, host, port);
        return;
      }
      server = undefined;
      const closed = new Promise((resolve) => known.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

function newServer(options: CarrierOptions, connected: (socket: Socket) => void): Server {
  const { tlsCertificate, tlsKey, tlsClients } = options;
  if (tlsCertificate === "") return createServer(connected);
  const clients = tlsClients === "" ? {} : { ca: readFileSync(tlsClients) };
  const server = createTlsServer(
    {
      ...{ cert: readFileSync(tlsCertificate), key: readFileSync(tlsKey), ...clients },
      ...{ requestCert: tlsClients !== "", rejectUnauthorized: tlsClients !== "" },
    },
    connected,
  );
  server.on("tlsClientError", (_error, socket) => socket.destroy());
  return server;
}

function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : port);
    });
  });
}
