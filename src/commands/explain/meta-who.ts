import { readPasswordForm, readRemoteForm } from '../../authenticate/password-forms.ts';
import { metaOriginsOf } from '../../config/config.ts';
import type { Config } from '../../config/config.ts';
import { goQuote } from '../../kernel/go-text.ts';
import { adminEntryFor } from '../../meta/admins.ts';
import type { MetaClient } from '../../meta/client.ts';
import type { MetaRole } from '../../meta/documents.ts';
import { keptAt } from '../../meta/kept-at.ts';
import { rightsOf } from '../../meta/rights.ts';
import { byMember, isRefusal } from '../../meta/roles.ts';
import { openMetaClient } from '../../wiring/meta-client.ts';
import { CommandError } from '../terminal.ts';
import type { Step, Who } from './who.ts';

/** Asks the meta nodes, as they stand now: the gateway may remember an answer for `cache-expiration`. */
export async function metaWho(config: Config, name: string): Promise<Who> {
  const client = openMetaClient(config, { now: Date.now, onNodeChange: () => undefined });
  try {
    return await ask(client, config, name);
  } finally {
    client.close();
  }
}

async function ask(client: MetaClient, config: Config, name: string): Promise<Who> {
  const nodes = metaOriginsOf(config);
  const user = await client.user(name);
  if (user === undefined) {
    throw new CommandError(`there is no user ${goQuote(name)} at ${nodes.join(', ')}`);
  }
  const { roles, refused } = await rolesOrRefusal(client, name);
  const roleNames = roles.map((role) => role.name);
  const adminBy = adminEntryFor(name, roleNames, config.auth.metaAdmins);
  const { admin, grants, unknown } = rightsOf(user, roles, config.auth.metaAdmins);
  const steps: Step[] = [
    { what: 'user', detail: `${name}: ${admin ? 'admin' : 'normal'}, at ${nodes.join(', ')}` },
    { what: 'password', detail: passwordText(user.hash) },
    { what: 'roles', detail: refused ?? (roleNames.map(goQuote).join(', ') || 'none') },
    {
      what: 'admin',
      detail:
        adminBy !== undefined
          ? `yes: ${goQuote(adminBy)} stands in meta-admins`
          : 'no: neither the name nor a role of the user stands in meta-admins',
    },
    ...(unknown.length === 0
      ? []
      : [{ what: 'ignored', detail: `unknown permissions: ${unknown.map(goQuote).join(', ')}` }]),
  ];
  return { identity: { name, admin, grants, method: 'basic' }, steps, keptAt: keptAt(nodes) };
}

/** As where users are authenticated: roles that may not be read grant nothing. */
async function rolesOrRefusal(
  client: MetaClient,
  name: string,
): Promise<{ readonly roles: readonly MetaRole[]; readonly refused?: string }> {
  try {
    return { roles: byMember(await client.roles()).get(name) ?? [] };
  } catch (error) {
    if (!isRefusal(error)) throw error;
    return { roles: [], refused: `not known, so they grant nothing: ${error.message}` };
  }
}

/** Never the hash itself. */
function passwordText(hash: string): string {
  if (hash === '') return 'checked by the meta node: there is no hash (LDAP)';
  const form = readPasswordForm(hash);
  if (form === undefined) return 'checked by the meta node: the hash is of no known form';
  if (readRemoteForm(hash) === undefined) {
    return 'checked by the meta node: the hash would take too long here';
  }
  return `checked here: ${form.kind === 'bcrypt' ? 'bcrypt' : `pbkdf2-${form.digest}`}`;
}
