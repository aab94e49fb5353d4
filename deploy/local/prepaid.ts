/**
 * Prepaid: an account of the local system that pays first, made as an operator would, through the
 * admin service, and topped up once. A repeat finds both and changes nothing.
 */
import { isFloeError } from "../../core/errors.js";
import {
  Account,
  AccountServiceService,
  type Balance,
  Payment,
} from "../../core/proto/floe/v1/accounts.js";
import type { LocalJson } from "../../services/cli/local-system.js";
import { operate } from "../../services/cli/operator.js";

export const PREPAID_ACCOUNT = 1_001;
/** Price plan in the sample's plans.csv. */
const PLAN = 1;
const AMOUNT = "25.00";
const REFERENCE = "npm-start";

/** What its account has. @throws FloeError "stream.unavailable" if it cannot be made. */
export async function seedPrepaid({ admin, staffKey }: LocalJson): Promise<Balance | undefined> {
  if (admin === undefined) return undefined;
  return await operate({ admin, key: staffKey }, async (operator) => {
    const account = Account.fromPartial({
      account: PREPAID_ACCOUNT,
      name: "Demo prepaid",
      plan: PLAN,
      payment: Payment.PAYMENT_PREPAID,
    });
    try {
      await operator.call(AccountServiceService, "createAccount", { account });
    } catch (error) {
      if (!isFloeError(error) || error.details["status"] !== "ALREADY_EXISTS") throw error;
    }
    const { balance } = await operator.call<{ balance: Balance }>(AccountServiceService, "topUp", {
      account: PREPAID_ACCOUNT,
      amount: AMOUNT,
      reference: REFERENCE,
      note: "to begin with",
    });
    return balance;
  });
}
