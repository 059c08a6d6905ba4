import type { Answer } from '../kernel/answer.ts';
import { GatewayError } from '../kernel/errors.ts';
import type { Identity } from '../kernel/identity.ts';
import { askedOf, forbidden, noCredentials } from './asked.ts';
import type { UsersRequest } from './asked.ts';
import { readUserBody } from './body.ts';
import { UserStoreError } from './fault.ts';
import { createUser, deleteUser, listUsers, showUser, updateUser } from './operations.ts';
import type { UsersApiParts } from './operations.ts';
import { badRequest } from './refusals.ts';

/** Kapacitor 1.8's users API (services/auth/service.go), where docs/differences.md names no difference. */
export interface UsersApi {
  /** Rejects with a GatewayError: unauthorized (the bootstrap closed), directory-unavailable, or what `parts` reject with. */
  answer(identity: Identity, request: UsersRequest): Promise<Answer>;
}

/** Who may not know why: the cause names paths. */
const UNAVAILABLE =
  'the user store can be neither read nor changed at the moment: the log of the gateway says why';

/** The users API over the local store. */
export function createUsersApi(parts: UsersApiParts): UsersApi {
  return {
    answer: async (identity, request) => {
      try {
        const stillStands = createStanding(parts.store, identity);
        return await perform(
          {
            ...parts,
            hashPassword: async (password) => stillStands(await parts.hashPassword(password)),
          },
          identity,
          { ...request, readBody: async () => stillStands(await request.readBody()) },
        );
      } catch (thrown) {
        if (!(thrown instanceof UserStoreError)) throw thrown;
        throw new GatewayError('directory-unavailable', { message: UNAVAILABLE, cause: thrown });
      }
    },
  };
}

/**
 * Lets a value pass while the sender of a request is who they were when it began: a body may arrive a minute after its
 * head, and whoever was deleted, demoted or given another password meanwhile changes nothing any more. A renewed hash
 * is no change. The bootstrap has no record; its transaction looks for itself.
 */
function createStanding(store: UsersApiParts['store'], { name, admin, method }: Identity) {
  const before = store.get(name);
  return <T>(value: T): T => {
    if (method === 'bootstrap') return value;
    const current = store.get(name);
    const isSame = current?.admin === admin && current.changed === before?.changed;
    if (!isSame) throw new GatewayError('unauthorized');
    return value;
  };
}

function perform(
  parts: UsersApiParts,
  identity: Identity,
  request: UsersRequest,
): Promise<Answer> | Answer {
  const asked = askedOf(identity, request);
  switch (asked.kind) {
    case 'list':
      return listUsers(parts, request.query);
    case 'show':
      return showUser(parts, asked.name);
    case 'create':
      return create(parts, identity, request, asked.isFirst);
    case 'update':
      return change(parts, identity, request, asked.name);
    case 'delete':
      return deleteUser(parts, identity, asked.name);
    case 'update-own':
      return changeOwn(parts, identity, request);
    case 'refused':
      return asked.answer;
  }
}

/**
 * A POST. Of the bootstrap it must make the first admin: whoever comes too late, or wants anything else, hears what
 * everybody hears who has no credentials.
 */
async function create(
  parts: UsersApiParts,
  identity: Identity,
  request: UsersRequest,
  isFirst: boolean,
): Promise<Answer> {
  const { store } = parts;
  if (isFirst && store.everHadAdmin()) throw noCredentials();
  const body = readUserBody(await request.readBody());
  if ('refused' in body) return badRequest(body.refused);
  if (isFirst && body.type !== 'admin') throw noCredentials();
  const outcome = await createUser(parts, identity, body, (user) =>
    isFirst ? store.createFirstAdmin(user) : store.create(user),
  );
  if (outcome === 'too-late') throw noCredentials();
  return outcome;
}

async function change(
  parts: UsersApiParts,
  identity: Identity,
  request: UsersRequest,
  name: string,
): Promise<Answer> {
  const body = readUserBody(await request.readBody());
  return 'refused' in body ? badRequest(body.refused) : updateUser(parts, identity, name, body);
}

/** A user who is no admin sets their own password: nothing else may stand in the body. */
async function changeOwn(
  parts: UsersApiParts,
  identity: Identity,
  request: UsersRequest,
): Promise<Answer> {
  const body = readUserBody(await request.readBody());
  if ('refused' in body) return badRequest(body.refused);
  const { keys, password } = body;
  if (keys.size !== 1 || password === undefined) return forbidden(identity, request);
  return updateUser(parts, identity, identity.name, { password });
}
