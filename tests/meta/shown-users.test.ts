import { describe, expect, test } from '@jest/globals';
import { GatewayError } from '../../src/kernel/errors.ts';
import type { MetaPermissions, MetaRole, MetaUser } from '../../src/meta/documents.ts';
import { MetaFault } from '../../src/meta/fault.ts';
import type { MetaFaultKind } from '../../src/meta/fault.ts';
import { createShownUsers, shownPermissionsOf } from '../../src/meta/shown-users.ts';
import type { ShownUsersParts } from '../../src/meta/shown-users.ts';

type Scopes = Readonly<Record<string, readonly string[]>>;

const permissionsOf = (scopes: Scopes): MetaPermissions => new Map(Object.entries(scopes));
const user = (name: string, scopes: Scopes = {}): MetaUser => ({
  name,
  hash: '$2a$10$CANARY',
  permissions: permissionsOf(scopes),
});
const role = (name: string, users: readonly string[], scopes: Scopes = {}): MetaRole => ({
  name,
  users,
  permissions: permissionsOf(scopes),
});

const USERS = [user('root'), user('phantom', { '': ['KapacitorAPI', 'Monitor'] }), user('carl')];
const ROLES = [role('writers', ['carl'], { telegraf: ['WriteData'] }), role('ops', ['phantom'])];

function clientOf(over: Partial<ShownUsersParts['client']> = {}): ShownUsersParts['client'] {
  return {
    users: () => Promise.resolve(USERS),
    user: (name) => Promise.resolve(USERS.find((each) => each.name === name)),
    roles: () => Promise.resolve(ROLES),
    ...over,
  };
}

const failing = (kind: MetaFaultKind) => () => Promise.reject(new MetaFault(kind, 'why'));

describe('shownPermissionsOf', () => {
  const rows: readonly (readonly [Scopes, readonly string[]])[] = [
    [{}, []],
    [{ '': ['KapacitorAPI'] }, ['api']],
    [{ anydb: ['KapacitorAPI'] }, ['api']],
    [{ '': ['KapacitorConfigAPI'] }, ['config_api']],
    [{ '': ['WriteData'] }, ['write_points']],
    [{ '': ['9'] }, ['write_points']],
    [{ telegraf: ['WriteData'] }, ['write_points:telegraf']],
    [{ telegraf: ['ReadData'], '': ['Monitor', 'NoPermissions', 'Nonsense'] }, []],
    [
      { b: ['WriteData'], a: ['9'], '': ['KapacitorAPI'] },
      ['api', 'write_points:a', 'write_points:b'],
    ],
    [{ '': ['kapacitorapi', 'writedata'] }, []],
  ];

  test.each(rows)('%j is %j', (scopes, want) => {
    expect(shownPermissionsOf([permissionsOf(scopes)])).toEqual(want);
  });

  test('those of several add up, each once', () => {
    const first = permissionsOf({ '': ['KapacitorAPI'] });
    const second = permissionsOf({ '': ['WriteData', 'KapacitorAPI'] });
    expect(shownPermissionsOf([first, second])).toEqual(['api', 'write_points']);
  });
});

describe('createShownUsers', () => {
  test('shows each user with what their roles add, and who is an admin by name or role', async () => {
    const shown = createShownUsers({ client: clientOf(), metaAdmins: ['root', 'role:ops'] });
    const phantom = { name: 'phantom', admin: true, permissions: ['api'] };
    expect(await shown.list()).toEqual([
      { name: 'root', admin: true, permissions: [] },
      phantom,
      { name: 'carl', admin: false, permissions: ['write_points:telegraf'] },
    ]);
    expect(await shown.get('phantom')).toEqual(phantom);
    expect(await shown.get('nobody')).toBeUndefined();
  });

  test.each(['forbidden', 'credentials'] as const)(
    'where roles may not be read (%s), the own permissions are shown',
    async (kind) => {
      const client = clientOf({ roles: failing(kind) });
      const shown = createShownUsers({ client, metaAdmins: [] });
      expect(await shown.get('carl')).toEqual({ name: 'carl', admin: false, permissions: [] });
    },
  );

  test('an outage is "nobody can say", and never "no such user"', async () => {
    for (const call of ['user', 'users', 'roles'] as const) {
      const shown = createShownUsers({
        client: clientOf({ [call]: failing('unreachable') }),
        metaAdmins: [],
      });
      const asked = call === 'user' ? shown.get('carl') : shown.list();
      const error: unknown = await asked.catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(GatewayError);
      expect(error).toMatchObject({ code: 'directory-unavailable', cause: { message: 'why' } });
    }
  });

  test('a gateway that is not believed itself knows no users', async () => {
    const shown = createShownUsers({
      client: clientOf({ users: failing('credentials') }),
      metaAdmins: [],
    });
    await expect(shown.list()).rejects.toMatchObject({ code: 'directory-unavailable' });
  });

  test('what is no fault of the nodes is passed on as it is', async () => {
    const bug = new TypeError('bug');
    const client = clientOf({ users: () => Promise.reject(bug) });
    await expect(createShownUsers({ client, metaAdmins: [] }).list()).rejects.toBe(bug);
  });
});
