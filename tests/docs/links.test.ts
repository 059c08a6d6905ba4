import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { ROOT, anchorsOf, codeOf, documents, read } from './tree.ts';

describe('the documents', () => {
  test.each(documents())('%s links to files and headings that are there', (document) => {
    const links = [...read(document).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => link);
    expect(links.filter((link) => !leadsSomewhere(document, link))).toEqual([]);
  });

  test.each(documents())('%s names files that are there', (document) => {
    const named = codeOf(read(document)).flatMap((code) => [...code.matchAll(NAMED)]);
    const paths = named.map(([, path = '']) => path);
    expect(paths.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
  });

  test('every document below docs is linked to from the README or another one', () => {
    const linked = documents().flatMap((document) =>
      [...read(document).matchAll(/\]\(([^)\s#]+)/g)].map(([, link = '']) =>
        join(dirname(document), link),
      ),
    );
    const found = new Set(linked);
    const inDocs = documents().filter((document) => document.startsWith('docs/'));
    expect(inDocs.filter((document) => !found.has(document))).toEqual([]);
  });
});

/** Paths that begin with a directory of the tree. */
const NAMED = /(?<![\w./-])((?:src|tests|docs|systemd|packaging|bench|\.ci)\/[\w./-]*[\w-])/g;

function leadsSomewhere(document: string, link: string): boolean {
  if (/^https?:/.test(link)) return true;
  const [path = '', anchor] = link.split('#');
  const file = path === '' ? document : join(dirname(document), path);
  if (!existsSync(join(ROOT, file))) return false;
  return anchor === undefined || anchorsOf(read(file)).has(anchor);
}
