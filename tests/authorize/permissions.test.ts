import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { grantsOf, readPermission, shownPermissions } from '../../src/authorize/permissions.ts';
import type { Permission } from '../../src/authorize/permissions.ts';
import type { Grants } from '../../src/kernel/grants.ts';
import type { Privilege } from '../../src/kernel/privilege.ts';

const ALL = new Set<Privilege>(['read', 'write', 'delete']);
const READ = new Set<Privilege>(['read']);

describe('readPermission', () => {
  function reads(text: string, want: Permission): void {
    test(`"${text}" is read`, () => {
      expect(readPermission(text)).toEqual(want);
    });
  }

  reads('none', { kind: 'none' });
  reads('all', { kind: 'all' });
  reads('api', { kind: 'api', subtree: '', privileges: ALL });
  reads('api:read', { kind: 'api', subtree: '', privileges: READ });
  reads('api:delete,read', { kind: 'api', subtree: '', privileges: new Set(['read', 'delete']) });
  reads('api:read,read', { kind: 'api', subtree: '', privileges: READ });
  reads('api:/tasks', { kind: 'api', subtree: '/tasks', privileges: ALL });
  reads('api:/tasks:read', { kind: 'api', subtree: '/tasks', privileges: READ });
  reads('api:/tasks:read,write,delete', { kind: 'api', subtree: '/tasks', privileges: ALL });
  reads('api:/alerts/topics/a b', { kind: 'api', subtree: '/alerts/topics/a b', privileges: ALL });
  reads('api:/:routes', { kind: 'api', subtree: '/:routes', privileges: ALL });
  reads('api:/:routes:read', { kind: 'api', subtree: '/:routes', privileges: READ });
  reads('api:/alerts/topics/main:cpu:alert2', {
    kind: 'api',
    subtree: '/alerts/topics/main:cpu:alert2',
    privileges: ALL,
  });
  reads('api:/configs', { kind: 'api', subtree: '/configs', privileges: ALL });
  reads('api:/tasks/config', { kind: 'api', subtree: '/tasks/config', privileges: ALL });
  reads('config_api', { kind: 'config_api', privileges: ALL });
  reads('config_api:read', { kind: 'config_api', privileges: READ });
  reads('write_points', { kind: 'write_points', database: '' });
  reads('write_points:telegraf', { kind: 'write_points', database: 'telegraf' });
  reads('write_points:a:b', { kind: 'write_points', database: 'a:b' });
  reads('write_points:管理', { kind: 'write_points', database: '管理' });

  function refuses(text: string, words: RegExp): void {
    test(`"${text}" is refused`, () => {
      const read = readPermission(text);
      expect('refused' in read ? read.refused : read).toMatch(words);
    });
  }

  refuses('', /one of these forms/);
  refuses('API', /one of these forms/);
  refuses('api ', /one of these forms/);
  refuses(' api', /one of these forms/);
  refuses('write', /one of these forms/);
  refuses('KapacitorAPI', /one of these forms/);
  refuses('__proto__', /one of these forms/);
  refuses('constructor:x', /one of these forms/);
  refuses('none:x', /takes no detail/);
  refuses('all:read', /takes no detail/);
  refuses('none:', /something must follow/);
  refuses('api:', /something must follow/);
  refuses('config_api:', /something must follow/);
  refuses('write_points:', /something must follow/);
  refuses('api:Read', /read, write and delete/);
  refuses('api:read,', /read, write and delete/);
  refuses('api:read, write', /read, write and delete/);
  refuses('api:/tasks:reed', /read, write and delete/);
  refuses('api:/tasks:read:write', /read, write and delete/);
  refuses('api:tasks', /a path below \/api/);
  refuses('config_api:/influxdb', /read, write and delete/);
  refuses('api:/', /clean/);
  refuses('api://tasks', /clean/);
  refuses('api:/tasks/', /clean/);
  refuses('api:/tasks/:read', /clean/);
  refuses('api:/./tasks', /clean/);
  refuses('api:/tasks/../config', /clean/);
  refuses('api:/tasks\n', /clean/);
  refuses('api:/config', /grant config_api/);
  refuses('api:/config/influxdb:read', /grant config_api/);
  refuses('api:/write', /grant write_points/);
  refuses('api:/users', /admins only/);
  refuses('api:/users/ann:read', /admins only/);
  refuses('api:/storage/backup', /admins only/);
  refuses('api:/loglevel', /admins only/);
  refuses('api:/sideload/reload', /admins only/);

  test('a refusal names the permission and the forms', () => {
    const read = readPermission('wirte_points');
    expect(read).toEqual({
      refused: expect.stringMatching(/^unknown permission "wirte_points": .*write_points:DATABASE/),
    });
  });

  test('any text is read or refused in one line', () => {
    const text = fc
      .array(
        fc.constantFrom(
          ...['api', 'config_api', 'write_points', 'none', 'all', ':', '/', ',', 'read', 'write'],
          ...['tasks', 'config', '..', '.', '\n', '\0', '%2e', '', 'ö', '"'],
        ),
        { maxLength: 7 },
      )
      .map((pieces) => pieces.join(''));
    fc.assert(
      fc.property(text, (written) => {
        const read = readPermission(written);
        if ('refused' in read) expect(read.refused).toMatch(/^unknown permission "[^\p{Cc}]*$/u);
        else if (read.kind === 'api') expect(read.subtree).toMatch(/^(?:\/[^/]+)*$/);
      }),
      { numRuns: 3000 },
    );
  });
});

/** The rule of Kapacitor, said once more: the longest ancestor that has a grant decides alone. */
function may(grants: Grants, privilege: Privilege, resource: string): boolean {
  const ancestors = resource.split('/').map((_, index, all) => all.slice(0, index + 1).join('/'));
  const nearest = ancestors.findLast((ancestor) => grants.api.has(ancestor));
  return nearest !== undefined && grants.api.get(nearest)?.privileges.has(privilege) === true;
}

function mayWriteTo(grants: Grants, database: string): boolean {
  const has = (name: string): boolean =>
    grants.databases.get(name)?.privileges.has('write') === true;
  return has('') || has(database);
}

const RESOURCES = ['/api', '/api/tasks', '/api/config', '/api/write', '/api/ping'] as const;

/** reference/kapacitor.md §1.3: `+` all, `r` read only, `.` nothing; in the order of RESOURCES. */
describe('grantsOf, on the API', () => {
  function grants(permissions: readonly string[], want: string): void {
    test(`${JSON.stringify(permissions)} grants ${want}`, () => {
      const granted = grantsOf(permissions);
      const shown = RESOURCES.map((resource) => {
        const privileges = [...ALL].filter((privilege) => may(granted, privilege, resource));
        return { 3: '+', 0: '.' }[privileges.length] ?? privileges.join(',').replace('read', 'r');
      });
      expect(shown.join('')).toBe(want);
    });
  }

  grants([], '.....');
  grants(['none'], '.....');
  grants(['api'], '++..+');
  grants(['config_api'], '..+.+');
  grants(['write_points'], '...++');
  grants(['all'], '+++++');
  grants(['api', 'config_api'], '+++.+');
  grants(['api', 'write_points'], '++.++');
  grants(['config_api', 'write_points'], '..+++');
  grants(['api', 'config_api', 'write_points'], '+++++');
  grants(['none', 'api'], '++..+');
  grants(['api', 'all'], '+++++');
  grants(['api:read'], 'rr..r');
  grants(['api:read', 'config_api'], 'rr+.+');
  grants(['api:/tasks'], '.+...');
  grants(['api:/tasks:read'], '.r...');
  grants(['api', 'api:/tasks:read'], '+r..+');
  grants(['api:read', 'api:/tasks'], 'r+..r');
  grants(['api:read', 'api:/ping:write', 'write_points:telegraf'], 'rr.++');
  grants(['config_api:read'], '..r.r');
  grants(['config_api:read', 'config_api:write,delete'], '..+.+');
  grants(['write_points:telegraf'], '...++');
});

describe('grantsOf', () => {
  const permission = fc.constantFrom(
    ...['none', 'all', 'api', 'api:read', 'api:write,delete', 'api:/tasks', 'api:/tasks:read'],
    ...['api:/tasks/cpu:delete', 'api:/ping:read', 'api:/preview/logs', 'config_api'],
    ...['config_api:read', 'write_points', 'write_points:a', 'write_points:b'],
  );
  const permissions = fc.array(permission, { maxLength: 6 });
  const resource = fc.constantFrom(
    ...['/api', '/api/tasks', '/api/tasks/cpu', '/api/tasks/cpu/x', '/api/config/influxdb'],
    ...[
      '/api/write',
      '/api/ping',
      '/api/preview/logs',
      '/api/preview/config',
      '/apix',
      '/',
      '/other',
    ],
  );
  const privilege = fc.constantFrom<Privilege[]>('read', 'write', 'delete');

  test('the order of permissions does not matter', () => {
    const shuffled = permissions.chain((list) =>
      fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length })),
    );
    fc.assert(
      fc.property(shuffled, resource, privilege, ([list, other], path, asked) => {
        expect(may(grantsOf(other), asked, path)).toBe(may(grantsOf(list), asked, path));
      }),
      { numRuns: 3000 },
    );
  });

  test('a permission that is written twice counts once', () => {
    fc.assert(
      fc.property(permissions, resource, privilege, (list, path, asked) => {
        const twice = grantsOf([...list, ...list]);
        expect(may(twice, asked, path)).toBe(may(grantsOf(list), asked, path));
      }),
    );
  });

  test('nothing outside /api is ever granted', () => {
    fc.assert(
      fc.property(permissions, (list) => {
        for (const key of grantsOf(list).api.keys()) expect(key).toMatch(/^\/api(?:\/[^/]+)*$/);
      }),
    );
  });

  test('config is granted by config_api and all only', () => {
    fc.assert(
      fc.property(permissions, privilege, (list, asked) => {
        const mayConfig = may(grantsOf(list), asked, '/api/config/influxdb');
        const named = list.some((each) => each === 'all' || each.startsWith('config_api'));
        expect(mayConfig && !named).toBe(false);
      }),
    );
  });

  test('the write endpoint is granted by write_points and all only', () => {
    fc.assert(
      fc.property(permissions, privilege, (list, asked) => {
        const named = list.some((each) => each === 'all' || each.startsWith('write_points'));
        expect(may(grantsOf(list), asked, '/api/write')).toBe(named);
      }),
    );
  });

  test.each([
    [['write_points'], [true, true, true]],
    [['all'], [true, true, true]],
    [
      ['write_points:a', 'write_points:b'],
      [true, true, false],
    ],
    [
      ['write_points:a', 'write_points'],
      [true, true, true],
    ],
    [['write_points:__proto__'], [false, false, false]],
    [
      ['api', 'config_api'],
      [false, false, false],
    ],
    [['none'], [false, false, false]],
  ])('%j may write to the databases a, b and c: %j', (list, want) => {
    expect(['a', 'b', 'c'].map((database) => mayWriteTo(grantsOf(list), database))).toEqual(want);
  });

  test('a grant names the permissions that it came from', () => {
    const { api, databases } = grantsOf(['api:read', 'api:write', 'write_points:a']);
    expect(api.get('/api')?.permission).toBe('api:read, api:write');
    expect(api.get('/api/config')?.permission).toBe('api:read');
    expect(databases.get('a')?.permission).toBe('write_points:a');
  });

  test('a permission that cannot be read is an error', () => {
    expect(() => grantsOf(['api', 'wrong'])).toThrow('unknown permission "wrong"');
  });
});

