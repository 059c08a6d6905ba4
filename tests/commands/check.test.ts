import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { chmod, chown, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runKapgate, writeConfig } from '../support/gateway-process.ts';
import { answering, startRecordingUpstream } from '../support/recording-upstream.ts';
import type { RecordingUpstream } from '../support/recording-upstream.ts';
import { createAuthority, findOpenssl } from '../support/certificates.ts';
import { createTempDir } from '../support/temp-dir.ts';
import type { TempDir } from '../support/temp-dir.ts';
import { runHere } from './terminal.ts';

let upstream: RecordingUpstream;
let dir: TempDir;

const KAPACITOR = answering(204, { 'X-Kapacitor-Version': '1.5.9' });

beforeAll(async () => {
  upstream = await startRecordingUpstream(KAPACITOR);
});

afterAll(() => upstream.stop());

beforeEach(async () => {
  upstream.clear();
  upstream.answerBy(KAPACITOR);
  dir = await createTempDir();
});

afterEach(() => dir.remove());

interface Finding {
  readonly part: string;
  readonly result: string;
  readonly detail: string;
}

interface Checked {
  readonly code: number | null;
  readonly stdout: string;
  readonly findings: readonly Finding[];
  readonly find: (part: string) => string;
}

async function check(
  settings: Readonly<Record<string, Readonly<Record<string, string>>>> = {},
  given: { readonly url?: string; readonly admin?: boolean } = {},
): Promise<Checked> {
  const { url = upstream.url, admin = true } = given;
  const configFile = await writeConfig({ dir: dir.path, upstream: url, port: 2, settings });
  if (admin) {
    const args = ['--config', configFile, 'users', 'add', 'root', '--admin', '--password-stdin'];
    expect((await runHere(args, { input: 'password' })).code).toBe(0);
  }
  const result = await runKapgate(['check', '--config', configFile, '--json']);
  expect(result.stderr).toBe('');
  const findings = JSON.parse(result.stdout) as readonly Finding[];
  return {
    code: result.code,
    stdout: result.stdout,
    findings,
    find: (part) => {
      const own = findings.find((finding) => finding.part === part);
      return own === undefined ? '' : `${own.result}: ${own.detail}`;
    },
  };
}

describe('check', () => {
  test('all is well: a line each, exit 0', async () => {
    const { code, findings, find } = await check();
    expect(code).toBe(0);
    expect(findings.map(({ part }) => part)).toEqual([
      'config',
      'gate',
      'store',
      'upstream',
      'admin',
    ]);
    expect(find('config')).toBe(`ok: ${join(dir.path, 'gateway.toml')}`);
    expect(find('gate')).toBe('ok: closed');
    expect(find('store')).toBe(`ok: ${join(dir.path, 'store')}: 1 admin`);
    expect(find('upstream')).toBe(`ok: ${upstream.url}: Kapacitor 1.5.9`);
    const plain = await runKapgate(['-config', join(dir.path, 'gateway.toml'), 'check']);
    expect(plain.code).toBe(0);
    expect(plain.stdout.split('\n').filter(Boolean)).toHaveLength(5);
    expect(upstream.requests.map(({ method, target }) => `${method} ${target}`)).toEqual([
      'GET /kapacitor/v1/ping',
      'GET /kapacitor/v1/ping',
    ]);
  });

  test('nobody listens where Kapacitor should: a fault', async () => {
    const { code, find } = await check({}, { url: 'http://127.0.0.1:1' });
    expect(code).toBe(1);
    expect(find('upstream')).toMatch(
      /^fault: http:\/\/127\.0\.0\.1:1 cannot be reached: .*is kapacitord running there\?$/,
    );
  });

  test('Kapacitor asks for credentials itself: a fault, and what to do', async () => {
    upstream.answerBy(answering(401, { 'X-Kapacitor-Version': '1.8.3' }));
    const { code, find } = await check();
    expect(code).toBe(1);
    expect(find('upstream')).toMatch(/^fault: .*turn \[http\] auth-enabled off in kapacitor\.conf/);
  });

  test('something else than Kapacitor is there: a fault', async () => {
    upstream.answerBy(answering(200, {}, 'hello'));
    const { code, find } = await check();
    expect(code).toBe(1);
    expect(find('upstream')).toMatch(/^fault: .* answers, but not as Kapacitor does \(200\)$/);
  });

  test('something that says nothing is there: a fault, within connect-timeout', async () => {
    upstream.answerBy(() => undefined);
    const { code, find } = await check({ upstream: { 'connect-timeout': '"500ms"' } });
    expect(code).toBe(1);
    expect(find('upstream')).toMatch(/^fault: .* cannot be reached: /);
  });

  test('no admin yet: a warning, and how to make one', async () => {
    const { code, find } = await check({}, { admin: false });
    expect(code).toBe(0);
    expect(find('store')).toMatch(/^warning: .*: no admin yet: kapgate users add NAME --admin$/);
  });

  test('an open gate: a warning', async () => {
    const settings = { http: { 'auth-enabled': 'false' }, auth: { enabled: 'false' } };
    expect((await check(settings)).find('gate')).toMatch(/^warning: OPEN: every request passes/);
  });

  test('a store that is damaged: a fault', async () => {
    await check();
    await writeFile(join(dir.path, 'store', 'data.mdb'), 'x');
    const { code, find } = await check({}, { admin: false });
    expect(code).toBe(1);
    expect(find('store')).toMatch(/^fault: cannot open the user store ".*store"/);
    expect(find('upstream')).toMatch(/^ok: /);
  });

  test('an authority that is not there: a fault that names it, and not Kapacitor', async () => {
    const settings = { upstream: { ca: '"/nowhere/ca.pem"' } };
    const url = upstream.url.replace('http:', 'https:');
    const { code, find } = await check(settings, { url, admin: false });
    expect(code).toBe(1);
    expect(find('upstream')).toBe(
      'fault: cannot read [upstream] ca "/nowhere/ca.pem": there is no such file',
    );
  });
});

