/** Networks: NetworkService: prefixes by page, how many are ported, default networks. */
import { ONLY, type TableEntity } from "../../../core/entities.js";
import { isRefusal } from "../../../core/grpc/refuse.js";
import type { GrpcService } from "../../../core/grpc/server.js";
import {
  type DefaultNetwork,
  type ListNetworksRequest,
  NetworkServiceService,
  type NetworkTable,
} from "../../../core/proto/floe/v1/networks.js";
import { isCountry, NO_COUNTRY } from "../../../workers/countries.js";
import type { NetworkColumns } from "../../../workers/source.js";
import { type Desk, unary } from "../call.js";
import { decodeNetworks } from "../columns.js";
import type { Kind } from "../crud.js";
import { crudHandlers } from "../crud-service.js";
import type { Store, Stored } from "../store.js";
import { openColumnPages } from "./column-pages.js";

const NAME = "NetworkService";

export const DEFAULT_NETWORK: Kind<"default", DefaultNetwork> = {
  kind: "default",
  field: "network",
  word: "default network",
  names: {},
  toEntity: ({ country, mcc, mnc }) => ({ country, mcc, mnc }),
  toMessage: ({ country, mcc, mnc }) => ({ country, mcc, mnc }),
  references({ country }, _store, problems) {
    if (!isCountry(country)) problems.add("country", NO_COUNTRY);
  },
  users: async () => [],
};

export function networkService(desk: Desk, store: Store): GrpcService {
  const pages = openColumnPages(store, "networks", decodeNetworks);

  async function list(request: ListNetworksRequest) {
    const stored = store.get("networks", ONLY);
    if (stored === undefined) return { networks: [], nextPageToken: "" };
    const next = ({ prefixes, of, ids }: NetworkColumns, row: number): number => {
      const isWanted = (at: number): boolean =>
        prefixes[at]!.startsWith(request.prefix) &&
        (request.country === "" || ids[of[at]!]!.country === request.country);
      while (row < prefixes.length && !isWanted(row)) row += 1;
      return row < prefixes.length ? row : -1;
    };
    const page = await pages.page(request, stored.entity.object, next, (columns, row) => ({
      prefix: columns.prefixes[row]!,
      ...columns.ids[columns.of[row]!]!,
    }));
    return isRefusal(page) ? page : { networks: page.rows, nextPageToken: page.nextPageToken };
  }

  return {
    name: `floe.v1.${NAME}`,
    definition: NetworkServiceService,
    implementation: {
      ...crudHandlers(desk, store, {
        kind: DEFAULT_NETWORK,
        service: NAME,
        entity: "DefaultNetwork",
        entities: "DefaultNetworks",
        listField: "networks",
        keyOf: ({ country }: { country: string }) => country,
      }),
      listNetworks: unary(desk, `${NAME}/ListNetworks`, list),
      getNetworkTables: unary(desk, `${NAME}/GetNetworkTables`, async () => ({
        prefixes: told(store.get("networks", ONLY)),
        ported: told(store.get("ported", ONLY)),
      })),
    },
  };
}

function told(stored: Stored<TableEntity> | undefined): NetworkTable | undefined {
  if (stored === undefined) return undefined;
  const { rows, bytes, hash, changedBy, changedAtMs } = stored.entity;
  return {
    ...{ rows, bytes, hash, changedBy },
    revision: BigInt(stored.revision),
    changedAt: changedAtMs === 0 ? undefined : new Date(changedAtMs),
  };
}
