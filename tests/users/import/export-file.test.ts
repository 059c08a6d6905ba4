import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { exportLines, readExport } from '../../../src/users/import/export-file.ts';
import type { UserRecord } from '../../../src/users/record.ts';
import type { SubscriptionRecord } from '../../../src/users/subscription.ts';
import { EMPTY_SUMMARY } from '../../../src/users/summary.ts';
import { someHash } from '../hash.ts';

const TIME = '2026-01-02T03:04:05.678Z';
const STAN: UserRecord = {
  name: 'stan',
  admin: false,
  hash: someHash(10),
  permissions: ['api', 'write_points:te"le\ngraf'],
  created: TIME,
  changed: '2026-02-02T03:04:05.678Z',
};

const INFLUX: SubscriptionRecord = {
  name: 'influx',
  databases: ['telegraf', 'x y'],
  secrets: [
    { hash: 'ab'.repeat(32), created: TIME },
    { hash: 'cd'.repeat(32), created: TIME, ends: '2027-01-01T00:00:00.000Z' },
  ],
  created: TIME,
  changed: TIME,
};

function written(
  users: readonly UserRecord[],
  subscriptions: readonly SubscriptionRecord[] = [],
): string {
  const summary = { ...EMPTY_SUMMARY, users: users.length };
  const lines = exportLines({ summary, subscriptions, users }, TIME);
  return Array.from(lines, (line) => `${line}\n`).join('');
}

const HEAD = JSON.stringify({ kind: 'kapgate-export', version: 1, date: TIME });
const line = (change: Record<string, unknown> = {}): string => {
  const { admin, ...user } = STAN;
  return JSON.stringify({ kind: 'user', type: admin ? 'admin' : 'normal', ...user, ...change });
};

describe('exportLines', () => {
  test('are a head and a line for each user', () => {
    expect(written([STAN]).split('\n')).toEqual([
      `{"kind":"kapgate-export","version":1,"date":"${TIME}","users":1,"subscriptions":0}`,
      `{"kind":"user","name":"stan","type":"normal","hash":"${STAN.hash}","permissions":["api","write_points:te\\"le\\ngraf"],"created":"${TIME}","changed":"${STAN.changed}"}`,
      '',
    ]);
  });
});

describe('readExport', () => {
  test('reads what was written, whatever it is', () => {
    const user = fc.record({
      name: fc.string({ minLength: 1, unit: 'grapheme' }),
      admin: fc.boolean(),
      hash: fc.integer({ min: 4, max: 31 }).map(someHash),
      permissions: fc.array(fc.string({ unit: 'grapheme' })),
      created: fc.constant(TIME),
      changed: fc.constant(TIME),
    });
    fc.assert(
      fc.property(fc.array(user), (users) => {
        const entries = users.map((each, index) => ({ ...each, at: index + 2 }));
        expect(readExport(written(users))).toEqual({ entries, subscriptions: [], notes: [] });
      }),
      { numRuns: 100 },
    );
  });

  test('reads subscriptions, with the hashes of their secrets', () => {
    const text = written([STAN], [INFLUX, { ...INFLUX, name: 'all', databases: [] }]);
    expect(readExport(text)).toMatchObject({
      subscriptions: [
        { at: 3, record: INFLUX },
        { at: 4, record: { ...INFLUX, name: 'all', databases: [] } },
      ],
      entries: [{ at: 2, name: 'stan' }],
    });
    expect(readExport(text.replace(/.*influx.*\n/, ''))).toEqual({
      refused: expect.stringContaining('3 lines follow the first, and there are 2'),
    });
  });

  test.each([
    ['no secret', { secrets: [] }],
    ['a secret in clear', { secrets: [{ hash: 'canary', created: TIME }] }],
    ['a field of a later version', { paused: true }],
    ['no name', { name: undefined }],
  ])('a subscription with %s is refused alone', (_, change) => {
    const bad = JSON.stringify({ kind: 'subscription', ...INFLUX, ...change });
    const read = readExport([HEAD, bad, line()].join('\n'));
    expect(read).toMatchObject({
      subscriptions: [],
      entries: [{ at: 2, refused: expect.stringMatching(/^it is no subscription/) }, { at: 3 }],
    });
    expect(JSON.stringify(read)).not.toContain('canary');
  });

  test('takes $2y$ hashes, CRLF and blank lines', () => {
    const hash = `$2y$10$${'a'.repeat(53)}`;
    const read = readExport(`${HEAD}\r\n\r\n${line({ hash })}\r\n`);
    expect(read).toMatchObject({
      entries: [{ at: 3, name: 'stan', hash: hash.replace('y', 'b') }],
    });
  });

  test.each([
    ['not JSON', '{"kind":'],
    ['a damaged hash', line({ hash: `${STAN.hash}canary` })],
    ['a type that there is not', line({ type: 'root' })],
    ['permissions that are no list', line({ permissions: 'canary' })],
    ['no date', line({ created: 'canary' })],
    ['an empty name', line({ name: '' })],
    ['a field of a later version', line({ locked: 'canary' })],
    ['a kind of a later version', line({ kind: 'group' })],
    ['a second head', HEAD],
  ])('a line with %s is refused alone, and not quoted', (_, bad) => {
    const read = readExport([HEAD, bad, line()].join('\n'));
    expect(read).toMatchObject({
      entries: [{ at: 2, refused: expect.stringMatching(/^it is no user/) }, { at: 3 }],
    });
    expect(JSON.stringify(read)).not.toContain('canary');
  });

  test.each([
    ['nothing', ''],
    ['no head', line()],
    ['a later version', HEAD.replace('1', '2')],
    ['a head with more', HEAD.replace('}', ',"signed":true}')],
  ])('a file with %s is refused as a whole', (_, text) => {
    expect(readExport(`${text}\n${line()}`)).toEqual({
      refused: expect.stringMatching(/^line 1 is not the head of an export/),
    });
  });

  test('a file that was cut off is refused as a whole, wherever the cut is', () => {
    const whole = written([STAN, { ...STAN, name: 'eva' }]);
    const before = whole.indexOf('\n') + 1;
    const last = whole.trimEnd().lastIndexOf('\n') + 1;
    for (let at = before; at <= last; at += 7) {
      const read = readExport(whole.slice(0, at));
      if ('entries' in read) throw new Error(`cut at ${at} is read`);
      expect(read).toEqual({
        refused: expect.stringMatching(/2 lines follow the first, and there are [01]/),
      });
    }
    // Within the last line: that line is refused.
    expect(readExport(whole.slice(0, -9))).toMatchObject({
      entries: [{ name: 'stan' }, { refused: expect.stringContaining('no user') }],
    });
  });
});
