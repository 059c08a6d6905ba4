import { describe, expect, test } from '@jest/globals';
import { adminEntryFor, rolesOf } from '../../src/meta/admins.ts';
import type { MetaRole } from '../../src/meta/documents.ts';

const role = (name: string, ...users: readonly string[]): MetaRole => ({
  name,
  permissions: new Map(),
  users,
});

describe('rolesOf', () => {
  test('gives the roles that list exactly this name', () => {
    const roles = [role('ops', 'phantom', 'root'), role('none'), role('Phantom', 'Phantom')];
    expect(rolesOf('phantom', roles).map(({ name }) => name)).toEqual(['ops']);
    expect(rolesOf('nobody', roles)).toEqual([]);
  });
});

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
