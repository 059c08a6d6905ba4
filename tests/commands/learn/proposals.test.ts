import { describe, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { createClients } from '../../../src/commands/learn/clients.ts';
import { readLine } from '../../../src/commands/learn/entry.ts';
import { proposalsFor } from '../../../src/commands/learn/proposals.ts';
import type { Proposal } from '../../../src/commands/learn/proposals.ts';
import { commandFor } from '../../../src/commands/learn/shell.ts';

const V1 = '/kapacitor/v1';

/** A line of a request that the rehearsal let pass, with other values for some of its fields. */
function line(fields: Readonly<Record<string, unknown>>): string {
  return JSON.stringify({
    ...{ time: '2026-01-02T03:04:05.678Z', verdict: 'unauthorized', would_be: 401, status: 204 },
    ...{ method: 'GET', path: `${V1}/tasks`, address: '10.0.0.1', auth: 'none', 'user-agent': '' },
    ...fields,
  });
}

function proposed(...lines: readonly Readonly<Record<string, unknown>>[]): readonly Proposal[] {
  const clients = createClients();
  for (const each of lines) {
    const reading = readLine(line(each));
    if (reading.kind === 'entry') clients.add(reading.entry);
  }
  return proposalsFor(clients.all);
}

function commands(...lines: readonly Readonly<Record<string, unknown>>[]): readonly unknown[] {
  return proposed(...lines).map(commandFor);
}

const write = (database: string) => ({ method: 'POST', path: '/write', database });
const PROVED = { verdict: 'allowed', would_be: undefined, auth: 'basic' };

describe('proposalsFor', () => {
  test('who only claims a name that somebody else proved gets its user no rights', () => {
    const eva = { ...PROVED, user: 'eva', verdict: 'forbidden', would_be: 403 };
    const stranger = { claimed: 'eva', auth: 'basic', address: '203.0.113.9' };
    expect(
      commands(
        eva,
        { ...stranger, path: `${V1}/config` },
        { ...stranger, method: 'PUT', path: `${V1}/users/x` },
        { ...stranger, method: 'DELETE', path: `${V1}/tasks/cpu` },
      ),
    ).toEqual(['kapgate users grant eva api:/tasks:read']);
  });

  test('those who gave no name are one user with all who ran the same program and need the same', () => {
    expect(
      commands(
        { ...write('a'), 'user-agent': 'Telegraf/1.20', address: '10.0.0.1' },
        { ...write('a'), 'user-agent': 'Telegraf/1.21', address: '10.0.0.2', count: 9 },
        { ...write('b'), 'user-agent': 'Telegraf/1.21', address: '10.0.0.3' },
        { claimed: 'telegraf-2', path: `${V1}/templates`, auth: 'basic' },
      ),
    ).toEqual([
      'kapgate users add telegraf -p write_points:a',
      'kapgate users add telegraf-2 -p api:/templates:read',
      'kapgate users add telegraf-3 -p write_points:b',
    ]);
  });

  test('one name is one user, from wherever it comes', () => {
    const eva = { claimed: 'eva', auth: 'basic' };
    expect(
      commands({ ...eva, address: '10.0.0.1' }, { ...eva, address: '10.0.0.2', method: 'PATCH' }),
    ).toEqual(['kapgate users add eva -p api:/tasks:read,write']);
  });

  test.each([
    ['Go-http-client/1.1', 'go-program'],
    ['KapacitorClient', 'kapacitor-cli'],
    ['Mozilla/5.0 (X11)', 'browser'],
    ['curl/8.5.0', 'curl'],
    ['', 'client'],
    ['$(reboot)', 'client'],
    ['constructor', 'constructor'],
    ['__proto__', 'client'],
    ['..', 'client'],
  ])('the program %j is called %s', (userAgent, name) => {
    expect(proposed({ 'user-agent': userAgent }).map((each) => each.name)).toEqual([name]);
  });

  test('InfluxDB gets a subscription, but not one for all databases, and not for more than writing', () => {
    const influxdb = { 'user-agent': 'InfluxDBClient' };
    const ping = { ...influxdb, path: `${V1}/ping` };
    expect(commands({ ...influxdb, ...write('-x') }, ping)).toEqual([
      'kapgate subscriptions add influxdb --db=-x',
    ]);
    expect(commands(ping)).toEqual(['kapgate users add influxdb -p api:/ping:read']);
    expect(commands({ ...influxdb, ...write('a') }, influxdb)).toEqual([
      'kapgate users add influxdb -p api:/tasks:read -p write_points:a',
    ]);
    const token = { ...write('a'), auth: 'subscription' };
    expect(commands({ ...token, claimed: '~subscriber' })).toEqual([
      'kapgate subscriptions add influxdb --db a',
    ]);
    expect(commands({ ...token, ...PROVED, auth: 'subscription', user: '~subscriber:a' })).toEqual(
      [],
    );
  });

  test('a user who is there gets what was denied, with all that the same part needs', () => {
    const dash = { user: 'dash', auth: 'basic' };
    const denied = { ...dash, verdict: 'forbidden', would_be: 403 };
    expect(commands({ ...dash, ...PROVED })).toEqual([undefined]);
    expect(
      commands(
        { ...dash, ...PROVED },
        { ...denied, method: 'DELETE' },
        { ...dash, ...PROVED, path: `${V1}/config` },
      ),
    ).toEqual(['kapgate users grant dash api:/tasks:read,delete']);
    expect(commands({ ...denied, path: `${V1}/storage/backup` })).toEqual([
      'kapgate users grant dash admin',
    ]);
    expect(commands({ ...dash, ...PROVED, path: `${V1}/storage/backup` })).toEqual([undefined]);
  });

  test.each([
    ['what was refused indeed', { would_be: undefined, status: 401 }],
    ['the bootstrap', { ...PROVED, auth: 'bootstrap', method: 'POST', path: `${V1}/users` }],
    ['a ping that needs no credentials', { ...PROVED, auth: 'anonymous', path: `${V1}/ping` }],
    ['a write without a database', { method: 'POST', path: '/write', status: 400 }],
    ['what Kapacitor has not', { path: '/favicon.ico', status: 404 }],
    ['the root of all', { path: '/', status: 404 }],
    ['a write by another method', { method: 'PUT', path: '/write', status: 404 }],
  ])('nothing is proposed for %s', (_, fields) => {
    expect(commands(fields)).toEqual([]);
  });

  test('what is looked for and not there needs its permission all the same', () => {
    expect(commands({ claimed: 'ci', path: `${V1}/tasks/none`, status: 404 })).toEqual([
      'kapgate users add ci -p api:/tasks:read',
    ]);
  });

  test('one’s own password needs no admin', () => {
    const own = { ...PROVED, user: 'eva', method: 'PATCH', path: `${V1}/users/eva` };
    expect(proposed(own)[0]).toMatchObject({ admin: false, permissions: [] });
    expect(proposed({ ...own, auth: 'bearer' })[0]).toMatchObject({ admin: true });
  });

  test('names that nobody can have are not proposed', () => {
    for (const claimed of ['a b', '$(reboot)', "'", '../x', '\n', 'x'.repeat(300)]) {
      expect(commands({ claimed, 'user-agent': 'curl/8' })).toEqual([
        'kapgate users add curl -p api:/tasks:read',
      ]);
    }
  });
});

describe('commandFor', () => {
  test.each(["a'b", '$(touch x)', '`x`', 'a;b', 'a b', '"', '\\', '*', '~', '!x', '#', '&', 'ä'])(
    'the database %j reaches a shell as it is',
    (database) => {
      const [command = ''] = commands({ claimed: 'w', ...write(database) });
      const words = execFileSync('sh', ['-c', `printf '%s\\n' ${String(command)}`], {
        encoding: 'utf8',
      });
      expect(words.trimEnd().split('\n')).toEqual([
        'kapgate',
        'users',
        'add',
        'w',
        '-p',
        `write_points:${database}`,
      ]);
    },
  );

  test.each(['a\nb', 'a\x1b[2J', 'a\u202eb', 'a\u2028b', 'a\u0000'])(
    'there is no line with the database %j in it',
    (database) => {
      expect(commands({ claimed: 'w', ...write(database) })).toEqual([undefined]);
    },
  );
});

describe('readLine', () => {
  test.each([
    ['', 'foreign'],
    ['{"time":', 'foreign'],
    ['null', 'foreign'],
    ['[]', 'foreign'],
    ['{"lvl":"info"}', 'foreign'],
    ['{"event":"users changed"}', 'event'],
    ['{"event":"lines dropped","lines":7}', 'dropped'],
    ['{"verdict":"unreadable","count":2}', 'unreadable'],
    [line({ path: '/kapacitor/v1/%zz' }), 'unreadable'],
    [line({ path: '/a/../b' }), 'unreadable'],
    [line({ path: 7 }), 'unreadable'],
    [line({ method: 'BREW' }), 'unreadable'],
    [line({ path: `/${'x'.repeat(1024)}…` }), 'unreadable'],
    [line({ count: 'many', address: null, claimed: '\ud800' }), 'entry'],
  ])('%s is %s', (text, kind) => {
    expect(readLine(text).kind).toBe(kind);
  });
});
