import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { readTarget } from '../../src/kernel/target.ts';
import { findKapacitor, startKapacitor } from '../support/kapacitor.ts';
import type { Kapacitor } from '../support/kapacitor.ts';
import { exchange } from '../support/raw-client.ts';
import { muxPath, parseRequestUri } from './go-reading.ts';
import { anyTarget } from './nasty-targets.ts';

const binaries = findKapacitor('the model of its reading is not compared with it');
const testWithKapacitor = binaries === undefined ? test.skip : test;
let kapacitor: Kapacitor | undefined;

beforeAll(async () => {
  if (binaries !== undefined) kapacitor = await startKapacitor(binaries);
}, 480_000);

afterAll(() => kapacitor?.stop());

interface Answer {
  readonly target: string;
  readonly status: number;
  readonly location: string | undefined;
}

/** What kapacitord answers to each target; POST, as no GET of it may run for ever. */
async function ask(targets: readonly string[]): Promise<readonly Answer[]> {
  const answers: Answer[] = [];
  for (const target of targets) {
    const text = `POST ${target} HTTP/1.1\r\nHost: kapacitor\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`;
    const response = await exchange(kapacitor?.port ?? 0, Buffer.from(text));
    answers.push({ target, status: response.status, location: response.header('location') });
  }
  return answers;
}

/** Generated ones that stand in one request line. */
function sample(count: number): readonly string[] {
  return fc.sample(anyTarget, count).filter((target) => /^\/[^\0-\x20]*$/.test(target));
}

describe('kapacitord', () => {
  testWithKapacitor(
    'refuses and redirects what the model of its reading says',
    async () => {
      const answers = await ask(sample(1500));
      const wrong = answers.filter(({ target, status, location }) => {
        const url = parseRequestUri(Buffer.from(target));
        if (url === undefined) return status !== 400;
        const clean = muxPath(url.path);
        if (clean.equals(url.path)) return status === 301;
        const to = parseRequestUri(Buffer.from(location ?? ''));
        return status !== 301 || to?.path.equals(clean) !== true;
      });
      expect(wrong).toEqual([]);
      expect(answers.length).toBeGreaterThan(1000);
    },
    180_000,
  );

  testWithKapacitor(
    'sends a client to the same place as the gateway, letter for letter',
    async () => {
      const redirects = sample(4000).flatMap((target) => {
        const reading = readTarget('POST', target);
        return reading.kind === 'redirect' ? [{ target, location: reading.location }] : [];
      });
      const answers = await ask(redirects.map(({ target }) => target));
      expect(answers.map(({ target, location }) => ({ target, location }))).toEqual(redirects);
      expect(redirects.length).toBeGreaterThan(100);
    },
    180_000,
  );
});
