import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { format } from 'prettier';
import { KEYS, SECTIONS } from '../../src/config/defaults.ts';
import { renderDocs } from '../../src/config/docs.ts';
import { loadConfig } from '../../src/config/load.ts';
import { parseToml } from '../../src/config/toml.ts';
import { filesOf, inTree } from './files.ts';

const text = readFileSync(inTree('gateway.toml'), 'utf8');

describe('gateway.toml', () => {
  test('has every key, with its default', () => {
    const defaults = SECTIONS.map((section): [string, unknown] => {
      const keys = KEYS.filter((key) => key.section === section);
      return [section, Object.fromEntries(keys.map((key) => [key.name, key.default]))];
    });
    expect(parseToml(text)).toEqual({ document: Object.fromEntries(defaults) });
  });

  test('loads as the configuration without any file, and without a warning', () => {
    const loaded = loadConfig({ env: {}, readFile: filesOf({ './gateway.toml': text }) });
    expect(loaded.config).toEqual(loadConfig({ env: {}, readFile: filesOf({}) }).config);
    expect(loaded.warnings).toEqual([]);
    expect(new Set(loaded.origins.map(({ origin }) => origin))).toEqual(
      new Set(['./gateway.toml']),
    );
  });

  test('explains every key above it', () => {
    for (const key of KEYS) {
      expect(text).toContain(`\n# ${key.meaning}\n# Allowed: ${key.kind.allowed}\n${key.name} = `);
    }
  });
});

describe('renderDocs', () => {
  test('gives docs/configuration.md as it is committed', async () => {
    const docs = renderDocs();
    expect(readFileSync(inTree('docs/configuration.md'), 'utf8')).toBe(docs);
    expect(await format(docs, { parser: 'markdown', printWidth: 100 })).toBe(docs);
  });
});
