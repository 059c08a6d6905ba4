import { describe, expect, test } from '@jest/globals';
import { ERRORS } from '../../src/kernel/errors.ts';
import { read } from './tree.ts';

const document = read('docs/troubleshooting.md');

/** Where the words of a refusal stand that its row in errors.ts does not have. */
const REFUSING = [
  'src/authenticate/authenticate.ts',
  'src/authenticate/hashing.ts',
  'src/authenticate/signed-token.ts',
  'src/authenticate/token.ts',
  'src/kernel/query.ts',
  'src/kernel/target.ts',
  'src/listener/framing.ts',
  'src/proxy/queue.ts',
  'src/proxy/recheck.ts',
  'src/proxy/relay.ts',
  'src/users/body.ts',
  'src/users/name.ts',
];

describe('docs/troubleshooting.md', () => {
  test('has an entry for every row of ERRORS, with its status and words, and no other', () => {
    const entries = [...document.matchAll(/^#### (\d{3}) `([a-z-]+)`\n\n> (.+)$/gm)].map(
      ([, status, code, words]) => [code, Number(status), words],
    );
    const rows = Object.entries(ERRORS).map(([code, { status, words }]) => [code, status, words]);
    expect(entries.toSorted(byCode)).toEqual(rows.toSorted(byCode));
  });

  test.each(REFUSING)('tells of every refusal in %s', (file) => {
    const words = sentencesIn(read(file));
    expect(words.length).toBeGreaterThan(0);
    expect(words.filter((each) => !document.includes(each))).toEqual([]);
  });
});

function byCode(a: readonly unknown[], b: readonly unknown[]): number {
  return String(a[0]).localeCompare(String(b[0]));
}

/** What nobody can come to read: a check before it always finds something better to say. */
const UNREACHABLE = ['unknown fault', 'BUG:'];

/** Texts of more than one word, up to their first placeholder; what is no sentence to a client is left out. */
function sentencesIn(source: string): readonly string[] {
  const code = source.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '').replace(/^import .*$/gm, '');
  return [...code.matchAll(/'((?:[^'\\\n]|\\.)*)'|`([^`]*)`/g)]
    .map(([, plain, template]) => plain?.replace(/\\(.)/g, '$1') ?? upToPlaceholder(template ?? ''))
    .filter(
      (text) => /\p{L}+ \p{L}+/u.test(text) && !UNREACHABLE.some((each) => text.startsWith(each)),
    );
}

function upToPlaceholder(template: string): string {
  return template.split('${')[0]?.trimEnd() ?? '';
}
