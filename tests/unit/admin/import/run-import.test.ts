/** Imports from the first request to the result, over a store in memory. */
import { status } from "@grpc/grpc-js";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { SYSTEM_CLOCK } from "../../../../core/clock.js";
import { isRefusal, type Refusal } from "../../../../core/grpc/refuse.js";
import { SILENT } from "../../../../core/log.js";
import {
  ImportMode,
  type ImportOptions,
  type ImportRequest,
  type ImportResponse,
  type ImportResult,
} from "../../../../core/proto/floe/v1/import.js";
import { runImport } from "../../../../services/admin/import/run-import.js";
import { type MemoryImportStore, memoryImportStore } from "./memory-import-store.js";

const imports = suite("runImport");

type DeckOptions = Partial<
  Extract<NonNullable<ImportOptions["table"]>, { $case: "deck" }>["deck"]
> & { readonly carrier?: string; readonly plan?: number };

function deck(given: DeckOptions = {}, more: Partial<ImportOptions> = {}): ImportOptions {
  const { carrier = "alpha", plan, ...rest } = given;
  const owner =
    plan === undefined
      ? ({ $case: "carrier", carrier } as const)
      : ({ $case: "plan", plan } as const);
  return {
    table: {
      $case: "deck",
      deck: {
        key: { owner, channel: 0 },
        currency: "GBP",
        effectiveFrom: undefined,
        allowRetroactive: false,
        anyChange: false,
        ...rest,
      },
    },
    columns: {},
    mode: ImportMode.IMPORT_MODE_REPLACE,
    dryRun: false,
    ...more,
  };
}

const table = ($case: "networks" | "ported" | "routes", mode = 0): ImportOptions => ({
  table: { $case, [$case]: {} } as ImportOptions["table"],
  columns: {},
  mode: mode as ImportMode,
  dryRun: false,
});

async function* requestsOf(options: ImportOptions, text: string): AsyncGenerator<ImportRequest> {
  const bytes = Buffer.from(text);
  yield { request: { $case: "options", options } };
  for (let at = 0; at < bytes.length; at += 7) {
    yield { request: { $case: "chunk", chunk: bytes.subarray(at, at + 7) } };
  }
  yield { request: { $case: "end", end: { bytes: BigInt(bytes.length) } } };
}

async function run(
  store: MemoryImportStore,
  requests: AsyncIterable<ImportRequest>,
  nowMs = Date.UTC(2026, 5, 1),
): Promise<ImportResult | Refusal> {
  const told: NonNullable<ImportResponse["response"]>[] = [];
  const clock = { ...SYSTEM_CLOCK, nowMs: () => nowMs };
  const deps = { store, clock, log: SILENT };
  const refusal = await runImport(deps, requests, (one) => void told.push(one), "0123abcd");
  if (refusal !== undefined) return refusal;
  const last = told.at(-1);
  assert.is(last?.$case, "result");
  assert.ok(told.slice(0, -1).every(({ $case }) => $case === "progress"));
  return (last as { result: ImportResult }).result;
}

/** The result of an import that is not refused as a call. */
async function result(
  store: MemoryImportStore,
  options: ImportOptions,
  text: string,
): Promise<ImportResult> {
  const given = await run(store, requestsOf(options, text));
  assert.not.ok(isRefusal(given));
  return given as ImportResult;
}

const alpha = (store: MemoryImportStore) =>
  store.decks.get(JSON.stringify([{ carrier: "alpha" }, "sms"]));

/** Rows of a deck as text, in order: match digits, price, from, to. */
function rowsOf(store: MemoryImportStore): readonly string[] {
  const { rows, terms } = alpha(store)!.value;
  const day = (ms: number): string => (ms === 0 ? "" : new Date(ms).toISOString().slice(0, 10));
  return Array.from({ length: rows.count }, (_, row) => {
    const { priceMicros, effectiveFromMs, effectiveToMs } = terms[rows.terms[row]!]!;
    return `${rows.codes[row]} ${priceMicros} ${day(effectiveFromMs)}..${day(effectiveToMs)}`;
  }).sort();
}

