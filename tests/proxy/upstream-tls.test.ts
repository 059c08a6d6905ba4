import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { createServer } from 'node:https';
import type { Server } from 'node:https';
import type { TLSSocket } from 'node:tls';
import { expectNoAccidents } from '../support/accidents.ts';
import { createAuthority, findOpenssl } from '../support/certificates.ts';
import type { CertificateAuthority } from '../support/certificates.ts';
import { as, openGateway } from '../support/open-gateway.ts';
import type { OpenGateway } from '../support/open-gateway.ts';
import { exchange, requestText } from '../support/raw-client.ts';
import { createTempDir } from '../support/temp-dir.ts';
import type { TempDir } from '../support/temp-dir.ts';

const BODY = Buffer.alloc(3_000_000, 'abcdefg');

let dir: TempDir;
let authority: CertificateAuthority;
let server: Server | undefined;
let gateway: OpenGateway | undefined;
let names: (string | false)[] = [];

expectNoAccidents();

const describeTls = findOpenssl('an upstream behind TLS') ? describe : describe.skip;

beforeAll(async () => {
  dir = await createTempDir();
});

afterEach(async () => {
  await gateway?.stop();
  server?.closeAllConnections();
  server?.close();
});

afterAll(() => dir.remove());

async function serve(subjectAltName: string): Promise<number> {
  authority = createAuthority(dir.path, `ca-${subjectAltName.replace(/\W/g, '-')}`);
  const { cert, key } = authority.issue('upstream', { subjectAltName });
  names = [];
  server = createServer({ cert, key }, (request, response) => {
    const pieces: Buffer[] = [];
    request.on('data', (piece: Buffer) => pieces.push(piece));
    request.on('end', () => {
      const length = Buffer.concat(pieces).length;
      response.writeHead(200, { 'X-Length': length }).end(length === 0 ? BODY : 'taken');
    });
  });
  server.on('secureConnection', (socket: TLSSocket & { servername: string | false }) =>
    names.push(socket.servername),
  );
  const listening = server;
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

async function ask(url: string, env: Record<string, string>, body = ''): Promise<number | Buffer> {
  gateway = await openGateway({ upstream: url, env });
  const method = body === '' ? 'GET' : 'POST';
  const text = requestText(method, '/kapacitor/v1/tasks', [as('ann')], body);
  const response = await exchange(gateway.port, text, { timeoutMs: 30_000 });
  return response.status === 200 ? response.body : response.status;
}

describeTls('an upstream behind TLS', () => {
  test('is trusted under its authority, by address, and no address is sent as a name', async () => {
    const port = await serve('IP:127.0.0.1');
    const body = await ask(`https://127.0.0.1:${port}`, { KAPGATE_UPSTREAM_CA: authority.caFile });
    expect(Buffer.isBuffer(body) && body.equals(BODY)).toBe(true);
    expect(names).toEqual([false]);
  });

  test('is trusted by name, which it is told', async () => {
    const port = await serve('DNS:localhost');
    const env = { KAPGATE_UPSTREAM_CA: authority.caFile };
    expect(String(await ask(`https://localhost:${port}`, env, 'x'.repeat(500_000)))).toBe('taken');
    expect(names).toEqual(['localhost']);
  });

  test('is not trusted under another name, or by nobody’s word', async () => {
    const port = await serve('DNS:elsewhere.test');
    const env = { KAPGATE_UPSTREAM_CA: authority.caFile };
    expect(await ask(`https://127.0.0.1:${port}`, env)).toBe(502);
    await gateway?.stop();
    expect(await ask(`https://127.0.0.1:${port}`, {})).toBe(502);
  });

  test('is taken as it is with insecure-skip-verify', async () => {
    const port = await serve('DNS:elsewhere.test');
    const env = { KAPGATE_UPSTREAM_INSECURE_SKIP_VERIFY: 'true' };
    const body = await ask(`https://127.0.0.1:${port}`, env);
    expect(Buffer.isBuffer(body) && body.equals(BODY)).toBe(true);
  });
});
