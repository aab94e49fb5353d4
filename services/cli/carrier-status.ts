/** `floe carrier status`: the binds of carriers, as the connectors that hold them see them. */
import type { Command } from "commander";
import { type Cell, print, table } from "../../core/output.js";
import { type Bind, CarrierServiceService } from "../../core/proto/floe/v1/carriers.js";
import { addOperatorOptions, type OperatorFlags, operate } from "./operator.js";

/** Below `floe carriers`, which is `floe carrier` as well. */
export function addBinds(program: Command): void {
  addOperatorOptions(
    program.commands
      .find((command) => command.name() === "carriers")!
      .command("status")
      .description(
        "binds: where they are bound and since when, how fast they may send, what is wrong",
      )
      .argument("[name]", "of this carrier (default: of all)"),
  ).action(tell);
}

async function tell(carrier: string | undefined, flags: OperatorFlags): Promise<void> {
  const { binds } = await operate(flags, (operator) =>
    operator.call<{ binds: Bind[] }>(CarrierServiceService, "listBinds", {
      carrier: carrier ?? "",
    }),
  );
  if (flags.json === true) {
    print(JSON.stringify(binds, undefined, 2));
    return;
  }
  if (binds.length === 0) {
    print("No connector tells of a bind: none holds one, or none runs.");
    return;
  }
  const rows = binds.map((one): Cell[] => [
    one.name,
    one.state === "" ? "elsewhere" : one.state,
    `${one.host}${one.tls ? " (TLS)" : ""}`,
    one.boundSince?.toISOString() ?? "",
    one.rate === 0 ? "no limit" : Math.round(one.rate),
    one.window === 0 ? "" : one.window,
    one.version,
    one.idForm,
    one.lastReceiptAt?.toISOString() ?? "",
    one.problem,
  ]);
  const heads = [
    "bind",
    "state",
    "host",
    "since",
    "parts/s",
    "window",
    "version",
    "ids",
    "receipt",
  ];
  print(table([...heads, "problem"], rows));
}
