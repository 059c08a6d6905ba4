import { describe, expect, test } from '@jest/globals';
import type { Answer } from '../../src/kernel/answer.ts';
import { GatewayError } from '../../src/kernel/errors.ts';
import type { Identity } from '../../src/kernel/identity.ts';
import { readTarget } from '../../src/kernel/target.ts';
import type { Method } from '../../src/kernel/target.ts';
import { createRemoteUsersApi } from '../../src/users/remote-api.ts';
import type { RemoteUsers } from '../../src/users/remote-api.ts';
import type { ShownUser } from '../../src/users/view.ts';
import { ROOT, somebody } from './identities.ts';

const USERS: readonly ShownUser[] = [
  { name: 'stan', admin: false, permissions: ['api', 'config_api', 'write_points'] },
  { name: 'root', admin: true, permissions: [] },
  // U+FFFD before U+1F600 in UTF-8; in UTF-16 it is the other way round.
  { name: '\u{1F600}', admin: false, permissions: [] },
  { name: '\uFFFD', admin: false, permissions: ['write_points:telegraf'] },
];

const KEPT_AT =
  'users are kept by the InfluxDB Enterprise meta node at http://meta1:8091: change them there';
const users: RemoteUsers = {
  list: () => Promise.resolve(USERS),
  get: (name) => Promise.resolve(USERS.find((user) => user.name === name)),
};

function ask(
  method: Method,
  target: string,
  identity = ROOT,
  from: RemoteUsers = users,
): Promise<Answer> {
  const reading = readTarget(method, target);
  if (reading.kind !== 'target') throw new Error(reading.kind);
  const api = createRemoteUsersApi({ users: from, keptAt: KEPT_AT });
  const readBody = (): Promise<Uint8Array> => Promise.reject(new Error('the body is read'));
  return api.answer(identity, { ...reading.target, readBody });
}

const API = '/kapacitor/v1/users';

async function namesOf(query: string): Promise<readonly string[]> {
  const { body } = await ask('GET', `${API}${query}`);
  return [...body.matchAll(/"name": "(.*)"/g)].map(([, name]) => name ?? '');
}

describe('createRemoteUsersApi', () => {
  test('lists by the bytes of the names, in the shapes of the local API', async () => {
    const { status, body } = await ask('GET', `${API}?fields=type&fields=permissions`);
    expect(status).toBe(200);
    const link = (name: string) => ({ rel: 'self', href: `/kapacitor/v1/users/${name}` });
    const shown = (name: string, type: string, permissions: readonly string[]) => ({
      link: link(name),
      name,
      permissions,
      type,
    });
    expect(JSON.parse(body)).toEqual({
      users: [
        shown('root', 'admin', []),
        shown('stan', 'normal', ['all']),
        shown('\uFFFD', 'normal', ['write_points:telegraf']),
        shown('\u{1F600}', 'normal', []),
      ],
    });
  });

  test('takes pattern, offset and limit', async () => {
    expect(await namesOf('?pattern=*t*n')).toEqual(['stan']);
    expect(await namesOf('?offset=1&limit=2')).toEqual(['stan', '\uFFFD']);
    expect((await ask('GET', `${API}?limit=x`)).status).toBe(400);
    expect((await ask('GET', `${API}?fields=hash`)).status).toBe(400);
  });

  test('shows one, also under v1preview; an unknown one is a 404', async () => {
    const one = await ask('GET', `${API}/stan`);
    expect([one.status, JSON.parse(one.body)]).toMatchObject([200, { permissions: ['all'] }]);
    expect((await ask('GET', '/kapacitor/v1preview/users/root')).status).toBe(200);
    const none = await ask('GET', `${API}/nobody`);
    expect([none.status, none.body]).toEqual([404, expect.stringContaining('no user exists')]);
  });

  const CHANGES: readonly (readonly [Method, string, Identity])[] = [
    ['POST', API, ROOT],
    ['PATCH', `${API}/stan`, ROOT],
    ['PATCH', `${API}/root`, ROOT],
    ['PATCH', `${API}/nobody`, ROOT],
    ['DELETE', `${API}/stan`, ROOT],
    ['DELETE', `${API}/nobody`, ROOT],
    ['POST', '/kapacitor/v1preview/users', ROOT],
    // The own password too.
    ['PATCH', `${API}/stan`, somebody('stan')],
  ];

  test.each(CHANGES)('%s %s is 405 and names the place, unread', async (method, path, who) => {
    const { status, headers, body } = await ask(method, path, who);
    expect([status, headers['Allow']]).toEqual([405, 'GET']);
    expect(JSON.parse(body)).toEqual({ error: KEPT_AT, message: KEPT_AT });
  });

  const REFUSED: readonly (readonly [Method, string, Identity, number])[] = [
    ['GET', API, somebody('stan'), 403],
    ['GET', `${API}/stan`, somebody('stan'), 403],
    ['POST', API, somebody('stan'), 403],
    ['DELETE', `${API}/stan`, somebody('stan'), 403],
    ['PATCH', `${API}/root`, somebody('stan'), 403],
    ['PATCH', `${API}/stan`, somebody('stan', 'bearer'), 403],
    // An open gate makes everybody an admin; a subscription writes.
    ['GET', API, { ...ROOT, method: 'anonymous' }, 403],
    ['POST', API, { ...ROOT, method: 'anonymous' }, 403],
    ['POST', API, { ...ROOT, method: 'subscription' }, 403],
    // As today, whoever asks.
    ['HEAD', API, ROOT, 404],
    ['PUT', API, ROOT, 404],
    ['DELETE', API, ROOT, 404],
    ['PUT', `${API}/stan`, ROOT, 404],
    ['HEAD', `${API}/stan`, somebody('stan'), 404],
    ['PATCH', `${API}/`, ROOT, 400],
  ];

  test.each(REFUSED)('%s %s of %j is %d before it is 405', async (method, path, who, status) => {
    expect((await ask(method, path, who)).status).toBe(status);
  });

  test('there is no bootstrap', async () => {
    const first: Identity = { ...ROOT, name: '', method: 'bootstrap' };
    await expect(ask('GET', API, first)).rejects.toMatchObject({ code: 'unauthorized' });
    await expect(ask('POST', API, first)).rejects.toMatchObject({ code: 'unauthorized' });
  });

  test('where nobody can say, neither can the API', async () => {
    const fault = new GatewayError('directory-unavailable');
    const from = { list: () => Promise.reject(fault), get: () => Promise.reject(fault) };
    await expect(ask('GET', API, ROOT, from)).rejects.toBe(fault);
    await expect(ask('GET', `${API}/stan`, ROOT, from)).rejects.toBe(fault);
  });
});
