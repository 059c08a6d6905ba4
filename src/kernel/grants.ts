import type { Privilege } from './privilege.ts';

/** What a user may do on one resource, and the permission that says so. */
export interface Grant {
  /** Empty: the resource and all below it are denied, unless a nearer grant says otherwise. */
  readonly privileges: ReadonlySet<Privilege>;
  /** The permission as the administrator wrote it (`api`, `write_points:telegraf`): what `explain` shows. */
  readonly permission: string;
}

/**
 * What a user may do: API resources by path, databases by name.
 * Two maps, so that no request path can ever name a database resource.
 */
export interface Grants {
  /** By resource (`/api`, `/api/tasks`): clean, absolute, without a trailing slash. */
  readonly api: ReadonlyMap<string, Grant>;
  /** By database name; `""` stands for every database. */
  readonly databases: ReadonlyMap<string, Grant>;
}
