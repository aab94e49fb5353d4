/**
 * Carrier profile: what is particular to one carrier, between the API and what is stored.
 *
 * What is unspecified or empty is stored as nothing, so that it stays what it is by default. The key
 * of a certificate is never told, as a password is not; whoever writes back what was read keeps it.
 */
import type { CarrierConfig, SentTlv, StatusClass } from "../../../core/configuration.js";
import type {
  Carrier,
  CarrierAddressing,
  CarrierDataCodings,
  CarrierStatusClass,
  CarrierTls,
  CarrierTlv,
} from "../../../core/proto/floe/v1/carriers.js";
import type { Problems } from "../problems.js";
import { type Choices, chosen, numberOf } from "./choices.js";

const LONG_MESSAGES: Choices<NonNullable<CarrierConfig["longMessages"]>> = [
  "udh8",
  "udh8",
  "udh16",
  "sar",
  "payload",
];
const ID_FORMS: Choices<NonNullable<CarrierConfig["idForm"]>> = [
  "same",
  "same",
  "decimalToHex",
  "hexToDecimal",
];
/** There is none that a TLV's type counts as: place 0 is refused before. */
const TLV_TYPES: Choices<SentTlv["type"]> = ["text", "int8", "int16", "int32", "text", "octets"];
const CLASSES: Choices<Exclude<StatusClass, "ok">> = [
  "permanent",
  "throttled",
  "temporary",
  "bind",
  "permanent",
  "ambiguous",
];

type ProfileFields =
  | "fallbackHosts"
  | "tls"
  | "version"
  | "longMessages"
  | "dataCodings"
  | "serviceType"
  | "addressing"
  | "tlvs"
  | "keepTlvs"
  | "statusClasses"
  | "idForm";

export function profileOf(
  message: Carrier,
  old: CarrierConfig | undefined,
  problems: Problems,
): Pick<CarrierConfig, ProfileFields> {
  const { fallbackHosts, tls, version, longMessages, serviceType, tlvs, keepTlvs, idForm } =
    message;
  return {
    fallbackHosts: some(fallbackHosts.map(({ host, port }) => ({ host, port }))),
    tls: tls === undefined ? undefined : tlsOf(tls, old?.tls),
    // Whatever is neither is refused with the other checks.
    version: (version === "" ? undefined : version) as CarrierConfig["version"],
    longMessages:
      longMessages === 0
        ? undefined
        : chosen(LONG_MESSAGES, longMessages, "long_messages", problems),
    dataCodings: withoutAbsent<CarrierConfig["dataCodings"]>(message.dataCodings),
    serviceType: serviceType === "" ? undefined : serviceType,
    addressing: withoutAbsent<CarrierConfig["addressing"]>(message.addressing),
    tlvs: some(tlvs.map((one, at) => tlvOf(one, `tlvs[${at}]`, problems))),
    keepTlvs: some([...new Set(keepTlvs.map((tag) => tag.toLowerCase()))]),
    statusClasses: classesOf(message.statusClasses, problems),
    idForm: idForm === 0 ? undefined : chosen(ID_FORMS, idForm, "id_form", problems),
  };
}

function tlsOf(tls: CarrierTls, old: CarrierConfig["tls"]): CarrierConfig["tls"] {
  const { serverName, authorities, certificate } = tls;
  const kept = certificate === "" ? undefined : old?.key;
  const key = tls.key ?? kept;
  return {
    ...(serverName === "" ? {} : { serverName }),
    ...(authorities === "" ? {} : { authorities }),
    ...(certificate === "" ? {} : { certificate }),
    ...(key === undefined || key === "" ? {} : { key }),
  };
}

function tlvOf({ tag, type, value, from }: CarrierTlv, field: string, problems: Problems): SentTlv {
  if (type === 0) problems.add(`${field}.type`, "must be there");
  return {
    tag: tag.toLowerCase(),
    type: chosen(TLV_TYPES, type, `${field}.type`, problems),
    ...(value === undefined ? {} : { value }),
    ...(from === undefined ? {} : { from }),
  };
}

function classesOf(
  given: Readonly<Record<string, CarrierStatusClass>>,
  problems: Problems,
): CarrierConfig["statusClasses"] {
  const entries = Object.entries(given).map(([status, kind]) => {
    const field = `status_classes.${status}`;
    if (kind === 0) problems.add(field, "must be there");
    return [status.toLowerCase(), chosen(CLASSES, kind, field, problems)] as const;
  });
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}

export function toldProfile(entity: CarrierConfig): Pick<Carrier, ProfileFields> {
  const { tls, addressing, dataCodings } = entity;
  return {
    fallbackHosts: entity.fallbackHosts ?? [],
    tls: tls === undefined ? undefined : toldTls(tls),
    version: entity.version ?? "3.4",
    longMessages: numberOf(LONG_MESSAGES, entity.longMessages ?? "udh8") as Carrier["longMessages"],
    dataCodings: dataCodings && octets<CarrierDataCodings>(dataCodings, ["text", "ucs2", "binary"]),
    serviceType: entity.serviceType ?? "",
    addressing:
      addressing &&
      octets<CarrierAddressing>(addressing, [
        "sourceTon",
        "sourceNpi",
        "destinationTon",
        "destinationNpi",
      ]),
    tlvs: (entity.tlvs ?? []).map(
      ({ tag, type, value, from }): CarrierTlv => ({
        tag,
        type: numberOf(TLV_TYPES, type) as CarrierTlv["type"],
        value,
        from,
      }),
    ),
    keepTlvs: entity.keepTlvs ?? [],
    statusClasses: Object.fromEntries(
      Object.entries(entity.statusClasses ?? {}).map(([status, kind]) => [
        status,
        numberOf(CLASSES, kind) as CarrierStatusClass,
      ]),
    ),
    idForm: (entity.idForm === undefined
      ? 0
      : numberOf(ID_FORMS, entity.idForm)) as Carrier["idForm"],
  };
}

function toldTls(tls: NonNullable<CarrierConfig["tls"]>): CarrierTls {
  const { serverName = "", authorities = "", certificate = "" } = tls;
  return { serverName, authorities, certificate, key: undefined };
}

/** The list; nothing instead of an empty one. */
function some<T>(list: T[]): T[] | undefined {
  return list.length === 0 ? undefined : list;
}

type Octets = Readonly<Record<string, number | undefined>>;

/** What is there of a message of numbers; nothing if none is. */
function withoutAbsent<T>(given: object | undefined): T | undefined {
  const there = Object.entries(given ?? {}).filter(([, value]) => value !== undefined);
  return there.length === 0 ? undefined : (Object.fromEntries(there) as T);
}

/** The message: each of its fields is there, if only as absent. */
function octets<T>(stored: Octets, names: readonly (keyof T & string)[]): T {
  return Object.fromEntries(names.map((name) => [name, stored[name]])) as T;
}
