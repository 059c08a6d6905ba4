import { describe, expect, test } from '@jest/globals';
import { createProgress } from '../../src/commands/progress.ts';

function shown(isInteractive: boolean, timesMs: readonly number[]): string {
  let text = '';
  let nowMs = 0;
  const terminal = {
    isInteractive,
    err: (words: string) => {
      text += words;
    },
  };
  const progress = createProgress(terminal, 'users', () => nowMs);
  for (const [done, timeMs] of timesMs.entries()) {
    nowMs = timeMs;
    progress.step(done, done === 0 ? undefined : 9);
  }
  progress.end();
  return text.replaceAll('\r\u001b[K', '|');
}

describe('createProgress', () => {
  test('says nothing of what is over within a second', () => {
    expect(shown(true, [0, 500, 999])).toBe('');
  });

  test('then writes one line anew, five times a second, and takes it away', () => {
    expect(shown(true, [1000, 1100, 1199, 1200, 1201, 5000])).toBe(
      '|users: 0|users: 3 of 9|users: 5 of 9|',
    );
  });

  test('says nothing where no one types', () => {
    expect(shown(false, [1000, 9000])).toBe('');
  });
});
