import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { execFile, spawnSync } from 'node:child_process';
import { chmod, mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { runHere } from '../commands/terminal.ts';
import { read } from '../docs/tree.ts';
import { eventually } from '../support/eventually.ts';
import { addUser, startGateway } from '../support/gateway-process.ts';
import type { GatewayProcess } from '../support/gateway-process.ts';
import { exchange, requestText } from '../support/raw-client.ts';
import { answering, startRecordingUpstream } from '../support/recording-upstream.ts';
import type { RecordingUpstream } from '../support/recording-upstream.ts';
import { createTempDir } from '../support/temp-dir.ts';
import type { TempDir } from '../support/temp-dir.ts';

const TIMEOUT_MS = 300_000;
const LOGROTATE = ['logrotate', '/usr/sbin/logrotate'].find(
  (program) => spawnSync(program, ['--version']).error === undefined,
);
if (LOGROTATE === undefined)
  process.stderr.write('skipped: no logrotate (systemd/kapgate.logrotate)\n');

type Line = Readonly<Record<string, unknown>>;

const ADMIN = `Authorization: Basic ${Buffer.from('eva:pw-eva').toString('base64')}`;

(LOGROTATE === undefined ? describe.skip : describe)('systemd/kapgate.logrotate', () => {
  let dir: TempDir;
  let upstream: RecordingUpstream;
  let gateway: GatewayProcess;
  let logs: string;
  let rotate: () => Promise<void>;

  beforeAll(async () => {
    dir = await createTempDir();
    logs = join(dir.path, 'log');
    await mkdir(logs, { mode: 0o750 });
    upstream = await startRecordingUpstream(answering(204));
    gateway = await startGateway({
      dir: dir.path,
      upstream: upstream.url,
      settings: {
        log: { file: JSON.stringify(join(logs, 'kapgate.log')) },
        audit: { file: JSON.stringify(join(logs, 'audit.log')) },
      },
    });
    await addUser(gateway.configFile, { name: 'eva', password: 'pw-eva', admin: true });
    rotate = await preparedRotation(dir.path, logs, gateway.pid);
  }, TIMEOUT_MS);

  afterAll(async () => {
    await gateway.stop();
    await upstream.stop();
    await dir.remove();
  });

  /** Every line of a log, those that were rotated away first. */
  async function linesOf(name: string): Promise<readonly string[]> {
    const files = (await readdir(logs)).filter((file) => file.startsWith(name));
    const age = (file: string): number => Number(/\.(\d+)/.exec(file)?.[1] ?? 0);
    const texts = await Promise.all(
      files
        .toSorted((a, b) => age(b) - age(a))
        .map(async (file) => {
          const bytes = await readFile(join(logs, file));
          return (file.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8');
        }),
    );
    return texts.join('').split('\n').slice(0, -1);
  }

  test(
    'moves the logs of a gateway at work away, and no line is lost or torn',
    async () => {
      const names: string[] = [];
      const end = new AbortController();
      const writer = (async () => {
        for (let sent = 0; !end.signal.aborted; sent++) {
          const name = `task-${sent}`;
          const target = `/kapacitor/v1/tasks/${name}`;
          const answer = await exchange(gateway.port, requestText('DELETE', target, [ADMIN]));
          expect(answer.status).toBe(204);
          names.push(name);
        }
      })();
      for (let turn = 1; turn <= 4; turn++) {
        const before = names.length;
        await eventually('requests go on', () => names.length > before + 20, 60_000);
        // A command of the host writes there too.
        const adding = addUser(gateway.configFile, { name: `user-${turn}`, password: 'pw' });
        await Promise.all([rotate(), adding]);
      }
      const before = names.length;
      await eventually('requests go on', () => names.length > before + 20, 60_000);
      end.abort();
      await writer;
      const logged = async (name: string): Promise<readonly string[]> =>
        [...(await linesOf(name)).join('\n').matchAll(/tasks\/(task-\d+)/g)].map(
          ([, task = '']) => task,
        );
      for (const name of ['audit.log', 'kapgate.log']) {
        await eventually(
          `all is written into ${name}`,
          async () => (await logged(name)).length === names.length,
        );
      }
      expect(await logged('audit.log')).toEqual(names);
      expect(await logged('kapgate.log')).toEqual(names);
      for (const line of await linesOf('audit.log'))
        expect(() => void JSON.parse(line)).not.toThrow();
      const files = await readdir(logs);
      expect(files).toEqual(expect.arrayContaining(['audit.log', 'audit.log.1', 'audit.log.2.gz']));
      const current = await readFile(join(logs, 'audit.log'), 'utf8');
      expect(current).toContain(names.at(-1));
    },
    TIMEOUT_MS,
  );

  test('leaves what kapgate audit reads as one, packed or not', async () => {
    const shown = async (...options: readonly string[]): Promise<readonly Line[]> => {
      const args = ['--config', gateway.configFile, 'audit', '--json', ...options];
      const { code, stdout, stderr } = await runHere(args);
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      const lines = stdout.split('\n').slice(0, -1);
      return lines.map((line) => JSON.parse(line) as Line);
    };
    expect((await shown()).length).toBe((await linesOf('audit.log')).length);
    expect(await shown('--what', 'tasks/task-0')).toMatchObject([{ status: 204, user: 'eva' }]);
    const made = await shown('--action', 'created');
    expect(made.map(({ name }) => name)).toEqual(['eva', 'user-1', 'user-2', 'user-3', 'user-4']);
  });

  test('opens no debugger, and reads no configuration', async () => {
    const log = (await linesOf('kapgate.log')).join('\n') + gateway.log;
    expect(log).toMatch(/log files are opened anew/);
    expect(log).not.toMatch(/Debugger|reloaded/);
  });
});

/** The file as it comes, for this directory and this process: `systemctl` is played. */
async function preparedRotation(
  dir: string,
  logs: string,
  pid: number,
): Promise<() => Promise<void>> {
  const shipped = read('systemd/kapgate.logrotate');
  const here = shipped
    .replace('/var/log/kapgate/', `${logs}/`)
    .replace(/^ *su .*\n/m, '')
    .replace(/create 0640 .*/, 'create 0640');
  expect(here).not.toContain('/var/log');
  const conf = join(dir, 'logrotate.conf');
  await writeFile(conf, here, { mode: 0o600 });
  const programs = join(dir, 'bin');
  await mkdir(programs);
  const played = join(programs, 'systemctl');
  const script = `[ "$*" = "kill --kill-who=main --signal=SIGUSR1 kapgate.service" ] && kill -s USR1 ${pid}`;
  await writeFile(played, `#!/bin/sh\n${script}\n`);
  await chmod(played, 0o755);
  const env = { ...process.env, PATH: [programs, process.env['PATH']].join(delimiter) };
  return async () => {
    const args = ['--force', '--state', join(dir, 'state'), conf];
    const { stderr } = await promisify(execFile)(LOGROTATE ?? '', args, { env });
    expect(stderr).toBe('');
  };
}
