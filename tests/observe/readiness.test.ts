import { describe, expect, test } from '@jest/globals';
import { OK, rarely, readinessOf } from '../../src/observe/readiness.ts';
import type { PartState } from '../../src/observe/readiness.ts';

describe('readinessOf', () => {
  test('a warning leaves it ready, a fault does not', async () => {
    const warning: PartState = { state: 'warning', detail: 'open' };
    const fault: PartState = { state: 'fault', detail: 'gone' };
    expect(await readinessOf({ a: () => OK, b: () => warning })).toEqual({
      ready: true,
      parts: { a: OK, b: warning },
    });
    expect(await readinessOf({ a: () => OK, c: () => fault })).toEqual({
      ready: false,
      parts: { a: OK, c: fault },
    });
  });

  test('what throws, rejects or says nothing is a fault', async () => {
    const silent = new Promise<PartState>(() => undefined);
    const found = await readinessOf(
      {
        throws: () => {
          throw new Error('disk');
        },
        rejects: () => Promise.reject(new Error('net')),
        silent: () => silent,
      },
      20,
    );
    expect(found).toEqual({
      ready: false,
      parts: {
        throws: { state: 'fault', detail: 'disk' },
        rejects: { state: 'fault', detail: 'net' },
        silent: { state: 'fault', detail: 'no answer within 20 ms' },
      },
    });
  });
});

describe('rarely', () => {
  test('looks once in its time, however often it is asked, and again when the clock is set back', async () => {
    let looks = 0;
    let now = 1_000;
    const look = rarely(
      () => {
        looks++;
        return Promise.resolve(OK);
      },
      100,
      () => now,
    );
    await Promise.all([look(), look()]);
    now = 1_099;
    await look();
    expect(looks).toBe(1);
    now = 1_100;
    await look();
    expect(looks).toBe(2);
    now = 5;
    await look();
    expect(looks).toBe(3);
  });
});
