import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { goJson, goQuote } from '../../src/kernel/go-text.ts';
import { findGo, readByGo } from '../support/go.ts';
import { GO_VERSIONS, muxPath, parseQuery, parseRequestUri } from './go-reading.ts';
import type { GoPair, GoVersion } from './go-reading.ts';
import { anyTarget } from './nasty-targets.ts';

const COMPILE_MS = 180_000;
const hasGo = findGo('the model of its reading is not compared with it');
const testWithGo = hasGo ? test : test.skip;

describe('the model of how Go reads a target', () => {
  testWithGo(
    'is what net/http, url.ParseQuery and path.Clean do',
    async () => {
      const targets = fc.sample(anyTarget, 6000).filter((target) => !/[\r\n ]/.test(target));
      const answers = await readByGo('targets', [...targets, ...FIXED]);
      const wrong = [...targets, ...FIXED]
        .map((target, index) => ({ target, model: modelOf(target), go: answers[index] }))
        .filter(({ target, model, go }) => target.startsWith('/') && !isSame(model, go));
      expect(wrong).toEqual([]);
      expect(answers.length).toBeGreaterThan(4000);
    },
    COMPILE_MS,
  );
});

describe('goQuote and goJson', () => {
  testWithGo(
    'are what strconv.Quote and encoding/json write',
    async () => {
      const ascii = Array.from({ length: 0x180 }, (_, code) => String.fromCharCode(code));
      const known = [
        '管理者',
        '😀',
        '\u2028\u2029',
        '\u202e',
        '\ufeff',
        '\ufffd',
        '\u{e0001}',
        '\ue000',
      ];
      const texts = [...ascii, ...known, ...fc.sample(oldCharacters, 500)];
      const answers = await readByGo('texts', texts);
      expect(
        texts.map((text) => ({ quoted: goQuote(text), json: goJson(text, 'compact') })),
      ).toEqual(answers);
    },
    COMPILE_MS,
  );
});

/** Of blocks that are as old as Go: what is printable changes with each version of Unicode. */
const oldCharacters = fc.string({
  unit: fc
    .oneof(
      ...[
        [0, 0x24f],
        [0x391, 0x3a1],
        [0x410, 0x44f],
        [0x2010, 0x2063],
        [0x4e00, 0x9fa5],
        [0xe000, 0xe0ff],
        [0xfdd0, 0xfdef],
        [0x1f600, 0x1f640],
        [0xe0020, 0xe007f],
      ].map(([min = 0, max = 0]) => fc.integer({ min, max })),
    )
    .map((code) => String.fromCodePoint(code)),
});

/** Targets that no generator is sure to make. */
const FIXED = [
  ...[
    '/',
    '/?',
    '/??',
    '/x?;',
    '/x?a;b=c&d',
    '//x//y',
    '/%2e%2e/%2f..%2f',
    '/x?a=%',
    '/%',
    '/%00?%00',
  ],
  ...['/x?=&==&&=', '/+?+=+', '/\x7f', '/\x01', '/ö?ö', '/%ff?%ff=%fe', '/..', '/../', '/a/..'],
];

function modelOf(target: string): unknown {
  const url = parseRequestUri(Buffer.from(target));
  if (url === undefined)
    return { ok: false, path: '', clean: '', query: '', since117: null, before117: null };
  const list = (version: GoVersion): readonly string[] => listOf(parseQuery(url.rawQuery, version));
  const [before117, since117] = GO_VERSIONS.map(list);
  return {
    ok: true,
    path: url.path.toString('hex'),
    clean: muxPath(url.path).toString('hex'),
    query: url.rawQuery.toString('hex'),
    since117,
    before117,
  };
}

/** As the Go program lists pairs: by name, the values of a name in their order. */
function listOf(pairs: readonly GoPair[]): readonly string[] {
  const counts = new Map<string, number>();
  const lines = pairs.map(([name, value]) => {
    const index = counts.get(name.toString('hex')) ?? 0;
    counts.set(name.toString('hex'), index + 1);
    return `${name.toString('hex')} #${String(index).padStart(3, '0')} ${value.toString('hex')}`;
  });
  return lines.sort();
}

function isSame(model: unknown, go: unknown): boolean {
  try {
    expect(go).toEqual(model);
    return true;
  } catch {
    return false;
  }
}
