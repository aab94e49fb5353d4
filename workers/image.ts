/**
 * Image: the container of a binary table set, and how one is known to be whole.
 *
 * In: sections, whose content is the business of tables.ts, and a version. Out: bytes that go
 * through the object store into memory that threads share, and back into sections.
 *
 * Layout, in the byte order of the machine (one of the other order is refused by its magic):
 *   0 magic, 4 format, 8 version, 12 bytes in all, 16 SHA-256 of everything else (32 bytes),
 *   48 for each section its offset and bytes; then the sections, each at a multiple of 64.
 */
import { createHash } from "node:crypto";
import { FloeError } from "../core/errors.js";

const MAGIC = 0x454f4c46;
/** Rises with every change of the layout or of what sections hold. */
export const FORMAT = 3;
const CHECKSUM_AT = 16;
const CHECKSUM_BYTES = 32;
/** About a millisecond. */
const VERIFIED_AT_ONCE = 1_048_576;
const SECTIONS_AT = CHECKSUM_AT + CHECKSUM_BYTES;

/** In the order of the image. */
export const SECTIONS = [
  "names",
  "nodes",
  "destinations",
  "buyNetworks",
  "buyTails",
  "sellDecks",
  "sellCells",
  "sellValues",
  "terms",
  "tiers",
  "termsConditions",
  "conditions",
  "lists",
  "portedNumbers",
  "portedOf",
  "portedNetworks",
  "rules",
  "senderRules",
  "guards",
  "exchangeRates",
  "periods",
] as const;
export type SectionName = (typeof SECTIONS)[number];
export type Sections = Readonly<Record<SectionName, Uint8Array>>;

const HEADER_BYTES = SECTIONS_AT + SECTIONS.length * 8;
/** A cache line: what is laid out to lie in one does. */
const ALIGN_BYTES = 64;
/** Offsets are 32-bit words. */
const IMAGE_BYTES_MAX = 2 ** 32 - ALIGN_BYTES;

export interface OpenImage {
  readonly version: number;
  /** Where a section lies: offset, a multiple of 64, and bytes. */
  section(name: SectionName): readonly [at: number, bytes: number];
}

/**
 * An image of these sections.
 * @throws FloeError "tables.invalid" if they do not fit into one.
 */
export function writeImage(version: number, sections: Sections): Uint8Array {
  let bytes = aligned(HEADER_BYTES);
  for (const name of SECTIONS) bytes += aligned(sections[name].length);
  if (bytes > IMAGE_BYTES_MAX) throw invalid("is larger than 4 GiB");
  const image = new Uint8Array(bytes);
  const header = new Uint32Array(image.buffer, 0, HEADER_BYTES / 4);
  header.set([MAGIC, FORMAT, version, bytes]);
  let at = aligned(HEADER_BYTES);
  for (const [index, name] of SECTIONS.entries()) {
    header[SECTIONS_AT / 4 + 2 * index] = at;
    header[SECTIONS_AT / 4 + 2 * index + 1] = sections[name].length;
    image.set(sections[name], at);
    at += aligned(sections[name].length);
  }
  image.set(checksum(image), CHECKSUM_AT);
  return image;
}

/**
 * Checks an image. Hashes all of it (about 1 ms for 1.4 MB), so keep what it gives.
 * @param trusted of an image that this process checked before and that nothing wrote to since: it
 *   is not hashed again. A pool thread would stand still for it.
 * @throws FloeError "tables.invalid" if it is not, byte for byte, what `writeImage` made.
 */
export function openImage(image: Uint8Array, trusted = false): OpenImage {
  if (image.length < HEADER_BYTES) throw invalid("is too short");
  // Copied, since a view of words needs an offset that is a multiple of 4.
  const header = new Uint32Array(image.slice(0, HEADER_BYTES).buffer);
  if (header[0] !== MAGIC) throw invalid("is no table set, or one of another byte order");
  if (header[1] !== FORMAT)
    throw invalid(`has format ${header[1]}, and this release reads ${FORMAT}`);
  if (header[3] !== image.length) throw invalid("is not complete");
  if (!trusted && Buffer.compare(checksum(image), checksumOf(image)) !== 0) {
    throw invalid("is damaged");
  }
  return {
    version: header[2]!,
    section(name) {
      const index = SECTIONS_AT / 4 + 2 * SECTIONS.indexOf(name);
      return [header[index]!, header[index + 1]!];
    },
  };
}

/**
 * Hashes all of an image by pieces, so that a process has time for others between them.
 * @throws FloeError "tables.invalid" if it is damaged or none.
 */
export async function verifyImage(image: Uint8Array, pause: () => Promise<void>): Promise<void> {
  openImage(image, true);
  const hash = createHash("sha256").update(image.subarray(0, CHECKSUM_AT));
  for (let at = SECTIONS_AT; at < image.length; at += VERIFIED_AT_ONCE) {
    hash.update(image.subarray(at, at + VERIFIED_AT_ONCE));
    await pause();
  }
  if (Buffer.compare(hash.digest(), checksumOf(image)) !== 0) throw invalid("is damaged");
}

function checksumOf(image: Uint8Array): Uint8Array {
  return image.subarray(CHECKSUM_AT, SECTIONS_AT);
}

function checksum(image: Uint8Array): Uint8Array {
  return createHash("sha256")
    .update(image.subarray(0, CHECKSUM_AT))
    .update(image.subarray(SECTIONS_AT))
    .digest();
}

function aligned(bytes: number): number {
  return Math.ceil(bytes / ALIGN_BYTES) * ALIGN_BYTES;
}

function invalid(problem: string): FloeError {
  return new FloeError("tables.invalid", { problem });
}
