import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { expectNoAccidents } from '../support/accidents.ts';
import { eventually } from '../support/eventually.ts';
import { as, openGateway } from '../support/open-gateway.ts';
import type { OpenGateway } from '../support/open-gateway.ts';
import { exchange, openRawConnection, requestText } from '../support/raw-client.ts';
import type { RawConnection } from '../support/raw-client.ts';
import { startRecordingUpstream } from '../support/recording-upstream.ts';
import type { RecordingUpstream, UpstreamHandler } from '../support/recording-upstream.ts';

const TASKS = '/kapacitor/v1/tasks';
const GET = requestText('GET', TASKS, [as('ann')]);
const LATE_MS = 60;

const late: UpstreamHandler = async (recorded, response) => {
  await sleep(LATE_MS);
  response.end(recorded.target);
};

let upstream: RecordingUpstream;
let gateway: OpenGateway;
let connection: RawConnection;

expectNoAccidents();

beforeAll(async () => {
  upstream = await startRecordingUpstream(late);
  gateway = await openGateway({ upstream: upstream.url });
});

afterEach(() => {
  connection.destroy();
  upstream.clear();
  upstream.answerBy(late);
});

afterAll(async () => {
  await gateway.stop();
  await upstream.stop();
});

async function send(bytes: string): Promise<void> {
  connection = await openRawConnection(gateway.port);
  connection.send(bytes);
}

/** The statuses that come until the connection ends. */
async function statuses(): Promise<readonly number[]> {
  await connection.ended();
  const heads = [...connection.pending.toString('latin1').matchAll(/HTTP\/1\.1 (\d{3}) /g)];
  return heads.map(([, status]) => Number(status));
}

