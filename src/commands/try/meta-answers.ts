import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import type { MetaRole } from '../../meta/documents.ts';
import { readAction } from './meta-action.ts';
import type { MetaCluster } from './meta-cluster.ts';
import type { MetaAccount } from './meta-state.ts';

const HEADERS = { 'X-Influxdb-Version': '1.11.8-c1.11.8' } as const;
const JSON_TYPE = { 'Content-Type': 'application/json' } as const;

/** Answers a call of somebody who may make it, as the node that leads. */
export async function answerMetaCall(
  cluster: MetaCluster,
  call: { readonly method: string; readonly target: string; readonly body: string },
  response: ServerResponse,
): Promise<void> {
  const { body } = call;
  const { path, query } = readMetaTarget(call.target);
  const name = query.get('name') ?? '';
  const { users, roles } = cluster.state;
  switch (`${call.method} ${path}`) {
    case 'GET /user':
      sendList(response, 'user', users, name, userDocument);
      return;
    case 'GET /role':
      sendList(response, 'role', roles, name, roleDocument);
      return;
    case 'GET /authorized':
      await checkPassword(cluster, name, query.get('password') ?? '', response);
      return;
    case 'POST /user':
      await takeAction(cluster, 'user', body, response);
      return;
    case 'POST /role':
      await takeAction(cluster, 'role', body, response);
      return;
    default:
      sendError(response, 404, 'not found');
  }
}

async function takeAction(
  cluster: MetaCluster,
  on: 'user' | 'role',
  body: string,
  response: ServerResponse,
): Promise<void> {
  const read = readAction(on, body);
  const refusal = 'refusal' in read ? read.refusal : await cluster.change(read.action);
  if (refusal === undefined) send(response, 200, indexOf(cluster));
  else sendError(response, 400, refusal);
}

async function checkPassword(
  { state, passwords }: MetaCluster,
  name: string,
  password: string,
  response: ServerResponse,
): Promise<void> {
  const user = state.users.get(name);
  if (user !== undefined && (await passwords.isRight(password, user))) send(response, 200);
  else sendError(response, 401, 'authorization failed');
}

function sendList<Entry>(
  response: ServerResponse,
  noun: string,
  entries: ReadonlyMap<string, Entry>,
  name: string,
  show: (entry: Entry) => object,
): void {
  const named = entries.get(name);
  const found = name === '' ? [...entries.values()] : named === undefined ? [] : [named];
  if (name !== '' && found.length === 0) sendError(response, 404, `${noun} not found`);
  else if (found.length === 0) sendJson(response, 200, {});
  else sendJson(response, 200, { [`${noun}s`]: found.map(show) });
}

function userDocument({ name, hash, permissions }: MetaAccount): object {
  return { name, hash, ...shownPermissions(permissions) };
}

function roleDocument({ name, permissions, users }: MetaRole): object {
  return { name, ...shownPermissions(permissions), ...(users.length === 0 ? {} : { users }) };
}

function shownPermissions(permissions: MetaRole['permissions']): object {
  return permissions.size === 0 ? {} : { permissions: Object.fromEntries(permissions) };
}

/** The header that counts the changes. */
export function indexOf({ index }: MetaCluster): Readonly<Record<string, string>> {
  return { 'Influxdb-Metaindex': String(index) };
}

/** Sends an answer as a meta node does. */
export function send(
  response: ServerResponse,
  status: number,
  headers: Readonly<Record<string, string>> = {},
  body = '',
): void {
  const own = { 'Request-Id': randomUUID(), 'Content-Length': Buffer.byteLength(body) };
  response.writeHead(status, { ...HEADERS, ...own, ...headers }).end(body);
}

function sendJson(response: ServerResponse, status: number, value: object): void {
  send(response, status, JSON_TYPE, JSON.stringify(value));
}

/** The form of every refusal. */
export function sendError(response: ServerResponse, status: number, message: string): void {
  sendJson(response, status, { error: message });
}

/** Path and query of a request target. */
export function readMetaTarget(target: string): {
  readonly path: string;
  readonly query: URLSearchParams;
} {
  const [path = '', ...query] = target.split('?');
  return { path, query: new URLSearchParams(query.join('?')) };
}
