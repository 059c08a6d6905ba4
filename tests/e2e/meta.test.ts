import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import type { MetaCluster } from '../../src/commands/try/meta-cluster.ts';
import { startMetaNode } from '../../src/commands/try/meta-stand-in.ts';
import type { MetaNode } from '../../src/commands/try/meta-stand-in.ts';
import type { MetaAction } from '../../src/commands/try/meta-state.ts';
import type { GatewayProcess } from '../support/gateway-process.ts';
import { logSoFar } from '../support/logged.ts';
import { createCluster } from '../support/meta-cluster.ts';
import { askAs, askUntil, startMetaGateway } from '../support/meta-gateway.ts';
import { answering, startRecordingUpstream } from '../support/recording-upstream.ts';
import type { RecordingUpstream } from '../support/recording-upstream.ts';
import { createTempDir } from '../support/temp-dir.ts';
import type { TempDir } from '../support/temp-dir.ts';

const WRITE = { method: 'POST', target: '/write?db=telegraf', body: 'm v=1 1\n' } as const;

let dir: TempDir;
let upstream: RecordingUpstream;
let cluster: MetaCluster;
let node: MetaNode;
/** Keeps what it heard for ten minutes. */
let patient: GatewayProcess;
/** Keeps it for a second. */
let eager: GatewayProcess;

beforeAll(async () => {
  dir = await createTempDir();
  upstream = await startRecordingUpstream(answering(204, { 'X-Kapacitor-Version': '1.5.9' }));
  cluster = await createCluster([
    { name: 'kapgate' },
    { name: 'admin' },
    { name: 'ldap-user', permissions: { '': ['KapacitorAPI'] }, hashing: 'ldap' },
    { name: 'fips256', permissions: { '': ['KapacitorAPI'] }, hashing: 'pbkdf2-sha256' },
    { name: 'fips512', permissions: { '': ['KapacitorAPI'] }, hashing: 'pbkdf2-sha512' },
  ]);
  node = await startMetaNode({ cluster, demands: { kind: 'basic' } });
  const start = (path: string, cacheExpiration: string): Promise<GatewayProcess> =>
    startMetaGateway({
      dir: `${dir.path}/${path}`,
      upstream: upstream.url,
      nodes: [node],
      auth: { 'cache-expiration': `"${cacheExpiration}"` },
    });
  [patient, eager] = await Promise.all([start('patient', '10m'), start('eager', '1s')]);
}, 480_000);

afterAll(async () => {
  await Promise.all([patient, eager].map((gateway) => gateway.stop()));
  await node.stop();
  await upstream.stop();
  await dir.remove();
});

async function change(action: MetaAction<string>): Promise<void> {
  expect(await cluster.change(action)).toBeUndefined();
}

const api = new Map([['', ['KapacitorAPI']]]);

/** Makes a user of a test's own, whom no gateway has heard of. */
async function make(name: string, permissions = api): Promise<void> {
  await change({ on: 'user', action: 'create', name, password: `pw-${name}` });
  if (permissions.size === 0) return;
  await change({ on: 'user', action: 'add-permissions', name, permissions });
}

/** How often the node was asked by each path, while something went on. */
async function countCalls(work: () => Promise<void>): Promise<Readonly<Record<string, number>>> {
  const paths = ['/user', '/role', '/authorized'];
  const before = paths.map((path) => node.countOf(`GET ${path}`));
  await work();
  return Object.fromEntries(
    paths.map((path, index) => [path, node.countOf(`GET ${path}`) - (before[index] ?? 0)]),
  );
}

