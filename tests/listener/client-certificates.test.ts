import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { TLSSocket } from 'node:tls';
import type { ConnectionOptions } from 'node:tls';
import { signToken } from '../../src/authenticate/signed-token.ts';
import { Secret } from '../../src/kernel/secret.ts';
import { expectNoAccidents } from '../support/accidents.ts';
import { createAuthority, findOpenssl } from '../support/certificates.ts';
import type { Certificate, CertificateAuthority } from '../support/certificates.ts';
import { eventually } from '../support/eventually.ts';
import { as, openGateway } from '../support/open-gateway.ts';
import type { OpenGateway } from '../support/open-gateway.ts';
import { exchange, openRawConnection, requestText } from '../support/raw-client.ts';
import type { RawResponse } from '../support/raw-client.ts';
import { startRecordingUpstream } from '../support/recording-upstream.ts';
import type { RecordingUpstream } from '../support/recording-upstream.ts';
import { createTempDir } from '../support/temp-dir.ts';
import type { TempDir } from '../support/temp-dir.ts';

const describeWithOpenssl = findOpenssl('client certificates') ? describe : describe.skip;

const SHARED_SECRET = 'a shared secret of the tests';
const TASKS = '/kapacitor/v1/tasks';

let dir: TempDir;
let server: CertificateAuthority;
let clients: CertificateAuthority;
let upstream: RecordingUpstream;
let gateway: OpenGateway;
let caFile: string;
let auditFile: string;

expectNoAccidents();

beforeAll(async () => {
  dir = await createTempDir();
  server = createAuthority(dir.path, 'server');
  clients = createAuthority(dir.path, 'clients');
  upstream = await startRecordingUpstream((_, response) => void response.end('from upstream'));
});

afterEach(async () => {
  upstream.clear();
  await gateway.stop();
});

afterAll(async () => {
  await upstream.stop();
  await dir.remove();
});

async function start(env: Readonly<Record<string, string>> = {}): Promise<void> {
  const { certFile, keyFile } = server.issue('gateway');
  caFile = join(dir.path, 'client-ca.pem');
  auditFile = join(dir.path, `audit-${Date.now()}.log`);
  writeFileSync(caFile, clients.ca);
  gateway = await openGateway({
    upstream: upstream.url,
    subscriptions: { influx: [] },
    env: {
      KAPGATE_HTTP_HTTPS_ENABLED: 'true',
      KAPGATE_HTTP_HTTPS_CERTIFICATE: certFile,
      KAPGATE_HTTP_HTTPS_PRIVATE_KEY: keyFile,
      KAPGATE_HTTP_HTTPS_CLIENT_CA: caFile,
      KAPGATE_HTTP_SHARED_SECRET: SHARED_SECRET,
      KAPGATE_AUDIT_FILE: auditFile,
      KAPGATE_AUDIT_READS: 'true',
      ...env,
    },
  });
}

const REQUIRE = { KAPGATE_HTTP_HTTPS_CLIENT_AUTH: 'require' };

function tlsAs(certificate: Pick<Certificate, 'cert' | 'key'> | undefined): ConnectionOptions {
  return { ca: server.ca, ...(certificate === undefined ? {} : pick(certificate)) };
}

const pick = ({ cert, key }: Pick<Certificate, 'cert' | 'key'>): ConnectionOptions => ({
  cert,
  key,
});

function send(
  certificate: Pick<Certificate, 'cert' | 'key'> | undefined,
  headers: readonly string[] = [],
  target = TASKS,
  method = 'GET',
): Promise<RawResponse> {
  return exchange(gateway.port, requestText(method, target, headers), { tls: tlsAs(certificate) });
}

async function refused(response: Promise<RawResponse>, words: string): Promise<void> {
  const { status, body } = await response;
  expect({ status, body: body.toString(), upstream: upstream.requests.length }).toEqual({
    status: 401,
    body: expect.stringContaining(words),
    upstream: 0,
  });
}

