/**
 * command_status: what an answer of the carrier means for the message and for the bind.
 *
 * Source: SMPP v3.4, 5.1.3, and what carriers make of it. A status that is not in the table is
 * vendor specific or reserved: the same message would meet it again, so it counts as permanent.
 */
export type StatusClass =
  /** The carrier took it. */
  | "ok"
  /** Too fast: the bind slows down, the message is sent again, nothing counts against it. */
  | "throttled"
  /** Worth another try after a delay, a bounded number of times. */
  | "temporary"
  /** This session or its configuration is wrong: the bind stops, messages wait for it. */
  | "bind"
  /** This message will not be taken by this carrier. */
  | "permanent";

interface StatusRow {
  readonly name: string;
  readonly kind: StatusClass;
}

const rows: [number, string, StatusClass][] = [
  [0x00, "ESME_ROK", "ok"],
  [0x01, "ESME_RINVMSGLEN", "permanent"],
  [0x02, "ESME_RINVCMDLEN", "permanent"],
  [0x03, "ESME_RINVCMDID", "permanent"],
  [0x04, "ESME_RINVBNDSTS", "bind"],
  [0x05, "ESME_RALYBND", "bind"],
  [0x06, "ESME_RINVPRTFLG", "permanent"],
  [0x07, "ESME_RINVREGDLVFLG", "permanent"],
  [0x08, "ESME_RSYSERR", "temporary"],
  [0x0a, "ESME_RINVSRCADR", "permanent"],
  [0x0b, "ESME_RINVDSTADR", "permanent"],
  [0x0c, "ESME_RINVMSGID", "permanent"],
  [0x0d, "ESME_RBINDFAIL", "bind"],
  [0x0e, "ESME_RINVPASWD", "bind"],
  [0x0f, "ESME_RINVSYSID", "bind"],
  [0x14, "ESME_RMSGQFUL", "throttled"],
  [0x15, "ESME_RINVSERTYP", "permanent"],
  [0x43, "ESME_RINVESMCLASS", "permanent"],
  [0x45, "ESME_RSUBMITFAIL", "permanent"],
  [0x48, "ESME_RINVSRCTON", "permanent"],
  [0x49, "ESME_RINVSRCNPI", "permanent"],
  [0x50, "ESME_RINVDSTTON", "permanent"],
  [0x51, "ESME_RINVDSTNPI", "permanent"],
  [0x53, "ESME_RINVSYSTYP", "bind"],
  [0x54, "ESME_RINVREPFLAG", "permanent"],
  [0x55, "ESME_RINVNUMMSGS", "permanent"],
  [0x58, "ESME_RTHROTTLED", "throttled"],
  [0x61, "ESME_RINVSCHED", "permanent"],
  [0x62, "ESME_RINVEXPIRY", "permanent"],
  [0x63, "ESME_RINVDFTMSGID", "permanent"],
  [0x64, "ESME_RX_T_APPN", "temporary"],
  [0x65, "ESME_RX_P_APPN", "permanent"],
  [0x66, "ESME_RX_R_APPN", "permanent"],
  [0xc0, "ESME_RINVOPTPARSTREAM", "permanent"],
  [0xc1, "ESME_ROPTPARNOTALLWD", "permanent"],
  [0xc2, "ESME_RINVPARLEN", "permanent"],
  [0xc3, "ESME_RMISSINGOPTPARAM", "permanent"],
  [0xc4, "ESME_RINVOPTPARAMVAL", "permanent"],
  [0xfe, "ESME_RDELIVERYFAILURE", "temporary"],
  [0xff, "ESME_RUNKNOWNERR", "permanent"],
  [0x101, "ESME_RPROHIBITED", "permanent"],
  [0x104, "ESME_RINVDCS", "permanent"],
];

const STATUSES = new Map<number, StatusRow>(rows.map(([id, name, kind]) => [id, { name, kind }]));

/** Numbers by name, for those that the code itself answers with or looks for. */
export const STATUS = {
  ROK: 0x00,
  RINVCMDLEN: 0x02,
  RINVCMDID: 0x03,
  RINVBNDSTS: 0x04,
  RALYBND: 0x05,
  RSYSERR: 0x08,
  RINVDSTADR: 0x0b,
  RBINDFAIL: 0x0d,
  RINVPASWD: 0x0e,
  RINVSYSID: 0x0f,
  RTHROTTLED: 0x58,
  RX_T_APPN: 0x64,
  RX_P_APPN: 0x65,
} as const;

export function statusClass(status: number): StatusClass {
  return STATUSES.get(status)?.kind ?? "permanent";
}

/** "ESME_RINVDSTADR"; a number in hex for a status without a name. */
export function statusName(status: number): string {
  return STATUSES.get(status)?.name ?? `0x${status.toString(16).padStart(8, "0")}`;
}

/** Every row, for tests and documentation. */
export function statusRows(): readonly (readonly [number, string, StatusClass])[] {
  return rows;
}
