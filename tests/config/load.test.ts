import { describe, expect, test } from '@jest/globals';
import { gateIsOpen, metaOriginsOf } from '../../src/config/config.ts';
import { ConfigError, loadConfig } from '../../src/config/load.ts';
import type { Loaded, LoadOptions } from '../../src/config/load.ts';
import { expectationsOf, filesOf, fixtures, readFixture } from './files.ts';

type Variables = Readonly<Record<string, string>>;

/** Loads from files in memory. */
function load(
  files: Readonly<Record<string, string>>,
  env: Variables = {},
  options: Partial<LoadOptions> = {},
): Loaded {
  return loadConfig({ env, readFile: filesOf(files), ...options });
}

function problemsOf(run: () => unknown): readonly string[] {
  try {
    run();
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

function originOf({ origins }: Loaded, label: string): string | undefined {
  return origins.find(({ key }) => `[${key.section}] ${key.name}` === label)?.origin;
}

describe('loadConfig of a file', () => {
  test.each(fixtures('.good.toml'))('%s is taken, with the warnings on its first lines', (file) => {
    const { warnings } = loadConfig({ file, env: {}, readFile: readFixture });
    expect(warnings).toEqual(expectationsOf(file));
  });

  test.each(fixtures('.bad.toml'))('%s is refused for all that its first lines say', (file) => {
    const problems = problemsOf(() => loadConfig({ file, env: {}, readFile: readFixture }));
    expect(problems).toEqual(expectationsOf(file));
    expect(problems.length).toBeGreaterThan(0);
    expect(problems.join('\n')).not.toContain('CANARY');
  });

  test('a kapacitor.conf with only [http] and [auth] is taken as it is', () => {
    const { config } = loadConfig({
      file: 'kapacitor-http-and-auth.good.toml',
      env: {},
      readFile: readFixture,
    });
    expect(config.http.bindAddress).toEqual({ host: '', port: 9092 });
    expect(config.http.httpsPrivateKey).toBe('/etc/ssl/kapacitor.key');
    expect(config.http.sharedSecret.reveal()).toBe('sixteen bytes or more');
    expect(config.http.shutdownTimeoutMs).toBe(30_000);
    expect(config.auth.cacheExpirationMs).toBe(3_600_000);
    expect(config.auth.bcryptCost).toBe(4);
  });

  test('values that are written in other ways are read the same', () => {
    const { config } = loadConfig({
      file: 'other-ways-to-write.good.toml',
      env: {},
      readFile: readFixture,
    });
    expect(config.http.challenge).toBe(false);
    expect(config.log).toEqual({ level: 'debug', format: 'json', file: '' });
    expect(config.admin.bindAddress).toBeUndefined();
    expect(config.upstream.url).toBe('https://kapacitor.example.com');
    expect(config.upstream.responseTimeoutMs).toBe(0);
    expect(config.limits.loginFailures).toEqual({ count: 10, perMs: 60_000 });
  });

  test('a time below a millisecond does not become none', () => {
    const { config } = load({}, { KAPGATE_UPSTREAM_RESPONSE_TIMEOUT: '1ns' });
    expect(config.upstream.responseTimeoutMs).toBe(1);
  });
});

describe('loadConfig, looking for a file', () => {
  const files = {
    'named.toml': '[log]\nfile = "named"\n[store]\n',
    'variable.toml': '[log]\nfile = "variable"',
    './gateway.toml': '[log]\nfile = "here"',
    '/etc/kapgate/gateway.toml': '[log]\nfile = "etc"',
  };
  const etc = { '/etc/kapgate/gateway.toml': files['/etc/kapgate/gateway.toml'] };
  const variable = { KAPGATE_CONFIG: 'variable.toml' };

  test('--config goes before $KAPGATE_CONFIG, then ./gateway.toml, /etc/kapgate, and the defaults', () => {
    expect(load(files, variable, { file: 'named.toml' }).config.log.file).toBe('named');
    expect(load(files, variable).config.log.file).toBe('variable');
    expect(load(files, { KAPGATE_CONFIG: '' }).config.log.file).toBe('here');
    expect(load(etc).config.log.file).toBe('etc');
    expect(load(etc).file).toBe('/etc/kapgate/gateway.toml');
    expect(load({}).config.log.file).toBe('');
    expect(load({}).file).toBeUndefined();
  });

  test('a named file that is not there is told, and so is what variables have wrong', () => {
    const env = { KAPGATE_CONFIG: 'gone.toml', KAPGATE_AUTH_BCRYPT_COST: 'ten' };
    expect(problemsOf(() => load({}, env))).toEqual([
      'cannot read the configuration "gone.toml" (KAPGATE_CONFIG): there is no such file',
      '[auth] bcrypt-cost: found "ten" in KAPGATE_AUTH_BCRYPT_COST: this is no whole number. Allowed: a whole number from 4 to 20',
    ]);
    expect(problemsOf(() => load(files, {}, { file: 'gone.toml' }))).toEqual([
      'cannot read the configuration "gone.toml": there is no such file',
    ]);
  });

  test('a file that is there and cannot be read is not passed over', () => {
    const readFile = (): never => {
      throw Object.assign(new Error('no'), { code: 'EACCES' });
    };
    expect(problemsOf(() => loadConfig({ env: {}, readFile }))).toEqual([
      'cannot read the configuration "./gateway.toml": permission denied; run it with sudo, or as the user of the gateway (sudo -u kapgate)',
    ]);
  });

  test("a file that was not named is the gateway's own, whatever is in it", () => {
    const problems = problemsOf(() => load({ './gateway.toml': '[[influxdb]]' }));
    expect(problems).toEqual([
      "[influxdb]: this is Kapacitor's own, and belongs into its kapacitor.conf (./gateway.toml)",
    ]);
  });
});

describe('loadConfig, from weak to strong', () => {
  const file = { './gateway.toml': '[auth]\ncache-expiration = "1m"' };
  const kapacitor = { KAPACITOR_AUTH_CACHE_EXPIRATION: '2m' };
  const own = { KAPGATE_AUTH_CACHE_EXPIRATION: '3m' };

  test('default, file, KAPACITOR_ and KAPGATE_ each win over the one before, and are named', () => {
    const label = '[auth] cache-expiration';
    const rows: readonly (readonly [Loaded, number, string])[] = [
      [load({}), 10, 'default'],
      [load(file), 1, './gateway.toml'],
      [load(file, kapacitor), 2, 'KAPACITOR_AUTH_CACHE_EXPIRATION'],
      [load(file, { ...kapacitor, ...own }), 3, 'KAPGATE_AUTH_CACHE_EXPIRATION'],
    ];
    for (const [loaded, minutes, origin] of rows) {
      expect(loaded.config.auth.cacheExpirationMs).toBe(minutes * 60_000);
      expect(originOf(loaded, label)).toBe(origin);
    }
  });
});

describe('loadConfig of secrets', () => {
  const SECRET = 'a secret of many bytes';
  const files = {
    '/run/secret': `${SECRET}\n`,
    '/run/empty': '\n',
    '/creds/http-shared-secret': 'that of the credential',
    './gateway.toml': '[http]\nshared-secret = ""\nshared-secret-file = "/run/secret"',
  };

  test('a secret is read from the file that KEY-file names, without its line end', () => {
    const loaded = load(files);
    expect(loaded.config.http.sharedSecret.reveal()).toBe(SECRET);
    expect(originOf(loaded, '[http] shared-secret')).toBe('shared-secret-file of ./gateway.toml');
  });

  test('a systemd credential goes before the file, a KAPGATE_ variable before both', () => {
    const credential = { CREDENTIALS_DIRECTORY: '/creds' };
    expect(load(files, credential).config.http.sharedSecret.reveal()).toBe(
      'that of the credential',
    );
    const variable = { ...credential, KAPGATE_HTTP_SHARED_SECRET_FILE: '/run/secret' };
    const loaded = load(files, variable);
    expect(loaded.config.http.sharedSecret.reveal()).toBe(SECRET);
    expect(originOf(loaded, '[http] shared-secret')).toBe('KAPGATE_HTTP_SHARED_SECRET_FILE');
  });

  test('an empty or missing file is a problem', () => {
    for (const [path, why] of [
      ['/run/empty', '"/run/empty" is empty'],
      ['/run/gone', 'cannot read "/run/gone": there is no such file'],
      ['', 'the path of a file is missing'],
    ] as const) {
      const env = { KAPGATE_HTTP_SHARED_SECRET_FILE: path };
      expect(problemsOf(() => load({ '/run/empty': '\n' }, env))).toEqual([
        `[http] shared-secret: found in KAPGATE_HTTP_SHARED_SECRET_FILE: ${why}. Allowed: a text of 16 bytes or more; "" = off`,
      ]);
    }
  });

  test('a value and a file from one source contradict each other', () => {
    const env = {
      KAPGATE_HTTP_SHARED_SECRET: SECRET,
      KAPGATE_HTTP_SHARED_SECRET_FILE: '/run/secret',
    };
    expect(problemsOf(() => load(files, env))).toEqual([
      '[http] shared-secret: found twice, in KAPGATE_HTTP_SHARED_SECRET and KAPGATE_HTTP_SHARED_SECRET_FILE. Say it once',
    ]);
  });
});

describe('loadConfig of what opens and closes the gate', () => {
  const SWITCHES = '[http]\nauth-enabled = A\n[auth]\nenabled = E\n';
  const switches = (asked: boolean, users: boolean): string =>
    SWITCHES.replace('A', String(asked)).replace('E', String(users));

  function opens(path: string, text: string, env: Variables = {}): boolean {
    return gateIsOpen(load({ [path]: text }, env, { file: path }).config);
  }

  const own = (name: string, value: boolean): Variables => ({ [name]: String(value) });
  const A = 'HTTP_AUTH_ENABLED';
  const E = 'AUTH_ENABLED';

  test('both switches off open it, in our own file or by KAPGATE_ variables', () => {
    expect(opens('gateway.toml', switches(false, false))).toBe(true);
    const both = { ...own(`KAPGATE_${A}`, false), ...own(`KAPGATE_${E}`, false) };
    expect(opens('gateway.toml', '', both)).toBe(true);
    expect(opens('kapacitor.conf', switches(true, true), both)).toBe(true);
    const half = own(`KAPGATE_${E}`, false);
    expect(opens('gateway.toml', '[http]\nauth-enabled = false', half)).toBe(true);
  });

  test('auth-enabled = false alone leaves it closed', () => {
    const { config } = load({ f: switches(false, true) }, {}, { file: 'f' });
    expect(config.http.authEnabled).toBe(false);
    expect(gateIsOpen(config)).toBe(false);
  });

  test('both off in a kapacitor.conf or in KAPACITOR_ variables leave both on', () => {
    const both = { ...own(`KAPACITOR_${A}`, false), ...own(`KAPACITOR_${E}`, false) };
    for (const { config } of [
      load({ 'kapacitor.conf': switches(false, false) }, {}, { file: 'kapacitor.conf' }),
      load({ 'kapacitor.conf': switches(false, false) }, both, { file: 'kapacitor.conf' }),
      load({ f: `hostname = "x"\n${switches(false, false)}` }, {}, { file: 'f' }),
      load({}, both),
      load({ 'kapacitor.conf': '[auth]\nenabled = false' }, {}, { file: 'kapacitor.conf' }),
    ]) {
      expect([config.http.authEnabled, config.auth.enabled]).toEqual([true, true]);
    }
  });

  test('half from us and half from Kapacitor does not open it', () => {
    const half = own(`KAPGATE_${A}`, false);
    expect(opens('kapacitor.conf', switches(false, false), half)).toBe(false);
    const file = '[http]\nauth-enabled = false';
    expect(opens('gateway.toml', file, own(`KAPACITOR_${E}`, false))).toBe(false);
  });

  test('a KAPACITOR_ variable closes what our own file opens', () => {
    const env = own(`KAPACITOR_${E}`, true);
    expect(opens('gateway.toml', switches(false, false), env)).toBe(false);
  });

  test('a KAPACITOR_ variable that is off changes nothing, and a warning says so', () => {
    const { config, warnings } = load({ f: switches(true, true) }, own(`KAPACITOR_${A}`, false), {
      file: 'f',
    });
    expect(config.http.authEnabled).toBe(true);
    expect(warnings).toEqual([
      '[http] auth-enabled = false (KAPACITOR_HTTP_AUTH_ENABLED) is not taken: what is said to Kapacitor can close the gate, but not open it',
    ]);
  });

  test('no other key that lets more through is taken from Kapacitor', () => {
    const env = {
      KAPACITOR_HTTP_PING_AUTH_ENABLED: 'false',
      KAPACITOR_AUTH_OBSERVE: 'true',
      KAPACITOR_AUTH_BOOTSTRAP: 'true',
    };
    const { config } = load({ f: '[auth]\nbootstrap = false' }, env, { file: 'f' });
    expect(config.http.pingAuthEnabled).toBe(true);
    expect(config.auth.observe).toBe(false);
    expect(config.auth.bootstrap).toBe(false);
  });

  test('credentials without users are refused, whoever says so', () => {
    const rows: readonly (readonly [string, Variables])[] = [
      [switches(true, false), {}],
      [switches(true, true), own(`KAPGATE_${E}`, false)],
      [switches(false, false), own(`KAPACITOR_${A}`, true)],
      ['', { ...own(`KAPACITOR_${A}`, true), ...own(`KAPACITOR_${E}`, false) }],
      [switches(true, false), own(`KAPACITOR_${A}`, false)],
    ];
    for (const [text, env] of rows) {
      const problems = problemsOf(() => load({ f: text }, env, { file: 'f' }));
      expect(problems).toEqual([expect.stringContaining('contradicts [auth] enabled = false')]);
    }
  });

  test("our own file's word for credentials is not contradicted by kapacitord's variables", () => {
    expect(opens('gateway.toml', switches(true, true), own(`KAPACITOR_${E}`, false))).toBe(false);
  });
});

describe('loadConfig of meta nodes', () => {
  test('where users are off, those of a kapacitor.conf are ignored, with their secret files', () => {
    const text = '[auth]\nenabled = false\nmeta-addr = "::bad::"\nmeta-password-file = "/gone"';
    const { config } = load({ 'kapacitor.conf': text }, {}, { file: 'kapacitor.conf' });
    expect(config.auth.metaAddr).toEqual([]);
  });

  test('are a list of HOST:PORT, each with its scheme once it is asked', () => {
    const text = '[auth]\nmeta-addr = " meta1:8091,[::1]:8091 "';
    const { config } = load({ './gateway.toml': text });
    expect(config.auth.metaAddr).toEqual(['meta1:8091', '[::1]:8091']);
    expect(metaOriginsOf(config)).toEqual(['http://meta1:8091', 'http://[::1]:8091']);
    const secure = load({ './gateway.toml': text }, { KAPGATE_AUTH_META_USE_TLS: 'true' });
    expect(metaOriginsOf(secure.config)[0]).toBe('https://meta1:8091');
  });

  test('a KAPACITOR_ variable takes no meta node away', () => {
    const rows: readonly (readonly [string, string])[] = [
      ['gateway.toml', '[auth]\nmeta-addr = "meta:8091"'],
      ['gateway.toml', '[auth]\nenabled = true\nmeta-addr = "meta:8091"'],
      ['kapacitor.conf', '[auth]\nenabled = true\nmeta-addr = "meta:8091"'],
    ];
    for (const [file, text] of rows) {
      const env = { KAPACITOR_AUTH_ENABLED: 'false' };
      expect(load({ [file]: text }, env, { file }).config.auth.metaAddr).toEqual(['meta:8091']);
    }
  });

  test('users turned on by a variable bring the meta node of the file back', () => {
    const text = '[auth]\nenabled = false\nmeta-addr = "meta:8091"';
    const env = { KAPACITOR_AUTH_ENABLED: 'true' };
    const { config } = load({ 'kapacitor.conf': text }, env, { file: 'kapacitor.conf' });
    expect(config.auth.metaAddr).toEqual(['meta:8091']);
  });
});

describe('loadConfig of an upstream that is the gateway', () => {
  test('names and addresses of this machine are this machine', () => {
    const env = { KAPGATE_UPSTREAM_URL: 'http://gate.example.com:9092' };
    expect(problemsOf(() => load({}, env))).toEqual([]);
    expect(problemsOf(() => load({}, env, { ownHosts: ['gate.example.com'] }))).toHaveLength(1);
  });
});
