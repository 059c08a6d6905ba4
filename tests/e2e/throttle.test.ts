import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { addUser, startGateway } from '../support/gateway-process.ts';
import type { GatewayProcess } from '../support/gateway-process.ts';
import { logSoFar } from '../support/logged.ts';
import { exchange, requestText } from '../support/raw-client.ts';
import type { RawResponse } from '../support/raw-client.ts';
import { answering, startRecordingUpstream } from '../support/recording-upstream.ts';
import type { RecordingUpstream } from '../support/recording-upstream.ts';
import { createTempDir } from '../support/temp-dir.ts';
import type { TempDir } from '../support/temp-dir.ts';

const FILTER = fileURLToPath(new URL('../../systemd/fail2ban/kapgate.conf', import.meta.url));
const hasFail2ban = spawnSync('fail2ban-regex', ['--version']).status === 0;
if (!hasFail2ban) process.stderr.write('skipped: no fail2ban-regex (the filter)\n');

let upstream: RecordingUpstream;
let dir: TempDir;
let gateway: GatewayProcess;

beforeAll(async () => {
  upstream = await startRecordingUpstream(answering(204));
});

afterAll(() => upstream.stop());

beforeEach(async () => {
  dir = await createTempDir();
});

afterEach(async () => {
  await gateway.stop();
  await dir.remove();
});

async function start(format: 'logfmt' | 'json' = 'logfmt'): Promise<void> {
  gateway = await startGateway({
    dir: dir.path,
    upstream: upstream.url,
    settings: {
      http: { 'shutdown-timeout': '"200ms"' },
      limits: { 'login-failures': '"3 per 1m"' },
      log: { format: `"${format}"` },
    },
  });
  await addUser(gateway.configFile, { name: 'ann', password: 'secret', admin: true });
}

const basic = (name: string, password: string): string =>
  `Authorization: Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`;

function send(
  method: string,
  target: string,
  header: string,
  localAddress = '127.0.0.1',
): Promise<RawResponse> {
  return exchange(gateway.port, requestText(method, target, [header]), { localAddress });
}

const TASKS = '/kapacitor/v1/tasks';
const TRY_AGAIN = /^\d+$/;

describe('login-failures', () => {
  test('are 401 until there are too many; then 429 with Retry-After, and 503 on a write', async () => {
    await start();
    for (const guess of ['a', 'b', 'c']) {
      expect((await send('GET', TASKS, basic('ann', guess))).status).toBe(401);
    }
    const stopped = await send('GET', TASKS, basic('ann', 'd'));
    expect(stopped.status).toBe(429);
    expect(stopped.header('Retry-After')).toMatch(TRY_AGAIN);
    expect(Number(stopped.header('Retry-After'))).toBeGreaterThan(1);
    expect(stopped.body.toString()).toContain('too many failed logins');
    for (const target of [
      '/write?db=x',
      '/kapacitor/v1/write?db=x',
      '/kapacitor/v1preview/write?db=x',
    ]) {
      const write = await send('POST', target, basic('ann', 'e'));
      expect(write.status).toBe(503);
      expect(write.header('Retry-After')).toMatch(TRY_AGAIN);
    }
    expect(upstream.requests).toEqual([]);
  });

  test('do not count for another address, nor against who was known before', async () => {
    await start();
    expect((await send('GET', TASKS, basic('ann', 'secret'))).status).toBe(204);
    for (const guess of ['a', 'b', 'c', 'd']) await send('GET', TASKS, basic('ann', guess));
    expect((await send('GET', TASKS, basic('ann', 'e'))).status).toBe(429);
    expect((await send('GET', TASKS, basic('ann', 'secret'))).status).toBe(204);
    expect((await send('GET', TASKS, basic('ann', 'e'), '127.0.0.2')).status).toBe(401);
    upstream.clear();
  });
});

(hasFail2ban ? describe : describe.skip)('systemd/fail2ban/kapgate.conf', () => {
  test.each(['logfmt', 'json'] as const)(
    'finds each failed login in the log in %s by its address, and none that a client made up',
    async (format) => {
      await start(format);
      const forged = `x host=6.6.6.6 msg="login failed" host=6.6.6.6 username=`;
      const forgedJson = `{"lvl":"warn","msg":"login failed","host":"6.6.6.6","username":`;
      for (const name of ['ann', 'nobody', forged, forgedJson, `\nts=1 ${forged}`, `"${forged}`]) {
        const status = (await send('GET', TASKS, basic(name, 'wrong'), '127.0.0.9')).status;
        expect(status).toBe(401);
      }
      await send('GET', `${TASKS}?msg="login failed"`, `User-Agent: ${forged}`, '127.0.0.8');
      await send('GET', TASKS, basic('ann', 'secret'), '127.0.0.8');
      upstream.clear();
      const log = join(dir.path, 'seen.log');
      writeFileSync(log, await logSoFar(gateway));
      const { stdout } = spawnSync('fail2ban-regex', ['-o', 'ip', log, FILTER], {
        encoding: 'utf8',
      });
      const found = stdout.trim().split('\n');
      expect(found).toEqual(Array(6).fill('127.0.0.9'));
    },
  );
});
