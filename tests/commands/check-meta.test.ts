import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { metaFindings } from '../../src/commands/check/meta.ts';
import { startMetaNode } from '../../src/commands/try/meta-stand-in.ts';
import type { MetaNode, MetaNodeOptions } from '../../src/commands/try/meta-stand-in.ts';
import type { MetaCluster } from '../../src/commands/try/meta-cluster.ts';
import type { AuthConfig } from '../../src/config/config.ts';
import { loadConfig } from '../../src/config/load.ts';
import { Secret } from '../../src/kernel/secret.ts';
import { openMetaClient } from '../../src/wiring/meta-client.ts';
import { createAuthority, findOpenssl } from '../support/certificates.ts';
import type { CertificateAuthority } from '../support/certificates.ts';
import { createCluster } from '../support/meta-cluster.ts';
import { createTempDir } from '../support/temp-dir.ts';
import type { TempDir } from '../support/temp-dir.ts';

const SECRET = 'an internal shared secret';
const BY_PASSWORD: Partial<AuthConfig> = {
  metaUsername: 'kapgate',
  metaPassword: new Secret('pw-kapgate'),
};
const { config: defaults } = loadConfig({
  env: {},
  readFile: () => {
    throw Object.assign(new Error('no file'), { code: 'ENOENT' });
  },
});

let cluster: MetaCluster;
let nodes: MetaNode[] = [];

beforeEach(async () => {
  cluster = await createCluster(
    [{ name: 'kapgate' }, { name: 'root' }],
    [{ name: 'ops', users: ['root'] }],
  );
});

afterEach(async () => {
  await Promise.all(nodes.map((node) => node.stop()));
  nodes = [];
});

async function startNode(options: Partial<MetaNodeOptions> = {}): Promise<MetaNode> {
  const node = await startMetaNode({ cluster, demands: { kind: 'basic' }, ...options });
  nodes.push(node);
  return node;
}

/** The lines of `kapgate check` about these nodes; there is an admin, unless `auth` says otherwise. */
async function linesFor(
  addresses: readonly string[],
  auth: Partial<AuthConfig> = {},
): Promise<readonly string[]> {
  const config = {
    ...defaults,
    auth: {
      ...defaults.auth,
      ...BY_PASSWORD,
      metaAddr: addresses,
      metaAdmins: ['root'],
      metaTimeoutMs: 1500,
      ...auth,
    },
  };
  const findings = await metaFindings(config, (some) =>
    openMetaClient(config, { now: Date.now, onNodeChange: () => undefined }, some),
  );
  expect(findings.every(({ part }) => part === 'meta')).toBe(true);
  expect(JSON.stringify(findings)).not.toMatch(/pw-|CANARY|\$2/);
  return findings.map(({ result, detail }) => `${result}: ${detail}`);
}

