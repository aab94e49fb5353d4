/** Bare gateway: gRPC batches into request frames; a call is answered when its frame is stored. */
import { Server, ServerCredentials } from "@grpc/grpc-js";
import { SYSTEM_CLOCK } from "../../core/clock.js";
import { printError } from "../../core/output.js";
import { nats, ready } from "./common.js";
import type { SendRequest, SendResponse } from "./proto/bare.js";
import { type MessagingServer, MessagingService, SendBatchRequest } from "./proto/bare.js";

const { js } = await nats();
let pending: SendRequest[] = [];
let waiters: (() => void)[] = [];
let timer: NodeJS.Timeout | undefined;
let base = SYSTEM_CLOCK.nowMs() * 1_000;

function flush(): void {
  timer = undefined;
  const messages = pending;
  const answers = waiters;
  pending = [];
  waiters = [];
  js.publish("req.0", SendBatchRequest.encode({ messages }).finish()).then(
    () => {
      for (const answer of answers) answer();
    },
    (error: unknown) => printError(`bare gateway: ${error}`),
  );
}

const handlers: MessagingServer = {
  send() {},
  sendStream() {},
  sendBatch(call, callback) {
    const { messages } = call.request;
    const results = new Array<SendResponse>(messages.length);
    for (let i = 0; i < messages.length; i += 1) {
      const message = messages[i]!;
      if (!/^\+[1-9]\d{6,14}$/.test(message.to)) {
        results[i] = { messageId: "", code: 3 };
        continue;
      }
      base += 1;
      const id = base.toString(36);
      message.idempotencyKey = id;
      results[i] = { messageId: id, code: 0 };
      pending.push(message);
    }
    waiters.push(() => callback(null, { results }));
    if (pending.length >= 200) {
      if (timer) clearTimeout(timer);
      flush();
    } else if (!timer) timer = setTimeout(flush, 2);
  },
};

const server = new Server();
server.addService(MessagingService, handlers);
server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  ready(port);
});
