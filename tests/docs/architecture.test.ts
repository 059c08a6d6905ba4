import { describe, expect, test } from '@jest/globals';
import { filesBelow, read } from './tree.ts';

const document = read('docs/architecture.md');
const named = new Set(
  [...document.matchAll(/`((?:[a-z-]+\/)*[a-z-]+(?:\.d)?\.[tj]s)`/g)].map(([, name]) => name),
);
const there = filesBelow('src').map((path) => path.replace(/^src\//, ''));

describe('docs/architecture.md', () => {
  test('names every file of src', () => {
    expect(there.filter((file) => !named.has(file))).toEqual([]);
  });

  test('names no file that is not there', () => {
    expect([...named].filter((name) => name === undefined || !there.includes(name))).toEqual([]);
  });

  test('walks the files of a room in its own section', () => {
    const misplaced = [...document.split(/^### /m)].slice(1).flatMap((section) => {
      const room = /^`src\/([a-z]+)\//.exec(section)?.[1];
      const rows = [...section.matchAll(/^- `([^`]+\.[tj]s)`/gm)].map(([, name = '']) => name);
      return room === undefined ? [] : rows.filter((name) => !name.startsWith(`${room}/`));
    });
    expect(misplaced).toEqual([]);
  });
});
