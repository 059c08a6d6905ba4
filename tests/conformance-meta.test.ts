import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Row } from './differences.ts';
import { startMetaNode } from '../src/commands/try/meta-stand-in.ts';
import type { MetaNode } from '../src/commands/try/meta-stand-in.ts';
import { CREDENTIALS, SHARED_SECRET, testConformance } from './support/conformance.ts';
import { startGateway } from './support/gateway-process.ts';
import type { GatewayProcess } from './support/gateway-process.ts';
import { createCluster } from './support/meta-cluster.ts';
import { readMetaDecisions } from './support/recordings.ts';
import type { MetaDecisionRow } from './support/recordings.ts';

/** The user who is in a role, and the one who holds the same themselves. */
const [BY_ROLE, THEMSELVES] = ['m_role', 'm_both'];

const recorded = readMetaDecisions();
const decisions: readonly Row[] = recorded.map((row) => ({ ...rowOf(row), byRole: byRole(row) }));

let meta: MetaNode;

beforeAll(async () => {
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

afterAll(() => meta.stop());

testConformance({
  gateway: 'the gateway with users of a meta node',
  start,
  decisions,
  tally: {
    'as recorded': 978,
    'what can be read in two ways is refused': 156,
    'what a role grants is granted to its users': 62,
    'the users API is for admins only': 40,
    'a database that may not be written to is 403': 12,
  },
  further: () => {
    test('each user was asked for once, and the roles too', () => {
      const users = new Set([...decisions, ...CREDENTIALS].map(({ user }) => user));
      // The rows of credentials name a few more: the admin, and those who are nobody.
      expect(meta.countOf('GET /user')).toBeGreaterThanOrEqual(users.size);
      expect(meta.countOf('GET /user')).toBeLessThan(users.size + 10);
      expect(meta.countOf('GET /role')).toBe(1);
      expect(meta.countOf('GET /authorized')).toBe(0);
    });
  },
});

function start(path: string, upstream: string): Promise<GatewayProcess> {
  const auth = {
    'meta-addr': JSON.stringify(meta.address),
    'meta-username': '"kapgate"',
    'meta-password': '"pw-kapgate"',
    'meta-admins': '["admin"]',
  };
  const http = { 'shared-secret': JSON.stringify(SHARED_SECRET) };
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
