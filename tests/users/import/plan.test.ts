import { describe, expect, test } from '@jest/globals';
import { Secret } from '../../../src/kernel/secret.ts';
import { adminsGained, recordAfter, stepOf } from '../../../src/users/import/plan.ts';
import type { ImportStep } from '../../../src/users/import/plan.ts';
import type { ImportedUser } from '../../../src/users/import/reading.ts';
import type { UserRecord } from '../../../src/users/record.ts';
import { someHash } from '../hash.ts';

const OLD = '2025-01-01T00:00:00.000Z';
const NOW = '2026-01-01T00:00:00.000Z';
const record = (change: Partial<UserRecord> = {}): UserRecord => ({
  name: 'stan',
  admin: false,
  hash: someHash(),
  permissions: ['api', 'config_api'],
  created: OLD,
  changed: OLD,
  ...change,
});
const ADMIN = record({ admin: true, permissions: [] });

function step(
  there: UserRecord | undefined,
  user: Omit<ImportedUser, 'at' | 'name'>,
): Promise<ImportStep> {
  return stepOf(
    { at: 1, name: 'stan', ...user },
    {
      find: (name) => (name === there?.name ? there : undefined),
      matches: (password, hash) =>
        Promise.resolve(`${password.reveal()} ${someHash()}` === `right ${hash}`),
    },
  );
}

async function after(
  there: UserRecord | undefined,
  user: Omit<ImportedUser, 'at' | 'name'>,
  hash?: string,
): Promise<UserRecord | 'unchanged'> {
  const made = await step(there, user);
  return made.kind === 'unchanged' ? made.kind : recordAfter(made, hash ?? user.hash, NOW);
}

describe('stepOf', () => {
  test('somebody who is not there is new', async () => {
    expect((await step(undefined, {})).kind).toBe('new');
  });

  test.each<readonly [string, UserRecord, Omit<ImportedUser, 'at' | 'name'>, readonly string[]]>([
    ['nothing said', record(), {}, []],
    ['the same hash', record(), { hash: someHash() }, []],
    ['another hash', record(), { hash: someHash(5) }, ['password']],
    ['the right password', record(), { password: new Secret('right') }, []],
    ['another password', record(), { password: new Secret('wrong') }, ['password']],
    ['the same permissions', record(), { permissions: ['config_api', 'api', 'api'] }, []],
    ['none, said otherwise', record({ permissions: [] }), { permissions: ['none'] }, []],
    [
      'all, said otherwise',
      record({ permissions: ['all'] }),
      { permissions: ['api', 'write_points', 'config_api'] },
      [],
    ],
    ['fewer permissions', record(), { permissions: ['api'] }, ['permissions']],
    ['finer ones', record(), { permissions: ['api:read', 'config_api'] }, ['permissions']],
    ['no permissions', record(), { permissions: [] }, ['permissions']],
    ['now an admin', record(), { admin: true, permissions: [] }, ['type', 'permissions']],
    ['an admin no more', ADMIN, { admin: false, permissions: ['api'] }, ['type', 'permissions']],
    ['an admin still', ADMIN, { admin: true, permissions: [] }, []],
    ['an admin, in a file that has none', ADMIN, { permissions: ['api'] }, []],
    [
      'all at once',
      record(),
      { hash: someHash(5), admin: true, permissions: ['api'] },
      ['password', 'type', 'permissions'],
    ],
  ])('%s', async (_, there, user, fields) => {
    const made = await step(there, user);
    expect(made.kind === 'changed' ? made.fields : []).toEqual(fields);
    expect(made.kind).toBe(fields.length === 0 ? 'unchanged' : 'changed');
  });
});

describe('recordAfter', () => {
  test('a new user of a file that says no more has a password and nothing else', async () => {
    expect(await after(undefined, { hash: someHash(5) })).toEqual({
      name: 'stan',
      admin: false,
      hash: someHash(5),
      permissions: [],
      created: NOW,
      changed: NOW,
    });
  });

  test('a user of an export is put back with their times', async () => {
    const { admin, hash, permissions } = ADMIN;
    const user = { admin, hash, permissions };
    expect(await after(undefined, { ...user, created: OLD, changed: OLD })).toEqual(ADMIN);
  });

  test('what is not said stays', async () => {
    expect(await after(record(), { hash: someHash(5) })).toEqual(
      record({ hash: someHash(5), changed: NOW }),
    );
    expect(await after(record(), { permissions: ['api', 'api'] })).toEqual(
      record({ permissions: ['api'], changed: NOW }),
    );
    expect(await after(ADMIN, { hash: someHash(5), permissions: ['api'] })).toEqual({
      ...ADMIN,
      hash: someHash(5),
      changed: NOW,
    });
  });

  test('a new user without a password is a mistake of ours', async () => {
    await expect(after(undefined, {})).rejects.toThrow(/BUG/);
  });
});

describe('adminsGained', () => {
  test('counts who becomes an admin and who is one no more', async () => {
    const steps = await Promise.all([
      step(undefined, { admin: true }),
      step(undefined, {}),
      step(record(), { admin: true }),
      step(ADMIN, { hash: someHash(5) }),
      step(ADMIN, { admin: true }),
      step(ADMIN, { admin: false }),
    ]);
    expect(steps.map((each) => adminsGained([each]))).toEqual([1, 0, 1, 0, 0, -1]);
    expect(adminsGained(steps)).toBe(1);
  });
});
