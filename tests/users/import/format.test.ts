import { describe, expect, test } from '@jest/globals';
import { formatOf, isUrl } from '../../../src/users/import/format.ts';
import { readUsersPage } from '../../../src/users/import/kapacitor-users.ts';

describe('formatOf', () => {
  test.each([
    ['users.jsonl', '{"kind":"kapgate-export"}', 'kapgate'],
    ['-', '\n {"kind":"kapgate-export"}', 'kapgate'],
    ['auth.yml', 'anything', 'vmauth'],
    ['AUTH.YAML', 'anything', 'vmauth'],
    ['config', '# vmauth\nusers:\n- username: a\n', 'vmauth'],
    ['config', 'unauthorized_user:\n  url_prefix: x\nusers: # all\n', 'vmauth'],
    ['htpasswd', `users:$2y$10$${'a'.repeat(53)}\n`, 'htpasswd'],
    ['htpasswd', '', 'htpasswd'],
  ])('%s that holds %j', (source, text, format) => {
    expect(formatOf(source, text)).toBe(format);
  });

  test('what is asked by URL is a Kapacitor', () => {
    expect(['http://a:1', 'HTTPS://a', 'htpasswd', './http://x'].map(isUrl)).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });
});

describe('readUsersPage', () => {
  const user = { link: {}, name: 'stan', type: 'normal', permissions: ['api'] };

  test('counts on from the pages before', () => {
    const admin = { name: 'eva', type: 'admin', permissions: [] };
    expect(readUsersPage({ users: [user, admin] }, 100)).toEqual([
      { at: 101, name: 'stan', admin: false, permissions: ['api'] },
      { at: 102, name: 'eva', admin: true, permissions: [] },
    ]);
  });

  test('a subscription token is refused, and is in no answer', () => {
    const entries = readUsersPage({ users: [{ ...user, name: '_sub:canary' }] }, 0);
    expect(entries).toEqual([{ at: 1, refused: expect.stringContaining('subscription token') }]);
    expect(JSON.stringify(entries)).not.toContain('canary');
  });

  test.each([
    undefined,
    null,
    {},
    { users: null },
    { users: [{ name: 'a' }] },
    { users: [{ ...user, type: 'root' }] },
    { users: [{ ...user, permissions: [1] }] },
  ])('%j is none', (body) => {
    expect(readUsersPage(body, 0)).toBeUndefined();
  });
});
