import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createFairQueue } from '../../src/authenticate/hashing-queue.ts';
import type { FairQueue, Turn } from '../../src/authenticate/hashing-queue.ts';

interface Waiting extends Turn {
  readonly name: string;
}

class Queue {
  readonly refused: string[] = [];
  readonly gone = new Set<string>();
  readonly ended = new Set<string>();
  readonly queue: FairQueue<Waiting>;

  constructor(maxWaiting: number) {
    const onRefused = ({ name }: Waiting): number => this.refused.push(name);
    this.queue = createFairQueue<Waiting>({ maxWaiting, onRefused });
  }

  /** `a1` is of the source `a`; `!a1` is trusted. */
  add(...names: readonly string[]): this {
    for (const name of names) {
      const isTrusted = name.startsWith('!');
      const source = name.replace('!', '').charAt(0);
      const haveGone = (): boolean => this.gone.has(name);
      const haveEnded = (): boolean => haveGone() || this.ended.has(name);
      this.queue.add({ name, source, isTrusted, haveGone, haveEnded });
    }
    return this;
  }

  /** All, in turn. */
  drain(): string {
    const names: string[] = [];
    for (let entry = this.queue.next(); entry !== undefined; entry = this.queue.next())
      names.push(entry.name);
    expect(this.queue.size).toBe(0);
    return names.join(' ');
  }
}

describe('createFairQueue', () => {
  test('one source: who came first is first', () => {
    expect(new Queue(9).add('a1', 'a2', 'a3').drain()).toBe('a1 a2 a3');
  });

  test('several sources take turns, however many of one wait', () => {
    const it = new Queue(9).add('a1', 'a2', 'a3', 'a4', 'b1', 'b2', 'c1');
    expect(it.drain()).toBe('a1 b1 c1 a2 b2 a3 a4');
  });

  test('a source that comes again stands behind the others', () => {
    const it = new Queue(9).add('a1', 'b1');
    expect(it.queue.next()?.name).toBe('a1');
    expect(it.add('a2').drain()).toBe('b1 a2');
  });

  test('who is trusted goes first', () => {
    expect(new Queue(9).add('a1', 'b1', '!a2', '!c1').drain()).toBe('!a2 !c1 a1 b1');
  });

  test('a full queue refuses the newcomer of the source that has most', () => {
    const it = new Queue(3).add('a1', 'a2', 'b1', 'a3');
    expect(it.refused).toEqual(['a3']);
    expect(it.drain()).toBe('a1 b1 a2');
  });

  test('a newcomer of another source takes the place of the last of the source that has most', () => {
    const it = new Queue(4).add('a1', 'a2', 'a3', 'a4', 'b1', 'b2');
    expect(it.refused).toEqual(['a4', 'a3']);
    expect(it.drain()).toBe('a1 b1 a2 b2');
  });

  test('but not so that it would then have more itself, nor where all have one', () => {
    expect(new Queue(3).add('a1', 'a2', 'b1', 'b2').refused).toEqual(['b2']);
    expect(new Queue(2).add('a1', 'b1', 'c1').refused).toEqual(['c1']);
  });

  test('who is trusted takes the place of one who is not, and of nobody who is', () => {
    const it = new Queue(2).add('a1', 'b1', '!c1', '!c2', '!c3', 'd1');
    expect(it.refused).toEqual(['a1', 'b1', '!c3', 'd1']);
    expect(it.drain()).toBe('!c1 !c2');
  });

  test('who has gone is passed over, and told', () => {
    const it = new Queue(9).add('a1', 'b1', '!c1', 'a2');
    for (const name of ['a1', '!c1']) it.gone.add(name);
    expect(it.drain()).toBe('b1 a2');
    expect(it.refused).toEqual(['!c1', 'a1']);
  });

  test('in a full queue the places of those who have gone are free', () => {
    const it = new Queue(4).add('a1', 'a2', 'a3', '!b1');
    for (const name of ['a1', 'a3', '!b1']) it.gone.add(name);
    it.add('a4', 'a5', 'a6');
    expect(it.refused.toSorted()).toEqual(['!b1', 'a1', 'a3']);
    expect(it.drain()).toBe('a2 a4 a5 a6');
  });

  test('who has ended their side has their turn, but not in a crowd', () => {
    const it = new Queue(32).add('a1', 'a2', 'a3');
    it.ended.add('a1');
    expect(it.drain()).toBe('a1 a2 a3');
    it.add('a1', 'a2', 'a3', 'a4', 'a5');
    it.ended.add('a4');
    // The first leaves a crowd of five, the fourth only two.
    expect(it.drain()).toBe('a2 a3 a4 a5');
    expect(it.refused).toEqual(['a1']);
  });

  test('in a full queue their places are free', () => {
    const it = new Queue(3).add('a1', 'b1', 'c1');
    it.ended.add('b1');
    expect(it.add('d1').drain()).toBe('a1 c1 d1');
    expect(it.refused).toEqual(['b1']);
  });

  test('without room it refuses all', () => {
    expect(new Queue(0).add('a1', '!b1').refused).toEqual(['a1', '!b1']);
  });

  test('whatever happens it keeps its bound, and nobody is lost or told twice', () => {
    const steps = fc.array(
      fc.oneof(
        fc.record({ add: fc.constantFrom('a', 'b', 'c', '!a', '!d') }),
        fc.record({ leave: fc.nat(30) }),
        fc.record({ end: fc.nat(30) }),
        fc.constant({ next: true }),
      ),
      { maxLength: 60 },
    );
    fc.assert(
      fc.property(steps, fc.nat(5), (all, maxWaiting) => {
        const it = new Queue(maxWaiting);
        const added: string[] = [];
        const taken: string[] = [];
        const take = (): boolean => {
          const entry = it.queue.next();
          if (entry !== undefined) taken.push(entry.name);
          return entry !== undefined;
        };
        for (const step of all) {
          if ('add' in step) {
            added.push(`${step.add}${added.length}`);
            it.add(added.at(-1) ?? '');
          } else if ('leave' in step) it.gone.add(added[step.leave] ?? '');
          else if ('end' in step) it.ended.add(added[step.end] ?? '');
          else take();
          expect(it.queue.size).toBeLessThanOrEqual(maxWaiting);
        }
        while (take());
        expect([...taken, ...it.refused].toSorted()).toEqual(added.toSorted());
      }),
    );
  });
});