describeWithOpenssl('a client certificate', () => {
  test('is a user’s credential, without a password', async () => {
    await start();
    expect((await send(clients.issue('ann'))).status).toBe(200);
    expect((await gateway.accessed(1))[0]).toMatchObject({ username: 'ann', auth: 'certificate' });
    await eventually('it is audited', () =>
      readFileSync(auditFile, 'utf8').includes('"auth":"certificate"'),
    );
    const forwarded = upstream.requests[0]?.headers ?? [];
    expect(forwarded).toContainEqual(['X-Forwarded-User', 'ann']);
  });

  test('gives its user’s rights and no more', async () => {
    await start();
    const reader = clients.issue('reader');
    expect((await send(reader, [], `${TASKS}/x`, 'DELETE')).status).toBe(403);
    expect((await send(reader, [], '/kapacitor/v1/users')).status).toBe(403);
    expect((await send(clients.issue('admin'), [], '/kapacitor/v1/users')).status).toBe(200);
  });

  test('changes no password of its own', async () => {
    await start();
    const body = '{"password":"stolen"}';
    const bytes = requestText('PATCH', '/kapacitor/v1/users/ann', [], body);
    const { status } = await exchange(gateway.port, bytes, { tls: tlsAs(clients.issue('ann')) });
    expect(status).toBe(403);
  });

  test('of nobody is refused', async () => {
    await start();
    await refused(send(clients.issue('stranger')), 'authorization failed');
    expect((await gateway.accessed(1))[0]).toMatchObject({ username: 'stranger', status: 401 });
  });

  test('beside credentials of the same user needs these to be right', async () => {
    await start();
    const ann = clients.issue('ann');
    expect((await send(ann, [as('ann')])).status).toBe(200);
    expect((await send(ann, [], `${TASKS}?u=ann&p=pw-ann`)).status).toBe(200);
    const token = await signToken(new Secret(SHARED_SECRET), 'ann', Date.now(), 60_000);
    expect((await send(ann, [`Authorization: Bearer ${token}`])).status).toBe(200);
    upstream.clear();
    const wrong = Buffer.from('ann:wrong').toString('base64');
    await refused(send(ann, [`Authorization: Basic ${wrong}`]), 'authorization failed');
    await refused(send(ann, [], `${TASKS}?u=ann&p=wrong`), 'authorization failed');
    await refused(send(ann, ['Authorization: Basic ???']), 'unable to parse');
    await refused(send(ann, ['Authorization: Other x']), 'unable to parse');
  });

  test('beside credentials of another user is refused', async () => {
    await start();
    const words = 'the client certificate and the credentials beside it name different users';
    const ann = clients.issue('ann');
    await refused(send(ann, [as('admin')]), words);
    await refused(send(ann, [], `${TASKS}?u=admin&p=pw-admin`), words);
    const token = await signToken(new Secret(SHARED_SECRET), 'admin', Date.now(), 60_000);
    await refused(send(ann, [`Authorization: Bearer ${token}`]), words);
    const { influx = '' } = gateway.secrets;
    await refused(send(ann, [], `/sub/${influx}/write?db=x`, 'POST'), words);
    const subscriber = Buffer.from(`~subscriber:${influx}`).toString('base64');
    await refused(send(ann, [`Authorization: Basic ${subscriber}`], '/write?db=x', 'POST'), words);
  });

  test('of another authority is refused, whatever else is right', async () => {
    await start();
    const foreign = createAuthority(dir.path, 'foreign').issue('admin');
    await refused(send(foreign), 'the client certificate is not accepted');
    await refused(send(foreign, [as('admin')]), 'the client certificate is not accepted');
    await refused(send(server.issue('admin')), 'the client certificate is not accepted');
  });

  test('that signs itself is refused, also under the name of the authority', async () => {
    await start();
    const own = createAuthority(join(dir.path), 'admin');
    const key = readFileSync(own.caFile.replace(/\.pem$/, '.key'), 'utf8');
    await refused(send({ cert: own.ca, key }), 'the client certificate is not accepted');
  });

  test('that is over is refused', async () => {
    await start();
    await refused(send(clients.issue('ann', { isExpired: true })), 'CERT_HAS_EXPIRED');
  });

  test('whose time ends while its connection lasts is refused from then on', async () => {
    let nowMs = Date.now();
    const { certFile, keyFile } = server.issue('gateway');
    caFile = clients.caFile;
    gateway = await openGateway({
      upstream: upstream.url,
      now: () => nowMs,
      env: {
        KAPGATE_HTTP_HTTPS_ENABLED: 'true',
        KAPGATE_HTTP_HTTPS_CERTIFICATE: certFile,
        KAPGATE_HTTP_HTTPS_PRIVATE_KEY: keyFile,
        KAPGATE_HTTP_HTTPS_CLIENT_CA: caFile,
        KAPGATE_LIMITS_IDLE_TIMEOUT: '0s',
      },
    });
    const connection = await openRawConnection(gateway.port, { tls: tlsAs(clients.issue('ann')) });
    connection.send(requestText('GET', TASKS));
    expect((await connection.receive()).status).toBe(200);
    nowMs += 3 * 86_400_000;
    connection.send(requestText('GET', TASKS));
    const late = await connection.receive();
    expect([late.status, late.body.toString()]).toEqual([
      401,
      expect.stringContaining('CERT_HAS_EXPIRED'),
    ]);
    connection.destroy();
  });

  test('for servers only is refused', async () => {
    await start();
    const certificate = clients.issue('ann', { extendedKeyUsage: 'serverAuth' });
    await refused(send(certificate), 'INVALID_PURPOSE');
    const right = clients.issue('ann', { extendedKeyUsage: 'clientAuth' });
    expect((await send(right)).status).toBe(200);
  });

  test('that is optional is not missed', async () => {
    await start();
    expect((await send(undefined, [as('ann')])).status).toBe(200);
    upstream.clear();
    await refused(send(undefined), 'unable to parse authentication credentials');
  });

  test('that is demanded ends TLS where it is missing or not accepted', async () => {
    await start(REQUIRE);
    expect((await send(clients.issue('ann'))).status).toBe(200);
    upstream.clear();
    await expect(send(undefined, [as('admin')])).rejects.toThrow();
    await expect(send(server.issue('admin'), [as('admin')])).rejects.toThrow();
    await expect(send(clients.issue('admin', { isExpired: true }))).rejects.toThrow();
    expect(upstream.requests).toEqual([]);
    const reasons = (): readonly unknown[] =>
      gateway.lines
        .filter(({ message }) => message.startsWith('no TLS'))
        .map((line) => line.fields);
    await eventually('three lines', () => reasons().length === 3);
    expect(reasons()).toEqual([
      { host: '127.0.0.1', reason: 'peer did not return a certificate' },
      { host: '127.0.0.1', reason: expect.stringContaining('not accepted') },
      { host: '127.0.0.1', reason: expect.stringContaining('CERT_HAS_EXPIRED') },
    ]);
  });

  test('is looked at again once other authorities count', async () => {
    await start();
    const ann = clients.issue('ann');
    const [kept, plain] = await Promise.all([
      openRawConnection(gateway.port, { tls: tlsAs(ann) }),
      openRawConnection(gateway.port, { tls: tlsAs(undefined) }),
    ]);
    kept.send(requestText('GET', TASKS));
    expect((await kept.receive()).status).toBe(200);
    await sleep(3_000);
    writeFileSync(caFile, createAuthority(dir.path, 'next').ca);
    await eventually(
      'it is taken up',
      () => gateway.lines.some(({ message }) => message.includes('changed certificate')),
      180_000,
    );
    for (const [connection, headers] of [
      [kept, []],
      [plain, [as('ann')]],
    ] as const) {
      connection.send(requestText('POST', '/write?db=x', headers));
      const response = await connection.receive();
      expect([response.status, response.header('Connection')]).toEqual([503, 'close']);
      expect(response.header('Retry-After')).toBe('1');
      await connection.ended();
      connection.destroy();
    }
    upstream.clear();
    await refused(send(ann), 'the client certificate is not accepted');
    expect((await send(undefined, [as('ann')])).status).toBe(200);
  }, 180_000);

  test('that was accepted is no way in by a ticket once its authority is gone', async () => {
    await start();
    const ann = clients.issue('ann');
    const first = await openRawConnection(gateway.port, {
      tls: { ...tlsAs(ann), maxVersion: 'TLSv1.2' },
    });
    const session = first.socket instanceof TLSSocket ? first.socket.getSession() : undefined;
    first.destroy();
    const again = (): Promise<RawResponse> =>
      exchange(gateway.port, requestText('GET', TASKS), {
        tls: { ca: server.ca, session, maxVersion: 'TLSv1.2' },
      });
    expect((await again()).status).toBe(200);
    await sleep(3_000);
    writeFileSync(caFile, createAuthority(dir.path, 'other').ca);
    await eventually(
      'it is taken up',
      () => gateway.lines.some(({ message }) => message.includes('changed certificate')),
      180_000,
    );
    upstream.clear();
    await refused(again(), 'unable to parse authentication credentials');
  }, 180_000);
});

