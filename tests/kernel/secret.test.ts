import { describe, expect, test } from '@jest/globals';
import { format, inspect } from 'node:util';
import fc from 'fast-check';
import { Secret } from '../../src/kernel/secret.ts';

describe('Secret', () => {
  const canary = 'canary-5dfe1c';
  const secret = new Secret(canary);

  const printings: Readonly<Record<string, () => string>> = {
    'String()': () => String(secret),
    'a template': () => `secret: ${secret as unknown as string}`,
    concatenation: () => 'secret: '.concat(secret as unknown as string),
    'JSON.stringify': () => JSON.stringify({ nested: [secret] }),
    'util.inspect': () => inspect({ nested: { deep: { deeper: { secret } } } }, { depth: 9 }),
    'util.inspect with hidden properties': () => inspect(secret, { showHidden: true, depth: 9 }),
    'util.format': () => format('%s %o %O %j', secret, secret, secret, secret),
    'an error': () => inspect(new Error('failed', { cause: secret })),
    'a spread': () => JSON.stringify(Object.assign({}, secret)),
    structuredClone: () => inspect(structuredClone(secret)),
    'property names': () => JSON.stringify(Object.getOwnPropertyNames(secret)),
  };

  test.each(Object.keys(printings))('%s does not show it', (name) => {
    const printed = printings[name]?.() ?? canary;
    expect(printed).not.toContain(canary);
  });

  test('what is printed says that something was left out', () => {
    expect(String(secret)).toBe('[redacted]');
    expect(JSON.stringify(secret)).toBe('"[redacted]"');
    expect(inspect(secret)).toBe('[redacted]');
  });

  test('reveal gives it back', () => {
    expect(secret.reveal()).toBe(canary);
  });

  test('it is empty where nothing was configured, and only there', () => {
    expect(new Secret('').isEmpty).toBe(true);
    expect(new Secret(' ').isEmpty).toBe(false);
    expect(new Secret('\0').isEmpty).toBe(false);
  });

  test('two are equal where their texts are, of whatever length', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '\0', 'ö'), maxLength: 3 });
    fc.assert(
      fc.property(text, text, (one, other) => {
        expect(new Secret(one).equals(new Secret(other))).toBe(one === other);
      }),
      { numRuns: 1000 },
    );
  });
});
