/**
 * Compile sell decks: prefix tables of plans, and their cells by network (rates.ts).
 *
 * A message needs one plan and plans are many, so each deck has a table of its own; what decks have
 * alike by network is stored once.
 */
import type { Cells } from "./cells.js";
import { cellsOf, type NetworkKeys, nodesOf, type Tell } from "./compile-decks.js";
import { openPrefixTree } from "./prefixes.js";
import { SELL, SELL_WORDS } from "./rates.js";
import type { DeckSource } from "./source.js";

export interface SellTables {
  /** Packed prefix tables, to be laid one after another. */
  readonly nodes: readonly Int32Array[];
  readonly sellDecks: Int32Array;
  readonly sellCells: Int32Array;
  readonly sellValues: Int32Array;
}

/**
 * @param columns of destinations, of decks that have theirs there.
 * @param base place of the first node.
 */
export function compileSell(
  decks: readonly DeckSource[],
  columns: ReadonlyMap<DeckSource, number>,
  keys: NetworkKeys,
  cells: Cells,
  base: number,
  tellOf: (deck: DeckSource) => Tell,
): SellTables {
  const sellDecks = new Int32Array(decks.length * SELL_WORDS);
  const blocks = openBlocks();
  // Values of prefixes have 22 bits, so they count cells; 0 is "nothing".
  const values = new Map<number, number>([[0, 0]]);
  const nodes: Int32Array[] = [];
  let place = base;
  for (const [index, deck] of decks.entries()) {
    const words = index * SELL_WORDS;
    const { numbers, networks, hasNetworks, tails, hasTails, prefixes } = cellsOf(
      deck,
      keys,
      cells,
      tellOf(deck),
    );
    sellDecks[words + SELL.networksAt] = blocks.place(
      hasNetworks ? networks : networks.slice(0, 1),
    );
    sellDecks[words + SELL.networksStep] = hasNetworks ? 1 : 0;
    sellDecks[words + SELL.tailsAt] = blocks.place(hasTails ? tails : tails.slice(0, 1));
    sellDecks[words + SELL.tailsStep] = hasTails ? 1 : 0;
    sellDecks[words + SELL.root] = -1;
    const column = columns.get(deck) ?? -1;
    sellDecks[words + SELL.column] = column;
    if (prefixes === 0 || column >= 0) continue;
    const tree = openPrefixTree();
    const rowNodes = nodesOf(deck, tree);
    const own = cells.group(deck, rowNodes, tree.count(), numbers, tellOf(deck));
    for (let node = 0; node < own.length; node += 1) {
      const cell = own[node]!;
      let value = values.get(cell);
      if (value === undefined) {
        value = values.size;
        values.set(cell, value);
      }
      own[node] = value;
    }
    const packed = tree.pack(own, place);
    sellDecks[words + SELL.root] = place;
    nodes.push(packed);
    place += packed.length / 2;
  }
  return {
    nodes,
    sellDecks,
    sellCells: blocks.words(),
    sellValues: Int32Array.from(values.keys()),
  };
}

/** Runs of cells, equal ones once. */
function openBlocks() {
  const blocks: Int32Array[] = [];
  const places = new Map<string, number>();
  let used = 0;
  return {
    place(block: Int32Array): number {
      const key = block.join();
      let place = places.get(key);
      if (place === undefined) {
        place = used;
        places.set(key, place);
        blocks.push(block);
        used += block.length;
      }
      return place;
    },
    words(): Int32Array {
      const words = new Int32Array(used);
      let at = 0;
      for (const block of blocks) {
        words.set(block, at);
        at += block.length;
      }
      return words;
    },
  };
}
