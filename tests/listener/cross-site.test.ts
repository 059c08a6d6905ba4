import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expectNoAccidents } from '../support/accidents.ts';
import { eventually } from '../support/eventually.ts';
import { as, openGateway } from '../support/open-gateway.ts';
import type { OpenGateway } from '../support/open-gateway.ts';
import { exchange, requestText } from '../support/raw-client.ts';
import type { RawResponse } from '../support/raw-client.ts';
import { answering, startRecordingUpstream } from '../support/recording-upstream.ts';
import type { RecordingUpstream } from '../support/recording-upstream.ts';
import { createTempDir } from '../support/temp-dir.ts';
import type { TempDir } from '../support/temp-dir.ts';

const TASKS = '/kapacitor/v1/tasks';
const USERS_API = '/kapacitor/v1/users';
/** What a form sends that pretends to be JSON. */
const FORM = ['Content-Type: text/plain'];
const PARTNER = 'https://partner.example';

type Name = 'plain' | 'allowing' | 'proxied' | 'observing' | 'open' | 'throttling';

let upstream: RecordingUpstream;
let dir: TempDir;
let gateways: Readonly<Record<Name, OpenGateway>>;

expectNoAccidents();

beforeAll(async () => {
  upstream = await startRecordingUpstream(answering(204));
  dir = await createTempDir();
  const start = (env: Readonly<Record<string, string>>): Promise<OpenGateway> =>
    openGateway({ upstream: upstream.url, env });
  gateways = {
    plain: await start({ KAPGATE_AUDIT_FILE: join(dir.path, 'audit.log') }),
    allowing: await start({ KAPGATE_HTTP_ALLOWED_ORIGINS: `${PARTNER},http://other.example:8080` }),
    proxied: await start({ KAPGATE_HTTP_TRUSTED_PROXIES: '127.0.0.1' }),
    observing: await start({ KAPGATE_AUTH_OBSERVE: 'true' }),
    open: await start({ KAPGATE_HTTP_AUTH_ENABLED: 'false', KAPGATE_AUTH_ENABLED: 'false' }),
    throttling: await start({ KAPGATE_LIMITS_LOGIN_FAILURES: '1 per 1h' }),
  };
});

afterEach(() => {
  upstream.clear();
});

afterAll(async () => {
  for (const gateway of Object.values(gateways)) await gateway.stop();
  await upstream.stop();
  await dir.remove();
});

function send(
  name: Name,
  method: string,
  target: string,
  headers: readonly string[],
  body = '{"id":"x"}',
): Promise<RawResponse> {
  return exchange(gateways[name].port, requestText(method, target, headers, body));
}

function passes(what: string, headers: readonly string[], name: Name = 'plain'): void {
  test(`${what} passes`, async () => {
    const answer = await send(name, 'POST', TASKS, [as('ann'), ...FORM, ...headers]);
    expect(answer.status).toBe(204);
    expect(upstream.requests.length).toBe(1);
    // Kapacitor would reflect it.
    expect(upstream.requests[0]?.headers.map(([each]) => each.toLowerCase())).not.toContain(
      'origin',
    );
  });
}