const describeWithOpenssl = findOpenssl('the check of certificates') ? describe : describe.skip;

describeWithOpenssl('kapgate check, with https-enabled', () => {
  const over = (certificate: string): Promise<Checked> =>
    check(
      { http: { 'https-enabled': 'true', 'https-certificate': JSON.stringify(certificate) } },
      { admin: false },
    );

  test('names the certificate, and what is wrong with it', async () => {
    const authority = createAuthority(dir.path);
    const bundle = join(dir.path, 'bundle.pem');
    const write = async (isExpired: boolean): Promise<void> => {
      const { cert, key } = authority.issue('gateway', { isExpired });
      await writeFile(bundle, cert + key);
    };
    await write(false);
    const good = await over(bundle);
    expect(good.find('https')).toMatch(/CN=gateway, until /);
    await write(true);
    expect((await over(bundle)).find('https')).toContain('ended on');
    const gone = await over(join(dir.path, 'gone.pem'));
    expect(gone.find('https')).toContain('cannot read [http] https-certificate');
    expect(gone.code).toBe(1);
  }, 180_000);
});

const isRoot = process.getuid?.() === 0;
if (!isRoot) process.stderr.write('skipped: not root (files that the gateway cannot read)\n');

(isRoot ? describe : describe.skip)('check by root, for a gateway that is another user', () => {
  test('finds what root reads and the gateway does not, and nothing where it does', async () => {
    const configFile = await writeConfig({ dir: dir.path, upstream: upstream.url, port: 2 });
    const store = join(dir.path, 'store');
    await mkdir(store, { mode: 0o700 });
    await chown(store, 12345, 12345);
    await chmod(dir.path, 0o755);
    for (const [mode, group, code, told] of [
      [0o600, 0, 1, 1],
      [0o640, 0, 1, 1],
      [0o640, 12345, 0, 0],
    ] as const) {
      await chmod(configFile, mode);
      await chown(configFile, 0, group);
      const result = await runKapgate(['check', '--config', configFile, '--json']);
      const findings = JSON.parse(result.stdout) as readonly Finding[];
      const files = findings.filter(({ part }) => part === 'files');
      expect([result.code, files.length]).toEqual([code, told]);
      for (const { detail } of files) {
        expect(detail).toContain(`the gateway's user cannot read ${configFile}: chgrp kapgate`);
      }
    }
  });
});
