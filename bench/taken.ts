/** Taken: the parts that simulated carriers took, from their logs of submits. */
import type { LocalSystem } from "../deploy/local/local.js";
import type { Submitted } from "./carrier/submits.js";

export type Taken = Submitted & { readonly carrier: string };

/** All of them, of all carriers of a system. */
export async function takenOf({ carriers }: LocalSystem): Promise<Taken[]> {
  const taken: Taken[] = [];
  for (const { name, control } of carriers) {
    for (let after = 0; ; ) {
      const answer = await fetch(`http://127.0.0.1:${control}/submits?after=${after}`);
      const lines = (await answer.text()).split("\n").filter((line) => line !== "");
      if (lines.length === 0) break;
      for (const line of lines) {
        const submit = JSON.parse(line) as Submitted & { readonly number: number };
        after = submit.number;
        if (submit.status === 0) taken.push({ ...submit, carrier: name });
      }
    }
  }
  return taken;
}
