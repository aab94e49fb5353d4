/** The folder of a local system, and that one system at a time has it. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { openHome, writeWhole } from "../../../deploy/local/home.js";
import { processMark, sameProcess } from "../../../deploy/local/process-mark.js";

const homes = suite("home");
const silent = (): void => {};

async function withFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "floe-home-"));
  try {
    await run(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

homes("belongs to one system at a time", async () => {
  await withFolder(async (folder) => {
    const home = await openHome(folder, silent);
    const error = await openHome(folder, silent).catch((reason: unknown) => reason);
    assert.match(String(error), new RegExp(`runs in .* already \\(pid ${process.pid}\\)`));
    home.release();
    (await openHome(folder, silent)).release();
    assert.not.ok(existsSync(join(folder, "lock")));
  });
});

homes("is taken over from a system that was killed, whose processes are ended first", async () => {
  await withFolder(async (folder) => {
    const orphan = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"]);
    const gone = spawn(process.execPath, ["-e", ""]);
    await once(gone, "exit");
    const lock = {
      supervisor: { role: "supervisor", pid: gone.pid, startedAt: "1" },
      processes: [{ role: "nats", ...processMark(orphan.pid!) }],
    };
    writeFileSync(join(folder, "lock"), JSON.stringify(lock));
    const ended = once(orphan, "exit");
    const told: string[] = [];
    const home = await openHome(folder, (line) => void told.push(line));
    await ended;
    assert.match(told.join(), /left processes behind: ending nats/);
    home.release();
  });
});

homes("leaves alone a process that only has the number of one that was left", async () => {
  await withFolder(async (folder) => {
    const stranger = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"]);
    const mark = { role: "nats", pid: stranger.pid!, startedAt: "an earlier time" };
    const lock = { supervisor: { ...mark, role: "supervisor" }, processes: [mark] };
    writeFileSync(join(folder, "lock"), JSON.stringify(lock));
    const home = await openHome(folder, silent);
    assert.ok(sameProcess(processMark(stranger.pid!)));
    home.release();
    stranger.kill("SIGKILL");
  });
});

homes("takes over a lock that is damaged", async () => {
  await withFolder(async (folder) => {
    writeFileSync(join(folder, "lock"), "{");
    (await openHome(folder, silent)).release();
  });
});

homes("clears what systems leave there, and nothing else", async () => {
  await withFolder(async (folder) => {
    const home = await openHome(folder, silent);
    mkdirSync(home.file("nats"));
    writeFileSync(home.file("keys.json"), "{}");
    writeFileSync(home.file("thesis.txt"), "mine");
    home.clear();
    assert.not.ok(existsSync(home.file("nats")));
    assert.not.ok(existsSync(home.file("keys.json")));
    assert.ok(existsSync(home.file("thesis.txt")));
    assert.ok(existsSync(home.file("lock")));
    home.release();
  });
});

homes("writes secrets for their owner alone", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "secret");
    writeWhole(path, "sesame");
    assert.is(statSync(path).mode & 0o777, 0o600);
  });
});

homes.run();
