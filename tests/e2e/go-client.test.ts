import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { execFileSync, spawn } from 'node:child_process';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { findPython, startActivated } from '../support/activated.ts';
import { createAuthority, findOpenssl } from '../support/certificates.ts';
import { eventually } from '../support/eventually.ts';
import { findFreePort } from '../support/free-port.ts';
import { addUser, startGateway, writeConfig } from '../support/gateway-process.ts';
import type { GatewayProcess } from '../support/gateway-process.ts';
import { findGo } from '../support/go.ts';
import { openRawConnection } from '../support/raw-client.ts';
import { answering, startRecordingUpstream } from '../support/recording-upstream.ts';
import type { RecordingUpstream } from '../support/recording-upstream.ts';
import { createTempDir } from '../support/temp-dir.ts';
import type { TempDir } from '../support/temp-dir.ts';

const hasGo = findGo('how its own client sees the gateway');
const schemes = hasGo && findOpenssl('Go’s own client over TLS') ? ['http', 'https'] : ['http'];
const testWithPython = hasGo && findPython('Go’s own client over restarts') ? test : test.skip;

const PROGRAM = fileURLToPath(new URL('../go/posts.go', import.meta.url));

/** As tests/go/posts.go writes it. */
interface Ending {
  readonly id: string;
  readonly status: number;
  readonly body: string;
  readonly close: boolean;
  readonly error: string;
  readonly dial: boolean;
}

interface Poster {
  readonly endings: Ending[];
  readonly child: ChildProcessWithoutNullStreams;
  readonly ended: Promise<number | null>;
}

