import { beforeEach, describe, expect, test } from '@jest/globals';
import { Socket } from 'node:net';
import { Reception } from '../../src/cluster/reception.ts';
import type { Client, Receiver } from '../../src/cluster/reception.ts';

interface TestWorker extends Receiver {
  readonly handed: Client[];
}

let reception: Reception;

beforeEach(() => {
  reception = new Reception(40);
});

function worker(): TestWorker {
  const handed: Client[] = [];
  return { handed, hand: (client) => void handed.push(client) };
}

function come(count = 1): readonly Socket[] {
  return Array.from({ length: count }, () => {
    const socket = new Socket();
    reception.take({ socket, door: 'tcp' });
    return socket;
  });
}

/** The worker takes all that it is handed, until there is nothing more. */
function takeAll(...workers: readonly TestWorker[]): void {
  for (const each of workers) {
    for (let taken = 0; taken < each.handed.length; taken++) reception.note(each, 1, 0);
  }
}

const left = (sockets: readonly Socket[]): number =>
  sockets.filter(({ destroyed }) => !destroyed).length;

describe('Reception', () => {
  test('gives each client to the worker that has the fewest', () => {
    const [a, b] = [worker(), worker()];
    reception.open(a);
    reception.open(b);
    come(6);
    takeAll(a, b);
    expect([a.handed.length, b.handed.length]).toEqual([3, 3]);
    reception.note(b, 0, 3);
    come(3);
    takeAll(b);
    expect([a.handed.length, b.handed.length]).toEqual([3, 6]);
  });

  test('hands one at a time, and the next once that has come', () => {
    const a = worker();
    reception.open(a);
    come(3);
    expect(a.handed).toHaveLength(1);
    reception.note(a, 1, 0);
    expect(a.handed).toHaveLength(2);
    // Who leaves says nothing of who comes.
    reception.note(a, 0, 1);
    expect(a.handed).toHaveLength(2);
  });

  test('keeps a client open here until the worker has it', () => {
    const a = worker();
    reception.open(a);
    const [socket] = come();
    expect(socket?.destroyed).toBe(false);
    reception.note(a, 1, 0);
    expect(socket?.destroyed).toBe(true);
  });

  test('passes over a worker that stands still, but for a few', () => {
    const [still, busy] = [worker(), worker()];
    reception.open(still);
    reception.open(busy);
    for (let each = 0; each < 30; each++) {
      come();
      takeAll(busy);
    }
    expect(still.handed).toHaveLength(1);
    expect(busy.handed.length).toBeGreaterThanOrEqual(30 - 9);
  });

  test('gives who stood in line at a worker that ended to another one', () => {
    const [a, b] = [worker(), worker()];
    reception.open(a);
    const sockets = come(5);
    reception.close(a);
    // The one on its way is gone: nobody knows what was read of it.
    expect(left(sockets)).toBe(4);
    reception.open(b);
    takeAll(b);
    expect(b.handed).toHaveLength(4);
  });

  test('keeps who comes while there is no worker, in their order', () => {
    const sockets = come(3);
    const a = worker();
    reception.open(a);
    takeAll(a);
    expect(a.handed.map(({ socket }) => socket)).toEqual(sockets);
  });

  test('sends away who comes when there are too many in all', () => {
    const a = worker();
    reception.open(a);
    expect(left(come(50))).toBe(40);
    reception.note(a, 1, 1);
    expect(left(come(2))).toBe(1);
  });

  test('takes a client for lost that a worker does not have after three signs of life', () => {
    const a = worker();
    reception.open(a);
    const [first] = come(2);
    reception.noteAlive(a);
    reception.noteAlive(a);
    expect(a.handed).toHaveLength(1);
    reception.noteAlive(a);
    expect(first?.destroyed).toBe(true);
    expect(a.handed).toHaveLength(2);
  });

  test('sends away who waits, at the end', () => {
    const a = worker();
    const sockets = come(3);
    reception.open(a);
    reception.end();
    // The one on its way is the worker's.
    expect(left(sockets)).toBe(1);
  });
});
