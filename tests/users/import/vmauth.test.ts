import { describe, expect, test } from '@jest/globals';
import { isRefused } from '../../../src/users/import/reading.ts';
import type { ImportEntry, Reading } from '../../../src/users/import/reading.ts';
import { readVmauth } from '../../../src/users/import/vmauth.ts';

function reading(text: string): Reading {
  const read = readVmauth(text);
  if ('refused' in read) throw new Error(read.refused);
  return read;
}

/** Passwords shown, for the tests. */
function shown(entry: ImportEntry): object {
  return isRefused(entry) ? entry : { ...entry, password: entry.password?.reveal() };
}

function users(text: string): readonly object[] {
  return reading(text).entries.map(shown);
}

describe('readVmauth', () => {
  test('reads names and passwords, wherever they are routed', () => {
    const text = `
# the readers
users:
- username: "local"
  password: 'p#ss: word'
  url_prefix: "http://localhost:8428?extra_label=team=dev"
- username: two
  name: shown in metrics
  password: "\\u00fc"
  url_map:
  - src_paths: ["/api/v1/query.*"]
    url_prefix: ["http://a:8481/", "http://b:8481/"]
  headers: ["X-Scope: a"]
`;
    expect(users(text)).toEqual([
      { at: 4, name: 'local', password: 'p#ss: word' },
      { at: 7, name: 'two', password: 'ü' },
    ]);
    expect(reading(text).notes).toEqual([expect.stringContaining('says nothing about rights')]);
  });

  test.each([
    ['0123', '0123'],
    ['1e3', '1e3'],
    ['no', 'no'],
    ['12.50', '12.50'],
    ['"~"', '~'],
    ["'null'", 'null'],
    ['2026-01-01', '2026-01-01'],
  ])('the password %s stays the text that it is', (written, password) => {
    expect(users(`users: [{username: a, password: ${written}}]`)).toEqual([
      { at: 1, name: 'a', password },
    ]);
  });

  test.each([
    ['bearer_token: canary', /bearer_token and no password/],
    ['auth_token: "Foo canary"', /auth_token/],
    ['jwt: {public_keys: [canary]}', /jwt/],
    ['password: canary', /no username/],
    ['username: [canary]', /no username/],
    ['username: "%{USER}"', /username is a placeholder/],
    ['username: a', /no password/],
    ['{username: a, password: }', /no password/],
    ['{username: a, password: ~}', /no password/],
    ['{username: a, password: null}', /no password/],
    ['{username: a, password: {canary: b}}', /no password/],
    ['{username: a, password: "x%{canary}"}', /password is a placeholder/],
    ['canary', /not a user/],
  ])('an entry "%s" is refused, and its secrets are not told', (entry, words) => {
    const [refused] = users(`users:\n- ${entry}\n`);
    expect(refused).toMatchObject({ at: 2, refused: expect.stringMatching(words) });
    expect(JSON.stringify(refused)).not.toContain('canary');
  });

  test('what lets everybody in is left out, and that is said', () => {
    const { entries, notes } = reading('unauthorized_user: {url_prefix: "http://a"}\nusers: []');
    expect(entries).toEqual([]);
    expect(notes).toContainEqual(expect.stringContaining('unauthorized_user is left out'));
  });

  test('follows an alias to a text', () => {
    const text =
      'x: &p secret\nusers:\n- {username: a, password: *p}\n- {username: b, password: *p}';
    expect(users(text)).toEqual([
      { at: 3, name: 'a', password: 'secret' },
      { at: 4, name: 'b', password: 'secret' },
    ]);
  });

  test('an alias to nothing, or to more than a text, is none', () => {
    const text = 'x: &list [a]\nusers:\n- {username: a, password: *b}\n- {username: *list}';
    expect(users(text)).toMatchObject([
      { at: 3, name: 'a', refused: 'it has no password' },
      { at: 4, refused: 'it has no username' },
    ]);
  });

  test('expands no other alias: a bomb costs what its text does', () => {
    const levels = Array.from({ length: 30 }, (_, level) => {
      const before = level === 0 ? 'x' : `*l${level - 1}`;
      return `l${level}: &l${level} [${Array.from({ length: 20 }, () => before).join(', ')}]`;
    });
    const text = [...levels, 'users:', '- username: a', '  password: b', '  url_map: *l29'].join(
      '\n',
    );
    expect(users(text)).toEqual([{ at: 32, name: 'a', password: 'b' }]);
  });

  test('more than a hundred aliases as passwords are refused', () => {
    const items = (count: number): string =>
      Array.from({ length: count }, (_, index) => `- {username: u${index}, password: *p}`).join(
        '\n',
      );
    expect(users(`x: &p y\nusers:\n${items(100)}`)).toHaveLength(100);
    expect(readVmauth(`x: &p y\nusers:\n${items(101)}`)).toEqual({
      refused: 'more than 100 of its names and passwords are aliases',
    });
  });

  test.each([
    ['', 'it has no list "users"'],
    ['a: b', 'it has no list "users"'],
    ['users: a', 'it has no list "users"'],
    ['- a', 'it has no list "users"'],
    ['users:\n  - a: [canary\n  b', 'line 3 is not YAML (BAD_INDENT)'],
    ['users: []\nusers: [canary]', 'line 2 is not YAML (DUPLICATE_KEY)'],
    ['users: []\n---\nusers: [canary]', 'line 2 is not YAML (MULTIPLE_DOCS)'],
    ['users:\n- {username: a, password: !!canary b}', 'line 2 is not YAML (TAG_RESOLVE_FAILED)'],
  ])('%j as a whole is refused by its line, and not quoted', (text, refused) => {
    expect(readVmauth(text)).toEqual({ refused });
  });

  test('what is nested without end is refused', () => {
    expect(readVmauth(`users: ${'['.repeat(200_000)}`)).toEqual({
      refused: expect.stringMatching(/is not YAML|call stack/),
    });
  });

  test('a file that is too large is refused before it is parsed', () => {
    expect(readVmauth(' '.repeat(16 * 1024 * 1024 + 1))).toEqual({
      refused: 'it is too large for a file of vmauth',
    });
  });
});
