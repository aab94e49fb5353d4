/** `floe keys`: API keys of customers and staff. */
import type { Command } from "commander";
import { FloeError } from "../../core/errors.js";
import { print } from "../../core/output.js";
import {
  type ApiKey,
  ApiKeyScope,
  ApiKeyServiceService,
  ApiKeyStatus,
} from "../../core/proto/floe/v1/accounts.js";
import { tableOf } from "./entity.js";
import { type Fields, plainOf, timeOf } from "./entity-fields.js";
import { addOperatorOptions, allPages, type OperatorFlags, operate } from "./operator.js";
import { wholeOf } from "./whole.js";

const FIELDS: Fields = {
  keyId: { kind: "text" },
  account: { kind: "number" },
  scope: { kind: "choice", of: ApiKeyScope },
  status: { kind: "choice", of: ApiKeyStatus },
  name: { kind: "text" },
  createdAt: { kind: "time" },
  expiresAt: { kind: "time" },
};
const COLUMNS = ["keyId", "account", "scope", "status", "name", "createdAt", "expiresAt"];

interface CreateFlags extends OperatorFlags {
  account?: string;
  staff?: boolean;
  name: string;
  expires?: string;
  environment: string;
}

export function addKeys(program: Command): void {
  const keys = program.command("keys").description("API keys of customers and staff");
  addOperatorOptions(keys.command("list").description("all of them; their secrets are nowhere"))
    .option("--account <number>", "only those of this account")
    .action(list);
  addOperatorOptions(keys.command("get <id>").description("one key, without its secret")).action(
    get,
  );
  addOperatorOptions(keys.command("create").description("a new key: it is told this once"))
    .option("--account <number>", "whose key it is")
    .option("--staff", "a key to operate with, of no account")
    .option("--name <text>", "what its owner calls it", "")
    .option("--expires <time>", "date, or time as in RFC 3339 (default: never)")
    .option("--environment <word>", "part of the key that says where it belongs", "live")
    .action(create);
  addOperatorOptions(
    keys.command("revoke <id>").description("refuse a key from now on, for ever"),
  ).action(revoke);
}

function accountOf(text: string | undefined): number {
  return text === undefined ? 0 : wholeOf(text, "--account", 1);
}

async function list(flags: OperatorFlags & { account?: string }): Promise<void> {
  const request = { account: accountOf(flags.account) };
  const found = await operate(flags, (operator) =>
    allPages<Record<string, unknown>>(
      operator,
      ApiKeyServiceService,
      "listApiKeys",
      "apiKeys",
      request,
    ),
  );
  const plain = found.map((one) => plainOf(FIELDS, one));
  if (flags.json === true) print(JSON.stringify(plain, undefined, 2));
  else print(tableOf(FIELDS, COLUMNS, plain));
}

async function get(keyId: string, flags: OperatorFlags): Promise<void> {
  const { apiKey } = await operate(flags, (operator) =>
    operator.call<{ apiKey: ApiKey }>(ApiKeyServiceService, "getApiKey", { keyId }),
  );
  tell(apiKey, flags);
}

function tell(apiKey: ApiKey, flags: OperatorFlags): void {
  const plain = plainOf(FIELDS, { ...apiKey });
  if (flags.json === true) print(JSON.stringify(plain, undefined, 2));
  else print(tableOf(FIELDS, COLUMNS, [plain]));
}

async function create(flags: CreateFlags): Promise<void> {
  const isStaff = flags.staff === true;
  if (isStaff === (flags.account !== undefined)) {
    throw new FloeError("settings.invalid", { problems: ["Give either --account or --staff."] });
  }
  const expiresAt = flags.expires === undefined ? undefined : timeOf(flags.expires);
  if (flags.expires !== undefined && expiresAt === undefined) {
    throw new FloeError("settings.invalid", { problems: ["--expires must be a date or a time."] });
  }
  const request = {
    account: accountOf(flags.account),
    scope: isStaff ? ApiKeyScope.API_KEY_SCOPE_STAFF : ApiKeyScope.API_KEY_SCOPE_CUSTOMER,
    expiresAt,
    name: flags.name,
    environment: flags.environment,
  };
  const { apiKey, key } = await operate(flags, (operator) =>
    operator.call<{ apiKey: ApiKey; key: string }>(ApiKeyServiceService, "createApiKey", request),
  );
  if (flags.json === true) {
    print(JSON.stringify({ ...plainOf(FIELDS, { ...apiKey }), key }, undefined, 2));
    return;
  }
  print(`${key}\nThis is told once: what is kept cannot be turned back into it.`);
}

async function revoke(keyId: string, flags: OperatorFlags): Promise<void> {
  const { apiKey } = await operate(flags, (operator) =>
    operator.call<{ apiKey: ApiKey }>(ApiKeyServiceService, "revokeApiKey", { keyId }),
  );
  if (flags.json === true) tell(apiKey, flags);
  else print(`Key ${keyId} is revoked.`);
}