const told = ({ problems }: ImportResult): readonly string[] =>
  problems.map(({ line, column, problem }) => `${line} ${column}: ${problem}`);

imports("stores a deck of a carrier, and says what is new", async () => {
  const store = memoryImportStore();
  const text =
    "MCCMNC,PriceSubmit,PriceDelivered,Currency,Effective\r\n23410,0.0,0.016,GBP,2021-01-01T00:00:00+00:00\r\n23415,0.02,0,GBP,2021-01-01\r\n";
  const { stored, revision, rows, diff } = await result(store, deck(), text);
  assert.is(stored, true);
  assert.is(revision, 1n);
  assert.is(rows, 2n);
  assert.is(diff?.added, 2n);
  assert.equal(rowsOf(store), ["23410 16000 2021-01-01..", "23415 20000 2021-01-01.."]);
  assert.equal(
    alpha(store)
      ?.value.terms.map(({ chargeBasis }) => chargeBasis)
      .sort(),
    [1, 2],
  );
  assert.equal(store.writers, ["0123abcd"]);
});

imports("stores nothing that a dry run or one wrong row would change", async () => {
  const store = memoryImportStore();
  const dry = await result(store, deck({}, { dryRun: true }), "prefix,price\n44,0.1\n");
  assert.is(dry.stored, false);
  assert.is(dry.diff?.added, 1n);
  const wrong = await result(store, deck(), "prefix,price\n44,0.1\n45,x\n46,0,1\n");
  assert.is(wrong.stored, false);
  assert.is(wrong.problemCount, 2n);
  assert.equal(told(wrong), [
    "3 price: must be a decimal number such as 0.0312",
    "4 row: has 3 cells, the header 2",
  ]);
  assert.is(store.decks.size, 0);
});

imports("ends the old row where a price changes, and keeps it", async () => {
  const store = memoryImportStore();
  await result(store, deck(), "prefix,price,effective\n44,0.1,2026-01-01\n49,0.2,\n");
  const text = "prefix,price,effective\n44,0.1,2026-01-01\n44,0.12,2026-07-01\n49,0.2,\n";
  const { diff, stored } = await result(store, deck(), text);
  assert.is(stored, true);
  assert.equal([diff?.changed, diff?.raised, diff?.unchanged, diff?.ceased], [1n, 1n, 1n, 0n]);
  assert.equal(rowsOf(store), [
    "44 100000 2026-01-01..2026-07-01",
    "44 120000 2026-07-01..",
    "49 200000 ..",
  ]);
  const [change] = diff!.changes;
  assert.is(change?.match, "prefix 44");
  assert.is(change?.before, "0.10");
  assert.is(change?.after, "0.12");
  assert.is(change?.changeBasisPoints, 2_000n);
  assert.is(change?.line, 3n);
  assert.equal(change?.effectiveFrom, new Date(Date.UTC(2026, 6, 1)));
});

imports("lets cease what is not in the file, with its first change to come", async () => {
  const store = memoryImportStore();
  await result(store, deck(), "prefix,price\n44,0.1\n49,0.2\n");
  const text = "prefix,price,effective\n44,0.11,2026-08-01\n";
  const { diff } = await result(store, deck(), text);
  assert.equal([diff?.changed, diff?.ceased], [1n, 1n]);
  assert.equal(rowsOf(store), [
    "44 100000 ..2026-08-01",
    "44 110000 2026-08-01..",
    "49 200000 ..2026-08-01",
  ]);
});

