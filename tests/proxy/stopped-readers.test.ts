import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { expectNoAccidents } from '../support/accidents.ts';
import { LINE_BYTES, LOGS, startBlockingKapacitor } from '../support/blocking-kapacitor.ts';
import type { BlockingKapacitor } from '../support/blocking-kapacitor.ts';
import { eventually } from '../support/eventually.ts';
import { as, openGateway } from '../support/open-gateway.ts';
import type { OpenGateway } from '../support/open-gateway.ts';
import { exchange, openRawConnection, requestText } from '../support/raw-client.ts';
import type { RawConnection } from '../support/raw-client.ts';

/** More than the buffers of two systems and the gateway's own for a reader take together. */
const REQUESTS = 400;

let kapacitor: BlockingKapacitor;
let gateway: OpenGateway;
let opened: RawConnection[];

expectNoAccidents();

beforeEach(async () => {
  opened = [];
  kapacitor = await startBlockingKapacitor();
  gateway = await openGateway({ upstream: kapacitor.url });
});

afterEach(async () => {
  for (const connection of opened) connection.destroy();
  await gateway.stop();
  await kapacitor.stop();
});

async function read(port: number, user: 'ann' | 'ben'): Promise<RawConnection> {
  const before = kapacitor.readers;
  const connection = await openRawConnection(port, { timeoutMs: 60_000 });
  opened.push(connection);
  connection.send(requestText('GET', LOGS, [as(user)]));
  await eventually('it reads', () => kapacitor.readers > before);
  return connection;
}

const ping = (port: number, timeoutMs: number): Promise<{ readonly status: number }> =>
  exchange(port, requestText('GET', '/kapacitor/v1/ping', [as('admin')]), { timeoutMs });

const write = (port: number, timeoutMs: number): Promise<{ readonly status: number }> =>
  exchange(port, requestText('POST', '/write?db=d', [as('admin')], 'm v=1'), { timeoutMs });

describe('a Kapacitor whose log blocks as a whole', () => {
  test('stands still without the gateway as soon as one reader stops, until that one is gone', async () => {
    const stopped = await read(kapacitor.port, 'ann');
    stopped.socket.pause();
    let answered = 0;
    const asking = (async () => {
      for (; answered < REQUESTS; answered++) await ping(kapacitor.port, 1_000);
    })();
    await expect(asking).rejects.toThrow(/1000 ms passed/);
    stopped.destroy();
    expect((await ping(kapacitor.port, 30_000)).status).toBe(204);
  }, 180_000);

  test.each<readonly [string, (reader: RawConnection) => () => void]>([
    [
      'stops reading',
      ({ socket }) => {
        socket.pause();
        return () => undefined;
      },
    ],
    [
      'reads far too slowly',
      ({ socket }) => {
        socket.pause();
        const timer = setInterval(() => void socket.read(1_000), 50);
        return () => clearInterval(timer);
      },
    ],
    [
      'ends its side and stops reading',
      (reader) => {
        reader.socket.pause();
        reader.end();
        return () => undefined;
      },
    ],
  ])(
    'goes on behind it where one %s: reads, writes, and the other readers',
    async (_, stop) => {
      const bad = await read(gateway.port, 'ann');
      const good = await read(gateway.port, 'ben');
      let taken = 0;
      good.socket.removeAllListeners('data').on('data', (bytes: Buffer) => (taken += bytes.length));
      const end = stop(bad);
      for (let count = 0; count < REQUESTS / 2; count++) {
        expect((await ping(gateway.port, 30_000)).status).toBe(204);
        expect((await write(gateway.port, 30_000)).status).toBe(204);
      }
      expect(kapacitor.lines).toBe(REQUESTS);
      await eventually('the bad reader is cut', () => kapacitor.readers === 1);
      await eventually('the good one has every line', () => taken >= REQUESTS * LINE_BYTES);
      end();
    },
    180_000,
  );
});
