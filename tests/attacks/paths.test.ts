import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { posix } from 'node:path';
import { expectNoAccidents } from '../support/accidents.ts';
import { as, openGateway } from '../support/open-gateway.ts';
import type { OpenGateway, USERS } from '../support/open-gateway.ts';
import { exchange } from '../support/raw-client.ts';
import { answering, startRecordingUpstream } from '../support/recording-upstream.ts';
import type { RecordingUpstream } from '../support/recording-upstream.ts';

type User = (typeof USERS)[number]['name'];

let upstream: RecordingUpstream;
let gateway: OpenGateway;

expectNoAccidents();

beforeAll(async () => {
  upstream = await startRecordingUpstream(answering(200, {}, 'from upstream'));
  gateway = await openGateway({ upstream: upstream.url });
});

afterEach(() => upstream.clear());

afterAll(async () => {
  await gateway.stop();
  await upstream.stop();
});

/** The bytes of the target go over the wire as they are written here. */
async function ask(
  user: User | undefined,
  line: string,
  headers: readonly string[] = [],
): Promise<number> {
  const own = user === undefined ? headers : [as(user), ...headers];
  const head = [`${line} HTTP/1.1`, 'Host: kapgate', ...own, 'Content-Length: 0'];
  return (await exchange(gateway.port, Buffer.from(`${head.join('\r\n')}\r\n\r\n`, 'latin1')))
    .status;
}

/** What ben, who has `api`, and nobody without credentials may reach in no spelling. */
const FORBIDDEN =
  /^\/kapacitor\/v1(?:preview)?\/(?:users|config|storage|loglevel|sideload)(?:\/|$)/;

