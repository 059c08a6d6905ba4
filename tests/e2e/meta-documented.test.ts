import { afterAll, beforeAll, beforeEach, afterEach, describe, expect, test } from '@jest/globals';
import { writeFile } from 'node:fs/promises';
import type { MetaCluster } from '../../src/commands/try/meta-cluster.ts';
import { startMetaNode } from '../../src/commands/try/meta-stand-in.ts';
import type { MetaNode } from '../../src/commands/try/meta-stand-in.ts';
import type { Demands } from '../../src/commands/try/meta-caller.ts';
import { createAuthority, findOpenssl } from '../support/certificates.ts';
import type { Certificate, CertificateAuthority } from '../support/certificates.ts';
import { findCurl, paste } from '../support/curl.ts';
import { createCluster } from '../support/meta-cluster.ts';
import { startMetaGateway } from '../support/meta-gateway.ts';
import { answering, startRecordingUpstream } from '../support/recording-upstream.ts';
import { createTempDir } from '../support/temp-dir.ts';
import type { TempDir } from '../support/temp-dir.ts';

const what = "the curl lines of Kapacitor's Enterprise documentation";
const testWithCurl = findCurl(what) && findOpenssl(what) ? test : test.skip;

/** The hosts of the documentation; the certificate is theirs, so that its lines are pasted as they are printed. */
const NAMES = 'IP:127.0.0.1,IP:172.17.0.2,DNS:cluster_node_1,DNS:cluster_node_2';
const LEADER = 'https://cluster_node_1:8091';

let dir: TempDir;
let authority: CertificateAuthority;
let certificate: Certificate;
let cluster: MetaCluster;
let leader: MetaNode;
let follower: MetaNode;

beforeAll(async () => {
  dir = await createTempDir();
  authority = createAuthority(dir.path);
  certificate = authority.issue('meta', { subjectAltName: NAMES });
});

afterAll(() => dir.remove());

afterEach(() => Promise.all([leader, follower].map((node) => node.stop())));

/** A cluster with the administrators of the documentation. */
async function startCluster(demands: Demands): Promise<void> {
  const permissions = { '': ['CreateUserAndRole'] };
  cluster = await createCluster([
    { name: 'admin', password: 'changeit', permissions },
    { name: 'username', password: 'password', permissions },
  ]);
  const { cert, key } = certificate;
  leader = await startMetaNode({ cluster, demands, tls: { cert, key } });
  follower = await startMetaNode({ cluster, demands, tls: { cert, key }, leader: LEADER });
}

interface Pasted {
  readonly status: number;
  readonly body: string;
}

/** Pastes a line; curl is told where the hosts of the documentation are, and to print the status behind the body. */
async function play(line: string, more: readonly string[] = []): Promise<Pasted> {
  const [lead, follow] = [leader.address, follower.address];
  const settings = [
    'silent',
    `cacert = "${authority.caFile}"`,
    'write-out = "\\n%{http_code}"',
    `connect-to = "172.17.0.2:8091:${lead}"`,
    `connect-to = "cluster_node_1:8091:${lead}"`,
    `connect-to = "cluster_node_2:8091:${follow}"`,
    ...more,
  ];
  await writeFile(`${dir.path}/.curlrc`, `${settings.join('\n')}\n`);
  const { code, stdout, stderr } = await paste(line, { CURL_HOME: dir.path });
  if (code !== 0) throw new Error(`curl ended with ${code}: ${stderr}`);
  const [, body = '', status = ''] = /^([^]*)\n(\d{3})$/.exec(stdout) ?? [];
  return { status: Number(status), body };
}

async function sentenceOf(line: string): Promise<unknown> {
  const { status, body } = await play(line);
  expect(status).toBe(400);
  const { error } = JSON.parse(body) as { readonly error: unknown };
  return error;
}

/** Kapacitor 1.6 and newer: administration/auth/influxdb-enterprise-auth. */
const NEWER = {
  createUser: `curl --request POST https://172.17.0.2:8091/user \\
  --user "admin:changeit" \\
  --data '{
    "action":"create",
    "user": {
      "name":"johndoe",
      "password":"pa5sw0Rd"
    }
  }' `,
  grantToUser: `curl --request POST https://172.17.0.2:8091/user \\
  --user "username:password" \\
  --data '{
    "action": "add-permissions",
    "user":{
      "name": "johndoe",
      "permissions": {
        "":[
          "KapacitorAPI",
          "KapacitorConfigAPI"
        ]
      }
    }
  }'`,
  createRole: `curl --request POST https://172.17.0.2:8091/role \\
  --user "admin:changeit" \\
  --data '{
    "action":"create",
    "user": {
      "name":"kapacitor",
    }
  }' `,
  grantToRole: `curl --request POST https://172.17.0.2:8091/user \\
  --user "username:password" \\
  --data '{
    "action": "add-permissions",
    "role":{
      "name": "kapacitor",
      "permissions": {
        "":[
          "KapacitorAPI",
          "KapacitorConfigAPI"
        ]
      }
    }
  }'`,
  assignRole: `curl --request POST  https://172.17.0.2:8091/role \\
  --user "username:password" \\
  --data '{
    "action": "add-users",
    "role": {
      "name": "example-role",
      "users": [
        "johndoe"
      ]
    }
  }'`,
} as const;

