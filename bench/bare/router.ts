/** Bare router: each request frame through one pool thread, then published as a dispatch frame. */
import { Piscina } from "piscina";
import { nats, ready } from "./common.js";

const { js } = await nats();
const pool = new Piscina<Uint8Array, ArrayBuffer>({
  filename: new URL("./route.js", import.meta.url).href,
  minThreads: 1,
  maxThreads: 1,
  concurrentTasksPerWorker: 8,
});
const consumer = await js.consumers.get("REQ", "c");
const frames = await consumer.consume({ max_messages: 64 });
ready();
for await (const frame of frames) {
  void (async () => {
    const routed = await pool.run(frame.data);
    await js.publish("dsp.a", new Uint8Array(routed), { msgID: `r${frame.seq}` });
    frame.ack();
  })();
}