describe('a gateway with users of a meta node', () => {
  test('lets in who has the permission, refuses who has not, and an admin may do all', async () => {
    await make('stan');
    await make('eva', new Map());
    expect(await askAs(patient, 'stan')).toMatchObject({ status: 204 });
    expect(await askAs(patient, 'stan', { target: '/kapacitor/v1/config' })).toMatchObject({
      status: 403,
      error: 'user stan does not have "read" privilege for API endpoint "/kapacitor/v1/config"',
    });
    expect(await askAs(patient, 'eva')).toMatchObject({ status: 403 });
    expect(await askAs(patient, 'admin', { target: '/kapacitor/v1/config' })).toMatchObject({
      status: 204,
    });
    expect(await askAs(patient, 'nobody')).toMatchObject({
      status: 401,
      error: 'authorization failed',
    });
  });

  test('writes go by the database', async () => {
    await make('writer', new Map([['telegraf', ['WriteData']]]));
    expect(await askAs(patient, 'writer', WRITE)).toMatchObject({ status: 204 });
    expect(await askAs(patient, 'writer', { ...WRITE, target: '/write?db=other' })).toMatchObject({
      status: 403,
      error: 'user writer does not have "write" privilege for database "other"',
    });
  });

  test.each(['fips256', 'fips512'])(
    'knows the password of %s, under a hash of its own kind',
    async (name) => {
      const calls = await countCalls(async () => {
        expect(await askAs(patient, name)).toMatchObject({ status: 204 });
        expect(await askAs(patient, name, { password: 'wrong' })).toMatchObject({ status: 401 });
      });
      expect(calls['/authorized']).toBe(0);
    },
  );

  test('a hundred requests of a new user at once are one call', async () => {
    await make('crowd');
    const calls = await countCalls(async () => {
      const all = await Promise.all(Array.from({ length: 100 }, () => askAs(patient, 'crowd')));
      expect(new Set(all.map(({ status }) => status))).toEqual(new Set([204]));
    });
    expect(calls['/user']).toBe(1);
    expect(calls['/role']).toBeLessThanOrEqual(1);
  });

  test('a wrong password is one call', async () => {
    await make('mistyped');
    const calls = await countCalls(async () => {
      const asked = await askAs(patient, 'mistyped', { password: 'wrong' });
      expect(asked).toMatchObject({ status: 401 });
    });
    expect(calls).toEqual({ '/user': 1, '/role': 0, '/authorized': 0 });
  });

  test('an unknown user is one call, also when they come again', async () => {
    const calls = await countCalls(async () => {
      for (let i = 0; i < 4; i++) {
        expect(await askAs(patient, 'unknown')).toMatchObject({ status: 401 });
      }
    });
    expect(calls).toEqual({ '/user': 1, '/role': 0, '/authorized': 0 });
  });

  test('a user who is made is let in within seconds of having been unknown', async () => {
    expect(await askAs(patient, 'jane')).toMatchObject({ status: 401 });
    await make('jane');
    await askUntil(204, () => askAs(patient, 'jane'));
  });

  test('a password that is changed at the node works at the next try, and the old one ends', async () => {
    await make('moody');
    expect(await askAs(eager, 'moody')).toMatchObject({ status: 204 });
    await change({ on: 'user', action: 'change-password', name: 'moody', password: 'new' });
    await askUntil(204, () => askAs(eager, 'moody', { password: 'new' }));
    await askUntil(401, () => askAs(eager, 'moody'));
    expect(await askAs(eager, 'moody', { password: 'new' })).toMatchObject({ status: 204 });
  });

  test('a changed password works at the next try also where much is kept for long', async () => {
    await make('hasty');
    expect(await askAs(patient, 'hasty')).toMatchObject({ status: 204 });
    await change({ on: 'user', action: 'change-password', name: 'hasty', password: 'new' });
    await sleep(5_500);
    expect(await askAs(patient, 'hasty', { password: 'new' })).toMatchObject({ status: 204 });
    expect(await askAs(patient, 'hasty')).toMatchObject({ status: 401 });
  });

  test('what a role grants lets its users in within cache-expiration', async () => {
    await make('tom', new Map());
    expect(await askAs(eager, 'tom')).toMatchObject({ status: 403 });
    await change({ on: 'role', action: 'create', name: 'spectre' });
    await change({ on: 'role', action: 'add-permissions', name: 'spectre', permissions: api });
    await change({ on: 'role', action: 'add-users', name: 'spectre', users: ['tom'] });
    await askUntil(204, () => askAs(eager, 'tom'));
    await change({ on: 'role', action: 'remove-users', name: 'spectre', users: ['tom'] });
    await askUntil(403, () => askAs(eager, 'tom'));
  });

  test('SIGHUP empties the caches', async () => {
    await make('demoted');
    expect(await askAs(patient, 'demoted')).toMatchObject({ status: 204 });
    await change({ on: 'user', action: 'remove-permissions', name: 'demoted', permissions: api });
    expect(await askAs(patient, 'demoted')).toMatchObject({ status: 204 });
    process.kill(patient.pid, 'SIGHUP');
    await askUntil(403, () => askAs(patient, 'demoted'));
  });
});

