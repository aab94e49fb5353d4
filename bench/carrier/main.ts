/** Carrier simulator, as a process of its own: `node dist/bench/carrier/main.js --help`. */
import { print, printError } from "../../core/output.js";
import { openControl } from "./control.js";
import { HELP, parseCarrierOptions } from "./options.js";
import { openSmsc } from "./smsc.js";

async function main(): Promise<void> {
  const options = parseCarrierOptions(process.argv.slice(2));
  if (options === undefined) {
    print(HELP);
    return;
  }
  const smsc = await openSmsc(options);
  const control = await openControl(smsc);
  const { name } = options;
  const { port, ports } = smsc;
  const second = ports.length > 1 ? { second: ports[1] } : {};
  print(JSON.stringify({ msg: "listening", name, port, ...second, control: control.port }));
  const stop = async (): Promise<void> => {
    await control.close();
    await smsc.close();
    process.exit(0);
  };
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => void stop());
}

main().catch((error: unknown) => {
  printError(error instanceof Error ? error.message : String(error));
  process.exitCode = 2;
});
