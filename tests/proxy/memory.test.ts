import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { addUser, startGateway, writeConfig } from '../support/gateway-process.ts';
import type { GatewayProcess } from '../support/gateway-process.ts';
import { findFreePort } from '../support/free-port.ts';
import { openRawConnection } from '../support/raw-client.ts';
import { createTempDir } from '../support/temp-dir.ts';
import type { TempDir } from '../support/temp-dir.ts';

const GIB = 1024 ** 3;
const BLOCK = Buffer.alloc(256 * 1024, 'm v=1 1\n');
const MAX_GROWTH_MIB = 80;
const ANN = `Authorization: Basic ${Buffer.from('ann:secret').toString('base64')}`;

let dir: TempDir;
let upstream: Server;
let gateway: GatewayProcess;
/** What has arrived upstream, heads and all. */
let arrived = 0;

beforeAll(async () => {
  dir = await createTempDir();
  upstream = createServer(serve);
  upstream.listen(0, '127.0.0.1');
  await once(upstream, 'listening');
  const url = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;
  const port = await findFreePort();
  const options = { dir: join(dir.path, 'gateway'), upstream: url, port };
  const permissions = ['api', 'write_points'];
  await addUser(await writeConfig(options), { name: 'ann', password: 'secret', permissions });
  gateway = await startGateway(options);
}, 480_000);

afterAll(async () => {
  await gateway.stop();
  upstream.close();
  await dir.remove();
});

/** To a GET it sends a gibibyte, and takes one of a POST. */
function serve(socket: Socket): void {
  let isHead = true;
  socket.on('error', () => socket.destroy());
  socket.on('data', (bytes: Buffer) => {
    arrived += bytes.length;
    if (isHead && bytes.toString('latin1').startsWith('GET')) {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${GIB}\r\n\r\n`);
      void pump(socket, GIB);
    }
    isHead = false;
    if (arrived >= GIB) socket.end('HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n');
  });
}

/** A reader who leaves ends it; how much has arrived is looked at elsewhere. */
async function pump(socket: Socket, bytes: number): Promise<void> {
  const blocks = Readable.from(Array.from({ length: bytes / BLOCK.length }, () => BLOCK));
  await pipeline(blocks, socket, { end: false }).catch(() => undefined);
}

function rssMib(): number {
  return Number(execFileSync('ps', ['-o', 'rss=', '-p', String(gateway.pid)]).toString()) / 1024;
}

async function growthDuring(work: () => Promise<void>): Promise<number> {
  const before = rssMib();
  let peak = before;
  const timer = setInterval(() => {
    peak = Math.max(peak, rssMib());
  }, 100);
  await work().finally(() => {
    clearInterval(timer);
  });
  return Math.max(peak, rssMib()) - before;
}

test('a gibibyte goes up in bounded memory', async () => {
  const growth = await growthDuring(async () => {
    const connection = await openRawConnection(gateway.port, { timeoutMs: 360_000 });
    connection.send(
      `POST /write?db=d HTTP/1.1\r\nHost: x\r\n${ANN}\r\nContent-Length: ${GIB}\r\n\r\n`,
    );
    await pump(connection.socket, GIB);
    expect((await connection.receive()).status).toBe(204);
    connection.destroy();
  });
  expect(arrived).toBeGreaterThan(GIB);
  expect(growth).toBeLessThan(MAX_GROWTH_MIB);
}, 480_000);

/** The client reads no faster than it does here: what the gateway took off the upstream meanwhile is in its memory. */
test('a gibibyte comes down in bounded memory, to a reader who pauses', async () => {
  arrived = 0;
  const growth = await growthDuring(async () => {
    const connection = await openRawConnection(gateway.port, { timeoutMs: 360_000 });
    connection.socket.removeAllListeners('data');
    let received = 0;
    connection.socket.on('data', (bytes: Buffer) => {
      const isPause =
        Math.floor(received / (256 * 1024 * 1024)) <
        Math.floor((received + bytes.length) / (256 * 1024 * 1024));
      received += bytes.length;
      if (!isPause) return;
      connection.socket.pause();
      setTimeout(() => connection.socket.resume(), 200);
    });
    connection.send(
      `GET /kapacitor/v1/storage HTTP/1.1\r\nHost: x\r\n${ANN}\r\nConnection: close\r\n\r\n`,
    );
    await connection.ended();
    expect(received).toBeGreaterThan(GIB);
    connection.destroy();
  });
  expect(growth).toBeLessThan(MAX_GROWTH_MIB);
}, 480_000);
