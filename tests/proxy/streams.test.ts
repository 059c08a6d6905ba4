import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { expectNoAccidents } from '../support/accidents.ts';
import { eventually } from '../support/eventually.ts';
import { as, openGateway } from '../support/open-gateway.ts';
import type { OpenGateway } from '../support/open-gateway.ts';
import { exchange, openRawConnection, requestText } from '../support/raw-client.ts';
import type { RawConnection } from '../support/raw-client.ts';
import { startRecordingUpstream } from '../support/recording-upstream.ts';
import type { RecordingUpstream } from '../support/recording-upstream.ts';

const LOGS = '/kapacitor/v1preview/logs';

let upstream: RecordingUpstream;
let gateway: OpenGateway;
let streams: ServerResponse[];
let opened: RawConnection[];

expectNoAccidents();

beforeEach(async () => {
  streams = [];
  opened = [];
  upstream = await startRecordingUpstream((recorded, response) => {
    if (!recorded.target.startsWith(LOGS)) {
      response.end('done');
      return;
    }
    response.flushHeaders();
    streams.push(response);
  });
  gateway = await openGateway({
    upstream: upstream.url,
    env: { KAPGATE_UPSTREAM_MAX_CONNECTIONS: '2' },
  });
});

afterEach(async () => {
  for (const connection of opened) connection.destroy();
  await gateway.stop();
  await upstream.stop();
});

async function openStream(user: 'admin' | 'ann' | 'ben' | 'reader'): Promise<RawConnection> {
  const connection = await openRawConnection(gateway.port);
  opened.push(connection);
  connection.send(requestText('GET', LOGS, [as(user)]));
  await eventually('a head', () => /\r\n\r\n/.test(connection.pending.toString()), 1000);
  return connection;
}

function statusOf(connection: RawConnection): number {
  return Number(connection.pending.toString().split(' ', 2)[1]);
}

function write(): Promise<{ readonly status: number }> {
  return exchange(gateway.port, requestText('POST', '/write?db=d', [as('ann')], 'm v=1'));
}

describe('log streams', () => {
  test('the head of a silent one arrives at once, and each line when it was sent', async () => {
    const connection = await openStream('ann');
    expect(statusOf(connection)).toBe(200);
    for (let count = 0; count < 10; count++) {
      const line = `ts=now lvl=info msg="line ${count}"\n`;
      streams[0]?.write(line);
      await eventually('the line', () => connection.pending.toString().includes(line));
    }
  });

  test('one user may read four, others go on, and a place is free again when a reader leaves', async () => {
    const mine = [];
    for (let count = 0; count < 4; count++) mine.push(await openStream('ann'));
    expect(mine.map(statusOf)).toEqual([200, 200, 200, 200]);
    const fifth = await exchange(gateway.port, requestText('GET', LOGS, [as('ann')]));
    expect([fifth.status, fifth.header('retry-after')]).toEqual([503, '1']);
    expect(statusOf(await openStream('ben'))).toBe(200);
    mine[0]?.destroy();
    await eventually('the place', () => streams.filter(({ destroyed }) => destroyed).length === 1);
    await sleep(20);
    expect(statusOf(await openStream('ann'))).toBe(200);
  });

  test('sixteen of them stop neither a write nor the API', async () => {
    for (const user of ['admin', 'ann', 'ben', 'reader'] as const) {
      for (let count = 0; count < 4; count++) expect(statusOf(await openStream(user))).toBe(200);
    }
    expect((await write()).status).toBe(200);
    const tasks = requestText('GET', '/kapacitor/v1/tasks', [as('ann')]);
    expect((await exchange(gateway.port, tasks)).status).toBe(200);
  });

  test('readers who come and leave take no place with them', async () => {
    for (let round = 0; round < 30; round++) {
      const connection = await openRawConnection(gateway.port);
      connection.send(requestText('GET', LOGS, [as('ann')]).repeat(1 + (round % 3)));
      await sleep(round % 7);
      connection.socket.resetAndDestroy();
    }
    await sleep(50);
    for (let count = 0; count < 4; count++) expect(statusOf(await openStream('ann'))).toBe(200);
  });

  test('a reader who does not read holds nothing up: Kapacitor is drained, and the reader is cut', async () => {
    const slow = await openStream('ann');
    slow.socket.pause();
    const fast = await openStream('ben');
    let fastBytes = 0;
    fast.socket.on('data', (bytes: Buffer) => (fastBytes += bytes.length));
    const [toSlow, toFast] = streams;
    if (toSlow === undefined || toFast === undefined) throw new Error('two streams were opened');
    const line = `${'x'.repeat(1023)}\n`;
    const block = line.repeat(64);
    for (let sent = 0; sent < 24 * 1024 * 1024 && !toSlow.destroyed; sent += block.length) {
      toFast.write(line);
      if (toSlow.write(block)) continue;
      await new Promise<void>((resolve, reject) => {
        const timer = setTimeout(() => {
          reject(new Error('the upstream was held up'));
        }, 1000);
        const go = (): void => {
          clearTimeout(timer);
          toSlow.off('drain', go).off('close', go);
          resolve();
        };
        toSlow.once('drain', go).once('close', go);
      });
    }
    await eventually('the slow reader is cut', () => toSlow.destroyed);
    await eventually('the fast one has it all', () => fastBytes > 0);
    expect(toFast.destroyed).toBe(false);
    await eventually('the log says why', () =>
      gateway.accesses.some(
        ({ reason }) => reason === 'the reader of the log stream fell too far behind',
      ),
    );
  }, 180_000);
});

