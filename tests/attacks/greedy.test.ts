import { afterEach, describe, expect, test } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { expectNoAccidents } from '../support/accidents.ts';
import { eventually } from '../support/eventually.ts';
import { as, openGateway } from '../support/open-gateway.ts';
import type { OpenGateway } from '../support/open-gateway.ts';
import { exchange, openRawConnection, requestText } from '../support/raw-client.ts';
import type { RawConnection } from '../support/raw-client.ts';
import { startRecordingUpstream } from '../support/recording-upstream.ts';
import type { RecordingUpstream, UpstreamHandler } from '../support/recording-upstream.ts';

const MIB = 1024 * 1024;
const TASKS = '/kapacitor/v1/tasks';
const CHUNKED = [as('ann'), 'Transfer-Encoding: chunked'];
const ATTACKERS = 40;

let upstream: RecordingUpstream;
let gateway: OpenGateway;
let opened: RawConnection[] = [];

expectNoAccidents();

afterEach(async () => {
  for (const connection of opened) connection.destroy();
  opened = [];
  await gateway.stop();
  await upstream.stop();
});

async function open(
  env: Readonly<Record<string, string>> = {},
  handler: UpstreamHandler = (_, response) => void response.end('done'),
): Promise<void> {
  upstream = await startRecordingUpstream(handler);
  gateway = await openGateway({ upstream: upstream.url, env });
}

async function attack(bytes: string | Buffer): Promise<RawConnection> {
  const connection = await openRawConnection(gateway.port, { timeoutMs: 20_000 });
  opened.push(connection);
  connection.send(bytes);
  return connection;
}

function attackers(bytes: string): Promise<readonly RawConnection[]> {
  return Promise.all(Array.from({ length: ATTACKERS }, () => attack(bytes)));
}

/** Reads and writes of others, all of which must be answered while the attack goes on. */
async function others(): Promise<void> {
  for (let count = 0; count < 10; count++) {
    const read = await exchange(gateway.port, requestText('GET', TASKS, [as('ben')]));
    const write = await exchange(
      gateway.port,
      requestText('POST', '/write?db=d', [as('admin')], `m v=${count}`),
    );
    expect([read.status, write.status]).toEqual([200, 200]);
  }
}

/** Sends until it is cut off. @returns the bytes that were taken */
function pour({ socket }: RawConnection, block: Buffer, maxBytes: number): Promise<number> {
  return new Promise((resolve) => {
    let sent = 0;
    const finish = (): void => {
      socket.off('drain', more);
      resolve(sent - socket.writableLength);
    };
    const more = (): void => {
      while (!socket.destroyed && sent < maxBytes) {
        sent += block.length;
        if (!socket.write(block)) return;
      }
      finish();
    };
    socket.on('drain', more).once('close', finish);
    more();
  });
}

