/** The probe against simulated carriers of several habits. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type CarrierOptions, DEFAULTS } from "../../../bench/carrier/options.js";
import { openSmsc, type Smsc } from "../../../bench/carrier/smsc.js";
import { SYSTEM_CLOCK } from "../../../core/clock.js";
import { type CarrierConfig, parseCarrier } from "../../../core/configuration.js";
import {
  type Finding,
  findingsOf,
  learnedProfile,
  type Results,
} from "../../../services/cli/probe/findings.js";
import { runProbe, type Sending } from "../../../services/cli/probe/run.js";

const probing = suite("the probe");

const NUMBERS = ["+447700900123", "+447700900124"];

interface Probed {
  readonly results: Results;
  readonly smsc: ReturnType<Smsc["stats"]>;
  readonly profile: CarrierConfig;
  found(what: string): readonly Finding[];
}

async function probe(
  carrier: Partial<CarrierOptions>,
  config: Partial<CarrierConfig> = {},
  sending: Partial<Sending> | null = {},
  waitSeconds = 10,
): Promise<Probed> {
  const smsc = await openSmsc({ ...DEFAULTS, ...carrier });
  try {
    const parsed = parseCarrier({
      ...{ name: "probe", link: "smpp", status: "active", host: "127.0.0.1", port: smsc.port },
      ...{ systemId: "floe", password: "secret", responseMs: 5_000, ...config },
    });
    const results = await runProbe({
      ...{ config: parsed, clock: SYSTEM_CLOCK, binds: parsed.binds, held: 0, waitSeconds },
      sending:
        sending === null
          ? undefined
          : {
              ...{ from: "Floe", numbers: NUMBERS, tags: {} },
              ...{ messagesMax: 40, rateMax: 1, windowMax: 5, restMs: 50, ...sending },
            },
      unsent: "not asked",
      progress: () => {},
    });
    const findings = findingsOf(results);
    return {
      results,
      smsc: smsc.stats(),
      profile: learnedProfile(results),
      found: (what) => findings.filter((one) => one.what === what),
    };
  } finally {
    await smsc.close();
  }
}

const verdicts = (findings: readonly Finding[]) => findings.map(({ verdict }) => verdict);

probing("finds nothing wrong with a carrier that does what it should", async () => {
  const { results, smsc, profile, found } = await probe({ latencyMs: 5, receiptDelayMs: 50 });
  assert.equal(
    findingsOf(results).filter(({ verdict }) => verdict === "wrong"),
    [],
  );
  assert.is(results.linkMs.length, 50);
  assert.ok(results.submits!.sent > 10 && results.submits!.sent <= 40);
  assert.is(smsc.submits, results.submits!.sent);
  assert.is(results.habit!.confirmed, results.submits!.taken.length);
  assert.is(results.submits!.window, 5);
  assert.match(found("receipt ids")[0]!.found, /as the answer gave them/);
  assert.match(found("receipt form")[0]!.found, /^text$/);
  assert.equal(results.habit!.parts, ["1/2", "2/2"]);
  assert.equal(profile, results.config);
  assert.is(smsc.unbinds, 2);
});

probing("learns ids in another base, and writes it into the profile", async () => {
  const hex = await probe({ id: "hex", receiptId: "other-base" });
  assert.is(hex.profile.idForm, "decimalToHex");
  assert.match(hex.found("receipt ids")[0]!.found, /^decimal/);
  const decimal = await probe({ id: "decimal", receiptId: "other-base" }, { idForm: "same" });
  assert.is(decimal.profile.idForm, "hexToDecimal");
  assert.equal(verdicts(decimal.found("receipt ids")), ["wrong"]);
});

probing("sees receipts that are early, double, intermediate, in TLVs", async () => {
  const early = await probe({ latencyMs: 30, receiptFirst: 1, receiptForm: ["tlv"] });
  assert.is(early.results.habit!.early, early.results.habit!.taken);
  assert.is(early.results.habit!.tlvOnly, early.results.habit!.receipts);
  const twice = await probe({
    ...{ receiptTwice: 1, receiptEnroute: 1, receiptForm: ["seconds"], receiptDelayMs: 20 },
  });
  const { habit } = twice.results;
  assert.is(habit!.twice, habit!.taken);
  assert.ok(habit!.intermediate >= habit!.taken);
  assert.ok(habit!.seconds > 0);
});

probing("says that receipts never came, and of those that came, which are strangers", async () => {
  const never = await probe({ receiptNever: 1 }, {}, { messagesMax: 4 }, 1);
  assert.equal(
    never.found("receipts").map(({ verdict, found }) => [verdict, found]),
    [["wrong", "never came in 1 s"]],
  );
  const stranger = await probe({ receiptStranger: 1 }, {}, { messagesMax: 4 }, 5);
  assert.ok(stranger.results.habit!.unmatched > 0);
});

probing("finds the window that is allowed", async () => {
  const { results, found, profile } = await probe(
    { latencyMs: 60, window: 8 },
    { window: 20 },
    { messagesMax: 120, windowMax: 40, rateMax: 1 },
  );
  assert.is(results.submits!.window, 8);
  assert.is(results.submits!.windowOver, 10);
  assert.equal(verdicts(found("window")), ["wrong"]);
  assert.is(profile.window, 8);
});

probing("finds the rate that is allowed, and tells it from the window", async () => {
  const { results, found, profile } = await probe(
    { latencyMs: 5, partsPerSecond: 30 },
    {},
    { messagesMax: 400, windowMax: 4, rateMax: 200, restMs: 1_200 },
  );
  const { rate, rateOver, windowOver } = results.submits!;
  assert.is(windowOver, 0);
  assert.ok(rate >= 10 && rate < rateOver && rateOver <= 200, `${rate} ${rateOver}`);
  assert.equal(verdicts(found("rate")), ["wrong"]);
  assert.is(profile.partsPerSecond, rate);
});

probing("counts the sessions that are allowed, and says why there is none", async () => {
  const few = await probe({ binds: 2 }, { binds: 4 }, null);
  assert.equal([few.results.binds.bound, few.results.binds.wanted], [2, 4]);
  assert.match(few.found("binds")[0]!.found, /^2 of 4 transceivers: then ESME_RALYBND/);
  assert.is(few.profile.binds, 2);
  const pair = await probe({ binds: 4 }, { bind: "transmitter_receiver", binds: 2 }, null);
  assert.is(pair.results.binds.bound, 2);
  const refused = await probe({}, { password: "wrong" });
  assert.match(refused.results.hosts[0]!.problem, /ESME_RINVPASWD/);
  assert.is(refused.smsc.submits, 0);
  assert.is(refused.results.unsent, "no session");
});

probing("tries all hosts, and sends nothing that was not asked for", async () => {
  const { results, found, smsc } = await probe(
    {},
    { fallbackHosts: [{ host: "127.0.0.1", port: 1 }] },
    null,
  );
  assert.match(found("host 127.0.0.1:1")[0]!.found, /ECONNREFUSED: nobody listens/);
  assert.equal(verdicts(found("answers, window, rate, ids, receipts, alphabet")), ["unknown"]);
  assert.is(smsc.submits, 0);
  assert.is(results.submits, undefined);
});

probing("never sends more than it may", async () => {
  for (const messagesMax of [1, 3, 7, 13]) {
    const { results, smsc } = await probe({}, {}, { messagesMax }, 1);
    assert.ok(results.submits!.sent <= messagesMax, `${results.submits!.sent} ${messagesMax}`);
    assert.is(smsc.submits, results.submits!.sent);
  }
});

probing.run();
