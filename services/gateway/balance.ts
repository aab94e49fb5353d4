/** Balance: BalanceService for customers, who see that of their own account. */
import { type handleUnaryCall, type sendUnaryData, status } from "@grpc/grpc-js";
import { parseAccount } from "../../core/configuration.js";
import { isFloeError } from "../../core/errors.js";
import { INTERNAL, isRefusal, type Refusal, refuse } from "../../core/grpc/refuse.js";
import type { GrpcService } from "../../core/grpc/server.js";
import { balanceMessage, type Owners } from "../../core/owners.js";
import {
  BalanceServiceService,
  type GetBalanceRequest,
  type GetBalanceResponse,
} from "../../core/proto/floe/v1/accounts.js";
import type { Bucket } from "../../core/stream/stream.js";
import { type CallView, type Door, enter, identify, leave } from "./call.js";
import { OWNER_AWAY, USAGE_FULL } from "./refuse.js";

const NOT_YOURS = refuse(
  status.PERMISSION_DENIED,
  "ACCOUNT_OTHER",
  "A customer's key tells the balance of its own account.",
);

export interface BalanceDesk {
  readonly owners: Owners;
  /** KV bucket of accounts. */
  accounts(): Promise<Bucket>;
}

export function balanceService(door: Door, desk: BalanceDesk): GrpcService {
  const getBalance: handleUnaryCall<GetBalanceRequest, GetBalanceResponse> = (call, callback) =>
    void serve(door, desk, call, callback);
  return {
    name: "floe.v1.BalanceService",
    definition: BalanceServiceService,
    implementation: { getBalance },
  };
}

async function serve(
  door: Door,
  desk: BalanceDesk,
  call: CallView & { readonly request: GetBalanceRequest },
  callback: sendUnaryData<GetBalanceResponse>,
): Promise<void> {
  const visit = enter(door, "GetBalance", call, 0);
  if (visit === undefined) {
    callback(USAGE_FULL);
    return;
  }
  const caller = identify(door, visit, call);
  const answer = isRefusal(caller)
    ? caller
    : await balanceOf(door, desk, caller.account.account, call.request.account);
  leave(door, visit, isRefusal(answer) ? answer.code : status.OK, 0, 0);
  if (isRefusal(answer)) callback(answer);
  else callback(null, answer);
}

async function balanceOf(
  door: Door,
  desk: BalanceDesk,
  own: number,
  asked: number,
): Promise<GetBalanceResponse | Refusal> {
  if (asked !== 0 && asked !== own) return NOT_YOURS;
  try {
    const entry = await (await desk.accounts()).get(String(own));
    if (entry === undefined) return NOT_YOURS;
    const answer = await desk.owners.ask({ account: own, credit: undefined });
    return { balance: balanceMessage(parseAccount(entry.value), answer.balance!) };
  } catch (err) {
    if (isFloeError(err, "stream.unavailable")) return OWNER_AWAY;
    door.log.error({ err }, "a call failed by a bug");
    return INTERNAL;
  }
}