describe('nonsense behind a request', () => {
  test.each([
    ['garbage', 'garbage\r\n\r\n', 400],
    ['a header bomb', requestText('GET', TASKS, [`X: ${'x'.repeat(100_000)}`]), 431],
    ['the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400],
    ['a request with two lengths', requestText('POST', TASKS, ['Content-Length: 1'], 'ab'), 400],
    ['a TLS greeting', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n', 400],
  ])('%s: the request is answered, then it', async (_name, nonsense, status) => {
    await send(GET + nonsense);
    expect(await statuses()).toEqual([200, status]);
    expect(upstream.requests.map(({ state }) => state)).toEqual(['complete']);
  });

  test('it comes in pieces, or while the answer is on its way', async () => {
    await send(GET);
    await eventually('the request is upstream', () => upstream.requests.length === 1);
    for (const piece of ['gar', 'bage', '\r\n\r\n', GET]) {
      connection.send(piece);
      await sleep(5);
    }
    expect(await statuses()).toEqual([200, 400]);
    expect(upstream.requests.length).toBe(1);
  });

  test('all requests before it are answered in their order, and none behind it', async () => {
    await send(`${GET}${requestText('GET', TASKS)}${GET}garbage\r\n\r\n${GET}`);
    expect(await statuses()).toEqual([200, 401, 200, 400]);
    expect(upstream.requests.length).toBe(2);
  });

  test('a longer body than was announced costs a write nothing', async () => {
    await send(`${requestText('POST', '/write?db=d', [as('ann')], 'm v=1')}\nm v=2\nm v=3\n`);
    expect(await statuses()).toEqual([200, 400]);
    expect(upstream.requests.map(({ body }) => body.toString())).toEqual(['m v=1']);
  });

  test('where the request asked for the end of the connection, it is not answered', async () => {
    await send(`${requestText('GET', TASKS, [as('ann'), 'Connection: close'])}garbage\r\n\r\n`);
    expect(await statuses()).toEqual([200]);
  });

  test('where an answer has no end, a flood of it ends the connection', async () => {
    let isCut = false;
    upstream.answerBy((_, response) => {
      response.write('begun');
      response.once('close', () => (isCut = true));
    });
    await send(GET);
    await eventually('the answer has begun', () => connection.pending.includes('begun'));
    connection.send('garbage\r\n\r\n');
    await sleep(30);
    expect(isCut).toBe(false);
    connection.send('x'.repeat(2_000_000));
    await eventually('the upstream is rid of it', () => isCut);
  });

  test('it leaves a line in the access log, once', async () => {
    const before = gateway.accesses.length;
    await send(`${GET}garbage\r\n\r\nmore\r\n\r\n`);
    await statuses();
    await eventually('both lines', () => gateway.accesses.length >= before + 2);
    expect(gateway.accesses.slice(before)).toMatchObject([
      { method: 'GET', status: 200 },
      { method: '-', status: 400, host: '127.0.0.1' },
    ]);
  });
});

describe('nonsense in a body', () => {
  const POST = requestText('POST', '/write?db=d', [as('ann'), 'Transfer-Encoding: chunked']);

  test('a broken chunk is answered, and upstream no request is whole', async () => {
    await send(`${POST}5\r\nm v=1\r\nzz\r\n`);
    expect(await statuses()).toEqual([400]);
    await eventually('upstream it is broken off', () =>
      upstream.requests.every(({ state }) => state === 'aborted'),
    );
  });

  test('too many chunk extensions are 413', async () => {
    await send(`${POST}5;${'x'.repeat(20_000)}\r\nm v=1\r\n`);
    expect(await statuses()).toEqual([413]);
  });

  test('behind a request that waits for its answer it costs that nothing', async () => {
    await send(`${GET}${POST}zz\r\n`);
    expect(await statuses()).toEqual([200, 400]);
    const [get, ...others] = upstream.requests;
    expect(get?.state).toBe('complete');
    await eventually('the write is broken off', () =>
      others.every(({ state }) => state === 'aborted'),
    );
  });
});

describe('a client that ends its side', () => {
  test.each(['GET', 'POST'])('is answered where its %s was whole', async (method) => {
    const target = method === 'GET' ? TASKS : '/write?db=d';
    await send(requestText(method, target, [as('ann')], method === 'GET' ? '' : 'm v=1'));
    connection.end();
    const response = await connection.receive();
    expect([response.status, response.header('connection')]).toEqual([200, 'close']);
    await connection.ended();
    expect(upstream.requests.map(({ state }) => state)).toEqual(['complete']);
  });

  test('is answered under HTTP/1.0 too, and all that it asked for at once', async () => {
    await send(GET.replace('HTTP/1.1', 'HTTP/1.0'));
    connection.end();
    expect((await connection.receive()).body.toString()).toBe(TASKS);
    await connection.ended();
    connection.destroy();
    await send(GET + requestText('GET', TASKS) + GET);
    connection.end();
    expect(await statuses()).toEqual([200, 401, 200]);
  });

  test('has a write made even where it is gone', async () => {
    await send(requestText('POST', '/write?db=d', [as('ann')], 'm v=1'));
    connection.destroy();
    await eventually('the write has come', () =>
      upstream.requests.some(({ body, state }) => state === 'complete' && String(body) === 'm v=1'),
    );
    await sleep(LATE_MS * 2);
  });

  test('before its request was whole gets no answer from upstream', async () => {
    for (const part of [
      GET.slice(0, 20),
      requestText('POST', TASKS, [as('ann')], 'ab').slice(0, -1),
    ]) {
      await send(part);
      connection.end();
      expect((await statuses()).every((status) => status === 400)).toBe(true);
      connection.destroy();
    }
    expect(upstream.requests.filter(({ state }) => state === 'complete')).toEqual([]);
  });

  test('without a word is left alone', async () => {
    await send('');
    connection.end();
    expect(await statuses()).toEqual([]);
  });

  test('amid an answer is cut, so that no silent stream is held for it', async () => {
    let isCut = false;
    upstream.answerBy((_, response) => {
      response.write('line');
      response.once('close', () => (isCut = true));
    });
    await send(requestText('GET', '/kapacitor/v1preview/logs', [as('ann')]));
    await eventually('a line', () => connection.pending.includes('line'));
    connection.end();
    await eventually('the upstream is rid of it', () => isCut);
  });

  test('while it waits for a free connection is refused, not sent on', async () => {
    const small = await openGateway({
      upstream: upstream.url,
      env: { KAPGATE_UPSTREAM_MAX_CONNECTIONS: '1' },
    });
    upstream.answerBy(async (recorded, response) => {
      await sleep(300);
      response.end(recorded.target);
    });
    const first = exchange(small.port, GET);
    await eventually('the first is upstream', () => upstream.requests.length === 1);
    connection = await openRawConnection(small.port);
    connection.send(requestText('POST', '/write?db=d', [as('ann')], 'm v=1'));
    const second = exchange(small.port, requestText('POST', '/write?db=d', [as('ann')], 'm v=2'));
    connection.end();
    expect((await connection.receive()).status).toBe(200);
    expect((await second).status).toBe(200);
    connection.destroy();
    connection = await openRawConnection(small.port);
    const third = exchange(small.port, requestText('POST', '/write?db=d', [as('ann')], 'm v=3'));
    await eventually('the third is upstream', () => upstream.requests.length >= 4);
    connection.send(requestText('POST', '/write?db=d', [as('ann')], 'm v=4'));
    connection.end();
    expect((await connection.receive()).status).toBe(503);
    expect((await third).status).toBe(200);
    expect((await first).status).toBe(200);
    await small.stop();
  });
});
