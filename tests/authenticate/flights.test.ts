import { describe, expect, test } from '@jest/globals';
import { createFlights } from '../../src/authenticate/flights.ts';

function asker(): { readonly clientAddress: string; hasGone: boolean } {
  return { clientAddress: '192.0.2.1', hasGone: false };
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

  test('they have gone once the last of them has', async () => {
    const flights = createFlights();
    const askers = [asker(), asker()];
    const [first, second] = askers;
    let haveGone = (): boolean => true;
    let end = (): void => undefined;
    const found = askers.map((each) =>
      flights('a', each, (asked) => {
        haveGone = asked;
        return new Promise((resolve) => (end = () => resolve(true)));
      }),
    );
    expect(haveGone()).toBe(false);
    if (first !== undefined) first.hasGone = true;
    expect(haveGone()).toBe(false);
    if (second !== undefined) second.hasGone = true;
    expect(haveGone()).toBe(true);
    end();
    await Promise.all(found);
  });
});
