import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { gzipSync } from 'node:zlib';
import { requirementsOf } from '../../src/authorize/requirements.ts';
import type { Requirement } from '../../src/authorize/requirements.ts';
import { judgeBy, smallestPermissions } from '../../src/authorize/smallest.ts';
import { readTarget } from '../../src/kernel/target.ts';
import { openUserStore } from '../../src/users/store.ts';
import { read } from '../docs/tree.ts';
import { basic, call } from '../support/api.ts';
import { findFreePort } from '../support/free-port.ts';
import { lessened } from '../support/lessened.ts';
import { as, openGateway } from '../support/open-gateway.ts';
import type { OpenGateway } from '../support/open-gateway.ts';
import { exchange, requestText } from '../support/raw-client.ts';
import { answering, startRecordingUpstream } from '../support/recording-upstream.ts';
import type { RecordingUpstream } from '../support/recording-upstream.ts';

const V1 = '/kapacitor/v1';
const PREVIEW = '/kapacitor/v1preview';
const document = read('docs/clients.md');

/** What stands below a heading. */
function section(title: string): string {
  const found = document.split(/^## /m).find((each) => each.startsWith(title));
  if (found === undefined) throw new Error(`docs/clients.md has no ${title}`);
  return found;
}

/** The permissions that a text gives: those of a `users add` line, else those that stand alone. */
function permissionsIn(text: string): readonly string[] {
  const given = [...text.matchAll(/ -p (\S+)/g)].map(([, each = '']) => each);
  if (given.length > 0) return given;
  return [...text.matchAll(/`((?:api|config_api|write_points):[^`\s]+)`/g)].map(
    ([, each = '']) => each,
  );
}

function requirementsFor(calls: readonly string[]): readonly Requirement[] {
  return calls.flatMap((each) => {
    const [method = '', raw = ''] = each.split(' ');
    const reading = readTarget(method, raw);
    if (reading.kind !== 'target') throw new Error(`not a target: ${each}`);
    return requirementsOf(reading.target);
  });
}

function all(methods: string, ...paths: readonly string[]): readonly string[] {
  return paths.flatMap((path) => methods.split(' ').map((method) => `${method} ${path}`));
}

const CLI = [
  ...all('GET', `${V1}/ping`, `${V1}/debug/vars`, `${V1}/service-tests`),
  ...all('GET POST', `${V1}/tasks`, `${V1}/templates`),
  ...all('GET PATCH DELETE', `${V1}/tasks/cpu`, `${V1}/templates/cpu`),
  ...all('GET', `${V1}/recordings`, `${V1}/replays`, `${PREVIEW}/logs?task=cpu`),
  ...all('POST', `${V1}/recordings/stream`, `${V1}/recordings/batch`, `${V1}/recordings/query`),
  ...all('POST', `${V1}/replays`, `${V1}/replays/batch`, `${V1}/replays/query`),
  ...all('GET DELETE', `${V1}/recordings/a`, `${V1}/replays/a`),
  ...all('GET DELETE', `${V1}/alerts/topics/a`),
  ...all('GET POST', `${V1}/alerts/topics/a/handlers`),
  ...all('GET PUT DELETE', `${V1}/alerts/topics/a/handlers/b`),
  ...all('POST', `${V1}/service-tests/slack`),
  ...all('GET POST', `${V1}/api/v2/tasks`),
  ...all('GET PATCH DELETE', `${V1}/api/v2/tasks/a`),
  // 1.2 and 1.3 have topics there only.
  ...all('GET', `${PREVIEW}/alerts/topics`),
];

const CHRONOGRAF = [
  ...all('GET', `${V1}/ping`, `${PREVIEW}/ping`, `${PREVIEW}/logs?task=cpu`, `${V1}/config`),
  ...all('GET POST', `${V1}/config/slack/`, `${V1}/config/smtp/default`),
  ...all('GET', `${V1}/service-tests`, `${V1}/tasks?limit=100&offset=100`),
  ...all('POST', `${V1}/service-tests/slack`, `${V1}/tasks`),
  ...all('GET PATCH DELETE', `${V1}/tasks/cpu`, `${V1}/api/v2/tasks/a`),
];

/** What neither of them does, and must not be able to do. */
const BEYOND = [
  'POST /write?db=telegraf',
  `POST ${V1}/write?db=telegraf`,
  `GET ${V1}/users`,
  `POST ${V1}/users`,
  `GET ${V1}/storage/backup`,
  `POST ${V1}/loglevel`,
  `POST ${V1}/sideload/reload`,
];

describe('the permissions in docs/clients.md', () => {
  test.each([
    ['The kapacitor CLI', ['api'], CLI, [...BEYOND, `GET ${V1}/config`, `POST ${V1}/config/slack`]],
    ['Chronograf', ['api', 'config_api'], CHRONOGRAF, BEYOND],
  ])('cover all that %s calls, and nothing that is not its own', (title, wanted, calls, beyond) => {
    const permissions = permissionsIn(section(title));
    expect(permissions).toEqual(wanted);
    const may = (each: string): boolean => requirementsFor([each]).every(judgeBy(permissions));
    expect(calls.filter((each) => !may(each))).toEqual([]);
    expect(beyond.filter((each) => may(each))).toEqual([]);
  });

  test('an admin of the CLI is needed for backup and level, as it says', () => {
    expect(section('The kapacitor CLI')).toMatch(/`backup` and `level` need an admin/);
  });

  const [outputs = '', inputs = ''] = section('Telegraf').split('`inputs.kapacitor`');
  test.each([
    ['Telegraf’s output', outputs, ['POST /write?db=telegraf&rp=autogen']],
    ['Telegraf’s statistics', inputs, [`GET ${V1}/debug/vars`]],
    ['Grafana', section('Grafana'), [`GET ${V1}/tasks?limit=100`]],
    [
      'terraform',
      section('terraform'),
      [
        `GET ${V1}/ping`,
        ...all('GET POST', `${V1}/tasks`, `${V1}/templates`),
        ...all('GET PATCH DELETE', `${V1}/tasks/a`, `${V1}/templates/a`),
      ],
    ],
  ])('of %s are the smallest that do', (_, text, calls) => {
    const permissions = permissionsIn(text);
    const requirements = requirementsFor(calls);
    expect(permissions.toSorted()).toEqual(
      smallestPermissions(requirements).permissions.toSorted(),
    );
    expect(requirements.every(judgeBy(permissions))).toBe(true);
    for (const less of lessened(permissions)) {
      expect({ less, passes: requirements.every(judgeBy(less)) }).toEqual({ less, passes: false });
    }
  });
});

describe('what docs/clients.md says of statuses', () => {
  let upstream: RecordingUpstream;
  let gate: OpenGateway;

  beforeAll(async () => {
    upstream = await startRecordingUpstream(answering(204, { 'X-Kapacitor-Version': '1.5.7' }));
    gate = await openGateway({
      upstream: upstream.url,
      env: { KAPGATE_HTTP_PING_AUTH_ENABLED: 'false' },
    });
    const store = openUserStore({ path: gate.storePath, minimumCost: 4 });
    await store.update('ben', { permissions: ['write_points:telegraf'] });
    await store.close();
  });

  afterAll(async () => {
    await gate.stop();
    await upstream.stop();
  });

  /** A batch as Telegraf sends it. */
  function batch(port: number, user: string | undefined, database: string) {
    return call(port, 'POST', `/write?db=${database}`, {
      headers: {
        'User-Agent': 'Telegraf/1.20.4 Go/1.17',
        'Content-Encoding': 'gzip',
        'Transfer-Encoding': 'chunked',
        ...(user === undefined ? {} : { Authorization: basic(user) }),
      },
      body: gzipSync('cpu usage=1\n'),
    });
  }

  test('Telegraf’s batch arrives as it is: packed, and without its password', async () => {
    upstream.clear();
    expect((await batch(gate.port, 'ben:pw-ben', 'telegraf')).status).toBe(204);
    expect(upstream.requests).toHaveLength(1);
    expect(upstream.requests[0]?.body).toEqual(gzipSync('cpu usage=1\n'));
    expect(JSON.stringify(upstream.requests[0]?.headers)).not.toMatch(/authorization/i);
  });

  test.each([
    ['no credentials', undefined, 'telegraf', 401],
    ['a wrong password', 'ben:wrong', 'telegraf', 401],
    ['another database', 'ben:pw-ben', 'other', 403],
  ])(
    'with %s it is a 4xx in JSON, which makes Telegraf drop the batch',
    async (_, user, db, status) => {
      upstream.clear();
      const answer = await batch(gate.port, user, db);
      expect(answer.status).toBe(status);
      expect(answer.json).toMatchObject({ error: expect.any(String) as unknown });
      expect(upstream.requests).toEqual([]);
    },
  );

  test('without Kapacitor it is a 5xx, which makes Telegraf keep the batch', async () => {
    const nobody = await openGateway({ upstream: `http://127.0.0.1:${await findFreePort()}` });
    try {
      expect((await batch(nobody.port, 'ann:pw-ann', 'telegraf')).status).toBe(502);
    } finally {
      await nobody.stop();
    }
  });

  test('too many wrong passwords are a 5xx on writes: they must not drop what a right one sends', async () => {
    const throttling = await openGateway({
      upstream: upstream.url,
      env: { KAPGATE_LIMITS_LOGIN_FAILURES: '1 per 1m' },
    });
    try {
      const statuses: number[] = [];
      for (let time = 0; time < 3; time++) {
        statuses.push((await batch(throttling.port, `ann:wrong${time}`, 'telegraf')).status);
      }
      expect(statuses).toEqual([401, 503, 503]);
    } finally {
      await throttling.stop();
    }
  });

  test('`CREATE DATABASE` is refused, as Kapacitor has no /query', async () => {
    const query = await call(gate.port, 'POST', '/query', { user: 'ben:pw-ben', body: 'q=' });
    expect(query.status).toBe(403);
  });

  test('ping-auth-enabled = false frees GET and HEAD of the ping, and nothing else', async () => {
    const statusOf = async (each: string, headers: readonly string[] = []): Promise<number> => {
      const [method = '', target = ''] = each.split(' ');
      return (await exchange(gate.port, requestText(method, target, headers))).status;
    };
    for (const each of [`GET ${V1}/ping`, `HEAD ${V1}/ping`])
      expect(await statusOf(each)).toBe(204);
    for (const each of [
      ...[`POST ${V1}/ping`, `DELETE ${V1}/ping`, `POST ${PREVIEW}/ping`, `GET ${PREVIEW}/pin`],
      ...[`GET ${V1}/ping/`, 'GET /ping', 'HEAD /', `HEAD ${V1}/tasks`, `GET ${V1}/debug/vars`],
    ]) {
      expect({ each, status: await statusOf(each) }).toEqual({ each, status: 401 });
    }
    // Who gives credentials is asked whether they are right.
    expect(await statusOf(`GET ${V1}/ping`, ['Authorization: Basic eDp5'])).toBe(401);
    expect(await statusOf(`GET ${V1}/ping`, [as('ann')])).toBe(204);
  });

  test('OPTIONS of any path is 200, and says nothing of Kapacitor', async () => {
    upstream.clear();
    for (const path of [`${V1}/ping`, '/write', '/nowhere']) {
      const answer = await exchange(gate.port, requestText('OPTIONS', path, []));
      expect(answer.status).toBe(200);
      expect(answer.header('x-kapacitor-version')).toBeUndefined();
    }
    expect(upstream.requests).toEqual([]);
  });
});
