import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { writeConfig } from '../support/gateway-process.ts';
import { createTempDir } from '../support/temp-dir.ts';
import type { TempDir } from '../support/temp-dir.ts';
import { runHere } from './terminal.ts';

const [ALLOWED, DENIED] = [0, 2];

let dir: TempDir;
let configFile: string;

beforeAll(async () => {
  dir = await createTempDir();
  configFile = await writeConfig({ dir: dir.path, upstream: 'http://127.0.0.1:1', port: 2 });
  const users = {
    root: ['--admin'],
    api: ['-p', 'api'],
    conf: ['-p', 'config_api'],
    write: ['-p', 'write_points'],
    none: ['-p', 'none'],
    telegraf: ['-p', 'write_points:telegraf'],
  };
  for (const [name, options] of Object.entries(users)) {
    const args = ['--config', configFile, 'users', 'add', name, ...options, '--password-stdin'];
    expect((await runHere(args, { input: `${name}-password` })).code).toBe(0);
  }
});

afterAll(() => dir.remove());

async function explain(
  user: string,
  method: string,
  target: string,
): Promise<{ readonly code: number; readonly steps: readonly string[] }> {
  const args = ['--config', configFile, 'explain', '--user', user, method, target];
  const { code, stdout, stderr } = await runHere(args);
  expect(stderr).toBe('');
  const json = await runHere([...args, '--json']);
  const parsed = JSON.parse(json.stdout) as {
    readonly allowed: boolean;
    readonly steps: readonly { readonly what: string; readonly detail: string }[];
  };
  expect(json.code).toBe(code);
  expect(parsed.allowed).toBe(code === ALLOWED);
  const steps = stdout.trimEnd().split('\n');
  expect(parsed.steps.map(({ what, detail }) => `${what.padEnd(10)} ${detail}`)).toEqual(steps);
  return { code, steps: steps.map((step) => step.replace(/ +/g, ' ')) };
}

const TASKS = '/kapacitor/v1/tasks';
const CONFIG = '/kapacitor/v1/config/influxdb';
const WRITE = '/write?db=telegraf&rp=autogen';

describe('explain', () => {
  test.each([
    ['root', 'GET', TASKS, ALLOWED],
    ['root', 'POST', WRITE, ALLOWED],
    ['root', 'GET', '/kapacitor/v1/storage/backup', ALLOWED],
    ['api', 'DELETE', `${TASKS}/cpu`, ALLOWED],
    ['api', 'GET', CONFIG, DENIED],
    ['api', 'POST', WRITE, DENIED],
    ['api', 'GET', '/kapacitor/v1/storage/backup', DENIED],
    ['api', 'GET', '/kapacitor/v1preview/tasks', ALLOWED],
    ['conf', 'GET', CONFIG, ALLOWED],
    ['conf', 'GET', TASKS, DENIED],
    ['conf', 'GET', '/kapacitor/v1/ping', ALLOWED],
    ['conf', 'GET', '/kapacitor/v1preview/config', DENIED],
    ['write', 'POST', WRITE, ALLOWED],
    ['write', 'POST', '/kapacitor/v1/write?db=any', ALLOWED],
    ['write', 'GET', TASKS, DENIED],
    ['none', 'GET', TASKS, DENIED],
    ['none', 'GET', '/kapacitor/v1/ping', DENIED],
    ['none', 'HEAD', '/kapacitor/v1/ping', ALLOWED],
    ['none', 'OPTIONS', TASKS, ALLOWED],
    ['none', 'PATCH', '/kapacitor/v1/users/none', ALLOWED],
    ['api', 'PATCH', '/kapacitor/v1/users/none', DENIED],
    ['telegraf', 'POST', WRITE, ALLOWED],
    ['telegraf', 'POST', '/write?db=secret', DENIED],
    // Kapacitor's own 400: it writes nowhere without a database.
    ['telegraf', 'POST', '/write', ALLOWED],
  ])('%s %s %s ends with %d', async (user, method, target, code) => {
    const { code: ended, steps } = await explain(user, method, target);
    expect(ended).toBe(code);
    expect(steps[0]).toBe(`request ${method} ${target}`);
    expect(steps.at(-1)).toMatch(code === ALLOWED ? /^allowed / : /^denied /);
  });

  test('each step of a denied write is shown, to the grant that decided', async () => {
    expect((await explain('telegraf', 'POST', '/write?db=secret')).steps).toEqual([
      'request POST /write?db=secret',
      'path /write (decoded once, clean: as Kapacitor reads it)',
      'sent /write?db=secret',
      'user telegraf: normal',
      'needs write on /api/write',
      'looked at /api/write: read, write, delete (by write_points:telegraf)',
      'decided yes: the nearest grant decides, write_points:telegraf on /api/write',
      'needs write on database "secret"',
      'looked at secret: no grant',
      'looked at every database: no grant',
      'decided no: nothing grants it',
      'denied user telegraf does not have "write" privilege for database "secret"',
    ]);
  });

  test('a preview path needs both of what it stands for', async () => {
    const { steps } = await explain('api', 'GET', '/kapacitor/v1preview/tasks');
    expect(steps.filter((step) => step.startsWith('needs'))).toEqual([
      'needs read on /api/preview/tasks',
      'needs read on /api/tasks',
    ]);
  });

  test('the nearer denial of the configuration is named', async () => {
    const { steps } = await explain('api', 'GET', CONFIG);
    expect(steps).toContain('looked at /api/config: none (by api)');
    expect(steps).toContain('decided no: the nearest grant decides, api on /api/config');
  });

  test('credentials in the query are neither shown as sent nor judged', async () => {
    const { steps } = await explain('root', 'GET', `${TASKS}?u=root&p=root-password&limit=1`);
    expect(steps).toContain(`sent ${TASKS}?limit=1`);
  });

  test.each([
    ['GET', '/kapacitor/v1//tasks', /^denied 301 to everybody, to \/kapacitor\/v1\/tasks$/],
    ['GET', '/kapacitor/v1/x/../config', /^denied 301 to everybody, to \/kapacitor\/v1\/config$/],
    ['GET', '/kapacitor/v1/config%2finfluxdb', /^denied 400 to everybody: /],
    ['GET', '/kapacitor/v1/tasks?a;b', /^denied 400 to everybody: /],
    ['POST', '/write?db=a&db=b', /^denied 400 to everybody: /],
    ['GET', 'http://kapacitor/kapacitor/v1/ping', /^denied 400 to everybody: /],
    ['TRACE', '/kapacitor/v1/ping', /^denied 404 to everybody: /],
    ['get', '/kapacitor/v1/ping', /^denied 404 to everybody: /],
  ])('%s %s is nobody’s', async (method, target, outcome) => {
    const { code, steps } = await explain('root', method, target);
    expect(code).toBe(DENIED);
    expect(steps.at(-1)).toMatch(outcome);
  });
});