describeWithOpenssl('the name in a client certificate', () => {
  test.each<[string, string | undefined, string]>([
    ['/O=it/CN=ann', undefined, 'DNS:admin'],
    ['/O=it', 'without CN: the first DNS name', 'DNS:ann,DNS:admin'],
    ['/O=it', 'without CN: a mail address', 'email:ann'],
    ['/O=it', 'addresses and URIs are none', 'IP:127.0.0.1,URI:http://admin,DNS:ann'],
  ])('%s (%s) is ann’s', async (subject, _, subjectAltName) => {
    await start();
    expect((await send(clients.issue('named', { subject, subjectAltName }))).status).toBe(200);
    expect((await gateway.accessed(1))[0]).toMatchObject({ username: 'ann' });
  });

  test.each<[string, string, string, string]>([
    ['two CNs', '/CN=ann/CN=admin', '', 'more than one CN'],
    ['two CNs that agree', '/CN=ann/CN=ann', '', 'more than one CN'],
    ['a line feed', '/CN=ann\nCN=admin', '', 'do not print'],
    ['an invisible character', '/CN=ann\u200b', '', 'do not print'],
    ['nobody', '/O=it', 'IP:127.0.0.1', 'it names nobody'],
    ['another case', '/CN=Ann', '', 'authorization failed'],
    ['a blank', '/CN=ann ', '', 'authorization failed'],
    ['quotes', '/CN="ann"', '', 'authorization failed'],
    ['a slash', '/CN=x\\/CN=ann', '', 'authorization failed'],
    ['the subscriber', '/CN=~subscriber', '', 'authorization failed'],
  ])('%s is refused', async (_, subject, subjectAltName, words) => {
    await start();
    await refused(send(clients.issue('odd', { subject, subjectAltName })), words);
  });
});
