import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL, fileURLToPath } from 'node:url';
import { call } from '../support/api.ts';
import { eventually } from '../support/eventually.ts';
import { findFreePort } from '../support/free-port.ts';
import { addUser, runKapgate, startGateway } from '../support/gateway-process.ts';
import type { GatewayOptions, GatewayProcess } from '../support/gateway-process.ts';
import { answering, startRecordingUpstream } from '../support/recording-upstream.ts';
import type { RecordingUpstream } from '../support/recording-upstream.ts';
import { createTempDir } from '../support/temp-dir.ts';
import type { TempDir } from '../support/temp-dir.ts';

const HOOK = fileURLToPath(new URL('../support/note-loads.js', import.meta.url));

let upstream: RecordingUpstream;
let dir: TempDir;
let env: Readonly<Record<string, string>>;

beforeEach(async () => {
  upstream = await startRecordingUpstream(answering(200, {}));
  dir = await createTempDir();
  env = {
    NODE_OPTIONS: `--import=${pathToFileURL(HOOK).href}`,
    NOTED_LOADS: join(dir.path, 'loads'),
  };
});

afterEach(async () => {
  await upstream.stop();
  await dir.remove();
});

/** The packages, and the rooms of src, of which something was loaded. */
function loaded(): ReadonlySet<string> {
  return new Set(loadedFiles().flatMap((file) => PLACE.exec(file)?.groups?.['name'] ?? []));
}

/** As they are before they are put together into the files of dist. */
function loadedFiles(): readonly string[] {
  const urls = readFileSync(env['NOTED_LOADS'] ?? '', 'utf8').split('\n');
  return urls.flatMap((url) => {
    // One that only passes on what is in others has no map.
    if (!url.startsWith(DIST) || !existsSync(fileURLToPath(`${url}.map`))) return [url];
    const map = JSON.parse(readFileSync(fileURLToPath(`${url}.map`), 'utf8')) as SourceMap;
    return map.sources.map((source) => new URL(source, url).href);
  });
}

interface SourceMap {
  readonly sources: readonly string[];
}

const DIST = new URL('../../dist/', import.meta.url).href;
/** The first of the two: packages have a src of their own. */
const PLACE = /\/(?:node_modules|src)\/(?<name>(?:@[^/]+\/)?[^/]+)\//;

describe('serve', () => {
  let gateway: GatewayProcess;

  async function start(settings: GatewayOptions['settings'] = {}): Promise<void> {
    gateway = await startGateway({ dir: dir.path, upstream: upstream.url, settings, env });
  }

  afterEach(() => gateway.stop());

  test('loads nothing that its configuration has no use for, up to the first answer to a user', async () => {
    await start();
    await addUser(gateway.configFile, { name: 'ann', password: 'pw-ann', permissions: ['all'] });
    const { status } = await call(gateway.port, 'GET', '/kapacitor/v1/tasks', {
      user: 'ann:pw-ann',
    });
    expect(status).toBe(200);
    const all = loaded();
    expect(['winston', 'listener', 'users'].filter((each) => !all.has(each))).toEqual([]);
    const unused = ['got', 'jose', 'meta', 'prom-client', 'yaml', 'zod'];
    expect(unused.filter((each) => all.has(each))).toEqual([]);
  });

  test('loads jose where tokens are signed', async () => {
    await start({ http: { 'shared-secret': '"a secret of the tests"' } });
    await eventually('jose is loaded', () => loaded().has('jose'));
  });

  test('loads got where there are meta nodes', async () => {
    const auth = {
      'meta-addr': `"127.0.0.1:${await findFreePort()}"`,
      'meta-username': '"kapgate"',
      'meta-password': '"pw-kapgate"',
    };
    await start({ auth });
    await eventually('got is loaded', () => loaded().has('got') && loaded().has('meta'));
  });
});

describe('kapgate --help', () => {
  test('loads neither the store nor the log', async () => {
    expect((await runKapgate(['--help'], { env })).code).toBe(0);
    const all = loaded();
    expect(all.has('commander')).toBe(true);
    expect(['lmdb', 'winston', 'zod', 'listener'].filter((each) => all.has(each))).toEqual([]);
    expect(loadedFiles().filter((file) => file.endsWith('/src/users/store.ts'))).toEqual([]);
  });
});
