import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { authorize } from '../../src/authorize/authorize.ts';
import { metaGrantsOf } from '../../src/authorize/meta-permissions.ts';
import { requirementsOf } from '../../src/authorize/requirements.ts';
import type { Grants } from '../../src/kernel/grants.ts';
import { readTarget } from '../../src/kernel/target.ts';
import { readMetaDecisions } from '../support/recordings.ts';

type Scoped = Readonly<Record<string, readonly string[]>>;

interface Role {
  readonly name: string;
  readonly permissions: Scoped;
}

function grantsOf(own: Scoped, roles: readonly Role[] = []): Grants {
  return metaGrantsOf(
    new Map(Object.entries(own)),
    roles.map(({ name, permissions }) => ({
      name,
      permissions: new Map(Object.entries(permissions)),
    })),
  ).grants;
}

/** Undefined where the request never comes as far. */
function isAllowed(grants: Grants, method: string, raw: string): boolean | undefined {
  const reading = readTarget(method, raw);
  if (reading.kind !== 'target') return undefined;
  const requirements = requirementsOf(reading.target);
  if (requirements.some(({ kind }) => kind === 'admin')) return undefined;
  return authorize({ name: 'stan', admin: false, grants, method: 'basic' }, requirements).allowed;
}

function shown(grants: ReadonlyMap<string, { privileges: ReadonlySet<string> }>): object {
  return Object.fromEntries(
    [...grants].map(([key, { privileges }]) => [key, [...privileges].join(' ')]),
  );
}

describe('metaGrantsOf against what Kapacitor decided', () => {
  const rows = readMetaDecisions();

  test('each row that reaches the decision is decided as recorded', () => {
    const wrong: string[] = [];
    const tally = { allowed: 0, denied: 0, undecided: 0 };
    for (const { user, permissions, method, target, status } of rows) {
      const allowed = isAllowed(grantsOf(permissions ?? {}), method, target);
      if (allowed === undefined) tally.undecided++;
      else if (allowed) tally.allowed++;
      else tally.denied++;
      const wanted = status !== 401 && status !== 403;
      if (allowed !== undefined && allowed !== wanted) wrong.push(`${user} ${method} ${target}`);
    }
    expect(wrong).toEqual([]);
    expect(tally.undecided).toBeLessThan(rows.length / 2);
    expect(rows).toHaveLength(1248);
    expect(tally.allowed).toBeGreaterThan(100);
    expect(tally.denied).toBeGreaterThan(100);
  });
});

