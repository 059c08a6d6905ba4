import { describe, expect, test } from '@jest/globals';
import { Socket } from 'node:net';
import { createStrangers } from '../../src/listener/strangers.ts';

describe('createStrangers', () => {
  test('the one goes first that began to wait first', () => {
    const strangers = createStrangers();
    const [a, b, c] = [new Socket(), new Socket(), new Socket()];
    for (const each of [a, b, c]) strangers.add(each);
    expect(strangers.takeOldest()).toBe(a);
    strangers.add(a);
    strangers.add(b);
    expect(strangers.takeOldest()).toBe(c);
    strangers.delete(a);
    expect(strangers.takeOldest()).toBe(b);
    expect(strangers.takeOldest()).toBeUndefined();
    strangers.add(c);
    expect(strangers.takeOldest()).toBe(c);
  });

  test('agrees with a plain list, whatever happens in whatever order', () => {
    const strangers = createStrangers();
    const sockets = Array.from({ length: 20 }, () => new Socket());
    let plain: Socket[] = [];
    let seed = 7;
    for (let step = 0; step < 20_000; step++) {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
      const socket = sockets[(seed >> 8) % sockets.length];
      if (socket === undefined) throw new Error('no socket');
      const what = (seed >> 16) % 3;
      if (what === 2) {
        expect(strangers.takeOldest()).toBe(plain.shift());
        continue;
      }
      plain = plain.filter((each) => each !== socket);
      strangers.delete(socket);
      if (what === 0) {
        plain.push(socket);
        strangers.add(socket);
      }
    }
  });
});
