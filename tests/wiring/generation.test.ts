import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createHook } from 'node:async_hooks';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually } from '../support/eventually.ts';
import { as, openGateway } from '../support/open-gateway.ts';
import type { OpenGateway } from '../support/open-gateway.ts';
import { exchange, requestText } from '../support/raw-client.ts';
import { answering, startRecordingUpstream } from '../support/recording-upstream.ts';
import type { RecordingUpstream } from '../support/recording-upstream.ts';
import { createTempDir } from '../support/temp-dir.ts';
import type { TempDir } from '../support/temp-dir.ts';

const ROUNDS = 200;

let dir: TempDir;
let upstream: RecordingUpstream;
let gateway: OpenGateway;

/** Timers that are set, those too that keep no process alive. */
const timers = new Set<number>();
const hook = createHook({
  init: (id, type) => {
    if (type === 'Timeout') timers.add(id);
  },
  destroy: (id) => {
    timers.delete(id);
  },
});

beforeEach(async () => {
  dir = await createTempDir();
  upstream = await startRecordingUpstream(answering(204));
  hook.enable();
  gateway = await openGateway({
    upstream: upstream.url,
    env: {
      KAPGATE_AUDIT_FILE: join(dir.path, 'audit.log'),
      KAPGATE_LIMITS_IDLE_TIMEOUT: '1h',
    },
  });
});

afterEach(async () => {
  hook.disable();
  await gateway.stop();
  await upstream.stop();
  await dir.remove();
});

async function expectServed(): Promise<void> {
  const response = await exchange(
    gateway.port,
    requestText('GET', '/kapacitor/v1/ping', [as('ann'), 'Connection: close']),
  );
  expect(response.status).toBe(204);
}

function file(name: string, text: string): string {
  const path = join(dir.path, name);
  writeFileSync(path, text);
  return path;
}

const openFiles = (): number => readdirSync('/proc/self/fd').length;

describe('createGeneration', () => {
  const META = {
    KAPGATE_AUTH_META_ADDR: '127.0.0.1:1',
    KAPGATE_AUTH_META_USE_TLS: 'true',
    KAPGATE_AUTH_META_INTERNAL_SHARED_SECRET: 'a-secret-of-enough-bytes',
  };

  test.each<readonly [string, () => Readonly<Record<string, string>>, RegExp]>([
    [
      'the CA of Kapacitor is not there',
      () => ({ KAPGATE_UPSTREAM_CA: join(dir.path, 'none.pem') }),
      /cannot read \[upstream\] ca ".*none\.pem"/,
    ],
    [
      'the CA of Kapacitor is none',
      () => ({ KAPGATE_UPSTREAM_CA: file('ca.pem', 'not a certificate') }),
      /\[upstream\] ca ".*" holds no certificate/,
    ],
    [
      'the CA of Kapacitor is empty',
      () => ({ KAPGATE_UPSTREAM_CA: file('ca.pem', '') }),
      /\[upstream\] ca ".*" holds no certificate/,
    ],
    [
      'the CA of the meta nodes is not there',
      () => ({ ...META, KAPGATE_AUTH_META_CA: join(dir.path, 'none.pem') }),
      /cannot read \[auth\] meta-ca/,
    ],
    [
      'the certificate for the meta nodes is none',
      () => ({
        ...META,
        KAPGATE_AUTH_META_CERT: file('own.pem', 'no certificate'),
        KAPGATE_AUTH_META_KEY: file('own.key', 'no key'),
      }),
      /\[auth\] meta-cert ".*" holds no certificate/,
    ],
  ])('%s: it rejects, and leaves neither a timer nor an open file', async (_, env, words) => {
    await expectServed();
    await expect(gateway.reload(env())).rejects.toThrow(words);
    const [timersBefore, filesBefore] = [timers.size, openFiles()];
    for (let round = 0; round < ROUNDS; round++) {
      await expect(gateway.reload(env())).rejects.toThrow(words);
    }
    await eventually('nothing is left', () => timers.size <= timersBefore);
    expect(openFiles()).toBeLessThanOrEqual(filesBefore);
    await expectServed();
  });

  test('what a reload replaced leaves no timer and no connection behind', async () => {
    await expectServed();
    await gateway.reload({});
    await expectServed();
    const [timersBefore, connectionsBefore] = [timers.size, upstream.openConnections];
    for (let round = 0; round < ROUNDS; round++) {
      await gateway.reload({});
      if (round % 10 === 0) await expectServed();
    }
    await expectServed();
    await eventually('it has ended', () => timers.size <= timersBefore);
    await eventually('they are closed', () => upstream.openConnections <= connectionsBefore);
  });
});