imports("lets cease at the time that was asked for", async () => {
  const store = memoryImportStore();
  await result(store, deck(), "prefix,price\n44,0.1\n49,0.2\n");
  const effectiveFrom = new Date(Date.UTC(2026, 8, 1));
  const { diff } = await result(store, deck({ effectiveFrom }), "prefix,price\n44,0.1\n");
  assert.equal([diff?.unchanged, diff?.ceased], [1n, 1n]);
  assert.equal(rowsOf(store), ["44 100000 ..", "49 200000 ..2026-09-01"]);
});

imports("keeps what is not in the file if it is merged", async () => {
  const store = memoryImportStore();
  await result(store, deck(), "prefix,price\n44,0.1\n49,0.2\n");
  const merge = { mode: ImportMode.IMPORT_MODE_MERGE };
  const { diff } = await result(store, deck({}, merge), "prefix,price\n33,0.3\n");
  assert.equal([diff?.added, diff?.unchanged, diff?.ceased], [1n, 2n, 0n]);
  assert.is(alpha(store)?.value.rows.count, 3);
});

imports("puts a period into the deck if it is merged, and the old price after it", async () => {
  const store = memoryImportStore();
  await result(store, deck(), "prefix,price\n44,0.1\n");
  const merge = { mode: ImportMode.IMPORT_MODE_MERGE };
  await result(
    store,
    deck({}, merge),
    "prefix,price,effective,expires\n44,0.09,2026-07-01,2026-08-01\n",
  );
  assert.equal(rowsOf(store), [
    "44 100000 ..2026-07-01",
    "44 100000 2026-08-01..",
    "44 90000 2026-07-01..2026-08-01",
  ]);
});

imports("makes no revision of a file that repeats what is in force", async () => {
  const store = memoryImportStore();
  const text = "prefix,price,effective\n44,0.1,2026-01-01\n49,0.2,\n";
  await result(store, deck(), text);
  const again = await result(store, deck(), text);
  assert.is(again.stored, false);
  assert.is(again.revision, 1n);
  assert.is(again.problemCount, 0n);
  assert.is(again.diff?.unchanged, 2n);
});

imports("refuses rows that change the past, unless that is meant", async () => {
  const store = memoryImportStore();
  await result(store, deck(), "prefix,price,effective\n44,0.1,2026-01-01\n");
  const text = "prefix,price,Valid From\n44,0.12,2026-03-01\n49,0.1,2026-03-01\n";
  const refused = await result(store, deck(), text);
  assert.is(refused.stored, false);
  assert.is(refused.diff?.changed, 1n);
  assert.equal(
    refused.problems.map(({ line, column, reason }) => [line, column, reason]),
    [
      [2n, "Valid From", 2],
      [3n, "Valid From", 2],
    ],
  );
  const meant = await result(store, deck({ allowRetroactive: true }), text);
  assert.is(meant.stored, true);
  assert.equal(rowsOf(store), [
    "44 100000 2026-01-01..2026-03-01",
    "44 120000 2026-03-01..",
    "49 100000 2026-03-01..",
  ]);
});

imports("refuses a price that jumps for large accounts alone", async () => {
  const store = memoryImportStore();
  await result(store, deck(), "prefix,tiers\n44,graduated 0:0.04 100:0.03\n");
  const text = "prefix,price,tiers,effective\n44,,graduated 0:0.04 100:0.03 500:5,2026-07-01\n";
  const { stored, diff, ...jump } = await result(store, deck(), text);
  assert.is(stored, false);
  assert.equal(told(jump as ImportResult), [
    "2 price: changes 0.03 by 16566.7 % to 5.00: more than --max-change",
  ]);
  assert.is(diff?.raised, 1n);
  const flat = "prefix,price,effective\n44,0.04,2026-07-01\n";
  assert.is((await result(store, deck(), flat)).stored, true);
});

