/**
 * Findings: what the probe learned, as rows for people, and as the profile that follows from it. What
 * was not learned is said as well: a gap is no "ok".
 */
import type { CarrierConfig } from "../../../core/configuration.js";
import { statusClass, statusName } from "../../connectors/smpp/status.js";
import { type HostResult, isTooMany } from "./binds.js";
import type { Habit } from "./habit.js";
import type { Submits } from "./submits.js";

export type Verdict = "ok" | "note" | "wrong" | "unknown";

export interface Finding {
  readonly what: string;
  readonly verdict: Verdict;
  readonly found: string;
}

export interface Results {
  readonly config: CarrierConfig;
  readonly hosts: readonly HostResult[];
  readonly binds: {
    readonly wanted: number;
    readonly bound: number;
    readonly problem: string;
    readonly status: number;
    /** Fewer than the profile says were tried, as the running system has the others. */
    readonly held: number;
  };
  readonly linkMs: readonly number[];
  /** Undefined: nothing was sent, and why. */
  readonly submits: Submits | undefined;
  readonly unsent: string;
  readonly habit: Habit | undefined;
  readonly waitedSeconds: number;
  /** Receipts and messages that were not the probe's: refused, so that the carrier keeps them. */
  readonly strangers: number;
}

type Say = (what: string, verdict: Verdict, found: string) => void;

export function findingsOf(results: Results): Finding[] {
  const findings: Finding[] = [];
  const say: Say = (what, verdict, found) => void findings.push({ what, verdict, found });
  for (const host of results.hosts) sayHost(say, host, results.config);
  sayBinds(say, results);
  const { linkMs, submits, habit } = results;
  if (linkMs.length > 0) {
    const [low, high] = [percentile(linkMs, 0.5), percentile(linkMs, 0.99)];
    say(
      "round trip",
      "ok",
      `enquire_link ${ms(low)} (p50), ${ms(high)} (p99), ${linkMs.length} times`,
    );
  }
  if (submits === undefined) {
    const open = "answers, window, rate, ids, receipts, alphabet";
    say(open, "unknown", `nothing was sent: ${results.unsent}`);
  } else {
    saySubmits(say, submits, results);
    if (habit !== undefined) sayHabit(say, habit, results);
  }
  if (results.strangers > 0) {
    const found = `${results.strangers} that were not the probe's: refused for now, the carrier sends them again`;
    say("other deliveries", "note", found);
  }
  return findings;
}

function sayHost(say: Say, host: HostResult, config: CarrierConfig): void {
  const what = `host ${host.host}:${host.port}`;
  if (host.problem !== "") {
    say(what, "wrong", `${host.problem}${adviceOf(host)}`);
  } else {
    const who = host.systemId === "" ? "" : ` to ${JSON.stringify(host.systemId)}`;
    say(what, "ok", `connected in ${ms(host.connectMs)}, bound${who} in ${ms(host.bindMs)}`);
    const wanted = config.version ?? "3.4";
    const told =
      host.version === "" ? "no version told (counts as 3.3)" : `it says ${host.version}`;
    const isLess = wanted === "5.0" && host.version !== "0x50";
    say(
      "version",
      isLess ? "wrong" : host.version === "" ? "note" : "ok",
      `asked ${wanted}, ${told}`,
    );
  }
  const { tls } = host;
  if (tls === undefined) return;
  const found = `${tls.protocol} ${tls.cipher}; ${tls.subject}, by ${tls.issuer}, until ${tls.validTo}`;
  say("TLS", tls.problem === "" ? "ok" : "wrong", `${found}${tls.problem && `; ${tls.problem}`}`);
}

const ADVICE: Readonly<Record<string, string>> = {
  ESME_RINVPASWD: "the password is wrong",
  ESME_RINVSYSID: "systemId is wrong",
  ESME_RINVSYSTYP: "systemType is wrong",
  ESME_RALYBND: "no session is free: others are bound with this systemId",
  ESME_RBINDFAIL: "ask the carrier: address not let in, account not active, or too many sessions",
  ECONNREFUSED: "nobody listens there, or a firewall says no",
  ENOTFOUND: "there is no such host",
  ETIMEDOUT: "a firewall keeps silent",
};

function adviceOf({ problem, tls }: HostResult): string {
  const advice = ADVICE[problem];
  if (advice !== undefined) return `: ${advice}`;
  if (problem === "the carrier closed the connection" && tls === undefined) {
    return ": its address list, or it wants TLS";
  }
  return "";
}

