/**
 * Bytes for the fuzzer: PDUs that are right, and what happens to bytes on their way through the
 * world: bits that flip, ends that are missing, lengths that lie, pieces that are spliced, noise.
 */
import type { Chance } from "../../core/clock.js";
import { encode } from "../../services/connectors/smpp/codec.js";
import { COMMANDS } from "../../services/connectors/smpp/commands.js";
import { TLVS } from "../../services/connectors/smpp/tlvs.js";

export interface ByteSource {
  /** A PDU as it should be. */
  right(): Uint8Array;
  /** The same, or something like it, or noise. */
  mutated(): Uint8Array;
  /** Several, one after another; this share of them as they should be. */
  stream(rightShare: number): Uint8Array;
  /** A whole number from 0, below `bound`. */
  below(bound: number): number;
}

const RECEIPT =
  "id:0123456789 sub:001 dlvrd:001 submit date:2611241200 done date:2611241201 " +
  "stat:DELIVRD err:000 text:Hello";
const WORDS = ["id:", "stat:", "err:", "done date:", "DELIVRD", "\0", "text:", "  ", "99999999999"];
const FOREIGN = ["GET / HTTP/1.1\r\n\r\n", "\x16\x03\x01\x02", "AMQP\0\0\x09\x01", "SSH-2.0-x"];

export function newByteSource(chance: Chance): ByteSource {
  const below = (bound: number): number => Math.floor(chance() * bound);
  const noise = (length: number): Uint8Array => Uint8Array.from({ length }, () => below(256));
  const text = (length: number): string =>
    Buffer.from(noise(below(length)))
      .toString("latin1")
      .replaceAll("\0", "x");

  function receiptText(): string {
    const pieces = RECEIPT.split(" ");
    for (let changes = below(4); changes > 0; changes -= 1) {
      pieces.splice(below(pieces.length), below(2), WORDS[below(WORDS.length)]!);
    }
    return pieces.join(" ").slice(0, 254);
  }

  function right(): Uint8Array {
    const { name } = COMMANDS[below(COMMANDS.length)]!;
    const isSm = name === "submit_sm" || name === "deliver_sm";
    const tlvs = Object.fromEntries(
      Array.from({ length: below(3) }, () => {
        const tag = TLVS[below(TLVS.length)]!.name;
        return [`${tag}_hex`, Buffer.from(noise(below(20))).toString("hex")];
      }),
    );
    const content = chance() < 0.5 ? receiptText() : text(254);
    const sm = isSm
      ? {
          source_addr: text(20),
          destination_addr: text(20),
          esm_class: [0, 4, 0x20, 0x40, 0x44][below(5)],
          short_message_hex: Buffer.from(content, "latin1").toString("hex"),
        }
      : {};
    const encoded = encode({ command: name, sequence_number: below(0x7fff_ffff), ...sm, tlvs });
    if (!encoded.ok) throw new Error(`the fuzzer's own PDU: ${JSON.stringify(encoded.problems)}`);
    return encoded.bytes;
  }

  function mutate(bytes: Uint8Array): Uint8Array {
    const at = below(Math.max(1, bytes.length));
    switch (below(8)) {
      case 0:
        bytes[at] = bytes[at]! ^ (1 << below(8));
        return bytes;
      case 1:
        return bytes.slice(0, at);
      case 2:
        return Buffer.concat([bytes, noise(below(40))]);
      case 3:
        return Buffer.concat([bytes.subarray(0, at), noise(below(8)), bytes.subarray(at)]);
      case 4:
        return Buffer.concat([bytes.subarray(0, at), right().subarray(below(16))]);
      case 5:
        // The length of the whole, or any other that stands there.
        if (bytes.length < 4) return right();
        new DataView(bytes.buffer).setUint32(0, below(4) === 0 ? below(2 ** 32) : below(300));
        return bytes;
      case 6:
        bytes.fill(below(2) === 0 ? 0 : 0xff, at, at + below(12));
        return bytes;
      default:
        bytes[at] = below(256);
        return bytes;
    }
  }

  function mutated(): Uint8Array {
    const kind = below(20);
    if (kind === 0) return noise(below(400));
    if (kind === 1) return Buffer.from(FOREIGN[below(FOREIGN.length)]!, "latin1");
    let bytes = Uint8Array.from(right());
    for (let times = below(4); times > 0; times -= 1) bytes = Uint8Array.from(mutate(bytes));
    return bytes;
  }

  return {
    right,
    mutated,
    stream: (rightShare) =>
      Buffer.concat(
        Array.from({ length: 1 + below(12) }, () => (chance() < rightShare ? right() : mutated())),
      ),
    below,
  };
}
