import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import type { MetaCluster } from '../../src/commands/try/meta-cluster.ts';
import type { NodeFault } from '../../src/commands/try/meta-faults.ts';
import { startMetaNode } from '../../src/commands/try/meta-stand-in.ts';
import type { MetaNode, MetaNodeOptions } from '../../src/commands/try/meta-stand-in.ts';
import { createAuthority, findOpenssl } from '../support/certificates.ts';
import { eventually } from '../support/eventually.ts';
import { findFreePort } from '../support/free-port.ts';
import type { GatewayProcess } from '../support/gateway-process.ts';
import { logSoFar, untilLogged } from '../support/logged.ts';
import { createCluster } from '../support/meta-cluster.ts';
import { askAs, askUntil, startMetaGateway } from '../support/meta-gateway.ts';
import type { Asked } from '../support/meta-gateway.ts';
import { answering, startRecordingUpstream } from '../support/recording-upstream.ts';
import type { RecordingUpstream } from '../support/recording-upstream.ts';
import { createTempDir } from '../support/temp-dir.ts';
import type { TempDir } from '../support/temp-dir.ts';

const testWithTls = findOpenssl('a meta node with an expired certificate') ? test : test.skip;

/** `meta-timeout`, and what a busy machine may add to it. */
const BUDGET_MS = 1_500;
/** Where no node is to be given up. */
const PATIENT = { 'meta-timeout': '"20s"' };
const SLACK_MS = 12_000;
const WRITE = { method: 'POST', target: '/write?db=telegraf', body: 'm v=1 1\n' } as const;
const TIMEOUT_MS = 300_000;
const NEWCOMERS = 100;

let dir: TempDir;
let upstream: RecordingUpstream;
let cluster: MetaCluster;
const nodes: MetaNode[] = [];
const gateways: GatewayProcess[] = [];

beforeAll(async () => {
  dir = await createTempDir();
  upstream = await startRecordingUpstream(answering(204, { 'X-Kapacitor-Version': '1.5.9' }));
  const permissions = { '': ['KapacitorAPI', 'WriteData'] };
  cluster = await createCluster([
    { name: 'kapgate' },
    ...['known', 'fresh', 'ann', 'ben', 'eve'].map((name) => ({ name, permissions })),
    ...Array.from({ length: NEWCOMERS }, (_, index) => ({ name: `new-${index}`, permissions })),
    { name: 'ldap-user', permissions, hashing: 'ldap' },
  ]);
});

afterEach(async () => {
  await Promise.all(gateways.splice(0).map((gateway) => gateway.stop()));
  await Promise.all(nodes.splice(0).map((node) => node.stop()));
});

afterAll(async () => {
  await upstream.stop();
  await dir.remove();
});

async function startNode(options: Partial<MetaNodeOptions> = {}): Promise<MetaNode> {
  const node = await startMetaNode({ cluster, demands: { kind: 'basic' }, ...options });
  nodes.push(node);
  return node;
}

async function startGate(
  meta: readonly MetaNode[],
  auth: Readonly<Record<string, string>> = {},
): Promise<GatewayProcess> {
  const gateway = await startMetaGateway({
    dir: `${dir.path}/${Math.random()}`,
    upstream: upstream.url,
    nodes: meta,
    auth: { 'meta-timeout': `"${BUDGET_MS}ms"`, ...auth },
  });
  gateways.push(gateway);
  return gateway;
}

let came = 0;

/** A user of the cluster whom no gateway has heard of. */
function newcomer(): string {
  if (came === NEWCOMERS) throw new Error('no newcomer is left');
  return `new-${came++}`;
}

/** Nobody can say who they are: never 401, within the budget, and with the words of an outage. */
function expectOutage(asked: Asked): void {
  expect(asked.status).toBe(503);
  expect(asked.retryAfter).toMatch(/^\d+$/);
  expect(asked.error).toMatch(/^the meta node.*try again/);
  expect(asked.ms).toBeLessThan(BUDGET_MS + SLACK_MS);
}

type Trouble = (node: MetaNode) => void | Promise<void>;

const fault =
  (what: NodeFault): Trouble =>
  (node) => {
    node.fault(what);
  };

const troubles: readonly (readonly [string, Trouble])[] = [
  ['is not there', (node) => node.down()],
  ['takes longer than there is time', fault({ kind: 'slow', delayMs: 30_000 })],
  ['never answers', fault({ kind: 'silent' })],
  ['cuts each connection', fault({ kind: 'drop' })],
  ['answers 500', fault({ kind: 'status', status: 500 })],
  ['answers 503', fault({ kind: 'status', status: 503, body: '' })],
  ["refuses the gateway's own user", fault({ kind: 'status', status: 401 })],
  ["forbids it to the gateway's own user", fault({ kind: 'status', status: 403 })],
  ['answers garbage', fault({ kind: 'garbage' })],
  ['answers half', fault({ kind: 'half' })],
  [
    'answers with another user',
    fault({ kind: 'wrong', body: '{"users":[{"name":"eve","hash":"x"}]}' }),
  ],
  ['answers with something else', fault({ kind: 'wrong', body: '{"users":7}' })],
  ['redirects in a circle', fault({ kind: 'loop' })],
];

