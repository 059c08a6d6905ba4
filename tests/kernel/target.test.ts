import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { readTarget } from '../../src/kernel/target.ts';
import type { Target, TargetReading } from '../../src/kernel/target.ts';
import { firstValue } from '../../src/kernel/query.ts';
import { getFirst, GO_VERSIONS, muxPath, parseQuery, parseRequestUri } from './go-reading.ts';
import type { GoPair, GoUrl } from './go-reading.ts';
import { anyTarget } from './nasty-targets.ts';

const PROPERTY = { numRuns: 10_000 };

/** What §2.1 of the design refuses, said once more over bytes: path and query apart. */
function isRefused(raw: string): boolean {
  const bytes = Buffer.from(raw);
  if (raw[0] !== '/' || bytes.some((byte) => byte <= 0x20 || byte >= 0x7f)) return true;
  if (/[#\\]/.test(raw)) return true;
  const url = parseRequestUri(bytes);
  return url === undefined || isPathRefused(raw, url.path) || isQueryRefused(url.rawQuery);
}

function isPathRefused(raw: string, decoded: Buffer): boolean {
  const text = utf8(decoded);
  if (text === undefined || /[\p{Cc}\\%?#]/u.test(text)) return true;
  const clean = muxPath(decoded).toString();
  if (clean !== text && [clean, text].some(isBelowSub)) return true;
  const slashes = (raw.split('?', 1)[0] ?? '').split('/').length;
  return text.split('/').length !== slashes;
}

/** The path holds a secret there, which no redirect repeats. */
function isBelowSub(path: string): boolean {
  return path.split('/')[1]?.toLowerCase() === 'sub';
}

function isQueryRefused(raw: Buffer): boolean {
  if (raw.includes(';')) return true;
  const pairs = parseQuery(raw, 'since 1.17');
  const written = raw.toString('latin1').split('&').filter(Boolean).length;
  if (pairs.length !== written) return true;
  if (pairs.flat().some((bytes) => utf8(bytes) === undefined)) return true;
  return ['db', 'rp', 'u', 'p'].some((name) => countOf(pairs, name) > 1);
}

function utf8(bytes: Buffer): string | undefined {
  const text = bytes.toString('utf8');
  return Buffer.from(text).equals(bytes) ? text : undefined;
}

function countOf(pairs: readonly GoPair[], name: string): number {
  return pairs.filter((pair) => pair[0].toString() === name).length;
}

/** Runs `rule` on those generated targets that are read as `kind`, and fails where hardly any was. */
function everyTarget<Kind extends TargetReading['kind']>(
  kind: Kind,
  rule: (reading: Extract<TargetReading, { kind: Kind }>, raw: string) => void,
): void {
  let played = 0;
  fc.assert(
    fc.property(anyTarget, (raw) => {
      const reading = readTarget('POST', raw);
      if (!isKind(reading, kind)) return;
      played += 1;
      rule(reading, raw);
    }),
    PROPERTY,
  );
  expect(played).toBeGreaterThan(PROPERTY.numRuns / 20);
}

function isKind<Kind extends TargetReading['kind']>(
  reading: TargetReading,
  kind: Kind,
): reading is Extract<TargetReading, { kind: Kind }> {
  return reading.kind === kind;
}

function readByGo(target: string): GoUrl {
  const url = parseRequestUri(Buffer.from(target));
  if (url === undefined) throw new Error(`Go refuses ${JSON.stringify(target)}`);
  return url;
}

function expectBytes(actual: Buffer, expected: string): void {
  expect(actual.toString('hex')).toBe(Buffer.from(expected).toString('hex'));
}

/** The pairs as one comparable value. */
function listed(pairs: readonly GoPair[]): readonly string[] {
  return pairs.map(([name, value]) => `${name.toString('hex')}=${value.toString('hex')}`);
}

function judged(target: Target, isSent: boolean): readonly string[] {
  return target.query
    .filter(({ name }) => !isSent || (name !== 'u' && name !== 'p'))
    .map(
      ({ name, value }) =>
        `${Buffer.from(name).toString('hex')}=${Buffer.from(value).toString('hex')}`,
    );
}

describe('readTarget, a target that is let through', () => {
  test('is sent as Kapacitor reads the very path that was judged, and needs no cleaning', () => {
    everyTarget('target', ({ target }) => {
      const url = readByGo(target.sent);
      expectBytes(url.path, target.path);
      expectBytes(muxPath(url.path), target.path);
    });
  });

  test('is sent with the query that was judged, in the eyes of Go before and after 1.17', () => {
    everyTarget('target', ({ target }) => {
      const { rawQuery } = readByGo(target.sent);
      for (const version of GO_VERSIONS) {
        expect(listed(parseQuery(rawQuery, version))).toEqual(judged(target, true));
      }
    });
  });

  test('is judged by the first value of each name that Kapacitor takes', () => {
    everyTarget('target', ({ target }) => {
      const { rawQuery } = readByGo(target.sent);
      const names = ['db', 'rp', 'precision', 'x', ''];
      for (const version of GO_VERSIONS) {
        const pairs = parseQuery(rawQuery, version);
        expect(names.map((name) => getFirst(pairs, name).toString('hex'))).toEqual(
          names.map((name) => Buffer.from(firstValue(target.query, name)).toString('hex')),
        );
      }
    });
  });

  test('is read by the gateway as Kapacitor would read the original', () => {
    everyTarget('target', ({ target }, raw) => {
      const url = readByGo(raw);
      if (!isBelowSub(url.path.toString())) expectBytes(url.path, target.path);
      for (const version of GO_VERSIONS) {
        expect(listed(parseQuery(url.rawQuery, version))).toEqual(judged(target, false));
      }
    });
  });

  test('is sent without u and p in any spelling', () => {
    everyTarget('target', ({ target }) => {
      const { rawQuery } = readByGo(target.sent);
      for (const version of GO_VERSIONS) {
        const pairs = parseQuery(rawQuery, version);
        expect(countOf(pairs, 'u') + countOf(pairs, 'p')).toBe(0);
      }
    });
  });

  test('is sent in characters that stand in any request line', () => {
    everyTarget('target', ({ target }) => {
      expect(target.sent).toMatch(
        /^\/[A-Za-z0-9\-._~$&+,=:@/%]*(?:\?[A-Za-z0-9\-._~!'()*+=&%]+)?$/,
      );
    });
  });

  test('is judged and sent the same when it comes back', () => {
    everyTarget('target', ({ target }) => {
      const again = readTarget(target.method, target.sent);
      expect(again).toMatchObject({
        kind: 'target',
        target: { path: target.path, sent: target.sent },
      });
    });
  });
});

describe('readTarget, a target that is redirected', () => {
  test('goes where the mux of Kapacitor sends it, with the query as it came', () => {
    everyTarget('redirect', ({ location }, raw) => {
      const [from, to] = [readByGo(raw), readByGo(location)];
      expect(to.path.equals(muxPath(from.path))).toBe(true);
      expect(from.path.equals(to.path)).toBe(false);
      expect(location.slice((location + '?').indexOf('?'))).toBe(
        raw.slice((raw + '?').indexOf('?')),
      );
    });
  });

  test('arrives: the place is let through at once', () => {
    everyTarget('redirect', ({ location }) => {
      expect(readTarget('POST', location).kind).toBe('target');
    });
  });

  test('never leads to another host', () => {
    everyTarget('redirect', ({ location }) => {
      expect(location).toMatch(/^\/(?!\/)/);
      expect(new URL(location, 'http://gateway').host).toBe('gateway');
    });
  });
});

describe('readTarget, refusals', () => {
  test('exactly what two readers could read differently is refused', () => {
    fc.assert(
      fc.property(anyTarget, (raw) => {
        expect(readTarget('POST', raw).kind === 'refused').toBe(isRefused(raw));
      }),
      PROPERTY,
    );
  });

  test('a refusal says why in one line of plain text', () => {
    everyTarget('refused', ({ why }) => {
      expect(why).toMatch(/^[\x20-\x7e]{10,}$/);
    });
  });
});

/** reference/kapacitor.md §6.2: what Kapacitor 1.5.9 and 1.8.3 do with each target. */
function accepted(raw: string, path: string, sent = raw): void {
  test(`${raw} is let through`, () => {
    expect(readTarget('GET', raw)).toMatchObject({ kind: 'target', target: { path, sent } });
  });
}

function redirected(raw: string, location: string): void {
  test(`${raw} is redirected to ${location}`, () => {
    expect(readTarget('POST', raw)).toEqual({ kind: 'redirect', location });
  });
}

function refused(raw: string, why: RegExp): void {
  test(`${JSON.stringify(raw)} is refused`, () => {
    const reading = readTarget('GET', raw);
    expect(reading.kind).toBe('refused');
    if (reading.kind === 'refused') expect(reading.why).toMatch(why);
  });
}

describe('readTarget, what Kapacitor routes', () => {
  accepted('/', '/');
  accepted('/kapacitor/v1/ping', '/kapacitor/v1/ping');
  accepted('/kapacitor/v1/p%69ng', '/kapacitor/v1/ping', '/kapacitor/v1/ping');
  accepted('/%77rite?db=a', '/write', '/write?db=a');
  accepted('/kapacitor/v1/%3aroutes', '/kapacitor/v1/:routes', '/kapacitor/v1/:routes');
  accepted('/kapacitor/v1/tasks/', '/kapacitor/v1/tasks/');
  accepted('/kapacitor/v1/ping;x=1', '/kapacitor/v1/ping;x=1', '/kapacitor/v1/ping%3Bx=1');
  accepted('/kapacitor/v1/ping%3bx', '/kapacitor/v1/ping;x', '/kapacitor/v1/ping%3Bx');
  accepted('/kapacitor/v1/PING', '/kapacitor/v1/PING');
  accepted('/kapacitor/v1/ping%20', '/kapacitor/v1/ping ');
  accepted('/kapacitor/v1/a+b', '/kapacitor/v1/a+b');
  accepted('/kapacitor/v1/c%c3%b6nfig', '/kapacitor/v1/cönfig', '/kapacitor/v1/c%C3%B6nfig');
  accepted('/kapacitor/v1preview%70/x', '/kapacitor/v1previewp/x', '/kapacitor/v1previewp/x');
  accepted('/kapacitor/v1/...', '/kapacitor/v1/...');
  accepted('/kapacitor/v1../users', '/kapacitor/v1../users');
  accepted('/http:/evil', '/http:/evil');
  accepted('/x?', '/x', '/x');
  accepted('/x?a=/../&b=?', '/x', '/x?a=%2F..%2F&b=%3F');
  accepted('/x?u=a&p=b', '/x', '/x');
  accepted('/x?%75=a&db=d&%70=b&v', '/x', '/x?db=d&v');
  accepted('/x?db=a%3Bb%26db%3Dc', '/x', '/x?db=a%3Bb%26db%3Dc');
  accepted('/x?DB=a&db=b', '/x');
  accepted('/x?a=1&a=2', '/x');
});

describe('readTarget, what the mux of Kapacitor redirects', () => {
  redirected('//kapacitor/v1/ping', '/kapacitor/v1/ping');
  redirected('/kapacitor/v1//ping', '/kapacitor/v1/ping');
  redirected('/./kapacitor/v1/ping', '/kapacitor/v1/ping');
  redirected('/kapacitor/v1/x/../ping', '/kapacitor/v1/ping');
  redirected('/kapacitor/%2e%2e/v1/ping', '/v1/ping');
  redirected('/kapacitor/v1/%2E/ping', '/kapacitor/v1/ping');
  redirected('/kapacitor/v1preview/../v1/ping', '/kapacitor/v1/ping');
  redirected('/kapacitor/v1preview//ping', '/kapacitor/v1preview/ping');
  redirected('/kapacitor/v1/config//', '/kapacitor/v1/config/');
  redirected('/kapacitor/v1/tasks/.', '/kapacitor/v1/tasks');
  redirected('/kapacitor/v1/tasks/..', '/kapacitor/v1');
  redirected('/..', '/');
  redirected('//', '/');
  redirected('//evil.example/%2e%2e', '/');
  redirected('/../../write?db=a&u=b', '/write?db=a&u=b');
  redirected("//a;b%3bc!'(d)*", '/a;b;c%21%27%28d%29%2A');
  redirected('//write?', '/write?');
  redirected('//write?x=%2f..', '/write?x=%2f..');
});

describe('readTarget, what Kapacitor takes or refuses itself and the gateway refuses', () => {
  refused('kapacitor/v1/ping', /begins with "\/"/);
  refused('', /begins with "\/"/);
  refused('*', /begins with "\/"/);
  refused('http://evil/kapacitor/v1/ping', /begins with "\/"/);
  refused('http://evil', /begins with "\/"/);
  refused('evil:9092', /begins with "\/"/);
  refused('/kapacitor/v1/ping#frag', /"#"/);
  refused('/kapacitor/v1\\ping', /"\\"/);
  refused('/kapacitor/v1/ping\x00', /percent-encoded/);
  refused('/kapacitor/v1/p ing', /percent-encoded/);
  refused('/kapacitor/v1/\u00f6', /percent-encoded/);
  refused('/ping\x7f', /percent-encoded/);
  refused('/kapacitor%2fv1%2fping', /encoded \//);
  refused('/kapacitor/v1/config%2Finfluxdb', /encoded \//);
  refused('/kapacitor/v1/tasks%2f', /encoded \//);
  refused('/kapacitor/v1/tasks%2f..%2fconfig', /encoded \//);
  refused('/kapacitor/v1/%5cconfig', /encoded/);
  refused('/kapacitor/v1/%2563onfig', /encoded/);
  refused('/kapacitor/v1/config%3Fa', /encoded/);
  refused('/kapacitor/v1/ping%23', /encoded/);
  refused('/kapacitor/v1/config%00', /control/);
  refused('/kapacitor/v1/config%7F', /control/);
  refused('/kapacitor/v1/config%c2%85', /control/);
  refused('/kapacitor/v1/%c0%afconfig', /UTF-8/);
  refused('/kapacitor/v1/%ff', /UTF-8/);
  refused('/kapacitor/v1/%ed%a0%80', /UTF-8/);
  refused('/kapacitor/v1/%zz', /bad percent escape/);
  refused('/kapacitor/v1/%u0041', /bad percent escape/);
  refused('/%', /bad percent escape/);
  refused('/%2', /bad percent escape/);
  refused('/write?db=mine;x&db=secret', /";" in the query/);
  refused('/write?rp=x;db=telegraf', /";" in the query/);
  refused('/write?db=a&db=b', /"db" may stand there only once/);
  refused('/write?db=a&d%62=a', /"db"/);
  refused('/write?db&db=a', /"db"/);
  refused('/write?rp=a&db=b&rp=', /"rp"/);
  refused('/ping?u=a&u=b&p=c', /"u"/);
  refused('/ping?u=a&p=c&%70=c', /"p"/);
  refused('/write?db=a%zz&db=b', /bad percent escape/);
  refused('/write?db=%ff', /UTF-8/);
  refused('//write?db=a;b', /";" in the query/);
});

describe('readTarget, methods', () => {
  const known = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

  test.each(known)('%s is one that Kapacitor routes', (method) => {
    expect(readTarget(method, '/x')).toMatchObject({ kind: 'target', target: { method } });
  });

  test.each(['TRACE', 'CONNECT', 'PROPFIND', 'get', 'Get', 'QUERY', 'PRI', '', 'constructor'])(
    '%p is unknown, whatever its target is',
    (method) => {
      expect(readTarget(method, '/x')).toEqual({ kind: 'unknown-method' });
      expect(readTarget(method, '/%zz')).toEqual({ kind: 'unknown-method' });
    },
  );

  test('a target is read alike for every known method', () => {
    fc.assert(
      fc.property(anyTarget, fc.constantFrom(...known), (raw, method) => {
        const [one, other] = [readTarget('GET', raw), readTarget(method, raw)];
        const sent = (reading: TargetReading): unknown =>
          reading.kind === 'target' ? { ...reading.target, method: '' } : reading;
        expect(sent(other)).toEqual(sent(one));
      }),
      { numRuns: 2000 },
    );
  });
});
