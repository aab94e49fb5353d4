/**
 * TLVs: the optional parameters of SMPP v5.0 (4.8.4) and v3.4 (5.3.2), by tag, with their types.
 *
 * A value whose length does not fit its type is given as octets, and so is one without a row: what
 * vendors put between 0x1400 and 0x3fff is nobody's table.
 */
export type TlvType =
  | { readonly kind: "integer"; readonly octets: 1 | 2 | 4 }
  /** A C-octet string. */
  | { readonly kind: "text" }
  | { readonly kind: "octets" };

export interface TlvRow {
  readonly tag: number;
  readonly name: string;
  readonly type: TlvType;
}

const one: TlvType = { kind: "integer", octets: 1 };
const two: TlvType = { kind: "integer", octets: 2 };
const four: TlvType = { kind: "integer", octets: 4 };
const text: TlvType = { kind: "text" };
const octets: TlvType = { kind: "octets" };

const rows: readonly (readonly [number, string, TlvType])[] = [
  [0x0005, "dest_addr_subunit", one],
  [0x0006, "dest_network_type", one],
  [0x0007, "dest_bearer_type", one],
  [0x0008, "dest_telematics_id", two],
  [0x000d, "source_addr_subunit", one],
  [0x000e, "source_network_type", one],
  [0x000f, "source_bearer_type", one],
  [0x0010, "source_telematics_id", one],
  [0x0017, "qos_time_to_live", four],
  [0x0019, "payload_type", one],
  [0x001d, "additional_status_info_text", text],
  [0x001e, "receipted_message_id", text],
  [0x0030, "ms_msg_wait_facilities", one],
  [0x0201, "privacy_indicator", one],
  [0x0202, "source_subaddress", octets],
  [0x0203, "dest_subaddress", octets],
  [0x0204, "user_message_reference", two],
  [0x0205, "user_response_code", one],
  [0x020a, "source_port", two],
  [0x020b, "destination_port", two],
  [0x020c, "sar_msg_ref_num", two],
  [0x020d, "language_indicator", one],
  [0x020e, "sar_total_segments", one],
  [0x020f, "sar_segment_seqnum", one],
  [0x0210, "sc_interface_version", one],
  [0x0302, "callback_num_pres_ind", one],
  [0x0303, "callback_num_atag", octets],
  [0x0304, "number_of_messages", one],
  [0x0381, "callback_num", octets],
  [0x0420, "dpf_result", one],
  [0x0421, "set_dpf", one],
  [0x0422, "ms_availability_status", one],
  [0x0423, "network_error_code", octets],
  [0x0424, "message_payload", octets],
  [0x0425, "delivery_failure_reason", one],
  [0x0426, "more_messages_to_send", one],
  [0x0427, "message_state", one],
  [0x0428, "congestion_state", one],
  [0x0501, "ussd_service_op", octets],
  [0x0600, "broadcast_channel_indicator", one],
  [0x0601, "broadcast_content_type", octets],
  [0x0602, "broadcast_content_type_info", octets],
  [0x0603, "broadcast_message_class", one],
  [0x0604, "broadcast_rep_num", two],
  [0x0605, "broadcast_frequency_interval", octets],
  [0x0606, "broadcast_area_identifier", octets],
  [0x0607, "broadcast_error_status", four],
  [0x0608, "broadcast_area_success", one],
  [0x0609, "broadcast_end_time", text],
  [0x060a, "broadcast_service_group", octets],
  [0x060b, "billing_identification", octets],
  [0x060d, "source_network_id", text],
  [0x060e, "dest_network_id", text],
  [0x060f, "source_node_id", octets],
  [0x0610, "dest_node_id", octets],
  [0x0611, "dest_addr_np_resolution", one],
  [0x0612, "dest_addr_np_information", octets],
  [0x0613, "dest_addr_np_country", octets],
  [0x1201, "display_time", one],
  [0x1203, "sms_signal", two],
  [0x1204, "ms_validity", octets],
  [0x130c, "alert_on_message_delivery", octets],
  [0x1380, "its_reply_type", one],
  [0x1383, "its_session_info", octets],
];

export const TLVS: readonly TlvRow[] = rows.map(([tag, name, type]) => ({ tag, name, type }));
const BY_TAG = new Map(TLVS.map((row) => [row.tag, row]));
const BY_NAME = new Map(TLVS.map((row) => [row.name, row]));

export function tlvOfTag(tag: number): TlvRow | undefined {
  return BY_TAG.get(tag);
}

export function tlvOfName(name: string): TlvRow | undefined {
  return BY_NAME.get(name);
}
