/** Rules that are written together: all or none, whoever dies meanwhile. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { encodeConfig } from "../../../core/configuration.js";
import { SILENT } from "../../../core/log.js";
import { BUCKETS } from "../../../core/subjects.js";
import { finishBatch, putRules } from "../../../services/admin/batch.js";
import { openStore, type Store } from "../../../services/admin/store.js";
import { makeSet } from "../../../services/admin/tables/make.js";
import { openTableSets } from "../../../services/admin/tables/sets.js";
import type { RuleRow } from "../../../workers/source.js";
import { START_MS, withMemory } from "../core/stream/with-memory.js";

const batch = suite("a batch of rules");

function rule(id: string, order = 1): RuleRow {
  const lists = { accounts: [], plans: [], trafficClasses: [], channels: [], countries: [] };
  const more = { prefixes: [], networks: [], senders: [], senderKinds: [] };
  const margins = { marginMicros: 0, marginBasisPoints: 0, allowLoss: false };
  return { id, order, ...lists, ...more, ...margins, strategy: "cost(*)" };
}

const ids = (store: Store): string[] => store.all("rule").map(({ key }) => key);

batch("is written and deleted together, or not at all", async () => {
  await withMemory(async ({ clock, server, run }) => {
    const client = server.connect("admin");
    const store = await run(openStore({ client, clock, log: SILENT }));
    const changes = ["a", "b", "c"].map((id) => ({ row: rule(id), expected: 0 }));
    assert.is(await run(putRules(store, changes, [], "x")), undefined);
    assert.equal(ids(store), ["a", "b", "c"]);
    assert.is(store.get("batch", "all"), undefined);
    const revision = store.get("rule", "a")!.revision;
    const removal = { id: "a", expected: revision };
    // One stale revision, and nothing of the rest is done.
    const stale = [{ row: rule("b", 2), expected: 1_000 }];
    assert.is(await run(putRules(store, stale, [removal], "x")), "b");
    assert.equal(ids(store), ["a", "b", "c"]);
    const fresh = { row: rule("d"), expected: 0 };
    assert.is(await run(putRules(store, [fresh], [removal], "x")), undefined);
    assert.equal(ids(store), ["b", "c", "d"]);
    await run(store.stop());
  });
});

batch("that its writer left half done is finished, and no set holds its half", async () => {
  await withMemory(async ({ clock, server, run }) => {
    const client = server.connect("admin");
    const store = await run(openStore({ client, clock, log: SILENT }));
    const sets = await run(openTableSets(client, SILENT));
    // What a writer leaves that died after its first rule.
    const written = { changedBy: "x", changedAtMs: START_MS };
    const rules = ["a", "b"].map((id) => ({ ...rule(id), ...written }));
    const object = `batch.${START_MS}.0123456789abcdef`;
    await run(store.columns.put(object, Buffer.from(JSON.stringify({ rules, removed: [] }))));
    const bucket = await run(client.bucket(BUCKETS.entities));
    await run(bucket.put("batch.all", encodeConfig({ object, ...written })));
    await run(bucket.put("rule.a", encodeConfig(rules[0]!)));
    await clock.advance(1_000);
    assert.is(await run(makeSet(store, sets)), "waiting");
    assert.is(await run(putRules(store, [{ row: rule("z"), expected: 0 }], [], "y")), "");
    await clock.advance(60_000);
    assert.is(await run(finishBatch(store)), true);
    assert.equal(ids(store), ["a", "b"]);
    assert.is(store.get("batch", "all"), undefined);
    await run(sets.stop());
    await run(store.stop());
  });
});

batch.run();
