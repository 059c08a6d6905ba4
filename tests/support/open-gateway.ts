import { join } from 'node:path';
import { loadConfig } from '../../src/config/load.ts';
import type { Config } from '../../src/config/config.ts';
import { createGateway } from '../../src/gateway.ts';
import type { Log } from '../../src/kernel/log.ts';
import type { LogFields } from '../../src/kernel/log-line.ts';
import { Secret } from '../../src/kernel/secret.ts';
import { openUserStore } from '../../src/users/store.ts';
import { hashCheaply } from '../users/hash.ts';
import { eventually } from './eventually.ts';
import { createTempDir } from './temp-dir.ts';

export interface LoggedLine {
  readonly level: string;
  readonly message: string;
  readonly fields: LogFields;
}

export interface OpenGateway {
  readonly port: number;
  readonly lines: readonly LoggedLine[];
  /** The access lines among them. */
  readonly accesses: readonly LogFields[];
  /** The same, once there are so many: a line is written when its answer was sent, which its reader may know earlier. */
  accessed(count: number): Promise<readonly LogFields[]>;
  readonly storePath: string;
  /** The secret of each subscription that was asked for. */
  readonly secrets: Readonly<Record<string, string>>;
  /** SIGHUP, with other variables over those that it was started with. */
  reload(env: Readonly<Record<string, string>>): Promise<void>;
  stop(): Promise<void>;
}

export interface OpenOptions {
  readonly upstream: string;
  /** `KAPGATE_…` variables. */
  readonly env?: Readonly<Record<string, string>>;
  /** Subscriptions by name, with the databases that each is limited to. */
  readonly subscriptions?: Readonly<Record<string, readonly string[]>>;
  readonly now?: () => number;
}

/** Name, permissions, and the password `pw-NAME`; the administrator is `admin`. */
export const USERS = [
  { name: 'admin', admin: true, permissions: [] },
  { name: 'ann', admin: false, permissions: ['api', 'write_points'] },
  { name: 'ben', admin: false, permissions: ['api'] },
  { name: 'reader', admin: false, permissions: ['api:read'] },
  { name: 'nobody', admin: false, permissions: ['none'] },
] as const;

/** `Authorization: Basic …` of one of USERS. */
export function as(name: (typeof USERS)[number]['name']): string {
  return `Authorization: Basic ${Buffer.from(`${name}:pw-${name}`).toString('base64')}`;
}

/** A gateway within this process, on a free port, with USERS in its store. */
export async function openGateway(options: OpenOptions): Promise<OpenGateway> {
  const dir = await createTempDir();
  const config = configFor(join(dir.path, 'store'), options);
  const secrets = await fillStore(config, options.subscriptions ?? {});
  const lines: LoggedLine[] = [];
  const gateway = await createGateway(config, {
    log: recordingLog(lines),
    now: options.now ?? Date.now,
  });
  const [door] = await gateway.start();
  const accesses = (): readonly LogFields[] =>
    lines.filter(({ message }) => message === 'http request').map(({ fields }) => fields);
  return {
    port: door?.port ?? 0,
    lines,
    get accesses() {
      return accesses();
    },
    accessed: async (count) => {
      await eventually(`${count} access lines`, () => accesses().length >= count);
      return accesses();
    },
    storePath: config.store.path,
    secrets,
    reload: (env) => {
      const changed = { ...options, env: { ...options.env, ...env } };
      return gateway.reload(configFor(config.store.path, changed));
    },
    stop: async () => {
      await gateway.stop();
      await dir.remove();
    },
  };
}

function configFor(storePath: string, { upstream, env }: OpenOptions): Config {
  const { config } = loadConfig({
    readFile: () => {
      throw Object.assign(new Error('ENOENT'), { code: 'ENOENT' });
    },
    env: {
      KAPGATE_ADMIN_BIND_ADDRESS: '',
      KAPGATE_AUTH_BCRYPT_COST: '4',
      KAPGATE_LIMITS_LOGIN_FAILURES: '0 per 1m',
      KAPGATE_HTTP_SHUTDOWN_TIMEOUT: '100ms',
      KAPGATE_UPSTREAM_URL: upstream,
      KAPGATE_STORE_PATH: storePath,
      ...env,
    },
  });
  return { ...config, http: { ...config.http, bindAddress: { host: '127.0.0.1', port: 0 } } };
}

async function fillStore(
  config: Config,
  subscriptions: Readonly<Record<string, readonly string[]>>,
): Promise<Record<string, string>> {
  const store = openUserStore({ path: config.store.path, minimumCost: 4 });
  for (const { name, admin, permissions } of USERS) {
    const hash = await hashCheaply(`pw-${name}`);
    await store.create({ name, admin, hash, permissions });
  }
  const secrets: Record<string, string> = {};
  for (const [name, databases] of Object.entries(subscriptions)) {
    const secret = await store.subscriptions.add(name, databases);
    if (secret instanceof Secret) secrets[name] = secret.reveal();
  }
  await store.close();
  return secrets;
}

export function recordingLog(lines: LoggedLine[]): Log {
  const at: Log['at'] = (level, message, fields = {}) => {
    lines.push({ level, message, fields });
  };
  return {
    at,
    debug: (message, fields) => at('debug', message, fields),
    info: (message, fields) => at('info', message, fields),
    warn: (message, fields) => at('warn', message, fields),
    error: (message, fields) => at('error', message, fields),
    reopen: () => undefined,
    close: () => Promise.resolve(),
  };
}
