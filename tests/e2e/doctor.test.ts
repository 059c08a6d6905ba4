import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { chmod, readFile } from 'node:fs/promises';
import { openUserStore } from '../../src/users/store.ts';
import { addUser, runKapgate, startGateway, writeConfig } from '../support/gateway-process.ts';
import type { CommandResult, GatewayOptions } from '../support/gateway-process.ts';
import { findFreePort } from '../support/free-port.ts';
import { findKapacitor, startKapacitor } from '../support/kapacitor.ts';
import { answering, startRecordingUpstream } from '../support/recording-upstream.ts';
import type { RecordingUpstream } from '../support/recording-upstream.ts';
import { createTempDir } from '../support/temp-dir.ts';
import type { TempDir } from '../support/temp-dir.ts';

const TIMEOUT_MS = 300_000;
const isRoot = process.getuid?.() === 0;

let dir: TempDir;
let upstream: RecordingUpstream;
/** What Kapacitor says under /config/influxdb. */
let elements: readonly object[] = [];

beforeAll(async () => {
  upstream = await startRecordingUpstream(({ target }, response) => {
    const body = target.endsWith('/config/influxdb') ? { elements } : { cluster_id: 'x' };
    response.writeHead(200, { 'X-Kapacitor-Version': '1.5.9' }).end(JSON.stringify(body));
  });
});

afterAll(() => upstream.stop());

beforeEach(async () => {
  dir = await createTempDir();
  elements = [];
});

afterEach(() => dir.remove());

interface Finding {
  readonly part: string;
  readonly result: string;
  readonly what: string;
  readonly why?: string;
  readonly fix?: string;
}

interface Diagnosis extends CommandResult {
  readonly findings: readonly Finding[];
  readonly of: (result: string) => readonly string[];
}

async function diagnose(configFile: string): Promise<Diagnosis> {
  const result = await runKapgate(['doctor', '--config', configFile, '--json'], {
    timeoutMs: TIMEOUT_MS,
  });
  const findings = JSON.parse(result.stdout) as readonly Finding[];
  return {
    ...result,
    findings,
    of: (wanted) => findings.filter((each) => each.result === wanted).map(({ what }) => what),
  };
}

/** A gateway with an admin, as the doctor finds it; it is ended behind that. */
async function withGateway(
  options: Omit<GatewayOptions, 'dir'>,
  use: (configFile: string) => Promise<void>,
): Promise<void> {
  const gateway = await startGateway({ ...options, dir: dir.path });
  try {
    await addUser(gateway.configFile, { name: 'root', password: 'password', admin: true });
    await chmod(gateway.configFile, 0o640);
    await use(gateway.configFile);
  } finally {
    await gateway.stop();
  }
}

