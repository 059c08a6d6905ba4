import { describe, expect, test } from '@jest/globals';
import { filesBelow, read } from '../docs/tree.ts';

interface Attack {
  readonly of: string;
  /** `FILE`, or `FILE › part of a test's name`. */
  readonly tests: readonly string[];
  /** Why there is no test. */
  readonly open?: string;
}

const catalogue = JSON.parse(read('tests/attacks/catalogue.json')) as readonly {
  readonly family: string;
  readonly attacks: readonly Attack[];
}[];

const rows = read('docs/security.md')
  .split('<!-- attacks -->')[1]
  ?.split('<!-- /attacks -->')[0]
  ?.split('\n')
  .filter((line) => line.startsWith('| '))
  .slice(2)
  .map((line) =>
    line
      .slice(1, -1)
      .split(' | ')
      .map((cell) => cell.trim()),
  );

function filesOf(attacks: readonly Attack[]): readonly string[] {
  return [
    ...new Set(attacks.flatMap(({ tests }) => tests.map((each) => each.split(' › ')[0] ?? ''))),
  ];
}

describe('tests/attacks/catalogue.json', () => {
  const all = catalogue.flatMap(({ attacks }) => attacks);

  test('names a test for each attack, or says why there is none', () => {
    expect(all.filter(({ tests, open = '' }) => tests.length > 0 === (open !== ''))).toEqual([]);
  });

  test('names tests that are there', () => {
    const missing = all
      .flatMap(({ tests }) => tests)
      .filter((each) => {
        const [file = '', part = ''] = each.split(' › ');
        return !filesBelow('tests').includes(file) || !read(file).includes(part);
      });
    expect(missing).toEqual([]);
  });

  test('names every file of tests/attacks', () => {
    const files = filesBelow('tests/attacks').filter((file) =>
      /(?<!catalogue)\.test\.ts$/.test(file),
    );
    expect(files.filter((file) => !filesOf(all).includes(file))).toEqual([]);
  });
});

describe('docs/security.md, the attacks', () => {
  test('shows the families of the catalogue and where their tests are: npm run attacks makes it', () => {
    const shown = rows?.map(([family, , , files]) => [family, files]);
    const known = catalogue
      .filter(({ attacks }) => filesOf(attacks).length > 0)
      .map(({ family, attacks }) => [
        family,
        filesOf(attacks)
          .map((file) => `\`${file}\``)
          .join(', '),
      ]);
    expect(shown).toEqual(known);
  });

  test('shows cases of each, all of which were held', () => {
    expect(rows?.filter(([, tried, held]) => tried !== held || !(Number(tried) > 0))).toEqual([]);
  });
});