describe('metaGrantsOf', () => {
  const grants = (own: Scoped, api: object, databases: object = {}): void => {
    test(`${JSON.stringify(own)} grants that and no more`, () => {
      const found = grantsOf(own);
      expect(shown(found.api)).toEqual(api);
      expect(shown(found.databases)).toEqual(databases);
    });
  };

  const all = 'read write delete';
  grants({}, {});
  grants({ '': [] }, {});
  grants({ '': ['KapacitorAPI'] }, { '/api': all, '/api/config': '' });
  grants({ telegraf: ['KapacitorAPI'] }, { '/api': all, '/api/config': '' });
  grants({ '': ['KapacitorConfigAPI'] }, { '/api/config': all, '/api/ping': all });
  for (const order of [
    ['KapacitorAPI', 'KapacitorConfigAPI'],
    ['KapacitorConfigAPI', 'KapacitorAPI'],
  ]) {
    grants({ '': order }, { '/api': all, '/api/config': all, '/api/ping': all });
  }
  for (const name of ['WriteData', '9']) {
    grants({ tele: [name] }, { '/api/write': 'write', '/api/ping': all }, { tele: 'write' });
    grants({ '': [name] }, { '/api/write': 'write', '/api/ping': all }, { '': 'write' });
  }
  grants({ tele: ['ReadData'] }, { '/api/ping': all }, { tele: 'read' });
  grants(
    { tele: ['ReadData', 'WriteData'] },
    { '/api/write': 'write', '/api/ping': all },
    { tele: 'read write' },
  );
  // A scope is the name of a database and nothing else, whatever it looks like.
  for (const scope of ['../api', '/api/config', 'constructor', 'a/b', '*']) {
    grants(
      { [scope]: ['WriteData'] },
      { '/api/write': 'write', '/api/ping': all },
      { [scope]: 'write' },
    );
  }

  test('a role grants what its permissions do, and names itself', () => {
    const { api, databases } = grantsOf({ tele: ['WriteData'] }, [
      { name: 'spectre', permissions: { '': ['KapacitorAPI'] } },
      { name: 'odd "role"\u001b', permissions: { tele: ['WriteData', 'ReadData'] } },
    ]);
    expect(api.get('/api')?.permission).toBe('KapacitorAPI by role spectre');
    expect(api.get('/api/config')).toEqual({
      privileges: new Set(),
      permission: 'KapacitorAPI by role spectre',
    });
    expect(databases.get('tele')).toEqual({
      privileges: new Set(['write', 'read']),
      permission:
        'WriteData on "tele", WriteData on "tele" by role "odd \\"role\\"\\u001b", ' +
        'ReadData on "tele" by role "odd \\"role\\"\\u001b"',
    });
  });

  test('KapacitorAPI does not deny the configuration that a role grants', () => {
    const { api } = grantsOf({ '': ['KapacitorAPI'] }, [
      { name: 'ops', permissions: { '': ['KapacitorConfigAPI'] } },
    ]);
    expect(api.get('/api/config')).toEqual({
      privileges: new Set(['read', 'write', 'delete']),
      permission: 'KapacitorConfigAPI by role ops',
    });
  });

  test('permissions of InfluxDB itself grant nothing; others are told, each once', () => {
    const own = new Map([
      ['', ['Monitor', 'ViewAdmin', 'NoPermissions', 'BrandNew', 'kapacitorapi', '17']],
      ['tele', ['BrandNew', '__proto__']],
    ]);
    const { grants: found, unknown } = metaGrantsOf(own, [
      { name: 'r', permissions: new Map([['', ['constructor', 'BrandNew', 'CopyShard']]]) },
    ]);
    expect(found).toEqual({ api: new Map(), databases: new Map() });
    expect(unknown).toEqual(['BrandNew', 'kapacitorapi', '17', '__proto__', 'constructor']);
  });

  const name = fc.constantFrom(
    ...['KapacitorAPI', 'KapacitorConfigAPI', 'WriteData', 'ReadData', 'Monitor', 'New', '9'],
  );
  const scoped = fc.dictionary(fc.constantFrom('', 'a', 'b'), fc.array(name, { maxLength: 4 }));

  test('the order of names, and who gives them, changes nothing that is granted', () => {
    fc.assert(
      fc.property(scoped, scoped, (own, ofRole) => {
        const one = grantsOf(own, [{ name: 'r', permissions: ofRole }]);
        const turned = Object.fromEntries(
          Object.entries(ofRole).map(([scope, names]) => [scope, names.toReversed()]),
        );
        const other = grantsOf(turned, [{ name: 's', permissions: own }]);
        for (const map of ['api', 'databases'] as const) {
          const sets = (from: Grants): object =>
            Object.fromEntries([...from[map]].map(([key, each]) => [key, each.privileges]));
          expect(sets(other)).toEqual(sets(one));
        }
      }),
    );
  });

  test('nothing but WriteData lets anybody write to a database', () => {
    fc.assert(
      fc.property(scoped, fc.constantFrom('a', 'b', 'c'), (own, database) => {
        const allowed = isAllowed(grantsOf(own), 'POST', `/write?db=${database}`);
        if (allowed !== true) return;
        const names = [...(own[database] ?? []), ...(own[''] ?? [])];
        expect(names.some((each) => each === 'WriteData' || each === '9')).toBe(true);
      }),
    );
  });
});