describe('pools', () => {
  test('a full one makes writes wait, and past its queue they are 503 with Retry-After', async () => {
    upstream.answerBy(async (_, response) => {
      await sleep(400);
      response.end('late');
    });
    // Two connections, and four that wait for each of them.
    const answers = await Promise.all(
      Array.from({ length: 14 }, () =>
        exchange(gateway.port, requestText('POST', '/write?db=d', [as('ann')], 'm v=1')),
      ),
    );
    const statuses = answers.map(({ status }) => status);
    expect(statuses.filter((status) => status === 200).length).toBe(10);
    const refused = answers.filter(({ status }) => status === 503);
    expect(refused.length).toBe(4);
    for (const each of refused) expect(each.header('retry-after')).toBe('1');
    expect(upstream.connections).toBe(2);
  });

  test('a full pool of the API does not stop a write', async () => {
    upstream.answerBy((recorded, response) => {
      if (recorded.method === 'POST') response.end('done');
    });
    const waiting = await Promise.all(
      Array.from({ length: 4 }, async () => {
        const connection = await openRawConnection(gateway.port);
        opened.push(connection);
        connection.send(requestText('GET', '/kapacitor/v1/tasks', [as('ann')]));
        return connection;
      }),
    );
    await eventually('the pool is full', () => upstream.requests.length === 2);
    expect((await write()).status).toBe(200);
    expect(waiting.length).toBe(4);
  });

  test('those who left while they waited are passed over', async () => {
    const heads: ServerResponse[] = [];
    upstream.answerBy((_, response) => void heads.push(response));
    const send = async (target: string): Promise<RawConnection> => {
      const connection = await openRawConnection(gateway.port);
      opened.push(connection);
      connection.send(requestText('GET', target, [as('ann')]));
      return connection;
    };
    await send('/kapacitor/v1/tasks/1');
    await send('/kapacitor/v1/tasks/2');
    await eventually('the pool is full', () => heads.length === 2);
    for (let count = 0; count < 8; count++) {
      const gone = await send('/kapacitor/v1/tasks/gone');
      await sleep(10);
      gone.destroy();
    }
    await sleep(50);
    const last = await send('/kapacitor/v1/tasks/last');
    await sleep(30);
    expect(last.pending.toString()).toBe('');
    for (const head of heads) head.end('done');
    expect((await eventuallyRequest('last')).target).toBe('/kapacitor/v1/tasks/last');
    expect(upstream.requests.filter(({ target }) => target.endsWith('gone'))).toEqual([]);
  });

  async function eventuallyRequest(name: string): Promise<{ readonly target: string }> {
    await eventually(name, () => upstream.requests.some(({ target }) => target.endsWith(name)));
    const found = upstream.requests.find(({ target }) => target.endsWith(name));
    if (found === undefined) throw new Error(name);
    return found;
  }
});
