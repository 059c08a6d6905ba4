import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { appendFileSync, copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { TLSSocket, connect as connectTls } from 'node:tls';
import type { ConnectionOptions } from 'node:tls';
import { expectNoAccidents } from '../support/accidents.ts';
import { createAuthority, findOpenssl } from '../support/certificates.ts';
import type { Certificate, CertificateAuthority } from '../support/certificates.ts';
import { eventually } from '../support/eventually.ts';
import { as, openGateway } from '../support/open-gateway.ts';
import type { OpenGateway } from '../support/open-gateway.ts';
import { exchange, openRawConnection, requestText } from '../support/raw-client.ts';
import { startRecordingUpstream } from '../support/recording-upstream.ts';
import type { RecordingUpstream } from '../support/recording-upstream.ts';
import { createTempDir } from '../support/temp-dir.ts';
import type { TempDir } from '../support/temp-dir.ts';

const describeWithOpenssl = findOpenssl('TLS to clients') ? describe : describe.skip;

const GET = requestText('GET', '/kapacitor/v1/tasks', [as('ann')]);
const SECOND = 'DELETE /kapacitor/v1/tasks/smuggled HTTP/1.1\r\nHost: x\r\n\r\n';

let dir: TempDir;
let authority: CertificateAuthority;
let own: Certificate;
let upstream: RecordingUpstream;
let gateway: OpenGateway;

expectNoAccidents();

beforeAll(async () => {
  dir = await createTempDir();
  authority = createAuthority(dir.path);
  own = authority.issue('gateway');
  upstream = await startRecordingUpstream((_, response) => {
    response.writeHead(200, { 'Content-Type': 'text/plain' }).end('from upstream');
  });
});

afterEach(async () => {
  upstream.clear();
  upstream.answerBy((_, response) => {
    response.writeHead(200, { 'Content-Type': 'text/plain' }).end('from upstream');
  });
  await gateway.stop();
});

afterAll(async () => {
  await upstream.stop();
  await dir.remove();
});

/** Certificate and key in one file, as Kapacitor has them. */
function bundleOf({ cert, key }: Certificate, name = 'bundle.pem'): string {
  const path = join(dir.path, name);
  writeFileSync(path, `${key}${cert}`);
  return path;
}

async function start(env: Readonly<Record<string, string>> = {}): Promise<OpenGateway> {
  gateway = await openGateway({
    upstream: upstream.url,
    env: {
      KAPGATE_HTTP_HTTPS_ENABLED: 'true',
      KAPGATE_HTTP_HTTPS_CERTIFICATE: bundleOf(own),
      ...env,
    },
  });
  return gateway;
}

const trusting = (): ConnectionOptions => ({ ca: authority.ca });

describeWithOpenssl('HTTPS', () => {
  test('is spoken with certificate and key in one file, and told to Kapacitor', async () => {
    const { port, accesses } = await start();
    const { status, body } = await exchange(port, GET, { tls: trusting() });
    expect([status, body.toString()]).toEqual([200, 'from upstream']);
    const headers = upstream.requests[0]?.headers ?? [];
    expect(headers).toContainEqual(['X-Forwarded-Proto', 'https']);
    expect(headers).toContainEqual(['X-Forwarded-For', '127.0.0.1']);
    await eventually('the access line', () => accesses.length === 1 || gateway.accesses.length > 0);
    expect(gateway.accesses[0]).toMatchObject({ host: '127.0.0.1', username: 'ann', status: 200 });
    expect(gateway.accesses[0]?.['bytes']).toBeGreaterThan(100);
    expect(gateway.accesses[0]?.['bytes']).toBeLessThan(400);
  });

  test('is spoken with the key in a file of its own', async () => {
    const { port } = await start({
      KAPGATE_HTTP_HTTPS_CERTIFICATE: own.certFile,
      KAPGATE_HTTP_HTTPS_PRIVATE_KEY: own.keyFile,
    });
    expect((await exchange(port, GET, { tls: trusting() })).status).toBe(200);
  });

  test.each<[string, ConnectionOptions, string]>([
    ['TLS 1.1', { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'ALL:@SECLEVEL=0' }, 'ver'],
    ['HTTP/2 alone', { ALPNProtocols: ['h2'] }, 'no application protocol'],
  ])('%s is refused, and the log says why', async (_, tls, why) => {
    const { port, lines } = await start();
    await expect(openRawConnection(port, { tls: { ...trusting(), ...tls } })).rejects.toThrow();
    await eventually('a line', () => lines.some(({ message }) => message.startsWith('no TLS')));
    const [line] = lines.filter(({ message }) => message.startsWith('no TLS'));
    expect(line?.fields['host']).toBe('127.0.0.1');
    expect(String(line?.fields['reason'])).toContain(why === 'ver' ? 'protocol' : why);
  });

  test('TLS 1.2 is spoken, and not renegotiated', async () => {
    const { port } = await start();
    const connection = await openRawConnection(port, {
      tls: { ...trusting(), maxVersion: 'TLSv1.2' },
    });
    connection.send(GET);
    expect((await connection.receive()).status).toBe(200);
    const { socket } = connection;
    const refused = new Promise<string>((resolve) => {
      socket.once('error', ({ message }) => resolve(message));
      if (socket instanceof TLSSocket) {
        socket.renegotiate({}, (error) => resolve(error?.message ?? 'renegotiated'));
      }
    });
    expect(await refused).toMatch(/no renegotiation/i);
    connection.destroy();
  });

  test('HTTP on its port is answered with a sentence', async () => {
    const { port } = await start();
    const { status, body } = await exchange(port, GET);
    expect(status).toBe(503);
    expect(body.toString()).toContain('this port speaks HTTPS, not HTTP');
    expect(upstream.requests).toEqual([]);
    expect((await gateway.accessed(1))[0]).toMatchObject({ host: '127.0.0.1', status: 503 });
  });

  test('what is no TLS and no HTTP ends nothing but its own connection', async () => {
    const { port } = await start();
    for (const bytes of [
      '\x16',
      '\x16\x03\x01\x00\x01x',
      '\x16\x03\x01\xff\xff',
      '\x80\x2e\x01',
      '\0',
    ]) {
      const connection = await openRawConnection(port);
      connection.send(Buffer.from(bytes, 'latin1'));
      await sleep(20);
      connection.end();
      connection.destroy();
    }
    (await openRawConnection(port)).destroy();
    (await openRawConnection(port)).socket.resetAndDestroy();
    expect((await exchange(port, GET, { tls: trusting() })).status).toBe(200);
  });

  test.each(['', '\x16\x03\x01'])(
    'a handshake that stops behind %j is cut after header-timeout',
    async (bytes) => {
      const { port } = await start({ KAPGATE_LIMITS_HEADER_TIMEOUT: '200ms' });
      const connection = await openRawConnection(port);
      if (bytes !== '') connection.send(Buffer.from(bytes, 'latin1'));
      await connection.ended();
      connection.destroy();
    },
  );

  test('a handshake that trickles is cut after header-timeout, and one that is over is not', async () => {
    const { port } = await start({ KAPGATE_LIMITS_HEADER_TIMEOUT: '400ms' });
    const kept = await openRawConnection(port, { tls: trusting() });
    const connection = await openRawConnection(port);
    const ending = { isOver: false };
    const ended = connection.ended().then(() => (ending.isOver = true));
    connection.send(Buffer.from([0x16, 3, 1, 2, 0, 1]));
    for (let step = 0; step < 200 && !ending.isOver; step++) {
      connection.send(Buffer.from([0]));
      await sleep(50);
    }
    await ended;
    kept.send(GET);
    expect((await kept.receive()).status).toBe(200);
    kept.destroy();
    connection.destroy();
  });
});

describeWithOpenssl('what holds for HTTP holds for HTTPS', () => {
  const raw = (): Promise<Awaited<ReturnType<typeof openRawConnection>>> =>
    openRawConnection(gateway.port, { tls: trusting() });

  test.each<[string, string, number]>([
    ['two Host', `GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n`, 400],
    [
      'a length beside a coding',
      `POST /write HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
      400,
    ],
    ['no HTTP', 'nothing\r\n\r\n', 400],
    ['CONNECT', 'CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n', 404],
    ['a header bomb', `GET / HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(200_000)}\r\n\r\n`, 431],
  ])('%s is refused', async (_, bytes, status) => {
    await start();
    const connection = await raw();
    connection.send(bytes);
    expect((await connection.receive()).status).toBe(status);
    expect(upstream.requests).toEqual([]);
    connection.destroy();
  });

  test('a body is never a second request', async () => {
    await start();
    const connection = await raw();
    connection.send(requestText('POST', '/kapacitor/v1/tasks', [as('nobody')], SECOND));
    expect((await connection.receive()).status).toBe(403);
    await sleep(60);
    expect(upstream.requests).toEqual([]);
    connection.destroy();
  });

  test('requests in a row are answered in their order', async () => {
    await start();
    upstream.answerBy(({ target }, response) => {
      setTimeout(() => response.end(target), target.includes('slow') ? 60 : 0);
    });
    const connection = await raw();
    const get = (name: string): string =>
      requestText('GET', `/kapacitor/v1/tasks/${name}`, [as('ann')]);
    connection.send(get('slow') + get('b') + get('c'));
    for (const name of ['slow', 'b', 'c']) {
      expect((await connection.receive()).body.toString()).toBe(`/kapacitor/v1/tasks/${name}`);
    }
    connection.destroy();
  });

  test('a refusal is read while a large body is on its way', async () => {
    await start();
    const connection = await raw();
    connection.send(
      `POST /write?db=x HTTP/1.1\r\nHost: x\r\nContent-Length: ${8 * 1024 * 1024}\r\n\r\n`,
    );
    const chunk = Buffer.alloc(256 * 1024);
    for (let sent = 0; sent < 8 * 1024 * 1024; sent += chunk.length) connection.send(chunk);
    expect((await connection.receive()).status).toBe(401);
    await connection.ended();
    connection.destroy();
  });

  test('an answer that breaks off does not look whole', async () => {
    await start();
    upstream.answerBy((_, response) => {
      response.writeHead(200, { 'Content-Length': '100' }).write('half');
      setTimeout(() => response.destroy(), 50);
    });
    // Over HTTP/1.0 and without a length it is the end of TLS, its close_notify, that would make it whole.
    for (const request of [GET, GET.replace('HTTP/1.1', 'HTTP/1.0')]) {
      const socket = connectTls({ port: gateway.port, host: '127.0.0.1', ...trusting() });
      const events: string[] = [];
      for (const event of ['end', 'error', 'close']) socket.on(event, () => events.push(event));
      socket.resume();
      socket.write(request);
      await eventually('it is over', () => events.includes('close'));
      expect(events).toContain('error');
    }
  });

  test('a reader that does not read holds up nobody, and is cut when it goes', async () => {
    await start();
    const size = 30 * 1024 * 1024;
    upstream.answerBy((_, response) => void response.end(Buffer.alloc(size)));
    const slow = await raw();
    slow.socket.pause();
    slow.send(GET);
    await sleep(100);
    upstream.answerBy((_, response) => void response.end('quick'));
    expect((await exchange(gateway.port, GET, { tls: trusting() })).body.toString()).toBe('quick');
    slow.destroy();
    await eventually('upstream is let go', () => gateway.accesses.length === 2);
  });

  test('a stop answers what is under way, and cuts idle connections and handshakes at its end', async () => {
    await start({ KAPGATE_HTTP_SHUTDOWN_TIMEOUT: '600ms' });
    upstream.answerBy((_, response) => {
      setTimeout(() => response.end('late'), 200);
    });
    const [busy, idle] = [await raw(), await raw()];
    const half = await openRawConnection(gateway.port);
    half.send(Buffer.from([0x16, 3]));
    busy.send(GET);
    await eventually('it has begun', () => upstream.requests.length === 1);
    const stopped = gateway.stop();
    const response = await busy.receive();
    expect([response.status, response.header('Connection')]).toEqual([200, 'close']);
    await Promise.all([idle.ended(), half.ended(), stopped]);
    for (const each of [busy, idle, half]) each.destroy();
    await start();
  });
});

describeWithOpenssl('certificates that change', () => {
  async function shownAt(port: number): Promise<string> {
    const { socket } = await openRawConnection(port, { tls: { rejectUnauthorized: false } });
    const subject =
      socket instanceof TLSSocket ? (socket.getPeerX509Certificate()?.subject ?? '') : '';
    socket.destroy();
    return subject;
  }

  test('a changed file is shown to new connections, and old ones go on', async () => {
    const path = bundleOf(own, 'changing.pem');
    const { port, lines } = await start({ KAPGATE_HTTP_HTTPS_CERTIFICATE: path });
    const kept = await openRawConnection(port, { tls: trusting() });
    expect(await shownAt(port)).toBe('CN=gateway');
    await sleep(3_000);
    bundleOf(authority.issue('renewed'), 'changing.pem');
    await eventually('it is shown', async () => (await shownAt(port)) === 'CN=renewed');
    kept.send(GET);
    expect((await kept.receive()).status).toBe(200);
    kept.destroy();
    const line = lines.find(({ message }) =>
      message.startsWith('the changed certificate is shown'),
    );
    expect(line?.fields['subject']).toBe('CN=renewed');
  }, 180_000);

  test('a changed file that is no good keeps the old one, is told once, and mended it counts', async () => {
    const path = bundleOf(own, 'broken.pem');
    const { port, lines } = await start({ KAPGATE_HTTP_HTTPS_CERTIFICATE: path });
    const told = (): readonly unknown[] =>
      lines.filter(({ level }) => level === 'error').map(({ fields }) => fields['cause']);
    await sleep(3_000);
    copyFileSync(own.certFile, path);
    await eventually('it is told', () => told().length > 0);
    expect(told()[0]).toContain(`[http] https-certificate "${path}" holds no private key in PEM`);
    expect(await shownAt(port)).toBe('CN=gateway');
    await sleep(5_000);
    expect(told()).toHaveLength(1);
    const next = authority.issue('mended');
    writeFileSync(path, next.cert);
    appendFileSync(path, readFileSync(next.keyFile));
    await eventually('it is shown', async () => (await shownAt(port)) === 'CN=mended');
    bundleOf(authority.issue('over', { isExpired: true }), 'broken.pem');
    await eventually('it is told', () => told().length > 1);
    expect(told()[1]).toContain(`"${path}" ended on`);
    expect(await shownAt(port)).toBe('CN=mended');
  }, 180_000);
});
