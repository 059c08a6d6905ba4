import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { basic, call } from '../support/api.ts';
import type { ApiAnswer } from '../support/api.ts';
import { eventually } from '../support/eventually.ts';
import { addUser, startGateway } from '../support/gateway-process.ts';
import type { CommandResult, GatewayProcess } from '../support/gateway-process.ts';
import { findKapacitor, startKapacitor } from '../support/kapacitor.ts';
import type { Kapacitor } from '../support/kapacitor.ts';
import { exchange, openRawConnection, requestText } from '../support/raw-client.ts';
import { createTempDir } from '../support/temp-dir.ts';
import type { TempDir } from '../support/temp-dir.ts';

const found = findKapacitor('Kapacitor’s own CLI, log, backup and answers through the gateway');
const describeWithKapacitor = found === undefined ? describe.skip : describe;
const cli = found?.cli;
if (found !== undefined && cli === undefined) {
  process.stderr.write('skipped: no kapacitor CLI (it is tried through the gateway)\n');
}
const testWithCli = cli === undefined ? test.skip : test;

const USERS = ['admin', 'api', 'config_api', 'write_points', 'none'] as const;
type User = (typeof USERS)[number];

/** The exit code of Kapacitor's CLI for any failure. */
const CLI_FAILED = 3;

const TASKS = '/kapacitor/v1/tasks';
const WRITE = '/kapacitor/v1/write?db=telegraf&rp=autogen';
const SCRIPT = `stream
    |from()
        .measurement('cpu')
    |log()
`;

