/** The streams of the local system, for commands that look into them. */
import { fillRandom, SYSTEM_CLOCK } from "../../core/clock.js";
import { SILENT } from "../../core/log.js";
import { openNats } from "../../core/stream/nats.js";
import type { StreamClient } from "../../core/stream/stream.js";
import { requireLocal, splitUrl } from "./local-system.js";

/** @throws FloeError "local.failed" if no system runs in `home`. Close it after use. */
export function openLocalStream(home: string): Promise<StreamClient> {
  const { url, user, password } = splitUrl(requireLocal(home).nats);
  const random = new Uint8Array(8);
  fillRandom(random);
  const name = `cli-${Buffer.from(random).toString("hex")}`;
  return openNats({
    servers: url,
    user,
    password,
    name,
    processId: name,
    clock: SYSTEM_CLOCK,
    log: SILENT,
  });
}