function sayBinds(say: Say, { binds, config }: Results): void {
  const { wanted, bound, problem, status, held } = binds;
  if (wanted === 0) {
    if (held > 0) say("binds", "unknown", "the running system holds all of them");
    return;
  }
  const kind = config.bind === "transceiver" ? "transceivers" : "pairs of transmitter and receiver";
  if (problem === "") {
    const rest = held > 0 ? `; ${held} more are the running system's` : "";
    say("binds", "ok", `${bound} ${kind} as the profile says${rest}`);
  } else if (isTooMany(status)) {
    say("binds", "wrong", `${bound} of ${wanted} ${kind}: then ${problem}`);
  } else say("binds", "wrong", `${bound} of ${wanted} ${kind}: then ${problem}`);
}

function saySubmits(say: Say, submits: Submits, { config }: Results): void {
  const { answersMs, statuses, unanswered, taken, sent } = submits;
  if (answersMs.length > 0) {
    const [low, high] = [percentile(answersMs, 0.5), percentile(answersMs, 0.99)];
    say("answers", "ok", `${ms(low)} (p50), ${ms(high)} (p99); ${taken.length} of ${sent} taken`);
  }
  for (const [status, times] of statuses) {
    const key = `0x${status.toString(16).padStart(8, "0")}`;
    const own = config.statusClasses?.[key];
    const kind = own ?? statusClass(status);
    const isKnown = own !== undefined || !statusName(status).startsWith("0x");
    const advice = isKnown ? "" : `: not in SMPP; ask, and name ${key} in statusClasses`;
    const verdict = kind === "throttled" ? "note" : "wrong";
    say("refusals", verdict, `${statusName(status)} ${times} times (${kind})${advice}`);
  }
  if (unanswered > 0) say("answers", "wrong", `${unanswered} had none: in doubt`);
  sayWindow(say, submits, config);
  sayRate(say, submits, config);
  for (const note of submits.notes) say("limits", "note", note);
}

function sayWindow(say: Say, { window, windowOver, bursts }: Submits, config: CarrierConfig): void {
  if (bursts.length === 0) return;
  if (windowOver > 0) {
    const isLess = window < config.window;
    const found = `${window} are taken; above, ${windowOver} at once, it complains`;
    say("window", isLess ? "wrong" : "ok", `${found} (the profile says ${config.window})`);
  } else if (window > 0) {
    say("window", "ok", `${window} at once were taken (the profile says ${config.window})`);
  } else say("window", "unknown", "no burst went through");
}

function sayRate(say: Say, { rate, rateOver, steps }: Submits, config: CarrierConfig): void {
  if (steps.length === 0) return;
  const agreed = config.partsPerSecond;
  if (rateOver > 0) {
    const isLess = agreed === 0 || rate < agreed;
    const profile = agreed === 0 ? "the profile has no limit" : `the profile says ${agreed}`;
    const found = `${rate} a second are taken; at ${rateOver} it complains (${profile})`;
    say("rate", isLess ? "wrong" : "ok", found);
  } else if (rate > 0) say("rate", "ok", `${rate} parts a second were taken`);
  else say("rate", "unknown", "no step went through");
}

