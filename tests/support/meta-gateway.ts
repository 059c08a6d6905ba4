import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import type { MetaNode } from '../../src/commands/try/meta-stand-in.ts';
import { startGateway } from './gateway-process.ts';
import type { GatewayProcess } from './gateway-process.ts';

interface MetaGatewayOptions {
  /** A directory of the test's own. */
  readonly dir: string;
  readonly upstream: string;
  readonly nodes: readonly MetaNode[];
  /** Keys of `[auth]` over the ones written here, as TOML. */
  readonly auth?: Readonly<Record<string, string>>;
}

/** The built gateway with the users of meta nodes. Its own user there is `kapgate`; `admin` may do all. */
export function startMetaGateway(options: MetaGatewayOptions): Promise<GatewayProcess> {
  const { dir, upstream, nodes, auth = {} } = options;
  const settings = {
    // fetch keeps its connections.
    http: { 'shutdown-timeout': '"100ms"' },
    auth: {
      'meta-addr': JSON.stringify(nodes.map(({ address }) => address).join(',')),
      'meta-username': '"kapgate"',
      'meta-password': '"pw-kapgate"',
      'meta-admins': '["admin"]',
      ...auth,
    },
  };
  return startGateway({ dir, upstream, settings });
}

export interface Asked {
  readonly status: number;
  /** The `error` of its body, `""` where it has none. */
  readonly error: string;
  readonly retryAfter: string | null;
  readonly ms: number;
}

/** Asks the gateway as a user whose password is `pw-NAME` unless told otherwise. By default for the tasks. */
export async function askAs(
  gateway: { readonly port: number },
  name: string,
  { password = `pw-${name}`, method = 'GET', target = '/kapacitor/v1/tasks', body }: Request = {},
): Promise<Asked> {
  const started = performance.now();
  const credentials = Buffer.from(`${name}:${password}`).toString('base64');
  const response = await fetch(`http://127.0.0.1:${gateway.port}${target}`, {
    method,
    headers: { Authorization: `Basic ${credentials}` },
    ...(body === undefined ? {} : { body }),
  });
  const text = await response.text();
  return {
    status: response.status,
    error: errorOf(text),
    retryAfter: response.headers.get('retry-after'),
    ms: performance.now() - started,
  };
}

const PAUSE_MS = 700;

/** Asks again and again, seldom enough not to look like an attack, until the status is the wanted one. */
export async function askUntil(
  status: number,
  ask: () => Promise<Asked>,
  timeoutMs = 60_000,
): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const asked = await ask();
    if (asked.status === status) return;
    if (Date.now() > deadline) throw new Error(`no ${status}, but ${inspect(asked)}`);
    await sleep(PAUSE_MS);
  }
}

interface Request {
  readonly password?: string;
  readonly method?: string;
  readonly target?: string;
  readonly body?: string;
}

function errorOf(text: string): string {
  try {
    const document: unknown = JSON.parse(text);
    return typeof document === 'object' && document !== null && 'error' in document
      ? String(document.error)
      : '';
  } catch {
    return '';
  }
}
