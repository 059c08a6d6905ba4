import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createAuthority, findOpenssl } from '../support/certificates.ts';
import { runKapgate, writeConfig } from '../support/gateway-process.ts';
import { createTempDir } from '../support/temp-dir.ts';
import type { TempDir } from '../support/temp-dir.ts';
import { runHere } from './terminal.ts';

const SECRET = 'canary-0123456789-of-many-bytes';

let dir: TempDir;

beforeEach(async () => {
  dir = await createTempDir();
  // Else nobody comes to what is in it.
  await chmod(dir.path, 0o755);
});

afterEach(() => dir.remove());

async function file(name: string, text: string, mode: number): Promise<string> {
  const path = join(dir.path, name);
  await writeFile(path, text);
  await chmod(path, mode);
  return path;
}

async function configWith(
  settings: Readonly<Record<string, Readonly<Record<string, string>>>>,
  mode = 0o644,
): Promise<string> {
  const path = await writeConfig({
    ...{ dir: dir.path, port: 1, upstream: 'http://127.0.0.1:2', settings },
  });
  await chmod(path, mode);
  return path;
}

const COMMANDS = [
  ['serve'],
  ['check'],
  ['config'],
  ['users', 'list'],
  ['subscriptions', 'list'],
  ['token', '--user', 'eva'],
  ['explain', '--user', 'eva', 'GET', '/'],
  ['doctor'],
];

describe('a secret that every user of the host can read', () => {
  test.each(COMMANDS)('stops %s %s, which names file, mode and mending', async (...words) => {
    const secret = await file('secret', `${SECRET}\n`, 0o644);
    const config = await configWith({ http: { 'shared-secret-file': JSON.stringify(secret) } });
    const { code, stdout, stderr } = await runHere(['--config', config, ...words]);
    expect(code).toBe(1);
    expect(stdout + stderr).toContain(
      `[http] shared-secret: the secret is in "${secret}", and every user of this host can read it (mode 0644): ` +
        `chmod 0640 ${secret}, and chgrp kapgate ${secret}`,
    );
    expect(stdout + stderr).not.toContain('canary');
  });

  test('stops them where a variable names it, or a credential is one', async () => {
    await file('auth-meta-password', `${SECRET}\n`, 0o604);
    const secret = await file('secret', `${SECRET}\n`, 0o646);
    const env = { KAPGATE_HTTP_SHARED_SECRET_FILE: secret, CREDENTIALS_DIRECTORY: dir.path };
    const { code, stderr } = await runHere(['--config', await configWith({}), 'config'], { env });
    expect(code).toBe(1);
    expect(stderr).toMatch(/\[http\] shared-secret: .*can read and write it \(mode 0646\)/);
    expect(stderr).toMatch(/\[auth\] meta-password: .*can read it \(mode 0604\)/);
  });

  test('stops them where it stands in the gateway.toml itself, which is told once', async () => {
    const config = await configWith({
      http: { 'shared-secret': JSON.stringify(SECRET) },
      auth: { 'meta-password': JSON.stringify(SECRET) },
    });
    const { code, stderr } = await runHere(['--config', config, 'users', 'list']);
    expect({ code, lines: stderr.split('\n').length }).toEqual({ code: 1, lines: 2 });
    expect(stderr).toContain(`chmod 0640 ${config}`);
    await chmod(config, 0o640);
    expect((await runHere(['--config', config, 'users', 'list'])).code).toBe(0);
  });

  test('is only warned of in a kapacitor.conf: that is for Kapacitor to read', async () => {
    const conf = await file('kapacitor.conf', `[http]\nshared-secret = "${SECRET}"\n`, 0o644);
    const { code, stderr } = await runHere(['-config', conf, 'config']);
    expect(code).toBe(0);
    expect(stderr).toContain(`chmod o-rwx ${conf}`);
  });

  test('is none where the gateway.toml holds no secret', async () => {
    const config = await configWith({ http: { 'shared-secret': '""' } });
    expect(await runHere(['--config', config, 'users', 'list'])).toMatchObject({
      code: 0,
      stderr: '',
    });
  });

  test('is no password for a command either', async () => {
    const config = await configWith({});
    const password = await file('password', `${SECRET}\n`, 0o644);
    const args = ['--config', config, 'users', 'add', 'eva', '--password-file', password];
    const refused = await runHere(args);
    expect(refused).toMatchObject({ code: 1 });
    expect(refused.stderr).toContain(`chmod 0600 ${password}`);
    await chmod(password, 0o600);
    expect((await runHere(args)).code).toBe(0);
  });
});

