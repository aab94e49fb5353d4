/**
 * Learned: in which form the receipts of each bind write ids, from those that met their message.
 *
 * What worked last is tried first at that bind; it is counted, told in the log when it changes, and
 * kept for the carrier's status (core/carrier-status.ts).
 */
import type { BindStatus, IdForm } from "../../core/carrier-status.js";
import { ID_FORMS } from "../../core/carrier-status.js";
import type { Logger } from "../../core/log.js";
import { counter } from "../../core/metrics.js";
import { FORMS, type Form } from "./carrier-id.js";

const formsTotal = counter(
  "floe_connector_receipt_ids_total",
  "Receipts that met their message, by how they write its id.",
  ["carrier", "form"],
);

export interface LearnedBind {
  /** In the order in which they are tried. */
  readonly forms: Form[];
  readonly counts: Record<IdForm, number>;
  shown: IdForm | undefined;
  /** Receipts have the recipient in destination_addr, as submit_sm did, not in source_addr. */
  isSwapped: boolean;
  lastMs: number;
  /** Receipts since the last that was noted: taken to be in its form. */
  unlooked: number;
}

/**
 * To compare an id with the recorded one costs a tenth of what a receipt does: of those that are
 * found in the form that is tried first, one in so many is noted.
 */
export const NOTE_EVERY = 16;

export interface Learned {
  /** Of the bind with this name; the same object for the same bytes. */
  of(bind: Uint8Array): LearnedBind;
  /** A receipt's id `received[at, end)` met the recorded one in `form`, the `index`th to be tried. */
  note(
    bind: LearnedBind,
    index: number,
    received: Uint8Array,
    at: number,
    end: number,
    recorded: Uint8Array,
    recordedAt: number,
    recordedEnd: number,
    nowMs: number,
  ): void;
  /** What was noted since is counted: once for all receipts of a read. */
  count(): void;
  /** Binds that receipts came on; changes with every receipt. */
  status(): readonly BindStatus[];
}

/** @param first form that the carrier's profile names: tried first until receipts teach another. */
export function openLearned(carrier: string, log: Logger, first: Form = "same"): Learned {
  const binds = new Map<string, LearnedBind>();
  const counters = ID_FORMS.map((form) => formsTotal.labels(carrier, form));
  const noted = { same: 0, case: 0, zeros: 0, decimalToHex: 0, hexToDecimal: 0 };
  let lastBytes: Uint8Array | undefined;
  let last: LearnedBind | undefined;

  function of(bytes: Uint8Array): LearnedBind {
    if (bytes === lastBytes && last !== undefined) return last;
    const name = Buffer.from(bytes).toString("latin1");
    let bind = binds.get(name);
    if (bind === undefined) {
      const counts = { same: 0, case: 0, zeros: 0, decimalToHex: 0, hexToDecimal: 0 };
      bind = {
        forms: [first, ...FORMS.filter((form) => form !== first)],
        counts,
        shown: undefined,
        isSwapped: false,
        lastMs: 0,
        unlooked: 0,
      };
      binds.set(name, bind);
    }
    lastBytes = bytes;
    last = bind;
    return bind;
  }

  function nameOf(bind: LearnedBind): string {
    for (const [name, one] of binds) if (one === bind) return name;
    return "";
  }

  function countUnlooked(bind: LearnedBind): void {
    if (bind.shown === undefined || bind.unlooked === 0) return;
    bind.counts[bind.shown] += bind.unlooked;
    noted[bind.shown] += bind.unlooked;
    bind.unlooked = 0;
  }

  return {
    of,
    note(bind, index, received, at, end, recorded, recordedAt, recordedEnd, nowMs) {
      const form = bind.forms[index]!;
      if (index > 0) {
        bind.forms.splice(index, 1);
        bind.forms.unshift(form);
      }
      const shown =
        form === "same" ? likeness(received, at, end, recorded, recordedAt, recordedEnd) : form;
      countUnlooked(bind);
      bind.counts[shown] += 1;
      bind.lastMs = nowMs;
      noted[shown] += 1;
      if (shown === bind.shown) return;
      // Ids of one carrier differ in whether they have letters or zeros at all: only a first one, or
      // another base, is news.
      if (bind.shown === undefined || form !== "same") {
        log.info({ bind: nameOf(bind), form: shown }, "receipts write ids in this form");
      }
      bind.shown = shown;
    },
    count() {
      for (const bind of binds.values()) countUnlooked(bind);
      for (const [at, form] of ID_FORMS.entries()) {
        if (noted[form] > 0) counters[at]!.inc(noted[form]);
        noted[form] = 0;
      }
    },
    status() {
      return [...binds].flatMap(([name, { counts, shown, isSwapped, lastMs }]) =>
        shown === undefined
          ? []
          : [
              {
                bind: name,
                idForm: shown,
                idForms: { ...counts },
                recipient: isSwapped ? ("destination" as const) : ("source" as const),
                lastReceiptAtMs: lastMs,
              },
            ],
      );
    },
  };
}

/** How two ids with one canonical form differ. */
function likeness(
  one: Uint8Array,
  at: number,
  end: number,
  other: Uint8Array,
  otherAt: number,
  otherEnd: number,
): IdForm {
  if (end - at !== otherEnd - otherAt) return "zeros";
  for (let index = 0; index < end - at; index += 1) {
    if (one[at + index] !== other[otherAt + index]) return "case";
  }
  return "same";
}