function sayHabit(say: Say, habit: Habit, { waitedSeconds, config }: Results): void {
  const { taken, confirmed, receipts, unmatched, delaysMs } = habit;
  if (taken === 0) return;
  if (receipts === 0) {
    say("receipts", "wrong", `never came in ${waitedSeconds} s`);
    return;
  }
  const missing = taken - confirmed;
  const late = `${ms(percentile(delaysMs, 0.5))} (p50), ${ms(percentile(delaysMs, 0.99))} (p99)`;
  const found = `${confirmed} of ${taken} parts${delaysMs.length > 0 ? `, after ${late}` : ""}`;
  say(
    "receipts",
    missing === 0 ? "ok" : "wrong",
    `${found}${missing === 0 ? "" : `; ${missing} had none in ${waitedSeconds} s`}`,
  );
  const states = Object.entries(habit.states).map(([state, times]) => `${state} ${times}`);
  say("receipt states", "note", states.join(", "));
  sayIds(say, habit, config);
  if (unmatched > 0) {
    say("receipt ids", "wrong", `${unmatched} receipts name ids that no answer gave, in any form`);
  }
  const forms = [
    [habit.texts, "text"],
    [habit.tlvOnly, "TLVs"],
    [habit.both, "text and TLVs"],
  ] as const;
  const form = forms.filter(([times]) => times > 0).map(([, name]) => name);
  const seconds = habit.seconds > 0 ? "; dates with seconds" : "";
  say("receipt form", "ok", `${form.join(" or ")}${seconds}`);
  if (habit.early > 0) say("receipts", "note", `${habit.early} came before the answer`);
  if (habit.twice > 0) say("receipts", "note", `${habit.twice} came again`);
  if (habit.intermediate > 0) {
    say("receipts", "note", `${habit.intermediate} intermediate ones beside the final`);
  }
  if (habit.atDestination > 0) {
    say(
      "recipient",
      "note",
      `in destination_addr in ${habit.atDestination} of ${receipts}: found there too`,
    );
  }
  if (habit.oddClasses.length > 0) {
    say(
      "esm_class",
      "wrong",
      `${habit.oddClasses.join(", ")} in receipts: they are told by their text`,
    );
  }
  if (habit.longTaken.length > 0) {
    const parts = habit.parts.length === 0 ? "none" : habit.parts.join(", ");
    const isAll = habit.parts.length === habit.longTaken.length;
    const wanted = partReceiptsOf(habit);
    const isFitting = isAll || wanted === (config.partReceipts ?? "all");
    say(
      "long messages",
      isFitting ? "ok" : "wrong",
      `receipts for ${parts} of ${habit.longTaken.join(", ")}`,
    );
  }
  if (habit.tlvs.length > 0) say("TLVs", "note", `in receipts: ${habit.tlvs.join(", ")}`);
}

function sayIds(say: Say, { forms }: Habit, config: CarrierConfig): void {
  const form = idFormOf(forms);
  if (form === undefined) return;
  const words = {
    same: forms.same > 0 ? "the same but for case or zeros" : "as the answer gave them",
    decimalToHex: "decimal, where the answer was hexadecimal",
    hexToDecimal: "hexadecimal, where the answer was decimal",
  };
  const isOdds = config.idForm !== undefined && config.idForm !== form;
  const told = isOdds ? ` (the profile says ${config.idForm})` : "";
  say("receipt ids", isOdds ? "wrong" : "ok", `${words[form]}${told}`);
}

function idFormOf(forms: Habit["forms"]): NonNullable<CarrierConfig["idForm"]> | undefined {
  const { exact, same, decimalToHex, hexToDecimal } = forms;
  const most = Math.max(exact + same, decimalToHex, hexToDecimal);
  if (most === 0) return undefined;
  if (most === exact + same) return "same";
  return most === decimalToHex ? "decimalToHex" : "hexToDecimal";
}

/** Whose receipts come, of a long message of which all parts were taken. */
function partReceiptsOf({ parts, longTaken }: Habit): CarrierConfig["partReceipts"] {
  if (parts.length === longTaken.length || parts.length !== 1) return "all";
  if (parts[0] === longTaken[0]) return "first";
  return parts[0] === longTaken[longTaken.length - 1] ? "last" : "all";
}

/** The profile with what was learned in it. */
export function learnedProfile(results: Results): CarrierConfig {
  const { config, binds, submits, habit } = results;
  const learned: CarrierConfig = { ...config };
  if (isTooMany(binds.status) && binds.bound > 0 && binds.held === 0) learned.binds = binds.bound;
  if (submits !== undefined) {
    if (submits.windowOver > 0) learned.window = Math.max(1, submits.window);
    if (submits.rateOver > 0 && submits.rate > 0) learned.partsPerSecond = submits.rate;
  }
  if (habit !== undefined) {
    const form = idFormOf(habit.forms);
    if (form !== undefined && form !== "same") learned.idForm = form;
    if (form === "same" && config.idForm !== undefined) learned.idForm = "same";
    const { parts, longTaken } = habit;
    if (longTaken.length > 1 && parts.length === 1) learned.partReceipts = partReceiptsOf(habit);
    const vendor = habit.tlvs
      .map((name) => name.replace(/_hex$/, ""))
      .filter((name) => /^0x/.test(name));
    const kept = [...new Set([...(config.keepTlvs ?? []), ...vendor])].slice(0, 8);
    if (kept.length > 0) learned.keepTlvs = kept;
  }
  return learned;
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
}

function ms(value: number): string {
  return value < 10 ? `${value.toFixed(1)} ms` : `${Math.round(value)} ms`;
}
