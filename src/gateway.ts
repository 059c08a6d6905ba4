import { readFileSync } from 'node:fs';
import { createAuthenticate } from './authenticate/authenticate.ts';
import type { Authenticate } from './authenticate/authenticate.ts';
import { createPasswords } from './authenticate/password.ts';
import type { Passwords } from './authenticate/password.ts';
import { createTokens } from './authenticate/token.ts';
import { createVerifiedPasswords } from './authenticate/verified.ts';
import { gateIsOpen, usesMetaNodes } from './config/config.ts';
import type { Config } from './config/config.ts';
import { messageOf } from './kernel/errors.ts';
import type { Handler } from './kernel/exchange.ts';
import type { Log } from './kernel/log.ts';
import { isUsersApi } from './kernel/routes.ts';
import { Secret } from './kernel/secret.ts';
import { createAdmission } from './listener/admission.ts';
import { readBody } from './listener/read-body.ts';
import { createRequestPath } from './listener/request-path.ts';
import type { Stages } from './listener/request-path.ts';
import { createListener } from './listener/server.ts';
import type { Listener } from './listener/server.ts';
import { createAccessLog } from './observe/access-log.ts';
import { createRefusalHints } from './observe/hints.ts';
import { createProxy } from './proxy/proxy.ts';
import type { Proxy } from './proxy/proxy.ts';
import { createUsersApi } from './users/api.ts';
import { createFirstAdmin } from './users/first-admin.ts';
import type { FirstAdmin } from './users/first-admin.ts';
import { openUserStore } from './users/store.ts';
import type { UserStore } from './users/store.ts';

export interface Gateway {
  /** Resolves with the port once requests are taken. @throws where the address cannot be listened on */
  start(): Promise<number>;
  /** Lets requests end, for as long as `shutdown-timeout` allows. */
  stop(): Promise<void>;
}

export interface Surroundings {
  readonly log: Log;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/**
 * The composition root: Config → parts → a gateway that is not yet listening. Only here are rooms wired together.
 * @throws where a part cannot be made: the user store, the upstream's CA file
 */
export function createGateway(config: Config, surroundings: Surroundings): Gateway {
  const { log, now } = surroundings;
  const { bcryptCost } = config.auth;
  const proxy = openProxy(config, now);
  const store = openUserStore({ path: config.store.path, minimumCost: bcryptCost, now });
  const passwords = createPasswords({ cost: bcryptCost });
  const usersApi = openUsersApi(config, store, passwords, log);
  const firstAdmin = openFirstAdmin(config, store, surroundings);
  const listener = openListener(config, surroundings, firstAdmin, {
    admit: createAdmission({
      isOpen: gateIsOpen(config),
      pingAuthEnabled: config.http.pingAuthEnabled,
      isBootstrap: firstAdmin.isBootstrap,
    }),
    authenticate: openAuthenticate(config, store, passwords, surroundings),
    route: (target) => (isUsersApi(target) ? usersApi : proxy.forward),
  });
  const { host, port } = config.http.bindAddress;
  return {
    start: () => listener.listen(host, port),
    stop: async () => {
      await listener.stop();
      await proxy.stop();
      await store.close();
    },
  };
}

function openListener(
  { http, limits }: Config,
  { log, now }: Surroundings,
  firstAdmin: FirstAdmin,
  stages: Stages,
): Listener {
  const hints = createRefusalHints(log, firstAdmin.advice, now);
  const accessLog = http.logEnabled ? createAccessLog(log) : undefined;
  return createListener({
    ...limits,
    shutdownTimeoutMs: http.shutdownTimeoutMs,
    https: http.httpsEnabled,
    now,
    requestPath: createRequestPath({
      stages,
      challenge: http.challenge,
      onFailure: (error, exchange) => {
        log.at(error.level, error.message, {
          code: error.code,
          'request-id': exchange.requestId,
          cause: error.cause === undefined ? undefined : messageOf(error.cause),
        });
      },
    }),
    onServerError: (error) => {
      log.error('a connection could not be taken', { cause: messageOf(error) });
    },
    onEnd: (exchange, status, bytes) => {
      accessLog?.(exchange, status, bytes, now());
      if (status === 401) hints.noteUnauthorized();
    },
  });
}

function openProxy({ upstream, limits }: Config, now: () => number): Proxy {
  return createProxy({
    ...upstream,
    origin: upstream.url,
    ca: upstream.ca === '' ? undefined : readCa(upstream.ca),
    clientIdleMs: limits.bodyIdleTimeoutMs,
    now,
  });
}

function readCa(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new Error(`cannot read [upstream] ca "${path}": ${messageOf(cause)}`, { cause });
  }
}

function openAuthenticate(
  { http, auth }: Config,
  directory: UserStore,
  passwords: Passwords,
  { log, now }: Surroundings,
): Authenticate {
  return createAuthenticate({
    directory,
    passwords,
    verified: createVerifiedPasswords({ matchedTtlMs: auth.cacheExpirationMs }),
    tokens: createTokens(http.sharedSecret, now),
    bcryptCost: auth.bcryptCost,
    onRenewalFailure: (name, error) => {
      log.warn('could not renew the hash of a user', { user: name, cause: messageOf(error) });
    },
  });
}

function openFirstAdmin(config: Config, store: UserStore, { log, now }: Surroundings): FirstAdmin {
  const { http, auth } = config;
  return createFirstAdmin({
    everHadAdmin: () => store.everHadAdmin(),
    isEnabled: auth.bootstrap && !usesMetaNodes(config),
    trustedProxies: http.trustedProxies.length,
    port: http.bindAddress.port,
    log,
    now,
  });
}

function openUsersApi(
  { limits }: Config,
  store: UserStore,
  passwords: Passwords,
  log: Log,
): Handler {
  const api = createUsersApi({
    store,
    hashPassword: (password) => passwords.hash(new Secret(password)),
    onChange: ({ actor, method, action, user }) => {
      log.info('users changed', { action, user, by: actor === '' ? '-' : actor, auth: method });
    },
  });
  const bodyLimits = { maxBytes: limits.maxUsersBody, timeoutMs: limits.bodyIdleTimeoutMs };
  return (identity, { method, path, query }, exchange) =>
    api.answer(identity, {
      method,
      path,
      query,
      readBody: () => readBody(exchange, bodyLimits),
    });
}
