/** How to call: what a person may copy to use the system that now runs. */
import { bold } from "../../core/output.js";
import type { Balance } from "../../core/proto/floe/v1/accounts.js";
import type { LocalJson } from "../../services/cli/local-system.js";
import { totalsQuery } from "./report.js";

/** @param run of the sample that was sent; undefined: none was. */
export function howToCall(
  { grpc, clickhouse, apiKey }: LocalJson,
  run: string | undefined,
  prepaid: Balance | undefined,
): string {
  const message = '{"message":{"to":"+447700900123","from":"Floe","text":"Hello"}}';
  const query = run === undefined ? "SELECT count() FROM cdr" : totalsQuery(run);
  return [
    bold("Send a message with floe, or with grpcurl"),
    '  npx floe send --to +447700900123 --from Floe --text "Hello"',
    `  grpcurl -plaintext -H "authorization: Bearer ${apiKey}" \\`,
    `    -d '${message}' ${grpc} floe.v1.MessagingService/SendMessage`,
    "",
    bold("or from TypeScript, with the generated client in core/proto"),
    ...typescript(grpc, apiKey).map((line) => `  ${line}`),
    "",
    bold("Ask ClickHouse for the call detail records (the same totals as above)"),
    `  curl '${clickhouse}/?database=floe' --data-binary "${query}"`,
    `  npx floe clickhouse "SELECT state, count() FROM cdr GROUP BY state"`,
    "",
    ...(prepaid === undefined ? [] : ofAccounts(prepaid)),
  ].join("\n");
}

function ofAccounts({ account, available, currency }: Balance): readonly string[] {
  return [
    bold(`See to accounts and their money: ${account} is prepaid and has ${available} ${currency}`),
    `  npx floe accounts balance ${account}`,
    `  npx floe accounts top-up ${account} --amount 10.00 --reference invoice-7`,
    `  npx floe accounts ledger ${account}`,
    `  npx floe keys create --account ${account}`,
    "",
  ];
}

function typescript(grpc: string, apiKey: string): readonly string[] {
  return [
    `const client = new MessagingServiceClient("${grpc}", credentials.createInsecure());`,
    "const metadata = new Metadata();",
    `metadata.set("authorization", "Bearer ${apiKey}");`,
    'const body = { $case: "text", text: "Hello" } as const;',
    'const message = Message.fromPartial({ to: "+447700900123", from: "Floe", body });',
    "client.sendMessage({ message }, metadata, (error, response) => {",
    "  // error.details says what was wrong; response.messageId is the accepted message",
    "});",
  ];
}