describeWithKapacitor('before a real Kapacitor', () => {
  let kapacitor: Kapacitor;
  let gateway: GatewayProcess;
  let dir: TempDir;
  let script: string;

  beforeAll(async () => {
    if (found === undefined) return;
    dir = await createTempDir();
    kapacitor = await startKapacitor(found);
    gateway = await startGateway({ dir: dir.path, upstream: kapacitor.url });
    for (const name of USERS) {
      const kind = name === 'admin' ? { admin: true } : { permissions: [name] };
      await addUser(gateway.configFile, { name, password: `${name}-password`, ...kind });
    }
    script = join(dir.path, 'cpu.tick');
    await writeFile(script, SCRIPT);
  }, 180_000);

  afterAll(async () => {
    await gateway.stop();
    await kapacitor.stop();
    await dir.remove();
  });

  function credentials(user: User): string {
    return `${user}:${user}-password`;
  }

  function through(user: User, method: string, path: string, body?: unknown): Promise<ApiAnswer> {
    return call(gateway.port, method, path, { user: credentials(user), body });
  }

  function direct(method: string, path: string, body?: unknown): Promise<ApiAnswer> {
    return call(kapacitor.port, method, path, { body });
  }

  /** One command of Kapacitor's CLI. @param user undefined: straight to Kapacitor */
  function kap(user: User | undefined, ...args: readonly string[]): Promise<CommandResult> {
    const child = follow(user, ...args);
    return new Promise((resolve, reject) => {
      child.process.once('error', reject);
      child.process.once('close', (code) => {
        resolve({ code, stdout: child.stdout, stderr: child.stderr });
      });
    });
  }

  /** A command of the CLI that goes on until it is ended. */
  function follow(user: User | undefined, ...args: readonly string[]): Following {
    const url =
      user === undefined ? kapacitor.url : `http://${credentials(user)}@127.0.0.1:${gateway.port}`;
    const process = spawn(cli ?? '', ['-url', url, ...args], { cwd: dir.path, env: {} });
    const following = { process, stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const) {
      process[name].setEncoding('utf8').on('data', (text: string) => {
        following[name] += text;
      });
    }
    return following;
  }

  /** What differs from one run to the next: the time. */
  function timeless({ code, stdout, stderr }: CommandResult): CommandResult {
    const plain = (text: string): string =>
      text
        .replace(/\d\d \w{3} \d\d \d\d:\d\d \w+/g, 'TIME')
        .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')
        .replace(/(avg_exec_time_ns|throughput|Uptime|uptime)\S*.*/g, '$1')
        .replaceAll(/\S*\/db\S*/g, 'FILE');
    return { code, stdout: plain(stdout), stderr: plain(stderr) };
  }

  describe('the kapacitor CLI', () => {
    /** In the order in which they are run; who may is who hears what Kapacitor itself says. */
    const COMMANDS: readonly (readonly [string, readonly User[], RegExp])[] = [
      ['define cpu -type stream -dbrp telegraf.autogen -tick cpu.tick', ['admin', 'api'], /^$/],
      ['enable cpu', ['admin', 'api'], /^$/],
      ['list tasks', ['admin', 'api'], /^cpu +stream +enabled +true +\["telegraf"\."autogen"\]/m],
      ['show cpu', ['admin', 'api'], /^Status: enabled[^]*\|log\(\)/m],
      ['list topics', ['admin', 'api'], /^ID/],
      ['list service-tests', ['admin', 'api'], /slack/],
      ['list recordings', ['admin', 'api'], /^ID/],
      ['show nope', ['admin', 'api'], /^$/],
      ['disable cpu', ['admin', 'api'], /^$/],
      ['delete tasks cpu', ['admin', 'api'], /^$/],
      ['list tasks', ['admin', 'api'], /^ID +Type +Status +Executing[^\n]*\n$/],
      ['level INFO', ['admin'], /^$/],
    ];

    testWithCli.each(USERS)(
      'says to %s what it says directly, or what is missing',
      async (user) => {
        await direct('DELETE', `${TASKS}/cpu`);
        const expected = new Map<number, CommandResult>();
        for (const [index, [command]] of COMMANDS.entries()) {
          expected.set(index, timeless(await kap(undefined, ...command.split(' '))));
        }
        for (const [index, [command, users, shows]] of COMMANDS.entries()) {
          const actual = timeless(await kap(user, ...command.split(' ')));
          if (users.includes(user)) {
            expect({ command, ...actual }).toEqual({ command, ...expected.get(index) });
            expect(actual.stdout).toMatch(shows);
          } else {
            expect({ command, ...actual }).toMatchObject({ command, code: CLI_FAILED });
            expect(actual.stdout).not.toMatch(/cpu|slack/);
            expect(actual.stderr).toMatch(
              new RegExp(
                `user ${user} does not have "(?:read|write|delete)" privilege for API endp`,
              ),
            );
          }
        }
      },
    );

    testWithCli('stats and vars come through', async () => {
      await through('write_points', 'POST', '/write?db=ingress&rp=autogen', 'cpu usage=1\n');
      expect((await kap('api', 'stats', 'ingress')).stdout).toMatch(/^ingress +autogen +cpu +1$/m);
      const general = await kap('api', 'stats', 'general');
      expect(general.stdout).toMatch(/^ClusterID:/m);
      expect(general.stdout).toMatch(/^Version: +\d/m);
      const vars = JSON.parse((await kap('api', 'vars')).stdout) as { readonly product: string };
      expect(vars.product).toBe('kapacitor');
      expect((await kap('none', 'vars')).stdout).toMatch(/^\{"error":"user none does not have/);
    });

    testWithCli('a backup is whole, byte for byte as long as its length says', async () => {
      const file = join(dir.path, 'backup.db');
      expect(await kap('admin', 'backup', file)).toMatchObject({ code: 0 });
      const bytes = await readFile(file);
      const plain = await direct('GET', '/kapacitor/v1/storage/backup');
      expect(bytes).toHaveLength(Number(plain.header('content-length')));
      expect(bytes.equals(plain.body)).toBe(true);
      const passed = await through('admin', 'GET', '/kapacitor/v1/storage/backup');
      expect(passed.header('content-length')).toBe(String(bytes.length));
      expect(passed.header('transfer-encoding')).toBeUndefined();
    });

    testWithCli('who may not read a backup gets none of it', async () => {
      for (const user of USERS.filter((each) => each !== 'admin')) {
        const file = join(dir.path, `${user}.db`);
        await kap(user, 'backup', file);
        // The CLI looks at no status: it writes down whatever comes.
        const text = await readFile(file, 'utf8').catch(() => '');
        expect(text).toMatch(/^$|^\{"error":"user \w+ does not have \\"read\\" privilege/);
      }
    });

    testWithCli.each([
      ['logs', 'admin'],
      ['logs lvl=info', 'api'],
      ['watch live', 'api'],
    ] as const)('%s shows %s each line as it is written', async (command, user) => {
      await defineLive();
      const watching = follow(user, ...command.split(' '));
      try {
        const shows = (value: number): boolean => watching.stdout.includes(`usage=${value}`);
        // Until it listens, what is written is nothing to it.
        for (let tries = 0; tries < 50 && !shows(100); tries++) {
          await direct('POST', WRITE, 'cpu usage=100\n');
          await sleep(50);
        }
        for (const value of [101, 102, 103]) {
          await direct('POST', WRITE, `cpu usage=${value}\n`);
          await eventually(`the line of ${value}`, () => shows(value));
        }
      } finally {
        watching.process.kill('SIGINT');
      }
    });

    testWithCli.each(['config_api', 'write_points', 'none'] as const)(
      'logs are refused to %s',
      async (user) => {
        expect(await kap(user, 'logs')).toMatchObject({ code: CLI_FAILED, stdout: '' });
      },
    );
  });

  async function defineLive(): Promise<void> {
    await direct('DELETE', `${TASKS}/live`);
    const task = {
      id: 'live',
      type: 'stream',
      dbrps: [{ db: 'telegraf', rp: 'autogen' }],
      script: SCRIPT,
      status: 'enabled',
    };
    expect((await direct('POST', TASKS, task)).status).toBe(200);
  }

  describe('the API', () => {
    /** Who may is answered as Kapacitor answers; who may not with a 403 that says what is missing. */
    const ROWS: readonly (readonly [string, string, readonly User[], unknown?])[] = [
      ['GET', '/kapacitor/v1/ping', ['admin', 'api', 'config_api', 'write_points']],
      ['HEAD', '/kapacitor/v1/ping', USERS],
      ['GET', TASKS, ['admin', 'api']],
      ['GET', `${TASKS}?limit=1&fields=id`, ['admin', 'api']],
      ['GET', `${TASKS}/nope`, ['admin', 'api']],
      ['POST', TASKS, ['admin', 'api'], '{'],
      ['DELETE', `${TASKS}/nope`, ['admin', 'api']],
      ['HEAD', TASKS, USERS],
      ['GET', '/kapacitor/v1/templates', ['admin', 'api']],
      ['GET', '/kapacitor/v1/service-tests', ['admin', 'api']],
      ['GET', '/kapacitor/v1/alerts/topics', ['admin', 'api']],
      ['GET', '/kapacitor/v1/nothing', ['admin', 'api']],
      ['GET', '/kapacitor/v1/config', ['admin', 'config_api']],
      ['GET', '/kapacitor/v1/config/smtp', ['admin', 'config_api']],
      ['POST', '/kapacitor/v1/config/smtp', ['admin', 'config_api'], { set: { host: 'mail' } }],
      ['POST', '/kapacitor/v1/config/nope', ['admin', 'config_api'], { set: { host: 'mail' } }],
      ['POST', WRITE, ['admin', 'write_points'], 'cpu usage=1 1\n'],
      ['POST', '/write?db=telegraf', ['admin', 'write_points'], 'cpu usage=1 1\n'],
      ['POST', WRITE, ['admin', 'write_points'], 'this is no point\n'],
      ['POST', '/write', ['admin', 'write_points'], 'cpu usage=1 1\n'],
      ['POST', '/kapacitor/v1/storage/stores/tasks', ['admin'], { action: 'rebuild' }],
      ['POST', '/kapacitor/v1/loglevel', ['admin'], { level: 'INFO' }],
      ['GET', '/kapacitor/v1preview/alerts/topics', ['admin', 'api']],
      ['GET', '/kapacitor/v1preview/config/smtp', ['admin']],
    ];

    test.each(USERS)('answers %s as Kapacitor does, or refuses', async (user) => {
      for (const [method, path, users, body] of ROWS) {
        const actual = await through(user, method, path, body);
        const label = `${method} ${path}`;
        if (users.includes(user)) {
          const expected = await direct(method, path, body);
          expect({ label, ...seen(actual) }).toEqual({ label, ...seen(expected) });
        } else {
          expect({ label, status: actual.status }).toEqual({ label, status: 403 });
          expect((actual.json as { readonly error: string }).error).toMatch(
            new RegExp(`^user ${user} does not have "(?:read|write|delete)" privilege for `),
          );
        }
      }
    });

    test('nobody is answered nothing but a 401', async () => {
      for (const [method, path, , body] of ROWS) {
        const answers = [
          await call(gateway.port, method, path, { body }),
          await call(gateway.port, method, path, { body, user: 'admin:wrong' }),
        ];
        expect(answers.map(({ status }) => status)).toEqual([401, 401]);
      }
    });

    test('the points that are written are counted by Kapacitor', async () => {
      const database = 'counted';
      const path = `/write?db=${database}&rp=autogen`;
      for (const user of USERS) await through(user, 'POST', path, 'm,host=a v=1\nm,host=b v=2\n');
      const query = await call(
        gateway.port,
        'POST',
        `${path}&u=write_points&p=write_points-password`,
        { body: 'm v=3\n' },
      );
      expect(query.status).toBe(204);
      const { text } = await through('api', 'GET', '/kapacitor/v1/debug/vars');
      const ingress = Object.values(
        (JSON.parse(text) as { readonly kapacitor: Readonly<Record<string, Ingress>> }).kapacitor,
      ).find(({ tags }) => tags?.['database'] === database);
      expect(ingress?.values?.['points_received']).toBe(5);
    });

    test('a preview path is packed once, and names its version once', async () => {
      for (const path of ['/kapacitor/v1preview/alerts/topics', '/kapacitor/v1preview/ping']) {
        const answer = await exchange(
          gateway.port,
          requestText('GET', path, [
            `Authorization: ${basic(credentials('admin'))}`,
            'Accept-Encoding: gzip',
          ]),
        );
        expect(answer.header('x-kapacitor-version')).toBe(found?.version);
        expect(answer.header('content-encoding')).toBeUndefined();
        const plain = await direct('GET', path.replace('v1preview', 'v1'));
        const own = (text: string): string => text.replaceAll('v1preview', 'v1');
        expect(own(answer.body.toString())).toBe(plain.text);
      }
    });

    test('any other path is packed as Kapacitor packs it', async () => {
      const headers = { 'Accept-Encoding': 'gzip' };
      const user = credentials('admin');
      const path = '/kapacitor/v1/service-tests';
      const [passed, plain] = [
        await call(gateway.port, 'GET', path, { user, headers }),
        await call(kapacitor.port, 'GET', path, { headers }),
      ];
      expect(passed.header('content-encoding')).toBe('gzip');
      expect(passed.body.equals(plain.body)).toBe(true);
      expect(() => JSON.parse(gunzipSync(passed.body).toString()) as unknown).not.toThrow();
    });

    test('a line of the log is there as soon as it is directly', async () => {
      await defineLive();
      const logs = '/kapacitor/v1preview/logs?lvl=info%2B';
      const plain = await openRawConnection(kapacitor.port);
      const passed = await openRawConnection(gateway.port);
      plain.send(requestText('GET', logs));
      passed.send(requestText('GET', logs, [`Authorization: ${basic(credentials('api'))}`]));
      const arrival = async (connection: typeof passed, mark: string): Promise<number> => {
        await eventually(mark, () => connection.pending.includes(mark));
        return performance.now();
      };
      try {
        await arrival(plain, 'HTTP/1.1 200');
        await arrival(passed, 'HTTP/1.1 200');
        for (const value of [201, 202, 203]) {
          await direct('POST', WRITE, `cpu usage=${value}\n`);
          const [one, other] = await Promise.all([
            arrival(plain, String(value)),
            arrival(passed, String(value)),
          ]);
          expect(other - one).toBeLessThan(250);
        }
      } finally {
        plain.destroy();
        passed.destroy();
      }
    });

    test('a reader of the log who stops reading holds nobody up, and is cut', async () => {
      await defineLive();
      const logs = '/kapacitor/v1preview/logs?lvl=info%2B';
      const header = `Authorization: ${basic(credentials('admin'))}`;
      const [stopped, reading] = [
        await openRawConnection(gateway.port),
        await openRawConnection(gateway.port),
      ];
      try {
        for (const each of [stopped, reading]) {
          each.send(requestText('GET', logs, [header]));
          await eventually('a head', () => each.pending.includes('HTTP/1.1 200'));
        }
        stopped.socket.pause();
        const said = 'the reader of the log stream fell too far behind';
        const text = 'x'.repeat(8 * 1024);
        // What the kernel holds for it comes before what the gateway does.
        for (let sent = 0; sent < 200 && !gateway.log.includes(said); sent++) {
          const points = Array.from({ length: 32 }, () => `cpu usage=1,text="${text}"\n`);
          expect((await direct('POST', WRITE, points.join(''))).status).toBe(204);
          await sleep(20);
        }
        await eventually('it is cut', () => gateway.log.includes(said));
        await direct('POST', WRITE, 'cpu usage=987654321\n');
        await eventually(
          'the last line',
          () => reading.pending.includes('usage=987654321'),
          60_000,
        );
      } finally {
        stopped.destroy();
        reading.destroy();
      }
    }, 180_000);
  });
});

interface Following {
  readonly process: ChildProcess;
  readonly stdout: string;
  readonly stderr: string;
}

interface Ingress {
  readonly tags?: Readonly<Record<string, string>>;
  readonly values?: Readonly<Record<string, number>>;
}

/** All of an answer but what is its own each time. */
function seen(answer: ApiAnswer): object {
  const { status, text } = answer;
  // Kapacitor names it twice below its preview paths, one header each.
  const version = answer.header('x-kapacitor-version')?.split(', ', 1);
  const names = ['content-type', 'content-length', 'content-encoding'];
  return { status, text, version, headers: names.map((name) => answer.header(name)) };
}
