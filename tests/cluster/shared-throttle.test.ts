import { describe, expect, test } from '@jest/globals';
import { createThrottle } from '../../src/authenticate/throttle.ts';
import type { Throttle } from '../../src/authenticate/throttle.ts';
import type { FromWorker } from '../../src/cluster/messages.ts';
import { createAttempts, createSharedThrottle } from '../../src/cluster/shared-throttle.ts';
import type { SharedThrottle } from '../../src/cluster/shared-throttle.ts';

/** A worker's throttle, with the primary's side of it; what they tell each other takes a turn, and survives JSON. */
function connect(throttle: () => Throttle): SharedThrottle {
  const later = (act: () => void): void => void setImmediate(act);
  const copy = <T>(message: T): T => JSON.parse(JSON.stringify(message)) as T;
  const attempts = createAttempts(throttle, (message) => {
    later(() => {
      if (message.kind === 'attempt') shared.hear(copy(message));
    });
  });
  const shared = createSharedThrottle((message: FromWorker) => {
    later(() => {
      if (message.kind === 'throttle' || message.kind === 'end-attempt') {
        attempts.hear(copy(message));
      }
    });
  });
  return shared;
}

const LIMIT = { count: 2, perMs: 60_000 };

async function outcome(throttle: Throttle, end: 'succeed' | 'fail' | 'forgive', name = 'ann') {
  const attempt = await throttle.begin('192.0.2.1', name);
  if ('waitMs' in attempt) return 'throttled';
  await attempt[end]();
  return 'let through';
}

describe('createSharedThrottle', () => {
  test('workers have together what one gateway has', async () => {
    const primary = createThrottle(LIMIT);
    const [a, b] = [connect(() => primary), connect(() => primary)];
    expect(await outcome(a, 'fail')).toBe('let through');
    expect(await outcome(b, 'fail')).toBe('let through');
    expect(await outcome(a, 'fail')).toBe('throttled');
    expect(await outcome(b, 'fail')).toBe('throttled');
    expect(await outcome(b, 'fail', 'ben')).toBe('let through');
  });

  test('what was right, or could not be told, is given back', async () => {
    const primary = createThrottle(LIMIT);
    const worker = connect(() => primary);
    for (let each = 0; each < 5; each++) {
      expect(await outcome(worker, 'succeed')).toBe('let through');
      expect(await outcome(worker, 'forgive')).toBe('let through');
    }
  });

  test('an attempt that a worker leaves when it ends counts as failed', async () => {
    const primary = createThrottle({ ...LIMIT, count: 1 });
    await connect(() => primary).begin('192.0.2.1', 'ann');
    expect(
      await outcome(
        connect(() => primary),
        'fail',
      ),
    ).toBe('throttled');
  });

  test('a look costs nothing, and says how long nobody has a chance', async () => {
    const primary = createThrottle({ ...LIMIT, count: 1 });
    const worker = connect(() => primary);
    expect(await worker.look('192.0.2.1', 'ann')).toBe(0);
    for (let each = 0; each < 10; each++) await outcome(worker, 'fail', `name-${each}`);
    const waitMs = await worker.look('192.0.2.1', 'ann');
    expect(waitMs).toBeGreaterThan(0);
    expect(waitMs).toBeLessThanOrEqual(60_000);
  });

  test('a reload counts anew, by its own limit', async () => {
    let primary = createThrottle({ ...LIMIT, count: 1 });
    const worker = connect(() => primary);
    await outcome(worker, 'fail');
    expect(await outcome(worker, 'fail')).toBe('throttled');
    primary = createThrottle(LIMIT);
    expect(await outcome(worker, 'fail')).toBe('let through');
  });

  test('without the primary nobody can say, now and later', async () => {
    const worker = createSharedThrottle(() => undefined);
    const waiting = worker.begin('192.0.2.1', 'ann');
    worker.end();
    await expect(waiting).rejects.toMatchObject({ code: 'overloaded' });
    await expect(worker.look('192.0.2.1', 'ann')).rejects.toMatchObject({ code: 'overloaded' });
  });
});
