/**
 * Compile buy decks: all prefixes of networks and carriers' decks as destinations.
 *
 * First all prefixes become nodes of one tree, then each deck fills its column of a matrix of cells,
 * a row for each node that any table names, then equal rows are stored once. Work is linear in rows:
 * a parent has the smaller number, so what it says is known when a longer prefix inherits it.
 */
import { FloeError } from "../core/errors.js";
import type { Cells } from "./cells.js";
import { openCodeKeys } from "./code-keys.js";
import { cellsOf, type DeckCells, type NetworkKeys, nodesOf, type Tell } from "./compile-decks.js";
import { DESTINATION, NETWORK_BITS, UNIT_WORDS } from "./destinations.js";
import type { NetworkIndices } from "./indices.js";
import { openPrefixTree, PREFIX_VALUE_MAX, type PrefixTree } from "./prefixes.js";
import type { DeckSource, NetworkColumns } from "./source.js";

/** A sell deck of so many rows is small whatever the buy decks are. */
const WIDE_ROWS_MIN = 10_000;

export interface BuyTables {
  readonly nodes: Int32Array;
  readonly destinations: Int32Array;
  readonly stride: number;
  /** Word of the first buy deck's cell in a destination. */
  readonly buyCells: number;
  /** By network (from 1; 0: unknown) and column. */
  readonly buyNetworks: Int32Array;
  readonly buyTails: Int32Array;
}

/**
 * @param decks in the order of their columns; `wide`: sell decks in the columns before them.
 * @throws FloeError "tables.invalid" for more destinations than can be told apart.
 */
export function compileBuy(
  networks: NetworkColumns,
  indices: NetworkIndices,
  decks: readonly DeckSource[],
  wide: readonly DeckSource[],
  keys: NetworkKeys,
  cells: Cells,
  tellOf: (deck: DeckSource) => Tell,
): BuyTables {
  const tree = openPrefixTree();
  const networkNodes = nodesOfTexts(networks.prefixes, tree);
  const known = decks.length < 2 ? undefined : openCodeKeys(largestOf(decks));
  const columns = [...wide, ...decks];
  const deckNodes = columns.map((deck) => nodesOf(deck, tree, known));
  const rows = rowsOf(tree, [networkNodes, ...deckNodes]);

  const stride = strideOf(columns.length);
  const matrix = new Int32Array((rows.count + 1) * stride);
  const networkWords = new Int32Array(rows.count + 1);
  for (let index = 0; index < networkNodes.length; index += 1) {
    const network = indices.ofPrefixes[networks.of[index]!]! + 1;
    const row = rows.ofNode[networkNodes[index]!]!;
    networkWords[row] = network | (networks.prefixes[index]!.length << NETWORK_BITS);
  }
  fillColumn(matrix, stride, DESTINATION.network, networkWords, rows.parents);

  for (const [column, deck] of columns.entries()) {
    const rowOf = deckNodes[column]!;
    for (let row = 0; row < rowOf.length; row += 1) {
      if (rowOf[row]! >= 0) rowOf[row] = rows.ofNode[rowOf[row]!]!;
    }
    const numbers = cells.number(deck.terms);
    const own = cells.group(deck, rowOf, rows.count + 1, numbers, tellOf(deck));
    fillColumn(matrix, stride, DESTINATION.cells + column, own, rows.parents);
  }
  const perDeck = decks.map((deck) => cellsOf(deck, keys, cells, tellOf(deck)));
  const { destinations, ofRow } = internRows(matrix, stride, rows.parents);
  const values = new Int32Array(tree.count());
  for (let node = 0; node < values.length; node += 1) values[node] = ofRow[rows.ofNode[node]!]!;
  return {
    nodes: tree.pack(values, 0),
    destinations,
    stride,
    buyCells: DESTINATION.cells + wide.length,
    ...byNetwork(perDeck, keys.networkKeys.length),
  };
}

/**
 * Which sell decks become columns: as many as the last unit has room for, the largest first, since
 * their walks cost most. One that is larger than all buy decks would add prefixes of its own, each
 * with a word for each carrier.
 */
export function wideDecks(
  buy: readonly DeckSource[],
  sell: readonly DeckSource[],
): readonly DeckSource[] {
  const free = strideOf(buy.length) - DESTINATION.cells - buy.length;
  const most = Math.max(largestOf(buy), WIDE_ROWS_MIN);
  return sell
    .filter(({ rows }) => rows.count <= most)
    .sort((one, other) => other.rows.count - one.rows.count)
    .slice(0, free);
}

function largestOf(decks: readonly DeckSource[]): number {
  return decks.reduce((most, { rows }) => Math.max(most, rows.count), 0);
}

function strideOf(columns: number): number {
  return Math.ceil((DESTINATION.cells + columns) / UNIT_WORDS) * UNIT_WORDS;
}

