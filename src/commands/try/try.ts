import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createPasswords } from '../../authenticate/password.ts';
import { ConfigError, loadConfig } from '../../config/load.ts';
import type { Config } from '../../config/config.ts';
import { createGateway } from '../../gateway.ts';
import { createLog } from '../../kernel/log.ts';
import { messageOf } from '../../kernel/errors.ts';
import { Secret } from '../../kernel/secret.ts';
import { probeUpstream } from '../../proxy/probe.ts';
import { openUserStore } from '../../users/store.ts';
import type { Context } from '../context.ts';
import { CommandError, EXIT } from '../terminal.ts';
import type { Terminal } from '../terminal.ts';
import { findKapacitord, startKapacitord } from './kapacitord.ts';
import { startKapacitorStandIn } from './kapacitor-stand-in.ts';

export interface TryOptions {
  /** The URL of a Kapacitor that runs already. */
  readonly upstream?: string | undefined;
}

interface Upstream {
  readonly url: string;
  readonly name: string;
  stop(): Promise<void>;
}

interface Passwords {
  readonly admin: string;
  readonly reader: string;
}

/** Runs the gateway on free ports before a Kapacitor, with an admin and a plain user, until Ctrl-C. */
export async function tryOut({ terminal }: Context, options: TryOptions): Promise<number> {
  const told = new Promise<string>((resolve) => {
    terminal.onStop(resolve);
  });
  const directory = mkdtempSync(join(tmpdir(), 'kapgate-try-'));
  try {
    const upstream = await openUpstream(terminal, options, directory);
    try {
      await run(terminal, directory, upstream, told);
    } finally {
      await upstream.stop();
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
  return EXIT.ok;
}

async function run(
  terminal: Terminal,
  directory: string,
  upstream: Upstream,
  told: Promise<string>,
): Promise<void> {
  const config = configFor(join(directory, 'store'), upstream.url, await freePort());
  await demandKapacitor(config);
  const passwords = await makeUsers(config);
  const log = createLog(config.log);
  const gateway = createGateway(config, { log, now: Date.now });
  try {
    const port = await gateway.start();
    terminal.out(instructions(port, upstream, passwords));
    await told;
  } finally {
    terminal.out('\nstopping; nothing of the trial is kept\n');
    await gateway.stop();
    await log.close();
  }
}

async function openUpstream(
  { env }: Terminal,
  options: TryOptions,
  directory: string,
): Promise<Upstream> {
  if (options.upstream !== undefined) {
    return {
      url: options.upstream,
      name: 'the Kapacitor of --upstream',
      stop: () => Promise.resolve(),
    };
  }
  const program = findKapacitord(env);
  if (program === undefined) {
    const name = 'a small stand-in (no kapacitord was found on PATH)';
    return { ...(await startKapacitorStandIn()), name };
  }
  const running = await startKapacitord(program, directory, await freePort());
  return { ...running, name: `a kapacitord (${program})` };
}

/** What the printed lines promise must be there. @throws CommandError */
async function demandKapacitor({ upstream }: Config): Promise<void> {
  const what = `cannot try it before ${upstream.url}`;
  const probe = await probeUpstream({ ...upstream, origin: upstream.url, ca: undefined }).catch(
    (cause: unknown) => {
      throw new CommandError(`${what}: ${messageOf(cause)}; is Kapacitor running there?`, 1, {
        cause,
      });
    },
  );
  if (probe.status === 401) {
    throw new CommandError(`${what}: it asks for credentials itself ([http] auth-enabled)`);
  }
  if (probe.version === '') throw new CommandError(`${what}: it does not answer as Kapacitor does`);
}

/** The defaults, through the same door as any configuration. */
function configFor(storePath: string, upstreamUrl: string, port: number): Config {
  const noFile = (path: string): never => {
    throw Object.assign(new Error(`ENOENT: no such file, "${path}"`), { code: 'ENOENT' });
  };
  const env = {
    KAPGATE_HTTP_BIND_ADDRESS: `127.0.0.1:${port}`,
    KAPGATE_HTTP_SHUTDOWN_TIMEOUT: '1s',
    KAPGATE_UPSTREAM_URL: upstreamUrl,
    KAPGATE_STORE_PATH: storePath,
  };
  try {
    return loadConfig({ readFile: noFile, env }).config;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    // Of all these only the URL is somebody else's.
    const problem = error.message.replace('in KAPGATE_UPSTREAM_URL', 'in --upstream');
    throw new CommandError(problem, EXIT.usage, { cause: error });
  }
}

async function makeUsers(config: Config): Promise<Passwords> {
  const { bcryptCost } = config.auth;
  const passwords = { admin: randomPassword(), reader: randomPassword() };
  const hasher = createPasswords({ cost: bcryptCost });
  const store = openUserStore({ path: config.store.path, minimumCost: bcryptCost });
  await store.create({
    name: 'admin',
    admin: true,
    hash: await hasher.hash(new Secret(passwords.admin)),
    permissions: [],
  });
  await store.create({
    name: 'reader',
    admin: false,
    hash: await hasher.hash(new Secret(passwords.reader)),
    permissions: ['api:read'],
  });
  await store.close();
  return passwords;
}

function instructions(port: number, upstream: Upstream, passwords: Passwords): string {
  const gate = `http://localhost:${port}`;
  return `
Kapgate listens on ${gate} before ${upstream.name} at ${upstream.url}.
Paste these:

  # nobody: 401
  curl -i ${gate}/kapacitor/v1/tasks

  # the admin: 204 from Kapacitor itself
  curl -i -u admin:${passwords.admin} ${gate}/kapacitor/v1/ping

  # a user with the permission api:read may look ...
  curl -i -u reader:${passwords.reader} ${gate}/kapacitor/v1/tasks

  # ... but not write: 403, and it says why
  curl -i -u reader:${passwords.reader} -XDELETE ${gate}/kapacitor/v1/tasks/cpu

  # a third user, for one database only
  curl -u admin:${passwords.admin} ${gate}/kapacitor/v1/users -d '{"name":"telegraf","password":"t-secret","type":"normal","permissions":["write_points:telegraf"]}'
  curl -i -u telegraf:t-secret '${gate}/write?db=telegraf&rp=autogen' --data-binary 'cpu,host=a usage=42'

  # the kapacitor CLI
  kapacitor -url http://admin:${passwords.admin}@localhost:${port} list tasks

Each request leaves a line below. Ctrl-C ends it.

`;
}

function randomPassword(): string {
  return randomBytes(9).toString('base64url');
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => {
        resolve(typeof address === 'object' && address !== null ? address.port : 0);
      });
    });
  });
}
