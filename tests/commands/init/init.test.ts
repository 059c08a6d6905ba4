import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { execFile } from 'node:child_process';
import { chmod, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { loadConfig } from '../../../src/config/load.ts';
import type { Loaded } from '../../../src/config/load.ts';
import { parseToml } from '../../../src/config/toml.ts';
import { patched } from '../../support/patched.ts';
import { createTempDir } from '../../support/temp-dir.ts';
import type { TempDir } from '../../support/temp-dir.ts';
import { runHere } from '../terminal.ts';
import { LIVED_IN, STOCK_1_3, STOCK_1_8 } from './confs.ts';

let dir: TempDir;
let made = 0;

beforeAll(async () => {
  dir = await createTempDir();
});

afterAll(() => dir.remove());

interface Made {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly source: string;
  readonly output: string;
  readonly text: string;
}

async function initFrom(
  conf: string,
  more: readonly string[] = [],
  env: Record<string, string> = {},
): Promise<Made> {
  const name = join(dir.path, `${++made}`);
  const [source, output] = [`${name}-kapacitor.conf`, `${name}-gateway.toml`];
  await writeFile(source, conf);
  const ran = await runHere(['init', '--from', source, '--output', output, ...more], { env });
  const text = await readFile(output, 'utf8').catch(() => '');
  return { ...ran, source, output, text };
}

function load(text: string): Loaded {
  return loadConfig({ file: 'gateway.toml', env: {}, readFile: () => text });
}

function parsed(text: string): unknown {
  const found = parseToml(text);
  if ('refused' in found) throw new Error(found.refused);
  return found.document;
}

describe('the gateway.toml that init makes', () => {
  test.each([
    ['1.3', STOCK_1_3],
    ['1.8', STOCK_1_8],
    ['nothing', ''],
  ])('of a stock file of %s is a closed gate at the old address', async (_, conf) => {
    const { code, stderr, text } = await initFrom(conf);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const { config, origins } = load(text);
    expect(config.http.bindAddress).toEqual({ host: '', port: 9092 });
    expect(config.upstream.url).toBe('http://127.0.0.1:9192');
    expect(origins.filter(({ origin }) => origin !== 'default').map(({ key }) => key.name)).toEqual(
      ['bind-address', 'url'],
    );
  });

  test('takes over what applies: address, secret, log, users', async () => {
    const { text } = await initFrom(LIVED_IN);
    const { config } = load(text);
    expect(config.http).toMatchObject({
      bindAddress: { host: '10.0.0.5', port: 9192 },
      logEnabled: false,
      shutdownTimeoutMs: 20_000,
    });
    expect(config.http.sharedSecret.reveal()).toBe('canary-shared-secret');
    expect(config.auth).toMatchObject({ cacheExpirationMs: 120_000, bcryptCost: 12 });
    expect(config.log.level).toBe('warn');
    expect(config.upstream.url).toBe('http://127.0.0.1:9292');
  });

  test.each([
    ['both switches off', '[http]\nauth-enabled = false\n[auth]\nenabled = false\n'],
    ['both switches on', '[http]\nauth-enabled = true\n[auth]\nenabled = true\n'],
    ['the free ping', '[http]\nping-auth-enabled = false\n[auth]\nobserve = true\n'],
  ])('never opens the gate: %s', async (_, conf) => {
    const { text } = await initFrom(conf);
    expect(text).not.toMatch(/enabled\s*=\s*false|observe/);
    expect(load(text).config).toMatchObject({
      http: { authEnabled: true, pingAuthEnabled: true },
      auth: { enabled: true, observe: false },
    });
  });

  test('takes meta nodes only where users were on, and their TLS files only where they spoke TLS', async () => {
    const on = STOCK_1_8.replace('[auth]\n  enabled = false', '[auth]\n  enabled = true');
    const { text, stdout } = await initFrom(on);
    expect(load(text).config.auth.metaAddr).toEqual(['172.17.0.2:8091']);
    expect(stdout).toContain('meta-admins = ["NAME"]');
    expect(stdout).not.toContain('users add');
    expect(text).not.toContain('meta-ca');
    const tls = await initFrom(on.replace('meta-use-tls = false', 'meta-use-tls = true'));
    expect(tls.text).toContain('meta-ca = "/etc/kapacitor/ca.pem"');
    expect((await initFrom(STOCK_1_8)).text).not.toContain('meta-');
  });

  test('takes HTTPS over, and leaves Kapacitor itself without', async () => {
    const conf = STOCK_1_3.replace('https-enabled = false', 'https-enabled = true').replace(
      '/etc/ssl/kapacitor.pem',
      '/etc/ssl/own.pem',
    );
    const { text, stdout } = await initFrom(conf);
    expect(text).toContain('https-enabled = true');
    expect(text).toContain('https-certificate = "/etc/ssl/own.pem"');
    expect(parsed(patched(conf, stdout))).toMatchObject({ http: { 'https-enabled': false } });
  });

  test('leaves out what the gateway refuses, and says so', async () => {
    const { code, text, stdout } = await initFrom(
      '[http]\nshared-secret = "canary-short"\nshutdown-timeout = 5\n',
    );
    expect(code).toBe(0);
    expect(text).not.toContain('canary-short');
    expect(stdout).toContain(
      '[http] shared-secret is not taken over: it has 12 bytes, which is too short',
    );
    expect(stdout).toContain('[http] shutdown-timeout is not taken over');
  });

  test('is readable for its owner alone where it holds a secret, and says so', async () => {
    const secret = await initFrom(LIVED_IN);
    expect((await stat(secret.output)).mode & 0o777).toBe(0o600);
    expect(secret.stdout).toContain('It holds secrets');
    expect(secret.stdout).not.toContain('canary');
    const plain = await initFrom(STOCK_1_3);
    expect((await stat(plain.output)).mode & 0o777).toBe(0o644);
    expect(plain.stdout).not.toContain('secret');
  });

  test('is not written over a file that is there, but with --force, and then as private', async () => {
    const { source, output } = await initFrom(STOCK_1_3);
    await writeFile(output, 'mine');
    await chmod(output, 0o666);
    const again = await runHere(['init', '--from', source, '--output', output]);
    expect(again.code).toBe(1);
    expect(again.stderr).toBe(
      `kapgate: "${output}" is there already and is left as it is: --force writes it anew, --output NAME elsewhere\n`,
    );
    expect(await readFile(output, 'utf8')).toBe('mine');
    await writeFile(source, LIVED_IN);
    expect((await runHere(['init', '--from', source, '-o', output, '--force'])).code).toBe(0);
    expect((await stat(output)).mode & 0o777).toBe(0o600);
    expect(load(await readFile(output, 'utf8')).config.auth.bcryptCost).toBe(12);
  });

  test('takes the place of a file that sets no key, and keeps its mode where others cannot read it', async () => {
    const { source, output } = await initFrom(LIVED_IN);
    for (const [before, after, told] of [
      [0o640, 0o640, false],
      [0o644, 0o600, true],
    ] as const) {
      await writeFile(output, '# as the Debian package brings it\n');
      await chmod(output, before);
      const { code, stdout } = await runHere(['init', '--from', source, '--output', output]);
      expect(code).toBe(0);
      expect((await stat(output)).mode & 0o777).toBe(after);
      expect(stdout.includes('It holds secrets')).toBe(told);
      expect(load(await readFile(output, 'utf8')).config.auth.bcryptCost).toBe(12);
    }
  });
});

describe('the changes that init asks for', () => {
  test('move Kapacitor to loopback and leave the subscriptions where they were', async () => {
    const { stdout } = await initFrom(STOCK_1_3);
    const before = parsed(STOCK_1_3) as { http: object; influxdb: object[] };
    expect(parsed(patched(STOCK_1_3, stdout))).toEqual({
      ...before,
      http: { ...before.http, 'bind-address': '127.0.0.1:9192' },
      influxdb: [{ ...before.influxdb[0], 'kapacitor-hostname': 'localhost', 'http-port': 9092 }],
    });
  });

  test('turn Kapacitor’s own authentication off, and UDP subscriptions to HTTP', async () => {
    const { stdout } = await initFrom(LIVED_IN);
    expect(parsed(patched(LIVED_IN, stdout))).toMatchObject({
      http: { 'bind-address': '127.0.0.1:9292', 'auth-enabled': false },
      Auth: { enabled: false },
      influxdb: [
        {
          name: 'east',
          'kapacitor-hostname': 'kap.example.com',
          'http-port': 9192,
          'subscription-protocol': 'http',
        },
        { name: 'west', 'kapacitor-hostname': 'nat.example.com', 'http-port': 19_092 },
        { name: 'history', 'disable-subscriptions': true },
      ],
    });
    expect(stdout).toContain('# moved in 2019');
  });

  test('keep the line ends of Windows', async () => {
    const conf = '[http]\r\nlog-enabled = true\r\n[[influxdb]]\r\nhttp-port = 0 # ours\r\n';
    const { stdout } = await initFrom(conf);
    expect(patched(conf, stdout)).toBe(
      '[http]\r\nbind-address = "127.0.0.1:9192"\r\nlog-enabled = true\r\n' +
        '[[influxdb]]\r\nkapacitor-hostname = "localhost"\r\nhttp-port = 9092 # ours\r\n',
    );
  });

  test.each([
    ['a section of one line', 'http = { bind-address = ":9092" }\n'],
    ['no section at all', 'hostname = "here"\n'],
    [
      'a section in a text',
      'hostname = """\n[http]\nbind-address = ":1"\n"""\n[http]\nbind-address = ":9092"\n',
    ],
  ])('are told in words where lines cannot show them: %s', async (_, conf) => {
    const { stdout } = await initFrom(conf);
    expect(stdout).not.toContain('@@');
    expect(stdout).toMatch(
      /\[http\]: (?:add {4}|change bind-address = ":9092"\n +to {5})bind-address = "127\.0\.0\.1:9192"/,
    );
  });

  test('never show a line that was not to change', async () => {
    const { stdout } = await initFrom(STOCK_1_3);
    expect(stdout).not.toContain('canary-influxdb-password');
  });

  test('take the port below where there is none above', async () => {
    const { text } = await initFrom('[http]\nbind-address = "[::1]:65500"\n');
    expect(load(text).config).toMatchObject({
      http: { bindAddress: { host: '::1', port: 65_500 } },
      upstream: { url: 'http://127.0.0.1:65400' },
    });
  });

  test('are data with --json', async () => {
    const { stdout } = await initFrom(STOCK_1_3, ['--json']);
    expect(JSON.parse(stdout)).toMatchObject({
      holdsSecret: false,
      changes: [
        { section: 'http', key: 'bind-address', from: ':9092', to: '127.0.0.1:9192' },
        { section: 'influxdb', index: 0, key: 'kapacitor-hostname', from: '', to: 'localhost' },
        { section: 'influxdb', index: 0, key: 'http-port', from: 0, to: 9092 },
      ],
    });
  });

  const { KAPACITORD } = process.env;
  (KAPACITORD === undefined ? test.skip : test)(
    'are read by a kapacitord, of its own default file',
    async () => {
      const config = async (...args: string[]): Promise<string> =>
        (await promisify(execFile)(KAPACITORD ?? '', ['config', ...args])).stdout;
      const conf = await config();
      const { source, stdout } = await initFrom(conf);
      await writeFile(source, patched(conf, stdout));
      expect(parsed(await config('-config', source))).toMatchObject({
        http: { 'bind-address': '127.0.0.1:9192' },
        influxdb: [{ 'kapacitor-hostname': 'localhost', 'http-port': 9092 }],
      });
    },
  );
});

describe('what init warns of', () => {
  const warnings: readonly (readonly [string, string, string])[] = [
    [
      'UDP',
      '[[udp]]\nenabled = true\nbind-address = ":9100"',
      '[udp] takes points at :9100 over UDP',
    ],
    ['graphite', '[[graphite]]\nenabled = true', '[graphite] takes points at :2003 over TCP'],
    ['graphite over UDP', '[[Graphite]]\nEnabled = true\nprotocol = "udp"', 'at :2003 over UDP'],
    ['collectd', '[collectd]\nenabled = true', '[collectd] takes points at :25826 over UDP'],
    ['opentsdb', '[opentsdb]\nenabled = true', '[opentsdb] takes points at :4242 over TCP'],
    ['pprof', '[http]\npprof-enabled = true', '[http] pprof-enabled = true'],
    ['faked authentication', '[http]\nauth-enabled = true', 'protected nothing'],
    [
      'users that Kapacitor has',
      '[http]\nauth-enabled = true\n[auth]\nenabled = true',
      'users of its own',
    ],
    ['UDP subscriptions', '[[influxdb]]\nsubscription-protocol = "udp"', 'past the gateway'],
    ['another scheme', '[[influxdb]]\nsubscription-protocol = "https"', 'but [http] speaks http'],
    ['a port that is forwarded', '[[influxdb]]\nhttp-port = 80', 'http-port = 80 is left as it is'],
    ['names by server', '[[influxdb]]\nsubscription-mode = "server"', 'this server’s id'],
    ['another path', '[[influxdb]]\nsubscription-path = "/x"', 'subscription-path is set'],
    ['no [[influxdb]]', 'hostname = "x"', 'Write the section, with http-port = 9092'],
    ['variables', '', 'KAPACITOR_…'],
  ];

  test.each(warnings)('%s', async (_, conf, words) => {
    expect((await initFrom(`${conf}\n`)).stdout).toContain(words);
  });

  test('the variables that are set, by name and never by value', async () => {
    const { stdout } = await initFrom('', [], {
      KAPACITOR_HTTP_BIND_ADDRESS: ':1',
      KAPACITOR_INFLUXDB_0_PASSWORD: 'canary-variable',
    });
    expect(stdout).toContain('KAPACITOR_HTTP_BIND_ADDRESS, KAPACITOR_INFLUXDB_0_PASSWORD');
    expect(stdout).not.toContain('canary');
  });

  test('nothing of inputs that are off', async () => {
    expect((await initFrom(STOCK_1_3)).stdout).not.toContain('takes points');
  });
});

describe('init', () => {
  test.each([
    ['a file that is not there', undefined, 'cannot read ".*": there is no such file'],
    ['no TOML', '[http]\nbind-address: ":9092"\n', ', line 2, column 13: TOML parts key and value'],
    ['no address', '[http]\nbind-address = "9092"\n', 'bind-address: the port is missing'],
    ['a port of its own choice', '[http]\nbind-address = ":0"\n', 'port 0 is no port'],
  ])('refuses %s in a sentence, and writes nothing', async (_, conf, words) => {
    const source = join(dir.path, 'refused.conf');
    const output = join(dir.path, 'refused.toml');
    if (conf !== undefined) await writeFile(source, conf);
    const { code, stdout, stderr } = await runHere(['init', '--from', source, '-o', output]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(new RegExp(`^kapgate: .*${words}.*\n$`));
    await expect(stat(output)).rejects.toThrow('ENOENT');
  });

  test('says where it cannot write', async () => {
    const { code, stderr } = await initFrom('', ['-o', join(dir.path, 'nowhere', 'x.toml')]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^kapgate: cannot write ".*x\.toml": .*ENOENT/);
  });

  test('needs a file', async () => {
    expect((await runHere(['init'])).code).toBe(64);
  });
});