function nodesOfTexts(prefixes: readonly string[], tree: PrefixTree): Int32Array {
  const nodes = new Int32Array(prefixes.length);
  for (let index = 0; index < nodes.length; index += 1) {
    nodes[index] = tree.node(Number(prefixes[index]), prefixes[index]!.length);
  }
  return nodes;
}

interface Rows {
  readonly count: number;
  /** Of each node: its row from 1; 0: no table names it. */
  readonly ofNode: Int32Array;
  /** Of each row the row of the next shorter prefix, always a smaller one; 0: none. */
  readonly parents: Int32Array;
}

function rowsOf(tree: PrefixTree, named: readonly Int32Array[]): Rows {
  const ofNode = new Int32Array(tree.count());
  for (const nodes of named) {
    for (let index = 0; index < nodes.length; index += 1) {
      if (nodes[index]! >= 0) ofNode[nodes[index]!] = 1;
    }
  }
  const nodeParents = tree.parents();
  const above = new Int32Array(ofNode.length);
  const parents = new Int32Array(ofNode.length + 1);
  let count = 0;
  for (let node = 1; node < ofNode.length; node += 1) {
    const parent = above[nodeParents[node]!]!;
    if (ofNode[node] === 0) {
      above[node] = parent;
      continue;
    }
    count += 1;
    ofNode[node] = count;
    above[node] = count;
    parents[count] = parent;
  }
  return { count, ofNode, parents: parents.slice(0, count + 1) };
}

/** What a row does not have is what the next shorter prefix has. */
function fillColumn(
  matrix: Int32Array,
  stride: number,
  column: number,
  own: Int32Array,
  parents: Int32Array,
): void {
  let place = column;
  for (let row = 1; row < own.length; row += 1) {
    place += stride;
    matrix[place] = own[row]! || matrix[parents[row]! * stride + column]!;
  }
}

/**
 * Stores equal rows once, in place. A row whose cells are not all sure names its parent, where
 * shorter prefixes are looked up; one that says what its parent says is its parent.
 */
function internRows(matrix: Int32Array, stride: number, parents: Int32Array) {
  const count = parents.length - 1;
  let size = 16;
  while (size < 2 * count) size *= 2;
  // 0 is free: destination 0 is the unknown one.
  const slots = new Int32Array(size);
  const ofRow = new Int32Array(count + 1);
  let used = 1;
  for (let row = 1; row <= count; row += 1) {
    const from = row * stride;
    const parent = ofRow[parents[row]!]!;
    if (isSame(matrix, from, parent * stride, stride)) {
      ofRow[row] = parent;
      continue;
    }
    let hash = 0;
    let unsure = 0;
    for (let at = from; at < from + stride; at += 1) {
      hash = Math.imul(hash ^ matrix[at]!, 0x9e3779b1);
      hash ^= hash >>> 15;
    }
    const end = from + stride;
    for (let at = from + DESTINATION.cells; at < end; at += 1) unsure |= matrix[at]!;
    if (unsure < 0) {
      matrix[from + DESTINATION.parent] = parent;
      hash = Math.imul(hash ^ parent, 0x85ebca6b);
      hash ^= hash >>> 13;
    }
    let slot = hash & (size - 1);
    let found = slots[slot]!;
    while (found !== 0 && !isEqual(matrix, from, found * stride, stride)) {
      slot = (slot + 1) & (size - 1);
      found = slots[slot]!;
    }
    if (found === 0) {
      found = used;
      used += 1;
      slots[slot] = found;
      if (found !== row) matrix.copyWithin(found * stride, from, end);
    }
    ofRow[row] = found;
  }
  if (used - 1 > PREFIX_VALUE_MAX) {
    throw new FloeError("tables.invalid", { problems: ["decks: too many different destinations"] });
  }
  return { destinations: matrix.subarray(0, used * stride), ofRow };
}

function isEqual(matrix: Int32Array, one: number, other: number, words: number): boolean {
  for (let at = 0; at < words; at += 1) {
    if (matrix[one + at] !== matrix[other + at]) return false;
  }
  return true;
}

/** Equal but for the parent, which a row that has not been stored does not name yet. */
function isSame(matrix: Int32Array, one: number, other: number, words: number): boolean {
  for (let at = 0; at < words; at += 1) {
    if (at !== DESTINATION.parent && matrix[one + at] !== matrix[other + at]) return false;
  }
  return true;
}

function byNetwork(decks: readonly DeckCells[], networks: number) {
  const buyNetworks = new Int32Array(networks * decks.length);
  const buyTails = new Int32Array(networks * decks.length);
  for (const [column, deck] of decks.entries()) {
    for (let network = 0; network < networks; network += 1) {
      buyNetworks[network * decks.length + column] = deck.networks[network]!;
      buyTails[network * decks.length + column] = deck.tails[network]!;
    }
  }
  return { buyNetworks, buyTails };
}
