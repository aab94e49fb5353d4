/**
 * Migrations: brings ClickHouse's tables to what this version of Floe writes.
 *
 * In: deploy/clickhouse/NNNN_name.sql, applied in order of their numbers, once. Out: what was done
 * stands in `schema_migrations` with a checksum; a file that changed after it was applied stops
 * everything, since nobody knows what the tables look like then. Statements repeat harmlessly, so
 * two processes may migrate at the same time, and one that died may begin again.
 */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type ClickHouse, type ClickHouseOptions, openClickHouse } from "../../core/clickhouse.js";
import { FloeError } from "../../core/errors.js";
import type { Logger } from "../../core/log.js";

/** tsc copies no .sql: from dist/services/cdr up to the package's root. */
const DIRECTORY = fileURLToPath(new URL("../../../deploy/clickhouse/", import.meta.url));

export interface Migration {
  readonly number: number;
  /** The file's name. */
  readonly name: string;
  /** SHA-256 of its text, hex. */
  readonly checksum: string;
  readonly statements: readonly string[];
}

export interface MigrateOptions {
  readonly clickhouse: ClickHouseOptions;
  readonly log: Logger;
  /** Engines that replicate, for a cluster with Keeper. */
  readonly replicated?: boolean;
  readonly directory?: string;
}

interface Applied {
  readonly number: number;
  readonly name: string;
  readonly checksum: string;
}

/**
 * Creates the database if it is missing and applies what is new. Repeats are harmless.
 * @throws FloeError "clickhouse.*"; "settings.invalid" if a file differs from what was applied.
 */
export async function migrate(options: MigrateOptions): Promise<void> {
  const { clickhouse: target, log, replicated = false, directory = DIRECTORY } = options;
  const migrations = loadMigrations(directory);
  await withClient({ ...target, database: "" }, (server) =>
    server.command(`CREATE DATABASE IF NOT EXISTS \`${target.database}\``),
  );
  await withClient(target, async (clickhouse) => {
    await clickhouse.command(render(APPLIED_TABLE, replicated));
    const applied = await clickhouse.query<Applied>(
      "SELECT number, name, checksum FROM schema_migrations FINAL ORDER BY number",
    );
    const pending = toApply(migrations, applied);
    for (const migration of pending) {
      for (const statement of migration.statements) {
        await clickhouse.command(render(statement, replicated));
      }
      await clickhouse.command(
        "INSERT INTO schema_migrations (number, name, checksum, applied_at) " +
          "SELECT {number:UInt32}, {name:String}, {checksum:String}, now()",
        { number: migration.number, name: migration.name, checksum: migration.checksum },
      );
      log.info({ migration: migration.name }, "migration applied");
    }
  });
}

const APPLIED_TABLE = `CREATE TABLE IF NOT EXISTS schema_migrations
(number UInt32, name String, checksum String, applied_at DateTime('UTC'))
ENGINE = ReplacingMergeTree
ORDER BY number`;

/** All migrations of a directory, in order. */
export function loadMigrations(directory: string = DIRECTORY): Migration[] {
  const names = readdirSync(directory).filter((name) => /^\d{4}_[a-z0-9_]+\.sql$/.test(name));
  return names.sort().map((name) => {
    const text = readFileSync(`${directory}/${name}`, "utf8");
    const checksum = createHash("sha256").update(text).digest("hex");
    return { number: Number(name.slice(0, 4)), name, checksum, statements: split(text) };
  });
}

/**
 * What is to be applied.
 * @throws FloeError "settings.invalid" naming the files that changed since they were applied.
 */
export function toApply(
  migrations: readonly Migration[],
  applied: readonly Applied[],
): readonly Migration[] {
  const byNumber = new Map(applied.map((one) => [Number(one.number), one]));
  const problems = migrations.flatMap(({ number, name, checksum }) => {
    const before = byNumber.get(number);
    if (before === undefined || before.checksum === checksum) return [];
    return [`${name} changed after it was applied (as ${before.name}).`];
  });
  if (problems.length > 0) throw new FloeError("settings.invalid", { problems });
  return migrations.filter(({ number }) => !byNumber.has(number));
}

/** Statements end with a semicolon at the end of a line. */
function split(text: string): string[] {
  return text
    .split(/;[ \t]*(?:\n|$)/)
    .map((statement) => statement.trim())
    .filter((statement) => statement.replace(/--.*$/gm, "").trim() !== "");
}

/** The statement for one server, or with engines that replicate. */
export function render(statement: string, replicated: boolean): string {
  if (!replicated) return statement;
  return statement.replace(/\bENGINE = (\w*MergeTree)\b/g, "ENGINE = Replicated$1");
}

async function withClient(
  options: ClickHouseOptions,
  work: (clickhouse: ClickHouse) => Promise<void>,
): Promise<void> {
  const clickhouse = openClickHouse(options);
  try {
    await work(clickhouse);
  } finally {
    await clickhouse.close();
  }
}
