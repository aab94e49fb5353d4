/** Bare: what a process of it is told at its start. */
export interface BareSpec {
  readonly directory: string;
  /** Ports of the stream server and of the SMSC. */
  readonly nats: number;
  readonly smpp: number;
}