function refuses(what: string, headers: readonly string[], name: Name = 'plain'): void {
  test(`${what} is refused, and Kapacitor does not hear of it`, async () => {
    const answer = await send(name, 'POST', TASKS, [as('ann'), ...FORM, ...headers]);
    expect(answer.status).toBe(403);
    expect(answer.body.toString()).toMatch(/^\{"error":"cross-site request refused: /);
    expect(upstream.requests).toEqual([]);
  });
}

describe('what changes something, sent by a browser', () => {
  describe('from the gateway’s own pages, or from no page', () => {
    passes('a request without Origin and Sec-Fetch-Site', []);
    passes('one of the same origin', ['Origin: http://kapgate', 'Sec-Fetch-Site: same-origin']);
    passes('one of the same origin, in an older browser', ['Origin: http://kapgate']);
    passes('one of the same host behind something that speaks TLS', ['Origin: https://kapgate']);
    passes('one with the default port', ['Origin: http://kapgate:80']);
    passes('one in capitals', ['Origin: HTTP://KapGate']);
    passes('one that the person made', ['Sec-Fetch-Site: none']);
    passes('one whose browser says that it is of the same origin, whatever Host became', [
      'Origin: https://public.example',
      'Sec-Fetch-Site: same-origin',
    ]);
  });

  describe('from foreign pages', () => {
    refuses('one of another host', ['Origin: https://evil.example']);
    refuses('one of another host that says so', [
      'Origin: https://evil.example',
      'Sec-Fetch-Site: cross-site',
    ]);
    refuses('one of another port', ['Origin: http://kapgate:8080']);
    refuses('one of the default port of another scheme', ['Origin: http://kapgate:443']);
    refuses('one of the same site, but another host', [
      'Origin: http://wiki.kapgate',
      'Sec-Fetch-Site: same-site',
    ]);
    refuses('one that hides its Origin', ['Sec-Fetch-Site: cross-site']);
    refuses('one without an origin: a file, a sandboxed frame', ['Origin: null']);
    refuses('one whose Origin only begins like the host', ['Origin: http://kapgate.evil.example']);
    refuses('one whose Origin only ends like the host', ['Origin: http://evil-kapgate']);
    refuses('one with the host as its user', ['Origin: http://kapgate@evil.example']);
    refuses('one with the host in its path', ['Origin: http://evil.example/kapgate']);
    refuses('one of a scheme that serves no pages', ['Origin: ftp://kapgate']);
    refuses('an extension', ['Origin: chrome-extension://kapgate', 'Sec-Fetch-Site: none']);
    refuses('one with an empty Origin', ['Origin: ']);
    refuses('one that says two things at once', [
      'Origin: https://evil.example',
      'Sec-Fetch-Site: cross-site',
      'Sec-Fetch-Site: same-origin',
    ]);
    refuses('one that names another host in X-Forwarded-Host', [
      'Origin: https://evil.example',
      'X-Forwarded-Host: evil.example',
    ]);
    refuses('one with a look-alike of a proxy’s header', [
      'Origin: https://evil.example',
      'X_Forwarded_For: 10.0.0.1',
    ]);

    test.each(['POST', 'PUT', 'PATCH', 'DELETE'])('%s is refused', async (method) => {
      const headers = [as('admin'), 'Origin: https://evil.example'];
      for (const target of [
        TASKS,
        `${TASKS}/x`,
        '/write?db=d',
        USERS_API,
        '/kapacitor/v1/%75sers',
      ]) {
        expect((await send('plain', method, target, headers, '')).status).toBe(403);
      }
      expect(upstream.requests).toEqual([]);
    });

    test.each(['GET', 'HEAD'])('%s passes: it changes nothing, and is not read', async (method) => {
      const headers = [as('ann'), 'Origin: https://evil.example', 'Sec-Fetch-Site: cross-site'];
      const answer = await send('plain', method, TASKS, headers, '');
      expect(answer.status).toBe(204);
      expect(
        answer.headers.map(([name]) => name).filter((name) => /access-|vary/i.test(name)),
      ).toEqual([]);
    });
  });

  describe('through a proxy, or by a script that was let ask', () => {
    const foreign = 'Origin: https://chronograf.example';
    passes('Chronograf’s page', [foreign, 'X-Forwarded-For: 10.0.0.9']);
    passes('Chronograf’s page over TLS', [
      foreign,
      'Sec-Fetch-Site: same-origin',
      'X-Forwarded-For: 10.0.0.9',
    ]);
    passes('one with Forwarded', [foreign, 'Forwarded: for=10.0.0.9']);
    passes('one with Via', [foreign, 'Via: 1.1 proxy']);
    passes('one with X-Requested-With', [foreign, 'X-Requested-With: XMLHttpRequest']);
  });

  describe('behind trusted proxies, which add their headers to everything', () => {
    const forwarded = 'X-Forwarded-For: 10.0.0.9';
    refuses(
      'a foreign page whose browser says so',
      ['Origin: https://evil.example', 'Sec-Fetch-Site: cross-site', forwarded],
      'proxied',
    );
    refuses(
      'one that hides its Origin',
      ['Sec-Fetch-Site: cross-site', forwarded, 'Via: 1.1 nginx', 'Forwarded: for=10.0.0.9'],
      'proxied',
    );
    passes(
      'Chronograf’s page',
      ['Origin: https://chronograf.example', 'Sec-Fetch-Site: same-origin', forwarded],
      'proxied',
    );
    passes(
      'Chronograf’s page where browsers say nothing of sites: without TLS',
      ['Origin: http://chronograf.example', forwarded],
      'proxied',
    );
    passes(
      'a script that was let ask',
      ['Origin: https://x.example', 'Sec-Fetch-Site: cross-site', 'X-Requested-With: fetch'],
      'proxied',
    );
  });

  describe('with allowed-origins', () => {
    passes('a page of one', [`Origin: ${PARTNER}`, 'Sec-Fetch-Site: cross-site'], 'allowing');
    passes('a page of another one', ['Origin: http://other.example:8080'], 'allowing');
    for (const origin of [
      'http://partner.example',
      'https://partner.example:8443',
      'https://partner.example.evil.example',
      'https://sub.partner.example',
      'https://other.example:8080',
      'null',
    ]) {
      refuses(`a page of ${origin}`, [`Origin: ${origin}`], 'allowing');
    }
  });

  test('is refused before its password is compared, and counts as no guess', async () => {
    const guessOf = (password: string): string =>
      `Authorization: Basic ${Buffer.from(`ann:${password}`).toString('base64')}`;
    for (let guess = 0; guess < 5; guess++) {
      const headers = [guessOf(String(guess)), 'Origin: https://evil.example'];
      expect((await send('throttling', 'POST', TASKS, headers)).status).toBe(403);
    }
    expect((await send('throttling', 'POST', TASKS, [guessOf('x')])).status).toBe(401);
    expect((await send('throttling', 'POST', TASKS, [guessOf('y')])).status).toBe(429);
  });

  test('is refused by an open gate too, where the page needs no credentials', async () => {
    const headers = ['Origin: https://evil.example'];
    expect((await send('open', 'POST', TASKS, headers)).status).toBe(403);
    expect((await send('open', 'POST', TASKS, [])).status).toBe(204);
  });

  test('passes in a rehearsal, as nobody, and is noted', async () => {
    const headers = [as('ann'), 'Origin: https://evil.example'];
    const before = gateways.observing.accesses.length;
    expect((await send('observing', 'POST', TASKS, headers)).status).toBe(204);
    expect((await gateways.observing.accessed(before + 1)).at(-1)?.['verdict']).toMatch(
      /^observe: would be 403 cross-site request refused: a page of "https:\/\/evil\.example"/,
    );
    expect((await send('observing', 'POST', USERS_API, headers)).status).toBe(403);
  });

  test('is told to whoever reads the logs', async () => {
    const origin = `https://${'e'.repeat(5000)}".example`;
    await send('plain', 'DELETE', `${TASKS}/told`, [as('admin'), `Origin: ${origin}`], '');
    const told = () => gateways.plain.accesses.find(({ path }) => path === `${TASKS}/told`);
    await eventually('its line', () => told() !== undefined);
    const access = told();
    expect(access).toMatchObject({ status: 403, username: 'admin', path: `${TASKS}/told` });
    expect(String(access?.['reason']).length).toBeLessThan(500);
    await gateways.plain.stop();
    const lines = (await readFile(join(dir.path, 'audit.log'), 'utf8')).split('\n');
    const audited = lines.find((line) => line.includes('/told')) ?? '';
    expect(JSON.parse(audited)).toMatchObject({
      verdict: 'cross-site',
      status: 403,
      claimed: 'admin',
      auth: 'basic',
    });
  });
});
