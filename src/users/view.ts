import { shownPermissions } from '../authorize/permissions.ts';
import type { UserRecord } from './record.ts';

/** What the API shows of a user: never the hash. */
interface UserView {
  readonly link: { readonly rel: 'self'; readonly href: string };
  readonly name: string;
  readonly type: 'admin' | 'normal';
  readonly permissions: readonly string[];
}

export type UserField = keyof UserView;

/** A user alone, keys in the order of Kapacitor's struct (client/v1 User). */
export function viewOf(record: UserRecord): UserView {
  const { name, admin, permissions } = record;
  return {
    link: { rel: 'self', href: `/kapacitor/v1/users/${name}` },
    name,
    type: admin ? 'admin' : 'normal',
    permissions: shownPermissions(permissions),
  };
}

/** In the order of Go's maps: that of the alphabet. */
const LISTED: readonly UserField[] = ['link', 'name', 'permissions', 'type'];

/** A user in the list: the fields asked for, and always name and link. */
export function listedViewOf(
  record: UserRecord,
  fields: ReadonlySet<UserField>,
): Partial<Record<UserField, unknown>> {
  const view = viewOf(record);
  const chosen = LISTED.filter((field) => fields.has(field));
  return Object.fromEntries(chosen.map((field) => [field, view[field]]));
}

export function isUserField(text: string): text is UserField {
  return LISTED.some((field) => field === text);
}
