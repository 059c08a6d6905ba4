import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { wantedOf } from './differences.ts';
import type { Row } from './differences.ts';
import { startMetaNode } from '../src/commands/try/meta-stand-in.ts';
import type { MetaNode } from '../src/commands/try/meta-stand-in.ts';
import { startGateway } from './support/gateway-process.ts';
import type { GatewayProcess } from './support/gateway-process.ts';
import { findKapacitor, startKapacitor } from './support/kapacitor.ts';
import { answerAsKapacitor } from './support/kapacitor-stand-in.ts';
import { createCluster } from './support/meta-cluster.ts';
import { startRecordingUpstream } from './support/recording-upstream.ts';
import type { RecordingUpstream } from './support/recording-upstream.ts';
import { readCredentialRows, readMetaDecisions } from './support/recordings.ts';
import type { MetaDecisionRow } from './support/recordings.ts';
import { inParallel, play, playAll, shown } from './support/replay.ts';
import { readSends } from './support/sends.ts';
import { createTempDir } from './support/temp-dir.ts';
import type { TempDir } from './support/temp-dir.ts';

const SECRET = 's3cret-of-32-bytes-for-the-tests';
const TIMEOUT_MS = 120_000;

/** The user who is in a role, and the one who holds the same themselves. */
const [BY_ROLE, THEMSELVES] = ['m_role', 'm_both'];

const recorded = readMetaDecisions();
const decisions: readonly Row[] = recorded.map((row) => ({ ...rowOf(row), byRole: byRole(row) }));

const credentials: readonly Row[] = readCredentialRows().map((row) => {
  const { headers, query } = readSends(row.sends, SECRET, Date.now());
  const target = query === '' ? row.target : `${row.target}?${query}`;
  return { ...row, name: row.case, user: 'u_api', target, headers };
});

let dir: TempDir;
let meta: MetaNode;

beforeAll(async () => {
  dir = await createTempDir();
  const users = new Map(recorded.map(({ user, permissions }) => [user, permissions ?? {}]));
  const permissions = { '': ['KapacitorAPI', 'KapacitorConfigAPI'] };
  const cluster = await createCluster(
    [
      ...Array.from(users, ([name, own]) => ({ name, permissions: own })),
      { name: 'u_api', permissions: { '': ['KapacitorAPI'] } },
      { name: 'admin', password: 'pw' },
      { name: 'kapgate' },
    ],
    [{ name: 'operators', permissions, users: [BY_ROLE] }],
  );
  meta = await startMetaNode({ cluster, demands: { kind: 'basic' } });
});

afterAll(async () => {
  await meta.stop();
  await dir.remove();
});

describe('the gateway with users of a meta node, before a stand-in for Kapacitor', () => {
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
        'as recorded': 978,
        'what can be read in two ways is refused': 156,
        'what a role grants is granted to its users': 62,
        'the users API is for admins only': 40,
        'a database that may not be written to is 403': 12,
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

  test('each user was asked for once, and the roles too', () => {
    const users = new Set([...decisions, ...credentials].map(({ user }) => user));
    // The rows of credentials name a few more: the admin, and those who are nobody.
    expect(meta.countOf('GET /user')).toBeGreaterThanOrEqual(users.size);
    expect(meta.countOf('GET /user')).toBeLessThan(users.size + 10);
    expect(meta.countOf('GET /role')).toBe(1);
    expect(meta.countOf('GET /authorized')).toBe(0);
  });
});

describe('the gateway with users of a meta node, before a kapacitord', () => {
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

function start(path: string, upstream: string): Promise<GatewayProcess> {
  const auth = {
    'meta-addr': JSON.stringify(meta.address),
    'meta-username': '"kapgate"',
    'meta-password': '"pw-kapgate"',
    'meta-admins': '["admin"]',
  };
  const http = { 'shared-secret': JSON.stringify(SECRET) };
  const settings = { http, auth, log: { level: '"warn"' } };
  return startGateway({ dir: path, upstream, settings });
}

/** The same request of the user who holds themselves what the role grants, where Kapacitor answers them otherwise. */
function byRole(row: MetaDecisionRow): Row | undefined {
  if (row.user !== BY_ROLE) return undefined;
  const twin = recorded.find(
    ({ user, method, target }) =>
      user === THEMSELVES && method === row.method && target === row.target,
  );
  if (twin === undefined) throw new Error(`no ${THEMSELVES} for ${row.method} ${row.target}`);
  const body = twin.body?.replaceAll(THEMSELVES, BY_ROLE);
  return twin.status === row.status ? undefined : rowOf({ ...twin, user: BY_ROLE, body });
}

function rowOf({ user, method, target, status, location, body }: MetaDecisionRow): Row {
  const basic = `Basic ${Buffer.from(`${user}:pw-${user}`).toString('base64')}`;
  const headers = [`Authorization: ${basic}`];
  return { name: user, user, method, target, headers, status, location, body };
}