(findOpenssl('private keys that everybody reads') ? describe : describe.skip)(
  'a private key that every user of the host can read',
  () => {
    test('stops serve, and is a fault of check', async () => {
      const { certFile, keyFile } = createAuthority(dir.path).issue('gateway');
      await chmod(keyFile, 0o644);
      const config = await configWith({
        http: {
          ...{ 'bind-address': '"127.0.0.1:0"', 'https-enabled': 'true' },
          'https-certificate': JSON.stringify(certFile),
          'https-private-key': JSON.stringify(keyFile),
        },
      });
      const sentence = `"${keyFile}" holds a private key, and every user of this host can read it (mode 0644)`;
      const served = await runKapgate(['serve', '--config', config], { timeoutMs: 60_000 });
      expect(served.code).toBe(1);
      expect(served.stderr.replaceAll('\\"', '"')).toContain(sentence);
      const checked = await runHere(['--config', config, 'check']);
      expect(checked.code).toBe(1);
      expect(checked.stdout).toContain(sentence);
      await chmod(keyFile, 0o640);
      expect((await runHere(['--config', config, 'check'])).stdout).toMatch(/^ok +https/m);
    });
  },
);

describe('config', () => {
  test('names what each kind of value came from', async () => {
    const secret = await file('secret', `${SECRET}\n`, 0o640);
    const credentials = join(dir.path, 'credentials');
    await mkdir(credentials, { mode: 0o700 });
    await writeFile(join(credentials, 'auth-meta-password'), SECRET);
    const config = await configWith({
      http: { 'shared-secret-file': JSON.stringify(secret) },
      log: { level: '"warn"' },
    });
    const env = {
      CREDENTIALS_DIRECTORY: credentials,
      KAPGATE_AUTH_META_INTERNAL_SHARED_SECRET_FILE: secret,
      KAPGATE_LOG_FORMAT: 'json',
      KAPACITOR_AUTH_CACHE_EXPIRATION: '2m',
    };
    const { stdout } = await runHere(['--config', config, 'config', '--json'], { env });
    const shown = JSON.parse(stdout) as Record<string, Record<string, { origin: string }>>;
    expect({
      default: shown['upstream']?.['max-connections']?.origin,
      file: shown['log']?.['level']?.origin,
      keyFile: shown['http']?.['shared-secret']?.origin,
      kapacitors: shown['auth']?.['cache-expiration']?.origin,
      credential: shown['auth']?.['meta-password']?.origin,
      variable: shown['log']?.['format']?.origin,
      variableFile: shown['auth']?.['meta-internal-shared-secret']?.origin,
    }).toEqual({
      default: 'default',
      file: config,
      keyFile: `shared-secret-file of ${config}`,
      kapacitors: 'KAPACITOR_AUTH_CACHE_EXPIRATION',
      credential: 'credential auth-meta-password',
      variable: 'KAPGATE_LOG_FORMAT',
      variableFile: 'KAPGATE_AUTH_META_INTERNAL_SHARED_SECRET_FILE',
    });
    const conf = await file('kapacitor.conf', '[http]\nlog-enabled = false\n', 0o644);
    const loaded = await runHere(['-config', conf, 'config']);
    expect(loaded.stdout).toMatch(/^log-enabled += false .*# .*kapacitor\.conf$/m);
    expect(stdout + loaded.stdout).not.toContain('canary');
  });
});
