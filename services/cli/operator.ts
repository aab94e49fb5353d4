/** Operator: calls of the admin service by name, for the commands that list, write and delete. */
import {
  Client,
  credentials,
  Metadata,
  type ServiceDefinition,
  type ServiceError,
} from "@grpc/grpc-js";
import type { Command } from "commander";
import { SYSTEM_CLOCK } from "../../core/clock.js";
import { FloeError } from "../../core/errors.js";
import { failure } from "./grpc.js";
import { homeOption, jsonOption } from "./options.js";
import { staffDoor } from "./quote.js";

export interface OperatorFlags {
  admin?: string;
  key?: string;
  home?: string;
  json?: boolean;
}

export interface Operator {
  /**
   * @param call as the generated definition names it: "listCarriers".
   * @throws FloeError "stream.unavailable" whose problem is what the service said.
   */
  call<Response>(definition: ServiceDefinition, call: string, request: object): Promise<Response>;
}

/** A table set of a million rows is made in seconds; whoever waits for it waits so long. */
const CALL_MS_MAX = 300_000;

/** Runs `run` with the admin service that flags name, else that of the local system. */
export async function operate<T>(
  flags: OperatorFlags,
  run: (operator: Operator) => Promise<T>,
): Promise<T> {
  const door = await staffDoor(flags);
  if (door === undefined) {
    const problem =
      'no system runs: start one with "npm start", name its folder by --home, or an admin ' +
      "service by --admin and --key.";
    throw new FloeError("local.failed", { problem });
  }
  const { target, key } = door;
  const client = new Client(target, credentials.createInsecure());
  const metadata = new Metadata();
  metadata.set("authorization", `Bearer ${key}`);
  try {
    return await run({
      call: <Response>(definition: ServiceDefinition, call: string, request: object) =>
        new Promise<Response>((resolve, reject) => {
          const { path, requestSerialize, responseDeserialize } = definition[call]!;
          const done = (error: ServiceError | null, response?: Response): void => {
            if (error === null) resolve(response!);
            else reject(failure(error, target));
          };
          const options = { deadline: SYSTEM_CLOCK.nowMs() + CALL_MS_MAX };
          client.makeUnaryRequest(
            path,
            requestSerialize,
            responseDeserialize as (bytes: Buffer) => Response,
            request,
            metadata,
            options,
            done,
          );
        }),
    });
  } finally {
    client.close();
  }
}

/** The options that every command has which calls the admin service. */
export function addOperatorOptions(command: Command): Command {
  return command
    .option("--admin <host:port>", "admin service to ask (default: that of the local system)")
    .option("--key <key>", "staff key (default: FLOE_KEY or that of the local system)")
    .addOption(homeOption())
    .addOption(jsonOption());
}

/** All pages of a list, at most `most` items. */
export async function allPages<Item>(
  operator: Operator,
  definition: ServiceDefinition,
  call: string,
  field: string,
  request: object,
  most = Number.POSITIVE_INFINITY,
): Promise<Item[]> {
  const items: Item[] = [];
  let pageToken = "";
  do {
    const pageSize = Math.min(1_000, most - items.length);
    const page = await operator.call<Record<string, unknown>>(definition, call, {
      ...request,
      pageSize,
      pageToken,
    });
    items.push(...(page[field] as Item[]));
    pageToken = page["nextPageToken"] as string;
  } while (pageToken !== "" && items.length < most);
  return items;
}
