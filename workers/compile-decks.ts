/**
 * Compile decks: the rows of a deck as cells by network, by mcc and by prefix.
 *
 * Shared by buy decks, whose prefixes become columns of destinations (compile-buy.ts), and by sell
 * decks, which have prefix tables of their own (compile-sell.ts).
 */
import type { Cells } from "./cells.js";
import type { CodeKeys } from "./code-keys.js";
import type { NetworkIndices } from "./indices.js";
import type { PrefixTree } from "./prefixes.js";
import { type DeckSource, MATCH } from "./source.js";

/** Which keys networks have: a number for each different mcc with mnc, and for each mcc. */
export interface NetworkKeys {
  /** Of each network (from 1; 0: unknown): its key in either; -1: none. */
  readonly networkKeys: Int32Array;
  readonly mccKeys: Int32Array;
  /** By digits and how many (`codeKey`). */
  readonly networks: ReadonlyMap<number, number>;
  readonly mccs: ReadonlyMap<number, number>;
}

export function networkKeysOf({ ids }: NetworkIndices): NetworkKeys {
  const networks = new Map<number, number>();
  const mccs = new Map<number, number>();
  const networkKeys = new Int32Array(ids.length + 1).fill(-1);
  const mccKeys = new Int32Array(ids.length + 1).fill(-1);
  const keyOf = (keys: Map<number, number>, digits: string) => {
    const code = codeKey(Number(digits), digits.length);
    const key = keys.get(code) ?? keys.size;
    keys.set(code, key);
    return key;
  };
  for (const [index, { mcc, mnc }] of ids.entries()) {
    if (mcc === "") continue;
    mccKeys[index + 1] = keyOf(mccs, mcc);
    if (mnc !== "") networkKeys[index + 1] = keyOf(networks, mcc + mnc);
  }
  return { networkKeys, mccKeys, networks, mccs };
}

/** "001" and "01" differ: at most 6 digits, so this is exact. */
function codeKey(code: number, length: number): number {
  return code * 16 + length;
}

export interface DeckCells {
  /** The deck's terms as `Cells` numbers them. */
  readonly numbers: Int32Array;
  /** For each network (from 1; 0: unknown), and whether any is not 0. */
  readonly networks: Int32Array;
  readonly hasNetworks: boolean;
  /** mcc and then default, for each network likewise, and whether any differs from the first. */
  readonly tails: Int32Array;
  readonly hasTails: boolean;
  /** Rows that have prefixes. */
  readonly prefixes: number;
}

export type Tell = (row: number, other: number) => void;

export function cellsOf(deck: DeckSource, keys: NetworkKeys, cells: Cells, tell: Tell): DeckCells {
  const { kinds, codes, lengths, count } = deck.rows;
  const numbers = cells.number(deck.terms);
  let prefixes = 0;
  for (let row = 0; row < count; row += 1) if (kinds[row] === MATCH.prefix) prefixes += 1;
  const networks = new Int32Array(keys.networkKeys.length);
  const tails = new Int32Array(keys.networkKeys.length);
  let hasNetworks = false;
  let hasTails = false;
  if (prefixes < count) {
    const keyOf = (kind: number, found: (row: number) => number | undefined) => {
      const keyOfRow = new Int32Array(count).fill(-1);
      for (let row = 0; row < count; row += 1) {
        if (kinds[row] === kind) keyOfRow[row] = found(row) ?? -1;
      }
      return keyOfRow;
    };
    const coded = (known: ReadonlyMap<number, number>) => (row: number) =>
      known.get(codeKey(codes[row]!, lengths[row]!));
    const group = (keyOfRow: Int32Array, size: number) =>
      cells.group(deck, keyOfRow, size, numbers, tell);
    const own = group(keyOf(MATCH.network, coded(keys.networks)), keys.networks.size);
    const mccs = group(keyOf(MATCH.mcc, coded(keys.mccs)), keys.mccs.size);
    const fallback = group(
      keyOf(MATCH.default, () => 0),
      1,
    )[0]!;
    const tailOf = mccs.map((cell) => cells.chain(cell, fallback));
    for (let network = 0; network < networks.length; network += 1) {
      const key = keys.networkKeys[network]!;
      const mccKey = keys.mccKeys[network]!;
      networks[network] = key < 0 ? 0 : own[key]!;
      tails[network] = mccKey < 0 ? fallback : tailOf[mccKey]!;
      hasNetworks ||= networks[network] !== 0;
      hasTails ||= tails[network] !== tails[0];
    }
  }
  return { numbers, networks, hasNetworks, tails, hasTails, prefixes };
}

/**
 * The node of each row that has a prefix; -1 for the others.
 * @param known nodes of prefixes that were walked before, of this deck or another.
 */
export function nodesOf(deck: DeckSource, tree: PrefixTree, known?: CodeKeys): Int32Array {
  const { kinds, codes, lengths, count } = deck.rows;
  const nodes = new Int32Array(count).fill(-1);
  for (let row = 0; row < count; row += 1) {
    if (kinds[row] !== MATCH.prefix) continue;
    const code = codes[row]!;
    let node = known === undefined ? -1 : known.get(code);
    if (node < 0) {
      node = tree.node(code, lengths[row]!);
      known?.set(code, node);
    }
    nodes[row] = node;
  }
  return nodes;
}
