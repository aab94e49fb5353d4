/** Messages for the gateway's tests, as objects and as bytes. */
import { Message, SendBatchRequest } from "../../../core/proto/floe/v1/messaging.js";

/** A message that is good as it is. */
export function message(more: Partial<Message> = {}): Message {
  return {
    to: "+447700900123",
    from: "Floe",
    body: { $case: "text", text: "Your code is 123456." },
    trafficClass: 0,
    idempotencyKey: "",
    clientReference: "",
    validitySeconds: 0,
    receipt: 0,
    tags: {},
    flash: false,
    ...more,
  };
}

export function encodeMessage(more: Partial<Message> = {}): Buffer {
  return Buffer.from(Message.encode(message(more)).finish());
}

export function encodeBatch(messages: readonly Message[]): Buffer {
  return Buffer.from(SendBatchRequest.encode({ messages: [...messages] }).finish());
}