imports("refuses a price that jumps, up or down, unless that is meant", async () => {
  const store = memoryImportStore();
  await result(store, deck(), "prefix,price\n44,0.10\n49,0.10\n33,0.10\n34,0\n");
  const text = "prefix,Our Price\n44,0.151\n49,0.049\n33,0.15\n34,0.1\n";
  const mapped = { columns: { price: "Our Price" } };
  const refused = await result(store, deck({}, mapped), text);
  assert.equal(
    refused.problems.map(({ line, column, reason }) => [line, column, reason]),
    [
      [2n, "Our Price", 3],
      [3n, "Our Price", 3],
      [5n, "Our Price", 3],
    ],
  );
  const higher = await result(store, deck({ changePercentMax: 51 }, mapped), text);
  assert.equal(
    higher.problems.map(({ line }) => line),
    [5n],
  );
  const any = await result(store, deck({ anyChange: true }, mapped), text);
  assert.is(any.stored, true);
});

imports("refuses rows that overlap", async () => {
  const store = memoryImportStore();
  const text =
    "prefix,price,effective,expires\n44,0.1,2026-07-01,2026-09-01\n44,0.2,2026-08-01,\n49,1,,\n49,1,,\n";
  const { problems } = await result(store, deck(), text);
  assert.equal(
    problems.map(({ line }) => line),
    [3n, 5n],
  );
});

imports("refuses a deck in a second currency until both have a rate", async () => {
  const store = memoryImportStore();
  const csv = "prefix,price\n44,0.1\n";
  assert.ok((await result(store, deck(), csv)).stored);
  const euro = deck({ carrier: "beta", currency: "EUR" });
  const refused = await result(store, euro, csv);
  assert.not.ok(refused.stored);
  assert.equal(told(refused), [
    '0 currency: EUR has no exchange rate, and decks are in EUR, GBP: "floe rates create EUR --rate <number>" first',
    '0 currency: GBP has no exchange rate, and decks are in EUR, GBP: "floe rates create GBP --rate <number>" first',
  ]);
  store.rates.push({ currency: "GBP", effectiveFromMs: 0 });
  store.rates.push({ currency: "EUR", effectiveFromMs: Number.MAX_SAFE_INTEGER });
  const early = await result(store, euro, csv);
  assert.match(told(early).join(), "0 currency: EUR has no exchange rate yet, ");
  store.rates.push({ currency: "EUR", effectiveFromMs: 0 });
  assert.ok((await result(store, euro, csv)).stored);
});

imports("refuses a currency that is not the deck's or the plan's", async () => {
  const store = memoryImportStore();
  await result(store, deck(), "prefix,price\n44,0.1\n");
  const other = await result(store, deck({ currency: "EUR" }), "prefix,price\n44,0.1\n");
  assert.equal(told(other), ["0 currency: is EUR, and the deck in force has GBP"]);
  const ofPlan = await result(
    store,
    deck({ plan: 1, currency: "" }),
    "prefix,price,currency\n44,0.1,EUR\n",
  );
  assert.equal(told(ofPlan), ["2 currency: is not GBP"]);
  const none = await result(store, deck({ carrier: "beta", currency: "" }), "prefix,price\n44,1\n");
  assert.equal(told(none), ["0 currency: is missing: say it by --currency"]);
});

imports("refuses carriers and plans that are not there", async () => {
  const store = memoryImportStore();
  for (const options of [deck({ carrier: "gamma" }), deck({ plan: 7, currency: "" })]) {
    const given = await run(store, requestsOf(options, "prefix,price\n44,0.1\n"));
    assert.is((given as Refusal).code, status.NOT_FOUND);
  }
});

imports("changes nothing if the file does not come to its end", async () => {
  const store = memoryImportStore();
  async function* cut(bytes: bigint | undefined): AsyncGenerator<ImportRequest> {
    yield { request: { $case: "options", options: deck() } };
    yield { request: { $case: "chunk", chunk: Buffer.from("prefix,price\n44,0.1\n45,0") } };
    if (bytes !== undefined) yield { request: { $case: "end", end: { bytes } } };
  }
  for (const bytes of [undefined, 30n]) {
    const given = await run(store, cut(bytes));
    assert.is((given as Refusal).code, status.CANCELLED);
  }
  assert.is(store.decks.size, 0);
});

