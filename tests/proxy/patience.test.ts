import { afterEach, describe, expect, test } from '@jest/globals';
import type { GatewayError } from '../../src/kernel/errors.ts';
import { NOT_LOOKED_AT, createPatience } from '../../src/proxy/patience.ts';
import type { Patience, Transfer, Wait } from '../../src/proxy/patience.ts';
import { expectNoAccidents } from '../support/accidents.ts';
import { eventually } from '../support/eventually.ts';
import { as, openGateway } from '../support/open-gateway.ts';
import type { OpenGateway } from '../support/open-gateway.ts';
import { exchange, openRawConnection, requestText } from '../support/raw-client.ts';
import { startRecordingUpstream } from '../support/recording-upstream.ts';
import type { RecordingUpstream } from '../support/recording-upstream.ts';
import { setTimeout as sleep } from 'node:timers/promises';

const TICK_MS = 5;
const SIP_BYTES = 3 * 1024 * 1024;

describe('createPatience', () => {
  let patience: Patience | undefined;
  let nowMs: number;

  afterEach(() => patience?.stop());

  function watch(
    wait: () => Wait,
    limits = { clientIdleMs: 60_000, responseTimeoutMs: 300_000 },
  ): string[] {
    nowMs = 1_000;
    const ends: string[] = [];
    patience = createPatience({ ...limits, now: () => nowMs, intervalMs: TICK_MS });
    const transfer: Transfer = {
      lastLook: NOT_LOOKED_AT,
      currentWait: wait,
      giveUp: ({ code }: GatewayError) => void ends.push(code),
    };
    patience.watch(transfer);
    return ends;
  }

  /** Lets time pass in steps, each seen by at least one look. */
  async function pass(totalMs: number, steps = 1): Promise<void> {
    for (let step = 0; step < steps; step++) {
      await sleep(TICK_MS * 3);
      nowMs += totalMs / steps;
    }
    await sleep(TICK_MS * 3);
  }

  function givesUp(name: string, forWhom: Wait['for'], afterMs: number, code: string): void {
    test(`${name} is given up after its limit and not before`, async () => {
      const ends = watch(() => ({ for: forWhom, progress: 7 }));
      await pass(afterMs - 1);
      expect(ends).toEqual([]);
      await pass(1);
      expect(ends).toEqual([code]);
      await pass(afterMs);
      expect(ends).toEqual([code]);
    });
  }
  givesUp('a client that sends nothing', 'client-bytes', 60_000, 'slow-client');
  givesUp('a client that reads nothing', 'client-reading', 60_000, 'slow-client');
  givesUp('an upstream that does not answer', 'upstream-head', 300_000, 'upstream-timeout');

  test('what waits for nobody is never given up', async () => {
    const ends = watch(() => ({ for: 'nobody', progress: 0 }));
    await pass(86_400_000, 3);
    expect(ends).toEqual([]);
  });

  test('one byte a minute is enough', async () => {
    let bytes = 0;
    const ends = watch(() => ({ for: 'client-bytes', progress: bytes }));
    for (let minute = 0; minute < 20; minute++) {
      await pass(59_000);
      bytes++;
    }
    expect(ends).toEqual([]);
  });

  test('time that was waited for Kapacitor is not the client’s', async () => {
    let whom: Wait['for'] = 'client-bytes';
    const ends = watch(() => ({ for: whom, progress: 0 }));
    for (let round = 0; round < 5; round++) {
      await pass(50_000);
      whom = whom === 'client-bytes' ? 'upstream-head' : 'client-bytes';
    }
    expect(ends).toEqual([]);
  });

  test('a limit of 0 is none', async () => {
    for (const whom of ['client-bytes', 'client-reading', 'upstream-head'] as const) {
      const limits = { clientIdleMs: 0, responseTimeoutMs: 0 };
      const ends = watch(() => ({ for: whom, progress: 0 }), limits);
      await pass(86_400_000);
      expect(ends).toEqual([]);
      patience?.stop();
    }
  });

  test('of many, those are given up that stand still, whatever the order in which others end', async () => {
    nowMs = 0;
    const limits = { clientIdleMs: 1_000, responseTimeoutMs: 1_000 };
    patience = createPatience({ ...limits, now: () => nowMs, intervalMs: TICK_MS });
    const ends: number[] = [];
    const transfers = Array.from({ length: 50 }, (_, index): Transfer => {
      const transfer: Transfer = {
        lastLook: NOT_LOOKED_AT,
        // Every fifth gets on.
        currentWait: () => ({ for: 'client-bytes', progress: index % 5 === 0 ? nowMs : 0 }),
        giveUp: () => {
          ends.push(index);
          // As whoever gives one up ends another, and itself.
          patience?.forget(transfers[index + 1] ?? transfer);
          patience?.forget(transfer);
        },
      };
      return transfer;
    });
    for (const transfer of transfers) patience.watch(transfer);
    for (let index = 2; index < 50; index += 5) {
      const transfer = transfers[index];
      if (transfer === undefined) throw new Error('there are fifty');
      patience.forget(transfer);
      patience.forget(transfer);
    }
    await pass(3_000, 3);
    // Of each five the first gets on, the third was over; of the other three one may have been ended by its neighbour.
    expect(ends.filter((index) => index % 5 === 0 || index % 5 === 2)).toEqual([]);
    expect(new Set(ends).size).toBe(ends.length);
    for (let five = 0; five < 50; five += 5) {
      expect(ends).toContain(five + 1);
      expect(ends.includes(five + 3) || ends.includes(five + 4)).toBe(true);
    }
  });

  test('a transfer that is over is not looked at', async () => {
    let looks = 0;
    nowMs = 0;
    patience = createPatience({
      clientIdleMs: 1,
      responseTimeoutMs: 1,
      now: () => nowMs,
      intervalMs: TICK_MS,
    });
    const transfer: Transfer = {
      lastLook: NOT_LOOKED_AT,
      currentWait: () => {
        looks++;
        return { for: 'nobody', progress: 0 };
      },
      giveUp: () => undefined,
    };
    patience.watch(transfer);
    await eventually('a look', () => looks > 0);
    patience.forget(transfer);
    const before = looks;
    await pass(10);
    expect(looks).toBe(before);
  });
});

