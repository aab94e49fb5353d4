/**
 * Check of dead letters: one for each poison that was put in, none for what is sound; and what is
 * poison harms itself alone.
 */
import { formatId, STATE } from "../../core/message.js";
import { BuriedFrame } from "../../core/proto/floe/v1/dead_letters.js";
import { DecisionFrame, RequestFrame } from "../../core/proto/floe/v1/frames.js";
import { CRASHES_LINK, CRASHES_POOL, SENSELESS } from "./poison.js";
import type { World } from "./world.js";

/** @returns how many letters there are. */
export function checkDead({ server, carriers }: World, wrong: (text: string) => void): number {
  const poison = readPoison(server);
  const senseless = new Set<string>();
  for (const stream of ["REQUESTS", "DISPATCH"] as const) {
    for (const { id, sequence } of server.history(stream)) {
      if (id.startsWith(SENSELESS)) senseless.add(`${stream}/${sequence}`);
    }
  }
  const buried = new Set<string>();
  let letters = 0;
  for (const { data } of server.history("DEAD")) {
    const { stream, sequence, messageId, reason } = BuriedFrame.decode(data);
    const where = `${stream}/${sequence}`;
    letters += 1;
    if (senseless.has(where)) {
      if (buried.has(where)) wrong(`${where} was buried twice`);
      buried.add(where);
      continue;
    }
    const id = messageId.length === 16 ? formatId(messageId) : "";
    buried.add(id);
    if (!poison.has(id)) wrong(`${id} of ${where} was buried (${reason}) and is sound`);
  }
  for (const where of senseless) if (!buried.has(where)) wrong(`${where} was not buried`);
  for (const { data } of server.history("DECISIONS")) {
    for (const { messageId, state } of DecisionFrame.decode(data).records) {
      const id = formatId(messageId);
      if (poison.get(id) !== CRASHES_POOL || state === 0) continue;
      if (state !== STATE.REJECTED) wrong(`${id} crashes the pool and was decided as ${state}`);
      if (!buried.has(id)) wrong(`${id} crashes the pool and was not buried`);
    }
  }
  for (const { book } of carriers.values()) {
    for (const { messageId, taken } of book.values()) {
      const id = formatId(Buffer.from(messageId, "hex"));
      if (taken > 0 && poison.has(id)) wrong(`${id} is poison, and a carrier has it`);
    }
  }
  return letters;
}

/** Ids of messages that are poison, with their text. */
function readPoison(server: World["server"]): Map<string, string> {
  const poison = new Map<string, string>();
  for (const { id, data } of server.history("REQUESTS")) {
    if (id.startsWith(SENSELESS)) continue;
    for (const { messageId, message } of RequestFrame.decode(data).records) {
      const text = message?.body?.$case === "text" ? message.body.text : "";
      if (text === CRASHES_POOL || text === CRASHES_LINK) poison.set(formatId(messageId), text);
    }
  }
  return poison;
}
