/** Rendezvous hashing with an even share: who of the live members should own which key. */

/**
 * Who should own what: the pairs of key and member are taken by their hash, highest first, as long
 * as the member has room: an even share, so that no process idles beside a busy one. The same for
 * everyone who sees the same members; one that comes or goes moves few other keys.
 */
export function assign(
  keys: readonly string[],
  members: readonly string[],
  ownMax = Number.POSITIVE_INFINITY,
): Map<string, Set<string>> {
  const owned = new Map(members.map((one) => [one, new Set<string>()]));
  const pairs = keys.flatMap((key) => members.map((one) => ({ key, one, rank: rank(one, key) })));
  pairs.sort((a, b) => b.rank - a.rank || (a.key + a.one < b.key + b.one ? -1 : 1));
  const even = Math.floor(keys.length / members.length);
  /** So many members have one more. */
  let more = keys.length % members.length;
  const taken = new Set<string>();
  for (const { key, one } of pairs) {
    const mine = owned.get(one)!;
    const isMore = mine.size === even;
    if (taken.has(key) || mine.size >= ownMax || mine.size > even || (isMore && more === 0))
      continue;
    if (isMore) more -= 1;
    mine.add(key);
    taken.add(key);
  }
  return owned;
}

/** FNV-1a with a final mix, so that names that differ in one character are far apart. */
function rank(member: string, key: string): number {
  let hash = 0x811c9dc5;
  for (const character of `${key} ${member}`) {
    hash = Math.imul(hash ^ character.charCodeAt(0), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
