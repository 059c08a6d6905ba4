import { createPasswords } from '../../authenticate/password.ts';
import type { Config } from '../../config/config.ts';
import { Secret } from '../../kernel/secret.ts';
import { openUserStore } from '../../users/store.ts';
import { randomPassword } from './trial-users.ts';
import type { TrialUsers } from './trial-users.ts';

interface Passwords {
  readonly admin: string;
  readonly reader: string;
}

/** An admin and a plain user in the gateway's own store. */
export function createLocalUsers(): TrialUsers {
  const passwords = { admin: randomPassword(), reader: randomPassword() };
  return {
    env: {},
    make: (config) => makeUsers(config, passwords),
    lines: (gate) => linesFor(gate, passwords),
    stop: () => Promise.resolve(),
  };
}

async function makeUsers({ auth, store }: Config, { admin, reader }: Passwords): Promise<void> {
  const hasher = createPasswords({ cost: auth.bcryptCost });
  const users = openUserStore({ path: store.path, minimumCost: auth.bcryptCost });
  await users.create({
    name: 'admin',
    admin: true,
    hash: await hasher.hash(new Secret(admin)),
    permissions: [],
  });
  await users.create({
    name: 'reader',
    admin: false,
    hash: await hasher.hash(new Secret(reader)),
    permissions: ['api:read'],
  });
  await users.close();
}

function linesFor(gate: string, { admin, reader }: Passwords): string {
  return `  # nobody: 401
  curl -i ${gate}/kapacitor/v1/tasks

  # the admin: 204 from Kapacitor itself
  curl -i -u admin:${admin} ${gate}/kapacitor/v1/ping

  # a user with the permission api:read may look ...
  curl -i -u reader:${reader} ${gate}/kapacitor/v1/tasks

  # ... but not write: 403, and it says why
  curl -i -u reader:${reader} -XDELETE ${gate}/kapacitor/v1/tasks/cpu

  # a third user, for one database only
  curl -u admin:${admin} ${gate}/kapacitor/v1/users -d '{"name":"telegraf","password":"t-secret","type":"normal","permissions":["write_points:telegraf"]}'
  curl -i -u telegraf:t-secret '${gate}/write?db=telegraf&rp=autogen' --data-binary 'cpu,host=a usage=42'

  # the kapacitor CLI
  kapacitor -url ${gate.replace('//', `//admin:${admin}@`)} list tasks
`;
}
