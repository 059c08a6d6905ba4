import { describe, expect, test } from '@jest/globals';
import { createFlights } from '../../src/authenticate/flights.ts';
import type { Askers } from '../../src/authenticate/flights.ts';

function asker(): { readonly clientAddress: string; hasGone: boolean; hasEnded: boolean } {
  return { clientAddress: '192.0.2.1', hasGone: false, hasEnded: false };
}

describe('createFlights', () => {
  test('who asks for the same at the same time gets one answer', async () => {
    const flights = createFlights();
    let found = 0;
    const find = (): Promise<boolean> => Promise.resolve(++found > 0);
    const all = ['a', 'a', 'b', 'a'].map((key) => flights(key, asker(), find));
    expect(await Promise.all(all)).toEqual([true, true, true, true]);
    expect(found).toBe(2);
    await flights('a', asker(), find);
    expect(found).toBe(3);
  });

  test('a failure is that of all who asked, and not of the next', async () => {
    const flights = createFlights();
    const fail = (): Promise<boolean> => Promise.reject(new Error('no'));
    const all = [1, 2].map(() => flights('a', asker(), fail));
    for (const each of all) await expect(each).rejects.toThrow('no');
    expect(await flights('a', asker(), () => Promise.resolve(false))).toBe(false);
  });

  test('they have ended, and gone, once the last of them has', async () => {
    const flights = createFlights();
    const askers = [asker(), asker()];
    const [first, second] = askers;
    let all: Askers | undefined;
    let end = (): void => undefined;
    const found = askers.map((each) =>
      flights('a', each, (asked) => {
        all = asked;
        return new Promise((resolve) => (end = () => resolve(true)));
      }),
    );
    const said = (): unknown => [all?.haveEnded(), all?.haveGone()];
    expect(said()).toEqual([false, false]);
    if (first !== undefined) first.hasGone = first.hasEnded = true;
    expect(said()).toEqual([false, false]);
    if (second !== undefined) second.hasEnded = true;
    expect(said()).toEqual([true, false]);
    if (second !== undefined) second.hasGone = true;
    expect(said()).toEqual([true, true]);
    end();
    await Promise.all(found);
  });
});