describe('shownPermissions', () => {
  test.each([
    [[], []],
    [['none'], []],
    [['api'], ['api']],
    [
      ['write_points', 'api'],
      ['api', 'write_points'],
    ],
    [['write_points', 'config_api', 'api'], ['all']],
    [['all'], ['all']],
    [['all', 'api'], ['all']],
    [['none', 'api'], ['api']],
    [['api', 'api'], ['api']],
    [
      ['write_points:b', 'api', 'write_points:a'],
      ['api', 'write_points:b', 'write_points:a'],
    ],
    [
      ['all', 'api:read', 'api:read'],
      ['all', 'api:read'],
    ],
  ])('%j is shown as %j', (stored, shown) => {
    expect(shownPermissions(stored)).toEqual(shown);
  });

  test('what is shown grants what was stored', () => {
    const list = fc.array(
      fc.constantFrom(
        'none',
        'all',
        'api',
        'config_api',
        'write_points',
        'api:read',
        'write_points:a',
      ),
      { maxLength: 5 },
    );
    fc.assert(
      fc.property(list, (stored) => {
        const [before, after] = [grantsOf(stored), grantsOf(shownPermissions(stored))];
        for (const path of ['/api/tasks', '/api/config', '/api/write', '/api/ping']) {
          for (const asked of ALL) expect(may(after, asked, path)).toBe(may(before, asked, path));
        }
        for (const name of ['a', 'b'])
          expect(mayWriteTo(after, name)).toBe(mayWriteTo(before, name));
      }),
    );
  });
});