(hasGo ? describe : describe.skip).each(schemes)('Go’s own client over %s', (scheme) => {
  let upstream: RecordingUpstream;
  let binaries: TempDir;
  let dir: TempDir;
  let gateway: GatewayProcess;
  /** Of `[http]`: TLS, where it is spoken. */
  let secured: Readonly<Record<string, string>> = {};

  beforeAll(async () => {
    binaries = await createTempDir();
    execFileSync('go', ['build', '-o', join(binaries.path, 'posts'), PROGRAM], {
      env: { ...process.env, GOTOOLCHAIN: 'local', GO111MODULE: 'off', CGO_ENABLED: '0' },
    });
    upstream = await startRecordingUpstream(answering(204));
    dir = await createTempDir();
    if (scheme === 'https') {
      const { certFile, keyFile } = createAuthority(dir.path).issue('gateway');
      secured = {
        'https-enabled': 'true',
        'https-certificate': JSON.stringify(certFile),
        'https-private-key': JSON.stringify(keyFile),
      };
    }
    const config = await writeConfig({ dir: dir.path, upstream: upstream.url, port: 2 });
    const password = 'password';
    await addUser(config, { name: 'reader', password, permissions: ['api'] });
    await addUser(config, { name: 'writer', password, permissions: ['write_points'] });
  }, 180_000);

  afterAll(async () => {
    await upstream.stop();
    await dir.remove();
    await binaries.remove();
  });

  async function start(limits: Readonly<Record<string, string>> = {}): Promise<void> {
    gateway = await startGateway({
      dir: dir.path,
      upstream: upstream.url,
      settings: {
        http: { ...secured, 'shutdown-timeout': '"4s"' },
        // Connections that wait are not heads that do not come to an end.
        limits: { 'header-timeout': '"1s"', 'login-failures': '"0 per 1m"', ...limits },
      },
    });
  }

  beforeEach(async () => {
    upstream.clear();
    await start();
  });

  afterEach(async () => {
    await gateway.stop();
  });

  async function restart(limits: Readonly<Record<string, string>>): Promise<void> {
    await gateway.stop();
    await start(limits);
  }

  function urlFor(user: string, port = gateway.port): string {
    return `${scheme}://${user}@127.0.0.1:${port}/write?db=telegraf`;
  }

  function run(...args: readonly string[]): Poster {
    const child = spawn(join(binaries.path, 'posts'), args, { stdio: 'pipe' });
    child.stderr.pipe(process.stderr);
    const endings: Ending[] = [];
    createInterface({ input: child.stdout }).on('line', (line) => {
      endings.push(JSON.parse(line) as Ending);
    });
    const ended = new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', resolve);
    });
    return { endings, child, ended };
  }

  /** How often each POST reached Kapacitor, by its id. */
  function arrivals(): ReadonlyMap<string, number> {
    const counts = new Map<string, number>();
    for (const { target } of upstream.requests) {
      const id = new URL(target, upstream.url).searchParams.get('precision') ?? '';
      counts.set(id, (counts.get(id) ?? 0) + 1);
    }
    return counts;
  }

  test.each([
    ['wrong:password', 401, 'authorization failed'],
    ['reader:password', 403, 'does not have \\"write\\" privilege'],
  ])(
    'a refusal of %s is read twenty times of twenty, 30 MB on their way',
    async (user, status, words) => {
      const { endings, ended } = run('early', urlFor(user), '20', String(30 * 1024 * 1024));
      expect(await ended).toBe(0);
      expect(endings).toHaveLength(20);
      const others = endings.filter(
        (ending) => ending.status !== status || !ending.body.includes(words),
      );
      expect(others).toEqual([]);
      expect(upstream.requests).toEqual([]);
    },
    180_000,
  );

  test('posts on kept connections are answered, each once, over pauses and through a stop', async () => {
    const { endings, child, ended } = run('kept', urlFor('writer:password'), '16');
    await sleep(4_000);
    const beforeStop = endings.length;
    expect(beforeStop).toBeGreaterThan(100);
    expect(endings.filter(({ status }) => status !== 204)).toEqual([]);
    expect(endings.filter(({ close }) => close)).toEqual([]);

    const stopped = gateway.stop();
    expect(await stopped).toBe(0);
    await sleep(300);
    child.stdin.end();
    expect(await ended).toBe(0);

    const failed = endings.filter(({ error }) => error !== '');
    // Nothing was sent of what failed: nobody was there to be sent to any more.
    expect(failed.filter(({ dial }) => !dial)).toEqual([]);
    expect(failed.length).toBeGreaterThan(0);
    const answered = endings.filter(({ error }) => error === '');
    expect(answered.filter(({ status }) => status !== 204)).toEqual([]);
    expect(answered.some(({ close }) => close)).toBe(true);
    const counts = arrivals();
    expect(answered.filter(({ id }) => counts.get(id) !== 1)).toEqual([]);
    expect(counts.size).toBe(answered.length);
  });

  test('a connection that was dialed ahead and never used is good for a post, even while it stops', async () => {
    const waiting = run('unused', urlFor('writer:password'), '8');
    const late = run('unused', urlFor('writer:password'), '8');
    await sleep(2_500);
    expect([waiting.endings[0]?.id, late.endings[0]?.id]).toEqual(['dialed', 'dialed']);
    waiting.child.stdin.end('\n');
    expect(await waiting.ended).toBe(0);
    expect(waiting.endings.slice(1).map(({ status }) => status)).toEqual(Array(8).fill(204));

    const stopped = gateway.stop();
    await sleep(500);
    late.child.stdin.end('\n');
    expect(await late.ended).toBe(0);
    const endings = late.endings.slice(1);
    expect(endings.map(({ status, close }) => ({ status, close }))).toEqual(
      Array(8).fill({ status: 204, close: true }),
    );
    expect(await stopped).toBe(0);
    expect(upstream.requests).toHaveLength(16);
  });

  test('bodies of any length on one connection arrive whole, chunked or not', async () => {
    const KIB = 1024;
    const edges = [16 * KIB, 64 * KIB, 1024 * KIB].flatMap((edge) => [edge - 1, edge, edge + 1]);
    const lengths = [0, 1, ...edges, 17 * KIB * KIB];
    const { endings, ended } = run('sizes', urlFor('writer:password'), lengths.join(','));
    expect(await ended).toBe(0);
    expect(endings.map(({ status, error }) => ({ status, error }))).toEqual(
      Array(lengths.length * 2).fill({ status: 204, error: '' }),
    );
    expect(upstream.requests.map(({ body }) => body.length)).toEqual(
      lengths.flatMap((length) => [length, length]),
    );
  }, 180_000);

  /** Every one of them was answered with 204, and arrived once. */
  function expectAllArrived(endings: readonly Ending[], count: number): void {
    const lost = endings.filter(({ status, error }) => status !== 204 || error !== '');
    expect(lost).toEqual([]);
    expect(endings.length).toBeGreaterThanOrEqual(count);
    const counts = arrivals();
    expect(endings.filter(({ id }) => counts.get(id) !== 1)).toEqual([]);
  }

  test('posts with pauses shorter and longer than idle-timeout lose none', async () => {
    await restart({ 'idle-timeout': '"2s"' });
    const target = urlFor('writer:password');
    const posters = ['500', '1200', '4500'].map((pause) => run('paced', target, '6', pause));
    for (const { endings, ended } of posters) {
      expect(await ended).toBe(0);
      expectAllArrived(endings, 30);
    }
  }, 180_000);

  test('posts on kept connections lose none in a crowd of strangers beyond max-connections', async () => {
    await restart({ 'max-connections': '24' });
    const { endings, child, ended } = run('kept', urlFor('writer:password'), '16');
    await eventually('they write', () => endings.length > 100);
    const tls = scheme === 'https' ? { tls: { rejectUnauthorized: false } } : {};
    // Some are closed again before they are there.
    const strangers = await Promise.allSettled(
      Array.from({ length: 200 }, () => openRawConnection(gateway.port, tls)),
    );
    await eventually('strangers give way', () => /max-connections|too many/i.test(gateway.log));
    const before = endings.length;
    await eventually('they go on', () => endings.length > before + 200);
    child.stdin.end();
    expect(await ended).toBe(0);
    for (const each of strangers) if (each.status === 'fulfilled') each.value.destroy();
    expectAllArrived(endings, before + 200);
  }, 180_000);

  testWithPython(
    'posts on kept connections lose none over three restarts on a socket of systemd’s',
    async () => {
      const file = await writeConfig({
        dir: dir.path,
        upstream: upstream.url,
        port: await findFreePort(),
        settings: { http: { ...secured, 'shutdown-timeout': '"4s"' } },
      });
      const activated = await startActivated(['tcp'], file, dir.path);
      const target = urlFor('writer:password', activated.port);
      const { endings, child, ended } = run('kept', target, '16');
      for (let round = 0; round < 3; round++) {
        const before = endings.length;
        await eventually('they write', () => endings.length > before + 100, 60_000);
        expect(await activated.restart()).toBe('restarted 0');
      }
      const before = endings.length;
      await eventually('they go on', () => endings.length > before + 100, 60_000);
      child.stdin.end();
      expect(await ended).toBe(0);
      expectAllArrived(endings, 400);
      expect(endings.some(({ close }) => close)).toBe(true);
      expect(await activated.stop()).toBe(0);
    },
    240_000,
  );
});
