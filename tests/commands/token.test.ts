import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import bcrypt from 'bcrypt';
import { call } from '../support/api.ts';
import { addUser, runKapgate, startGateway } from '../support/gateway-process.ts';
import type { GatewayProcess } from '../support/gateway-process.ts';
import { answering, startRecordingUpstream } from '../support/recording-upstream.ts';
import type { RecordingUpstream } from '../support/recording-upstream.ts';
import { createTempDir } from '../support/temp-dir.ts';
import type { TempDir } from '../support/temp-dir.ts';
import { runHere } from './terminal.ts';

let upstream: RecordingUpstream;
let dir: TempDir;
let gateway: GatewayProcess;

beforeAll(async () => {
  dir = await createTempDir();
  upstream = await startRecordingUpstream(answering(204));
  gateway = await startGateway({
    dir: dir.path,
    upstream: upstream.url,
    settings: { http: { 'shared-secret': '"a-secret-of-enough-bytes"' } },
  });
  await addUser(gateway.configFile, { name: 'ci', password: 'password', permissions: ['api'] });
});

afterAll(async () => {
  await gateway.stop();
  await upstream.stop();
  await dir.remove();
});

async function token(...args: readonly string[]): Promise<string> {
  const result = await runKapgate([
    '--config',
    gateway.configFile,
    'token',
    '--user',
    'ci',
    ...args,
  ]);
  expect({ code: result.code, stderr: result.stderr }).toEqual({ code: 0, stderr: '' });
  expect(result.stdout).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+\n$/);
  return result.stdout.trimEnd();
}

async function statusOf(bearer: string, path = '/kapacitor/v1/tasks'): Promise<number> {
  const headers = { Authorization: `Bearer ${bearer}` };
  return (await call(gateway.port, 'GET', path, { headers })).status;
}

describe('token', () => {
  test('its token is what its user is, to the running gateway', async () => {
    const bearer = await token();
    expect(await statusOf(bearer)).toBe(204);
    expect(await statusOf(bearer, '/kapacitor/v1/config')).toBe(403);
    const claims = JSON.parse(Buffer.from(bearer.split('.')[1] ?? '', 'base64url').toString()) as {
      readonly iat: number;
      readonly exp: number;
    };
    expect(claims).toEqual({ username: 'ci', iat: claims.iat, exp: claims.iat + 3600 });
  });

  test('it ends when it says', async () => {
    const bearer = await token('--expires', '2s');
    expect(await statusOf(bearer)).toBe(204);
    await sleep(2_100);
    expect(await statusOf(bearer)).toBe(401);
  });

  test('it ends with its user', async () => {
    const config = ['--config', gateway.configFile];
    await addUser(gateway.configFile, { name: 'gone', password: 'password', permissions: ['api'] });
    const { stdout } = await runHere([...config, 'token', '--user', 'gone']);
    expect(await statusOf(stdout.trim())).toBe(204);
    expect((await runHere([...config, 'users', 'delete', 'gone'])).code).toBe(0);
    expect(await statusOf(stdout.trim())).toBe(401);
  });

  test('one of another secret is refused', async () => {
    const env = { KAPGATE_HTTP_SHARED_SECRET: 'another-secret-of-bytes' };
    const args = ['--config', gateway.configFile, 'token', '--user', 'ci'];
    expect(await statusOf((await runHere(args, { env })).stdout.trim())).toBe(401);
  });
});

describe('hash', () => {
  test.each([
    [[], '10'],
    [['--cost', '4'], '04'],
    [['--cost=05'], '05'],
  ])('%j prints a hash of cost %s that verifies', async (args, cost) => {
    const { code, stdout, stderr } = await runHere(['hash', ...args, '--password-stdin'], {
      input: 'a sécret\n',
    });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(new RegExp(`^\\$2b\\$${cost}\\$[./A-Za-z0-9]{53}\\n$`));
    expect(await bcrypt.compare('a sécret', stdout.trimEnd())).toBe(true);
    expect(await bcrypt.compare('a sécret\n', stdout.trimEnd())).toBe(false);
  });
});
