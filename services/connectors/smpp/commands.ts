/**
 * Commands: the fields of every PDU, in the order of the wire, under their names in the specification.
 *
 * Source: SMPP v5.0, section 4 (4.1 to 4.6), where it has all of v3.4 and the broadcast operations.
 * Lengths of texts include the final NUL. A field that v3.4 bounds lower than v5.0 has the higher
 * bound: what a peer may send is read.
 */
export type Field =
  /** An unsigned integer of so many octets, big endian. */
  | { readonly kind: "integer"; readonly name: string; readonly octets: 1 | 2 | 4 }
  /** A C-octet string, with its NUL at most so many octets. */
  | { readonly kind: "text"; readonly name: string; readonly octetsMax: number }
  /** Octets, as many as the integer field `length` before them says. */
  | { readonly kind: "octets"; readonly name: string; readonly length: string }
  /** As many groups of fields as the integer field `count` before them says. */
  | { readonly kind: "list"; readonly name: string; readonly count: string; readonly of: ListOf }
  /** What follows of the mandatory part is left out by a peer that refuses (v5.0, 4.2.3). */
  | { readonly kind: "optional" };

/** dest_address of submit_multi depends on its first octet (v5.0, 4.2.4.2). */
export type ListOf = "dest_address" | "unsuccess_sme";

const integer = (name: string, octets: 1 | 2 | 4 = 1): Field => ({ kind: "integer", name, octets });
const text = (name: string, octetsMax: number): Field => ({ kind: "text", name, octetsMax });
const optional: Field = { kind: "optional" };

const source = (octetsMax = 21): readonly Field[] => [
  integer("source_addr_ton"),
  integer("source_addr_npi"),
  text("source_addr", octetsMax),
];
const destination = (octetsMax = 21): readonly Field[] => [
  integer("dest_addr_ton"),
  integer("dest_addr_npi"),
  text("destination_addr", octetsMax),
];
const times: readonly Field[] = [text("schedule_delivery_time", 17), text("validity_period", 17)];
const body: readonly Field[] = [
  integer("sm_length"),
  { kind: "octets", name: "short_message", length: "sm_length" },
];
const submit: readonly Field[] = [
  integer("esm_class"),
  integer("protocol_id"),
  integer("priority_flag"),
  ...times,
  integer("registered_delivery"),
  integer("replace_if_present_flag"),
  integer("data_coding"),
  integer("sm_default_msg_id"),
  ...body,
];
const serviceType = text("service_type", 6);
const messageId = text("message_id", 65);
const bind: readonly Field[] = [
  text("system_id", 16),
  text("password", 9),
  text("system_type", 13),
  integer("interface_version"),
  integer("addr_ton"),
  integer("addr_npi"),
  text("address_range", 41),
];
const bindResp: readonly Field[] = [optional, text("system_id", 16)];
const idResp: readonly Field[] = [optional, messageId];

interface CommandRow {
  readonly name: string;
  readonly id: number;
  readonly fields: readonly Field[];
}

const RESPONSE = 0x8000_0000;

function pair(name: string, id: number, fields: readonly Field[], response: readonly Field[]) {
  return [
    { name, id, fields },
    { name: `${name}_resp`, id: (id | RESPONSE) >>> 0, fields: response },
  ];
}

export const COMMANDS: readonly CommandRow[] = [
  { name: "generic_nack", id: RESPONSE, fields: [] },
  ...pair("bind_receiver", 0x01, bind, bindResp),
  ...pair("bind_transmitter", 0x02, bind, bindResp),
  ...pair(
    "query_sm",
    0x03,
    [messageId, ...source()],
    [optional, messageId, text("final_date", 17), integer("message_state"), integer("error_code")],
  ),
  ...pair("submit_sm", 0x04, [serviceType, ...source(), ...destination(), ...submit], idResp),
  ...pair("deliver_sm", 0x05, [serviceType, ...source(), ...destination(), ...submit], idResp),
  ...pair("unbind", 0x06, [], []),
  ...pair(
    "replace_sm",
    0x07,
    [
      ...[messageId, ...source(), ...times],
      ...[integer("registered_delivery"), integer("sm_default_msg_id"), ...body],
    ],
    [],
  ),
  ...pair("cancel_sm", 0x08, [serviceType, messageId, ...source(), ...destination()], []),
  ...pair("bind_transceiver", 0x09, bind, bindResp),
  { name: "outbind", id: 0x0b, fields: [text("system_id", 16), text("password", 9)] },
  ...pair("enquire_link", 0x15, [], []),
  ...pair(
    "submit_multi",
    0x21,
    [
      ...[serviceType, ...source(), integer("number_of_dests")],
      { kind: "list", name: "dest_address", count: "number_of_dests", of: "dest_address" },
      ...submit,
    ],
    [
      ...[optional, messageId, integer("no_unsuccess")],
      { kind: "list", name: "unsuccess_sme", count: "no_unsuccess", of: "unsuccess_sme" },
    ],
  ),
  {
    name: "alert_notification",
    id: 0x102,
    fields: [
      ...source(65),
      ...[integer("esme_addr_ton"), integer("esme_addr_npi"), text("esme_addr", 65)],
    ],
  },
  ...pair(
    "data_sm",
    0x103,
    [
      ...[serviceType, ...source(65), ...destination(65)],
      ...[integer("esm_class"), integer("registered_delivery"), integer("data_coding")],
    ],
    idResp,
  ),
  ...pair(
    "broadcast_sm",
    0x111,
    [
      ...[serviceType, ...source(), messageId, integer("priority_flag"), ...times],
      ...[integer("replace_if_present_flag"), integer("data_coding"), integer("sm_default_msg_id")],
    ],
    idResp,
  ),
  ...pair("query_broadcast_sm", 0x112, [messageId, ...source()], idResp),
  ...pair("cancel_broadcast_sm", 0x113, [serviceType, messageId, ...source()], []),
];

const BY_ID = new Map(COMMANDS.map((row) => [row.id, row]));
const BY_NAME = new Map(COMMANDS.map((row) => [row.name, row]));

export function commandOfId(id: number): CommandRow | undefined {
  return BY_ID.get(id);
}

export function commandOfName(name: string): CommandRow | undefined {
  return BY_NAME.get(name);
}

/** Groups of a list, by what they are; the first octet of a dest_address is its dest_flag. */
export const LISTS: Readonly<
  Record<"sme_address" | "distribution_list" | "unsuccess_sme", readonly Field[]>
> = {
  sme_address: destination(),
  distribution_list: [text("dl_name", 21)],
  unsuccess_sme: [...destination(), integer("error_status_code", 4)],
};
export const DEST_FLAG = { sme_address: 1, distribution_list: 2 } as const;
