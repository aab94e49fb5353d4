/**
 * The pipeline in simulated time: every accepted message ends in one CDR with one terminal state,
 * every charge is made once, duplicates stay within their bound, whatever is lost, repeated, delayed
 * or killed (promises P1 to P4). `npm run simulate -- --seeds 2000` runs more.
 */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { check } from "./check.js";
import { replayOf, simulate } from "./simulate.js";
import { openWorld, type World } from "./world.js";

const pipeline = suite("pipeline in simulated time");

/** Seeds 1 to so many, in two processes: a minute. */
const SEEDS = 100;
const MAIN = fileURLToPath(new URL("./main.js", import.meta.url));

/** What the runner says in the end, as JSON. */
function runSeeds(count: number): Promise<Record<string, unknown>> {
  return new Promise((resolve, reject) => {
    const args = ["--enable-source-maps", MAIN, "--seeds", String(count), "--json"];
    execFile(process.execPath, args, (error, stdout) => {
      const line = stdout.trim();
      if (line === "") reject(error ?? new Error("it said nothing"));
      else resolve(JSON.parse(line));
    });
  });
}

pipeline(`keeps its promises whatever befalls it (${SEEDS} seeds)`, async () => {
  const told = await runSeeds(SEEDS);
  assert.equal(told["failures"], []);
  assert.is(told["passed"], SEEDS);
  for (const what of ["accepted", "delivered", "once", "letters", "credits", "crashes"]) {
    assert.ok((told[what] as number) > SEEDS / 2, `${what}: something happened`);
  }
});

pipeline("does the same again with the same seed", async () => {
  const first = await simulate(SEEDS + 1);
  const second = await simulate(SEEDS + 1);
  assert.equal(first.wrongs.slice(0, 20), [], `see it again: ${replayOf(SEEDS + 1)}`);
  assert.is(first.hash, second.hash);
  assert.equal(first.counts, second.counts);
});

pipeline(
  "would notice a lost CDR, a state that is wrong, a charge too many and a duplicate",
  async () => {
    const world = await openWorld(SEEDS + 2, () => {});
    await world.live();
    assert.is(await world.settle(), undefined);
    assert.equal(check(world).wrongs, []);
    const cdrs = world.database.cdrs();
    const accepted = cdrs.findIndex(({ id }) => world.customers.accepted.has(id));
    const without = cdrs.filter((_, index) => index !== accepted);
    const changed = {
      ...cdrs[accepted]!,
      state: 4,
      chargedMicros: cdrs[accepted]!.chargedMicros + 1n,
    };
    const ledger = world.database.ledger();
    const again = { ...ledger[0]!, sequence: ledger.length + 1_000 };
    const [carrier] = world.carriers.values();
    const [key, entry] = [...carrier!.book][0]!;
    const book = new Map([...carrier!.book, [key, { ...entry, taken: 10_000 }]]);
    const wrongOf = (flawed: Partial<World>): string =>
      check({ ...world, ...flawed }).wrongs.join();
    const withCdrs = (some: typeof cdrs): string =>
      wrongOf({ database: { ...world.database, cdrs: () => some } });
    assert.match(withCdrs(without), /was accepted and has 0 CDRs/);
    assert.match(withCdrs([...without, changed]), /ended in state 4.*CDR and settlements differ/);
    assert.match(withCdrs([...cdrs, { ...cdrs[accepted]!, day: 1 }]), /has 2 CDRs/);
    assert.match(
      wrongOf({ database: { ...world.database, ledger: () => [...ledger, again] } }),
      /has a gap/,
    );
    assert.match(
      wrongOf({ carriers: new Map([[carrier!.name, { ...carrier!, book }]]) }),
      /duplicates, at most/,
    );
  },
);

pipeline.run();
