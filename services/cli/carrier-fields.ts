/** Carrier fields: a carrier's profile as people write it, in `carriers/*.json` and in flags. */
import {
  CarrierAlphabet,
  CarrierBind,
  CarrierIdForm,
  CarrierLink,
  CarrierLongMessages,
  CarrierPartReceipts,
  CarrierStatus,
  CarrierStatusClass,
  CarrierTlvType,
} from "../../core/proto/floe/v1/carriers.js";
import type { Fields } from "./entity-fields.js";

const TEXT = { kind: "text" } as const;
const NUMBER = { kind: "number" } as const;
const FILE = { kind: "text", inFile: true } as const;

export const CARRIER_FIELDS: Fields = {
  name: TEXT,
  link: { kind: "choice", of: CarrierLink },
  status: { kind: "choice", of: CarrierStatus },
  host: TEXT,
  port: NUMBER,
  fallbackHosts: { kind: "groups", fields: { host: TEXT, port: NUMBER } },
  tls: {
    kind: "group",
    fields: { serverName: TEXT, authorities: FILE, certificate: FILE, key: FILE },
  },
  systemId: TEXT,
  password: FILE,
  systemType: TEXT,
  version: TEXT,
  bind: { kind: "choice", of: CarrierBind },
  binds: NUMBER,
  window: NUMBER,
  partsPerSecond: NUMBER,
  enquireLinkMs: NUMBER,
  responseMs: NUMBER,
  alphabet: { kind: "choice", of: CarrierAlphabet },
  languages: { kind: "texts" },
  longMessages: { kind: "choice", of: CarrierLongMessages },
  dataCodings: { kind: "group", fields: { text: NUMBER, ucs2: NUMBER, binary: NUMBER } },
  serviceType: TEXT,
  addressing: {
    kind: "group",
    fields: {
      sourceTon: NUMBER,
      sourceNpi: NUMBER,
      destinationTon: NUMBER,
      destinationNpi: NUMBER,
    },
  },
  tlvs: {
    kind: "groups",
    fields: { tag: TEXT, type: { kind: "choice", of: CarrierTlvType }, value: TEXT, from: TEXT },
  },
  keepTlvs: { kind: "texts" },
  statusClasses: { kind: "choiceMap", of: CarrierStatusClass },
  partReceipts: { kind: "choice", of: CarrierPartReceipts },
  idForm: { kind: "choice", of: CarrierIdForm },
};
