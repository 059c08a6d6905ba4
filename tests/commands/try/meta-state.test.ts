import { describe, expect, test } from '@jest/globals';
import { NOTHING_KNOWN, change } from '../../../src/commands/try/meta-state.ts';
import type { KeptPassword, MetaAction, MetaState } from '../../../src/commands/try/meta-state.ts';

type Action = MetaAction<KeptPassword>;

const permissions = (...names: string[]): ReadonlyMap<string, readonly string[]> =>
  new Map([['', names]]);

const CREATE: Action = { on: 'user', action: 'create', name: 'phantom', password: { hash: 'h1' } };
const CREATE_ROLE: Action = { on: 'role', action: 'create', name: 'spectre' };
const ADD_MEMBER: Action = { on: 'role', action: 'add-users', name: 'spectre', users: ['phantom'] };

/** The state after actions, none of which is refused. */
function after(...actions: readonly Action[]): MetaState {
  return actions.reduce((state, action) => {
    const changed = change(state, action);
    if ('refusal' in changed) throw new Error(changed.refusal);
    return changed.state;
  }, NOTHING_KNOWN);
}

describe('change', () => {
  test('a user that is made has no permissions', () => {
    const { users } = after(CREATE);
    expect(users.get('phantom')).toEqual({ name: 'phantom', hash: 'h1', permissions: new Map() });
  });

  test('permissions are added once each, and a scope that holds none is gone', () => {
    const grant = (...names: string[]): Action => ({
      on: 'user',
      action: 'add-permissions',
      name: 'phantom',
      permissions: permissions(...names),
    });
    const both = after(CREATE, grant('KapacitorAPI'), grant('KapacitorAPI', 'WriteData'));
    expect(both.users.get('phantom')?.permissions).toEqual(
      permissions('KapacitorAPI', 'WriteData'),
    );
    const none = change(both, {
      on: 'user',
      action: 'remove-permissions',
      name: 'phantom',
      permissions: permissions('WriteData', 'KapacitorAPI', 'Monitor'),
    });
    expect('state' in none && none.state.users.get('phantom')?.permissions).toEqual(new Map());
  });

  test('a changed password leaves the permissions', () => {
    const { users } = after(
      CREATE,
      {
        on: 'user',
        action: 'add-permissions',
        name: 'phantom',
        permissions: permissions('Monitor'),
      },
      { on: 'user', action: 'change-password', name: 'phantom', password: { hash: 'h2' } },
    );
    expect(users.get('phantom')).toEqual({
      name: 'phantom',
      hash: 'h2',
      permissions: permissions('Monitor'),
    });
  });

  test('a password that another keeps takes the place of a hash', () => {
    const { users } = after(CREATE, {
      on: 'user',
      action: 'change-password',
      name: 'phantom',
      password: { hash: '', elsewhere: 'secret' },
    });
    expect(users.get('phantom')).toMatchObject({ hash: '', elsewhere: 'secret' });
  });

  test('a user who is deleted leaves their roles', () => {
    const { users, roles } = after(CREATE, CREATE_ROLE, ADD_MEMBER, {
      on: 'user',
      action: 'delete',
      name: 'phantom',
    });
    expect(users.size).toBe(0);
    expect(roles.get('spectre')?.users).toEqual([]);
  });

  test('a role has members once each', () => {
    const { roles } = after(CREATE, CREATE_ROLE, ADD_MEMBER, ADD_MEMBER);
    expect(roles.get('spectre')?.users).toEqual(['phantom']);
  });

  test('a role that is deleted is gone', () => {
    const deleted = after(CREATE_ROLE, { on: 'role', action: 'delete', name: 'spectre' });
    expect(deleted.roles.size).toBe(0);
  });

  test.each([
    [[CREATE, CREATE], 'user already exists: "phantom"'],
    [[CREATE_ROLE, CREATE_ROLE], 'role already exists: "spectre"'],
    [[CREATE_ROLE, ADD_MEMBER], 'user not found: "phantom"'],
    [[CREATE, ADD_MEMBER], 'role not found: "spectre"'],
    [[{ on: 'user', action: 'delete', name: 'phantom' }], 'user not found: "phantom"'],
    [[{ on: 'role', action: 'delete', name: 'spectre' }], 'role not found: "spectre"'],
  ] as const)('%j is refused: %s', (actions: readonly Action[], refusal) => {
    const last = actions.at(-1);
    if (last === undefined) throw new Error('BUG: no action');
    expect(change(after(...actions.slice(0, -1)), last)).toEqual({ refusal });
  });

  test('the state that is given stays as it is', () => {
    const before = after(CREATE, CREATE_ROLE);
    change(before, ADD_MEMBER);
    change(before, { on: 'user', action: 'delete', name: 'phantom' });
    expect(before.users.size).toBe(1);
    expect(before.roles.get('spectre')?.users).toEqual([]);
  });
});
