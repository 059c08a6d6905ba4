import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { requirementsOf } from '../../../src/authorize/requirements.ts';
import { smallestPermissions } from '../../../src/authorize/smallest.ts';
import { readTarget } from '../../../src/kernel/target.ts';
import { openUserStore } from '../../../src/users/store.ts';
import { runKapgate, writeConfig } from '../../support/gateway-process.ts';
import { lessened } from '../../support/lessened.ts';
import { openGateway } from '../../support/open-gateway.ts';
import type { OpenGateway } from '../../support/open-gateway.ts';
import { exchange, requestText } from '../../support/raw-client.ts';
import { answering, startRecordingUpstream } from '../../support/recording-upstream.ts';
import type { RecordingUpstream } from '../../support/recording-upstream.ts';
import { readDecisions } from '../../support/recordings.ts';
import { createTempDir } from '../../support/temp-dir.ts';
import type { TempDir } from '../../support/temp-dir.ts';
import { runHere } from '../terminal.ts';

const V1 = '/kapacitor/v1';
const PASSWORD = 'a password';
const TIMEOUT_MS = 300_000;

/** Somebody who comes: a name that they give, or none, and what they ask for. */
interface Visitor {
  readonly name: string;
  readonly userAgent: string;
  readonly requests: readonly string[];
}

/** What the recordings of Kapacitor ask for, but for what is 400 or 301 here, for admins only, or asks for nothing. */
const recorded = [
  ...new Set(readDecisions().map(({ method, target }) => `${method} ${target}`)),
].filter((request) => {
  const [method = '', raw = ''] = request.split(' ');
  const reading = readTarget(method, raw);
  if (reading.kind !== 'target' || method === 'OPTIONS') return false;
  const { permissions, beyond } = smallestPermissions(requirementsOf(reading.target));
  return beyond.length === 0 && permissions.length > 0;
});

const VISITORS: readonly Visitor[] = [
  {
    ...{ name: '', userAgent: 'Telegraf/1.20.4 Go/1.17' },
    requests: ['POST /write?db=telegraf&rp=', `GET ${V1}/ping`],
  },
  {
    ...{ name: '', userAgent: 'InfluxDBClient' },
    requests: [
      'POST /write?consistency=&db=telegraf&precision=ns&rp=autogen',
      'POST /write?consistency=&db=_internal&precision=ns&rp=monitor',
      `POST /write?db=${encodeURIComponent("it's $(a) db")}`,
    ],
  },
  { ...{ name: '', userAgent: 'Grafana/9' }, requests: [`GET ${V1}/tasks`, `GET ${V1}/tasks/cpu`] },
  {
    ...{ name: 'chronograf', userAgent: 'Mozilla/5.0' },
    requests: [
      ...[
        `GET ${V1}/ping`,
        `GET ${V1}/config`,
        `POST ${V1}/config/smtp/`,
        `GET ${V1}/tasks?limit=1`,
      ],
      ...[`PATCH ${V1}/tasks/a`, `DELETE ${V1}/tasks/a`, `GET /kapacitor/v1preview/tasks`],
      `GET ${V1}/service-tests`,
    ],
  },
  {
    ...{ name: 'ops', userAgent: 'curl/8' },
    requests: [`GET ${V1}/storage/backup`, `GET ${V1}/tasks`],
  },
  { ...{ name: 'probe', userAgent: 'kube-probe/1' }, requests: [`HEAD ${V1}/ping`] },
  { ...{ name: '-dash', userAgent: '' }, requests: [`GET ${V1}/debug/vars`] },
  ...Array.from({ length: 7 }, (_, index) => ({
    name: `visitor${index}`,
    userAgent: 'KapacitorClient',
    requests: recorded.filter((_each, at) => at % 7 === index),
  })),
];

function throughSecretPath(visitor: Visitor): Visitor {
  const requests = visitor.requests.map((each) => each.replace('/write', `${secretPath}/write`));
  return { ...visitor, requests };
}

interface Proposal {
  readonly kind: string;
  readonly name: string;
  readonly admin: boolean;
  readonly permissions: readonly string[];
  readonly databases: readonly string[];
  readonly command: string | null;
  readonly clients: readonly { readonly name: string; readonly 'user-agent': string }[];
}

let upstream: RecordingUpstream;
let dir: TempDir;
let gate: OpenGateway;
let configFile: string;
let proposals: readonly Proposal[];
let audit: string;
/** Of the one subscription that is proposed. */
let secretPath: string;

/** With the name that they gave, or as the user that was made for them. */
async function play(
  port: number,
  { name, userAgent, requests }: Visitor,
  as: string = name,
): Promise<readonly string[]> {
  const denied: string[] = [];
  for (const request of requests) {
    const [method = '', target = ''] = request.split(' ');
    const credentials = Buffer.from(`${as}:${PASSWORD}`).toString('base64');
    const headers = [
      ...(userAgent === '' ? [] : [`User-Agent: ${userAgent}`]),
      ...(as === '' ? [] : [`Authorization: Basic ${credentials}`]),
    ];
    const { status } = await exchange(port, requestText(method, target, headers));
    if (status !== 204) denied.push(`${status} ${request}`);
  }
  return denied;
}

