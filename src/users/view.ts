import { shownPermissions } from '../authorize/permissions.ts';
import type { UserRecord } from './record.ts';

/** What is known of a user who is shown, wherever they are kept. */
export type ShownUser = Pick<UserRecord, 'name' | 'admin' | 'permissions'>;

/** What the API shows of a user: never the hash. */
interface UserView {
  readonly link: { readonly rel: 'self'; readonly href: string };
  readonly name: string;
  readonly type: 'admin' | 'normal';
  readonly permissions: readonly string[];
}

export type UserField = keyof UserView;

/** A user alone, keys in the order of Kapacitor's struct (client/v1 User). */
export function viewOf({ name, admin, permissions }: ShownUser): UserView {
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
  user: ShownUser,
  fields: ReadonlySet<UserField>,
): Partial<Record<UserField, unknown>> {
  const view = viewOf(user);
  const chosen = LISTED.filter((field) => fields.has(field));
  return Object.fromEntries(chosen.map((field) => [field, view[field]]));
}

export function isUserField(text: string): text is UserField {
  return LISTED.some((field) => field === text);
}
