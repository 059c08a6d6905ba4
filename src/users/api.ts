import { errorAnswer } from '../kernel/answer.ts';
import type { Answer } from '../kernel/answer.ts';
import { GatewayError } from '../kernel/errors.ts';
import type { Identity } from '../kernel/identity.ts';
import { missingPrivilege } from '../kernel/privilege.ts';
import type { Query } from '../kernel/query.ts';
import type { Method } from '../kernel/target.ts';
import { readUserBody } from './body.ts';
import { UserStoreError } from './fault.ts';
import {
  badRequest,
  createUser,
  deleteUser,
  listUsers,
  notFound,
  showUser,
  updateUser,
} from './operations.ts';
import type { UsersApiParts } from './operations.ts';

/** A request for /kapacitor/v1/users, /kapacitor/v1preview/users or anything below them. */
interface UsersRequest {
  readonly method: Method;
  /** Decoded and clean. */
  readonly path: string;
  readonly query: Query;
  /** The whole body; rejects with the refusal where it is too large or stops arriving. */
  readonly readBody: () => Promise<Uint8Array>;
}

/** Kapacitor 1.8's users API (services/auth/service.go), where docs/differences.md names no difference. */
export interface UsersApi {
  /** Rejects with a GatewayError: unauthorized (the bootstrap closed), directory-unavailable, or what `parts` reject with. */
  answer(identity: Identity, request: UsersRequest): Promise<Answer>;
}

export function createUsersApi(parts: UsersApiParts): UsersApi {
  return {
    answer: async (identity, request) => {
      try {
        const stillStands = createStanding(parts.store, identity);
        return await route(
          {
            ...parts,
            hashPassword: async (password) => stillStands(await parts.hashPassword(password)),
          },
          identity,
          { ...request, readBody: async () => stillStands(await request.readBody()) },
        );
      } catch (thrown) {
        if (!(thrown instanceof UserStoreError)) throw thrown;
        throw new GatewayError('directory-unavailable', { cause: thrown });
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

type Routed = Promise<Answer> | Answer;

const ROOT = /^\/kapacitor\/v1(?:preview)?\/users/;

/** Who may ask is decided before anything is said about users. */
function route(parts: UsersApiParts, identity: Identity, request: UsersRequest): Routed {
  const rest = request.path.replace(ROOT, '');
  if (identity.method === 'bootstrap') {
    if (rest === '' && request.method === 'POST') return create(parts, identity, request);
    throw noCredentials();
  }
  if (isAdmin(identity)) {
    if (rest === '') return routeAll(parts, identity, request);
    return rest.startsWith('/') ? routeOne(parts, identity, request, rest.slice(1)) : notFound();
  }
  if (mayChangeOwn(identity, request, rest)) return changeOwn(parts, identity, request);
  return forbidden(identity, request);
}

/** An open gate makes everybody an admin, but for this API. */
function isAdmin({ admin, method }: Identity): boolean {
  return admin && (method === 'basic' || method === 'query' || method === 'bearer');
}

/** Over Basic only: a stolen token must not become a password. */
function mayChangeOwn(identity: Identity, { method }: UsersRequest, rest: string): boolean {
  const { name } = identity;
  const isOwn = name !== '' && rest === `/${name}`;
  return isOwn && method === 'PATCH' && identity.method === 'basic';
}

function routeAll(parts: UsersApiParts, identity: Identity, request: UsersRequest): Routed {
  switch (request.method) {
    case 'GET':
      return listUsers(parts, request.query);
    case 'POST':
      return create(parts, identity, request);
    case 'HEAD':
    case 'PUT':
    case 'PATCH':
    case 'DELETE':
    case 'OPTIONS':
      return notFound();
  }
}

function routeOne(
  parts: UsersApiParts,
  identity: Identity,
  request: UsersRequest,
  name: string,
): Routed {
  switch (request.method) {
    case 'GET':
      return name === '' ? noName() : showUser(parts, name);
    case 'PATCH':
      return name === '' ? noName() : change(parts, identity, request, name);
    case 'DELETE':
      return name === '' ? noName() : deleteUser(parts, identity, name);
    case 'HEAD':
    case 'POST':
    case 'PUT':
    case 'OPTIONS':
      return notFound();
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
): Promise<Answer> {
  const { store } = parts;
  const isFirst = identity.method === 'bootstrap';
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

/** HEAD and OPTIONS ask no privilege, and the API has neither: 404 to everybody, as Kapacitor. */
function forbidden(identity: Identity, { method, path }: UsersRequest): Answer {
  if (method === 'HEAD' || method === 'OPTIONS') return notFound();
  const privilege = method === 'GET' ? 'read' : method === 'DELETE' ? 'delete' : 'write';
  return errorAnswer(403, missingPrivilege(identity.name, privilege, path), 'compact');
}

function noName(): Answer {
  return badRequest('must specify username on path');
}

function noCredentials(): GatewayError {
  return new GatewayError('unauthorized', {
    message: 'unable to parse authentication credentials',
  });
}
