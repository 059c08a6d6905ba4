import { describe, expect, test } from '@jest/globals';
import { files, read } from './tree.ts';

/** Directories of whoever made a file; `/home/` alone, as systemd hides it, is none. */
const MACHINE_PATH = /(?<![\w.])\/(?:home|root|Users|work|workspace)\/[\w.-]+/;
const REGISTRY =
  /\bregistry\.(?:npmjs|yarnpkg|npmmirror)|\b(?:artifactory|verdaccio|nexus)\.[a-z]/i;

describe('the committed files', () => {
  test('hold no path of the machine that they were made on', () => {
    expect(files().filter((path) => MACHINE_PATH.test(read(path)))).toEqual([]);
  });

  test('hold no host of a package registry', () => {
    expect(files().filter((path) => REGISTRY.test(read(path)))).toEqual([]);
  });

  test('lock packages by their hash, not by where they were fetched from', () => {
    expect(read('package-lock.json')).not.toContain('"resolved"');
  });
});