describe('the limits on a real transfer', () => {
  let upstream: RecordingUpstream;
  let gateway: OpenGateway;
  let skewMs = 0;

  expectNoAccidents();

  async function open(env: Record<string, string>): Promise<number> {
    skewMs = 0;
    upstream = await startRecordingUpstream((_, response) => void response.end('done'), {});
    gateway = await openGateway({ upstream: upstream.url, env, now: () => Date.now() + skewMs });
    return gateway.port;
  }

  afterEach(async () => {
    await gateway.stop();
    await upstream.stop();
  });

  test('a write whose body stops is 503 with Retry-After, never a 4xx', async () => {
    const port = await open({ KAPGATE_LIMITS_BODY_IDLE_TIMEOUT: '1s' });
    const connection = await openRawConnection(port);
    connection.send(
      `POST /write?db=d HTTP/1.1\r\nHost: x\r\n${as('ann')}\r\nContent-Length: 100\r\n\r\nm v=1`,
    );
    const response = await connection.receive();
    expect([response.status, response.header('retry-after')]).toEqual([503, '1']);
    await eventually('the abort', () => upstream.requests[0]?.state === 'aborted');
    connection.destroy();
  });

  test('another body that stops is 408', async () => {
    const port = await open({ KAPGATE_LIMITS_BODY_IDLE_TIMEOUT: '1s' });
    const connection = await openRawConnection(port);
    connection.send(
      `POST /kapacitor/v1/tasks HTTP/1.1\r\nHost: x\r\n${as('ann')}\r\nContent-Length: 100\r\n\r\n{`,
    );
    expect((await connection.receive()).status).toBe(408);
    connection.destroy();
  });

  test('a slow but flowing writer is not cut', async () => {
    const port = await open({ KAPGATE_LIMITS_BODY_IDLE_TIMEOUT: '1s' });
    const connection = await openRawConnection(port);
    connection.send(
      `POST /write?db=d HTTP/1.1\r\nHost: x\r\n${as('ann')}\r\nContent-Length: 8\r\n\r\n`,
    );
    for (const byte of 'm v=1234') {
      await sleep(350);
      connection.send(byte);
    }
    expect((await connection.receive()).status).toBe(200);
    connection.destroy();
  });

  test('an upstream that takes a body slowly is not taken for one that does not answer', async () => {
    upstream = await startRecordingUpstream(
      (_, response, incoming) => {
        let left = SIP_BYTES;
        incoming.on('data', (chunk: Buffer) => {
          left -= chunk.length;
          if (left > 0) return;
          left = SIP_BYTES;
          incoming.pause();
          setTimeout(() => incoming.resume(), 300);
        });
        incoming.once('end', () => void response.end('done'));
      },
      { atHead: true },
    );
    gateway = await openGateway({
      upstream: upstream.url,
      env: { KAPGATE_UPSTREAM_RESPONSE_TIMEOUT: '1s' },
    });
    const body = 'x'.repeat(24 * 1024 * 1024);
    const response = await exchange(
      gateway.port,
      requestText('POST', '/write?db=d', [as('ann')], body),
      {
        timeoutMs: 20_000,
      },
    );
    expect(response.status).toBe(200);
  }, 180_000);

  test('a client that does not read its answer is cut', async () => {
    const port = await open({ KAPGATE_LIMITS_BODY_IDLE_TIMEOUT: '1s' });
    upstream.answerBy((_, response) => void response.end(Buffer.alloc(16 * 1024 * 1024)));
    const connection = await openRawConnection(port);
    connection.socket.pause();
    connection.send(requestText('GET', '/kapacitor/v1/tasks', [as('ann')]));
    await eventually('it is cut', () => gateway.accesses.length === 1);
    expect(gateway.accesses[0]?.['reason']).toBe('the request body stopped arriving');
    connection.destroy();
  }, 180_000);
});
