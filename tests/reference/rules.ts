/** Rules, sender rules and guards, the slow way: all that match, and the first in order. */
import type {
  Channel,
  GuardRow,
  RuleRow,
  SenderPolicy,
  SenderRuleRow,
  TableSource,
} from "../../workers/source.js";
import { SENDER_KIND } from "../../workers/source.js";

export interface RuleQuery {
  readonly account: number;
  readonly plan: number;
  readonly trafficClass: number;
  readonly channel: Channel;
  readonly country: string;
  readonly number: string;
  readonly mcc: string;
  readonly mnc: string;
  readonly sender: string;
  readonly senderKind: number;
}

/** The rule of a table set that has none: everything, to whoever is cheapest. */
export const DEFAULT_RULE: RuleRow = {
  id: "default",
  order: 0,
  accounts: [],
  plans: [],
  trafficClasses: [],
  channels: [],
  countries: [],
  prefixes: [],
  networks: [],
  senders: [],
  senderKinds: [],
  strategy: "cost(*)",
  marginMicros: 0,
  marginBasisPoints: 0,
  allowLoss: false,
};

/** The first that matches by order, then id; undefined: there are rules and none matches. */
export function ruleFor(source: TableSource, query: RuleQuery): RuleRow | undefined {
  if (source.rules.length === 0) return DEFAULT_RULE;
  return [...source.rules].sort(compareRules).find((rule) => ruleMatches(rule, query));
}

function compareRules(one: RuleRow, other: RuleRow): number {
  if (one.order !== other.order) return one.order - other.order;
  return one.id < other.id ? -1 : one.id > other.id ? 1 : 0;
}

export function ruleMatches(rule: RuleRow, query: RuleQuery): boolean {
  const any = <T>(list: readonly T[], wanted: (one: T) => boolean): boolean =>
    list.length === 0 || list.some(wanted);
  return (
    any(rule.accounts, (account) => account === query.account) &&
    any(rule.plans, (plan) => plan === query.plan) &&
    any(rule.trafficClasses, (trafficClass) => trafficClass === query.trafficClass) &&
    any(rule.channels, (channel) => channel === query.channel) &&
    any(rule.countries, (country) => country === query.country) &&
    any(rule.prefixes, (prefix) => query.number.startsWith(prefix)) &&
    any(rule.networks, (network) => networkMatches(network, query)) &&
    any(rule.senders, (sender) => sender === query.sender) &&
    any(rule.senderKinds, (kind) => kind === query.senderKind)
  );
}

function networkMatches(network: string, { mcc, mnc }: RuleQuery): boolean {
  if (mcc === "") return false;
  return network === mcc || (mnc !== "" && network === mcc + mnc);
}

export interface SenderOutcome {
  readonly taken: boolean;
  /** What is sent in place of the customer's sender; "": that itself. */
  readonly replacement: string;
}

/** What a carrier makes of a sender in a country. The most specific row decides alone. */
export function senderAt(
  source: TableSource,
  country: string,
  carrier: string,
  account: number,
  sender: string,
  senderKind: number,
): SenderOutcome {
  // Without a sender there is nothing to judge.
  if (senderKind === SENDER_KIND.any) return { taken: true, replacement: "" };
  let best: SenderRuleRow | undefined;
  let bestRank = -1;
  for (const row of source.senderRules) {
    if (row.country !== "" && row.country !== country) continue;
    if (row.carrier !== "" && row.carrier !== carrier) continue;
    const rank = (row.country === "" ? 0 : 2) + (row.carrier === "" ? 0 : 1);
    if (rank <= bestRank) continue;
    best = row;
    bestRank = rank;
  }
  if (best === undefined) return { taken: true, replacement: "" };
  const policy = policyFor(best, senderKind);
  if (policy === "allow") return { taken: true, replacement: "" };
  if (policy === "refuse") return { taken: false, replacement: "" };
  if (policy === "replace") return replaced(best, sender);
  const known = best.registered.some(
    (one) => one.sender === sender && (one.account === 0 || one.account === account),
  );
  return { taken: known, replacement: "" };
}

function replaced({ replacement }: SenderRuleRow, sender: string): SenderOutcome {
  return { taken: true, replacement: replacement === sender ? "" : replacement };
}

function policyFor(row: SenderRuleRow, senderKind: number): SenderPolicy {
  if (senderKind === SENDER_KIND.alphanumeric) return row.alphanumeric;
  return senderKind === SENDER_KIND.numeric ? row.numeric : row.short;
}

export function guardOf(source: TableSource, account: number): GuardRow | undefined {
  return source.guards.find((guard) => guard.account === account);
}
