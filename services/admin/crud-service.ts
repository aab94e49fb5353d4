/** Crud service: the five calls of an entity's gRPC service, on its crud. */
import type { UntypedServiceImplementation } from "@grpc/grpc-js";
import type { EntityOf } from "../../core/entities.js";
import { isRefusal } from "../../core/grpc/refuse.js";
import { type Desk, unary } from "./call.js";
import { type Crud, type CrudKind, type Kind, openCrud, type Written } from "./crud.js";
import type { PageRequest } from "./page.js";
import type { Store } from "./store.js";

export interface CrudServiceOptions<K extends CrudKind, M extends Written> {
  readonly kind: Kind<K, M>;
  /** "CarrierService" */
  readonly service: string;
  /** As calls are named: "Carrier" and "Carriers". */
  readonly entity: string;
  readonly entities: string;
  /** Field of the list: "carriers". */
  readonly listField: string;
  /** The stored key that a get or delete names. */
  // biome-ignore lint/suspicious/noExplicitAny: requests of different calls share the key's fields
  keyOf(request: any): string;
  /** Which ones a list wants. */
  // biome-ignore lint/suspicious/noExplicitAny: the request of this entity's list
  wanted?(request: any): (entity: EntityOf[K]) => boolean;
}

/** Handlers by the names that the generated definition gives its calls. */
export function crudHandlers<K extends CrudKind, M extends Written>(
  desk: Desk,
  store: Store,
  options: CrudServiceOptions<K, M>,
): UntypedServiceImplementation {
  const { kind, service, entity, entities, listField } = options;
  const crud: Crud<K, M> = openCrud(store, kind);
  type OfEntity = Readonly<Record<string, M | undefined>>;
  type OfKey = { readonly revision: bigint };
  const named = <T>(given: T): T | OfEntity =>
    isRefusal(given) ? given : ({ [kind.field]: given } as unknown as OfEntity);
  return {
    [`create${entity}`]: unary(
      desk,
      `${service}/Create${entity}`,
      async (request: OfEntity, staff) => named(await crud.create(request[kind.field], staff)),
    ),
    [`get${entity}`]: unary(desk, `${service}/Get${entity}`, async (request: object) =>
      named(await crud.get(options.keyOf(request))),
    ),
    [`update${entity}`]: unary(
      desk,
      `${service}/Update${entity}`,
      async (request: OfEntity, staff) => named(await crud.update(request[kind.field], staff)),
    ),
    [`delete${entity}`]: unary(
      desk,
      `${service}/Delete${entity}`,
      async (request: OfKey, staff) => {
        return (await crud.remove(options.keyOf(request), request.revision, staff)) ?? {};
      },
    ),
    [`list${entities}`]: unary(desk, `${service}/List${entities}`, async (request: PageRequest) => {
      const given = crud.list(request, options.wanted?.(request));
      if (isRefusal(given)) return given;
      return { [listField]: given.page, nextPageToken: given.nextPageToken };
    }),
  };
}
