import { describe, expect, test } from '@jest/globals';
import { judgePassword } from '../../src/authenticate/password-rule.ts';

describe('judgePassword', () => {
  for (const password of ['a', ' ', 'x'.repeat(72), 'é'.repeat(36), '🙂'.repeat(18), '\x7f"\\:']) {
    test(`${JSON.stringify(password.slice(0, 20))} may be set`, () => {
      expect(judgePassword(password)).toBeUndefined();
    });
  }

  function refuses(password: string, words: string): void {
    test(`${JSON.stringify(password.slice(0, 20))} may not`, () => {
      expect(judgePassword(password)).toBe(words);
    });
  }

  refuses('', 'password is required');
  refuses('x'.repeat(73), 'password must be at most 72 bytes long in UTF-8');
  refuses('é'.repeat(37), 'password must be at most 72 bytes long in UTF-8');
  refuses('a\0b', 'password must not contain the character NUL');
  refuses('\0', 'password must not contain the character NUL');
});
