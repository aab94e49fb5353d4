/** Routing rules from CSV. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { parseRoutes } from "../../../workers/parse-routes.js";

const routes = suite("parseRoutes");

const HEADER =
  "rule,order,account,plan,traffic_class,channel,country,prefix,network,sender,sender_kind,strategy,min_margin,min_margin_percent,allow_loss";

routes("reads every column, lists by blanks or bars, senders by bars alone", () => {
  const row =
    'uk,7,1 2,3|4,promotional,sms,GB|IE,447 448,234-10 262,Acme Bank|x,short,"weight(alpha:70, beta:30) else cost(*)",0.001,12.5,no';
  const { rules, problems, lines } = parseRoutes(Buffer.from(`${HEADER}\n${row}\n`));
  assert.equal(problems, []);
  assert.equal(lines, [2]);
  assert.equal(rules, [
    {
      id: "uk",
      order: 7,
      accounts: [1, 2],
      plans: [3, 4],
      trafficClasses: [3],
      channels: ["sms"],
      countries: ["GB", "IE"],
      prefixes: ["447", "448"],
      networks: ["23410", "262"],
      senders: ["Acme Bank", "x"],
      senderKinds: [3],
      strategy: "weight(alpha:70, beta:30) else cost(*)",
      marginMicros: 1_000,
      marginBasisPoints: 1_250,
      allowLoss: false,
    },
  ]);
});

routes("reads what is done about outcomes, and leaves out what is not said", () => {
  const columns =
    "rule,strategy,delivery,failover,failover_cost_percent_max,retry,retry_refused,submit_timeout";
  const { rules, problems } = parseRoutes(
    Buffer.from(
      `${columns}\na,cost(*),at_most_once,temporary,120,30 50,60,90\nb,cost(*),,nothing,,,,\n`,
    ),
  );
  assert.equal(problems, []);
  const [a, b] = rules;
  assert.equal(
    [a!.delivery, a!.failoverOn, a!.failoverCostPercentMax],
    ["at_most_once", ["temporary"], 120],
  );
  assert.equal(
    [a!.retryTemporarySeconds, a!.retryRefusedSeconds, a!.submitTimeoutSeconds],
    [[30, 50], [60], 90],
  );
  assert.equal(b!.failoverOn, []);
  assert.not("delivery" in b! || "submitTimeoutSeconds" in b!);
  for (const [cells, column] of [
    ["twice,,,,,", "delivery"],
    [",never,,,,", "failover"],
    ["at_most_once,doubt,,,,", "failover"],
    [",,99,,,", "failover_cost_percent_max"],
    [",,,0,,", "retry"],
    [",,,,86401,", "retry_refused"],
    [",,,,,x", "submit_timeout"],
  ]) {
    const parsed = parseRoutes(Buffer.from(`${columns}\na,cost(*),${cells}\n`));
    assert.is(parsed.problems[0]?.column, column);
  }
});

routes("takes rules without an order in that of the file", () => {
  const { rules } = parseRoutes(Buffer.from("rule,strategy\nb,block\na,cost(*)\n"));
  assert.equal(
    rules.map(({ id, order }) => [id, order]),
    [
      ["b", 0],
      ["a", 1],
    ],
  );
});

for (const [cells, column] of [
  ["UK,,,,,,,,,,,block,,,", "rule"],
  ["uk,x,,,,,,,,,,block,,,", "order"],
  ["uk,,0,,,,,,,,,block,,,", "account"],
  ["uk,,,x,,,,,,,,block,,,", "plan"],
  ["uk,,,,bulk,,,,,,,block,,,", "traffic_class"],
  ["uk,,,,,voice,,,,,,block,,,", "channel"],
  ["uk,,,,,,GBR,,,,,block,,,", "country"],
  ["uk,,,,,,,044,,,,block,,,", "prefix"],
  ["uk,,,,,,,,2341,,,block,,,", "network"],
  ["uk,,,,,,,,,,long,block,,,", "sender_kind"],
  ["uk,,,,,,,,,,,,,,", "strategy"],
  ["uk,,,,,,,,,,,block,-1,,", "min_margin"],
  ["uk,,,,,,,,,,,block,,101,", "min_margin_percent"],
  ["uk,,,,,,,,,,,block,,,maybe", "allow_loss"],
] as const) {
  routes(`tells a wrong ${column}`, () => {
    const { problems } = parseRoutes(Buffer.from(`${HEADER}\n${cells}\n`));
    assert.equal(
      problems.map(({ line, column: which }) => [line, which]),
      [[2, column]],
    );
  });
}

routes("tells a rule that is there twice", () => {
  const { problems } = parseRoutes(Buffer.from("rule,strategy\nuk,block\nuk,block\n"));
  assert.equal(
    problems.map(({ line, problem }) => `${line} ${problem}`),
    ["3 is that of line 2 again"],
  );
});

routes.run();