describe('a meta node that', () => {
  let node: MetaNode;
  let gate: GatewayProcess;

  beforeAll(async () => {
    node = await startMetaNode({ cluster, demands: { kind: 'basic' } });
    gate = await startMetaGateway({
      dir: `${dir.path}/troubled`,
      upstream: upstream.url,
      nodes: [node],
      auth: { 'meta-timeout': `"${BUDGET_MS}ms"` },
    });
  }, TIMEOUT_MS);

  afterAll(async () => {
    await gate.stop();
    await node.stop();
  });

  test.each(troubles)(
    '%s: 503 for who is not known yet, the others go on, and all is well within seconds',
    async (_, trouble) => {
      const [reader, writer] = [newcomer(), newcomer()];
      await askUntil(204, () => askAs(gate, 'known'));
      await trouble(node);
      expectOutage(await askAs(gate, reader));
      expectOutage(await askAs(gate, writer, WRITE));
      expect((await askAs(gate, 'known')).status).toBe(204);
      expect((await askAs(gate, 'known', WRITE)).status).toBe(204);
      for (let i = 0; i < 5; i++) expectOutage(await askAs(gate, reader));
      node.fault(undefined);
      await node.down();
      await node.up();
      await askUntil(204, () => askAs(gate, reader), 60_000);
      await askUntil(204, () => askAs(gate, writer, WRITE), 60_000);
      expect(await logSoFar(gate)).not.toMatch(/^\s+at /m);
    },
    TIMEOUT_MS,
  );
});

describe('a meta node that', () => {
  test(
    'redirects to a host that is not in meta-addr: nothing goes there, and it is 503',
    async () => {
      const stranger = await startNode();
      const node = await startNode();
      const gate = await startGate([node]);
      node.fault({ kind: 'redirect', origin: stranger.url });
      expectOutage(await askAs(gate, 'fresh'));
      expect(stranger.countOf('GET /user')).toBe(0);
      node.fault(undefined);
      await askUntil(204, () => askAs(gate, 'fresh'), 60_000);
    },
    TIMEOUT_MS,
  );

  test(
    'redirects to the other node of meta-addr is followed there',
    async () => {
      const leader = await startNode();
      const follower = await startNode();
      const gate = await startGate([follower, leader], PATIENT);
      follower.fault({ kind: 'redirect', origin: leader.url });
      expect((await askAs(gate, 'fresh')).status).toBe(204);
      expect(leader.countOf('GET /user')).toBe(1);
    },
    TIMEOUT_MS,
  );

  testWithTls(
    'shows an expired certificate: 503 and a log that says so, until it shows a good one',
    async () => {
      const authority = createAuthority(dir.path);
      const port = await findFreePort();
      const expired = authority.issue('expired', { isExpired: true });
      const node = await startNode({ port, tls: { cert: expired.cert, key: expired.key } });
      const gate = await startGate([node], {
        'meta-use-tls': 'true',
        'meta-ca': JSON.stringify(authority.caFile),
      });
      expectOutage(await askAs(gate, 'fresh'));
      await untilLogged(gate, /certificate.*expired|expired.*certificate/);
      expect(node.countOf('GET /user')).toBe(0);
      await node.stop();
      const good = authority.issue('good');
      await startNode({ port, tls: { cert: good.cert, key: good.key } });
      await askUntil(204, () => askAs(gate, 'fresh'), 60_000);
    },
    TIMEOUT_MS,
  );

  test(
    'is not there at the start is no reason not to start',
    async () => {
      const node = await startNode();
      await node.down();
      const gate = await startGate([node]);
      expectOutage(await askAs(gate, 'fresh'));
      await node.up();
      await askUntil(204, () => askAs(gate, 'fresh'), 60_000);
    },
    TIMEOUT_MS,
  );
});

/** What came back to users who asked without a pause, for as long as it went on. */
interface Load {
  /** Status → how often. */
  readonly statuses: ReadonlyMap<string, number>;
  readonly slowestMs: number;
  stop(): Promise<void>;
}

