import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { runCommandLine } from '../../src/commands/cli/command-line.ts';
import { openUserStore } from '../../src/users/store.ts';
import { eventually } from '../support/eventually.ts';
import { writeConfig } from '../support/gateway-process.ts';
import { createTempDir } from '../support/temp-dir.ts';
import type { TempDir } from '../support/temp-dir.ts';
import { someHash } from '../users/hash.ts';
import { unreadStreams } from '../support/streams.ts';

const USERS = 3_000;
/** What a pipe takes, and the line with which a chunk is full. */
const MAX_CHUNK = 65 * 1024;

let dir: TempDir;
let configFile: string;

beforeEach(async () => {
  dir = await createTempDir();
  configFile = await writeConfig({ dir: dir.path, upstream: 'http://127.0.0.1:1', port: 2 });
  const store = openUserStore({ path: join(dir.path, 'store'), minimumCost: 4 });
  const time = new Date(0).toISOString();
  await store.replaceAll({
    users: Array.from({ length: USERS }, (_, index) => ({
      before: undefined,
      after: {
        ...{ name: `user-${index}`, admin: false, hash: someHash(), permissions: ['api:read'] },
        ...{ created: time, changed: time },
      },
    })),
    subscriptions: [],
  });
  await store.close();
});

afterEach(() => dir.remove());

describe('users list', () => {
  test.each([[[]], [['--json']]])(
    'with %j: writes no more before its reader has taken what there is',
    async (options) => {
      const chunks: string[] = [];
      const waiting: (() => void)[] = [];
      const ended = runCommandLine(
        ['--config', configFile, 'users', 'list', ...options],
        {
          stdin: Readable.from([]),
          env: {},
          process: {},
          ...unreadStreams(),
          isInteractive: false,
          out: (text) => void chunks.push(text),
          err: () => undefined,
          drained: () => new Promise((resolve) => void waiting.push(resolve)),
          onStop: () => undefined,
          onReload: () => undefined,
          onReopen: () => undefined,
          program: '/nonexistent/kapgate',
          paint: (_, text) => text,
        },
        '0.0.0',
      );
      const state = { isOver: false };
      void ended.then(() => {
        state.isOver = true;
      });
      for (let taken = 1; ; taken++) {
        await eventually('it writes, or ends', () => state.isOver || waiting.length > 0);
        const goOn = waiting.shift();
        if (goOn === undefined) break;
        expect(chunks).toHaveLength(taken);
        goOn();
      }
      expect(await ended).toBe(0);
      expect(chunks.length).toBeGreaterThan(1);
      expect(Math.max(...chunks.map(({ length }) => length))).toBeLessThanOrEqual(MAX_CHUNK);
      const lines = chunks.join('').trimEnd().split('\n');
      expect(lines.filter((line) => line.includes('user-'))).toHaveLength(USERS);
    },
  );
});