imports("stores nothing if somebody else was first", async () => {
  const store = memoryImportStore();
  await result(store, deck(), "prefix,price\n44,0.1\n");
  async function* overtaken(): AsyncGenerator<ImportRequest> {
    for await (const one of requestsOf(deck(), "prefix,price\n44,0.11\n")) yield one;
  }
  const slow = { ...store };
  slow.deck = async (owner, channel) => {
    const found = await store.deck(owner, channel);
    await result(store, deck(), "prefix,price\n44,0.12\n");
    return found;
  };
  const given = await run(slow as MemoryImportStore, overtaken());
  assert.is((given as Refusal).code, status.ABORTED);
  assert.is(alpha(store)?.revision, 2);
});

imports("stores networks and then ported numbers in their countries", async () => {
  const store = memoryImportStore();
  await result(
    store,
    table("networks"),
    "prefix,country,mcc,mnc\n44,United Kingdom,,\n447,GB,234,10\n448,gb,234,15\n",
  );
  assert.equal(store.tables.networks?.value.prefixes, ["44", "447", "448"]);
  const ported = await result(
    store,
    table("ported"),
    "number,mcc,mnc\n+447911123456,234,15\n447000000000,234,10\n",
  );
  assert.is(ported.stored, true);
  const { numbers, of, ids } = store.tables.ported!.value;
  assert.equal([...numbers], [447000000000, 447911123456]);
  assert.equal(
    [...of].map((id) => ids[id]),
    [
      { country: "GB", mcc: "234", mnc: "10" },
      { country: "GB", mcc: "234", mnc: "15" },
    ],
  );
});

imports("merges ported numbers: what comes back is removed, the rest stays", async () => {
  const store = memoryImportStore();
  await result(store, table("networks"), "prefix,country,mccmnc\n447,GB,23410\n448,GB,234-15\n");
  await result(store, table("ported"), "number,mccmnc\n447000000001,23415\n447000000002,23415\n");
  const text = "number,mccmnc\n447000000001,\n447000000003,23410\n";
  const refused = await result(store, table("ported"), text);
  assert.equal(told(refused), ["2 mcc: is empty, which has a meaning with --merge alone"]);
  const { diff } = await result(store, table("ported", ImportMode.IMPORT_MODE_MERGE), text);
  assert.equal([diff?.added, diff?.unchanged, diff?.ceased], [1n, 1n, 1n]);
  assert.equal([...store.tables.ported!.value.numbers], [447000000002, 447000000003]);
  const said = JSON.stringify(diff?.changes, (_, value) => String(value));
  assert.not.match(said, /44700/);
});

imports("refuses a ported number whose network is in no known country", async () => {
  const store = memoryImportStore();
  const given = await result(store, table("ported"), "number,mcc,mnc\n447000000001,234,15\n");
  assert.is(given.stored, false);
  assert.match(told(given)[0]!, /^2 mcc: 234-15 is in no known country/);
});

imports("stores routing rules, and refuses a strategy that cannot be read", async () => {
  const store = memoryImportStore();
  const text = 'rule,order,country,strategy\nuk,1,GB,"weight(alpha:70, beta:30) else cost(*)"\n';
  const good = await result(store, table("routes"), text);
  assert.is(good.stored, true);
  assert.equal(
    store.tables.rules.map(({ row }) => row.id),
    ["uk"],
  );
  const bad = await result(store, table("routes"), "rule,strategy\nuk,cost(gamma)\nde,cost(\n");
  assert.equal(
    bad.problems.map(({ line, column }) => [line, column]),
    [
      [2n, "strategy"],
      [3n, "strategy"],
    ],
  );
  assert.is(store.tables.rules.length, 1);
});

imports.run();