/** Users who ask one after the other, each on a connection of its own. */
function startLoad(gate: GatewayProcess, users: readonly string[]): Load {
  const statuses = new Map<string, number>();
  let slowestMs = 0;
  let isOver = false;
  const count = (key: string): void => {
    statuses.set(key, (statuses.get(key) ?? 0) + 1);
  };
  const ask = async (name: string): Promise<void> => {
    for (let turn = 0; !isOver; turn++) {
      try {
        const { status, ms } = await askAs(gate, name, turn % 2 === 0 ? {} : WRITE);
        count(String(status));
        slowestMs = Math.max(slowestMs, ms);
      } catch (error) {
        count(String(error));
      }
    }
  };
  const asking = users.map(ask);
  return {
    statuses,
    get slowestMs() {
      return slowestMs;
    },
    stop: async () => {
      isOver = true;
      await Promise.all(asking);
    },
  };
}

describe('under load', () => {
  test(
    'a node that comes and goes is not noticed by those who were verified, and nobody ever gets 401',
    async () => {
      const node = await startNode();
      const gate = await startGate([node], {
        'cache-expiration': '"500ms"',
        'meta-stale': '"60s"',
        'meta-timeout': '"1s"',
      });
      const users = ['ann', 'ben', 'eve', 'known', 'ldap-user'];
      for (const name of users) await askUntil(204, () => askAs(gate, name));
      const load = startLoad(gate, users);
      const newcomers = new Set<number>();
      const end = Date.now() + 20_000;
      const kinds: readonly Trouble[] = [
        (each) => each.down(),
        ...(['drop', 'garbage', 'half', 'silent', 'loop'] as const).map((kind) => fault({ kind })),
        fault({ kind: 'status', status: 503 }),
      ];
      for (let turn = 0; Date.now() < end; turn++) {
        const name = newcomer();
        await kinds[turn % kinds.length]?.(node);
        newcomers.add((await askAs(gate, name)).status);
        await sleep(100 + Math.random() * 400);
        node.fault(undefined);
        await node.down();
        await node.up();
        newcomers.add((await askAs(gate, name)).status);
        await sleep(100 + Math.random() * 400);
      }
      await load.stop();
      console.log(
        `flapping: ${JSON.stringify([...load.statuses])}, slowest ${Math.round(load.slowestMs)} ms, ` +
          `${node.countOf('GET /user')} calls, newcomers ${JSON.stringify([...newcomers])}`,
      );
      expect([...load.statuses.keys()]).toEqual(['204']);
      // Who was never verified may have to come again: at times nobody can say who they are.
      expect([...newcomers].filter((status) => status !== 204 && status !== 503)).toEqual([]);
    },
    TIMEOUT_MS,
  );

  test(
    'the first of two nodes is killed: no request fails but those in flight to it',
    async () => {
      const first = await startNode();
      const second = await startNode();
      // Without a cache, each request is a question to the nodes.
      const gate = await startGate([first, second], {
        'cache-expiration': '"0s"',
        ...PATIENT,
      });
      const users = ['ann', 'ben', 'eve', 'known'];
      const load = startLoad(gate, users);
      await eventually('the first is asked', () => first.countOf('GET /user') > 10);
      expect(second.countOf('GET /user')).toBe(0);
      await first.down();
      await eventually('the second is asked', () => second.countOf('GET /user') > 10);
      await sleep(2_000);
      await load.stop();
      const failed = [...load.statuses].filter(([status]) => status !== '204');
      console.log(
        `fail-over: ${JSON.stringify([...load.statuses])}, slowest ${Math.round(load.slowestMs)} ms, ` +
          `calls ${first.countOf('GET /user')} and ${second.countOf('GET /user')}`,
      );
      expect(failed.map(([status]) => status).filter((status) => status !== '503')).toEqual([]);
      expect(failed.reduce((sum, [, count]) => sum + count, 0)).toBeLessThanOrEqual(users.length);
    },
    TIMEOUT_MS,
  );
});

describe('meta-stale', () => {
  test(
    'lets verified users go on for that long, and no longer; then it is 503',
    async () => {
      const node = await startNode();
      const gate = await startGate([node], {
        'cache-expiration': '"500ms"',
        'meta-stale': '"15s"',
      });
      for (const name of ['known', 'ldap-user']) await askUntil(204, () => askAs(gate, name));
      await node.down();
      await sleep(1_500);
      for (const name of ['known', 'ldap-user']) {
        expect((await askAs(gate, name)).status).toBe(204);
        expectOutage(await askAs(gate, name, { password: 'wrong' }));
      }
      await askUntil(503, () => askAs(gate, 'known'), 60_000);
      // Who was verified later goes on for later.
      await askUntil(503, () => askAs(gate, 'ldap-user'), 60_000);
      expectOutage(await askAs(gate, 'ldap-user', WRITE));
      await node.up();
      await askUntil(204, () => askAs(gate, 'known'), 60_000);
    },
    TIMEOUT_MS,
  );
});
