import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { readUserBody } from '../../src/users/body.ts';

const NOTHING = { name: undefined, password: undefined, type: undefined, permissions: undefined };

describe('readUserBody', () => {
  function reads(json: string, want: Record<string, unknown>, keys?: readonly string[]): void {
    test(`${json.slice(0, 60)} is read`, () => {
      const body = readUserBody(Buffer.from(json));
      expect(body).toMatchObject({ ...NOTHING, ...want });
      if (keys !== undefined) expect(body).toHaveProperty('keys', new Set(keys));
    });
  }

  reads('{}', {}, []);
  reads('null', {}, []);
  reads(' \n{ } \t', {}, []);
  reads('{"name":"stan","password":"pass"}', { name: 'stan', password: 'pass' });
  reads('{"type":"admin"}', { type: 'admin' });
  reads('{"type":"normal"}', { type: 'normal' });
  reads('{"type":""}', { type: '' });
  reads('{"name":null,"password":null,"type":null,"permissions":null}', {});
  reads('{"permissions":[]}', { permissions: [] });
  reads('{"permissions":["none","all","api","config_api","write_points"]}', {
    permissions: ['none', 'all', 'api', 'config_api', 'write_points'],
  });
  reads('{"permissions":["api:/tasks:read","write_points:db"]}', {
    permissions: ['api:/tasks:read', 'write_points:db'],
  });
  reads('{"NAME":"a","Password":"b","tYpE":"admin"}', { name: 'a', password: 'b', type: 'admin' });
  reads('{"pa\u017fsword":"long s"}', { password: 'long s' }, ['password']);
  reads('{"link":{"rel":"self"},"name":"a"}', { name: 'a' }, ['link', 'name']);
  reads('{"__proto__":{"name":"x"},"constructor":1}', {}, ['__proto__', 'constructor']);
  reads('{"password":"\\u0070\\"\\\\"}', { password: 'p"\\' });
  reads('{"password":"a:{b}[\\"name\\":1]"}', { password: 'a:{b}["name":1]' }, ['password']);
  reads('{"paßword":"x"}', {}, ['paßword']);
  reads('{"password":"\\ud83d\\ude42"}', { password: '🙂' });
  reads(`{"a":${'['.repeat(63)}${']'.repeat(63)}}`, {}, ['a']);
  reads('{"a":[{"x":1},{"x":1}]}', {}, ['a']);

  function refuses(json: string | Uint8Array, words: string | RegExp): void {
    const shown = JSON.stringify(Buffer.from(json).toString().slice(0, 50));
    test(`${shown} is refused`, () => {
      expect(readUserBody(Buffer.from(json))).toEqual({
        refused: typeof words === 'string' ? words : expect.stringMatching(words),
      });
    });
  }

  refuses('', 'invalid JSON');
  refuses('{', 'invalid JSON');
  refuses('{}{}', 'invalid JSON');
  refuses('{"name":"a"} x', 'invalid JSON');
  refuses("{'name':'a'}", 'invalid JSON');
  refuses('{"name":"a",}', 'invalid JSON');
  refuses('\ufeff{}', 'invalid JSON');
  refuses('{"name":"a\nb"}', 'invalid JSON');
  refuses('[', 'invalid JSON');
  refuses(Buffer.from('7b226e616d65223a22ff227d', 'hex'), 'invalid JSON');
  refuses(Buffer.from('eda080', 'hex'), 'invalid JSON');
  refuses('[]', 'invalid JSON: the body must be an object');
  refuses('"name"', 'invalid JSON: the body must be an object');
  refuses('7', 'invalid JSON: the body must be an object');
  refuses('{"name":1}', 'invalid JSON: "name" must be a string');
  refuses('{"password":["x"]}', 'invalid JSON: "password" must be a string');
  refuses('{"type":"user"}', 'invalid JSON: "type" must be "admin" or "normal"');
  refuses('{"type":"Admin"}', 'invalid JSON: "type" must be "admin" or "normal"');
  refuses('{"type":true}', 'invalid JSON: "type" must be "admin" or "normal"');
  refuses('{"permissions":"all"}', 'invalid JSON: "permissions" must be a list of strings');
  refuses('{"permissions":{}}', 'invalid JSON: "permissions" must be a list of strings');
  refuses('{"permissions":[1]}', 'invalid JSON: a permission must be a string');
  refuses('{"permissions":[null]}', 'invalid JSON: a permission must be a string');
  refuses('{"permissions":["root"]}', /^invalid JSON: unknown permission "root": /);
  refuses('{"permissions":["api:/users"]}', /^invalid JSON: .*it is for admins only/);
  refuses('{"name":"a","name":"b"}', 'invalid JSON: a key stands there twice');
  refuses('{"name":"a","Name":"a"}', 'invalid JSON: a key stands there twice');
  refuses('{"name":"a","n\\u0061me":"b"}', 'invalid JSON: a key stands there twice');
  refuses('{"permissions":[],"permi\u017fsions":[]}', 'invalid JSON: a key stands there twice');
  refuses('{"a":{"b":1,"b":2}}', 'invalid JSON: a key stands there twice');
  refuses('{"__proto__":1,"__proto__":2}', 'invalid JSON: a key stands there twice');
  refuses('{"name":"a\\ud800"}', 'invalid JSON: "name" holds half of a surrogate pair');
  refuses('{"password":"\\udc00"}', 'invalid JSON: "password" holds half of a surrogate pair');
  refuses('['.repeat(65) + ']'.repeat(65), 'invalid JSON: it is nested deeper than 64 levels');
  refuses(
    `{"a":${'['.repeat(30_000)}${']'.repeat(30_000)}}`,
    'invalid JSON: it is nested deeper than 64 levels',
  );

  test('a million levels, and strings that never end, take no time and no stack', () => {
    const started = Date.now();
    for (const text of [
      '['.repeat(1_000_000),
      '['.repeat(500_000) + ']'.repeat(500_000),
      `"${'\\"'.repeat(500_000)}`,
      `{"a":"${'\\"'.repeat(500_000)}"}`,
    ]) {
      readUserBody(Buffer.from(text));
    }
    expect(Date.now() - started).toBeLessThan(20_000);
  });

  test('a refusal never holds the password', () => {
    for (const json of [
      '{"password":"canary","password":"canary"}',
      '{"password":"canary","type":"x"}',
      '{"password":"canary"',
      '{"password":{"canary":1}}',
    ]) {
      expect(JSON.stringify(readUserBody(Buffer.from(json)))).not.toContain('canary');
    }
  });

  test('whatever JSON is an object without doubles is read, and its strings are those of JSON.parse', () => {
    const value = fc.dictionary(
      fc.constantFrom('name', 'password', 'x', '__proto__'),
      fc.string({ unit: 'grapheme' }),
    );
    fc.assert(
      fc.property(value, fc.integer({ min: 0, max: 4 }), (object, indent) => {
        const body = readUserBody(Buffer.from(JSON.stringify(object, undefined, indent)));
        const own = (key: string) => (Object.hasOwn(object, key) ? object[key] : undefined);
        expect(body).toMatchObject({ name: own('name'), password: own('password') });
      }),
    );
  });

  test('no bytes make it throw', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array(),
          fc.json().map((json) => Buffer.from(json)),
        ),
        (bytes) => {
          expect(readUserBody(bytes)).toBeDefined();
        },
      ),
    );
  });
});