describe('a user without a hash', () => {
  const canary = 'pw-ldap-user';
  const wrong = 'wrong-canary';

  test('is let in by one /authorized, a wrong password is one more, and neither is in the log', async () => {
    const calls = await countCalls(async () => {
      expect(await askAs(patient, 'ldap-user')).toMatchObject({ status: 204 });
      expect(await askAs(patient, 'ldap-user')).toMatchObject({ status: 204 });
    });
    expect(calls['/authorized']).toBe(1);
    const failed = await countCalls(async () => {
      expect(await askAs(patient, 'ldap-user', { password: wrong })).toMatchObject({ status: 401 });
    });
    expect(failed['/authorized']).toBe(1);
    for (const kind of ['drop', 'garbage', 'half', 'loop'] as const) {
      node.fault({ kind }, '/authorized');
      const asked = await askAs(patient, 'ldap-user', { password: `${wrong}-${kind}` });
      expect(asked).toMatchObject({ status: 503, error: expect.not.stringContaining(wrong) });
      node.fault(undefined, '/authorized');
    }
    const logs = [await logSoFar(patient), await logSoFar(eager)].join('\n');
    for (const each of [canary, wrong]) {
      for (const form of [each, Buffer.from(each).toString('base64').slice(0, -4)]) {
        expect(logs).not.toContain(form);
      }
    }
    await askUntil(204, () => askAs(patient, 'ldap-user'));
  });
});

describe('roles that may not be read', () => {
  test('are told once, and users go on with what is their own', async () => {
    node.fault({ kind: 'status', status: 403, body: '{"error":"not authorized"}' }, '/role');
    const gateway = await startMetaGateway({
      dir: `${dir.path}/refused`,
      upstream: upstream.url,
      nodes: [node],
      auth: { 'cache-expiration': '"100ms"' },
    });
    try {
      await make('alone');
      for (let i = 0; i < 3; i++) {
        expect(await askAs(gateway, 'alone')).toMatchObject({ status: 204 });
        await sleep(150);
      }
      expect((await logSoFar(gateway)).match(/roles cannot be read/g)).toHaveLength(1);
    } finally {
      node.fault(undefined, '/role');
      await gateway.stop();
    }
  });
});

describe('with the internal shared secret', () => {
  test('the gateway signs for itself, and with another secret it is an outage', async () => {
    const secret = 'of-the-meta-nodes';
    const demanding = await startMetaNode({ cluster, demands: { kind: 'shared-secret', secret } });
    const start = (path: string, ours: string): Promise<GatewayProcess> =>
      startMetaGateway({
        dir: `${dir.path}/${path}`,
        upstream: upstream.url,
        nodes: [demanding],
        auth: {
          'meta-username': '""',
          'meta-password': '""',
          'meta-internal-shared-secret': JSON.stringify(ours),
        },
      });
    const [right, wrong] = await Promise.all([start('right', secret), start('wrong', 'another')]);
    try {
      await make('signed');
      expect(await askAs(right, 'signed')).toMatchObject({ status: 204 });
      expect(await askAs(wrong, 'signed')).toMatchObject({ status: 503 });
      for (const gateway of [right, wrong]) {
        expect(await logSoFar(gateway)).not.toContain(secret);
      }
    } finally {
      await Promise.all([right, wrong].map((gateway) => gateway.stop()));
      await demanding.stop();
    }
  });
});
