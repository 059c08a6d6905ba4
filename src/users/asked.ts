import { errorAnswer } from '../kernel/answer.ts';
import type { Answer } from '../kernel/answer.ts';
import { GatewayError } from '../kernel/errors.ts';
import type { Identity } from '../kernel/identity.ts';
import { missingPrivilege } from '../kernel/privilege.ts';
import type { Query } from '../kernel/query.ts';
import type { Method } from '../kernel/target.ts';
import { badRequest, notFound } from './refusals.ts';

/** A request for /kapacitor/v1/users, /kapacitor/v1preview/users or anything below them. */
export interface UsersRequest {
  readonly method: Method;
  /** Decoded and clean. */
  readonly path: string;
  readonly query: Query;
  /** The whole body; rejects with the refusal where it is too large or stops arriving. */
  readonly readBody: () => Promise<Uint8Array>;
}

/** What is judged: neither the query nor the body has a part in it. */
type Judged = Pick<UsersRequest, 'method' | 'path'>;

/** What a request wants of the users, by somebody who may ask it; or the answer of whoever may not. */
export type Asked =
  | { readonly kind: 'list' }
  | { readonly kind: 'show'; readonly name: string }
  /** `isFirst`: without credentials, for as long as there was never an admin. */
  | { readonly kind: 'create'; readonly isFirst: boolean }
  | { readonly kind: 'update'; readonly name: string }
  | { readonly kind: 'delete'; readonly name: string }
  /** A user who is no admin: their password, and nothing else. */
  | { readonly kind: 'update-own' }
  | { readonly kind: 'refused'; readonly answer: Answer };

const ROOT = /^\/kapacitor\/v1(?:preview)?\/users/;

/**
 * Who may ask is decided before anything is said about users.
 * @throws GatewayError unauthorized, where the bootstrap wants anything but to create
 */
export function askedOf(identity: Identity, request: Judged): Asked {
  const rest = request.path.replace(ROOT, '');
  if (identity.method === 'bootstrap') {
    if (rest === '' && request.method === 'POST') return { kind: 'create', isFirst: true };
    throw noCredentials();
  }
  if (isAdmin(identity)) {
    if (rest === '') return askedOfAll(request.method);
    return rest.startsWith('/') ? askedOfOne(request.method, rest.slice(1)) : nothing();
  }
  if (mayChangeOwn(identity, request, rest)) return { kind: 'update-own' };
  return { kind: 'refused', answer: forbidden(identity, request) };
}

/** HEAD and OPTIONS ask no privilege, and the API has neither: 404 to everybody, as Kapacitor. */
export function forbidden(identity: Identity, { method, path }: Judged): Answer {
  if (method === 'HEAD' || method === 'OPTIONS') return notFound();
  const privilege = method === 'GET' ? 'read' : method === 'DELETE' ? 'delete' : 'write';
  return errorAnswer(403, missingPrivilege(identity.name, privilege, path), 'compact');
}

/** What everybody hears who has no credentials. */
export function noCredentials(): GatewayError {
  return new GatewayError('unauthorized', {
    message: 'unable to parse authentication credentials',
  });
}

const PROVEN: ReadonlySet<Identity['method']> = new Set<Identity['method']>([
  'basic',
  'query',
  'bearer',
  'certificate',
]);

/** An open gate makes everybody an admin, but for this API. */
function isAdmin({ admin, method }: Identity): boolean {
  return admin && PROVEN.has(method);
}

/** Over Basic only: a stolen token must not become a password. */
function mayChangeOwn(identity: Identity, { method }: Judged, rest: string): boolean {
  const { name } = identity;
  const isOwn = name !== '' && rest === `/${name}`;
  return isOwn && method === 'PATCH' && identity.method === 'basic';
}

function askedOfAll(method: Method): Asked {
  switch (method) {
    case 'GET':
      return { kind: 'list' };
    case 'POST':
      return { kind: 'create', isFirst: false };
    case 'HEAD':
    case 'PUT':
    case 'PATCH':
    case 'DELETE':
    case 'OPTIONS':
      return nothing();
  }
}

function askedOfOne(method: Method, name: string): Asked {
  switch (method) {
    case 'GET':
      return name === '' ? noName() : { kind: 'show', name };
    case 'PATCH':
      return name === '' ? noName() : { kind: 'update', name };
    case 'DELETE':
      return name === '' ? noName() : { kind: 'delete', name };
    case 'HEAD':
    case 'POST':
    case 'PUT':
    case 'OPTIONS':
      return nothing();
  }
}

function nothing(): Asked {
  return { kind: 'refused', answer: notFound() };
}

function noName(): Asked {
  return { kind: 'refused', answer: badRequest('must specify username on path') };
}
