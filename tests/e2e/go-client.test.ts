import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { execFileSync, spawn } from 'node:child_process';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { addUser, startGateway, writeConfig } from '../support/gateway-process.ts';
import type { GatewayProcess } from '../support/gateway-process.ts';
import { findGo } from '../support/go.ts';
import { answering, startRecordingUpstream } from '../support/recording-upstream.ts';
import type { RecordingUpstream } from '../support/recording-upstream.ts';
import { createTempDir } from '../support/temp-dir.ts';
import type { TempDir } from '../support/temp-dir.ts';

const describeWithGo = findGo('how its own client sees the gateway') ? describe : describe.skip;

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

describeWithGo('Go’s own client', () => {
  let upstream: RecordingUpstream;
  let binaries: TempDir;
  let dir: TempDir;
  let gateway: GatewayProcess;

  beforeAll(async () => {
    binaries = await createTempDir();
    execFileSync('go', ['build', '-o', join(binaries.path, 'posts'), PROGRAM], {
      env: { ...process.env, GOTOOLCHAIN: 'local', GO111MODULE: 'off', CGO_ENABLED: '0' },
    });
    upstream = await startRecordingUpstream(answering(204));
    dir = await createTempDir();
    const config = await writeConfig({ dir: dir.path, upstream: upstream.url, port: 2 });
    const password = 'password';
    await addUser(config, { name: 'reader', password, permissions: ['api'] });
    await addUser(config, { name: 'writer', password, permissions: ['write_points'] });
  }, 120_000);

  afterAll(async () => {
    await upstream.stop();
    await dir.remove();
    await binaries.remove();
  });

  beforeEach(async () => {
    upstream.clear();
    gateway = await startGateway({
      dir: dir.path,
      upstream: upstream.url,
      settings: {
        http: { 'shutdown-timeout': '"4s"' },
        // Connections that wait are not heads that do not come to an end.
        limits: { 'header-timeout': '"1s"' },
      },
    });
  });

  afterEach(async () => {
    await gateway.stop();
  });

  function urlFor(user: string): string {
    return `http://${user}@127.0.0.1:${gateway.port}/write?db=telegraf`;
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
    60_000,
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
});
