import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createAuthority, findOpenssl } from '../support/certificates.ts';
import { addUser, startGateway } from '../support/gateway-process.ts';
import type { GatewayProcess } from '../support/gateway-process.ts';
import { exchange, openRawConnection, requestText } from '../support/raw-client.ts';
import type { RawConnection, RawOptions } from '../support/raw-client.ts';
import { startRecordingUpstream } from '../support/recording-upstream.ts';
import type { RecordingUpstream } from '../support/recording-upstream.ts';
import { as } from '../support/open-gateway.ts';
import {
  BROKEN_CHUNKS,
  SECOND,
  bodyForms,
  chunkedHead,
  refusedForms,
} from '../support/smuggling.ts';
import { createTempDir } from '../support/temp-dir.ts';
import type { TempDir } from '../support/temp-dir.ts';

const hasOpenssl = findOpenssl('smuggling over TLS');

interface Door {
  readonly name: string;
  readonly isTls: boolean;
  readonly isUnix: boolean;
  readonly workers: 1 | 2;
}

/** A plain TCP port of one process is where tests/listener/attacks.test.ts plays the same. */
const DOORS: readonly Door[] = [
  { name: 'over TLS', isTls: true, isUnix: false, workers: 1 },
  { name: 'over a Unix socket', isTls: false, isUnix: true, workers: 1 },
  { name: 'before two workers', isTls: false, isUnix: false, workers: 2 },
  { name: 'over TLS before two workers', isTls: true, isUnix: false, workers: 2 },
  { name: 'over a Unix socket before two workers', isTls: false, isUnix: true, workers: 2 },
];

describe.each(DOORS.filter(({ isTls }) => hasOpenssl || !isTls))(
  'smuggling $name',
  ({ isTls, isUnix, workers }) => {
    let dir: TempDir;
    let upstream: RecordingUpstream;
    let gateway: GatewayProcess;
    let options: RawOptions;
    /** All that ever reached the upstream, however late. */
    const seen: string[] = [];

    beforeAll(async () => {
      dir = await createTempDir();
      upstream = await startRecordingUpstream(({ target }, response) => {
        seen.push(target);
        response.writeHead(200, { 'Content-Type': 'text/plain' }).end('from upstream');
      });
      const path = join(dir.path, 'own.sock');
      const http: Record<string, string> = {
        workers: String(workers),
        'shutdown-timeout': '"300ms"',
      };
      if (isUnix) http['unix-socket'] = JSON.stringify(path);
      options = isUnix ? { path } : {};
      if (isTls) {
        const authority = createAuthority(dir.path);
        const { certFile, keyFile } = authority.issue('gateway');
        http['https-enabled'] = 'true';
        http['https-certificate'] = JSON.stringify(certFile);
        http['https-private-key'] = JSON.stringify(keyFile);
        options = { tls: { ca: authority.ca } };
      }
      gateway = await startGateway({ dir: dir.path, upstream: upstream.url, settings: { http } });
      const { configFile } = gateway;
      await addUser(configFile, { name: 'admin', password: 'pw-admin', admin: true });
      await addUser(configFile, { name: 'ann', password: 'pw-ann', permissions: ['api'] });
    });

    afterEach(() => upstream.clear());

    afterAll(async () => {
      await gateway.stop();
      await upstream.stop();
      await dir.remove();
    });

    const open = (): Promise<RawConnection> => openRawConnection(gateway.port, options);

    test('a request that is none of these goes through', async () => {
      const bytes = requestText('GET', '/kapacitor/v1/tasks', [as('ann')]);
      expect((await exchange(gateway.port, bytes, options)).status).toBe(200);
      expect(upstream.requests.map(({ target }) => target)).toEqual(['/kapacitor/v1/tasks']);
    });

    test.each(refusedForms())('$name is refused', async ({ bytes, status }) => {
      const response = await exchange(gateway.port, bytes, options);
      expect({ status: response.status, upstream: upstream.requests.length }).toEqual({
        status,
        upstream: 0,
      });
    });

    test.each(bodyForms())('$name is one request', async ({ bytes, status, upstream: count }) => {
      const connection = await open();
      connection.send(bytes);
      const response = await connection.receive(bytes.split(' ', 1)[0]);
      await sleep(60);
      connection.destroy();
      const { requests } = upstream;
      expect({ status: response.status, upstream: requests.length }).toEqual({
        status,
        upstream: count,
      });
      for (const { body } of requests) expect(body.toString()).toBe(SECOND);
    });

    test.each(BROKEN_CHUNKS)('%s ends the connection', async (_, body) => {
      const connection = await open();
      connection.send(chunkedHead());
      await sleep(20);
      connection.send(`${body}${SECOND}`);
      await connection.ended();
      connection.destroy();
      await sleep(50);
      expect(upstream.requests.filter(({ state }) => state === 'complete')).toEqual([]);
    });

    test('what stood behind them never arrived, however late', async () => {
      // One that has stopped sends nothing any more.
      await gateway.stop();
      expect(seen.length).toBeGreaterThan(0);
      expect(seen.filter((target) => target.includes('smuggled'))).toEqual([]);
    });
  },
);
