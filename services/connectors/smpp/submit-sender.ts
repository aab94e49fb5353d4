/** The sender to submit: the record's, where a sender rule replaced the message's own. */
import { DISPATCH, MESSAGE } from "../../../core/stream/fields.js";

/** Whether the sender is the record's own, and not the message's. */
function isSenderReplaced(record: Int32Array): boolean {
  return record[2 * DISPATCH.sender]! >= 0 && record[2 * DISPATCH.sender + 1]! > 0;
}

/** Where the sender to submit begins. */
export function senderAt(record: Int32Array, message: Int32Array): number {
  return isSenderReplaced(record) ? record[2 * DISPATCH.sender]! : message[2 * MESSAGE.from]!;
}

/** Its length in octets. */
export function senderLength(record: Int32Array, message: Int32Array): number {
  return isSenderReplaced(record)
    ? record[2 * DISPATCH.sender + 1]!
    : message[2 * MESSAGE.from + 1]!;
}
