import { describe, expect, test } from '@jest/globals';
import { adminEntryFor } from '../../src/meta/admins.ts';

describe('adminEntryFor', () => {
  const ENTRIES = ['root', 'role:ops', 'role:role:odd'];
  const rows: readonly (readonly [string, readonly string[], string | undefined])[] = [
    ['root', [], 'root'],
    ['Root', [], undefined],
    ['phantom', [], undefined],
    ['phantom', ['ops'], 'role:ops'],
    ['phantom', ['ops2', 'Ops'], undefined],
    ['phantom', ['role:odd'], 'role:role:odd'],
    // A role is no user, and a user who is called like an entry for a role is in no role.
    ['ops', [], undefined],
    ['role:ops', [], undefined],
    ['phantom', ['root'], undefined],
    ['', [''], undefined],
  ];

  test.each(rows)('%s with the roles %j is an admin by %s', (name, roleNames, want) => {
    expect(adminEntryFor(name, roleNames, ENTRIES)).toBe(want);
  });

  test('without entries nobody is an admin', () => {
    expect(adminEntryFor('root', ['ops'], [])).toBeUndefined();
  });
});
