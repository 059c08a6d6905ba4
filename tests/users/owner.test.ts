import { describe, expect, test } from '@jest/globals';
import { statSync } from 'node:fs';
import { takeOwner } from '../../src/users/owner.ts';

/** Some directory that is not root's, where the tests run as root; else any. */
function operations(euid: number | undefined): {
  readonly done: (readonly [string, unknown])[];
  readonly operations: Parameters<typeof takeOwner>[1];
} {
  const done: (readonly [string, unknown])[] = [];
  const note = (name: string) => (value: unknown) => {
    done.push([name, value]);
  };
  return {
    done,
    operations: {
      ...(euid === undefined ? {} : { geteuid: () => euid }),
      setgroups: note('setgroups'),
      setgid: note('setgid'),
      setuid: note('setuid'),
    },
  };
}

describe('takeOwner', () => {
  test('does nothing where nobody is root, or there is no such thing', () => {
    for (const euid of [1000, undefined]) {
      const { done, operations: as } = operations(euid);
      takeOwner('/', as);
      expect(done).toEqual([]);
    }
  });

  test('root stays root in a directory of root, and where there is none yet', () => {
    const { done, operations: as } = operations(0);
    expect(statSync('/').uid).toBe(0);
    takeOwner('/', as);
    takeOwner('/nowhere/at/all', as);
    expect(done).toEqual([]);
  });
});