describe('slow clients', () => {
  test('heads that never end are cut, and others are served meanwhile', async () => {
    await open({ KAPGATE_LIMITS_HEADER_TIMEOUT: '1s' });
    const slow = await attackers('GET /kapacitor/v1/tasks HTTP/1.1\r\nHost: x\r\n');
    const drip = setInterval(() => {
      for (const each of slow) each.send('X-A: b\r\n');
    }, 50);
    await others();
    await Promise.all(slow.map((each) => each.ended()));
    clearInterval(drip);
    expect(upstream.requests.length).toBe(20);
  });

  test('bodies that never come are 503 on a write, 408 elsewhere, and others are served', async () => {
    await open({ KAPGATE_LIMITS_BODY_IDLE_TIMEOUT: '1s' });
    const head = (target: string, user: string): string =>
      `${requestText('POST', target, [user, 'Content-Length: 100'])}x`;
    const writers = await attackers(head('/write?db=d', as('ann')));
    const makers = await attackers(head(TASKS, as('ann')));
    const users = await attackers(head('/kapacitor/v1/users', as('admin')));
    await others();
    const statuses = async (all: readonly RawConnection[]): Promise<readonly number[]> => [
      ...new Set(await Promise.all(all.map(async (each) => (await each.receive()).status))),
    ];
    expect(await statuses(writers)).toEqual([503]);
    expect(await statuses(makers)).toEqual([408]);
    expect(await statuses(users)).toEqual([408]);
    expect(upstream.requests.filter(({ state }) => state === 'complete').length).toBe(20);
  });

  test('bodies that nobody was allowed to send are left, however slowly they come', async () => {
    await open();
    const slow = await attackers(requestText('POST', '/write?db=d', ['Content-Length: 1000']));
    for (const each of slow) expect((await each.receive()).status).toBe(401);
    const drip = setInterval(() => {
      for (const each of slow) each.socket.write('x');
    }, 100);
    await others();
    await Promise.all(slow.map((each) => each.ended()));
    clearInterval(drip);
    expect(upstream.requests.length).toBe(20);
  });

  test('a write that comes a byte at a time, but comes, is whole', async () => {
    await open({ KAPGATE_LIMITS_BODY_IDLE_TIMEOUT: '1s' });
    const connection = await attack(requestText('POST', '/write?db=d', CHUNKED));
    const text = 'm,host=a v=1';
    for (const byte of text) {
      await sleep(250);
      connection.send(`1\r\n${byte}\r\n`);
    }
    connection.send('0\r\n\r\n');
    expect((await connection.receive()).status).toBe(200);
    expect(upstream.requests[0]?.body.toString()).toBe(text);
  });

  test('answers that nobody reads are not taken from Kapacitor into our memory', async () => {
    let given = 0;
    await open({}, (recorded, response) => {
      if (!recorded.target.includes('big')) {
        response.end('done');
        return;
      }
      const block = Buffer.alloc(64 * 1024);
      const pump = (): void => {
        while (!response.destroyed && response.write(block)) given += block.length;
        given += block.length;
        response.once('drain', pump);
      };
      pump();
    });
    const lazy = await Promise.all(
      Array.from({ length: ATTACKERS }, async () => {
        const connection = await openRawConnection(gateway.port);
        opened.push(connection);
        connection.socket.pause();
        connection.send(requestText('GET', `${TASKS}/big`, [as('ann')]));
        return connection;
      }),
    );
    await eventually('all have begun', () => upstream.requests.length === ATTACKERS);
    await others();
    let before = -1;
    while (before !== given) {
      before = given;
      await sleep(300);
    }
    // Mostly the kernel's buffers: two sockets each.
    expect(given / lazy.length).toBeLessThan(16 * MIB);
  }, 180_000);
});

