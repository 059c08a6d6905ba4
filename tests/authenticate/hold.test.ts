import { describe, expect, test } from '@jest/globals';
import { createHold } from '../../src/authenticate/hold.ts';
import type { Hold } from '../../src/authenticate/hold.ts';
import { GatewayError } from '../../src/kernel/errors.ts';
import type { ErrorCode } from '../../src/kernel/errors.ts';
import { eventually } from '../support/eventually.ts';

const HERE = { clientAddress: '192.0.2.1', hasGone: false, hasEnded: false };
const AT_ONCE = 20;
const MAX_HELD = 4_096;

/** So many refusals. @returns how many have been told so far */
function refuse(
  hold: Hold,
  times: number,
  code: ErrorCode = 'throttled',
  asker = HERE,
): () => number {
  let told = 0;
  for (let each = 0; each < times; each++) {
    hold(asker, Promise.reject(new GatewayError(code))).catch(() => told++);
  }
  return () => told;
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('createHold', () => {
  test('an answer is passed on, and every other failure', async () => {
    const hold = createHold({ heldMs: 600_000 });
    for (let each = 0; each < 100; each++)
      expect(await hold(HERE, Promise.resolve(each))).toBe(each);
    const told = refuse(hold, 100, 'directory-unavailable');
    const fault = hold(HERE, Promise.reject(new Error('a fault')));
    await expect(fault).rejects.toThrow('a fault');
    expect(told()).toBe(100);
  });

  for (const code of ['throttled', 'overloaded'] as const) {
    test(`${code}: a few are told at once, the others later`, async () => {
      const hold = createHold({ heldMs: 2_000 });
      const told = refuse(hold, 50, code);
      await turn();
      expect(told()).toBe(AT_ONCE);
      await expect(hold(HERE, Promise.reject(new GatewayError(code)))).rejects.toThrow(
        GatewayError,
      );
      await eventually('all have been told', () => told() === 50);
      // It is over: again a few are told at once.
      const later = refuse(hold, 30, code);
      await turn();
      expect(later()).toBeGreaterThan(0);
      expect(later()).toBeLessThan(30);
    });
  }

  test('those who are told later are not told together', async () => {
    const hold = createHold({ heldMs: 500 });
    refuse(hold, AT_ONCE);
    const begunMs = performance.now();
    const waited: number[] = [];
    const all = Array.from({ length: 50 }, () =>
      hold(HERE, Promise.reject(new GatewayError('throttled'))).catch(() =>
        waited.push(performance.now() - begunMs),
      ),
    );
    await Promise.all(all);
    expect(waited).toHaveLength(50);
    expect(Math.min(...waited)).toBeGreaterThan(450);
    expect(Math.max(...waited) - Math.min(...waited)).toBeGreaterThan(300);
  });

  test('not more than there is room for', async () => {
    // Longer than so many take, however slow the machine: the timers hold no process back.
    const hold = createHold({ heldMs: 600_000 });
    const told = refuse(hold, MAX_HELD + 10);
    await turn();
    expect(told()).toBe(AT_ONCE + 10);
  });

  test('nothing is kept for who has gone', async () => {
    const hold = createHold({ heldMs: 300 });
    refuse(hold, 50);
    const told = refuse(hold, 50, 'overloaded', { ...HERE, hasGone: true });
    await turn();
    expect(told()).toBe(50);
  });
});