function proposalOf({ name, userAgent }: Visitor): Proposal {
  const found = proposals.find(({ clients }) =>
    clients.some((each) => each.name === name && each['user-agent'] === userAgent),
  );
  if (found === undefined) throw new Error(`nothing is proposed for ${name} ${userAgent}`);
  return found;
}

/** The words of a line as a shell reads them. */
function wordsOf(command: string): readonly string[] {
  return execFileSync('sh', ['-c', `printf '%s\\0' ${command}`], { encoding: 'utf8' })
    .split('\0')
    .slice(0, -1);
}

beforeAll(async () => {
  upstream = await startRecordingUpstream(answering(204));
  dir = await createTempDir();
  audit = join(dir.path, 'audit.log');
  const rehearsal = await openGateway({
    upstream: upstream.url,
    env: { KAPGATE_AUTH_OBSERVE: 'true', KAPGATE_AUDIT_FILE: audit },
  });
  const denied: string[] = [];
  for (const visitor of VISITORS) {
    for (let time = 0; time < 2; time++) denied.push(...(await play(rehearsal.port, visitor)));
  }
  await rehearsal.stop();
  expect(denied).toEqual([]);

  const { code, stdout, stderr } = await runHere(['learn', '--json', audit]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  ({ proposals } = JSON.parse(stdout) as { readonly proposals: readonly Proposal[] });

  gate = await openGateway({ upstream: upstream.url });
  configFile = await writeConfig({
    ...{ dir: dir.path, upstream: upstream.url, port: 2 },
    settings: { store: { path: JSON.stringify(gate.storePath) } },
  });
  for (const { kind, command } of proposals) {
    const [program, ...words] = wordsOf(command ?? '');
    expect(program).toBe('kapgate');
    const args = ['--config', configFile, ...words];
    const at = args.indexOf('--');
    const option = kind === 'subscription' ? '--json' : '--password-stdin';
    args.splice(at < 0 ? args.length : at, 0, option);
    const result = await runHere(args, { input: PASSWORD });
    expect(result).toMatchObject({ code: 0 });
    if (kind === 'subscription') {
      ({ path: secretPath } = JSON.parse(result.stdout) as { readonly path: string });
    }
  }
}, TIMEOUT_MS);

afterAll(async () => {
  await gate.stop();
  await upstream.stop();
  await dir.remove();
});

describe('learn', () => {
  test('the traffic is a spread', () => {
    expect(recorded.length).toBeGreaterThan(40);
  });

  test(
    'with the users that it proposes, the same traffic passes',
    async () => {
      for (const visitor of VISITORS) {
        const { kind, name } = proposalOf(visitor);
        const denied =
          kind === 'user'
            ? await play(gate.port, visitor, name)
            : await play(gate.port, throughSecretPath(visitor), '');
        expect(denied).toEqual([]);
      }
    },
    TIMEOUT_MS,
  );

  test(
    'with one privilege less, something of it is denied',
    async () => {
      const store = openUserStore({ path: gate.storePath, minimumCost: 4 });
      let tried = 0;
      for (const visitor of VISITORS) {
        const { name, admin, permissions } = proposalOf(visitor);
        if (admin) continue;
        for (const less of lessened(permissions)) {
          await store.update(name, { permissions: less });
          const denied = await firstDenied(visitor, name);
          expect({ name, less, denied }).toEqual({
            name,
            less,
            denied: expect.any(String) as unknown,
          });
          tried += 1;
        }
        await store.update(name, { permissions });
      }
      await store.close();
      expect(tried).toBeGreaterThan(50);
    },
    TIMEOUT_MS,
  );

  async function firstDenied(visitor: Visitor, name: string): Promise<string | undefined> {
    for (const request of visitor.requests) {
      const [denied] = await play(gate.port, { ...visitor, requests: [request] }, name);
      if (denied !== undefined) return denied;
    }
    return undefined;
  }

  test('proposes a subscription for InfluxDB, an admin where one is needed, and safe lines', () => {
    const lines = proposals.map(({ command }) => command);
    expect(lines).toEqual(
      expect.arrayContaining([
        "kapgate subscriptions add influxdb --db _internal --db 'it'\\''s $(a) db' --db telegraf",
        'kapgate users add telegraf -p write_points:telegraf',
        'kapgate users add grafana -p api:/tasks:read',
        'kapgate users add ops --admin',
        'kapgate users add probe',
        'kapgate users add -p api:/debug/vars:read -- -dash',
        'kapgate users add chronograf -p config_api:read,write -p api:/preview/tasks:read -p api:/service-tests:read -p api:/tasks',
      ]),
    );
  });

  test('tells people who came, what they did, and what to do', async () => {
    const { code, stdout } = await runHere(['learn', audit]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^\d+ requests in \d+ lines, \d{4}-.*Z to \d{4}-.*Z\n/);
    expect(stdout).toContain(
      '127.0.0.1  nobody (none)  Telegraf/1.20.4 Go/1.17  4 requests\n' +
        '           2  write   /api/write, database telegraf\n' +
        '           2  read    /api/ping\n',
    );
    expect(stdout).toContain('127.0.0.1  ops, who did not prove it (basic)  curl/8  4 requests\n');
    expect(stdout).toContain(
      'ops, from 127.0.0.1\n' +
        '    only admins may: read on /api/storage\n'.replace('storage', 'storage/backup') +
        '    kapgate users add ops --admin\n',
    );
  });

  test('--check says what the users of today would refuse, and exits with 2', async () => {
    const args = ['--config', configFile, 'learn', '--check', audit];
    const { code, stdout } = await runHere(args);
    expect(code).toBe(2);
    const [, refusals = ''] = stdout.split("WHAT TODAY'S USERS WOULD REFUSE\n\n");
    // Who has a user now is not in it; who gave no name still is.
    expect(refusals).not.toMatch(/chronograf|visitor|ops/);
    expect(refusals).toContain(
      '           4  401  127.0.0.1  nobody  Grafana/9  GET /api/tasks: no credentials\n',
    );
    const store = openUserStore({ path: gate.storePath, minimumCost: 4 });
    await store.update('chronograf', { permissions: ['api'] });
    await store.delete('probe');
    await store.close();
    const json = await runHere([...args, '--json']);
    const { refusals: listed } = JSON.parse(json.stdout) as { readonly refusals: unknown };
    expect(listed).toEqual(
      expect.arrayContaining([
        expect.objectContaining({
          name: 'chronograf',
          status: 403,
          what: 'GET /api/config',
          count: 2,
        }),
        expect.objectContaining({
          name: 'probe',
          status: 401,
          why: 'there is no user probe',
          count: 2,
        }),
      ]),
    );
  });

  test('--check ends with 0 where all would pass', async () => {
    const file = join(dir.path, 'one.log');
    const line = (await readFile(audit, 'utf8')).split('\n').find((each) => each.includes('"ops"'));
    await writeFile(file, `${line ?? ''}\n`);
    const { code, stdout } = await runHere(['--config', configFile, 'learn', '--check', file]);
    expect(stdout).toMatch(/WOULD REFUSE\n\nnothing \(passwords were not looked at\)\n$/);
    expect(code).toBe(0);
  });

  test('reads several files, packed or not', async () => {
    const text = await readFile(audit);
    const packed = join(dir.path, 'audit.log.1.gz');
    await writeFile(packed, gzipSync(text));
    await copyFile(audit, join(dir.path, 'audit.log.2'));
    const one = JSON.parse((await runHere(['learn', '--json', audit])).stdout) as {
      requests: number;
    };
    const three = await runHere(['learn', '--json', packed, join(dir.path, 'audit.log.2'), audit]);
    expect(JSON.parse(three.stdout)).toMatchObject({ requests: 3 * one.requests });
    expect((JSON.parse(three.stdout) as { proposals: unknown[] }).proposals).toHaveLength(
      proposals.length,
    );
  });

  test('says which file cannot be read', async () => {
    const missing = join(dir.path, 'missing.log');
    expect(await runHere(['learn', missing])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(`cannot read ${JSON.stringify(missing)}: ENOENT`) as unknown,
    });
    const cut = join(dir.path, 'cut.log.gz');
    await writeFile(cut, gzipSync('x'.repeat(100)).subarray(0, 20));
    expect(await runHere(['learn', cut])).toMatchObject({ code: 1 });
  });

  test(
    'reads a large log of strangers in bounded memory, and says what it could not keep apart',
    async () => {
      const file = join(dir.path, 'large.log');
      await writeFile(file, largeLog());
      const { code, stdout, stderr } = await runKapgate(['learn', '--json', file], {
        env: { NODE_OPTIONS: '--max-old-space-size=96' },
        timeoutMs: 240_000,
      });
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      const lesson = JSON.parse(stdout) as Readonly<Record<string, number>>;
      expect(lesson).toMatchObject({ lines: 100_000, requests: 100_000 });
      expect(lesson['uncounted']).toBe(90_000);
    },
    TIMEOUT_MS,
  );
});

/** 40 MB, each line of another client. */
function largeLog(): string {
  const lines: string[] = [];
  for (let index = 0; index < 100_000; index++) {
    lines.push(
      JSON.stringify({
        ...{
          time: '2026-01-02T03:04:05.678Z',
          verdict: 'unauthorized',
          would_be: 401,
          status: 204,
        },
        ...{ method: 'GET', path: `${V1}/tasks/${index}`, address: '10.0.0.1', auth: 'none' },
        ...{
          'user-agent': `${index} ${'x'.repeat(200)}`,
          'request-id': String(index),
          duration_ms: 1,
        },
      }),
    );
  }
  return `${lines.join('\n')}\n`;
}
