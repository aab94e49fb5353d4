/** Children of the supervisor, with real processes. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { environment } from "../../../core/settings.js";
import { type Child, startChild } from "../../../deploy/local/child.js";

const children = suite("children");

const LISTENING = JSON.stringify({ msg: "listening", service: "metrics", port: 7, control: 9 });
/** Prints where it listens, and stays. */
const STAYS = `require("fs").writeSync(1, 'noise\\n${LISTENING}\\n'); setInterval(() => {}, 1000);`;

function start(script: string, line: (text: string) => void = () => {}): Child {
  return startChild({
    role: "child",
    command: process.execPath,
    args: ["-e", script],
    env: environment(),
    line,
    born: () => {},
  });
}

async function problemOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => "",
    (reason: unknown) => String(reason),
  );
}

children("say where they listen, and every line is heard", async () => {
  const lines: string[] = [];
  const child = start(STAYS, (line) => void lines.push(line));
  assert.equal(await child.listening("metrics"), { service: "metrics", port: 7, control: 9 });
  assert.equal(lines, ["noise", LISTENING]);
  await child.stop(5_000);
  assert.is(await child.exited, "was ended by SIGTERM");
});

children("may say it on node's channel as well, as their log may be silent", async () => {
  const place = { msg: "listening", service: "metrics", port: 8 };
  const child = start(`process.send(${JSON.stringify(place)}); setInterval(() => {}, 1000);`);
  assert.is((await child.listening("metrics")).port, 8);
  await child.stop(5_000);
});

children("that end before they listen are an error at once", async () => {
  const child = start("process.exit(3)");
  assert.match(await problemOf(child.listening("metrics")), /child ended with code 3/);
});

children("that never listen are an error after a while", async () => {
  const child = start(STAYS);
  assert.match(await problemOf(child.listening("other", 300)), /does not listen after 0.3 s/);
  await child.stop(5_000);
});

children("that do not heed SIGTERM are ended by force", async () => {
  const child = start(`process.on("SIGTERM", () => {}); ${STAYS}`);
  await child.listening("metrics");
  await child.stop(200);
  assert.is(await child.exited, "was ended by SIGKILL");
});

children("that cannot be started say why", async () => {
  const child = startChild({
    role: "child",
    command: "/nowhere/at/all",
    args: [],
    env: {},
    line: () => {},
    born: () => {},
  });
  assert.match(await child.exited, /cannot be started .*ENOENT/);
  await child.stop(100);
});

children.run();