describe('greedy clients', () => {
  test('a hundred thousand tiny chunks are one body', async () => {
    await open();
    const connection = await attack(requestText('POST', '/write?db=d', CHUNKED));
    const served = others();
    for (let count = 0; count < 100; count++) connection.send('1\r\nx\r\n'.repeat(1_000));
    connection.send('0\r\n\r\n');
    expect((await connection.receive()).status).toBe(200);
    await served;
    const whole = upstream.requests.find(({ body }) => body.length > 1_000);
    expect(whole?.body.toString()).toBe('x'.repeat(100_000));
  }, 180_000);

  const WRITE = requestText('POST', '/write?db=d', CHUNKED);
  const REFUSED = 'POST /write?db=d HTTP/1.1\r\nHost: x\r\n';

  function flood(name: string, begin: string, more: string, maxMib: number): void {
    test(`a flood of ${name}: others are served, and nothing of it is whole upstream`, async () => {
      await open({ KAPGATE_LIMITS_HEADER_TIMEOUT: '2s' });
      const connection = await attack(begin);
      const block = Buffer.from(more.repeat(Math.ceil((64 * 1024) / more.length)));
      const [taken] = await Promise.all([pour(connection, block, 96 * MIB), others()]);
      expect(taken).toBeLessThanOrEqual(maxMib * MIB);
      expect(upstream.requests.filter(({ state }) => state === 'complete').length).toBe(20);
    }, 180_000);
  }

  flood('one chunk extension', `${WRITE}1;`, 'x', 16);
  flood('chunk extensions', `${WRITE}1`, ';a=b', 16);
  flood('trailers', `${WRITE}0\r\n`, 'X-Trailer: y\r\n', 16);
  flood('one header', 'GET / HTTP/1.1\r\nX: ', 'x', 16);
  flood('headers', 'GET / HTTP/1.1\r\n', 'X-A: b\r\n', 16);
  flood('a target', 'GET /', 'x', 16);
  flood('a method', '', 'X', 16);
  flood('a body that was refused', `${REFUSED}Content-Length: 9007199254740991\r\n\r\n`, 'x', 40);
  flood(
    'a chunk that was refused',
    `${REFUSED}Transfer-Encoding: chunked\r\n\r\nfffffff\r\n`,
    'x',
    40,
  );
  // What follows is bounded in time, or is a body of which bytes come, if few: its sender was let in.
  flood('blank lines', '', '\r\n', 97);
  flood('zeros before a chunk size', WRITE, '0', 97);
  flood('short extensions at each chunk', WRITE, `1;${'x'.repeat(1_000)}\r\nx\r\n`, 97);

  test('CVE-2026-21717, thousands of names of headers and of a query are no work', async () => {
    await open({ KAPGATE_LIMITS_MAX_HEADER_BYTES: '1048576' });
    const names = Array.from({ length: 10_000 }, (_, index) => `a${index.toString(36)}`);
    const headers = names.map((name) => `${name}: b`);
    const ask = async (target: string, own: readonly string[]): Promise<number> =>
      (await exchange(gateway.port, requestText('GET', target, [...own, ...headers]))).status;
    expect(await ask(TASKS, [])).toBe(401);
    expect(await ask(`${TASKS}?${names.join('&')}`, [as('ann')])).toBe(400);
    expect(upstream.requests).toEqual([]);
  });

  test('a users API body is cut at its limit, announced or not', async () => {
    await open();
    const announced = await exchange(
      gateway.port,
      requestText('POST', '/kapacitor/v1/users', [as('admin'), 'Content-Length: 1000000000']),
    );
    expect(announced.status).toBe(413);
    const connection = await attack(
      `${requestText('POST', '/kapacitor/v1/users', [as('admin'), 'Transfer-Encoding: chunked'])}ffffff\r\n`,
    );
    void pour(connection, Buffer.alloc(64 * 1024, 0x20), 64 * MIB);
    expect((await connection.receive()).status).toBe(413);
  });
});

describe('a gzip bomb', () => {
  const bomb = gzipSync(Buffer.alloc(64 * MIB, 0x20));

  test('is not unpacked by the users API: it is no JSON', async () => {
    await open({ KAPGATE_LIMITS_MAX_USERS_BODY: '131072' });
    const before = process.memoryUsage().rss;
    const { status } = await exchange(
      gateway.port,
      Buffer.concat([
        Buffer.from(
          `POST /kapacitor/v1/users HTTP/1.1\r\nHost: x\r\n${as('admin')}\r\nContent-Encoding: gzip\r\nContent-Length: ${bomb.length}\r\n\r\n`,
        ),
        bomb,
      ]),
    );
    expect(status).toBe(400);
    const small = gzipSync('{"name":"eve","password":"password","type":"admin"}');
    const packed = await exchange(
      gateway.port,
      Buffer.concat([
        Buffer.from(
          `POST /kapacitor/v1/users HTTP/1.1\r\nHost: x\r\n${as('admin')}\r\nContent-Encoding: gzip\r\nContent-Length: ${small.length}\r\n\r\n`,
        ),
        small,
      ]),
    );
    expect(packed.status).toBe(400);
    expect(process.memoryUsage().rss - before).toBeLessThan(48 * MIB);
  });

  test('on its way to Kapacitor passes as it is, and an answer of one comes as it is', async () => {
    await open({}, (_, response) => {
      response.writeHead(200, { 'Content-Encoding': 'gzip', 'Content-Length': bomb.length });
      response.end(bomb);
    });
    const before = process.memoryUsage().rss;
    const answer = await exchange(
      gateway.port,
      Buffer.concat([
        Buffer.from(
          `POST /write?db=d HTTP/1.1\r\nHost: x\r\n${as('ann')}\r\nContent-Encoding: gzip\r\nContent-Length: ${bomb.length}\r\n\r\n`,
        ),
        bomb,
      ]),
    );
    expect(answer.body.equals(bomb)).toBe(true);
    expect(upstream.requests[0]?.body.equals(bomb)).toBe(true);
    expect(process.memoryUsage().rss - before).toBeLessThan(48 * MIB);
  });
});
