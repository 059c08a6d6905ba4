import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { mkdir, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { startMetaNode } from '../../src/commands/try/meta-stand-in.ts';
import { call } from '../support/api.ts';
import { createAuthority, findOpenssl } from '../support/certificates.ts';
import { eventually } from '../support/eventually.ts';
import { findFreePort } from '../support/free-port.ts';
import { addUser, runKapgate, startGateway } from '../support/gateway-process.ts';
import type { GatewayOptions, GatewayProcess } from '../support/gateway-process.ts';
import { untilLogged } from '../support/logged.ts';
import { createCluster } from '../support/meta-cluster.ts';
import { answering, startRecordingUpstream } from '../support/recording-upstream.ts';
import type { RecordingUpstream } from '../support/recording-upstream.ts';
import { createTempDir } from '../support/temp-dir.ts';
import type { TempDir } from '../support/temp-dir.ts';

const testWithOpenssl = findOpenssl('a certificate that has ended') ? test : test.skip;

function mount(...args: readonly string[]): boolean {
  return spawnSync('mount', args).status === 0;
}

const canMount = spawnSync('unshare', ['-m', 'mount', '-t', 'tmpfs', 'none', '/mnt']).status === 0;
if (!canMount) process.stderr.write('skipped: no mounts (the disk of the users is full)\n');
const testWithMounts = canMount ? test : test.skip;

let dir: TempDir;
let upstream: RecordingUpstream;
let gateway: GatewayProcess | undefined;
let adminPort: number;

beforeEach(async () => {
  dir = await createTempDir();
  upstream = await startRecordingUpstream(answering(200, { 'X-Kapacitor-Version': '1.5.9' }));
  adminPort = await findFreePort();
});

afterEach(async () => {
  await gateway?.stop();
  gateway = undefined;
  await upstream.stop();
  await dir.remove();
});

async function start(settings: GatewayOptions['settings'] = {}): Promise<GatewayProcess> {
  gateway = await startGateway({
    dir: dir.path,
    upstream: upstream.url,
    settings: { admin: { 'bind-address': `"127.0.0.1:${adminPort}"` }, ...settings },
  });
  return gateway;
}

const READYZ = z.object({
  parts: z.record(z.string(), z.object({ state: z.string(), detail: z.string() })),
});

/** The status of /readyz, and what it says of a part. */
async function readyz(part: string): Promise<string> {
  const { status, json } = await call(adminPort, 'GET', '/readyz');
  const found = READYZ.parse(json).parts[part];
  return `${status} ${found?.state}: ${found?.detail}`;
}

/** The lines of `kapgate check` that are not well, and its exit code. */
async function check({ configFile }: GatewayProcess): Promise<string> {
  const { code, stdout, stderr } = await runKapgate(['check', '--config', configFile]);
  return `${code}\n${stdout}${stderr}`;
}

describe('a gateway that was broken on purpose tells what it is: in `check`, in /readyz and in its log', () => {
  test('Kapacitor is gone', async () => {
    const { url } = upstream;
    const broken = await start();
    await addUser(broken.configFile, { name: 'ann', password: 'pw-ann', admin: true });
    await upstream.stop();

    const asked = await call(broken.port, 'GET', '/kapacitor/v1/tasks', { user: 'ann:pw-ann' });
    expect(asked.status).toBe(502);
    expect(await readyz('upstream')).toMatch(`503 fault: ${url} cannot be reached`);
    expect(await check(broken)).toMatch(
      new RegExp(`^1\n.*fault +upstream +${url} cannot be reached`, 's'),
    );
    await untilLogged(broken, /code=upstream-unreachable.*ECONNREFUSED/);
  });

  test('the password for the meta node is wrong', async () => {
    const cluster = await createCluster([{ name: 'kapgate' }, { name: 'ann' }]);
    const meta = await startMetaNode({ cluster, demands: { kind: 'basic' } });
    try {
      const broken = await start({
        auth: {
          'meta-addr': JSON.stringify(meta.address),
          'meta-username': '"kapgate"',
          'meta-password': '"of-last-year"',
          'meta-admins': '["ann"]',
        },
      });
      const asked = await call(broken.port, 'GET', '/kapacitor/v1/tasks', { user: 'ann:pw-ann' });
      expect(asked.status).toBe(503);
      expect(await readyz('meta')).toMatch(/^503 fault: .*meta-username/);
      expect(await check(broken)).toMatch(/^1\n.*meta-username/s);
      await untilLogged(broken, /lvl=error.*check meta-username and meta-password/);
    } finally {
      await meta.stop();
    }
  });

  testWithOpenssl('the certificate has ended', async () => {
    const { certFile, keyFile } = createAuthority(dir.path).issue('gate', { isExpired: true });
    const broken = await start({
      http: {
        'https-enabled': 'true',
        'https-certificate': JSON.stringify(certFile),
        'https-private-key': JSON.stringify(keyFile),
      },
    });
    expect(await readyz('tls')).toMatch(/^503 fault: the certificate ended on .*: renew it$/);
    expect(await check(broken)).toMatch(/^1\n.*gate\.pem.* ended on /s);
    await untilLogged(broken, /gate\.pem.* ended on .*Renew it/);
  });

  testWithMounts('the disk of the users is full', async () => {
    const store = join(dir.path, 'store');
    await mkdir(store, { mode: 0o700 });
    expect(mount('-t', 'tmpfs', '-o', 'size=400k,mode=700', 'none', store)).toBe(true);
    try {
      const broken = await start();
      await addUser(broken.configFile, { name: 'ann', password: 'pw-ann', admin: true });
      const { bavail, bsize } = await statfs(store);
      await writeFile(join(store, 'of-somebody-else'), Buffer.alloc(bavail * bsize));

      const asked = await call(broken.port, 'GET', '/kapacitor/v1/tasks', { user: 'ann:pw-ann' });
      expect(asked.status).toBe(200);
      const change = await call(broken.port, 'POST', '/kapacitor/v1/users', {
        user: 'ann:pw-ann',
        body: {
          name: 'bob',
          password: 'pw-bob',
          permissions: Array(500).fill('api:/tasks/of-bob'),
        },
      });
      expect(`${change.status} ${change.text}`).toMatch(/^503 .*log of the gateway says why/s);
      expect(await readyz('store')).toBe(
        '200 warning: 0 KiB are free on its disk: users cannot be changed until there is room',
      );
      expect(await check(broken)).toMatch(/^1\n.*fault +store .*\/store: 0 KiB are free/s);
      await untilLogged(broken, /cannot write the user store .* \(make room on its disk\)/);
    } finally {
      await gateway?.stop();
      spawnSync('umount', ['-l', store]);
    }
  });

  test('the disk of the audit log is full', async () => {
    const broken = await start({ audit: { file: '"/dev/full"', reads: 'true' } });
    await addUser(broken.configFile, { name: 'ann', password: 'pw-ann', admin: true });

    const asked = await call(broken.port, 'GET', '/kapacitor/v1/tasks', { user: 'ann:pw-ann' });
    expect(asked.status).toBe(200);
    await eventually('the log tells', () => broken.log.includes('audit log cannot be written'));
    await untilLogged(broken, /no space left on device/);
    expect(await readyz('audit')).toMatch(/^200 warning: .*no space left on device/);
  });
});
