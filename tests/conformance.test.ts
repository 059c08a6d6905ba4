import type { Row } from './differences.ts';
import { SHARED_SECRET, testConformance } from './support/conformance.ts';
import { addUser, startGateway } from './support/gateway-process.ts';
import type { GatewayProcess } from './support/gateway-process.ts';
import { readDecisions } from './support/recordings.ts';

const recorded = readDecisions();
const decisions: readonly Row[] = recorded.map((row) => {
  const basic = row.user === null ? [] : [`Authorization: ${basicOf(row.user)}`];
  return { ...row, name: row.user ?? 'nobody', headers: basic };
});

testConformance({
  gateway: 'the gateway with users of its own',
  start,
  decisions,
  tally: {
    'as recorded': 948,
    'what can be read in two ways is refused': 144,
    'the users API is for admins only': 40,
    'write_points and all write points': 20,
  },
});

/** A gateway with the users of the recordings. */
async function start(path: string, upstream: string): Promise<GatewayProcess> {
  const gateway = await startGateway({
    dir: path,
    upstream,
    settings: {
      http: { 'shared-secret': JSON.stringify(SHARED_SECRET) },
      log: { level: '"warn"' },
    },
  });
  const users = new Map(recorded.map((row) => [row.user, row]));
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
