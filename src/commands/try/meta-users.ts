import type { MetaCluster } from './meta-cluster.ts';
import { createMetaCluster } from './meta-cluster.ts';
import { startMetaNode } from './meta-stand-in.ts';
import type { MetaCall } from './meta-stand-in.ts';
import { randomPassword } from './trial-users.ts';
import type { TrialUsers } from './trial-users.ts';

interface Passwords {
  readonly admin: string;
  readonly operator: string;
  /** Of the gateway itself, at the meta node. */
  readonly kapgate: string;
}

const COST = 10;
const CACHE_EXPIRATION = '5s';

/** An admin and an operator at a meta node of InfluxDB Enterprise, which is played. @param tell is told of each call to it */
export async function startMetaUsers(tell: (line: string) => void): Promise<TrialUsers> {
  const passwords = {
    admin: randomPassword(),
    operator: randomPassword(),
    kapgate: randomPassword(),
  };
  const cluster = createMetaCluster({ cost: COST });
  await fill(cluster, passwords);
  const onCall = ({ method, path, name }: MetaCall): void => {
    tell(`meta node: ${method} ${path}${name === '' ? '' : ` ${JSON.stringify(name)}`}\n`);
  };
  const node = await startMetaNode({ cluster, demands: { kind: 'basic' }, onCall });
  return {
    env: {
      KAPGATE_AUTH_META_ADDR: node.address,
      KAPGATE_AUTH_META_USERNAME: 'kapgate',
      KAPGATE_AUTH_META_PASSWORD: passwords.kapgate,
      KAPGATE_AUTH_META_ADMINS: 'admin',
      KAPGATE_AUTH_META_STALE: '10m',
      KAPGATE_AUTH_CACHE_EXPIRATION: CACHE_EXPIRATION,
    },
    make: () => Promise.resolve(),
    lines: (gate) => linesFor(gate, node.url, passwords),
    stop: () => node.stop(),
  };
}

async function fill(cluster: MetaCluster, passwords: Passwords): Promise<void> {
  const grants = {
    admin: ['CreateUserAndRole'],
    operator: ['KapacitorAPI'],
    kapgate: [],
  } as const;
  for (const name of ['admin', 'operator', 'kapgate'] as const) {
    const user = { on: 'user', name } as const;
    await cluster.change({ ...user, action: 'create', password: passwords[name] });
    await cluster.change({
      ...user,
      action: 'add-permissions',
      permissions: new Map([['', grants[name]]]),
    });
  }
}

function linesFor(gate: string, meta: string, { admin, operator }: Passwords): string {
  const post = (path: string): string => `curl --request POST ${meta}${path} --user admin:${admin}`;
  return `  # nobody: 401
  curl -i ${gate}/kapacitor/v1/tasks

  # the admin, who is one by [auth] meta-admins: 204 from Kapacitor itself
  curl -i -u admin:${admin} ${gate}/kapacitor/v1/ping

  # a user with the permission KapacitorAPI may use the API ...
  curl -i -u operator:${operator} ${gate}/kapacitor/v1/tasks

  # ... but not the configuration: 403, and it says why
  curl -i -u operator:${operator} ${gate}/kapacitor/v1/config

  # a user made at the meta node, as Kapacitor's documentation has it, then let in by the gate
  ${post('/user')} --data '{"action":"create","user":{"name":"johndoe","password":"pa5sw0Rd"}}'
  ${post('/user')} --data '{"action":"add-permissions","user":{"name":"johndoe","permissions":{"telegraf":["WriteData"]}}}'
  curl -i -u johndoe:pa5sw0Rd '${gate}/write?db=telegraf&rp=autogen' --data-binary 'cpu,host=a usage=42'

  # a role for them: what it allows is allowed once the gate asks again, within ${CACHE_EXPIRATION} here
  ${post('/role')} --data '{"action":"create","role":{"name":"kapacitor"}}'
  ${post('/role')} --data '{"action":"add-permissions","role":{"name":"kapacitor","permissions":{"":["KapacitorAPI"]}}}'
  ${post('/role')} --data '{"action":"add-users","role":{"name":"kapacitor","users":["johndoe"]}}'
  sleep 6
  curl -i -u johndoe:pa5sw0Rd ${gate}/kapacitor/v1/tasks

  # the gate shows the users of the meta node ...
  curl -u admin:${admin} ${gate}/kapacitor/v1/users

  # ... and changes none: 405, and it says where to
  curl -i -u admin:${admin} ${gate}/kapacitor/v1/users -d '{"name":"jane","password":"secret","type":"normal"}'

  # the kapacitor CLI
  kapacitor -url ${gate.replace('//', `//admin:${admin}@`)} list tasks
`;
}
