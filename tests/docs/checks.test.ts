import { describe, expect, test } from '@jest/globals';
import { read } from './tree.ts';

describe('.ci/run', () => {
  test('runs every step of npm run check', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    const steps = (scripts['check'] ?? '').split('&&').map((step) => step.trim());
    const run = read('.ci/run');
    expect(steps.length).toBeGreaterThan(4);
    expect(steps.filter((step) => !run.includes(nameOf(step)))).toEqual([]);
  });
});

/** `npm run lint` → `lint`. */
function nameOf(step: string): string {
  return step.split(' ').at(-1) ?? step;
}