/** Each target that reached the upstream, as a server reads it that decodes and cleans it, twice over. */
function reached(): readonly string[] {
  return upstream.requests.flatMap(({ target }) => {
    const once = decoded(target.split('?')[0] ?? '');
    return [target, posix.normalize(once), posix.normalize(decoded(once))];
  });
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

type Case = readonly [line: string, user: User | undefined, status: number];

const CASES: Readonly<Record<string, readonly Case[]>> = {
  'CVE-2021-29492, an escaped slash': [
    ['GET /kapacitor/v1%2Fconfig', 'ben', 400],
    ['GET /kapacitor%2fv1%2fconfig', 'ben', 400],
    ['GET /kapacitor/v1/config%2F', 'ben', 400],
    ['GET /kapacitor/v1/tasks%2f..%2fconfig', 'ben', 400],
    ['GET %2fkapacitor/v1/config', 'ben', 400],
  ],
  'CVE-2026-40912, a prefix whose decoded and raw lengths differ': [
    ['GET /k%61pacitor/v1/config', 'ben', 403],
    ['GET /%6b%61%70%61%63%69%74%6f%72/%76%31/%63%6f%6e%66%69%67', 'ben', 403],
    ['GET /kapacitor/v%31/%75sers', 'ben', 403],
    ['GET /kapacitor/v1%2e/config', 'ben', 403],
    ['GET /kapacitor/v1/.%2fconfig', 'ben', 400],
  ],
  'CVE-2026-48020, dots behind the prefix': [
    ['GET /kapacitor/v1../users', 'ben', 403],
    // Sent as it is, it is no path of Kapacitor's: 404 there.
    ['GET /kapacitor/v1preview../users', 'ben', 200],
    ['GET /kapacitor/v1/../v1/users', 'ben', 301],
    ['GET /kapacitor/v1/ping/../users', 'ben', 301],
    ['GET /kapacitor/../kapacitor/v1/config', undefined, 301],
  ],
  'GHSA-2q7r-29rg-6m5h, escaped dots': [
    ['GET /kapacitor/v1/tasks/%2E%2E/users', 'ben', 301],
    ['GET /kapacitor/v1/tasks/%2e./config', 'ben', 301],
    ['GET /kapacitor/v1/tasks/.%2e/config', 'ben', 301],
    ['GET /kapacitor/v1/%2e/config', 'ben', 301],
    ['POST /kapacitor/v1/tasks/%2E%2E/users', 'ben', 301],
  ],
  'CVE-2026-22037 and CVE-2026-33807, an escaped letter': [
    ['GET /kapacitor/v1/%63onfig', 'ben', 403],
    ['GET /kapacitor/v1/%75sers', 'ben', 403],
    ['POST /kapacitor/v1/%75sers', 'ben', 403],
    ['GET /kapacitor/v1preview/%63onfig', 'ben', 403],
    ['GET /kapacitor/v1/storag%65/backup', 'ben', 403],
    ['POST /%77rite?db=d', 'ben', 403],
  ],
  'caddy#7941, a free path before the real one': [
    ['GET /kapacitor/v1/ping/..%2fconfig', undefined, 400],
    ['GET /kapacitor/v1/ping/%2e%2e/config', undefined, 301],
    ['GET /kapacitor/v1/ping%2f../config', undefined, 400],
    ['GET /kapacitor/v1/ping/', undefined, 401],
  ],
  'CVE-2026-26205, two slashes are no host': [
    ['GET //kapacitor/v1/users', 'ben', 301],
    ['GET //evil/kapacitor/v1/users', 'ben', 301],
    ['GET ///kapacitor/v1/config', 'ben', 301],
    ['GET http://evil/kapacitor/v1/users', 'ben', 400],
    ['GET /http://evil/kapacitor/v1/users', 'ben', 301],
    ['POST //kapacitor/v1/users', 'ben', 301],
  ],
  'CVE-2026-32811, an escaped question mark': [
    ['GET /kapacitor/v1/ping%3F/../users', 'ben', 400],
    ['GET /kapacitor/v1/users%3Fx', 'ben', 400],
    ['GET /kapacitor/v1/tasks?/../users', 'ben', 200],
  ],
  'GHSA-pxq7-h93f-9jrg, a fragment': [
    ['GET /kapacitor/v1/users#/ping', 'ben', 400],
    ['GET /kapacitor/v1/users%23/ping', 'ben', 400],
    ['GET /kapacitor/v1/ping#/../users', undefined, 400],
    ['GET /kapacitor/v1/tasks?a#b', 'ben', 400],
  ],
  'GHSA-7rh7-c77v-6434 and CVE-2025-54576, a free path in the query': [
    ['GET /kapacitor/v1/users?x=/kapacitor/v1/ping', undefined, 401],
    ['GET /kapacitor/v1/tasks?/kapacitor/v1/ping', undefined, 401],
    ['GET /kapacitor/v1/config?x=/kapacitor/v1/tasks', 'ben', 403],
  ],
  'CVE-2021-32637, what no parser reads': [
    ['GET /%zz', undefined, 400],
    ['GET /%', undefined, 400],
    ['GET /%u0041', undefined, 400],
    ['GET /kapacitor/v1/tasks/%', 'ben', 400],
    ['GET /kapacitor/v1/tasks/%c0%af', 'ben', 400],
    ['GET /kapacitor/v1/tasks/\xff', 'ben', 400],
    ['GET kapacitor/v1/tasks', 'ben', 400],
    ['GET /kapacitor/v1/tasks?x=%zz', 'ben', 400],
  ],
  'a nested preview path': [
    ['GET /kapacitor/v1preview/../v1/config', 'ben', 301],
    ['GET /kapacitor/v1preview/kapacitor/v1/config', 'ben', 200],
    ['GET /kapacitor/v1preview/config', 'ben', 403],
    ['GET /kapacitor/v1preview/users', 'ben', 403],
    ['GET /kapacitor/v1/v1preview/users', 'ben', 200],
  ],
  'N11 and N12, what makes an admin of whoever has api': [
    ['GET /kapacitor/v1/users', 'ben', 403],
    ['POST /kapacitor/v1/users', 'ben', 403],
    ['PATCH /kapacitor/v1/users/admin', 'ben', 403],
    ['DELETE /kapacitor/v1/users/admin', 'ben', 403],
    ['GET /kapacitor/v1/storage/backup', 'ben', 403],
    ['GET /kapacitor/v1preview/storage/backup', 'ben', 403],
    ['POST /kapacitor/v1/storage/stores/tasks', 'ben', 403],
    ['POST /kapacitor/v1/sideload/reload', 'ben', 403],
    ['POST /kapacitor/v1/loglevel', 'ben', 403],
    ['PUT /kapacitor/v1/loglevel', 'ben', 403],
  ],
};

describe.each(Object.entries(CASES))('%s', (_family, cases) => {
  test.each(cases)('%s of %s is %i', async (line, user, status) => {
    expect(await ask(user, line)).toBe(status);
    expect(reached().filter((path) => FORBIDDEN.test(path))).toEqual([]);
    expect(upstream.requests.length).toBe(status === 200 ? 1 : 0);
  });
});

describe('CVE-2025-66490, an escaped separator at each boundary', () => {
  const places = ['/kapacitor@/v1/users', '/kapacitor/v1@/users', '/kapacitor/v1/@users'].concat(
    ['/kapacitor/v1/users@', '/kapacitor/v1/users@/ann', '@/kapacitor/v1/users'],
    ['/kapacitor/v1/tasks@/../users', '/kapacitor/v1@users', '/kapacitor@v1/config'],
  );
  const escapes = [
    '%2f',
    '%2F',
    '%5c',
    '%5C',
    '%3f',
    '%3F',
    '%23',
    '%00',
    '%0a',
    '%0d',
    '%25',
    '%252f',
  ];

  test.each(escapes)('%s is refused', async (escape) => {
    for (const place of places) {
      const target = place.replace('@', escape);
      expect([target, await ask('ben', `GET ${target}`)]).toEqual([target, 400]);
    }
    expect(upstream.requests).toEqual([]);
  });

  test.each([';', '%3b', '%3B', ';a=b', '\\', '%09', ' '])(
    '%j leads nowhere',
    async (separator) => {
      for (const place of places) {
        const target = place.replace('@', separator);
        expect([301, 400, 403, 404, 200]).toContain(await ask('ben', `GET ${target}`));
      }
      expect(reached().filter((path) => FORBIDDEN.test(path))).toEqual([]);
    },
  );
});

describe('a query that two servers read differently', () => {
  const WRITE = 'POST /write';
  test.each<Case>([
    [`${WRITE}?db=mine;x&db=secret`, 'ann', 400],
    [`${WRITE}?db=%zz&db=secret`, 'ann', 400],
    [`${WRITE}?db=a&db=b`, 'ann', 400],
    [`${WRITE}?db=a&d%62=b`, 'ann', 400],
    [`${WRITE}?db=a;db=b`, 'ann', 400],
    [`${WRITE}?db=a&rp=x&rp=y`, 'ann', 400],
    [`${WRITE}?u=ann&p=pw-ann&u=admin&db=a`, undefined, 400],
    ['GET /kapacitor/v1/tasks?u=ann;p=pw-ann', undefined, 400],
  ])('%s is refused', async (line, user, status) => {
    expect(await ask(user, line)).toBe(status);
    expect(upstream.requests).toEqual([]);
  });

  test('the database that is judged is the one that is sent', async () => {
    expect(await ask('ann', `${WRITE}?%64b=a%26db=b&DB=c&db[]=d`)).toBe(200);
    const [request] = upstream.requests;
    expect(new URL(request?.target ?? '', 'http://x').searchParams.getAll('db')).toEqual([
      'a&db=b',
    ]);
  });
});

describe('CVE-2026-40575 and others, a header that claims another target, method or host', () => {
  test.each([
    'X-Forwarded-Uri: /kapacitor/v1/ping',
    'X-Forwarded-Method: GET',
    'X-Forwarded-Host: localhost',
    'X-Original-URL: /kapacitor/v1/ping',
    'X-Rewrite-URL: /kapacitor/v1/ping',
    'X-Original-URI: /kapacitor/v1/ping',
    'X-HTTP-Method-Override: OPTIONS',
    'X-Method-Override: HEAD',
    'X-Forwarded-Prefix: /kapacitor',
    'X-Envoy-Original-Path: /kapacitor/v1/ping',
  ])('%s changes no decision, and does not go on', async (header) => {
    expect(await ask(undefined, 'POST /kapacitor/v1/tasks', [header])).toBe(401);
    expect(await ask('ben', 'GET /kapacitor/v1/config', [header])).toBe(403);
    expect(await ask('reader', 'DELETE /kapacitor/v1/tasks/a', [header])).toBe(403);
    expect(upstream.requests).toEqual([]);
  });

  test.each(['kube-probe/1.30', 'GoogleHC/1.0', 'ELB-HealthChecker/2.0', 'Prometheus/2.0'])(
    'GHSA-5hvv-m4w4-gf6v, the health check %s needs credentials',
    async (agent) => {
      expect(await ask(undefined, 'GET /kapacitor/v1/tasks', [`User-Agent: ${agent}`])).toBe(401);
      expect(await ask(undefined, 'GET /kapacitor/v1/ping', [`User-Agent: ${agent}`])).toBe(401);
    },
  );

  test.each(['evil-kapacitor', 'KAPGATE', 'localhost', 'a.'.repeat(120), 'x:1@y'])(
    'CVE-2026-55602, the Host %s decides nothing',
    async (host) => {
      const head = (user: readonly string[]): string =>
        `${['GET /kapacitor/v1/config HTTP/1.1', `Host: ${host}`, ...user].join('\r\n')}\r\n\r\n`;
      expect((await exchange(gateway.port, head([]))).status).toBe(401);
      expect((await exchange(gateway.port, head([as('ben')]))).status).toBe(403);
      expect(upstream.requests).toEqual([]);
    },
  );
});
