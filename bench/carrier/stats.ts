/** Counters of the simulated carrier, as GET /stats gives them. */

export interface CarrierStats {
  /** submit_sm received; of these: */
  submits: number;
  /** accepted (each is one part), */
  parts: number;
  /** refused, */
  rejected: number;
  /** taken and never answered. */
  unanswered: number;
  /** Accepted ones that are a whole message or the first part of one. */
  messages: number;
  /** Answers that came later by --latency-ms, and for how long in all: their mean as it was. */
  delayed: number;
  delayedMs: number;
  /** Not taken, and answered by a generic_nack. */
  nacked: number;
  /** Taken, and the answer was lost; taken, and the connection ended before or after it. */
  lostAnswers: number;
  closed: number;
  /** With --track or --submits: accepted ones that came for the first time, and those that came again. */
  unique: number;
  duplicates: number;
  receiptsSent: number;
  receiptsAcked: number;
  /** Receipts that the client refused; each is sent again. */
  receiptsRefused: number;
  /** Receipts among them whose id nobody was given. */
  strangers: number;
  /** Messages from phones, by part. */
  moSent: number;
  moAcked: number;
  moRefused: number;
  queries: number;
  cancels: number;
  replaces: number;
  /** submit_sm beyond the window that the client was granted. */
  windowExceeded: number;
  /** PDUs that are none, or were not expected. */
  malformed: number;
  binds: number;
  bindsRefused: number;
  unbinds: number;
  /** Binds that ended because they flap; connections left half-open. */
  flaps: number;
  halfOpened: number;
  connections: number;
  enquireLinks: number;
  /** Answers to submit_sm by command_status in decimal. */
  byStatus: Record<string, number>;
}

export function newStats(): CarrierStats {
  return {
    submits: 0,
    parts: 0,
    rejected: 0,
    unanswered: 0,
    delayed: 0,
    delayedMs: 0,
    nacked: 0,
    lostAnswers: 0,
    closed: 0,
    messages: 0,
    unique: 0,
    duplicates: 0,
    receiptsSent: 0,
    receiptsAcked: 0,
    receiptsRefused: 0,
    strangers: 0,
    moSent: 0,
    moAcked: 0,
    moRefused: 0,
    queries: 0,
    cancels: 0,
    replaces: 0,
    windowExceeded: 0,
    malformed: 0,
    binds: 0,
    bindsRefused: 0,
    unbinds: 0,
    flaps: 0,
    halfOpened: 0,
    connections: 0,
    enquireLinks: 0,
    byStatus: {},
  };
}
