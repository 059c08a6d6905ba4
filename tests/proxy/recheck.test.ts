import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { writeFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openDatabase } from '../../src/users/database.ts';
import { openUserStore } from '../../src/users/store.ts';
import type { UserStore } from '../../src/users/store.ts';
import { expectNoAccidents } from '../support/accidents.ts';
import { createAuthority, findOpenssl } from '../support/certificates.ts';
import { eventually } from '../support/eventually.ts';
import { runKapgate } from '../support/gateway-process.ts';
import { makeToken } from '../support/jwt.ts';
import { as, openGateway } from '../support/open-gateway.ts';
import type { OpenGateway } from '../support/open-gateway.ts';
import { exchange, openRawConnection, requestText } from '../support/raw-client.ts';
import type { RawConnection, RawOptions } from '../support/raw-client.ts';
import { startRecordingUpstream } from '../support/recording-upstream.ts';
import type { RecordingUpstream } from '../support/recording-upstream.ts';
import { createTempDir } from '../support/temp-dir.ts';
import type { TempDir } from '../support/temp-dir.ts';
import { hashCheaply } from '../users/hash.ts';

const describeWithOpenssl = findOpenssl('streams of client certificates')
  ? describe
  : describe.skip;

const LOGS = '/kapacitor/v1preview/logs';
const SECRET = 'a shared secret of the tests';
const LOST = 'the reader of the log stream lost the right to it';

let upstream: RecordingUpstream;
let gateway: OpenGateway;
let store: UserStore;
let streams: ServerResponse[];
let opened: RawConnection[];
let nowMs: number;

expectNoAccidents();

beforeEach(async () => {
  nowMs = Date.now();
  streams = [];
  opened = [];
  upstream = await startRecordingUpstream((_, response) => {
    response.flushHeaders();
    streams.push(response);
  });
});

afterEach(async () => {
  for (const connection of opened) connection.destroy();
  await store.close();
  await gateway.stop();
  await upstream.stop();
});

async function open(env: Readonly<Record<string, string>> = {}): Promise<void> {
  gateway = await openGateway({
    upstream: upstream.url,
    env: { KAPGATE_HTTP_SHARED_SECRET: SECRET, ...env },
    now: () => nowMs,
  });
  store = openUserStore({ path: gateway.storePath, minimumCost: 4 });
}

async function openStream(...headers: readonly string[]): Promise<RawConnection> {
  return openStreamOver({}, headers);
}

async function openStreamOver(
  options: RawOptions,
  headers: readonly string[],
): Promise<RawConnection> {
  const connection = await openRawConnection(gateway.port, options);
  opened.push(connection);
  connection.send(requestText('GET', LOGS, headers));
  await eventually('a head', () => connection.pending.toString().includes('\r\n\r\n'));
  expect(connection.pending.toString()).toMatch(/^HTTP\/1\.1 200 /);
  return connection;
}

/** Half a minute by the gateway's clock, and the look that follows it. */
async function passHalfAMinute(): Promise<void> {
  nowMs += 30_000;
  await sleep(1_500);
}

async function isCut(connection: RawConnection): Promise<void> {
  await eventually('the stream ends', () => connection.socket.destroyed);
  await eventually('at Kapacitor too', () => streams.every(({ destroyed }) => destroyed));
  // By a reset: an end would look like the log's own.
  expect(connection.pending.toString()).not.toMatch(/\r\n0\r\n\r\n$/);
  await eventually('the log says why', () =>
    gateway.accesses.some(({ reason }) => reason === LOST),
  );
}

async function goesOn(connection: RawConnection, line = 'ts=now msg=on\n'): Promise<void> {
  expect(connection.socket.destroyed).toBe(false);
  for (const stream of streams) if (!stream.destroyed) stream.write(line);
  await eventually('the next line', () => connection.pending.toString().includes(line));
}

/** Another password, by another process. */
async function setPassword(name: string, password: string): Promise<void> {
  await store.update(name, { hash: await hashCheaply(password) });
}

function tokenUntil(exp: number): string {
  const header = { alg: 'HS512', typ: 'JWT' };
  return makeToken({ header, claims: { username: 'ann', exp }, secret: SECRET });
}

