import { judgePassword } from '../authenticate/password-rule.ts';
import { emptyAnswer, jsonAnswer } from '../kernel/answer.ts';
import type { Answer } from '../kernel/answer.ts';
import type { Identity } from '../kernel/identity.ts';
import type { Query } from '../kernel/query.ts';
import type { UserBody } from './body.ts';
import type { NewUser } from './change.ts';
import { readListRequest, select } from './list.ts';
import { judgeName } from './name.ts';
import { badRequest, refusal } from './refusals.ts';
import type { UserStore } from './store.ts';
import { listedViewOf, viewOf } from './view.ts';

/** A change that was made: for the log. */
export interface UserEvent {
  readonly actor: string;
  readonly method: Identity['method'];
  readonly action: 'created' | 'updated' | 'deleted';
  readonly user: string;
  readonly details: UserDetails;
}

/** What a change says of the user: what is absent stayed as it was. */
interface UserDetails {
  readonly password?: 'changed';
  readonly type?: 'admin' | 'normal';
  readonly permissions?: readonly string[];
}

export interface UsersApiParts {
  readonly store: UserStore;
  readonly hashPassword: (password: string) => Promise<string>;
  readonly onChange?: (event: UserEvent) => void;
}

/** GET of all. */
export function listUsers({ store }: UsersApiParts, query: Query): Answer {
  const asked = readListRequest(query);
  if ('refused' in asked) return badRequest(asked.refused);
  const users = Array.from(select(store, asked), (record) => listedViewOf(record, asked.fields));
  return jsonAnswer(200, { users }, 'pretty');
}

/** GET of one. */
export function showUser({ store }: UsersApiParts, name: string): Answer {
  const record = store.get(name);
  return record === undefined ? refusal('no-such-user') : jsonAnswer(200, viewOf(record), 'pretty');
}

/** POST: `insert` makes the user in the store; "too late" is not for this part to answer. */
export async function createUser(
  parts: UsersApiParts,
  actor: Identity,
  body: UserBody,
  insert: (user: NewUser) => Promise<'created' | 'exists' | 'too-late'>,
): Promise<Answer | 'too-late'> {
  const { name = '', password = '', permissions = [] } = body;
  const fault = judgeName(name) ?? judgePassword(password);
  if (fault !== undefined) return badRequest(fault);
  if (parts.store.get(name) !== undefined) return refusal('user-exists');
  const hash = await parts.hashPassword(password);
  const outcome = await insert({ name, admin: body.type === 'admin', hash, permissions });
  if (outcome === 'exists') return refusal('user-exists');
  if (outcome === 'too-late') return outcome;
  tell(parts, actor, 'created', name, {
    type: body.type === 'admin' ? 'admin' : 'normal',
    permissions,
  });
  return showUser(parts, name);
}

/** PATCH: an empty password and an empty type are "not said" (services/auth/service.go updateUser). */
export async function updateUser(
  parts: UsersApiParts,
  actor: Identity,
  name: string,
  { password = '', type = '', permissions }: Partial<UserBody>,
): Promise<Answer> {
  const fault = password === '' ? undefined : judgePassword(password);
  if (fault !== undefined) return badRequest(fault);
  if (parts.store.get(name) === undefined) return refusal('no-such-user');
  const updated = await parts.store.update(name, {
    admin: type === '' ? undefined : type === 'admin',
    hash: password === '' ? undefined : await parts.hashPassword(password),
    permissions,
  });
  if (updated === 'unknown') return refusal('no-such-user');
  if (updated === 'last-admin') return refusal('last-admin');
  tell(parts, actor, 'updated', name, {
    ...(password === '' ? {} : { password: 'changed' }),
    ...(type === '' ? {} : { type }),
    ...(permissions === undefined ? {} : { permissions }),
  });
  return jsonAnswer(200, viewOf(updated), 'pretty');
}

/** DELETE: whoever is not there is deleted already, 204 too. */
export async function deleteUser(
  parts: UsersApiParts,
  actor: Identity,
  name: string,
): Promise<Answer> {
  const outcome = await parts.store.delete(name);
  if (outcome === 'last-admin') return refusal('last-admin');
  if (outcome === 'deleted') tell(parts, actor, 'deleted', name, {});
  return emptyAnswer(204);
}

function tell(
  { onChange }: UsersApiParts,
  { name, method }: Identity,
  action: UserEvent['action'],
  user: string,
  details: UserDetails,
): void {
  onChange?.({ actor: name, method, action, user, details });
}
