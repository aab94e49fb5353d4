/** Table images: loaded when wanted, followed, and kept while the next one cannot be had. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { SYSTEM_CLOCK, seededChance } from "../../../core/clock.js";
import { encodeConfig } from "../../../core/configuration.js";
import { isFloeError } from "../../../core/errors.js";
import { SILENT } from "../../../core/log.js";
import { NO_FAULTS, openMemory } from "../../../core/stream/memory.js";
import type { Objects } from "../../../core/stream/stream.js";
import { BUCKETS, TABLES_STORE } from "../../../core/subjects.js";
import { openTableImages } from "../../../core/table-images.js";
import { until } from "../../until.js";

const images = suite("table images");

async function open() {
  const memory = openMemory({ clock: SYSTEM_CLOCK, chance: seededChance(1), faults: NO_FAULTS });
  const client = memory.connect("test");
  const config = await client.bucket(BUCKETS.config);
  const stored = await client.objects(TABLES_STORE);
  const got: string[] = [];
  const objects: Objects = {
    ...stored,
    getShared: (name) => {
      got.push(name);
      return stored.getShared(name);
    },
  };
  const point = (version: number): Promise<unknown> =>
    config.put("tables", encodeConfig({ version, object: nameOf(version) }));
  const put = (version: number): Promise<void> =>
    stored.put(nameOf(version), Uint8Array.of(version, 7));
  return { images: openTableImages(config, objects, SILENT), got, point, put, stored };
}
const nameOf = (version: number): string => `tables-${version}-abc`;

images("load nothing before somebody asks, and the same set once", async () => {
  const { images: opened, got, point, put } = await open();
  await put(1);
  await point(1);
  assert.equal(got, []);
  const [one, other] = await Promise.all([opened.inForce(), opened.inForce()]);
  assert.is(one, other);
  assert.equal([one.version, one.name, ...new Uint8Array(one.bytes)], [1, nameOf(1), 1, 7]);
  assert.is(await opened.inForce(), one);
  assert.equal(got, [nameOf(1)]);
  await opened.close();
});

images("follow the pointer, and stay with the last good set", async () => {
  const { images: opened, point, put } = await open();
  await put(1);
  await point(1);
  await opened.inForce();
  await put(2);
  await point(2);
  await until(async () => (await opened.inForce()).version === 2);
  // Nobody has stored set 3.
  await point(3);
  await put(4);
  assert.is((await opened.inForce()).version, 2);
  await point(4);
  await until(async () => (await opened.inForce()).version === 4);
  await opened.close();
});

images("say that none is in force, until one is", async () => {
  const { images: opened, point, put } = await open();
  const refused = await opened.inForce().catch((error: unknown) => error);
  assert.ok(isFloeError(refused, "tables.invalid"));
  await point(1);
  const missing = await opened.inForce().catch((error: unknown) => error);
  assert.ok(isFloeError(missing, "tables.invalid"));
  await put(1);
  assert.is((await opened.inForce()).version, 1);
  await opened.close();
});

images("give older sets while they are kept", async () => {
  const { images: opened, got, point, put, stored } = await open();
  for (const version of [1, 2, 11]) await put(version);
  await point(11);
  assert.is((await opened.kept(1))?.name, nameOf(1));
  assert.is((await opened.kept(1))?.name, nameOf(1));
  assert.is(got.filter((name) => name === nameOf(1)).length, 1, "remembered");
  assert.is((await opened.kept(2))?.version, 2);
  assert.is(await opened.kept(3), undefined);
  await stored.delete(nameOf(1));
  assert.is(await opened.kept(1), undefined);
  await opened.close();
});

images.run();
