/** npm `smpp` 0.5.1, as far as the tests use it as an independent peer. It brings no types. */
declare module "smpp" {
  import type { EventEmitter } from "node:events";
  import type { Server as NetServer } from "node:net";

  export interface PDU {
    readonly command: string;
    readonly command_id: number;
    readonly command_status: number;
    readonly sequence_number: number;
    readonly [field: string]: unknown;
    response(fields?: Record<string, unknown>): PDU;
  }

  export interface Session extends EventEmitter {
    send(pdu: PDU, respond?: (answer: PDU) => void): boolean;
    deliver_sm(fields: Record<string, unknown>, respond?: (answer: PDU) => void): boolean;
    submit_sm(fields: Record<string, unknown>, respond?: (answer: PDU) => void): boolean;
    enquire_link(fields?: Record<string, unknown>, respond?: (answer: PDU) => void): boolean;
    unbind(respond?: (answer: PDU) => void): boolean;
    bind_transceiver(fields: Record<string, unknown>, respond: (answer: PDU) => void): boolean;
    close(done?: () => void): void;
    destroy(done?: () => void): void;
  }

  const smpp: {
    createServer(listener: (session: Session) => void): NetServer & { sessions: Session[] };
    createServer(
      options: { key: string; cert: string },
      listener: (session: Session) => void,
    ): NetServer & { sessions: Session[] };
    connect(options: { url: string; ca?: string }): Session;
    PDU: new (
      command: string,
      fields?: Record<string, unknown>,
    ) => PDU & {
      toBuffer(): Buffer;
    };
    [constant: string]: unknown;
  };
  export default smpp;
}
