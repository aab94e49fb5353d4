/**
 * Makes messages.csv, the thousand messages that `npm start` sends. Run again only to change them:
 * `node dist/deploy/local/sample/make.js > deploy/local/sample/messages.csv`.
 *
 * The same seed gives the same file. Numbers come from ranges that regulators keep free for fiction
 * where there are such (Ofcom 07700 900, NANP 555-01, ARCEP 06 39 98, Bundesnetzagentur's drama
 * numbers, ACMA 0491 570, PTS 070-17406), else they are plainly made up. None is ever dialled: the
 * carriers are simulators. The simulator lets the last four digits 0001 to 0011 decide the outcome;
 * 0006 (no receipt) and 0008 (no answer) are left out, as they would keep `--once` waiting.
 */
import { seededChance } from "../../../core/clock.js";
import { print } from "../../../core/output.js";
import { COUNTRIES, type Country, LONG_TEXT, TEXTS } from "./words.js";

interface Row {
  readonly to: string;
  readonly from: string;
  readonly text: string;
  readonly trafficClass: string;
}

const SEED = 20_261_124;
const ROWS = 1_000;
/** Refused at the door, each by its own rule. */
const INVALID = 60;
/** Accepted, then rejected: a country code that nobody has, no route (Belgium), no price (Austria). */
const UNROUTABLE = 30;
/** Last four digits by which the simulator makes things happen. */
const SPECIAL = ["0001", "0002", "0003", "0004", "0005", "0007", "0009", "0010", "0011"];
const KEPT_OUT = /00(?:0[1-9]|1[01])$/;

const chance = seededChance(SEED);
const rows = [
  ...Array.from({ length: INVALID }, (_, at) => invalid(at)),
  ...Array.from({ length: UNROUTABLE }, (_, at) => unroutable(at)),
  ...Array.from({ length: ROWS - INVALID - UNROUTABLE }, (_, at) => valid(at)),
];
shuffle(rows);
print("to,from,text,traffic_class,client_reference");
for (const [at, row] of rows.entries()) {
  const reference = `sample-${String(at + 1).padStart(4, "0")}`;
  print([row.to, row.from, row.text, row.trafficClass, reference].map(quoted).join(","));
}

/** Every twelfth has an outcome of its own, where the country's free range reaches these digits. */
function valid(at = 1): Row {
  const country = pick(COUNTRIES);
  const trafficClass = pick(["authentication", "transactional", "transactional", "promotional"]);
  const special = at % 12 === 0 ? pick(SPECIAL) : "";
  return {
    to: numberIn(country, special),
    from: pick(country.senders),
    text: textFor(country, trafficClass),
    trafficClass,
  };
}

function numberIn(country: Country, special: string): string {
  const { prefix, last } = country;
  const room = special.slice(0, 4 - Math.min(4, last));
  // The range must leave these digits free, or have the same before them.
  if (special !== "" && (room === "" || prefix.endsWith(room))) {
    return `+${prefix}${digits(Math.max(0, last - 4))}${special.slice(room.length)}`;
  }
  for (;;) {
    const number = `+${prefix}${digits(last)}`;
    if (!KEPT_OUT.test(number)) return number;
  }
}

function textFor(country: Country, trafficClass: string): string {
  if (trafficClass === "authentication") {
    return pick(TEXTS[country.language].code).replace("#", digits(6));
  }
  const roll = chance();
  if (roll < 0.08) return LONG_TEXT.repeat(1 + Math.floor(chance() * 4)).trim();
  const kind = trafficClass === "promotional" ? "offer" : "notice";
  return pick(TEXTS[country.language][kind]).replace("#", digits(4));
}

function invalid(at: number): Row {
  const good = valid();
  const wrong: readonly Partial<Row>[] = [
    { to: `0${digits(9)}` },
    { to: `+44 7700 900${digits(3)}` },
    { to: "+12" },
    { to: `+${digits(18)}` },
    { to: "" },
    { text: "" },
    { from: "MuchTooLongSender" },
    { from: "" },
    { text: "x".repeat(4_200) },
  ];
  return { ...good, ...wrong[at % wrong.length] };
}

function unroutable(at: number): Row {
  const prefix = ["9990", "32470", "436640"][at % 3]!;
  return { ...valid(), to: `+${prefix}0${digits(5)}` };
}

function pick<T>(choices: readonly T[]): T {
  return choices[Math.floor(chance() * choices.length)]!;
}

function digits(count: number): string {
  let text = "";
  for (let index = 0; index < count; index += 1) text += Math.floor(chance() * 10);
  return text;
}

function shuffle(list: unknown[]): void {
  for (let at = list.length - 1; at > 0; at -= 1) {
    const other = Math.floor(chance() * (at + 1));
    [list[at], list[other]] = [list[other], list[at]];
  }
}

function quoted(text: string): string {
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
