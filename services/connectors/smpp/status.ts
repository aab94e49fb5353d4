/**
 * command_status: what an answer of the carrier means for the message and for the bind.
 *
 * Source: SMPP v3.4, 5.1.3, and v5.0, 4.7.6, and what carriers make of it. A status that is not in
 * the table is vendor specific or reserved: the same message would meet it again, so it counts as
 * permanent. A carrier whose use of a status is its own says so in its profile (`statusClasses`).
 *
 * The classes (core/configuration.ts):
 *   ok         the carrier took it;
 *   throttled  too fast: the bind slows down, the message is sent again, nothing counts against it;
 *   temporary  worth another try after a delay, a bounded number of times;
 *   bind       this session or its configuration is wrong: the bind stops, messages wait for it;
 *   permanent  this message will not be taken by this carrier;
 *   ambiguous  answered, and still nobody knows whether it was taken: handled as no answer.
 */
import type { StatusClass } from "../../../core/configuration.js";

export type { StatusClass } from "../../../core/configuration.js";

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
  [0x11, "ESME_RCANCELFAIL", "permanent"],
  [0x13, "ESME_RREPLACEFAIL", "permanent"],
  [0x14, "ESME_RMSGQFUL", "throttled"],
  [0x15, "ESME_RINVSERTYP", "permanent"],
  [0x33, "ESME_RINVNUMDESTS", "permanent"],
  [0x34, "ESME_RINVDLNAME", "permanent"],
  [0x40, "ESME_RINVDESTFLAG", "permanent"],
  [0x42, "ESME_RINVSUBREP", "permanent"],
  [0x43, "ESME_RINVESMCLASS", "permanent"],
  [0x44, "ESME_RCNTSUBDL", "permanent"],
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
  [0x67, "ESME_RQUERYFAIL", "permanent"],
  // 5.0 calls the next five RINVTLVSTREAM, RTLVNOTALLWD, RINVTLVLEN, RMISSINGTLV, RINVTLVVAL.
  [0xc0, "ESME_RINVOPTPARSTREAM", "permanent"],
  [0xc1, "ESME_ROPTPARNOTALLWD", "permanent"],
  [0xc2, "ESME_RINVPARLEN", "permanent"],
  [0xc3, "ESME_RMISSINGOPTPARAM", "permanent"],
  [0xc4, "ESME_RINVOPTPARAMVAL", "permanent"],
  [0xfe, "ESME_RDELIVERYFAILURE", "temporary"],
  // "Unknown error": the one status by which a carrier says that it does not know either.
  [0xff, "ESME_RUNKNOWNERR", "ambiguous"],
  [0x100, "ESME_RSERTYPUNAUTH", "permanent"],
  [0x101, "ESME_RPROHIBITED", "permanent"],
  [0x102, "ESME_RSERTYPUNAVAIL", "temporary"],
  [0x103, "ESME_RSERTYPDENIED", "permanent"],
  [0x104, "ESME_RINVDCS", "permanent"],
  [0x105, "ESME_RINVSRCADDRSUBUNIT", "permanent"],
  [0x106, "ESME_RINVDSTADDRSUBUNIT", "permanent"],
  [0x107, "ESME_RINVBCASTFREQINT", "permanent"],
  [0x108, "ESME_RINVBCASTALIAS_NAME", "permanent"],
  [0x109, "ESME_RINVBCASTAREAFMT", "permanent"],
  [0x10a, "ESME_RINVNUMBCAST_AREAS", "permanent"],
  [0x10b, "ESME_RINVBCASTCNTTYPE", "permanent"],
  [0x10c, "ESME_RINVBCASTMSGCLASS", "permanent"],
  [0x10d, "ESME_RBCASTFAIL", "permanent"],
  [0x10e, "ESME_RBCASTQUERYFAIL", "permanent"],
  [0x10f, "ESME_RBCASTCANCELFAIL", "permanent"],
  [0x110, "ESME_RINVBCAST_REP", "permanent"],
  [0x111, "ESME_RINVBCASTSRVGRP", "permanent"],
  [0x112, "ESME_RINVBCASTCHANIND", "permanent"],
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
  RUNKNOWNERR: 0xff,
} as const;

export function statusClass(status: number): StatusClass {
  return STATUSES.get(status)?.kind ?? "permanent";
}

/**
 * The classes as one carrier means them.
 * @param own by status in hex ("0x0000000b"), as in its profile; undefined: the table's.
 */
export function newStatusClasses(
  own: Readonly<Record<string, StatusClass>> | undefined,
): (status: number) => StatusClass {
  const entries = Object.entries(own ?? {});
  if (entries.length === 0) return statusClass;
  const classes = new Map(entries.map(([status, kind]) => [Number(status), kind]));
  return (status) => classes.get(status) ?? statusClass(status);
}

/** "ESME_RINVDSTADR"; a number in hex for a status without a name. */
export function statusName(status: number): string {
  return STATUSES.get(status)?.name ?? `0x${status.toString(16).padStart(8, "0")}`;
}

/** Whether the status has a row: those without are a carrier's own. */
export function isKnownStatus(status: number): boolean {
  return STATUSES.has(status);
}

/** Every row, for tests and documentation. */
export function statusRows(): readonly (readonly [number, string, StatusClass])[] {
  return rows;
}
