/** Consuming in the memory form: deliveries of a durable consumer to one client. */
import { FloeError, isFloeError } from "../errors.js";
import type { ConsumerSpec } from "../subjects.js";
import type { MemoryConsumer, Taker } from "./memory-consumer.js";
import type { MemoryLine } from "./memory-line.js";
import type { ConsumeOptions, Consumption, Delivery, StoredMessage } from "./stream.js";

export async function consumeFrom(
  line: MemoryLine,
  spec: ConsumerSpec,
  { outstandingMax }: ConsumeOptions,
  receive: (delivery: Delivery) => void,
): Promise<Consumption> {
  const { core, clock } = line;
  let sessionSequence = Number.POSITIVE_INFINITY;
  let unacked = 0;
  let paused = false;
  let stopped = false;
  /** The consumer that has the name now; it may have been created again. */
  const consumer = (): MemoryConsumer | undefined => core.stream(spec.stream).consumer(spec.name);

  const taker: Taker = {
    credit: () => (line.up() && !paused && !stopped ? outstandingMax - unacked : 0),
    take(message, deliveryCount) {
      unacked += 1;
      const { deliveryLate, deliveryRepeated } = core.faults();
      const extraMs = line.strikes(deliveryLate) ? line.lateMs() : 0;
      if (line.strikes(deliveryRepeated)) {
        const afterMs = extraMs + line.lateMs();
        line.network.after(afterMs, () => consumer()?.repeat(message.sequence));
      }
      const pulledAtMs = clock.monotonicMs();
      // Lost with the connection on its way: its place is free again.
      const unlisten = line.onChange(() => {
        unlisten();
        unacked -= 1;
      });
      line.into(() => {
        unlisten();
        if (stopped) {
          unacked -= 1;
          consumer()?.nak(message.sequence, 0);
          return;
        }
        receive(newDelivery(message, deliveryCount, pulledAtMs));
      }, extraMs);
    },
  };

  function newDelivery(
    message: StoredMessage,
    deliveryCount: number,
    pulledAtMs: number,
  ): Delivery {
    const { sequence } = message;
    let open = true;
    function settle(answer: (one: MemoryConsumer) => void): void {
      if (!open) return;
      open = false;
      unacked -= 1;
      const isLost = line.strikes(core.faults().ackLost);
      line.whenUp(() =>
        line.out(() => {
          const one = consumer();
          if (one === undefined) return;
          if (!isLost) answer(one);
          one.pump();
        }),
      );
    }
    return {
      ...message,
      // As on NATS, it is the receiver's own view: what it writes into it, nobody else sees.
      data: new Uint8Array(message.data),
      deliveryCount,
      pulledAtMs,
      sessionSequence,
      ack: () => settle((one) => one.ack(sequence)),
      nak: (delayMs = 0) => settle((one) => one.nak(sequence, delayMs)),
      term: () => settle((one) => one.ack(sequence)),
      forget() {
        if (!open) return;
        open = false;
        unacked -= 1;
        consumer()?.pump();
      },
      working: () => line.ask("working", () => consumer()?.working(sequence)),
    };
  }

  await line.ask("consume", () => {
    const one = consumer();
    if (one === undefined) {
      const { stream, name } = spec;
      throw new FloeError("stream.config", { stream, consumer: name, problem: "no such consumer" });
    }
    one.drop(taker);
    one.add(taker);
  });
  const learnSequence = async (): Promise<void> => {
    sessionSequence = Number.POSITIVE_INFINITY;
    const mine = line.session();
    const reached = await line.ask("last sequence", () => core.stream(spec.stream).lastSequence());
    if (mine === line.session()) sessionSequence = reached;
  };
  const learn = (): void =>
    void learnSequence().catch((err: unknown) => {
      // The connection was away too long: its return asks again.
      if (!isFloeError(err)) throw err;
    });
  learn();
  const unlisten = line.onChange(() => {
    if (!line.up()) return;
    consumer()?.pump();
    learn();
  });
  return {
    pause() {
      paused = true;
    },
    resume() {
      paused = false;
      consumer()?.pump();
    },
    async stop() {
      stopped = true;
      unlisten();
      consumer()?.drop(taker);
    },
  };
}