describe('metaFindings', () => {
  test('a node that lets the gateway read users and roles: a line that says as whom', async () => {
    const node = await startNode();
    expect(await linesFor([node.address])).toEqual([
      `ok: ${node.url}: the gateway's own user "kapgate" may read users and roles`,
    ]);
  });

  test('by the internal shared secret there is no own user', async () => {
    const node = await startNode({ demands: { kind: 'shared-secret', secret: SECRET } });
    const auth = { metaUsername: '', metaInternalSharedSecret: new Secret(SECRET) };
    expect(await linesFor([node.address], auth)).toEqual([
      `ok: ${node.url}: by the internal shared secret the gateway may read users and roles`,
    ]);
  });

  test('each node has a line of its own, and one that is down is not covered for', async () => {
    const [first, second] = [await startNode(), await startNode()];
    await first.down();
    const lines = await linesFor([first.address, second.address]);
    expect(lines).toHaveLength(2);
    expect(lines[0]).toMatch(new RegExp(`^fault: meta node ${first.url} cannot be reached: `));
    expect(lines[1]).toMatch(/^ok: /);
  });

  test.each([
    ['a wrong password', { metaPassword: new Secret('CANARY') }],
    ['an unknown user', { metaUsername: 'nobody' }],
  ])('%s of the gateway itself: a fault, and which keys to look at', async (_, auth) => {
    const node = await startNode();
    const [line] = await linesFor([node.address], auth);
    expect(line).toMatch(
      /^fault: .* does not take the gateway's own user ".*": check meta-username/,
    );
  });

  test('a wrong secret: a fault', async () => {
    const node = await startNode({ demands: { kind: 'shared-secret', secret: 'another' } });
    const auth = { metaInternalSharedSecret: new Secret(SECRET) };
    const [line] = await linesFor([node.address], auth);
    expect(line).toMatch(/^fault: .* check meta-internal-shared-secret, and the clocks/);
  });

  test('an own user who may not read users: a fault, and where it says what is needed', async () => {
    const node = await startNode();
    node.fault({ kind: 'status', status: 403, body: '{"error":"no"}' });
    const [line] = await linesFor([node.address]);
    expect(line).toMatch(
      /^fault: .* does not let the gateway's own user "kapgate" read .*docs\/meta/,
    );
  });

  test('an own user who may not read roles: a warning, as users go on', async () => {
    const node = await startNode();
    node.fault({ kind: 'status', status: 403, body: '{"error":"no"}' }, '/role');
    const [line] = await linesFor([node.address]);
    expect(line).toMatch(new RegExp(`^warning: ${node.url}: what roles grant does not count: `));
  });

  test('a node that asks nobody who they are: a warning', async () => {
    const node = await startNode({ demands: { kind: 'nothing' } });
    expect(await linesFor([node.address], { metaUsername: 'nobody' })).toEqual([
      expect.stringMatching(/^warning: .* no user "nobody", yet it answers: set \[meta\] auth-/),
    ]);
    expect(await linesFor([node.address], { metaUsername: '' })).toEqual([
      expect.stringMatching(/^warning: .* answers without credentials: set \[meta\] auth-enabled/),
    ]);
  });

  test('a slow node: a warning with the time', async () => {
    const node = await startNode();
    node.fault({ kind: 'slow', delayMs: 1100 });
    const lines = await linesFor([node.address], { metaTimeoutMs: 60_000 });
    expect(lines).toEqual([expect.stringMatching(/^warning: .*: it took \d{4,} ms to answer$/)]);
  });

  test.each([
    [{ kind: 'silent' }, /^fault: .*http:\/\/127/],
    [{ kind: 'drop' }, /^fault: .*cannot be reached/],
    [{ kind: 'status', status: 500 }, /^fault: .*answers 500/],
    [{ kind: 'garbage' }, /^fault: .*check meta-addr/],
    [{ kind: 'half' }, /^fault: .*broke off its answer/],
    [{ kind: 'loop' }, /^fault: .*redirects/],
    [{ kind: 'redirect', origin: 'http://127.0.0.1:1' }, /^fault: .*gets no credentials/],
  ] as const)('%j: one fault that names the node', async (fault, line) => {
    const node = await startNode();
    node.fault(fault);
    const lines = await linesFor([node.address]);
    expect(lines).toEqual([expect.stringMatching(line)]);
    expect(lines[0]).toContain(node.url);
  });

  test('a follower may send to another node of meta-addr', async () => {
    const leader = await startNode();
    const follower = await startNode();
    follower.fault({ kind: 'redirect', origin: leader.url });
    const lines = await linesFor([follower.address, leader.address]);
    expect(lines).toEqual([expect.stringMatching(/^ok: /), expect.stringMatching(/^ok: /)]);
  });

  test('nobody in meta-admins: a warning with the line to add, also while no node answers', async () => {
    const node = await startNode();
    const warning = expect.stringMatching(
      /^warning: nobody is an admin: .*Add to \[auth\]: meta-admins = \["NAME"\], or \["role:NAME"\]$/,
    );
    expect(await linesFor([node.address], { metaAdmins: [] })).toEqual([
      expect.stringMatching(/^ok: /),
      warning,
    ]);
    await node.down();
    expect(await linesFor([node.address], { metaAdmins: [] })).toEqual([
      expect.stringMatching(/^fault: /),
      warning,
    ]);
  });

  test('a name in meta-admins that the nodes do not know: a warning each', async () => {
    const node = await startNode();
    const metaAdmins = ['root', 'rooot', 'role:ops', 'role:opps'];
    expect(await linesFor([node.address], { metaAdmins })).toEqual([
      expect.stringMatching(/^ok: /),
      'warning: meta-admins has "rooot", and the meta nodes have no user "rooot"',
      'warning: meta-admins has "role:opps", and the meta nodes have no role "opps"',
    ]);
  });
});

const describeTls = findOpenssl('check of meta nodes with TLS') ? describe : describe.skip;

describeTls('metaFindings over TLS', () => {
  let dir: TempDir;
  let authority: CertificateAuthority;

  beforeAll(async () => {
    dir = await createTempDir();
    authority = createAuthority(dir.path);
  });

  afterAll(() => dir.remove());

  const tls = (over: Partial<AuthConfig> = {}): Partial<AuthConfig> => ({
    metaUseTls: true,
    metaCa: authority.caFile,
    ...over,
  });

  test('a node under meta-ca: ok, with https in its name', async () => {
    const node = await startNode({ tls: authority.issue('node') });
    expect(await linesFor([node.address], tls())).toEqual([
      expect.stringMatching(/^ok: https:\/\/127\.0\.0\.1/),
    ]);
  });

  test.each([
    ['expired', { isExpired: true }, {}, /^fault: .*has expired/],
    ['for another host', { subjectAltName: 'DNS:x.test' }, {}, /^fault: .*another host/],
    ['of no known authority', {}, { metaCa: '' }, /^fault: .*not signed by the authority/],
  ])('a certificate that is %s: a fault in words', async (name, issued, over, line) => {
    const node = await startNode({ tls: authority.issue(name.replaceAll(' ', '-'), issued) });
    expect(await linesFor([node.address], tls(over))).toEqual([expect.stringMatching(line)]);
  });

  test('a node without TLS, or one with it that is asked without: a fault', async () => {
    const plain = await startNode();
    expect(await linesFor([plain.address], tls())).toEqual([
      expect.stringMatching(/^fault: .*does not speak TLS: check meta-use-tls/),
    ]);
    const secure = await startNode({ tls: authority.issue('secure') });
    expect(await linesFor([secure.address])).toEqual([expect.stringMatching(/^fault: /)]);
  });

  test('a file that cannot be used: one fault that names the key and the file', async () => {
    const [first, second] = [await startNode(), await startNode()];
    expect(
      await linesFor([first.address, second.address], tls({ metaCa: '/nowhere/ca.pem' })),
    ).toEqual([expect.stringMatching(/^fault: .*meta-ca "\/nowhere\/ca\.pem"/)]);
    expect(first.countOf('GET /user')).toBe(0);
  });
});