/** The same, without their misprints. */
const CORRECTED = {
  ...NEWER,
  createRole: NEWER.createRole
    .replace('"user": {', '"role": {')
    .replace('"kapacitor",', '"kapacitor"'),
  grantToRole: NEWER.grantToRole.replace(':8091/user', ':8091/role'),
  assignRole: NEWER.assignRole.replace('example-role', 'kapacitor'),
} as const;

const DONE = { status: 200, body: '' } as const;
const BOTH = new Map([['', ['KapacitorAPI', 'KapacitorConfigAPI']]]);

/** A gateway at that leader lets in who was made, and only with the password that was given. */
async function expectLetIn(): Promise<void> {
  const upstream = await startRecordingUpstream(answering(200));
  const gateway = await startMetaGateway({
    dir: `${dir.path}/${started++}`,
    upstream: upstream.url,
    nodes: [leader],
    auth: {
      'meta-username': '"admin"',
      'meta-password': '"changeit"',
      'meta-use-tls': 'true',
      'meta-ca': JSON.stringify(authority.caFile),
    },
  });
  try {
    const at9092 = `connect-to = "localhost:9092:127.0.0.1:${gateway.port}"`;
    // The documentation makes the user with another password than it then shows.
    expect((await play(ASK, [at9092])).status).toBe(401);
    const corrected = ASK.replace('Pa5sw0Rd', 'pa5sw0Rd');
    expect((await play(corrected, [at9092])).status).toBe(200);
    expect((await play(corrected.replace('tasks', 'config'), [at9092])).status).toBe(200);
    expect(upstream.requests.map(({ target }) => target)).toEqual([
      '/kapacitor/v1/tasks',
      '/kapacitor/v1/config',
    ]);
  } finally {
    await gateway.stop();
    await upstream.stop();
  }
}

const ASK = `curl --request GET http://localhost:9092/kapacitor/v1/tasks \\
  -u "johndoe:Pa5sw0Rd" `;

let started = 0;

describe('the lines of the documentation of Kapacitor 1.6 and newer', () => {
  beforeEach(() => startCluster({ kind: 'basic' }));

  testWithCurl('as corrected, they make a user whom the gateway lets in', async () => {
    expect(await play(CORRECTED.createUser)).toEqual(DONE);
    expect(await play(CORRECTED.grantToUser)).toEqual(DONE);
    expect(cluster.state.users.get('johndoe')).toMatchObject({ permissions: BOTH });
    await expectLetIn();
  });

  testWithCurl('as corrected, they make a role whose member the gateway lets in', async () => {
    const { createRole, grantToRole, createUser, assignRole } = CORRECTED;
    for (const line of [createRole, grantToRole, createUser, assignRole]) {
      expect(await play(line)).toEqual(DONE);
    }
    expect(cluster.state.users.get('johndoe')).toMatchObject({ permissions: new Map() });
    expect(cluster.state.roles.get('kapacitor')).toEqual({
      name: 'kapacitor',
      permissions: BOTH,
      users: ['johndoe'],
    });
    await expectLetIn();
  });

  testWithCurl('as printed, their misprints are told in a sentence', async () => {
    expect((await play(NEWER.createUser)).status).toBe(200);
    expect(await sentenceOf(NEWER.createRole)).toBe(
      'the body is not JSON: a comma stands before a closing bracket',
    );
    expect(await sentenceOf(NEWER.createRole.replace('"kapacitor",', '"kapacitor"'))).toBe(
      '"user" goes to /user: /role takes "role"',
    );
    expect(await sentenceOf(NEWER.grantToRole)).toBe('"role" goes to /role: /user takes "user"');
    expect(await sentenceOf(NEWER.assignRole)).toBe('role not found: "example-role"');
    expect(cluster.state.roles.size).toBe(0);
  });
});

