import { afterAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { createTokens } from '../../src/authenticate/token.ts';
import { requirementsOf } from '../../src/authorize/requirements.ts';
import { ConfigError, loadConfig } from '../../src/config/load.ts';
import { readCredentials } from '../../src/credentials/credentials.ts';
import { readQuery, writeQuery } from '../../src/kernel/query.ts';
import { Secret } from '../../src/kernel/secret.ts';
import { readTarget } from '../../src/kernel/target.ts';
import { createOwnUser } from '../../src/meta/own-user.ts';
import { createReadings } from '../../src/meta/reading.ts';
import { readUserBody } from '../../src/users/body.ts';
import { filesOf, inTree } from '../config/files.ts';
import { GO_VERSIONS, parseQuery } from '../kernel/go-reading.ts';
import { anyTarget } from '../kernel/nasty-targets.ts';
import { findGo, startGo } from '../support/go.ts';
import type { GoProgram } from '../support/go.ts';
import { makeToken } from '../support/jwt.ts';
import { LIMIT_MS, fuzz } from './runs.ts';
import { damaged } from './damage.ts';

const testWithGo = findGo('what the gateway reads is not compared with what Go reads')
  ? test
  : test.skip;

const programs = new Map<string, GoProgram>();

/** @param program a file of tests/go, and its arguments */
function ask(program: string, line: string): Promise<unknown> {
  const [file = '', ...args] = program.split(' ');
  const running = programs.get(program) ?? startGo(file, ...args);
  programs.set(program, running);
  return running.ask(line);
}

afterAll(async () => {
  for (const program of programs.values()) await program.stop();
});

interface GoTarget {
  readonly ok: boolean;
  readonly path: string;
  readonly clean: string;
  readonly query: string;
  readonly since117: readonly string[];
  readonly before117: readonly string[];
}

interface GoHead {
  readonly requests: readonly { readonly user: string; readonly password: string }[];
}

/** One request with an Authorization header. */
async function credentialsByGo(
  authorization: string,
): Promise<GoHead['requests'][number] | undefined> {
  const head = `GET / HTTP/1.1\r\nHost: x\r\nAuthorization: ${authorization}\r\n\r\n`;
  const { requests } = (await ask(
    'connections.go',
    `serve ${Buffer.from(head, 'latin1').toString('hex')}`,
  )) as GoHead;
  return requests[0];
}

const textOf = (hex: string): string => Buffer.from(hex, 'hex').toString();

describe('fuzz target', () => {
  testWithGo(
    'Go reads from what is sent the path that was judged, and from what came the same',
    async () => {
      const routes = damaged(
        fc.constantFrom(
          '/kapacitor/v1/tasks/cpu?x=1',
          '/kapacitor/v1preview/users/ann',
          '/write?db=a&rp=b&u=c&p=d',
        ),
        [
          '/',
          '.',
          '%',
          '%2e',
          '%2F',
          '..',
          '//',
          '\\',
          '?',
          '&',
          ';',
          '=',
          '%00',
          '%C3',
          '%b6',
          '+',
          ' ',
          '#',
          'db=z',
        ],
      );
      await fuzz('target', 1500, fc.oneof(anyTarget, routes), async (raw) => {
        const reading = readTarget('POST', raw);
        if (reading.kind !== 'target' || reading.target.subscription !== undefined) return;
        const { target } = reading;
        const sent = (await ask('reading.go targets', JSON.stringify(target.sent))) as GoTarget;
        const came = (await ask('reading.go targets', JSON.stringify(raw))) as GoTarget;
        for (const each of [sent, came]) {
          expect(each.ok).toBe(true);
          expect(textOf(each.path)).toBe(target.path);
          expect(each.clean).toBe(each.path);
          expect(each.since117).toEqual(each.before117);
        }
        const isCredential = /^(?:75|70) /;
        expect(sent.since117.filter((pair) => isCredential.test(pair))).toEqual([]);
        expect(sent.since117).toEqual(came.since117.filter((pair) => !isCredential.test(pair)));
        // services/httpd/handler.go authorizeRequest: path.Join of "/api" and what stands behind the prefix.
        const [requirement] = requirementsOf(target);
        const resource = posix.join('/api', target.path.replace(/^\/kapacitor\/v1/, ''));
        expect(requirement).toMatchObject({ resource: resource.replace(/(.)\/$/s, '$1') });
      });
    },
    LIMIT_MS,
  );
});

describe('fuzz query', () => {
  test(
    'all versions of Go read from what is sent what was read from what came',
    async () => {
      const pieces = [
        '&',
        '=',
        ';',
        '%',
        '+',
        'db',
        'rp',
        'u',
        'p',
        '%64b',
        '%26',
        '%3D',
        '%3b',
        '%00',
        '%ff',
        'ö',
        ' ',
      ];
      const raw = damaged(
        fc.array(fc.constantFrom(...pieces), { maxLength: 12 }).map((each) => each.join('')),
        pieces,
      );
      await fuzz('query', 1500, raw, (text) => {
        const query = readQuery(text);
        if ('refused' in query) return;
        const want = query.map(({ name, value }) => [name, value]);
        for (const version of GO_VERSIONS) {
          for (const spelling of [text, writeQuery(query).slice(1)]) {
            const pairs = parseQuery(Buffer.from(spelling), version);
            expect(pairs.map((pair) => pair.map(String))).toEqual(want);
          }
        }
      });
    },
    LIMIT_MS,
  );
});

describe('fuzz basic', () => {
  testWithGo(
    'whoever is read is whom Go reads, with the same password',
    async () => {
      const pair = fc.tuple(
        fc.string({ unit: 'grapheme', maxLength: 6 }),
        fc.constantFrom(':', '', '::'),
        fc.string({ maxLength: 6 }),
      );
      const value = damaged(
        fc
          .tuple(
            fc.constantFrom('Basic ', 'basic ', 'BASIC  ', 'Basic\t', 'Bearer ', 'Digest '),
            pair,
          )
          .map(([scheme, texts]) => scheme + Buffer.from(texts.join('')).toString('base64')),
        ['=', '==', ' ', '\t', ',', '-', '_', '+', '/', 'A', 'Zg', ':', '\xff'],
      );
      await fuzz('basic', 800, value, async (text) => {
        // As Node hands it over: without the blanks around it.
        const authorization = text.replace(/^[ \t]+|[ \t]+$/g, '');
        const credentials = readCredentials(authorization, []);
        if (credentials.kind !== 'password') return;
        const read = await credentialsByGo(authorization);
        expect(read).toMatchObject({
          user: credentials.name,
          password: credentials.password.reveal(),
        });
      });
    },
    LIMIT_MS,
  );
});

const SHARED = 'a shared secret of 32 characters';
const NOW_S = 1_700_000_000;

describe('fuzz jwt', () => {
  test(
    'only what is signed with the secret, names somebody and has not expired is taken',
    async () => {
      const claims = fc.record(
        {
          username: fc.oneof(fc.constant('ann'), fc.jsonValue({ maxDepth: 1 })),
          exp: fc.oneof(
            fc.constantFrom(NOW_S + 60, NOW_S - 60, NOW_S, '9', null, 1e300),
            fc.jsonValue({ maxDepth: 1 }),
          ),
          nbf: fc.constantFrom(NOW_S, NOW_S + 600, null),
          iat: fc.constantFrom(NOW_S, NOW_S + 600, 'x'),
          aud: fc.jsonValue({ maxDepth: 1 }),
        },
        { requiredKeys: ['username', 'exp'] },
      );
      const header = fc.record(
        {
          alg: fc.constantFrom('HS512', 'HS256', 'HS384', 'none', 'HS1', 'RS256', 'hs512', ''),
          typ: fc.constantFrom('JWT', 'jwt', 'x', 1),
          crit: fc.constantFrom<unknown[]>(['exp'], [], ['b64']),
          b64: fc.boolean(),
          jwk: fc.constant({ kty: 'oct', k: 'eA' }),
          kid: fc.constant('../../dev/null'),
        },
        { requiredKeys: ['alg'] },
      );
      const whole = fc
        .record({
          header,
          claims,
          secret: fc.constantFrom(SHARED, SHARED, SHARED, '', 'x', undefined),
          hash: fc.constantFrom(undefined, undefined, 'sha256' as const, 'sha512' as const),
        })
        .map(({ hash, ...parts }) => makeToken(hash === undefined ? parts : { ...parts, hash }));
      const tokens = createTokens(new Secret(SHARED), () => NOW_S * 1000);
      await fuzz(
        'jwt',
        1500,
        damaged(whole, ['.', '=', 'A', '-', '_', '+', ' ', '..']),
        async (token) => {
          const reading = await tokens.read(new Secret(token));
          if ('refused' in reading) {
            expect(reading.refused).not.toContain(SHARED);
            return;
          }
          const [head = '', payload = '', signature = ''] = token.split('.');
          const { alg } = JSON.parse(textOf64(head)) as { alg: string };
          const hash = { HS256: 'sha256', HS384: 'sha384', HS512: 'sha512' }[alg] ?? '';
          const right = createHmac(hash, SHARED).update(`${head}.${payload}`).digest('base64url');
          expect(signature).toBe(right);
          const { username, exp } = JSON.parse(textOf64(payload)) as {
            username: unknown;
            exp: unknown;
          };
          expect(username).toBe(reading.name);
          expect(exp).toBeGreaterThan(NOW_S);
        },
      );
    },
    LIMIT_MS,
  );
});

const textOf64 = (text: string): string => Buffer.from(text, 'base64url').toString();

describe('fuzz config', () => {
  const CANARY = 'canary-0123456789abcdef';
  const lines = readFileSync(inTree('gateway.toml'), 'utf8')
    .split('\n')
    .map((line) => line.replace(/^# ?(?=[a-z-]+ = )/, ''))
    .map((line) =>
      line.replace(
        /^((?:shared-secret|meta-password|meta-internal-shared-secret) = )"[^"]*"/,
        `$1"${CANARY}"`,
      ),
    )
    .filter((line) => /^(?:\[|[a-z-]+ = )/.test(line));
  const file = fc
    .tuple(fc.subarray(lines), fc.array(fc.constantFrom(...lines), { maxLength: 2 }))
    .map((parts) => parts.flat().join('\n'));
  const splinters = [
    '"',
    "'",
    '\n',
    '=',
    '[',
    ']',
    '{',
    '}',
    '#',
    '\\',
    '\\u0000',
    '"""',
    ',',
    '-',
    '.',
    '1e999',
    'true',
    'nan',
    '\0',
    '\ufeff',
    '99999999999999999999',
    '1979-05-27',
    '__proto__ = 1\n',
    '[constructor]\n',
  ];

  test(
    'it is loaded, or refused with sentences that hold no secret; an open gate takes two lines',
    async () => {
      await fuzz('config', 200, damaged(file, splinters), (text) => {
        const options = { file: 'x.toml', env: {}, readFile: filesOf({ 'x.toml': text }) };
        try {
          const { config, warnings } = loadConfig(options);
          expect(warnings.join('\n')).not.toContain(CANARY);
          if (config.auth.enabled) return;
          expect(text.match(/(?:^|\n) *(?:auth-)?"?enabled"? *= *false/g)).toHaveLength(2);
        } catch (thrown) {
          if (!(thrown instanceof ConfigError)) throw thrown;
          expect(thrown.problems.length).toBeGreaterThan(0);
          expect(thrown.message).not.toContain(CANARY);
        }
      });
    },
    LIMIT_MS,
  );
});

describe('fuzz users', () => {
  const key = fc.constantFrom(
    'name',
    'password',
    'type',
    'permissions',
    'Name',
    'PASSWORD',
    'na\\u006de',
    'pa\u017f\u017fword',
    'x',
    '__proto__',
    'permission\u017f',
    'link',
  );
  const value = fc.oneof(
    fc.constantFrom(
      '"ann"',
      '"admin"',
      '"normal"',
      '""',
      'null',
      '["api"]',
      '["write_points:d"]',
      '[]',
      '[null]',
      '1',
      '{}',
      '"\\ud83d\\ude00"',
      '"\\ud800"',
      '"a\\/b"',
      '"\u2028"',
    ),
    fc.json({ maxDepth: 2 }),
  );
  const object = fc
    .array(fc.tuple(key, value), { maxLength: 5 })
    .map((pairs) => `{${pairs.map(([name, of]) => `"${name}":${of}`).join(',')}}`);

  interface GoUser {
    readonly ok: boolean;
    readonly name: string | null;
    readonly password: string | null;
    readonly type: string | null;
    readonly permissions: readonly string[] | null;
  }

  testWithGo(
    'a body that is taken says to Go what it says here',
    async () => {
      await fuzz(
        'users',
        1500,
        damaged(object, [
          '{',
          '}',
          '"',
          ',',
          ':',
          '[',
          ']',
          'null',
          ' ',
          '\\',
          '\0',
          '\ufeff',
          '\u00a0',
          '{}',
        ]),
        async (text) => {
          const bytes = Buffer.from(text);
          const body = readUserBody(bytes);
          if ('refused' in body) return;
          const go = (await ask(
            'reading.go users',
            JSON.stringify(bytes.toString('hex')),
          )) as GoUser;
          expect({ ...go, ok: true }).toEqual({
            ok: go.ok,
            name: body.name ?? null,
            password: body.password ?? null,
            type: body.type ?? null,
            permissions: body.permissions ?? null,
          });
          expect(go.ok).toBe(true);
        },
      );
    },
    LIMIT_MS,
  );
});

describe('fuzz meta', () => {
  const readings = createReadings(
    createOwnUser({
      username: 'gate',
      password: new Secret('x'),
      signToken: undefined,
      now: () => 0,
    }),
  );
  const user = fc.record(
    {
      name: fc.oneof(fc.constantFrom('ann', '', '__proto__'), fc.jsonValue({ maxDepth: 1 })),
      hash: fc.oneof(fc.constantFrom('$2a$10$x', '', null), fc.jsonValue({ maxDepth: 1 })),
      permissions: fc.oneof(
        fc.dictionary(
          fc.constantFrom('', 'db', '__proto__', 'constructor'),
          fc.array(fc.constantFrom('ReadData', 'KapacitorAPI', 'x')),
        ),
        fc.jsonValue({ maxDepth: 2 }),
      ),
      users: fc.oneof(fc.constant(['ann']), fc.jsonValue({ maxDepth: 1 })),
    },
    { requiredKeys: [] },
  );
  const body = fc.oneof(
    fc.record({ users: fc.array(user, { maxLength: 3 }) }).map((each) => JSON.stringify(each)),
    fc.record({ roles: fc.array(user, { maxLength: 3 }) }).map((each) => JSON.stringify(each)),
    fc.constantFrom(
      '',
      '{}',
      '{"error":"user not found"}',
      '{"error":"no"}',
      '{"users":null}',
      'ok',
      '<html>',
    ),
    fc.json(),
  );
  const answer = fc.record({
    status: fc.constantFrom(200, 200, 200, 200, 204, 301, 307, 400, 401, 403, 404, 429, 500, 503),
    body: damaged(body, ['{', '}', '"', ',', 'null', '\0', '\xff', '[', '"error":1,']),
  });

  test(
    'an answer is a list of what it says, or nobody, or a fault; and only a plain 200 lets somebody in',
    async () => {
      await fuzz('meta', 1500, answer, ({ status, body: text }) => {
        const given = { status, location: undefined, body: Buffer.from(text) };
        const users = readings.users(given, 'node');
        const roles = readings.roles(given, 'node');
        const authorized = readings.authorized(given, 'node');
        const isAbsence = text.includes('user not found');
        for (const [list, field] of [
          [users, 'users'],
          [roles, 'roles'],
        ] as const) {
          if ('fault' in list || list.value.length === 0) continue;
          expect(status).toBe(200);
          const said =
            (JSON.parse(text) as Record<string, readonly { name: unknown }[]>)[field] ?? [];
          expect(list.value.map(({ name }) => name)).toEqual(said.map(({ name }) => name));
        }
        if (!('fault' in users) && users.value.length === 0 && status !== 200)
          expect(isAbsence).toBe(true);
        if (!('fault' in authorized) && authorized.value) {
          expect(status).toBe(200);
          expect(text).not.toMatch(/^\s*\{\s*"error"\s*:\s*"/);
        }
      });
    },
    LIMIT_MS,
  );
});