describe('a log stream', () => {
  test('goes on while its reader may read it, without another login', async () => {
    await open({ KAPGATE_LIMITS_LOGIN_FAILURES: '1 per 1h' });
    const connection = await openStream(as('ann'));
    for (let round = 0; round < 3; round++) {
      await passHalfAMinute();
      await goesOn(connection, `round ${round}\n`);
    }
  }, 180_000);

  test('goes on past the end of the cache: the password is compared anew', async () => {
    await open({ KAPGATE_AUTH_CACHE_EXPIRATION: '1s' });
    const connection = await openStream(as('ann'));
    await passHalfAMinute();
    await goesOn(connection);
  }, 180_000);

  test('ends when its user is deleted by a command, and not before it is looked at', async () => {
    await open();
    const connection = await openStream(as('ann'));
    const other = await openStream(as('ben'));
    const env = { KAPGATE_STORE_PATH: gateway.storePath };
    const deleted = await runKapgate(['users', 'delete', 'ann'], { env });
    expect(deleted).toMatchObject({ code: 0 });
    await sleep(1_500);
    await goesOn(connection);
    nowMs += 30_000;
    await eventually('the stream ends', () => connection.socket.destroyed);
    await goesOn(other, 'ts=now msg=ben\n');
  }, 180_000);

  test('ends when its user has another password, and counts as no failed login', async () => {
    await open({ KAPGATE_LIMITS_LOGIN_FAILURES: '1 per 1h' });
    const connections = [await openStream(as('ann')), await openStream(as('ann'))];
    await setPassword('ann', 'another');
    nowMs += 30_000;
    for (const connection of connections) await isCut(connection);
    const another = `Authorization: Basic ${Buffer.from('ann:another').toString('base64')}`;
    await openStream(another);
    expect(gateway.lines.filter(({ message }) => message === 'login failed')).toEqual([]);
  }, 180_000);

  test('with another password ends however many guesses its reader makes', async () => {
    await open({ KAPGATE_LIMITS_LOGIN_FAILURES: '1 per 1h' });
    const connection = await openStream(as('ann'));
    await setPassword('ann', 'another');
    const statuses: number[] = [];
    for (let guess = 0; guess < 12; guess++) {
      const header = `Authorization: Basic ${Buffer.from(`ann:guess${guess}`).toString('base64')}`;
      statuses.push((await exchange(gateway.port, requestText('GET', LOGS, [header]))).status);
    }
    expect(statuses).toContain(429);
    nowMs += 30_000;
    await isCut(connection);
  }, 180_000);

  test('ends when its user loses the permission', async () => {
    await open();
    const connection = await openStream(as('reader'));
    await store.update('reader', { permissions: ['write_points'] });
    nowMs += 30_000;
    await isCut(connection);
  }, 180_000);

  test('ends when its token expires', async () => {
    await open();
    const exp = Math.floor(nowMs / 1000) + 45;
    const token = tokenUntil(exp);
    const connection = await openStream(`Authorization: Bearer ${token}`);
    await passHalfAMinute();
    await goesOn(connection);
    nowMs += 30_000;
    await isCut(connection);
  }, 180_000);

  test('goes on in an outage, and ends after it where it must', async () => {
    await open();
    const connection = await openStream(as('ann'));
    const database = openDatabase(gateway.storePath, Buffer.alloc(0));
    await database.write(() => {
      database.put([['ann', Buffer.from('{')]], database.summary());
    });
    await passHalfAMinute();
    await goesOn(connection);
    expect(gateway.lines.some(({ fields }) => fields['code'] === 'directory-unavailable')).toBe(
      true,
    );
    await database.write(() => {
      database.put([['ann', undefined]], database.summary());
    });
    await database.close();
    nowMs += 30_000;
    await isCut(connection);
  }, 180_000);

  describeWithOpenssl('of somebody who came by a client certificate', () => {
    let dir: TempDir;

    beforeEach(async () => {
      dir = await createTempDir();
    });

    afterEach(() => dir.remove());

    /** A stream of ann's, and the file with the authority of her certificate. */
    async function openCertified(): Promise<readonly [RawConnection, string]> {
      const server = createAuthority(dir.path, 'server');
      const clients = createAuthority(dir.path, 'clients');
      const { certFile, keyFile } = server.issue('gateway');
      const caFile = join(dir.path, 'client-ca.pem');
      await writeFile(caFile, clients.ca);
      await open({
        KAPGATE_HTTP_HTTPS_ENABLED: 'true',
        KAPGATE_HTTP_HTTPS_CERTIFICATE: certFile,
        KAPGATE_HTTP_HTTPS_PRIVATE_KEY: keyFile,
        KAPGATE_HTTP_HTTPS_CLIENT_CA: caFile,
      });
      const { cert, key } = clients.issue('ann');
      const stream = await openStreamOver({ tls: { ca: server.ca, cert, key } }, []);
      await passHalfAMinute();
      await goesOn(stream);
      return [stream, caFile];
    }

    test('ends when the certificate does', async () => {
      const [stream] = await openCertified();
      nowMs += 100 * 365 * 24 * 3_600_000;
      await isCut(stream);
    }, 180_000);

    test('ends when its authority is taken out', async () => {
      const [stream, caFile] = await openCertified();
      await writeFile(caFile, createAuthority(dir.path, 'others').ca);
      await gateway.reload({});
      nowMs += 30_000;
      await isCut(stream);
    }, 180_000);
  });

  describe('of an earlier configuration', () => {
    test('goes on where nothing changed for it, and is judged by the new one', async () => {
      await open();
      const connection = await openStream(as('ann'));
      await gateway.reload({});
      await passHalfAMinute();
      await goesOn(connection);
      await store.delete('ann');
      nowMs += 30_000;
      await isCut(connection);
    }, 180_000);

    test('ends where the key of its token is another one', async () => {
      await open();
      const token = tokenUntil(Math.floor(nowMs / 1000) + 3600);
      const connection = await openStream(`Authorization: Bearer ${token}`);
      await gateway.reload({ KAPGATE_HTTP_SHARED_SECRET: 'another secret of the tests' });
      nowMs += 30_000;
      await isCut(connection);
    }, 180_000);

    test('ends where nobody needed credentials and now everybody does', async () => {
      await open({ KAPGATE_HTTP_AUTH_ENABLED: 'false', KAPGATE_AUTH_ENABLED: 'false' });
      const connection = await openStream();
      await gateway.reload({ KAPGATE_HTTP_AUTH_ENABLED: 'true', KAPGATE_AUTH_ENABLED: 'true' });
      nowMs += 30_000;
      await isCut(connection);
    }, 180_000);

    test('ends with the rehearsal that let it pass', async () => {
      await open({ KAPGATE_AUTH_OBSERVE: 'true' });
      const connection = await openStream(as('nobody'));
      await passHalfAMinute();
      await goesOn(connection);
      await gateway.reload({ KAPGATE_AUTH_OBSERVE: 'false' });
      nowMs += 30_000;
      await isCut(connection);
    }, 180_000);
  });
});
