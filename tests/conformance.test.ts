import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { wantedOf } from './differences.ts';
import type { Row } from './differences.ts';
import { addUser, startGateway } from './support/gateway-process.ts';
import type { GatewayProcess } from './support/gateway-process.ts';
import { findKapacitor, startKapacitor } from './support/kapacitor.ts';
import { answerAsKapacitor } from './support/kapacitor-stand-in.ts';
import { startRecordingUpstream } from './support/recording-upstream.ts';
import type { RecordingUpstream } from './support/recording-upstream.ts';
import { readCredentialRows, readDecisions } from './support/recordings.ts';
import { inParallel, play, playAll, shown } from './support/replay.ts';
import { readSends } from './support/sends.ts';
import { createTempDir } from './support/temp-dir.ts';
import type { TempDir } from './support/temp-dir.ts';

/** Longer than the one of the recordings, which is below the least length that the gateway takes. */
const SECRET = 's3cret-of-32-bytes-for-the-tests';
const TIMEOUT_MS = 120_000;

const decisions: readonly Row[] = readDecisions().map((row) => {
  const basic = row.user === null ? [] : [`Authorization: ${basicOf(row.user)}`];
  return { ...row, name: row.user ?? 'nobody', headers: basic };
});

const credentials: readonly Row[] = readCredentialRows().map((row) => {
  const { headers, query } = readSends(row.sends, SECRET, Date.now());
  const target = query === '' ? row.target : `${row.target}?${query}`;
  return { ...row, name: row.case, user: 'u_api', permissions: ['api'], target, headers };
});

let dir: TempDir;

beforeAll(async () => {
  dir = await createTempDir();
});

afterAll(() => dir.remove());

describe('the gateway before a stand-in for Kapacitor', () => {
  let upstream: RecordingUpstream;
  let gateway: GatewayProcess;

  beforeAll(async () => {
    upstream = await startRecordingUpstream(answerAsKapacitor);
    gateway = await start(`${dir.path}/stand-in`, upstream.url);
  }, TIMEOUT_MS);

  afterAll(async () => {
    await gateway.stop();
    await upstream.stop();
  });

  test(
    'each recorded decision is answered as recorded, or by a named difference',
    async () => {
      const tally = await playAll(gateway, upstream, decisions);
      expect(tally).toEqual({
        'as recorded': 948,
        'what can be read in two ways is refused': 144,
        'the users API is for admins only': 40,
        'write_points and all write points': 20,
      });
    },
    TIMEOUT_MS,
  );

  test(
    'each recorded way to send credentials is answered as recorded, or by a named difference',
    async () => {
      const tally = await playAll(gateway, upstream, credentials);
      expect(tally).toEqual({
        'as recorded': 84,
        'what can be read in two ways is refused': 8,
        'a token for an unknown user tells nothing of the store': 2,
      });
    },
    TIMEOUT_MS,
  );
});

describe('the gateway before a kapacitord', () => {
  const kapacitor = findKapacitor('the recordings are played before the stand-in only');
  const testWithKapacitor = kapacitor === undefined ? test.skip : test;

  testWithKapacitor(
    'each recorded decision has the status that was recorded, or that of a named difference',
    async () => {
      if (kapacitor === undefined) return;
      const upstream = await startKapacitor(kapacitor);
      const gateway = await start(`${dir.path}/kapacitord`, upstream.url);
      try {
        const played = await inParallel(decisions, async (row, index) => ({
          row: shown(row),
          status: (await play(gateway.port, row, index)).status,
        }));
        expect(played).toEqual(
          decisions.map((row) => ({ row: shown(row), status: wantedOf(row).outcome.status })),
        );
      } finally {
        await gateway.stop();
        await upstream.stop();
      }
    },
    TIMEOUT_MS,
  );
});

/** A gateway with the users of the recordings. */
async function start(path: string, upstream: string): Promise<GatewayProcess> {
  const gateway = await startGateway({
    dir: path,
    upstream,
    settings: { http: { 'shared-secret': JSON.stringify(SECRET) }, log: { level: '"warn"' } },
  });
  const users = new Map(readDecisions().map((row) => [row.user, row]));
  for (const { user: name, type, permissions = [] } of users.values()) {
    if (name === null) continue;
    const admin = type === 'admin';
    await addUser(gateway.configFile, { name, password: passwordOf(name), admin, permissions });
  }
  return gateway;
}

function basicOf(name: string): string {
  return `Basic ${Buffer.from(`${name}:${passwordOf(name)}`).toString('base64')}`;
}

function passwordOf(name: string): string {
  return name === 'admin' ? 'pw' : `pw-${name}`;
}
