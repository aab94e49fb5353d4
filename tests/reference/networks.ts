/** Networks, the slow way: the number's own row if it is ported, else the longest prefix's. */
import type { NetworkId, TableSource } from "../../workers/source.js";

export interface Found {
  readonly country: string;
  readonly mcc: string;
  readonly mnc: string;
  readonly ported: boolean;
  /** Digits of the prefix that told; "" if none did. */
  readonly prefix: string;
}

const UNKNOWN: Found = { country: "", mcc: "", mnc: "", ported: false, prefix: "" };

/** @param number all digits, country code included. */
export function networkOf(source: TableSource, number: string): Found {
  const { networks, ported } = source;
  let prefix = "";
  let id: NetworkId | undefined;
  for (const [row, known] of networks.prefixes.entries()) {
    if (!number.startsWith(known) || known.length <= prefix.length) continue;
    prefix = known;
    id = networks.ids[networks.of[row]!];
  }
  const place = ported.numbers.indexOf(Number(number));
  if (place >= 0) return { ...ported.ids[ported.of[place]!]!, ported: true, prefix };
  if (id === undefined) return UNKNOWN;
  if (id.mcc === "") {
    const { country } = id;
    id = source.defaultNetworks.find((one) => one.country === country) ?? id;
  }
  return { ...id, ported: false, prefix };
}
