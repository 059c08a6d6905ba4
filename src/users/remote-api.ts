import { jsonAnswer } from '../kernel/answer.ts';
import type { Answer } from '../kernel/answer.ts';
import type { Identity } from '../kernel/identity.ts';
import type { Query } from '../kernel/query.ts';
import type { UsersApi } from './api.ts';
import { askedOf, noCredentials } from './asked.ts';
import type { UsersRequest } from './asked.ts';
import { readListRequest, select } from './list.ts';
import { badRequest, refusal } from './refusals.ts';
import { listedViewOf, viewOf } from './view.ts';
import type { ShownUser } from './view.ts';

/** Users that are kept elsewhere. Both reject with a GatewayError where nobody can say. */
export interface RemoteUsers {
  list(): Promise<readonly ShownUser[]>;
  get(name: string): Promise<ShownUser | undefined>;
}

export interface RemoteUsersApiParts {
  readonly users: RemoteUsers;
  /** The sentence for whoever wants to change one: where that is done. */
  readonly keptAt: string;
}

/** The users API over users that are kept elsewhere: the same who may ask, the same shapes, and no changes. */
export function createRemoteUsersApi(parts: RemoteUsersApiParts): UsersApi {
  return { answer: async (identity, request) => perform(parts, identity, request) };
}

function perform(
  { users, keptAt }: RemoteUsersApiParts,
  identity: Identity,
  request: UsersRequest,
): Promise<Answer> | Answer {
  const asked = askedOf(identity, request);
  switch (asked.kind) {
    case 'list':
      return list(users, request.query);
    case 'show':
      return show(users, asked.name);
    case 'create':
      // The first admin is made where the others are.
      if (asked.isFirst) throw noCredentials();
      return unchangeable(keptAt);
    case 'update':
    case 'delete':
    case 'update-own':
      return unchangeable(keptAt);
    case 'refused':
      return asked.answer;
  }
}

async function list(users: RemoteUsers, query: Query): Promise<Answer> {
  const asked = readListRequest(query);
  if ('refused' in asked) return badRequest(asked.refused);
  const byName = new Map((await users.list()).map((user) => [user.name, user]));
  const names = inByteOrder([...byName.keys()]);
  const source = { names: () => names, get: (name: string) => byName.get(name) };
  const shown = Array.from(select(source, asked), (user) => listedViewOf(user, asked.fields));
  return jsonAnswer(200, { users: shown }, 'pretty');
}

/**
 * As the local store has them: by their bytes in UTF-8. JavaScript's own order is the same where no character is a pair,
 * and takes a tenth of the time: a hundred thousand names must not stop all other requests for long.
 */
function inByteOrder(names: readonly string[]): readonly string[] {
  return names.some((name) => /[\uD800-\uDFFF]/.test(name))
    ? names.toSorted((a, b) => Buffer.from(a).compare(Buffer.from(b)))
    : names.toSorted();
}

async function show(users: RemoteUsers, name: string): Promise<Answer> {
  const user = await users.get(name);
  return user === undefined ? refusal('no-such-user') : jsonAnswer(200, viewOf(user), 'pretty');
}

/** Of no interest what the body wants: it is not read. */
function unchangeable(keptAt: string): Answer {
  const answer = refusal('users-kept-elsewhere', keptAt);
  return { ...answer, headers: { ...answer.headers, Allow: 'GET' } };
}
