import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { startMetaNode } from '../../src/commands/try/meta-stand-in.ts';
import type { MetaNode } from '../../src/commands/try/meta-stand-in.ts';
import { basic, call } from '../support/api.ts';
import type { ApiAnswer, ApiCall } from '../support/api.ts';
import { startGateway } from '../support/gateway-process.ts';
import type { GatewayProcess } from '../support/gateway-process.ts';
import { logSoFar } from '../support/logged.ts';
import { createCluster } from '../support/meta-cluster.ts';
import { openRawConnection } from '../support/raw-client.ts';
import { answering, startRecordingUpstream } from '../support/recording-upstream.ts';
import type { RecordingUpstream } from '../support/recording-upstream.ts';
import { createTempDir } from '../support/temp-dir.ts';
import type { TempDir } from '../support/temp-dir.ts';

const ROOT = 'root:pw-root';
const PHANTOM = 'phantom:pw-phantom';
const USERS = '/kapacitor/v1/users';
const ADMIN_BODY = { name: 'mallory', password: 'mallory', type: 'admin' };

let dir: TempDir;
let node: MetaNode;
let upstream: RecordingUpstream;
let gateway: GatewayProcess;

beforeAll(async () => {
  dir = await createTempDir();
  upstream = await startRecordingUpstream(answering(204));
  const cluster = await createCluster(
    [
      { name: 'kapgate' },
      { name: 'root' },
      { name: 'phantom', permissions: { '': ['KapacitorAPI', 'KapacitorConfigAPI'] } },
      { name: 'carl', permissions: { telegraf: ['WriteData', 'ReadData'] } },
    ],
    [
      { name: 'ops', users: ['root'] },
      { name: 'writers', permissions: { '': ['WriteData'] }, users: ['phantom'] },
    ],
  );
  node = await startMetaNode({ cluster, demands: { kind: 'basic' } });
  gateway = await startGateway({
    dir: dir.path,
    upstream: upstream.url,
    settings: {
      auth: {
        'meta-addr': JSON.stringify(node.address),
        'meta-username': '"kapgate"',
        'meta-password': '"pw-kapgate"',
        'meta-timeout': '"2s"',
        'meta-admins': '["role:ops"]',
      },
    },
  });
});

afterAll(async () => {
  await gateway.stop();
  await node.stop();
  await upstream.stop();
  await dir.remove();
});

/** The gateway answers alone, whatever is asked, and shows no hash. */
afterEach(async () => {
  expect(upstream.requests).toEqual([]);
  expect(await logSoFar(gateway)).not.toMatch(/\$2[aby]\$|pw-/);
});

async function ask(method: string, path: string, options: ApiCall = {}): Promise<ApiAnswer> {
  const answer = await call(gateway.port, method, path, options);
  expect(answer.text).not.toMatch(/\$2[aby]\$|pw-/);
  return answer;
}

const keptAt = (): string =>
  `users are kept by the InfluxDB Enterprise meta node at ${node.url}: change them there`;

describe('the users API in meta mode', () => {
  test('lists the users of the node, with types and permissions of Kapacitor', async () => {
    const { status, json } = await ask('GET', USERS, { user: ROOT });
    expect(status).toBe(200);
    expect(json).toMatchObject({
      users: [
        { name: 'carl', type: 'normal', permissions: ['write_points:telegraf'] },
        { name: 'kapgate', type: 'normal', permissions: [] },
        { name: 'phantom', type: 'normal', permissions: ['all'] },
        { name: 'root', type: 'admin', permissions: [] },
      ],
    });
    const one = await ask('GET', '/kapacitor/v1preview/users/carl', { user: ROOT });
    expect([one.status, one.json]).toMatchObject([200, { name: 'carl' }]);
    expect((await ask('GET', `${USERS}/nobody`, { user: ROOT })).status).toBe(404);
  });

  test.each([
    ['POST', USERS, ROOT, ADMIN_BODY],
    ['PATCH', `${USERS}/carl`, ROOT, { password: 'new' }],
    ['DELETE', `${USERS}/carl`, ROOT, undefined],
    ['PATCH', `${USERS}/phantom`, PHANTOM, { password: 'new' }],
  ])('%s %s by %s is 405 and names the node', async (method, path, user, body) => {
    const answer = await ask(method, path, { user, body });
    expect([answer.status, answer.header('allow')]).toEqual([405, 'GET']);
    expect(answer.json).toEqual({ error: keptAt(), message: keptAt() });
    expect(node.countOf(`POST /user`)).toBe(0);
  });

  test.each([
    ['GET', USERS, PHANTOM, 403],
    ['POST', USERS, PHANTOM, 403],
    ['PATCH', `${USERS}/root`, PHANTOM, 403],
    ['DELETE', `${USERS}/phantom`, PHANTOM, 403],
    ['GET', USERS, 'root:wrong', 401],
    ['POST', USERS, 'nobody:pw-nobody', 401],
    ['HEAD', USERS, ROOT, 404],
    ['OPTIONS', USERS, ROOT, 200],
  ])('%s %s by %s is %d', async (method, path, user, status) => {
    const body = method === 'POST' || method === 'PATCH' ? ADMIN_BODY : undefined;
    expect((await ask(method, path, { user, body })).status).toBe(status);
  });

  test('there is no first admin to be made: that request is as closed as any', async () => {
    const { status } = await ask('POST', USERS, {
      headers: { Host: `localhost:${gateway.port}` },
      body: ADMIN_BODY,
    });
    expect(status).toBe(401);
    expect((await ask('GET', USERS, { user: 'mallory:mallory' })).status).toBe(401);
  });

  test('a refused change leaves the connection whole: the body is not the next request', async () => {
    const connection = await openRawConnection(gateway.port);
    const smuggled = `GET ${USERS} HTTP/1.1\r\nHost: g\r\nAuthorization: ${basic(ROOT)}\r\n\r\n`;
    const head = (rest: string): string =>
      `${rest} HTTP/1.1\r\nHost: g\r\nAuthorization: ${basic(ROOT)}\r\n`;
    connection.send(
      `${head(`POST ${USERS}`)}Content-Length: ${Buffer.byteLength(smuggled)}\r\n\r\n${smuggled}`,
    );
    expect((await connection.receive()).status).toBe(405);
    connection.send(`${head(`GET ${USERS}/nobody`)}\r\n`);
    // Either the connection goes on with the next request, or it is closed: never an answer to the body.
    const next = await connection.receive().catch(() => undefined);
    expect([404, undefined]).toContain(next?.status);
    connection.destroy();
  });

  test('with the node away: 503 and Retry-After to an admin who is remembered, and never a 404', async () => {
    expect((await ask('GET', USERS, { user: ROOT })).status).toBe(200);
    await node.down();
    try {
      for (const path of [USERS, `${USERS}/carl`, `${USERS}/nobody`]) {
        const answer = await ask('GET', path, { user: ROOT });
        expect([answer.status, answer.header('retry-after')]).toEqual([503, '1']);
      }
      // What is refused without asking the node still is.
      expect((await ask('POST', USERS, { user: ROOT, body: ADMIN_BODY })).status).toBe(405);
    } finally {
      await node.up();
    }
  });
});
