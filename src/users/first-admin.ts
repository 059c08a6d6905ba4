import type { ClientRequest } from '../kernel/client-request.ts';
import { GatewayError } from '../kernel/errors.ts';
import type { Log } from '../kernel/log.ts';
import type { Target } from '../kernel/target.ts';
import { BOOTSTRAP_WINDOW_MS, judgeBootstrap } from './bootstrap.ts';

/** The way to the first admin, as long as there is none. */
export interface FirstAdmin {
  /** True for the one request that may make it without credentials. @throws GatewayError directory-unavailable */
  readonly isBootstrap: (request: ClientRequest, target: Target) => boolean;
  /** What the operator can do now; undefined where there is an admin, or nobody can say. */
  readonly advice: () => string | undefined;
}

interface Parts {
  /** @throws where the store cannot be read: that is never "no admin" */
  readonly everHadAdmin: () => boolean;
  /** `[auth] bootstrap`, and users are kept in the local store. */
  readonly isEnabled: boolean;
  readonly trustedProxies: number;
  /** Where the gateway listens. */
  readonly port: number;
  /** Milliseconds since 1970. */
  readonly startedMs: number;
  readonly log: Log;
  readonly now: () => number;
}

export function createFirstAdmin(parts: Parts): FirstAdmin {
  const { log, now, startedMs } = parts;
  const elapsedMs = (): number => now() - startedMs;
  return {
    isBootstrap: (request, target) => {
      if (target.method !== 'POST' || target.path !== USERS || hadAdmin(parts)) return false;
      const judgement = judgeBootstrap(describe(request, target), {
        enabled: parts.isEnabled,
        everHadAdmin: false,
        elapsedMs: elapsedMs(),
        trustedProxies: parts.trustedProxies,
      });
      if (judgement.kind === 'open') return true;
      log.warn('a request to make the first admin was refused', { why: judgement.why });
      return false;
    },
    advice: () => {
      if (!isKnownToLackAdmin(parts)) return undefined;
      const isOpen = parts.isEnabled && elapsedMs() < BOOTSTRAP_WINDOW_MS;
      return isOpen ? `${BY_COMMAND}; or ${byCurl(parts.port)}` : BY_COMMAND;
    },
  };
}

const USERS = '/kapacitor/v1/users';

const BY_COMMAND = 'make one with: kapgate users add NAME --admin';

function byCurl(port: number): string {
  return (
    'within 15 minutes of the start, on this host: ' +
    `curl -XPOST http://localhost:${port}${USERS} -d '{"name":"NAME","password":"PASSWORD","type":"admin"}'`
  );
}

function describe(
  request: ClientRequest,
  { method, path, query }: Target,
): Parameters<typeof judgeBootstrap>[0] {
  return {
    ...{ method, path, query },
    peer: request.socket.remoteAddress,
    host: request.headers.host,
    headerNames: request.rawHeaders.filter((_, index) => index % 2 === 0),
  };
}

function hadAdmin({ everHadAdmin }: Parts): boolean {
  try {
    return everHadAdmin();
  } catch (cause) {
    throw new GatewayError('directory-unavailable', { cause });
  }
}

function isKnownToLackAdmin({ everHadAdmin }: Parts): boolean {
  try {
    return !everHadAdmin();
  } catch {
    return false;
  }
}
