import { describe, expect, test } from '@jest/globals';
import { BOOTSTRAP_WINDOW_MS, judgeBootstrap } from '../../src/users/bootstrap.ts';
import type { BootstrapRequest, BootstrapState } from '../../src/users/bootstrap.ts';

/** What `curl -XPOST http://localhost:9092/kapacitor/v1/users -d …` sends. */
const REQUEST: BootstrapRequest = {
  method: 'POST',
  path: '/kapacitor/v1/users',
  query: [],
  peer: '127.0.0.1',
  host: 'localhost:9092',
  headerNames: ['Host', 'User-Agent', 'Accept', 'Content-Length', 'Content-Type'],
};
const STATE: BootstrapState = {
  enabled: true,
  everHadAdmin: false,
  elapsedMs: 1000,
  trustedProxies: 0,
};

describe('judgeBootstrap', () => {
  function opens(request: Partial<BootstrapRequest>, state: Partial<BootstrapState> = {}): void {
    test(`${JSON.stringify({ ...request, ...state })} may make the first admin`, () => {
      const judgement = judgeBootstrap({ ...REQUEST, ...request }, { ...STATE, ...state });
      expect(judgement).toEqual({ kind: 'open' });
    });
  }

  opens({});
  opens({ peer: '127.1.2.3' });
  opens({ peer: '::1' });
  opens({ peer: '::ffff:127.0.0.1' });
  opens({ host: 'localhost' });
  opens({ host: 'LOCALHOST:80' });
  opens({ host: '127.0.0.1:9092' });
  opens({ host: '[::1]:9092' });
  opens({ host: '[::1]' });
  opens({}, { elapsedMs: 0 });
  opens({}, { elapsedMs: BOOTSTRAP_WINDOW_MS - 1 });

  function stays(
    request: Partial<BootstrapRequest>,
    state: Partial<BootstrapState>,
    why: RegExp,
  ): void {
    test(`${JSON.stringify({ ...request, ...state })} may not`, () => {
      const judgement = judgeBootstrap({ ...REQUEST, ...request }, { ...STATE, ...state });
      expect(judgement).toEqual({ kind: 'closed', why: expect.stringMatching(why) });
    });
  }

  stays({}, { enabled: false }, /is off/);
  stays({}, { everHadAdmin: true }, /an admin was made before/);
  stays({}, { trustedProxies: 1 }, /trusted-proxies/);
  stays({}, { elapsedMs: BOOTSTRAP_WINDOW_MS }, /15 minutes/);
  stays({}, { elapsedMs: -1 }, /15 minutes/);
  stays({}, { elapsedMs: NaN }, /15 minutes/);
  for (const method of ['GET', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'post']) {
    stays({ method }, {}, /only POST/);
  }
  for (const path of [
    '/kapacitor/v1/users/',
    '/kapacitor/v1/users/root',
    '/kapacitor/v1preview/users',
    '/kapacitor/v1/tasks',
    '/users',
  ]) {
    stays({ path }, {}, /only POST/);
  }
  stays({ query: [{ name: 'u', value: 'a', bare: false }] }, {}, /query/);
  for (const peer of [
    undefined,
    '',
    '10.0.0.1',
    '192.168.1.1',
    '::',
    'fe80::1',
    '::ffff:10.0.0.1',
    '128.0.0.1',
    '1127.0.0.1',
    '127.0.0.1.example.com',
    '0.0.0.0',
  ]) {
    stays({ peer }, {}, /this host/);
  }
  for (const host of [
    undefined,
    '',
    'kapacitor.example.com',
    'localhost.example.com',
    'localhost@evil',
    'evil:localhost',
    '127.0.0.2',
    '::1',
    'localhost:',
    'localhost:9092:1',
    ' localhost',
    'localhost, localhost',
    'localhost\n',
  ]) {
    stays({ host }, {}, /Host header/);
  }
  for (const header of [
    'Origin',
    'referer',
    'Cookie',
    'Sec-Fetch-Site',
    'Sec-Fetch-Mode',
    'Via',
    'Forwarded',
    'X-Real-IP',
    'X-Forwarded-For',
    'X-Forwarded-Proto',
    'x-forwarded-host',
    'X_Forwarded_For',
    'X.Forwarded.For',
    'x_real_ip',
    'Authorization',
    'Proxy-Authorization',
  ]) {
    stays({ headerNames: [...REQUEST.headerNames, header] }, {}, /carries the header/);
  }
});
