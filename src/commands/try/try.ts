import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError, loadConfig } from '../../config/load.ts';
import type { Config } from '../../config/config.ts';
import { createGateway } from '../../gateway.ts';
import { createLog } from '../../kernel/log.ts';
import type { Context } from '../context.ts';
import { CommandError, EXIT } from '../terminal.ts';
import type { Terminal } from '../terminal.ts';
import { freePort } from './free-port.ts';
import { createLocalUsers } from './local-users.ts';
import { startMetaUsers } from './meta-users.ts';
import type { TrialUsers } from './trial-users.ts';
import { demandKapacitor, openUpstream } from './upstream.ts';
import type { Upstream } from './upstream.ts';

export interface TryOptions {
  /** The URL of a Kapacitor that runs already. */
  readonly upstream?: string | undefined;
  /** Whether the users are those of a meta node, which is played. */
  readonly meta?: boolean | undefined;
}

/** Runs the gateway on free ports before a Kapacitor, with an admin and a plain user, until Ctrl-C. */
export async function tryOut({ terminal }: Context, options: TryOptions): Promise<number> {
  const told = new Promise<string>((resolve) => {
    terminal.onStop(resolve);
  });
  const directory = mkdtempSync(join(tmpdir(), 'kapgate-try-'));
  try {
    const upstream = await openUpstream(terminal, options.upstream, directory);
    try {
      const users = options.meta === true ? await startMetaUsers(terminal.err) : createLocalUsers();
      try {
        await run(terminal, directory, { upstream, users }, told);
      } finally {
        await users.stop();
      }
    } finally {
      await upstream.stop();
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
  return EXIT.ok;
}

interface Cast {
  readonly upstream: Upstream;
  readonly users: TrialUsers;
}

async function run(
  terminal: Terminal,
  directory: string,
  { upstream, users }: Cast,
  told: Promise<string>,
): Promise<void> {
  const config = configFor(upstream.url, {
    ...users.env,
    KAPGATE_HTTP_BIND_ADDRESS: `127.0.0.1:${await freePort()}`,
    KAPGATE_STORE_PATH: join(directory, 'store'),
  });
  await demandKapacitor(config);
  await users.make(config);
  const log = createLog(config.log, terminal);
  const gateway = await createGateway(config, { log, now: Date.now });
  try {
    await gateway.start();
    const gate = `http://localhost:${config.http.bindAddress.port}`;
    terminal.out(instructions(gate, upstream, users));
    await told;
  } finally {
    terminal.out('\nstopping; nothing of the trial is kept\n');
    await gateway.stop();
    await log.close();
  }
}

/** The defaults, through the same door as any configuration. */
function configFor(upstreamUrl: string, env: Readonly<Record<string, string>>): Config {
  const noFile = (path: string): never => {
    throw Object.assign(new Error(`ENOENT: no such file, "${path}"`), { code: 'ENOENT' });
  };
  const all = {
    ...env,
    KAPGATE_HTTP_SHUTDOWN_TIMEOUT: '1s',
    KAPGATE_UPSTREAM_URL: upstreamUrl,
    KAPGATE_ADMIN_BIND_ADDRESS: '',
  };
  try {
    return loadConfig({ readFile: noFile, env: all }).config;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    // Of all these only the URL is somebody else's.
    const problem = error.message.replace('in KAPGATE_UPSTREAM_URL', 'in --upstream');
    throw new CommandError(problem, EXIT.usage, { cause: error });
  }
}

function instructions(gate: string, upstream: Upstream, users: TrialUsers): string {
  return `
Kapgate listens on ${gate} before ${upstream.name} at ${upstream.url}.
Paste these:

${users.lines(gate)}
Each request leaves a line below. Ctrl-C ends it.

`;
}
