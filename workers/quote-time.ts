/** Quote time: a time as RFC 3339 writes it, read strictly, and within what messages may have. */

const TIME =
  /^(\d{4})-(\d{2})-(\d{2})[Tt](\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,9}))?(?:[Zz]|([+-])(\d{2}):(\d{2}))$/;
/** Times that are no times of acceptance (2001 to 2100): the hot path refuses them. */
const TIME_MS_MIN = 10 ** 12;
const TIME_MS_MAX = 4_102_444_800_000;

/**
 * Milliseconds since 1970 of a time in RFC 3339 (section 5.6), finer fractions cut off; undefined
 * if it is none: a day that its month does not have (Date.UTC would take the 31st of February for
 * the 3rd of March), no offset, a time that no message can be accepted at. A leap second counts as
 * the second after it.
 */
export function timeOf(text: string): number | undefined {
  const parts = TIME.exec(text);
  if (parts === null) return undefined;
  const [year, month, day, hour, minute, second] = parts.slice(1, 7).map(Number) as Six;
  if (month < 1 || month > 12 || day < 1 || day > daysOf(year, month)) return undefined;
  if (hour > 23 || minute > 59 || second > 60) return undefined;
  const [offsetHour, offsetMinute] = [Number(parts[9] ?? 0), Number(parts[10] ?? 0)];
  if (offsetHour > 23 || offsetMinute > 59) return undefined;
  const sign = parts[8] === "-" ? -1 : 1;
  const ms = Number((parts[7] ?? "").slice(0, 3).padEnd(3, "0"));
  const offsetMs = sign * (offsetHour * 60 + offsetMinute) * 60_000;
  const atMs = Date.UTC(year, month - 1, day, hour, minute, second) + ms - offsetMs;
  return atMs >= TIME_MS_MIN && atMs < TIME_MS_MAX ? atMs : undefined;
}
type Six = [number, number, number, number, number, number];

function daysOf(year: number, month: number): number {
  return new Date(Date.UTC(year, month, 0)).getUTCDate();
}