describe('kapgate doctor', () => {
  test(
    'finds no way around a gate that is closed, before a Kapacitor on loopback',
    () =>
      withGateway({ upstream: upstream.url }, async (configFile) => {
        const { code, stderr, findings, of } = await diagnose(configFile);
        expect({ code, stderr, faults: of('fault') }).toEqual({ code: 0, stderr: '', faults: [] });
        expect(of('ok')).toEqual(
          expect.arrayContaining([
            'the configuration closes the gate',
            `${upstream.url} is Kapacitor 1.5.9 and leaves authentication to the gate`,
            `port ${upstream.port} is open on 127.0.0.1:${upstream.port} only`,
            'only their owner reads store, secrets and keys',
          ]),
        );
        // On loopback every user of the machine reaches Kapacitor: only root can try that as another one.
        const strangers = findings.find(({ what }) => /users? of this machine reach/.test(what));
        expect(strangers?.result).toBe(isRoot ? 'warning' : 'unseen');
        for (const { result, why, fix } of findings) {
          const complains = result === 'fault' || result === 'warning';
          expect([typeof why, typeof fix === 'string' || !complains]).toEqual([
            complains ? 'string' : 'undefined',
            true,
          ]);
        }
      }),
    TIMEOUT_MS,
  );

  test(
    'says the same in aligned lines, and what it comes to',
    () =>
      withGateway({ upstream: upstream.url }, async (configFile) => {
        const { code, stdout } = await runKapgate(['doctor', '--config', configFile], {
          timeoutMs: TIMEOUT_MS,
        });
        expect(code).toBe(0);
        const lines = stdout.trimEnd().split('\n');
        expect(
          lines
            .slice(0, -2)
            .filter((line) => !/^(?:ok|warning|unseen) +[a-z]+ +\S|^ {24}(?:why|fix): /.test(line)),
        ).toEqual([]);
        expect(lines.at(-1)).toMatch(
          /^No way around the gate was found; .*could not be looked at$/,
        );
      }),
    TIMEOUT_MS,
  );

  test(
    'ends with 1 while the gate is open',
    () =>
      withGateway(
        {
          upstream: upstream.url,
          settings: { http: { 'auth-enabled': 'false' }, auth: { enabled: 'false' } },
        },
        async (configFile) => {
          const { code, of } = await diagnose(configFile);
          expect(code).toBe(1);
          expect(of('fault')[0]).toContain('the gate is open');
          expect(of('fault')[1]).toMatch(/answers 200 to a request without credentials/);
        },
      ),
    TIMEOUT_MS,
  );

  test(
    'ends with 1 while the gate only observes',
    () =>
      withGateway(
        { upstream: upstream.url, settings: { auth: { observe: 'true' } } },
        async (configFile) => {
          const { code, of } = await diagnose(configFile);
          expect(code).toBe(1);
          expect(of('fault')[0]).toBe('the gate only observes: [auth] observe = true');
        },
      ),
    TIMEOUT_MS,
  );

  test(
    'ends with 1 where others read the store, or a secret',
    () =>
      withGateway(
        {
          upstream: upstream.url,
          settings: { http: { 'shared-secret': '"canary-of-16-bytes"' } },
        },
        async (configFile) => {
          await chmod(configFile, 0o644);
          await chmod(`${dir.path}/store`, 0o755);
          const { code, stdout, of } = await diagnose(configFile);
          expect(code).toBe(1);
          expect(of('fault')).toEqual([
            `others than their owner may read or write the store: ${dir.path}/store`,
            `every user reads ${configFile}, which holds [http] shared-secret`,
          ]);
          expect(stdout).not.toContain('canary');
        },
      ),
    TIMEOUT_MS,
  );

  test(
    'ends with 1 where Kapacitor subscribes by a path that the store does not have',
    () =>
      withGateway({ upstream: upstream.url }, async (configFile) => {
        const store = openUserStore({ path: `${dir.path}/store`, minimumCost: 4 });
        const secret = await store.subscriptions.add('influxdb', []);
        await store.close();
        if (typeof secret === 'string') throw new Error(secret);
        const port = Number(/:(\d+)"/.exec(await readFile(configFile, 'utf8'))?.[1]);
        const judged = async (path: string): Promise<readonly string[]> => {
          const options = { name: 'east', 'http-port': port, 'subscription-path': path };
          elements = [{ options }];
          const { findings, stdout } = await diagnose(configFile);
          expect(stdout).not.toContain(path);
          return findings
            .filter(({ what }) => what.includes('"east"'))
            .map(({ result, what }) => `${result}: ${what}`);
        };
        expect(await judged(`/sub/${secret.reveal()}`)).toEqual([
          expect.stringMatching(/^ok: .* by a path that the gate knows$/),
        ]);
        expect(await judged('/sub/another')).toEqual([
          expect.stringMatching(/^fault: .* by a path that the gate does not know$/),
        ]);
      }),
    TIMEOUT_MS,
  );

  test(
    'ends with 1 where Kapacitor asks for credentials, or is not there',
    async () => {
      const asking = await startRecordingUpstream(answering(401));
      try {
        const port = await findFreePort();
        const options = { dir: dir.path, port };
        const file = await writeConfig({ ...options, upstream: asking.url });
        expect((await diagnose(file)).of('fault')).toEqual([
          `${asking.url} asks for credentials itself`,
        ]);
        const nobody = `http://127.0.0.1:${await findFreePort()}`;
        const { code, of } = await diagnose(await writeConfig({ ...options, upstream: nobody }));
        expect(code).toBe(1);
        expect(of('fault')[0]).toMatch(new RegExp(`^${nobody} does not answer: `));
        expect(of('warning')[0]).toMatch(/^the gateway does not answer at /);
      } finally {
        await asking.stop();
      }
    },
    TIMEOUT_MS,
  );

  test.each([
    ['no URL', ['--influxdb', 'localhost:8086'], 64, '--influxdb takes the URL of an InfluxDB'],
    [
      'no file',
      ['--influxdb', 'http://h', '--influxdb-user', 'u', '--influxdb-password-file', '/nowhere/x'],
      1,
      '/nowhere/x',
    ],
  ])('takes %s for InfluxDB', async (_, args, code, words) => {
    const file = await writeConfig({ dir: dir.path, port: 2, upstream: upstream.url });
    const result = await runKapgate(['doctor', '--config', file, ...args]);
    expect(result.code).toBe(code);
    expect(result.stderr).toContain(words);
  });

  const kapacitor = findKapacitor('kapgate doctor before a real one');
  (kapacitor === undefined ? test.skip : test)(
    'finds no way around before a real Kapacitor',
    async () => {
      if (kapacitor === undefined) return;
      const real = await startKapacitor(kapacitor);
      try {
        await withGateway({ upstream: real.url }, async (configFile) => {
          const { of } = await diagnose(configFile);
          // The tests have asked it for a ping, and their connection may still be there.
          const faults = of('fault').filter((what) => !what.includes(`(pid ${process.pid})`));
          expect(faults).toEqual([]);
          expect(of('ok')).toEqual(
            expect.arrayContaining([
              `${real.url} is Kapacitor ${kapacitor.version} and leaves authentication to the gate`,
              'Kapacitor makes no subscriptions',
              `kapacitord (pid ${real.pid}) is open to others on no other port`,
            ]),
          );
        });
      } finally {
        await real.stop();
      }
    },
    TIMEOUT_MS,
  );
});
