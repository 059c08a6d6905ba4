import { metaOriginsOf } from '../../config/config.ts';
import type { AuthConfig, Config } from '../../config/config.ts';
import { messageOf } from '../../kernel/errors.ts';
import { goQuote } from '../../kernel/go-text.ts';
import type { MetaClient } from '../../meta/client.ts';
import { MetaFault } from '../../meta/fault.ts';
import { isRefusal } from '../../meta/roles.ts';
import type { Finding } from './finding.ts';

type Asking = Pick<MetaClient, 'user' | 'roles' | 'close'>;

/** A client that asks only these of the nodes in meta-addr. @throws where a file of TLS cannot be used */
export type OpenClient = (addresses: readonly string[]) => Asking;

const part = 'meta';
/** Each request by a user who is not remembered waits that long. */
const SLOW_MS = 1000;
/** Asked for where the gateway is no user at the nodes: whether there is one of that name does not matter. */
const ANYBODY = 'kapgate';

/** Each meta node, asked on its own as the gateway would; then who is an admin. */
export async function metaFindings(config: Config, open: OpenClient): Promise<readonly Finding[]> {
  const { auth } = config;
  const nodes = metaOriginsOf(config);
  let clients: readonly Asking[];
  try {
    clients = auth.metaAddr.map((address) => open([address]));
  } catch (error) {
    return [{ part, result: 'fault', detail: messageOf(error) }];
  }
  try {
    const findings = await Promise.all(
      clients.map((client, index) => nodeFinding(auth, nodes[index] ?? '', client)),
    );
    const answering = clients.find((_, index) => findings[index]?.result !== 'fault');
    return [...findings, ...(await adminFindings(auth, answering))];
  } finally {
    for (const client of clients) client.close();
  }
}

async function nodeFinding(auth: AuthConfig, node: string, client: Asking): Promise<Finding> {
  const began = performance.now();
  try {
    const isOwn = auth.metaInternalSharedSecret.isEmpty && auth.metaUsername !== '';
    const user = await client.user(isOwn ? auth.metaUsername : ANYBODY);
    const ms = performance.now() - began;
    const knowsOwn = !isOwn || user !== undefined;
    return await answeringFinding(auth, node, client, { ms, knowsOwn });
  } catch (error) {
    return { part, result: 'fault', detail: faultText(error) };
  }
}

async function answeringFinding(
  auth: AuthConfig,
  node: string,
  client: Asking,
  { ms, knowsOwn }: { readonly ms: number; readonly knowsOwn: boolean },
): Promise<Finding> {
  const roles = await rolesRefusal(client);
  const problems = [
    ...(knowsOwn ? [] : [`it has no user ${goQuote(auth.metaUsername)}, yet it answers: ${OPEN}`]),
    ...(asksAsNobody(auth) ? [`it answers without credentials: ${OPEN}`] : []),
    ...(roles === undefined ? [] : [`what roles grant does not count: ${roles}`]),
    ...(ms > SLOW_MS ? [`it took ${Math.round(ms)} ms to answer`] : []),
  ];
  return problems.length > 0
    ? { part, result: 'warning', detail: `${node}: ${problems.join('; ')}` }
    : { part, result: 'ok', detail: `${node}: ${callerOf(auth)} may read users and roles` };
}

const OPEN =
  'set [meta] auth-enabled = true there, or whoever reaches it can make themselves an admin';

/** Why roles cannot be read; undefined where they can. */
async function rolesRefusal(client: Asking): Promise<string | undefined> {
  try {
    await client.roles();
    return undefined;
  } catch (error) {
    if (!isRefusal(error)) throw error;
    return faultText(error);
  }
}

function asksAsNobody({ metaUsername, metaInternalSharedSecret }: AuthConfig): boolean {
  return metaUsername === '' && metaInternalSharedSecret.isEmpty;
}

function callerOf({ metaUsername, metaInternalSharedSecret }: AuthConfig): string {
  return metaInternalSharedSecret.isEmpty
    ? `the gateway's own user ${goQuote(metaUsername)}`
    : 'by the internal shared secret the gateway';
}

const ROLE = 'role:';

/** Without admins a good part of Kapacitor is nobody's; and a name that is mistyped makes none. */
async function adminFindings(
  { metaAdmins }: AuthConfig,
  client: Asking | undefined,
): Promise<readonly Finding[]> {
  if (metaAdmins.length === 0) {
    const detail =
      'nobody is an admin: backups, the log level, side-loading and the list of users are refused to all. ' +
      'Add to [auth]: meta-admins = ["NAME"], or ["role:NAME"]';
    return [{ part, result: 'warning', detail }];
  }
  if (client === undefined) return [];
  try {
    const unknown = await unknownAdmins(metaAdmins, client);
    return unknown.map((entry) => ({ part, result: 'warning', detail: unknownText(entry) }));
  } catch {
    // The lines of the nodes say why.
    return [];
  }
}

async function unknownAdmins(
  metaAdmins: readonly string[],
  client: Asking,
): Promise<readonly string[]> {
  const names = metaAdmins.filter((entry) => !entry.startsWith(ROLE));
  const roleEntries = metaAdmins.filter((entry) => entry.startsWith(ROLE));
  const users = await Promise.all(names.map((name) => client.user(name)));
  const roles = roleEntries.length === 0 ? [] : await client.roles();
  return [
    ...names.filter((_, index) => users[index] === undefined),
    ...roleEntries.filter((entry) => !roles.some(({ name }) => ROLE + name === entry)),
  ];
}

function unknownText(entry: string): string {
  const what = entry.startsWith(ROLE)
    ? `no role ${goQuote(entry.slice(ROLE.length))}`
    : `no user ${goQuote(entry)}`;
  return `meta-admins has ${goQuote(entry)}, and the meta nodes have ${what}`;
}

function faultText(error: unknown): string {
  const hint =
    error instanceof MetaFault && error.kind === 'forbidden'
      ? ' (docs/meta.md, "The gateway\'s own user")'
      : '';
  return `${messageOf(error)}${hint}`;
}