/** Enterprise Kapacitor 1.4 and 1.5, without the pipe through `python -m json.tool`. */
const OLDER = {
  list: 'curl -u "admin:changeit" -s https://cluster_node_1:8091/user',
  createAtFollower: `curl -u "admin:changeit" -s -v -d '{"action":"create","user":{"name":"phantom2","password":"changeit"}}' https://cluster_node_2:8091/user`,
  create: `curl -u "admin:changeit" -s -v -d '{"action":"create","user":{"name":"phantom","password":"changeit"}}' https://cluster_node_1:8091/user`,
  show: 'curl --negotiate -u "admin:changeit" -s https://cluster_node_1:8091/user?name=phantom',
  grant: `curl --negotiate -u "admin:changeit" -s -v -d '{"action":"add-permissions","user":{"name":"phantom","permissions":{"":["KapacitorAPI","KapacitorConfigAPI"]}}}' https://cluster_node_1:8091/user`,
  revoke: `curl --negotiate -u "admin:changeit" -s -v -d '{"action":"remove-permissions","user":{"name":"phantom","permissions":{"":["KapacitorConfigAPI"]}}}' https://cluster_node_1:8091/user`,
  remove: `curl --negotiate -u "admin:changeit" -s -v -d '{"action":"delete","user":{"name":"phantom2"}}' https://cluster_node_1:8091/user`,
  listRoles: 'curl --negotiate -u "admin:changeit" -s https://cluster_node_1:8091/role',
  createRole: `curl --negotiate -u "admin:changeit"  -v -d '{"action":"create","role":{"name":"spectre"}}' https://cluster_node_1:8091/role`,
  showRole: 'curl --negotiate -u "admin:changeit" -s https://cluster_node_1:8091/role?name=spectre',
  grantRole: `curl --negotiate -u "admin:changeit" -s -v -d '{"action":"add-permissions","role":{"name":"spectre","permissions":{"":["KapacitorAPI","KapacitorConfigAPI"]}}}' https://cluster_node_1:8091/role`,
  addUser: `curl --negotiate -u "admin:changeit" -s -v -d '{"action":"add-users","role":{"name":"spectre","users":["phantom"]}}'  https://cluster_node_1:8091/role`,
  removeUser: `curl --negotiate -u "admin:changeit" -s -v -d '{"action":"remove-users","role":{"name":"spectre","users":["phantom"]}}' https://admin:changeit@cluster_node_1:8091/role`,
  revokeRole: `curl --negotiate -u "admin:changeit" -s -v -d '{"action":"remove-permissions","role":{"name":"spectre","permissions":{"":["KapacitorConfigAPI"]}}}' https://cluster_node_1:8091/role`,
  removeRole: `curl --negotiate -u "admin:changeit" -s -v -d '{"action":"delete","role":{"name":"spectre"}}' https://cluster_node_1:8091/role`,
} as const;

type OlderLine = keyof typeof OLDER;

describe.each([
  // curl sends no password under --negotiate before it is asked for a ticket: these lines are for a
  // node that demands none.
  ['as printed, at a node that demands no credentials', { kind: 'nothing' }, false],
  ['without --negotiate, at a node that demands them', { kind: 'basic' }, true],
] as const)('the lines of Enterprise Kapacitor 1.4 and 1.5, %s', (_, demands, isCorrected) => {
  beforeEach(() => startCluster(demands));

  const playOlder = (name: OlderLine): Promise<Pasted> =>
    play(isCorrected ? OLDER[name].replace('--negotiate ', '') : OLDER[name]);

  const shown = async (name: OlderLine): Promise<unknown> => {
    const { status, body } = await playOlder(name);
    expect(status).toBe(200);
    return JSON.parse(body);
  };

  testWithCurl('do as the documentation says', async () => {
    const both = { '': ['KapacitorAPI', 'KapacitorConfigAPI'] };
    const hash = expect.stringMatching(/^\$2a\$/);
    expect(await shown('list')).toMatchObject({ users: [{ name: 'admin' }, { name: 'username' }] });
    expect(await playOlder('createAtFollower')).toEqual({ status: 307, body: '' });
    expect(cluster.state.users.has('phantom2')).toBe(false);
    const trusted = OLDER.createAtFollower.replace('curl', 'curl --location-trusted');
    expect(await play(trusted)).toEqual(DONE);
    expect(await playOlder('create')).toEqual(DONE);
    expect(await shown('show')).toEqual({ users: [{ name: 'phantom', hash }] });
    expect(await playOlder('grant')).toEqual(DONE);
    expect(await shown('show')).toEqual({ users: [{ name: 'phantom', hash, permissions: both }] });
    expect(await playOlder('revoke')).toEqual(DONE);
    expect(await playOlder('remove')).toEqual(DONE);
    expect(cluster.state.users.has('phantom2')).toBe(false);
    expect(await shown('listRoles')).toEqual({});
    expect(await playOlder('createRole')).toEqual(DONE);
    expect(await shown('showRole')).toEqual({ roles: [{ name: 'spectre' }] });
    expect(await playOlder('grantRole')).toEqual(DONE);
    expect(await playOlder('addUser')).toEqual(DONE);
    expect(await shown('showRole')).toEqual({
      roles: [{ name: 'spectre', permissions: both, users: ['phantom'] }],
    });
    expect(await playOlder('removeUser')).toEqual(DONE);
    expect(await playOlder('revokeRole')).toEqual(DONE);
    expect(await shown('showRole')).toEqual({
      roles: [{ name: 'spectre', permissions: { '': ['KapacitorAPI'] } }],
    });
    expect(await playOlder('removeRole')).toEqual(DONE);
    expect(await playOlder('showRole')).toEqual({
      status: 404,
      body: '{"error":"role not found"}',
    });
  });
});
